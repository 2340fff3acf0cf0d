"""Names: conflicts, unusual ones, old holders."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import HEAD, Backend, MakeBackend, python, submit, tasks, wait_until, with_settings


def test_allow_replaces_rename_numbers_and_forbid_refuses(backend: Backend) -> None:
    first = backend.json("create", "sleep 1000", "-n", "a", "-c", "0")["tasks"][0]["id"]
    for taken in ("forbid", None):
        option = ["--override-exist-tasks", taken] if taken else []
        refused = backend.meow("create", "sleep 1000", "-n", "a", "-c", "0", *option, check=2)
        assert "`a`" in refused.stderr and "hint" in refused.stderr
    renamed = [
        backend.json("create", "sleep 1000", "-n", "a", "-c", "0", "--name-conflict", "rename")
        for _ in range(2)
    ]
    assert [r["tasks"][0]["fullname"] for r in renamed] == ["a_1", "a_2"]
    new = backend.json("create", "sleep 1000", "-n", "a", "-c", "0", "--on-conflict", "allow")
    assert new["tasks"][0]["fullname"] == "a" and new["tasks"][0]["id"] != first
    wait_until(lambda: backend.status(f"a#{first}") == "Cancelled", "the old one is cancelled")
    assert backend.task(f"a#{first}")["task"]["reason"]["kind"] == "replaced"
    wait_until(lambda: backend.status("a") == "Running", "the new one runs")
    assert backend.task("a")["task"]["id"] == new["tasks"][0]["id"]


def test_the_replaced_task_has_ended_before_its_heir_starts(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "a", "-c", "4")
    backend.meow("create", "true", "-n", "a", "-c", "4", "--name-conflict", "allow")
    backend.meow("wait")
    everything = tasks(backend)
    assert everything["a"]["status"] == "Done" and everything["a#1"]["status"] == "Cancelled"
    assert everything["a"]["started"] >= everything["a#1"]["ended"]


@pytest.mark.parametrize("policy", ["allow", "rename", "forbid"])
def test_the_settings_file_decides_about_names(
    make_backend: MakeBackend, tmp_path: Path, policy: str
) -> None:
    backend = with_settings(make_backend, tmp_path, f'override-exist-tasks = "{policy}"\n')
    backend.meow("create", "sleep 1000", "-n", "a", "-c", "0")
    again = backend.meow("create", "sleep 1000", "-n", "a", "-c", "0", check=None)
    assert again.returncode == (2 if policy == "forbid" else 0)
    shown = set(tasks(backend))
    assert shown == {"allow": {"a#1", "a"}, "rename": {"a", "a_1"}, "forbid": {"a"}}[policy]


def test_a_submission_with_one_taken_name_leaves_nothing_of_it(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "taken", "-g", "g", "-c", "0")
    body = 'cattino.export(TaskGroup([quick("free"), quick("taken")], group_name="g"))'
    refused = submit(backend, body, check=2)
    assert "g/taken" in refused.stderr
    assert set(tasks(backend)) == {"g/taken"}


def test_every_old_holder_of_a_name_is_found_by_its_id(backend: Backend) -> None:
    ids = []
    for code in (0, 3, 0):
        ids.append(
            backend.json("create", f"echo {code}; exit {code}", "-n", "t", "-c", "0")["tasks"][0]["id"]
        )
        backend.meow("wait", "t", check=None)
    assert [backend.status(f"t#{i}") for i in ids] == ["Done", "Failed", "Done"]
    assert backend.task("t")["task"]["id"] == ids[-1]
    assert backend.task(f"#{ids[1]}")["task"]["id"] == ids[1]
    assert set(tasks(backend)) == {f"t#{ids[0]}", f"t#{ids[1]}", "t"}
    backend.meow("show", "t#9999", check=2)


@pytest.mark.parametrize(
    "name",
    [
        "模型-é🐈",
        "with space",
        "-x",
        "x" * 255,
        "a/b/c",
        "lr=0.1,model=a",
        "${task_name}",
        "%41%2F",
        "a'b\"c",
    ],
)
def test_unusual_names_work_everywhere(backend: Backend, name: str) -> None:
    backend.meow("create", 'printf %s "$CATTINO_TASK_NAME"', f"--name={name}", "-c", "0")
    backend.meow("wait")
    task = tasks(backend)[name]
    assert task["status"] == "Done"
    assert Path(task["stdout"]).parent == Path(task["run_dir"]) / name
    assert Path(task["stdout"]).read_text() == name
    if not name.startswith("-"):
        assert backend.task(name)["task"]["id"] == task["id"]
        assert backend.meow("remove", name).returncode == 0


@pytest.mark.parametrize(
    "name", ["..", ".", "a/../b", "/a", "a//b", "a/", "x" * 256, "a\nb", "a\x7fb", "a#3", "#3"]
)
def test_names_that_are_no_path_are_refused(backend: Backend, name: str) -> None:
    refused = backend.meow("create", "true", f"--name={name}", "-c", "0", check=2)
    assert refused.stderr.startswith("error: ")
    assert tasks(backend) == {}


def test_the_same_task_names_in_different_groups_are_different_tasks(backend: Backend) -> None:
    submit(
        backend,
        """
        def inner(name): return TaskGroup([quick("a", "printf ${fullname}"), quick("b")], group_name=name)
        x = TaskGroup([inner("x"), inner("y")], group_name="x")
        cattino.export(TaskGroup([x, inner("y")], group_name="x"))
        """,
    )
    backend.meow("wait")
    expected = {f"x/{g}/{t}" for g in ("x/x", "x/y", "y") for t in "ab"}
    found = tasks(backend)
    assert set(found) == expected
    for name in ("x/x/x/a", "x/x/y/a", "x/y/a"):
        assert Path(found[name]["stdout"]).read_text() == name
    assert len(backend.json("show", "x/x")["tasks"]) == 4
    assert backend.json("show", "x")["group"]["counts"] == {"Done": 6}


def test_groups_hear_the_verbs_after_export_whatever_their_kind(backend: Backend) -> None:
    """By plain Python: a group with and without a name, of groups, of a graph, of many, of renamed tasks."""
    backend.write("task.py", HEAD + GROUPS)
    done = python(backend, "task.py", check=None)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *("named Cancelled", "default Cancelled", "nested Cancelled", "graph Cancelled"),
        "many Cancelled",
        "renamed Cancelled Waiting",
        *("named Done", "nested Done", "graph Done"),
    ]


GROUPS = """
cattino.settings.override_exist_tasks = "rename"

def sleeps(name=None):
    return ProcTask("test -e repaired || exec sleep 1000", task_name=name, min_devices=0, cpus=8)

def graph(*tasks):
    made = TaskGraph()
    made.add_edges_from([tasks])
    return made

first = {
    "named": TaskGroup([sleeps("a"), sleeps("b")], group_name="g"),
    "default": TaskGroup([sleeps(), sleeps()]),
    "nested": TaskGroup([sleeps("a"), TaskGroup([sleeps(), TaskGroup([sleeps()])])]),
    "graph": TaskGroup(execute_strategy=graph(sleeps("u"), sleeps("v"))),
}
for name, group in first.items():
    cattino.export(group)
    group.cancel()
    print(name, group.wait())
many = TaskGroup([quick(f"t{i}", held=True) for i in range(2500)])
cattino.export(many)
many.cancel()
print("many", many.wait(timeout=50))
held = [TaskGroup([quick("t", held=True)], group_name="same") for _ in "12"]
for group in held:
    cattino.export(group)
held[1].cancel()
print("renamed", held[1].wait(), held[0].status)
held[0].cancel()
open("repaired", "w").close()
for name in ("named", "nested", "graph"):
    first[name].resume()
    print(name, first[name].wait())
"""
