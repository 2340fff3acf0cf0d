"""TaskGroup."""

from __future__ import annotations

from typing import Any

import pytest
from words import create, ended, gate, notes, open_gate, out, reason, runs, script, statuses, with_settings

from cattino.tasks import ProcTask, TaskGraph, TaskGroup


def made(*names: str) -> list[Any]:
    return [ProcTask("true", task_name=name, min_devices=0) for name in names]


def test_the_arguments_have_the_order_of_the_original() -> None:
    """original: API/TaskGroup(tasks, execute_strategy="parallel", group_name=None)"""
    group = TaskGroup(made("a", "b"), "sequential", "g")
    assert group.name == "g"


def test_a_group_without_a_name_is_called_after_a_task_in_it() -> None:
    """original: API/TaskGroup, group_name"""
    assert TaskGroup(made("a", "b")).name in ("group_of_a", "group_of_b")


def test_a_group_has_its_tasks_in_order() -> None:
    """order: all_tasks, subtasks, iteration, in; original: __len__"""
    a, b = tasks = made("a", "b")
    group = TaskGroup([a, b], group_name="g")
    assert list(group) == tasks
    assert list(group.subtasks) == tasks
    assert list(group.all_tasks) == tasks
    assert len(group) == 2
    assert a in group and b in group
    assert made("a")[0] not in group


def test_tasks_know_their_group_and_their_fullname() -> None:
    """original: fullname of a group and a task, separated by a slash; contract 1.1: group/subgroup/task"""
    (task,) = made("t")
    inner = TaskGroup([task], group_name="inner")
    outer = TaskGroup([inner], group_name="outer")
    assert task.group is inner and inner.group is outer and outer.group is None
    assert task.fullname == "outer/inner/t"
    assert inner.fullname == "outer/inner"


def test_all_tasks_are_those_of_subgroups_too_and_subtasks_are_not() -> None:
    """original: API/TaskGroup.all_tasks; order: nesting"""
    a, b, c = made("a", "b", "c")
    inner = TaskGroup([a, b], group_name="inner")
    outer = TaskGroup([inner, c], group_name="outer")
    assert set(outer.all_tasks) == {a, b, c}
    assert list(outer.subtasks) == [inner, c]
    assert inner in outer and c in outer


@pytest.mark.parametrize("form", ["one", "list", "tuple"])
def test_one_task_or_several_are_accepted(form: str) -> None:
    """contract 1.1: one task, a list, or a graph: all accepted"""
    (task,) = made("a")
    group = TaskGroup({"one": task, "list": [task], "tuple": (task,)}[form], group_name="g")
    assert list(group.all_tasks) == [task]
    assert task.fullname == "g/a"


def test_a_graph_is_accepted_for_the_tasks() -> None:
    """contract 1.1: one task, a list, or a graph: all accepted"""
    a, b = made("a", "b")
    graph = TaskGraph()
    graph.add_tasks_from([a, b])
    assert set(TaskGroup(graph, group_name="g").all_tasks) == {a, b}


def test_tasks_found_in_the_graph_join_the_group() -> None:
    """contract 1.1: tasks found in the graph join the group"""
    a, b, c = made("a", "b", "c")
    graph = TaskGraph()
    graph.add_tasks_from([a, b, c])
    graph.add_edges_from([(a, b), (b, c)])
    group = TaskGroup(tasks=a, execute_strategy=graph, group_name="g")
    assert set(group.all_tasks) == {a, b, c}
    assert {task.fullname for task in (a, b, c)} == {"g/a", "g/b", "g/c"}


def test_a_task_or_a_group_is_added() -> None:
    """original: API/TaskGroup.add_task"""
    a, b, c = made("a", "b", "c")
    group = TaskGroup([a], group_name="g")
    group.add_task(b)
    group.add_task(TaskGroup([c], group_name="h"))
    assert b in group and b.group is group
    assert set(group.all_tasks) == {a, b, c}
    assert c.fullname == "g/h/c"


def test_a_group_is_made_from_pairs_of_names_and_tasks() -> None:
    """original: API/TaskGroup.from_name_task_pairs, its example"""
    one, two, three = made("one", "two", "three")
    group = TaskGroup.from_name_task_pairs(
        [("", one), ("group1", two), ("group1/group2", three)], group_name="top"
    )
    assert isinstance(group, TaskGroup)
    assert set(group.all_tasks) == {one, two, three}
    assert [task.fullname for task in (one, two, three)] == [
        "top/one",
        "top/group1/two",
        "top/group1/group2/three",
    ]


