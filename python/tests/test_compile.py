"""From exported objects to the lines of a submission."""

from __future__ import annotations

import base64
import json
import os
import pickle
import time
from typing import Any

import pytest

from cattino import CattinoError, FieldError, Magics
from cattino.compile import compile_exports
from cattino.exporting import Export
from cattino.head import LIMITS
from cattino.tasks import ProcTask, TaskGraph, TaskGroup

pytest.importorskip("cloudpickle")


class Hooked(ProcTask):
    async def on_start(self) -> None:
        await super().on_start()


class Watched(TaskGroup):
    def on_end(self) -> None:
        pass


def lines_of(*exported: Any, taken: frozenset[str] = frozenset()) -> list[Any]:
    work = compile_exports([Export(found, "task.py:1") for found in exported], "task.py", set(taken))
    return [json.loads(line) for line in b"".join(work.chunks).splitlines()]


def body_of(*exported: Any) -> list[Any]:
    """Without the first line."""
    return lines_of(*exported)[1:]


def names(lines: list[Any]) -> list[str]:
    return [line["task"]["name"] for line in lines if "task" in line]


def task(name: str) -> ProcTask:
    return ProcTask("true", task_name=name)


def test_the_first_line_hands_on_what_this_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN_BY_TASKS", "ä\udcff")
    monkeypatch.setenv("CATTINO_LENT", "/lent")
    monkeypatch.setenv("PYTHONPATH", f"/kept{os.pathsep}/lent")
    monkeypatch.setenv("CATTINO_DIR_FORMAT", "%Y")
    work = compile_exports([Export(TaskGroup([task("a"), task("b")]), "x")], "task.py", set())
    raw = b"".join(work.chunks).splitlines()[0]
    head = json.loads(raw.decode("utf-8", "surrogateescape"))["submission"]
    assert (head["groups"], head["tasks"], head["source"]) == (1, 2, "task.py")
    assert head["cwd"] == os.getcwd() and head["date_format"] == "%Y" and len(head["key"]) == 32
    assert head["environment"]["SEEN_BY_TASKS"] == "ä\udcff"
    assert head["environment"]["PYTHONPATH"] == "/kept" and "CATTINO_LENT" not in head["environment"]
    mask = os.umask(0)
    os.umask(mask)
    assert head["umask"] == mask
    assert set(head["limits"]) <= set(LIMITS)
    soft, hard = head["limits"]["nofile"]
    assert hard == -1 or soft <= hard
    assert all(os.path.isabs(entry) for entry in head["python_path"]) and os.path.isabs(head["interpreter"])


def test_a_pipeline_is_its_group_its_tasks_and_an_edge() -> None:
    train = ProcTask("python train.py", task_name="train", min_devices=2, requires_memory_per_device=20000)
    evaluate = ProcTask(["python", "eval.py"], task_name="eval", priority=3, cpus=1.5, ram="4GiB")
    assert body_of(TaskGroup([train, evaluate], "sequential", "pipeline")) == [
        {"group": {"ref": 1, "name": "pipeline"}},
        {
            "task": {
                "ref": 2,
                "name": "train",
                "group": 1,
                "command": "python train.py",
                "request": {"min_devices": 2, "memory": 20000},
            }
        },
        {
            "task": {
                "ref": 3,
                "name": "eval",
                "group": 1,
                "argv": ["python", "eval.py"],
                "request": {"cpus": 1.5, "ram": "4GiB"},
                "priority": 3,
            }
        },
        {"edge": [2, 3]},
        {"end": {"edges": 1}},
    ]


def test_only_what_differs_from_the_default_is_sent() -> None:
    assert body_of(task("a"))[0] == {"task": {"ref": 1, "name": "a", "command": "true"}}
    sent = body_of(
        ProcTask("x", task_name="t", env={"A": 1, "B": True}, cwd="sub", cascade=False, min_devices=0)
    )
    assert sent[0]["task"] == {
        "ref": 1,
        "name": "t",
        "command": "x",
        "request": {"min_devices": 0},
        "cascade": False,
        "env": {"A": "1", "B": "1"},
        "cwd": os.path.join(os.getcwd(), "sub"),
    }


