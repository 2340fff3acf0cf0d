"""More of the contract, one promise a test: names, order, requests, environment, verbs, restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import ROOT, Backend, alive, wait_until

HEAD = """
import os, sys
import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup

def quick(name, command="true", **more):
    more.setdefault("min_devices", 0)
    return ProcTask(command, task_name=name, **more)

def line(*tasks):
    return TaskGroup(list(tasks), execute_strategy="sequential", group_name="g")
"""

MakeBackend = Callable[..., Backend]


def submit(backend: Backend, body: str, *arguments: str, check: int = 0) -> Any:
    """Runs `meow create` on a script of HEAD and `body`; the answer as JSON."""
    backend.write("task.py", HEAD + textwrap.dedent(body))
    done = backend.meow("create", "--json", "task.py", *arguments, check=check)
    return json.loads(done.stdout) if check == 0 else done


def tasks(backend: Backend) -> dict[str, dict[str, Any]]:
    """Every task by the name shown."""
    return {t["shown"]: t for t in backend.json("list", "--all")["tasks"]}


def statuses(backend: Backend) -> dict[str, str]:
    return {name: str(task["status"]) for name, task in tasks(backend).items()}


def out(backend: Backend, name: str) -> str:
    return Path(backend.task(name)["task"]["stdout"]).read_text()


def err(backend: Backend, name: str) -> str:
    return Path(backend.task(name)["task"]["stderr"]).read_text()


def gate(backend: Backend, name: str) -> str:
    """Makes a fifo; the command returned ends when `open_gate` is called."""
    os.mkfifo(backend.work / name)
    return f"read line < {backend.work / name}"


def open_gate(backend: Backend, name: str) -> None:
    def opened() -> bool:
        try:
            descriptor = os.open(backend.work / name, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        os.write(descriptor, b"go\n")
        os.close(descriptor)
        return True

    wait_until(opened, f"somebody waits at the gate {name}")


def with_settings(make_backend: MakeBackend, tmp_path: Path, text: str, **environment: str) -> Backend:
    settings = tmp_path / "config" / "cattino" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    environment = {"CATTINO_DEVICES": "4x24GiB", "CATTINO_CPUS": "8", **environment}
    return make_backend(XDG_CONFIG_HOME=str(tmp_path / "config"), **environment)


# ---- names ----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["..", ".", "a/../b", "/a", "a//b", "a/", "x" * 256, "a\nb", "a\x7fb"])
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


# ---- groups and graphs ----------------------------------------------------------------------------


def test_groups_stand_in_sequences_and_graphs(backend: Backend) -> None:
    submit(
        backend,
        """
        def pair(name): return TaskGroup([quick("a"), quick("b")], group_name=name)
        one, two, three = pair("one"), pair("two"), pair("three")
        line = TaskGroup([one, quick("middle"), two], execute_strategy="sequential", group_name="line")
        graph = TaskGraph(); graph.add_tasks_from([line, three]); graph.add_edge(line, three)
        cattino.export(TaskGroup(line, execute_strategy=graph, group_name="top"))
        """,
    )
    backend.meow("wait")
    found = tasks(backend)
    assert len(found) == 7 and {t["status"] for t in found.values()} == {"Done"}

    def span(prefix: str) -> tuple[int, int]:
        group = [t for name, t in found.items() if name.startswith(prefix)]
        return min(t["started"] for t in group), max(t["ended"] for t in group)

    order = [span(p) for p in ("top/line/one/", "top/line/middle", "top/line/two/", "top/three/")]
    for before, after in zip(order, order[1:]):
        assert before[1] <= after[0]
    assert backend.task("top/three/a")["needs"] == ["top/line"]


def test_a_group_behind_a_failed_group_is_cancelled_whole_and_comes_back(backend: Backend) -> None:
    submit(
        backend,
        """
        one = TaskGroup([quick("good"), quick("bad", "test -e mended")], group_name="one")
        two = TaskGroup([quick("a"), quick("b")], group_name="two")
        cattino.export(TaskGroup([one, two, quick("last")], execute_strategy="sequential", group_name="g"))
        """,
    )
    backend.meow("wait", check=None)
    assert statuses(backend) == {
        "g/one/good": "Done",
        "g/one/bad": "Failed",
        "g/two/a": "Cancelled",
        "g/two/b": "Cancelled",
        "g/last": "Cancelled",
    }
    assert backend.json("show", "g")["group"]["status"] == "MultiStatus"
    backend.write("mended", "")
    backend.meow("resume", "g/one/bad")
    backend.meow("wait", "g")
    assert set(statuses(backend).values()) == {"Done"}
    assert backend.task("g/one/good")["task"]["attempt"] == 1


def test_reasons_follow_a_failure_down_the_graph(backend: Backend) -> None:
    submit(
        backend,
        """
        a, b, c, d = quick("a", "exit 3"), quick("b"), quick("c"), quick("d")
        cattino.export(TaskGroup([a, b, c, d], execute_strategy="sequential", group_name="g"))
        """,
    )
    assert backend.meow("wait", "g", check=None).returncode == 1
    found = tasks(backend)
    assert [found[f"g/{n}"]["status"] for n in "abcd"] == ["Failed"] + ["Cancelled"] * 3
    assert found["g/b"]["reason"]["kind"] == "dependency"
    assert "g/a failed" in found["g/b"]["reason"]["text"]
    for name in ("g/c", "g/d"):
        text = found[name]["reason"]["text"]
        assert "dependency" in text and "g/a" in text and "3" in text
    assert backend.meow("wait", "g/b", "g/c", check=None).returncode == 4


def test_edges_any_and_fail(backend: Backend) -> None:
    submit(
        backend,
        """
        bad, good = quick("bad", "exit 1"), quick("good")
        graph = TaskGraph()
        for source in (bad, good):
            for when in ("ok", "any", "fail"):
                graph.add_edge(source, quick(f"{source.name}-{when}"), when=when)
        cattino.export(graph)
        """,
    )
    backend.meow("wait", check=None)
    assert statuses(backend) == {
        "bad": "Failed",
        "bad-ok": "Cancelled",
        "bad-any": "Done",
        "bad-fail": "Done",
        "good": "Done",
        "good-ok": "Done",
        "good-any": "Done",
        "good-fail": "Cancelled",
    }
    assert "good" in backend.task("good-fail")["task"]["reason"]["text"]


def test_without_cascade_the_dependent_waits_and_wait_says_stuck(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, "cascade-cancel-on-failure = false\n")
    body = 'cattino.export(line(quick("a", "test -e ok"), quick("b")))'
    submit(backend, body)
    stuck = backend.meow("wait", "--json", check=6)
    assert [t["fullname"] for t in json.loads(stuck.stdout)["stuck"]] == ["g/b"]
    waiting = backend.task("g/b")["task"]
    assert waiting["status"] == "Waiting" and "g/a failed" in waiting["reason"]["text"]
    backend.write("ok", "")
    backend.meow("resume", "g/a")
    backend.meow("wait", "g")
    assert statuses(backend) == {"g/a": "Done", "g/b": "Done"}


# ---- what runs next -------------------------------------------------------------------------------


def test_priority_then_creation_decide(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    backend.meow("create", gate(backend, "gate"), "-n", "holder")
    for name, priority in (("n1", 0), ("low", -5), ("h1", 7), ("n2", 0), ("h2", 7), ("top", 100)):
        backend.meow("create", "true", "-n", name, "-p", str(priority))
    assert set(statuses(backend).values()) == {"Running", "Waiting"}
    open_gate(backend, "gate")
    backend.meow("wait")
    found = sorted(tasks(backend).values(), key=lambda t: (t["started"], t["ended"]))
    assert [t["name"] for t in found] == ["holder", "top", "h1", "h2", "n1", "n2", "low"]


def test_small_tasks_pass_one_that_does_not_fit(backend: Backend) -> None:
    backend.meow("create", gate(backend, "gate"), "-n", "holder", "-c", "2")
    backend.meow("create", "true", "-n", "big", "-c", "4", "-p", "10")
    backend.meow("create", "true", "-n", "small", "-c", "2")
    backend.meow("wait", "small")
    assert backend.status("big") == "Waiting"
    open_gate(backend, "gate")
    backend.meow("wait")
    assert backend.task("big")["task"]["devices"] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]


def test_cores_are_admitted_and_fractions_count(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="2")
    for number in range(3):
        command = gate(backend, f"gate{number}")
        backend.meow(
            "create", command, "-n", f"t{number}", "-c", "0", "--cpus", "1.5" if number == 0 else "0.5"
        )
    found = statuses(backend)
    assert found == {"t0": "Running", "t1": "Running", "t2": "Waiting"}
    assert "core" in backend.task("t2")["task"]["reason"]["text"]
    open_gate(backend, "gate1")
    wait_until(lambda: backend.status("t2") == "Running", "the third runs in the place of the second")
    open_gate(backend, "gate0")
    open_gate(backend, "gate2")
    backend.meow("wait")


def test_a_task_with_a_device_needs_no_core_and_one_without_needs_one(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="1")
    for name in ("d1", "d2"):
        backend.meow("create", "sleep 1000", "-n", name)
    for name in ("c1", "c2"):
        backend.meow("create", "sleep 1000", "-n", name, "-c", "0")
    assert statuses(backend) == {"d1": "Running", "d2": "Running", "c1": "Running", "c2": "Waiting"}


@pytest.mark.parametrize("share", ["0.5", "50%", "12GiB", "12288"])
def test_two_halves_fill_a_device(make_backend: MakeBackend, share: str) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    for name in ("a", "b", "c"):
        backend.meow("create", "sleep 1000", "-n", name, "-M", share)
    assert statuses(backend) == {"a": "Running", "b": "Running", "c": "Waiting"}
    device = backend.json("devices")["devices"][0]
    assert device["free"] == 0 and device["tasks"] == ["a", "b"]
    backend.meow("cancel", "a", "-w")
    wait_until(lambda: backend.status("c") == "Running", "the third takes the half that is free")


def test_share_in_python(backend: Backend) -> None:
    submit(
        backend,
        """
        def one(i): return quick(f"t{i}", "sleep 1000", min_devices=2, requires_memory_per_device=0.5)
        cattino.export(TaskGroup([one(i) for i in range(5)], group_name="g"))
        """,
    )
    assert sorted(statuses(backend).values()) == ["Running"] * 4 + ["Waiting"]


def test_whole_devices_are_alone(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    backend.meow("create", gate(backend, "one"), "-n", "sharing", "-M", "1")
    backend.meow("create", gate(backend, "two"), "-n", "whole")
    backend.meow("create", gate(backend, "three"), "-n", "zero", "-M", "0", "-p", "-1")
    assert statuses(backend) == {"sharing": "Running", "whole": "Waiting", "zero": "Waiting"}
    open_gate(backend, "one")
    wait_until(lambda: backend.status("whole") == "Running", "the device is idle")
    backend.meow("create", "true", "-n", "late", "-M", "1", "-p", "-2")
    assert backend.status("late") == "Waiting"
    assert "whole" in backend.task("late")["task"]["reason"]["text"]
    open_gate(backend, "two")
    open_gate(backend, "three")
    backend.meow("wait")
    assert set(statuses(backend).values()) == {"Done"}


def test_running_tasks_never_see_the_same_whole_device(backend: Backend) -> None:
    submit(
        backend,
        """
        script = "echo start $CUDA_VISIBLE_DEVICES >> log; echo end $CUDA_VISIBLE_DEVICES >> log"
        many = [ProcTask(script, task_name=f"t{i}", min_devices=1 + i % 3) for i in range(40)]
        cattino.export(TaskGroup(many, group_name="g"))
        """,
    )
    backend.meow("wait")
    held: set[str] = set()
    lines = (backend.work / "log").read_text().splitlines()
    assert len(lines) == 80
    for line in lines:
        word, devices = line.split()
        mine = set(devices.split(","))
        if word == "start":
            assert not held & mine
            held |= mine
        else:
            held -= mine


def test_devices_are_hidden_from_tasks_that_ask_for_none(backend: Backend) -> None:
    backend.meow("create", "printf '<%s>' \"${CUDA_VISIBLE_DEVICES-unset}\"", "-n", "none", "-c", "0")
    backend.meow("create", "printf '<%s>' $CUDA_VISIBLE_DEVICES", "-n", "two", "-c", "2")
    backend.meow(
        "create", "printf '<%s>' $CUDA_VISIBLE_DEVICES", "-n", "own", "-e", "CUDA_VISIBLE_DEVICES=3,2"
    )
    backend.meow("wait")
    assert out(backend, "none") in ("<>", "<-1>")
    assert re.fullmatch(r"<\d,\d>", out(backend, "two"))
    assert re.fullmatch(r"<\d>", out(backend, "own"))


@pytest.mark.xfail(
    strict=True,
    reason="the refusal names the largest device but not the number asked for, and says not what to do",
)
def test_memory_that_never_fits_is_refused_with_both_numbers_and_a_hint(backend: Backend) -> None:
    refused = backend.meow("create", "true", "-M", "30GiB", check=2)
    assert "24576" in refused.stderr and "30720" in refused.stderr
    assert "hint" in refused.stderr


@pytest.mark.parametrize("request_", [["-M", "30GiB"], ["--cpus", "9"], ["-c", "5"], ["--ram", "900TiB"]])
def test_requests_beyond_the_machine_are_refused(backend: Backend, request_: list[str]) -> None:
    refused = backend.meow("create", "true", *request_, check=2)
    assert "tasks[0].request" in refused.stderr or "where" in refused.stderr
    assert tasks(backend) == {}


# ---- environment, directories, logs ---------------------------------------------------------------


def test_directory_environment_umask_and_limits_are_the_submitters(backend: Backend) -> None:
    (backend.work / "deep dir").mkdir()
    command = (
        "cd '%s' && umask 027 && ulimit -Sn 333 && ulimit -Sc 0 && MINE='a b' OTHER=1 meow create "
        "'pwd; umask; ulimit -Sn; echo \"$MINE/$OTHER\"; : > made; stat -c %%a made' "
        "-n t -c 0 -e OTHER=2 -e NEW=3"
    ) % (backend.work / "deep dir")
    subprocess.run(["bash", "-c", command], env=backend.environment, check=True, timeout=60)
    backend.meow("wait", "t")
    assert out(backend, "t").splitlines() == [str(backend.work / "deep dir"), "0027", "333", "a b/2", "640"]


def test_directory_and_env_of_python_tasks(backend: Backend) -> None:
    submit(
        backend,
        """
        os.environ["FROM_SCRIPT"] = "yes"
        cattino.export(quick("t", "echo $FROM_SCRIPT $ADDED $HOME", env={"ADDED": "1", "HOME": "/elsewhere"}))
        """,
    )
    backend.meow("wait")
    assert out(backend, "t").split()[-2:] == ["1", "/elsewhere"]


def test_variables_that_every_task_sees(backend: Backend) -> None:
    backend.meow("create", "env -0", "-n", "t", "-g", "g", "-M", "1000")
    backend.meow("wait")
    seen = dict(pair.split("=", 1) for pair in out(backend, "g/t").split("\0") if pair)
    task = backend.task("g/t")["task"]
    assert seen["CATTINO_TASK_NAME"] in ("t", "g/t") and seen["CATTINO_ATTEMPT"] == "1"
    assert seen["CATTINO_TASK_HOME"] == task["directory"] == str(Path(task["stdout"]).parent)
    assert seen["PYTHONUNBUFFERED"] == "1" and seen["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert seen["MASTER_ADDR"] == "127.0.0.1" and 1024 <= int(seen["MASTER_PORT"]) < 65536
    assert seen["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false" and seen["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "CUDA_VISIBLE_DEVICES" in seen


def test_what_is_set_already_is_left_alone(backend: Backend) -> None:
    backend.meow(
        "create",
        "env -0",
        "-n",
        "t",
        "-e",
        "MASTER_PORT=7",
        environment={"PYTHONUNBUFFERED": "0", "MASTER_ADDR": "example.org"},
    )
    backend.meow("wait")
    seen = dict(pair.split("=", 1) for pair in out(backend, "t").split("\0") if pair)
    assert seen["MASTER_PORT"] == "7" and seen["PYTHONUNBUFFERED"] == "0"
    assert seen["MASTER_ADDR"] == "example.org"
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in seen  # a whole device is not shared


@pytest.mark.parametrize(
    "devices",
    [
        pytest.param(0, marks=pytest.mark.xfail(strict=True, reason="no MASTER_PORT without a device")),
        1,
    ],
)
def test_ports_of_tasks_that_run_together_are_distinct(backend: Backend, devices: int) -> None:
    submit(
        backend,
        f"""
        def one(i): return quick(f"t{{i}}", "echo $MASTER_PORT; exec sleep 1000", cpus=0.1,
                                 min_devices={devices}, requires_memory_per_device=1)
        cattino.export(TaskGroup([one(i) for i in range(20)], group_name="g"))
        """,
    )
    paths = [Path(t["stdout"]) for t in tasks(backend).values()]
    wait_until(lambda: all(p.exists() and p.read_text() for p in paths), "all have printed")
    assert len({p.read_text() for p in paths}) == 20


def test_secrets_are_masked_in_output_only(backend: Backend) -> None:
    backend.meow("create", "printf $WANDB_API_KEY", "-n", "t", "-e", "WANDB_API_KEY=hunter2hunter2")
    backend.meow("wait")
    assert out(backend, "t") == "hunter2hunter2"
    assert "hunter2" not in backend.meow("show", "t", "--json").stdout + backend.meow("show", "t").stdout


def test_standard_input_is_empty(backend: Backend) -> None:
    backend.meow("create", "readlink /proc/self/fd/0", "-n", "link", "-c", "0")
    backend.meow("create", "cat; echo end", "-n", "cat", "-c", "0")
    backend.meow("wait")
    assert out(backend, "link") == "/dev/null\n" and out(backend, "cat") == "end\n"


def test_no_descriptor_leaks_into_a_task(backend: Backend) -> None:
    backend.meow(
        "create", f"{sys.executable} -c \"import os; print(sorted(os.listdir('/proc/self/fd')))\"", "-n", "t"
    )
    backend.meow("wait")
    assert out(backend, "t").strip() in ("['0', '1', '2', '3']", "['0', '1', '2']")


COMMANDS = [
    ("printf %s a\\ b", "a b"),
    ("printf '%s|' \"a b\" 'c;d' ''", "a b|c;d||"),
    ("printf %s ${task_name}", "t"),
    ("printf %s '${fullname}'", "g/t"),
    ("printf %s ${task_name}; printf %s ${HOME:+home}", "thome"),
    ("echo one two | tr a-z A-Z", "ONE TWO\n"),
    ("printf %s $((1+2))", "3"),
    ('X=5; printf %s "$X"', "5"),
    ("X=5 printenv X", "5\n"),
    ("printf %s $UNSET-x", "-x"),
    ("printf %s {a,b}", "ab"),
    ("printf %s ~", os.path.expanduser("~")),
    ("printf %s file?", "file1"),
    ("true && printf yes || printf no", "yes"),
    ("! true || printf %s x", "x"),
    ("printf %s '$HOME'", "$HOME"),
    ("printf %s a#b", "a#b"),
    ("cd / && pwd", "/\n"),
    ("exit 0", ""),
    ("printf '%s\\n' \"multi\nline\"", "multi\nline\n"),
    ("for i in 1 2; do printf $i; done", "12"),
    ("export A=1; printf $A", "1"),
]


def test_commands_mean_what_a_shell_would_make_of_them(backend: Backend) -> None:
    backend.write("file1", "")
    body = f"""
    for number, command in enumerate({[c for c, _ in COMMANDS]!r}):
        group = "g" if number == 3 else f"g{{number}}"
        cattino.export(TaskGroup([quick("t", command, cpus=0.1)], group_name=group))
    """
    submit(backend, body)
    backend.meow("wait", check=None)
    found = tasks(backend)
    wrong = {}
    for number, (command, expected) in enumerate(COMMANDS):
        task = found["g/t" if number == 3 else f"g{number}/t"]
        text = Path(task["stdout"]).read_text() if task["stdout"] else None
        if task["status"] != "Done" or text != expected:
            wrong[command] = (text, task["status"], task["exit"])
    assert wrong == {}


def test_a_list_is_an_argv_and_is_not_interpreted(backend: Backend) -> None:
    submit(
        backend,
        'cattino.export(quick("t", ["printf", "%s|", "$HOME", "a b", "*", ";", "${task_name}", "${x}"]))',
    )
    backend.meow("wait")
    assert out(backend, "t") == "$HOME|a b|*|;|t|${x}|"


def test_the_own_directory_of_a_task_is_a_magic(backend: Backend) -> None:
    backend.meow("create", "printf '%s\\n' ${run_dir} ${fullpath} > ${fullpath}/mine", "-n", "t", "-g", "g")
    backend.meow("wait")
    task = backend.task("g/t")["task"]
    mine = Path(task["directory"]) / "mine"
    assert mine.read_text().splitlines() == [task["run_dir"], task["directory"]]


def test_a_failure_in_a_pipe_is_a_failure(backend: Backend) -> None:
    backend.meow("create", "false | cat", "-n", "t", "-c", "0")
    assert backend.meow("wait", "t", check=None).returncode == 1


@pytest.mark.parametrize(
    "command", ["no-such-program --x", "/no/such/program", "./a-directory", "./not-executable"]
)
def test_a_command_that_cannot_start_says_at_which_stage(backend: Backend, command: str) -> None:
    (backend.work / "a-directory").mkdir()
    backend.write("not-executable", "x")
    backend.meow("create", command, "-n", "t")
    assert backend.meow("wait", "t", check=None).returncode == 1
    task = backend.task("t")["task"]
    assert task["status"] == "Failed" and task["exit"]["errno"] > 0 and task["exit"]["stage"]
    assert "never started" in task["reason"]["text"]
    assert command.split()[0].lstrip("./") in err(backend, "t")
    assert all(device["tasks"] == [] for device in backend.json("devices")["devices"])


def test_a_working_directory_that_vanished_is_named(backend: Backend) -> None:
    backend.meow("create", gate(backend, "gate"), "-n", "holder", "-c", "4")
    gone = backend.work / "gone"
    gone.mkdir()
    backend.meow("create", "true", "-n", "t", cwd=gone)
    gone.rmdir()
    open_gate(backend, "gate")
    assert backend.meow("wait", "t", check=None).returncode == 1
    task = backend.task("t")["task"]
    assert task["status"] == "Failed" and "directory" in task["exit"]["stage"] + task["exit"]["text"]
    assert "directory" in err(backend, "t")
    gone.mkdir()
    backend.meow("resume", "t")
    backend.meow("wait", "t")


def test_one_submission_is_one_directory(backend: Backend) -> None:
    first = submit(backend, 'cattino.export(TaskGroup([quick("a"), quick("b")], group_name="g"))')
    second = backend.json("create", "true", "-n", "c", "-c", "0")
    backend.meow("wait")
    assert first["run_dir"] != second["run_dir"]
    for answer in (first, second):
        day, time = Path(answer["run_dir"]).relative_to(backend.home).parts
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", day) and re.fullmatch(r"\d\d-\d\d-\d\d(-\d+)?", time)
    for name in ("g/a", "g/b"):
        assert (Path(first["run_dir"]) / name / "stdout.log").exists()
        assert (Path(first["run_dir"]) / name / "stderr.log").exists()


def test_the_layout_of_directories_can_be_changed(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_DIR_FORMAT="runs/%Y")
    runs = [backend.json("create", "true", "-n", f"t{i}", "-c", "0")["run_dir"] for i in range(3)]
    backend.meow("wait")
    assert len(set(runs)) == 3
    assert all(re.fullmatch(r"runs/\d{4}(-\d+)?", str(Path(r).relative_to(backend.home))) for r in runs)


def test_a_resumed_task_keeps_the_logs_of_every_attempt(backend: Backend) -> None:
    backend.meow("create", "echo $CATTINO_ATTEMPT; echo e$CATTINO_ATTEMPT >&2; exit 3", "-n", "t", "-c", "0")
    for _ in range(2):
        backend.meow("wait", "t", check=1)
        backend.meow("resume", "t")
    backend.meow("wait", "t", check=1)
    attempts = backend.task("t")["attempts"]
    assert [Path(a["stdout"]).name for a in attempts] == ["stdout.log", "stdout.2.log", "stdout.3.log"]
    assert [Path(a["stdout"]).read_text() for a in attempts] == ["1\n", "2\n", "3\n"]
    assert [Path(a["stderr"]).read_text() for a in attempts] == ["e1\n", "e2\n", "e3\n"]
    assert [a["status"]["code"] for a in attempts] == [3, 3, 3]


def test_exit_and_retry_from_python(backend: Backend) -> None:
    backend.write(
        "again.py",
        "import os, cattino\nif os.environ['CATTINO_ATTEMPT'] == '1':\n"
        "    cattino.exit_and_retry()\nprint('second')\n",
    )
    environment = {"PYTHONPATH": str(ROOT / "python")}
    backend.meow("create", f"{sys.executable} again.py", "-n", "t", "-c", "0", environment=environment)
    backend.meow("wait", "t")
    assert [a["status"]["code"] for a in backend.task("t")["attempts"]] == [100, 0]
    assert out(backend, "t") == "second\n"


def test_a_task_that_waits_for_its_retry_says_so_and_can_be_cancelled(backend: Backend) -> None:
    backend.meow("create", "exit 100", "-n", "t", "-c", "0")
    wait_until(
        lambda: len(backend.task("t")["attempts"]) >= 2 and backend.status("t") == "Waiting", "a retry is due"
    )
    task = backend.task("t")["task"]
    assert task["status"] == "Waiting" and task["reason"]["text"]
    backend.meow("cancel", "t")
    assert backend.status("t") == "Cancelled"
    assert backend.meow("wait", "t", check=None).returncode == 4


# ---- verbs ----------------------------------------------------------------------------------------

STATUSES = ("Waiting", "Running", "Done", "Failed", "Cancelled")

# verb → status → the status it ends in; None: it is not changed
EFFECTS = {
    "cancel": {"Waiting": "Cancelled", "Running": "Cancelled"},
    "kill": {"Running": "Failed"},
    "resume": {"Failed": "Running", "Cancelled": "Running"},
    "remove": dict.fromkeys(STATUSES, "gone"),
}


@pytest.mark.parametrize("verb", EFFECTS)
def test_each_verb_on_each_status(backend: Backend, verb: str) -> None:
    again = "test -e never && exit; sleep 1000"
    submit(
        backend,
        f"""
        cattino.export(quick("Running", "sleep 1000"))
        cattino.export(ProcTask("sleep 1000", task_name="holder", min_devices=4))
        cattino.export(ProcTask("sleep 1000", task_name="Waiting"))
        cattino.export(quick("Done"))
        cattino.export(quick("Failed", "[ $CATTINO_ATTEMPT = 1 ] && exit 3; {again}"))
        cattino.export(quick("Cancelled", "{again}"))
        """,
    )
    backend.meow("cancel", "Cancelled", "-w")
    backend.meow("wait", "Done", "Failed", check=1)
    assert {n: s for n, s in statuses(backend).items() if n != "holder"} == {s: s for s in STATUSES}
    before = tasks(backend)
    for status in STATUSES:
        expected = EFFECTS[verb].get(status)
        option = [] if verb == "resume" else ["-w"]  # what is resumed here never ends
        done = backend.meow(verb, status, "--json", *option, check=None)
        answer = json.loads(done.stdout)
        if expected is None:
            assert done.returncode == 1 and answer["count"] == 0 and answer["changed"] == []
            (left,) = answer["unchanged"]
            assert (left["fullname"], left["status"]) == (status, status) and left["why"]
            assert backend.status(status) == status
        else:
            assert done.returncode == 0 and answer["count"] == 1 and answer["unchanged"] == []
            assert answer["changed"][0]["fullname"] == status
            if expected == "gone":
                assert status not in tasks(backend)
                assert (Path(before[status]["directory"]) / "stdout.log").exists() or status in (
                    "Waiting",
                    "Cancelled",
                )
            else:
                assert backend.status(status) == expected
                if verb != "resume":
                    assert answer["changed"][0]["status"] == expected
    if verb == "kill":
        assert backend.task("Running")["task"]["reason"]["kind"] == "user_killed"
    if verb == "cancel":
        assert backend.task("Running")["task"]["reason"]["kind"] == "user_cancelled"


@pytest.mark.xfail(strict=True, reason="a resumed task that starts at once is reported as being stopped")
def test_resume_does_not_say_that_the_task_is_being_stopped(backend: Backend) -> None:
    backend.meow("create", "[ $CATTINO_ATTEMPT = 1 ] && exit 3; sleep 1000", "-n", "t", "-c", "0")
    backend.meow("wait", "t", check=1)
    done = backend.meow("resume", "t")
    assert "stopped" not in done.stdout + done.stderr


def test_cancelling_the_first_cancels_what_needs_it_and_resume_brings_it_back(backend: Backend) -> None:
    body = 'cattino.export(line(quick("a", "sleep 1000"), quick("b"), quick("c")))'
    submit(backend, body)
    backend.meow("cancel", "g/a", "-w")
    assert statuses(backend) == {"g/a": "Cancelled", "g/b": "Cancelled", "g/c": "Cancelled"}
    assert backend.meow("wait", "g", check=None).returncode == 4
    backend.meow("resume", "g/a")
    assert statuses(backend) == {"g/a": "Running", "g/b": "Waiting", "g/c": "Waiting"}


def test_what_the_user_cancelled_himself_does_not_come_back_with_the_cascade(backend: Backend) -> None:
    submit(
        backend,
        """
        first, mine, theirs = quick("first", "test -e ok"), quick("mine"), quick("theirs")
        blocker = quick("blocker", "read line < gate")
        graph = TaskGraph()
        graph.add_edges_from([(blocker, first), (first, mine), (first, theirs)])
        os.mkfifo("gate")
        cattino.export(graph)
        """,
    )
    backend.meow("cancel", "mine")
    open_gate(backend, "gate")
    backend.meow("wait", "first", check=1)
    backend.write("ok", "")
    backend.meow("resume", "first")
    backend.meow("wait", "theirs")
    assert statuses(backend) == {"blocker": "Done", "first": "Done", "mine": "Cancelled", "theirs": "Done"}


def test_verbs_on_groups_and_expressions(backend: Backend) -> None:
    body = 'many = [quick(f"t{i}", "sleep 1000", cpus=0.1) for i in range(12)]'
    body += '\ncattino.export(TaskGroup(many, group_name="g"))'
    submit(backend, body)
    killed = backend.json("kill", "-A", "t1", "-w")
    assert killed["count"] == 3  # t1, t10, t11
    found = statuses(backend)
    assert {n for n, s in found.items() if s == "Failed"} == {"g/t1", "g/t10", "g/t11"}
    assert backend.json("cancel", "g", "-w")["count"] == 9
    assert backend.json("resume", "g")["count"] == 12
    assert set(statuses(backend).values()) == {"Running"}
    assert backend.json("remove", "g", "-w")["count"] == 12
    assert tasks(backend) == {}


def test_one_unknown_name_changes_nothing(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "t", "-c", "0")
    for verb in ("cancel", "kill", "remove", "resume"):
        assert "nope" in backend.meow(verb, "t", "nope", check=2).stderr
    assert backend.status("t") == "Running"


def test_wait_says_by_its_exit_status_how_it_went(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "done", "-c", "0")
    backend.meow("create", "exit 9", "-n", "failed", "-c", "0")
    backend.meow("create", "sleep 1000", "-n", "cancelled", "-c", "0")
    backend.meow("create", "sleep 1000", "-n", "running", "-c", "0")
    backend.meow("cancel", "cancelled", "-w")
    for names, status in (
        (["done"], 0),
        (["done", "failed"], 1),
        (["failed", "cancelled", "done"], 1),
        (["done", "cancelled"], 4),
        (["cancelled"], 4),
        (["running", "-t", "50ms"], 5),
        (["failed", "running", "-t", "50ms"], 5),
        (["nope"], 2),
        (["-A", "^do"], 0),
    ):
        assert backend.meow("wait", *names, check=None).returncode == status, names
        if status != 2:
            assert backend.json("wait", *names, check=status)["outcome"] == status


def test_wait_without_names_waits_for_what_has_not_ended(backend: Backend) -> None:
    backend.meow("create", "exit 9", "-n", "failed", "-c", "0")
    backend.meow("wait", "failed", check=1)
    backend.meow("create", gate(backend, "gate"), "-n", "t", "-c", "0")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(backend.meow, "wait", check=None)
        open_gate(backend, "gate")
        assert waiting.result().returncode == 0
    assert backend.meow("wait", check=None).returncode == 0


def test_every_verb_speaks_json(backend: Backend) -> None:
    assert backend.json("create", "sleep 1000", "-n", "t", "-c", "0")["count"] == 1
    assert backend.json("list")["tasks"][0]["name"] == "t"
    assert backend.json("show", "t")["task"]["name"] == "t"
    assert backend.json("devices")["devices"][0]["name"] == "cuda:0"
    assert backend.json("test")["pid"] > 0
    backend.json("test", "t")
    assert backend.json("wait", "t", "-t", "10ms", check=5)["outcome"] == 5
    for verb in ("cancel -w", "resume", "kill -w", "remove -w"):
        assert backend.json(*verb.split(), "t")["count"] == 1
    backend.json("meow")
    assert backend.json("exit", "-y") == {"stopped": 0, "cancelled": 0}


def test_errors_are_json_too_when_json_is_asked_for(backend: Backend) -> None:
    for arguments in (["show", "nope"], ["create", "true", "-c", "9"], ["cancel", "nope"]):
        done = backend.meow(*arguments, "--json", check=2)
        text = done.stdout.strip() or done.stderr.strip()
        assert text


BAD_COMMAND_LINES = [
    ["lst"],
    ["list", "--jsn"],
    ["create"],
    ["create", "true", "-c", "-1"],
    ["create", "true", "-c", "abc"],
    ["create", "true", "-p", "high"],
    ["create", "true", "-M", "abc"],
    ["create", "true", "-M", "150%"],
    ["create", "true", "-M", "-5"],
    ["create", "true", "-M", "nan"],
    ["create", "true", "--cpus", "many"],
    ["create", "true", "--cpus", "-1"],
    ["create", "true", "--cpus", "inf"],
    ["create", "true", "--ram", "lots"],
    ["create", "true", "-e", "NOVALUE"],
    ["create", "true", "--name-conflict", "maybe"],
    ["create", "echo 'open", "-n", "t"],
    ["create", 'echo "open', "-n", "t"],
    ["create", "true", "-m", "--", "--p", "[]"],
    ["wait", "-t", "soon"],
    ["list", "-s", "Nonsense"],
    ["cancel"],
    ["kill"],
    ["resume"],
    ["remove"],
    ["show"],
    ["exit", "now"],
]


def test_bad_command_lines_exit_2_and_say_what_to_do(backend: Backend) -> None:
    backend.meow("_start")
    wrong = []
    for arguments in BAD_COMMAND_LINES:
        done = backend.meow(*arguments, check=None)
        if done.returncode != 2 or not done.stderr.startswith("error: ") or "hint: " not in done.stderr:
            wrong.append((arguments, done.returncode, done.stderr))
    assert wrong == []
    assert tasks(backend) == {}


@pytest.mark.xfail(strict=True, reason="a script that does not exist is taken for a command")
def test_a_script_that_does_not_exist_is_an_error(backend: Backend) -> None:
    done = backend.meow("create", "trian.py", check=None)
    assert done.returncode == 2 and "trian.py" in done.stderr


MULTIRUNS = [
    (["--lr", "[0.1,0.3]"], {"lr=0.1": ["--lr", "0.1"], "lr=0.3": ["--lr", "0.3"]}),
    (["--lr=[0.1,0.3]"], {"lr=0.1": ["--lr=0.1"], "lr=0.3": ["--lr=0.3"]}),
    (["lr=[0.1,0.3]"], {"lr=0.1": ["lr=0.1"], "lr=0.3": ["lr=0.3"]}),
    (
        ["a=[1,2]", "--fixed", "x", "-b", "[3,4]"],
        {f"a={a},b={b}": [f"a={a}", "--fixed", "x", "-b", str(b)] for a in (1, 2) for b in (3, 4)},
    ),
    (['m=["a b",c]'], {"m=a_b": ["m=a b"], "m=c": ["m=c"]}),
    (["n=[[1,2],[3]]"], {"n=1_2": ["n=[1,2]"], "n=3": ["n=[3]"]}),
]


@pytest.mark.parametrize("number", range(len(MULTIRUNS)))
def test_multirun_forms(backend: Backend, number: int) -> None:
    arguments, expected = MULTIRUNS[number]
    command = f"{sys.executable} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"
    answer = json.loads(
        backend.meow("create", command, "--json", "-n", "t", "-m", "-c", "0", "--", *arguments).stdout
    )
    assert answer["count"] == len(expected)
    backend.meow("wait")
    found = {
        n.removeprefix("t/"): json.loads(Path(t["stdout"]).read_text()) for n, t in tasks(backend).items()
    }
    assert found == expected


def test_without_multirun_lists_are_passed_as_they_are(backend: Backend) -> None:
    arguments = ["--lr", "[0.1,0.3]", "a b", "$HOME", "${task_name}", "*", "'", ""]
    command = f"{sys.executable} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"
    backend.meow("create", command, "-n", "t", "-c", "0", "--", *arguments)
    backend.meow("wait")
    seen = json.loads(out(backend, "t"))
    assert seen == [a if a != "${task_name}" else "t" for a in arguments]


def test_script_arguments_reach_the_script(backend: Backend) -> None:
    backend.write(
        "s.py",
        "import sys, cattino\nfrom cattino.tasks import ProcTask\n"
        "cattino.export(ProcTask('true', task_name='-'.join(sys.argv[1:]), min_devices=0))\n",
    )
    backend.meow("create", "s.py", "-n", "--json", "x")
    assert set(tasks(backend)) == {"-n---json-x"}


# ---- many -----------------------------------------------------------------------------------------


def test_a_thousand_tasks_at_once(backend: Backend) -> None:
    body = 'cattino.export(TaskGroup([quick(f"t{i}", cpus=0.5) for i in range(1000)], group_name="g"))'
    assert submit(backend, body)["count"] == 1000
    backend.meow("wait", "g")
    assert backend.json("show", "g")["group"]["counts"] == {"Done": 1000}
    assert len(list((backend.home).glob("*/*/g/*/stdout.log"))) == 1000
    listed = backend.json("list", "-l", "10")
    assert len(listed["tasks"]) == 10 and listed["truncated"] == 990


def test_twenty_people_create_at_the_same_time(backend: Backend) -> None:
    """From nothing: the backend is started once, every task is there once, no name is given twice."""

    def create(number: int) -> int:
        option = ["-n", f"t{number}"] if number % 2 else ["-n", "same", "--name-conflict", "rename"]
        return backend.meow("create", f"echo {number}", "-c", "0", *option, check=None).returncode

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(create, range(20))) == [0] * 20
    backend.meow("wait")
    found = backend.json("list", "--all")["tasks"]
    assert len(found) == 20 and {t["status"] for t in found} == {"Done"}
    assert len({t["shown"] for t in found}) == 20 == len({t["stdout"] for t in found})
    assert len(backend.own_processes()) == 3
    assert sorted(int(Path(t["stdout"]).read_text()) for t in found) == list(range(20))


# ---- kill -9, restarts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "victims", [["supervisor"], ["guardian"], ["pid", "supervisor"], ["guardian", "pid"]]
)
def test_whoever_is_killed_every_exit_status_is_right(backend: Backend, victims: list[str]) -> None:
    ends = {"zero": "exit 0", "three": "exit 3", "signal": "kill -TERM $$"}
    for name, end in ends.items():
        backend.meow("create", f"{gate(backend, name)}; {end}", "-n", name, "-c", "0")
    body = f'cattino.export(line(quick("a", "{gate(backend, "first")}"), quick("b")))'
    submit(backend, body)
    wait_until(lambda: all(tasks(backend)[n]["pid"] for n in [*ends, "g/a"]), "all run")
    health = backend.health()
    for victim in victims:
        os.kill(health[victim], signal.SIGKILL)
    for name in [*ends, "first"]:
        open_gate(backend, name)
    backend.meow("wait", *ends, "g", check=1)
    found = tasks(backend)
    assert found["zero"]["exit"]["code"] == 0 and found["three"]["exit"]["code"] == 3
    assert found["signal"]["exit"]["signal"] == signal.SIGTERM
    assert found["g/a"]["status"] == found["g/b"]["status"] == "Done"
    assert all(len(backend.task(n)["attempts"]) == 1 for n in found)
    backend.meow("create", "true", "-n", "later", "-c", "4")
    backend.meow("wait", "later")


@pytest.mark.xfail(
    strict=True, reason="the orphaned daemon keeps the socket and waits for a supervisor for ever"
)
def test_a_daemon_that_loses_its_guardian_while_it_starts_makes_way(backend: Backend) -> None:
    """Several times: how far the daemon has come when it is alone differs."""
    backend.meow("create", "true", "-n", "t", "-c", "0")
    try:
        for number in range(8):
            health = backend.health()
            guardian = health["guardian"]
            children = Path(f"/proc/{guardian}/task/{guardian}/children")
            before = set(children.read_text().split())
            os.kill(health["pid"], signal.SIGKILL)
            while not (new := set(children.read_text().split()) - before):
                pass  # the guardian starts another daemon: it is caught before it has come far
            (daemon,) = map(int, new)
            os.kill(daemon, signal.SIGSTOP)
            for victim in (guardian, health["supervisor"]):
                os.kill(victim, signal.SIGKILL)
            os.kill(daemon, signal.SIGCONT)
            backend.meow("create", "true", "-n", f"t{number}", "-c", "0", timeout=5)
            backend.meow("wait", f"t{number}", timeout=5)
    finally:  # an orphan would not hear of `meow exit`
        for pid in backend.own_processes():
            os.kill(pid, signal.SIGKILL)


def test_when_all_are_killed_nothing_runs_twice_and_nothing_is_forgotten(backend: Backend) -> None:
    command = f"echo run >> runs; {gate(backend, 'gate')}; exit 3"
    backend.meow("create", command, "-n", "t", "-c", "4")
    backend.meow("create", "true", "-n", "next", "-c", "4")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid = backend.task("t")["task"]["pid"]
    health = backend.health()
    for victim in ("pid", "supervisor", "guardian"):
        os.kill(health[victim], signal.SIGKILL)
    assert alive(pid)
    assert backend.status("t") == "Running" and backend.status("next") == "Waiting"
    open_gate(backend, "gate")
    backend.meow("wait", "next", check=None)
    task = backend.task("t")["task"]
    # a kernel that keeps exit statuses for strangers tells it; elsewhere it is lost, and held
    if task["status"] == "Failed":
        assert task["exit"] == {"text": "exit status 3", "code": 3}
    else:
        assert task["exit"] == {"text": "lost"} and task["status"] == "Waiting"
    assert (backend.work / "runs").read_text() == "run\n"


def test_a_kill_of_a_task_after_a_restart_still_ends_its_whole_tree(backend: Backend) -> None:
    backend.meow(
        "create", "(setsid sh -c 'echo $$ > pid; exec sleep 1000' &) ; sleep 1000", "-n", "t", "-c", "0"
    )
    path = backend.work / "pid"
    wait_until(lambda: path.exists() and path.read_text(), "its child runs")
    health = backend.health()
    os.kill(health["pid"], signal.SIGKILL)
    os.kill(health["supervisor"], signal.SIGKILL)
    backend.meow("kill", "t", "-w")
    assert backend.status("t") == "Failed"
    assert not alive(int(path.read_text()))


def test_acknowledged_changes_survive_a_kill_at_once(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "holder", "-c", "4")
    backend.meow("create", "true", "-n", "t0")
    for arguments in (["create", "true", "-n", "t1"], ["cancel", "t0"], ["remove", "t1"]):
        daemon = backend.health()["pid"]  # not more than four: then it counts as a crash loop
        backend.meow(*arguments)
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda pid=daemon: not alive(pid), "it is dead")
    expected = {"holder": "Running", "t0": "Cancelled"}
    assert statuses(backend) == expected
    assert len(backend.task("holder")["attempts"]) == 1


def test_wait_goes_on_over_a_killed_daemon(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 3", "-n", "t", "-c", "0")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    daemon = backend.health()["pid"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(backend.meow, "wait", "t", check=None)
        os.kill(daemon, signal.SIGKILL)
        open_gate(backend, "gate")
        assert waiting.result().returncode == 1


def test_exit_stops_what_runs_and_keeps_what_waits(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "runs", "-c", "4")
    backend.meow("create", "echo ran", "-n", "waits", "-c", "4")
    backend.meow("create", "exit 3", "-n", "failed", "-c", "0")
    backend.meow("wait", "failed", check=1)
    pid = backend.task("runs")["task"]["pid"]
    assert backend.json("exit", "-y") == {"stopped": 1, "cancelled": 0}
    assert not alive(pid) and backend.own_processes() == []
    assert backend.meow("test", check=None).returncode == 3
    backend.meow("wait", "waits")
    assert statuses(backend) == {"runs": "Cancelled", "waits": "Done", "failed": "Failed"}
    assert out(backend, "waits") == "ran\n"


def test_exit_that_keeps_tasks_disturbs_none(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 7", "-n", "t", "-c", "4")
    backend.meow("create", "true", "-n", "next", "-c", "4")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid, daemon = backend.task("t")["task"]["pid"], backend.health()["pid"]
    backend.meow("exit", "--keep-tasks")
    wait_until(lambda: not alive(daemon), "the daemon leaves")
    assert alive(pid)
    open_gate(backend, "gate")
    backend.meow("wait", check=None)
    task = backend.task("t")["task"]
    assert (task["pid"], task["exit"]["code"], task["attempt"]) == (pid, 7, 1)
    assert backend.status("next") == "Done"
    assert backend.health()["pid"] != daemon


def test_everything_looks_the_same_after_a_restart(backend: Backend) -> None:
    submit(
        backend,
        """
        cattino.export(line(quick("a", "exit 3"), quick("b")))
        cattino.export(quick("d", min_devices=2, requires_memory_per_device=0.25, priority=3, env={"A": "1"}))
        """,
    )
    backend.meow("wait", check=None)
    backend.meow("create", "sleep 1000", "-n", "hold", "-c", "4")
    backend.meow("create", "true", "-n", "w", "-c", "3", "-p", "9")
    names = ("g/a", "g/b", "d", "w", "hold")

    def everything() -> list[Any]:
        found = [backend.task(n) for n in names]
        found.append(backend.json("list", "--all")["groups"])
        found.append(backend.json("devices")["devices"])
        return found

    before = everything()
    os.kill(backend.health()["pid"], signal.SIGKILL)
    wait_until(lambda: len(backend.json("devices")["devices"]) == 4, "the devices are known again")
    assert everything() == before


@pytest.mark.xfail(strict=True, reason="the daemon that refused keeps its error until somebody kills it")
def test_a_mended_settings_file_is_read_by_the_next_command(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'override-exist-task = "rename"\n')
    refused = backend.meow("create", "true", "-n", "t", "-c", "0", check=None)
    assert refused.returncode != 0
    assert "settings.toml:1" in refused.stderr and "override-exist-tasks" in refused.stderr
    (tmp_path / "config" / "cattino" / "settings.toml").write_text('override-exist-tasks = "rename"\n')
    backend.meow("create", "true", "-n", "t", "-c", "0")


@pytest.mark.xfail(strict=True, reason="exit says that the backend is not running, and leaves its processes")
def test_exit_ends_a_backend_that_refuses_its_settings(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, "nonsense = 1\n")
    backend.meow("create", "true", "-n", "t", "-c", "0", check=None)
    backend.meow("exit", "-y", check=None)
    assert backend.own_processes() == []


def test_nobody_else_may_look(backend: Backend) -> None:
    backend.meow("_start")
    state = Path(backend.health()["state"])
    assert state.stat().st_mode & 0o777 == 0o700
    socket = Path(backend.meow("_start").stdout.strip())
    assert socket.stat().st_mode & 0o077 == 0
