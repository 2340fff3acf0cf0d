"""Groups, sequences and graphs: order, failures that spread, reasons."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Backend, MakeBackend, python, statuses, submit, tasks, with_settings


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


def test_a_group_that_was_submitted_is_not_submitted_again(backend: Backend) -> None:
    backend.write(
        "twice.py",
        """
import cattino
from cattino.tasks import ProcTask, TaskGroup
group = TaskGroup([ProcTask("true", task_name="a", min_devices=0)], group_name="g")
cattino.export(group)
cattino.export(group)
""",
    )
    done = python(backend, "twice.py", check=1)
    assert "has been submitted already" in done.stderr
    assert len(tasks(backend)) == 1
