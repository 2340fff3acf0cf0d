"""Tasks, groups and graphs as objects: what users write and read."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from cattino import CattinoError, FieldError, TaskStatus
from cattino.tasks import DeviceRequiredTask, ProcTask, Task, TaskGraph, TaskGroup
from cattino.tasks.process import program_name


def train() -> int:
    return 3


def needs(x: int) -> int:
    return x


def task(name: str) -> ProcTask:
    return ProcTask("true", task_name=name)


# ---- ProcTask -------------------------------------------------------------------------------------


def test_takes_a_command_an_argv_or_a_function() -> None:
    assert ProcTask("python train.py").cmd == "python train.py"
    assert ProcTask(cmd="python train.py").cmd == "python train.py"
    assert ProcTask(["echo", 1, 2.5]).cmd == ["echo", "1", "2.5"]
    assert ProcTask(train).func is train
    assert ProcTask(func=train).run() == 3


def test_takes_its_fields_by_position_as_documented() -> None:
    made = ProcTask("x", {"A": 1}, "name", 5, 20000, 2)
    assert (made._env, made.name, made.priority) == ({"A": "1"}, "name", 5)
    assert (made.requires_memory_per_device, made.min_devices) == (20000, 2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"min_devices": -1}, "min_devices: ProcTask 't': expected an integer ≥ 0, got -1"),
        ({"min_devices": True}, "min_devices: ProcTask 't': expected an integer ≥ 0, got True"),
        ({"requires_memory_per_device": -5}, "requires_memory_per_device: ProcTask 't': expected MiB"),
        ({"requires_memory_per_device": 20000.0}, "share in (0, 1]; 20000 is MiB, got 20000.0"),
        ({"cpus": -1}, "cpus: ProcTask 't': expected a number ≥ 0, got -1"),
        ({"ram": -1}, "ram: ProcTask 't': expected MiB"),
        ({"priority": "high"}, "priority: ProcTask 't': expected an integer, got 'high'"),
        ({"env": "A=1"}, "env: ProcTask 't': expected a dictionary"),
        ({"min_device": 2}, "min_device: ProcTask 't': there is no such field (did you mean 'min_devices'?)"),
        ({"memory": 2}, "memory: ProcTask 't': there is no such field"),
    ],
)
def test_an_error_names_the_field_and_what_is_right(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as caught:
        ProcTask("x", task_name="t", **fields)
    assert said in str(caught.value)


def test_an_unknown_keyword_is_a_type_error_too() -> None:
    unknown: dict[str, Any] = {"nam": "x"}
    for kind in (lambda: ProcTask("x", **unknown), lambda: TaskGroup([], **unknown)):
        with pytest.raises(TypeError, match="there is no such field") as caught:
            kind()
        assert isinstance(caught.value, FieldError)


@pytest.mark.parametrize("name", ["", ".", "..", "a//b", "/a", "a\nb", "x" * 256, 3])
def test_refuses_names_that_are_no_path(name: Any) -> None:
    with pytest.raises(FieldError):
        ProcTask("x", task_name=name)


def test_a_name_may_hold_slashes_for_a_task_but_not_for_a_group() -> None:
    assert ProcTask("x", task_name="t/lr=0.1").name == "t/lr=0.1"
    with pytest.raises(FieldError, match="nest groups"):
        TaskGroup([], group_name="a/b")


def test_refuses_work_that_is_none_or_both() -> None:
    cases: list[dict[str, Any]] = [
        {},
        *({"cmd": "x", "func": train}, {"cmd": ""}, {"cmd": "  "}, {"cmd": []}, {"cmd": 3}),
    ]
    for wrong in cases:
        with pytest.raises(FieldError):
            ProcTask(**wrong)
    with pytest.raises(FieldError, match="args="):
        ProcTask(needs)
    assert ProcTask(functools.partial(needs, 4)).run() == 4


def test_a_function_has_its_arguments() -> None:
    def joined(*words: str, sep: str = " ") -> str:
        return sep.join(words)

    task = ProcTask(joined, args=["a", "b"], kwargs={"sep": "-"})
    assert task.run() == "a-b" and task.func is joined and task.name == "joined"
    assert ProcTask(func=needs, args=(4,)).run() == 4
    task.args = "a subclass may call its own attributes so"  # type: ignore[attr-defined]
    assert task.run() == "a-b"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"func": needs}, "(give them by args=(…)"),
        ({"func": needs, "args": (1, 2)}, "args: ProcTask"),
        ({"func": needs, "kwargs": {"no": 1}}, "cannot be called so: missing a required argument"),
        ({"func": needs, "args": "ab"}, "expected a tuple or a list, got 'ab'"),
        ({"func": needs, "args": {"a": 1}}, "expected a tuple or a list"),
        ({"func": needs, "args": 3}, "expected a tuple or a list, got 3"),
        ({"func": needs, "kwargs": [1]}, "expected a dict of names and values, got [1]"),
        ({"func": needs, "kwargs": {1: 2}}, "expected a dict of names and values"),
        ({"cmd": "x", "args": (1,)}, "arguments are for a function"),
        ({"cmd": ["x"], "kwargs": {"a": 1}}, "kwargs: ProcTask: arguments are for a function"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as caught:
        ProcTask(**fields)
    assert said in str(caught.value)


def test_a_share_of_the_whole_device_and_zero_have_their_meaning() -> None:
    assert ProcTask("x", requires_memory_per_device=1.0).requires_memory_per_device == "100%"
    assert ProcTask("x", requires_memory_per_device=0).requires_memory_per_device is None
    assert ProcTask("x", requires_memory_per_device="20GiB").requires_memory_per_device == "20GiB"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python train.py --lr 1", "train"),
        ("/usr/bin/python3.11 -u a/b/train.py", "train"),
        ("python -m torch.distributed.run x.py", "run"),
        ("python -c \"print('hello world')\"", "python"),
        ("CUDA_LAUNCH_BLOCKING=1 nvidia-smi -l", "nvidia-smi"),
        ("./run.sh", "run.sh"),
        ("bash run.sh", "run"),
        ("echo 'unclosed", "echo"),
        (["/bin/sleep", "3"], "sleep"),
    ],
)
def test_a_command_is_named_after_its_program(command: Any, name: str) -> None:
    assert program_name(command) == name
    assert ProcTask(command).name == name


def test_a_function_gives_its_name() -> None:
    assert ProcTask(train).name == "train"
    assert ProcTask(functools.partial(needs, 1)).name == "needs"
    assert ProcTask(lambda: 1).name == "lambda"


# ---- Task -----------------------------------------------------------------------------------------


def test_task_is_abstract_and_a_subclass_says_what_is_done() -> None:
    class Mine(Task):
        def run(self) -> str:
            return "done"

    with pytest.raises(TypeError, match="ProcTask"):
        Task("x")
    with pytest.raises(TypeError, match="ProcTask"):
        DeviceRequiredTask("x")
    made = Mine("mine", cpus=2)
    assert (made.name, made.run(), made.status) == ("mine", "done", "Waiting")


def test_the_status_is_equal_to_its_name() -> None:
    assert TaskStatus.Running == "Running"
    assert f"{TaskStatus.Running}" == str(TaskStatus.Running) == "Running"
    assert TaskStatus("Done").has_ended and not TaskStatus.Waiting.has_ended


def test_base_hooks_can_be_awaited_or_dropped() -> None:
    seen = []

    class Sync(ProcTask):
        def on_start(self) -> None:
            super().on_start()
            seen.append("sync")

    class Async(ProcTask):
        async def on_start(self) -> None:
            await super().on_start()
            seen.append("async")

    Sync("x").on_start()
    asyncio.run(Async("x").on_start())
    assert seen == ["sync", "async"]


def test_a_task_that_was_not_submitted_says_so() -> None:
    for call in (task("a").wait, task("a").result, task("a").cancel, TaskGroup([task("b")]).resume):
        with pytest.raises(CattinoError, match="has not been submitted"):
            call()


# ---- groups ---------------------------------------------------------------------------------------


def test_fullnames_follow_the_groups() -> None:
    a, b = task("a"), task("b")
    inner = TaskGroup([a], group_name="inner")
    outer = TaskGroup([inner, b], group_name="outer")
    assert (a.fullname, b.fullname, inner.fullname) == ("outer/inner/a", "outer/b", "outer/inner")
    assert a.group is inner and outer.tasks == outer.subtasks == [inner, b]
    assert outer.all_tasks == [a, b] and len(outer) == 2 and list(outer) == [inner, b]
    assert a in outer and inner in outer and outer not in outer and outer not in inner


def test_a_group_takes_one_task_a_list_or_a_graph() -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    graph.add_edges_from([(a, b), (b, c)])
    group = TaskGroup(tasks=a, execute_strategy=graph)
    assert group.all_tasks == [a, b, c] and group.name == "group_of_a"
    d = task("d")
    graph.add_edge(c, d)
    assert d in group.tasks and d.group is group
    other = TaskGraph()
    other.add_task(e := task("e"))
    assert TaskGroup(other).all_tasks == [e]


def test_groups_refuse_what_makes_no_sense() -> None:
    a = task("a")
    group = TaskGroup([a])
    with pytest.raises(FieldError, match="did you mean 'sequential'"):
        TaskGroup([], "sequental")
    with pytest.raises(FieldError, match="belongs to the group"):
        TaskGroup([a])
    with pytest.raises(FieldError, match="inside itself"):
        group.add_task(group)
    with pytest.raises(FieldError, match="expected a task"):
        TaskGroup("abc")  # type: ignore[arg-type]
    with pytest.raises(FieldError, match="group_name"):
        TaskGroup([], groupname="x")


def test_groups_are_built_from_paths() -> None:
    a, b, c = task("a"), task("b"), task("c")

    class Special(TaskGroup):
        pass

    pairs = [("", a), ("one", b), ("one/two", c)]
    outer = TaskGroup.from_name_task_pairs(pairs, {"one/two": Special}, group_name="g")
    assert [t.fullname for t in outer.all_tasks] == ["g/a", "g/one/b", "g/one/two/c"]
    assert isinstance(c.group, Special) and type(b.group) is TaskGroup


# ---- graphs ---------------------------------------------------------------------------------------


def test_a_graph_is_walked_in_topological_order() -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    graph.add_tasks_from([c, b, a])
    graph.add_edges_from([(a, b), (b, c, "any")])
    assert list(graph) == [a, b, c] and graph.tasks == [c, b, a]
    assert graph.predecessors(c) == [b] and graph.successors(a) == [b] == graph.neighbors(a)
    assert graph.edges == [(b, c, "any"), (a, b, "ok")]
    assert len(graph) == 3 and a in graph and not graph.has_cycle()


def test_a_graph_forgets_what_is_removed() -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    graph.add_edges_from([(a, b), (b, c)])
    graph.remove_edge(a, b)
    graph.remove_task(c)
    assert graph.edges == [] and graph.tasks == [a, b]
    with pytest.raises(FieldError):
        graph.remove_edge(a, b)
    with pytest.raises(FieldError):
        graph.remove_task(c)
    with pytest.raises(FieldError):
        graph.predecessors(c)


def test_a_graph_knows_its_cycles() -> None:
    a, b = task("a"), task("b")
    graph = TaskGraph()
    graph.add_edges_from([(a, b), (b, a)])
    assert graph.has_cycle() and list(graph) == [a, b]
    graph.remove_edges_from([(b, a)])
    assert not graph.has_cycle()


def test_a_graph_refuses_what_is_no_edge() -> None:
    graph, a = TaskGraph(), task("a")
    with pytest.raises(FieldError, match="did you mean 'any'"):
        graph.add_edge(a, task("b"), when="anyy")
    for wrong in ([a], [(a,)], [(a, "b")], [("b", a)]):
        with pytest.raises(FieldError):
            graph.add_edges_from(wrong)
    with pytest.raises(FieldError, match="itself"):
        graph.add_edge(a, a)


def test_a_filtered_graph_keeps_the_edges_inside() -> None:
    a, b, c = task("a"), task("b"), task("c")
    graph = TaskGraph()
    graph.add_edges_from([(a, b), (b, c)])
    kept = graph.filter_tasks(lambda node: node is not c)
    assert kept.tasks == [a, b] and kept.edges == [(a, b, "ok")]


def test_the_tasks_of_a_graph_are_those_in_its_groups_too() -> None:
    a, b, c = task("a"), task("b"), task("c")
    group = TaskGroup([a, TaskGroup([b])])
    graph = TaskGraph()
    graph.add_tasks_from([b, group, c])
    assert graph.tasks == [b, a, c] and graph.nodes == [b, group, c]


def test_a_task_needs_a_run_or_a_start() -> None:
    class Started(Task):
        def start(self) -> None:
            pass

    class Neither(Task):
        pass

    assert Started()._label() == "Started.start"
    with pytest.raises(TypeError, match="Neither has no `run`"):
        Neither()


def test_a_start_method_is_for_functions() -> None:
    assert ProcTask(train)._start_method == "fork"
    assert ProcTask(train, start_method="spawn")._start_method == "spawn"
    for work, method, said in (
        (train, "spwan", "expected 'fork' or 'spawn', got 'spwan' .*did you mean 'spawn'"),
        (train, 3, "expected 'fork' or 'spawn', got 3"),
        ("true", "spawn", "for functions, not for commands"),
        ("true", "fork", "for functions, not for commands"),
    ):
        with pytest.raises(FieldError, match=said):
            ProcTask(work, start_method=method)  # type: ignore[arg-type]