def test_groups_made_from_pairs_have_the_types_asked_for() -> None:
    """original: API/TaskGroup.from_name_task_pairs, group_types; the current type otherwise"""

    class Mine(TaskGroup):
        pass

    class Other(TaskGroup):
        pass

    one, two, three = made("one", "two", "three")
    Mine.from_name_task_pairs(
        [("", one), ("a", two), ("b", three)], group_types={"b": Other}, group_name="top"
    )
    assert [type(task.group) for task in (one, two, three)] == [Mine, Mine, Other]


def test_equal_names_in_one_group_are_refused(backend: Any) -> None:
    """contract 1.1: fullnames are unique; original: quickstart/Passing Arguments, the note"""
    said = create(backend, 'cattino.export(TaskGroup([small("a"), small("a")], group_name="g"))', check=1)
    assert "a" in said
    assert statuses(backend) == {}


def test_a_wrong_strategy_is_told_the_nearest_right_word() -> None:
    """order: signature errors name the nearest right word"""
    with pytest.raises((TypeError, ValueError), match="sequential"):
        TaskGroup(made("a"), execute_strategy="sequentail")


def test_the_status_of_a_group_is_that_of_all_or_multi_status(backend: Any) -> None:
    """original: API/TaskGroup.status; contract 1.2: a group of mixed ones is MultiStatus"""
    said = script(
        backend,
        """
        same = TaskGroup([small("a"), small("b")], group_name="same")
        mixed = TaskGroup([small("a"), small("b", "false")], group_name="mixed")
        before = str(same.status)
        for group in (same, mixed):
            cattino.export(group)
            group.wait()
        say([before, str(same.status), mixed.status == "MultiStatus", same.status == "Done"])
        """,
    )
    assert said == ["Waiting", "Done", True, True]


def test_a_group_is_parallel_unless_told_otherwise(backend: Any) -> None:
    """contract 1.1: TaskGroup (parallel unless told otherwise)"""
    meet = "touch {0}; while ! test -e {1}; do sleep 0.01; done"
    create(
        backend,
        f"""
        pair = [small("a", {meet.format("a", "b")!r}), small("b", {meet.format("b", "a")!r})]
        cattino.export(TaskGroup(pair, group_name="g"))
        """,
    )
    assert ended(backend, "g/a", "g/b") == ["Done", "Done"]