def test_the_edges_of_a_graph_keep_their_condition() -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    graph.add_edge(a, b, when="any")
    graph.add_edge(b, c, when="fail")
    sent = body_of(graph)
    assert sent[3:] == [{"edge": [1, 2, "any"]}, {"edge": [2, 3, "fail"]}, {"end": {"edges": 2}}]


def test_groups_nest_and_an_edge_may_join_groups() -> None:
    first = TaskGroup([task("a"), task("b")], group_name="first")
    second = TaskGroup([task("a")], group_name="second")
    sent = body_of(TaskGroup([first, second], "sequential", "both"))
    assert [line["group"] for line in sent if "group" in line] == [
        {"ref": 1, "name": "both"},
        {"ref": 2, "name": "first", "parent": 1},
        {"ref": 5, "name": "second", "parent": 1},
    ]
    assert sent[-2:] == [{"edge": [2, 5]}, {"end": {"edges": 1}}]


def test_empty_groups_are_left_out_and_do_not_break_a_sequence() -> None:
    a, b = task("a"), task("b")
    sent = body_of(TaskGroup([a, TaskGroup([], group_name="empty"), b], "sequential", "g"))
    assert sent[-2:] == [{"edge": [2, 3]}, {"end": {"edges": 1}}]
    with pytest.raises(CattinoError, match="no tasks"):
        body_of(TaskGroup([]))


def test_default_names_become_unique_and_given_ones_must_be() -> None:
    tasks = [ProcTask("python train.py") for _ in range(3)]
    assert names(lines_of(*tasks)) == ["train", "train_1", "train_2"]
    assert tasks[1].name == "train_1"
    mixed = [ProcTask("train"), ProcTask("x", task_name="train"), ProcTask("train")]
    assert names(lines_of(*mixed)) == ["train_1", "train", "train_2"]
    assert names(lines_of(ProcTask("train"), taken=frozenset({"train"}))) == ["train_1"]
    with pytest.raises(CattinoError, match="two tasks are named 'g/a'"):
        lines_of(TaskGroup([task("a"), task("a")], group_name="g"))
    with pytest.raises(CattinoError, match="two tasks are named"):
        lines_of(task("g/a"), TaskGroup([task("a")], group_name="g"))


def test_what_is_exported_twice_is_sent_once() -> None:
    a, b = task("a"), task("b")
    group = TaskGroup([a, b], group_name="g")
    assert names(lines_of(a, group, group)) == ["a", "b"]
    with pytest.raises(CattinoError, match="belongs to the group g, which is not exported"):
        lines_of(a)


@pytest.mark.parametrize("shape", ["tasks", "groups", "member"])
def test_a_cycle_is_named(shape: str) -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    exported: list[Any] = [graph]
    if shape == "tasks":
        graph.add_edges_from([(a, b), (b, c), (c, a)])
        said = "a → b → c → a"
    elif shape == "groups":
        one, two = TaskGroup([a], group_name="one"), TaskGroup([b, c], group_name="two")
        graph.add_edges_from([(one, two), (c, a)])
        exported += [one, two]
        said = "one → two → two/c → one/a → one"
    else:
        group = TaskGroup([a, b], group_name="g")
        graph.add_edges_from([(group, c), (c, a)])
        said = "c → g/a → g → c"
    with pytest.raises(CattinoError) as caught:
        lines_of(*exported)
    assert said in str(caught.value) and "wait for each other" in str(caught.value)


def test_edges_that_go_backwards_need_no_cycle() -> None:
    a, b = task("a"), task("b")
    graph = TaskGraph()
    graph.add_tasks_from([b, a])
    graph.add_edge(a, b)
    assert body_of(graph)[2] == {"edge": [2, 1]}


