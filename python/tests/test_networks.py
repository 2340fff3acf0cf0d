"""Graphs of networkx."""

from __future__ import annotations

import sys

import pytest

from cattino import CattinoError, FieldError
from cattino.tasks import ProcTask, TaskGraph, TaskGroup


def task(name: str) -> ProcTask:
    return ProcTask("true", task_name=name)


def test_a_graph_goes_to_networkx_and_comes_back() -> None:
    networkx = pytest.importorskip("networkx")
    a, b, c, group = task("a"), task("b"), task("c"), TaskGroup([task("d")])
    graph = TaskGraph()
    graph.add_tasks_from([c, group])
    graph.add_edges_from([(a, b), (b, group, "any")])
    theirs = graph.to_networkx()
    assert isinstance(theirs, networkx.DiGraph)
    assert list(theirs.nodes) == graph.nodes == [c, group, a, b]
    assert theirs.edges[b, group] == {"when": "any"}
    again = TaskGraph.from_networkx(theirs)
    assert again.nodes == graph.nodes
    assert set(again.edges) == set(graph.edges)


def test_a_node_of_networkx_may_have_its_task_as_an_attribute() -> None:
    networkx = pytest.importorskip("networkx")
    a, b = task("a"), task("b")
    theirs = networkx.DiGraph()
    theirs.add_node("first", task=a)
    theirs.add_node(2, task=b)
    theirs.add_edge("first", 2, when="fail", weight=3)
    assert TaskGraph.from_networkx(theirs).edges == [(a, b, "fail")]
    theirs.add_edge("first", "third")
    with pytest.raises(FieldError, match="the node 'third' is no task or group"):
        TaskGraph.from_networkx(theirs)


def test_what_is_no_directed_graph_is_refused() -> None:
    networkx = pytest.importorskip("networkx")
    with pytest.raises(FieldError, match="not directed"):
        TaskGraph.from_networkx(networkx.Graph())
    with pytest.raises(TypeError, match="expected a graph of networkx, got 3"):
        TaskGraph.from_networkx(3)


def test_without_networkx_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(CattinoError, match="pip install networkx"):
        TaskGraph().to_networkx()
