"""cattino.Client and cattino.AsyncClient."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from typing import Any

import pytest
from words import alive, gate, kill_daemon, noted, open_gate, wait_until, within

import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup, TaskStatus

METHODS = [
    "submit",
    "list",
    "task",
    "wait",
    "result",
    "cancel",
    "kill",
    "resume",
    "remove",
    "logs",
    "events",
    "devices",
]


def small(name: str, command: Any = "true", **more: Any) -> Any:
    more.setdefault("min_devices", 0)
    more.setdefault("cpus", 0)
    return ProcTask(command, task_name=name, **more)


def names(infos: Any) -> list[str]:
    return [info.fullname for info in infos]


@pytest.fixture
def client(here: Any) -> Any:
    with cattino.Client() as made:
        yield made


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_a_client_has_all_its_methods(kind: str) -> None:
    """order: Client; AsyncClient is its twin: the same names"""
    for method in METHODS:
        assert callable(getattr(getattr(cattino, kind), method)), method


def test_submit_returns_the_tasks_in_order(client: Any) -> None:
    """order: submit(*objects) … returns a list of TaskInfo in the order of the tasks"""
    graph = TaskGraph()
    e, f = small("e"), small("f")
    graph.add_tasks_from([e, f])
    graph.add_edge(e, f)
    group = TaskGroup([small("b"), TaskGroup([small("c")], group_name="h")], group_name="g")
    found = client.submit(small("a"), group, small("d"), graph)
    assert isinstance(found, list)
    assert names(found) == ["a", "g/b", "g/h/c", "d", "e", "f"]
    assert [info.name for info in found] == list("abcdef")
    assert len({info.id for info in found}) == 6


def test_a_submission_is_all_or_nothing(client: Any) -> None:
    """contract 1.1: A submission is all or nothing; 1.3: refused with the numbers"""
    with pytest.raises(Exception, match=r"5[\s\S]*4|4[\s\S]*5"):
        client.submit(small("a"), small("b", min_devices=5))
    assert client.list(all=True) == []


def test_the_info_of_a_task_has_every_field(client: Any) -> None:
    """order: TaskInfo has id, name, fullname, group, status, reason, priority, attempt, exit_code, …"""
    client.submit(TaskGroup([small("t", "exit 3", priority=4)], group_name="g"))
    client.wait("g/t")
    info = client.task("g/t")
    assert isinstance(info.id, int)
    assert (info.name, info.fullname, info.group) == ("t", "g/t", "g")
    assert isinstance(info.status, TaskStatus) and info.status == "Failed"
    assert "3" in info.reason
    assert (info.priority, info.attempt, info.exit_code) == (4, 1, 3)
    assert (os.path.isdir(info.directory)) and os.path.exists(os.path.join(info.directory, "stdout.log"))
    assert hasattr(info, "pid")


def test_the_info_of_a_running_and_of_a_waiting_task(here: Any, client: Any) -> None:
    """order: TaskInfo; contract 1.2: a Waiting task always carries its reason"""
    held = small("first", gate(here, "gate"))
    client.submit(TaskGroup([held, small("second")], execute_strategy="sequential", group_name="g"))
    wait_until(lambda: client.task("g/first").pid, "its process is known")
    first, second = client.task("g/first"), client.task("g/second")
    assert alive(first.pid) and first.exit_code is None
    assert second.pid is None and "first" in second.reason
    open_gate(here, "gate")
    client.wait()


def test_a_task_is_found_by_name_by_id_and_by_object(client: Any) -> None:
    """order: task(name_or_id); Names and tasks objects are both accepted where a name is"""
    task = small("t")
    (info,) = client.submit(TaskGroup([task], group_name="g"))
    assert client.task("g/t").id == client.task(info.id).id == client.task(task).id == info.id


def test_a_task_that_is_not_there_is_named(client: Any) -> None:
    """contract 1.7, 5: a clear error"""
    client.submit(small("train"))
    with pytest.raises(Exception, match="trian"):
        client.task("trian")


def test_the_list_is_filtered_by_name_and_status(here: Any, client: Any) -> None:
    """order: list(*names, status=None, all=False)"""
    client.submit(small("done"), small("failed", "false"), small("up", gate(here, "gate")))
    client.wait("done", "failed")
    wait_until(lambda: client.task("up").status == "Running", "it runs")
    assert set(names(client.list(all=True))) == {"done", "failed", "up"}
    assert names(client.list(all=True, status="Failed")) == ["failed"]
    assert names(client.list(all=True, status=TaskStatus.Done)) == ["done"]
    assert names(client.list("up")) == ["up"]
    assert names(client.list(status="Running")) == ["up"]
    open_gate(here, "gate")
    client.wait()


def test_a_group_stands_for_its_tasks(client: Any) -> None:
    """contract 1.6: names, groups; order: tasks objects are accepted where a name is"""
    group = TaskGroup([small("a"), small("b")], group_name="g")
    client.submit(group, small("c"))
    client.wait("g")
    assert set(names(client.list("g", all=True))) == {"g/a", "g/b"}
    client.wait(group)
    assert set(names(client.list(group, all=True))) == {"g/a", "g/b"}


def test_wait_returns_at_the_ends_and_has_a_timeout(here: Any, client: Any) -> None:
    """order: wait(*names, timeout=None)"""
    task = small("t", gate(here, "gate"))
    client.submit(task, small("other"))
    client.wait("other", timeout=50)
    with pytest.raises(TimeoutError):
        client.wait(task, timeout=0.2)
    open_gate(here, "gate")
    within(50, client.wait)
    assert client.task("t").status == "Done"


def test_the_result_of_a_function_is_fetched_by_name(client: Any) -> None:
    """order: result(name, timeout=None)"""
    task = small("f", functools.partial(pow, 2, 10))
    client.submit(task)
    assert client.result("f", timeout=50) == 1024
    assert client.result(task) == 1024


def test_the_exception_of_a_function_is_raised(client: Any) -> None:
    """order: result(name, timeout=None); result or exception with traceback"""
    client.submit(small("f", functools.partial(int, "x")))
    with pytest.raises(ValueError, match="invalid literal") as caught:
        client.result("f", timeout=50)
    assert isinstance(caught.value.__cause__, cattino.TaskFailed)


def test_verbs(here: Any, client: Any) -> None:
    """order: cancel, kill, resume, remove; contract 1.6: the table"""
    command = "echo up $CATTINO_TASK_NAME >> notes; test -e repaired || exec sleep 1000"
    one, two = small("one", command), small("two", command)
    client.submit(one, two)
    noted(here, "up one")
    noted(here, "up two")
    client.cancel(one)
    client.kill("two")
    client.wait()
    assert client.task("one").status == "Cancelled"
    assert client.task("two").status == "Failed" and "killed" in client.task("two").reason
    here.write("repaired", "")
    client.resume("one", two)
    client.wait("one", "two")
    assert client.task("one").status == client.task(two).status == "Done"
    client.remove("one")
    assert names(client.list(all=True)) == ["two"]


def test_logs_are_lines(client: Any) -> None:
    """order: logs(name, stream="stdout", follow=False) (an iterator of str lines)"""
    task = small("t", "echo one; echo two; echo bad >&2")
    client.submit(task)
    client.wait()
    assert [line.rstrip("\n") for line in client.logs("t")] == ["one", "two"]
    assert [line.rstrip("\n") for line in client.logs(task, stream="stderr")] == ["bad"]


def test_logs_are_followed_to_the_end_of_the_task(here: Any, client: Any) -> None:
    """order: logs(…, follow=True)"""
    client.submit(small("t", f"echo one; {gate(here, 'gate')}; echo two"))
    lines = iter(client.logs("t", follow=True))
    assert within(50, lambda: next(lines)).rstrip("\n") == "one"
    open_gate(here, "gate")
    assert [line.rstrip("\n") for line in within(50, lambda: list(lines))] == ["two"]


def test_events_tell_what_happens(client: Any) -> None:
    """order: events(since=None): each with .event such as created/started/ended and .task, a TaskInfo"""
    events = iter(client.events())
    client.submit(small("t", "exit 3"))
    seen = []

    def follow() -> list[str]:
        for event in events:
            seen.append(event)
            if event.event == "ended":
                break
        return [event.event for event in seen]

    found = within(50, follow)
    assert [word for word in found if word in ("created", "started", "ended")] == [
        "created",
        "started",
        "ended",
    ]
    assert seen[-1].task.fullname == "t"
    assert seen[-1].task.status == "Failed" and seen[-1].task.exit_code == 3


def test_events_miss_nothing_over_a_kill_of_the_backend(here: Any, client: Any) -> None:
    """order: never misses one, also over kill -9 of the backend"""
    events = iter(client.events())
    client.submit(small("a", gate(here, "one")), small("b", gate(here, "two")))
    wait_until(lambda: client.task("a").status == client.task("b").status == "Running", "both run")
    os.kill(here.health()["pid"], signal.SIGKILL)
    open_gate(here, "one")
    kill_daemon(here)
    open_gate(here, "two")
    here.meow("wait")
    ends = []

    def follow() -> list[str]:
        for event in events:
            if event.event == "ended":
                ends.append(event.task.name)
            if len(ends) == 2:
                break
        return sorted(ends)

    assert within(50, follow) == ["a", "b"]


def test_a_client_goes_on_after_a_kill_of_the_backend(here: Any, client: Any) -> None:
    """contract 1.7, 2: the next command finds everything as it was"""
    client.submit(small("t", gate(here, "gate")))
    wait_until(lambda: client.task("t").status == "Running", "it runs")
    kill_daemon(here)
    assert client.task("t").status == "Running"
    open_gate(here, "gate")
    client.wait("t", timeout=50)
    assert client.task("t").status == "Done"


def test_devices_are_listed(client: Any) -> None:
    """order: devices()"""
    found = list(client.devices())
    assert len(found) == 4


def test_a_wrong_word_is_told_the_nearest_right_one(client: Any) -> None:
    """order: signature errors name the nearest right word"""
    with pytest.raises((TypeError, ValueError), match="Running"):
        client.list(status="Runing")
    with pytest.raises((TypeError, ValueError), match="stdout"):
        list(client.logs("t", stream="stdour"))


# ---- the async one -------------------------------------------------------------------------------------


def test_the_async_client_does_the_same(here: Any) -> None:
    """order: AsyncClient is its twin: coroutines / async iterators, async with"""

    async def main() -> Any:
        async with cattino.AsyncClient() as client:
            submitted = await client.submit(small("t", "echo one; echo two"), small("f", int))
            await client.wait("t", timeout=50)
            lines = [line.rstrip("\n") async for line in client.logs("t")]
            value = await client.result("f", timeout=50)
            listed = await client.list(all=True)
            info = await client.task("t")
            devices = await client.devices()
            await client.remove("f")
            rest = await client.list(all=True)
            return names(submitted), lines, value, len(listed), str(info.status), len(devices), names(rest)

    assert asyncio.run(main()) == (["t", "f"], ["one", "two"], 0, 2, "Done", 4, ["t"])


def test_the_async_events_come_while_others_work(here: Any) -> None:
    """order: AsyncClient: async iterators; events"""

    async def main() -> Any:
        async with cattino.AsyncClient() as client:
            found = []

            async def follow() -> None:
                async for event in client.events():
                    found.append(event.event)
                    if event.event == "ended":
                        return

            follower = asyncio.ensure_future(follow())
            await asyncio.sleep(0)
            await client.submit(small("t"))
            await client.wait("t")
            await asyncio.wait_for(follower, 50)
            return found

    assert asyncio.run(main())[-1] == "ended"


def test_many_waits_of_the_async_client_run_side_by_side(here: Any) -> None:
    """order: AsyncClient: coroutines"""

    async def main() -> Any:
        async with cattino.AsyncClient() as client:
            await client.submit(small("a", gate(here, "gate")), small("b"))
            waiting = asyncio.ensure_future(client.wait("a"))
            await client.wait("b", timeout=50)
            assert not waiting.done()
            open_gate(here, "gate")
            await asyncio.wait_for(waiting, 50)
            return str((await client.task("a")).status)

    assert asyncio.run(main()) == "Done"