def test_objects_with_hooks_or_functions_are_pickled_once_together() -> None:
    class Local(ProcTask):
        def on_end(self) -> None:
            pass

    shared = {"count": 0}
    hooked, plain, local = Hooked("x", task_name="h"), task("p"), Local(func=lambda: 5, task_name="f")
    hooked.shared = local.shared = shared  # type: ignore[attr-defined]
    sent = body_of(Watched([hooked, plain, local], group_name="g"))
    assert sent[1]["group"] == {"ref": 1, "name": "g", "hooks": ["on_end"], "object": 0}
    by_name = {line["task"]["name"]: line["task"] for line in sent if "task" in line}
    assert by_name["h"]["hooks"] == ["on_start"] and by_name["h"]["object"] == 1
    assert "hooks" not in by_name["p"] and "object" not in by_name["p"]
    assert by_name["f"]["function"] == "lambda()" and by_name["f"]["object"] == 2
    group, first, second = pickle.loads(base64.b64decode(sent[0]["objects"]))
    assert first.shared is second.shared and second.run() == 5 and first.group is group
    assert [member.fullname for member in group.tasks] == ["g/h", "g/p", "g/f"]


def test_a_group_without_hooks_is_not_dragged_along() -> None:
    others = [task(f"t{i}") for i in range(50)]
    sent = body_of(TaskGroup([Hooked("x", task_name="h"), *others], group_name="g"))
    (found,) = pickle.loads(base64.b64decode(sent[0]["objects"]))
    assert found.group.name == "g" and found.group.tasks == [] and found.fullname == "g/h"


def test_resolvers_are_resolved_here_and_names_are_left_to_the_backend() -> None:
    command = "echo ${eval: '1+2'} ${run_dir} ${task_name} ${HOME} ${x:-y} ${eval: '\"${task_name}\" * 2'}"
    sent = body_of(ProcTask(command, task_name="t", env={"A": "${eval:3*3}"}))[0]["task"]
    assert sent["command"] == "echo 3 ${run_dir} ${task_name} ${HOME} ${x:-y} tt"
    assert sent["env"] == {"A": "9"}
    with pytest.raises(FieldError, match="cmd: .*ZeroDivisionError"):
        body_of(ProcTask("echo ${eval: '1/0'}"))
    with pytest.raises(FieldError, match="known only when the task starts"):
        body_of(ProcTask("echo ${eval: '\"${run_dir}\"'}"))


def test_magics_resolve_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Magics, "_resolvers", dict(Magics._resolvers))
    monkeypatch.setattr(Magics, "_constants", {})
    Magics.register_new_resolver("add", lambda x, y: int(x) + int(y))
    Magics.register_new_constant("who", "${name}!")
    assert Magics.resolve("I am ${name}, ${add:10,10} years-old.", name="Ann") == "I am Ann, 20 years-old."
    assert Magics.resolve("${who} ${add: ${add:1,2}, '4'}", name="Bo") == "Bo! 7"
    assert Magics.resolve("${eval: max(1, 2)} ${eval: '{1: 2}[1]'}") == "2 2"
    for wrong in ("run_dir", "a b", ""):
        with pytest.raises(CattinoError):
            Magics.register_new_resolver(wrong, str)
    with pytest.raises(CattinoError, match="not closed"):
        Magics.resolve("${eval: '1'")


def test_text_of_all_kinds_arrives_as_it_was() -> None:
    text = 'echo "quoted" \\ ünï ☃ \U0001f431 \t tab'
    work = compile_exports([Export(ProcTask(text, task_name="ü"), "x")], "s", set())
    sent = json.loads(b"".join(work.chunks).splitlines()[1])["task"]
    assert (sent["command"], sent["name"]) == (text, "ü")


def test_many_tasks_and_edges_take_no_quadratic_step() -> None:
    def seconds(count: int) -> float:
        begin = time.process_time()
        tasks = [ProcTask("true", task_name=f"t{i}", min_devices=0) for i in range(count)]
        graph = TaskGraph()
        graph.add_edges_from((tasks[i], tasks[i + k]) for i in range(count) for k in (1, 2) if i + k < count)
        compile_exports([Export(TaskGroup(tasks, graph), "x")], "x", set())
        return time.process_time() - begin

    seconds(1000)
    assert seconds(40_000) < 60 * max(seconds(2_000), 0.01)  # linear is 20