def test_a_sequential_group_runs_in_the_order_given(backend: Any) -> None:
    """original: Tasks/TaskGroup with dependencies"""
    create(
        backend,
        """
        tasks = [small(n, f"sleep 0.1; echo {n} >> notes") for n in "cab"]
        group = chain(*tasks)
        group.add_task(small("last", "echo last >> notes"))
        cattino.export(group)
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["c", "a", "b", "last"]


def test_a_sequential_group_of_groups_runs_one_after_the_other(backend: Any) -> None:
    """order: nesting; contract 1.2: every task of the one before every task of the other"""
    create(
        backend,
        """
        def pair(name):
            return TaskGroup([small(n, f"sleep 0.1; echo {name} >> notes") for n in "xy"], group_name=name)
        cattino.export(chain(pair("one"), pair("two"), small("three", "echo three >> notes")))
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["one", "one", "two", "two", "three"]
    assert set(statuses(backend)) == {"g/one/x", "g/one/y", "g/two/x", "g/two/y", "g/three"}


def test_a_parallel_group_of_chains_runs_them_side_by_side(backend: Any) -> None:
    """order: nesting"""
    meet = "touch {0}; while ! test -e {1}; do sleep 0.01; done"
    create(
        backend,
        f"""
        left = chain(small("a"), small("b", {meet.format("left", "right")!r}), name="left")
        right = chain(small("a"), small("b", {meet.format("right", "left")!r}), name="right")
        cattino.export(TaskGroup([left, right], group_name="g"))
        """,
    )
    assert ended(backend, "g/left/b", "g/right/b") == ["Done", "Done"]


def test_what_comes_after_a_failure_is_cancelled_with_the_reason(backend: Any) -> None:
    """contract 1.2: v is Cancelled with the reason `dependency u failed`, and so on down the graph"""
    create(backend, 'cattino.export(chain(small("a", "false"), small("b"), small("c")))')
    assert ended(backend, "g/a", "g/b", "g/c") == ["Failed", "Cancelled", "Cancelled"]
    assert "dependency" in reason(backend, "g/b") and "a failed" in reason(backend, "g/b")


def test_without_the_cascade_what_comes_after_waits_and_runs_after_a_resume(
    make_backend: Any, tmp_path: Any
) -> None:
    """contract 1.2: with cascade-cancel-on-failure=false it stays Waiting with that reason, and runs if …"""
    backend = with_settings(make_backend, tmp_path, "cascade-cancel-on-failure = false\n")
    create(backend, 'cattino.export(chain(small("a", "test -e repaired"), small("b")))')
    assert ended(backend, "g/a") == "Failed"
    assert backend.status("g/b") == "Waiting"
    assert "a failed" in reason(backend, "g/b")
    backend.write("repaired", "")
    backend.meow("resume", "g/a")
    assert ended(backend, "g/a", "g/b") == ["Done", "Done"]


def test_a_resume_brings_back_what_was_cancelled_because_of_it(backend: Any) -> None:
    """contract 1.6: resume → Waiting … and with it the tasks that were cancelled because of it"""
    create(backend, 'cattino.export(chain(small("a", "test -e repaired"), small("b")))')
    assert ended(backend, "g/b") == "Cancelled"
    backend.write("repaired", "")
    backend.meow("resume", "g/a")
    assert ended(backend, "g/a", "g/b") == ["Done", "Done"]


def test_a_group_can_be_waited_for(backend: Any) -> None:
    """order: group.wait()"""
    said = script(
        backend,
        """
        group = chain(small("a", "sleep 0.2"), small("b", "sleep 0.1; echo b >> notes"))
        cattino.export(group)
        group.wait()
        say([open(NOTES).read(), str(group.status)])
        """,
    )
    assert said == ["b\n", "Done"]


@pytest.mark.parametrize(
    "verb, first", [("cancel()", "Cancelled"), ("terminate()", "Failed"), ("terminate(force=True)", "Failed")]
)
def test_a_group_that_was_sent_hears_the_verbs_of_the_original(backend: Any, verb: str, first: str) -> None:
    """original: API/TaskGroup.cancel, API/TaskGroup.terminate; contract 1.6"""
    script(
        backend,
        f"""
        group = chain(small("a", "echo up >> notes; exec sleep 1000"), small("b"))
        cattino.export(group)
        while not os.path.exists(NOTES):
            time.sleep(0.01)
        group.{verb}
        group.wait()
        say(0)
        """,
    )
    assert statuses(backend) == {"g/a": first, "g/b": "Cancelled"}


def test_a_group_that_was_sent_can_be_resumed(backend: Any) -> None:
    """original: API/TaskGroup.resume; contract 1.6: resume (a task, or those in a group)"""
    said = script(
        backend,
        """
        group = chain(small("done", "echo once >> notes"), small("a", "test -e repaired"), small("b"))
        cattino.export(group)
        group.wait()
        open("repaired", "w").close()
        group.resume()
        group.wait()
        say([str(group.status), open(NOTES).read()])
        """,
    )
    assert said == ["Done", "once\n"], "Done is never run again"


def test_a_subclass_of_a_group_with_an_init_of_its_own_is_accepted(backend: Any) -> None:
    """original: quickstart/example (MyTaskGroup)"""
    create(
        backend,
        """
        class Mine(TaskGroup):
            def __init__(self, tasks, execute_strategy="sequential"):
                super().__init__(tasks=tasks, execute_strategy=execute_strategy)
            async def on_start(self):
                await super().on_start()
                print("group of mine starts")
        cattino.export(Mine([small(n, f"echo {n} >> notes") for n in "ab"]))
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["a", "b"]


def test_exported_groups_and_tasks_are_one_submission(backend: Any) -> None:
    """contract 1.4: one directory a submission; 1.1: all or nothing"""
    create(
        backend,
        """
        cattino.export(small("a", "echo ${run_dir}"))
        cattino.export(TaskGroup([small("a", "echo ${run_dir}")], group_name="g"))
        """,
    )
    assert ended(backend, "a", "g/a") == ["Done", "Done"]
    assert out(backend, "a") == out(backend, "g/a")


def test_a_task_alone_and_one_in_a_group_may_have_one_name_while_both_run(backend: Any) -> None:
    """contract 1.1: a fullname is group/subgroup/task; fullnames are unique"""
    create(
        backend,
        f"""
        cattino.export(small("a", {gate(backend, "one")!r}))
        cattino.export(TaskGroup([small("a", {gate(backend, "two")!r})], group_name="g"))
        """,
    )
    runs(backend, "a")
    runs(backend, "g/a")
    open_gate(backend, "one")
    open_gate(backend, "two")
    assert ended(backend, "a", "g/a") == ["Done", "Done"]
