"""TaskGraph."""

from __future__ import annotations

import re
from typing import Any

import pytest
from words import create, ended, noted, notes, reason, statuses

from cattino.tasks import ProcTask, TaskGraph, TaskGroup


def made(*names: str) -> list[Any]:
    return [ProcTask("true", task_name=name, min_devices=0) for name in names]


def line_of(*tasks: Any) -> Any:
    graph = TaskGraph()
    graph.add_tasks_from(list(tasks))
    graph.add_edges_from(list(zip(tasks, tasks[1:])))
    return graph


def test_a_graph_has_the_tasks_that_were_added() -> None:
    """original: API/TaskGraph.add_task, add_tasks_from, tasks"""
    a, b, c = made("a", "b", "c")
    graph = TaskGraph()
    graph.add_task(a)
    graph.add_tasks_from([b, c])
    assert list(graph.tasks) == [a, b, c]
    assert list(graph) == [a, b, c] and len(graph) == 3
    assert a in graph and made("a")[0] not in graph


def test_a_group_that_is_added_stands_for_its_tasks() -> None:
    """original: API/TaskGraph: each node within it still represents a single task"""
    a, b, c = made("a", "b", "c")
    graph = TaskGraph()
    graph.add_task(TaskGroup([a, b], group_name="g"))
    graph.add_task(c)
    assert set(graph.tasks) == {a, b, c}


def test_neighbors_are_those_that_come_next() -> None:
    """original: API/TaskGraph.neighbors"""
    a, b, c = made("a", "b", "c")
    graph = TaskGraph()
    graph.add_tasks_from([a, b, c])
    graph.add_edges_from([(a, b), (a, c)])
    assert set(graph.neighbors(a)) == {b, c}
    assert list(graph.neighbors(b)) == []


def test_tasks_are_removed_with_their_edges() -> None:
    """original: API/TaskGraph.remove_task, remove_tasks_from"""
    a, b, c, d = made("a", "b", "c", "d")
    graph = line_of(a, b, c, d)
    graph.remove_task(b)
    assert set(graph.tasks) == {a, c, d}
    assert list(graph.neighbors(a)) == []
    graph.remove_tasks_from([c, d])
    assert list(graph.tasks) == [a]


def test_a_group_is_removed_with_all_its_tasks() -> None:
    """original: API/TaskGraph.remove_task: … or all tasks from a group"""
    a, b, c = made("a", "b", "c")
    group = TaskGroup([a, b], group_name="g")
    graph = TaskGraph()
    graph.add_tasks_from([group, c])
    graph.remove_task(group)
    assert list(graph.tasks) == [c]


def test_edges_are_removed() -> None:
    """original: API/TaskGraph.remove_edge, remove_edges_from"""
    a, b, c = made("a", "b", "c")
    graph = line_of(a, b, c)
    graph.remove_edge(a, b)
    assert list(graph.neighbors(a)) == [] and list(graph.neighbors(b)) == [c]
    graph.remove_edges_from([(b, c)])
    assert list(graph.neighbors(b)) == []
    assert set(graph.tasks) == {a, b, c}


def test_tasks_are_filtered() -> None:
    """original: API/TaskGraph.filter_tasks"""
    a, b, c = made("a", "b", "c")
    kept = line_of(a, b, c).filter_tasks(lambda task: task.name != "b")
    assert set(kept) == {a, c}


def test_a_wrong_condition_is_told_the_right_ones() -> None:
    """contract 1.2: add_edge(u, v, when="ok"|"any"|"fail"); order: the nearest right word"""
    a, b = made("a", "b")
    graph = line_of(a, b)
    with pytest.raises((TypeError, ValueError), match="fail"):
        graph.add_edge(a, b, when="fails")


def test_a_graph_comes_from_networkx() -> None:
    """order: TaskGraph.from_networkx"""
    make = TaskGraph.from_networkx
    networkx = pytest.importorskip("networkx")
    a, b, c = made("a", "b", "c")
    theirs = networkx.DiGraph([(a, b)])
    theirs.add_node(c)
    graph = make(theirs)
    assert isinstance(graph, TaskGraph)
    assert set(graph.tasks) == {a, b, c}
    assert list(graph.neighbors(a)) == [b]


def test_a_graph_becomes_one_of_networkx_and_comes_back() -> None:
    """order: TaskGraph.to_networkx"""
    a, b, c = made("a", "b", "c")
    graph = line_of(a, b, c)
    convert = graph.to_networkx
    networkx = pytest.importorskip("networkx")
    theirs = convert()
    assert isinstance(theirs, networkx.DiGraph)
    assert set(theirs.nodes) == {a, b, c}
    assert set(theirs.edges) == {(a, b), (b, c)}
    again = TaskGraph.from_networkx(theirs)
    assert list(again.neighbors(b)) == [c]


# ---- with a backend ------------------------------------------------------------------------------------


def test_the_example_of_a_graph_runs_in_order(backend: Any) -> None:
    """contract 1.1; original: Tasks/Task Graphs"""
    for step in "123":
        backend.write(f"step{step}.py", f"print('step{step}', file=open('notes', 'a'))\n")
    create(
        backend,
        """
        def step(n):
            return small(f"step{n}", f"{sys.executable} step{n}.py")
        t1, t2, t3 = step(1), step(2), step(3)
        g = TaskGraph()
        g.add_tasks_from([t1, t2, t3])
        g.add_edges_from([(t1, t2), (t2, t3)])
        cattino.export(TaskGroup(tasks=t1, execute_strategy=g, group_name="steps"))
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["step1", "step2", "step3"]
    assert set(statuses(backend)) == {"steps/step1", "steps/step2", "steps/step3"}


def test_a_graph_is_exported_as_it_is(backend: Any) -> None:
    """contract 1.1: export(obj) takes a Task, a TaskGroup or a TaskGraph"""
    create(
        backend,
        """
        a, b = small("a", "sleep 0.1; echo a >> notes"), small("b", "echo b >> notes")
        g = TaskGraph()
        g.add_tasks_from([b, a])
        g.add_edge(a, b)
        cattino.export(g)
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["a", "b"]


def test_a_diamond_joins_when_both_sides_are_done(backend: Any) -> None:
    """contract 1.2: ready when all its prerequisites are satisfied"""
    create(
        backend,
        """
        top, left, right, bottom = [
            small(n, f"{w}echo {n} >> notes")
            for n, w in [("top", ""), ("left", ""), ("right", "sleep 0.3; "), ("bottom", "")]
        ]
        g = TaskGraph()
        g.add_tasks_from([top, left, right, bottom])
        g.add_edges_from([(top, left), (top, right), (left, bottom), (right, bottom)])
        cattino.export(TaskGroup([top, left, right, bottom], execute_strategy=g, group_name="g"))
        """,
    )
    backend.meow("wait")
    found = notes(backend)
    assert found[0] == "top" and found[-1] == "bottom" and len(found) == 4


@pytest.mark.parametrize(
    "command, when, status",
    [
        ("true", "ok", "Done"),
        ("true", "any", "Done"),
        ("true", "fail", "Cancelled"),
        ("false", "ok", "Cancelled"),
        ("false", "any", "Done"),
        ("false", "fail", "Done"),
    ],
)
def test_an_edge_says_after_which_end(backend: Any, command: str, when: str, status: str) -> None:
    """contract 1.2: add_edge(u, v, when="ok"|"any"|"fail"), and so on down the graph"""
    create(
        backend,
        f"""
        u, v, w = small("u", {command!r}), small("v"), small("w")
        g = TaskGraph()
        g.add_tasks_from([u, v, w])
        g.add_edge(u, v, when={when!r})
        g.add_edge(v, w)
        cattino.export(TaskGroup([u, v, w], execute_strategy=g, group_name="g"))
        """,
    )
    assert ended(backend, "g/v", "g/w") == [status, status]


def test_an_edge_for_any_end_holds_after_a_cancellation(backend: Any) -> None:
    """contract 1.2: when="any" """
    create(
        backend,
        """
        u, v = small("u", "echo up >> notes; exec sleep 1000"), small("v")
        g = TaskGraph()
        g.add_tasks_from([u, v])
        g.add_edge(u, v, when="any")
        cattino.export(g)
        """,
    )
    noted(backend, "up")
    backend.meow("cancel", "u")
    assert ended(backend, "u", "v") == ["Cancelled", "Done"]


def test_an_edge_between_groups_is_every_task_before_every_task(backend: Any) -> None:
    """contract 1.2; original: API/TaskGraph.add_edge"""
    create(
        backend,
        """
        def group(name, wait):
            tasks = [small(f"{name}{n}", f"sleep {wait * n}; echo {name} >> notes") for n in range(3)]
            return TaskGroup(tasks, group_name=name)
        one, two = group("one", 0.1), group("two", 0)
        g = TaskGraph()
        g.add_tasks_from([one, two])
        g.add_edge(one, two)
        cattino.export(TaskGroup([one, two], execute_strategy=g, group_name="g"))
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["one"] * 3 + ["two"] * 3


def test_a_failure_in_a_group_cancels_all_of_the_next_group(backend: Any) -> None:
    """contract 1.2: an edge between groups; dependency u failed"""
    create(
        backend,
        """
        one = TaskGroup([small("a"), small("b", "false")], group_name="one")
        two = TaskGroup([small("a"), small("b")], group_name="two")
        g = TaskGraph()
        g.add_tasks_from([one, two])
        g.add_edge(one, two)
        cattino.export(TaskGroup([one, two], execute_strategy=g, group_name="g"))
        """,
    )
    backend.meow("wait", check=None)
    assert ended(backend, "g/two/a", "g/two/b") == ["Cancelled", "Cancelled"]
    assert "failed" in reason(backend, "g/two/a")


def test_an_edge_crosses_groups(backend: Any) -> None:
    """contract 1.2, order: nesting"""
    create(
        backend,
        """
        a, b = small("a", "sleep 0.2; echo a >> notes"), small("b", "echo b >> notes")
        one, two = TaskGroup([a], group_name="one"), TaskGroup([b], group_name="two")
        g = TaskGraph()
        g.add_tasks_from([a, b])
        g.add_edge(a, b)
        cattino.export(TaskGroup([one, two], execute_strategy=g, group_name="g"))
        """,
    )
    backend.meow("wait")
    assert notes(backend) == ["a", "b"]
    assert set(statuses(backend)) == {"g/one/a", "g/two/b"}


def test_a_waiting_task_says_what_it_waits_for(backend: Any) -> None:
    """contract 1.2: a Waiting task always carries its reason"""
    create(backend, 'cattino.export(chain(small("first", "exec sleep 1000"), small("second")))')
    assert backend.status("g/second") == "Waiting"
    assert "first" in reason(backend, "g/second")


@pytest.mark.parametrize("edges", ["[(a, b), (b, a)]", "[(a, b), (b, c), (c, a)]", "[(a, a)]"])
def test_a_cycle_is_refused(backend: Any, edges: str) -> None:
    """original: Tasks/Task Graphs: a directed acyclic graph; contract 1.7, 5: a clear error"""
    said = create(
        backend,
        f"""
        a, b, c = map(small, "abc")
        g = TaskGraph()
        g.add_tasks_from([a, b, c])
        g.add_edges_from({edges})
        cattino.export(TaskGroup([a, b, c], execute_strategy=g, group_name="g"))
        """,
        check=1,
    )
    assert re.search("(?i)cycl|circ|itself", said)
    assert statuses(backend) == {}
