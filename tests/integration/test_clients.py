"""`cattino.Client` and its twin: what they tell, and what they survive."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest
from conftest import Backend, events, start_script, statuses, tasks, wait_until

HEAD = """
import asyncio, os, sys, threading, time, cattino
from cattino.tasks import ProcTask, TaskGroup

def note(*words):
    with open("events", "a") as file:
        print(*words, file=file, flush=True)

def small(name, command="true", **more):
    return ProcTask(command, task_name=name, min_devices=0, cpus=0, **more)

client = cattino.Client()
"""


def start(backend: Backend, body: str) -> subprocess.Popen[str]:
    return start_script(backend, HEAD + textwrap.dedent(body))


def until(name: str) -> str:
    """A command that ends when that file is there."""
    return f"until [ -e {name} ]; do sleep 0.01; done"


def said(process: subprocess.Popen[str], status: int = 0) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    return out if status == 0 else err


def socket_of(backend: Backend) -> Path:
    (state,) = (backend.home / ".state").iterdir()
    return state / "meow.sock"


def kill_daemon(backend: Backend) -> None:
    os.kill(backend.health()["pid"], signal.SIGKILL)


def test_events_go_on_over_kills_with_what_happened_meanwhile(backend: Backend) -> None:
    """Ends, starts, retries and new tasks while the daemon is dead or unheard: each is told, none twice."""
    process = start(
        backend,
        f"""
        happened = client.events()
        client.submit(
            small("a", "{until("a")}"),
            small("b", "{until("b")}; [ $CATTINO_ATTEMPT = 2 ]", retries=1, backoff=0),
            TaskGroup([small("c", "{until("c")}"), small("d")], "sequential", "g"),
        )
        for event in happened:
            if event.task and event.event in ("created", "started", "ended"):
                note(event.event, event.task.fullname, event.task.attempt)
                if (event.event, event.task.name) == ("ended", "late"):
                    break
        """,
    )
    wait_until(lambda: sum(line.startswith("started") for line in events(backend)) == 3, "all run")
    for name in ("a", "b", "c"):
        kill_daemon(backend)
        backend.write(name, "")
    backend.meow("wait")
    kill_daemon(backend)
    backend.meow("create", "true", "-n", "late", "-c", "0")
    said(process)
    told = events(backend)
    assert sorted(told) == sorted(set(told))
    for name, attempts in {"a": 1, "b": 2, "g/c": 1, "g/d": 1, "late": 1}.items():
        mine = [line.split() for line in told if line.split()[1] == name]
        assert mine[0][0] == "created" and mine[-1] == ["ended", name, str(attempts)]
        assert [int(words[2]) for words in mine if words[0] == "started"] == list(range(1, attempts + 1))


def test_ends_while_nobody_listened_are_told(backend: Backend) -> None:
    """Also of a task that was resumed and ended again without another attempt, and of a removed one."""
    process = start(
        backend,
        """
        happened = client.events()
        names = ("big", "t", "gone")
        client.submit(*(ProcTask("sleep 1000", task_name=name, min_devices=4) for name in names))
        client.cancel("t")
        def until(end, name):
            for event in happened:
                if event.task and event.event in ("created", "ended"):
                    note(event.event, event.task.fullname, event.task.attempt)
                    if (event.event, event.task.fullname) == (end, name):
                        break
        until("ended", "t")
        note("pauses")
        while not os.path.exists("go"):
            time.sleep(0.01)
        until("created", "last")
        """,
    )
    wait_until(lambda: "pauses" in events(backend), "it does not listen")
    kill_daemon(backend)
    for words in (["resume", "t"], ["cancel", "t"], ["remove", "gone"], ["create", "true", "-n", "last"]):
        backend.meow(*words)
    backend.write("go", "")
    said(process)
    assert events(backend) == [
        *("created big 0", "created t 0", "created gone 0", "ended t 0", "pauses"),
        *("ended t 0", "ended gone 0", "created last 0"),
    ]


def test_events_since_tell_of_the_past(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "before", "-c", "0")
    backend.meow("wait", "before")
    moment = backend.task("before")["task"]["ended"] / 1000
    backend.meow("create", "exit 3", "-n", "after", "-c", "0")
    backend.meow("wait", "after", check=1)
    out = said(
        start(
            backend,
            f"""
            for event in client.events(since={moment} + 0.002):
                print(event.event, event.task.fullname)
                if event.event == "ended":
                    print(event.task.status, event.task.exit_code, event.text)
                    break
            """,
        )
    )
    assert out.splitlines()[-3:] == ["started after", "ended after", "Failed 3 after ended: exit status 3"]
    assert "before" not in out


def test_a_wait_goes_on_over_a_kill_but_does_not_bring_back_what_was_ended(backend: Backend) -> None:
    process = start(
        backend,
        f"""
        client.submit(small("a", "{until("a")}"),
            ProcTask("sleep 1000", task_name="all", min_devices=4), ProcTask("true", task_name="next"))
        note("waits")
        print(client.wait("a")[0].status)
        note("waits again")
        try:
            print(client.wait("next"))
        except cattino.CattinoError as error:
            print(error)
        """,
    )
    wait_until(lambda: "waits" in events(backend), "it waits")
    kill_daemon(backend)
    backend.write("a", "")
    wait_until(lambda: "waits again" in events(backend), "it waits for the other")
    kill_daemon(backend)
    backend.meow("list")
    backend.meow("exit")
    assert said(process).splitlines() == [
        "Done",
        "the backend was ended meanwhile (what waits goes on when it is started again)",
    ]
    assert not socket_of(backend).exists()


def test_an_executor_does_not_bring_back_what_was_ended(backend: Backend) -> None:
    process = start(
        backend,
        """
        with cattino.Executor(min_devices=4) as executor:
            first = executor.submit(time.sleep, 1000)
            second = executor.submit(time.sleep, 0)
            note("submitted")
            for future in (first, second):
                try:
                    future.result()
                except BaseException as error:
                    print(type(error).__name__, error)
        """,
    )
    wait_until(lambda: "submitted" in events(backend), "both are submitted")
    wait_until(lambda: "Running" in statuses(backend).values(), "one runs")
    backend.meow("exit")
    first, second = said(process).splitlines()
    assert first.startswith("CancelledError")
    assert "the backend was ended meanwhile" in second
    assert not socket_of(backend).exists()


def test_a_log_is_followed_through_attempts_and_from_before_its_task_starts(backend: Backend) -> None:
    process = start(
        backend,
        f"""
        command = "echo one $CATTINO_ATTEMPT; {until("gate")}; printf last; [ $CATTINO_ATTEMPT = 2 ]"
        client.submit(small("t", command, held=True, retries=1, backoff=0))
        lines = client.logs("t", follow=True)
        note("follows")
        for line in lines:
            note(line)
        """,
    )
    wait_until(lambda: events(backend), "it follows")
    backend.meow("resume", "t")
    wait_until(lambda: "one 1" in events(backend), "the first line comes as it is written")
    kill_daemon(backend)
    backend.write("gate", "")
    said(process)
    assert events(backend) == ["follows", "one 1", "last", "one 2", "last"]


@pytest.mark.parametrize("what", ["client.events()", "client.logs('t', follow=True)"])
def test_what_follows_can_be_ended_by_another_thread(backend: Backend, what: str) -> None:
    said(
        start(
            backend,
            f"""
            client.submit(small("t", held=True))
            following = {what}
            ended = threading.Thread(target=lambda: list(following))
            ended.start()
            following.close()
            ended.join()
            """,
        )
    )


def test_a_log_that_is_no_longer_followed_holds_nothing(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            client.submit(small("t", "echo one; sleep 1000"))
            def held():
                for thread in threading.enumerate():
                    if thread.name == "cattino-end":
                        thread.join(20)
                return len(os.listdir("/proc/self/fd"))
            next(client.logs("t", follow=True))
            before = held()
            for _ in range(5):
                for line in client.logs("t", follow=True):
                    break
                with client.logs("t", follow=True) as lines:
                    next(lines)
                client.logs("t", follow=True).close()
            print(held() - before, [t.name for t in threading.enumerate()])
            """,
        )
    )
    assert out == "0 ['MainThread']\n"


def test_a_progress_bar_is_followed_as_it_is_drawn(backend: Backend) -> None:
    process = start(
        backend,
        f"""
        client.submit(small("t", "printf '1/2\\\\r2/2\\\\r'; {until("go")}; echo; echo end"))
        for line in client.logs("t", follow=True):
            note(line)
        """,
    )
    wait_until(lambda: "1/2" in events(backend), "the first is told")
    backend.write("go", "")
    said(process)
    assert events(backend) == ["1/2", "2/2", "end"]


def test_async_iterators_end_their_threads(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            async def main():
                async with cattino.AsyncClient() as client:
                    await client.submit(small("t", "echo one; sleep 1000"))
                    events, lines = client.events(), client.logs("t", follow=True)
                    async for event in client.events(since=0):
                        break
                    async for line in lines:
                        break
                    await lines.aclose()
                    waiting = asyncio.ensure_future(events.__anext__())
                    await asyncio.sleep(0)
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
                    await client.kill("t")
                    try:
                        await client.result("t")
                    except cattino.TaskFailed as error:
                        return str(error)
            print(asyncio.run(main()))
            for thread in threading.enumerate():
                if thread.name in ("cattino-reader", "cattino-end"):
                    thread.join(20)
                    assert not thread.is_alive(), thread.name
            """,
        )
    )
    assert out.startswith("t ended Failed: killed")


def test_hundreds_of_awaits_need_no_thread_each(backend: Backend) -> None:
    process = start(
        backend,
        f"""
            async def main():
                async with cattino.AsyncClient() as client:
                    many = [small(f"t{{i}}", "{until("gate")}") for i in range(3)]
                    await client.submit(*many)
                    waits = [asyncio.ensure_future(client.wait(many[i % 3])) for i in range(300)]
                    note("waits")
                    found = await asyncio.gather(*waits)
                    return len(found), threading.active_count() < 50
            print(asyncio.run(main()))
        """,
    )
    wait_until(lambda: events(backend), "it waits")
    backend.write("gate", "")
    assert said(process) == "(300, True)\n"
    assert set(tasks(backend)) == {"t0", "t1", "t2"}


def test_names_and_what_matches_are_listed_together(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            client.submit(small("a", held=True), small("b1", held=True), small("b2"), small("c"))
            client.wait("b2", "c")
            def told(*names, **options):
                return [info.name for info in client.list(*names, **options)]
            print(told("a", match="^b"), told(match="^b"), told("a", match="^b", status="Waiting"))
            """,
        )
    )
    assert out == "['a', 'b1', 'b2'] ['b1', 'b2'] ['a', 'b1']\n"


def test_a_client_and_its_twin_take_any_number_of_tasks(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            group = TaskGroup([small(f"t{i}", held=True) for i in range(5000)], group_name="g")
            client.submit(group)
            print(len(client.list(group)), len(client.wait(group)), len(client.wait("g")), len(client.wait()))
            client.cancel(group)
            async def main():
                twin = cattino.AsyncClient()
                print(len(await twin.wait(group)), len(await twin.list(group, status="Cancelled")))
                await twin.remove(group)
            asyncio.run(main())
            print(len(client.list(all=True)), group.status)
            """,
        )
    )
    assert out == "5000 5000 5000 5000\n5000 5000\n0 Cancelled\n"


def test_async_events_are_from_when_they_are_asked_for(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            async def main():
                client = cattino.AsyncClient()
                events = client.events()
                await client.submit(small("t"))
                async for event in events:
                    print(event.event, event.task.fullname)
                    if event.event == "ended":
                        break
            asyncio.run(main())
            """,
        )
    )
    assert out == "created t\nstarted t\nended t\n"


def test_renamed_tasks_know_their_names_however_many_they_are(backend: Backend) -> None:
    out = said(
        start(
            backend,
            """
            cattino.settings.override_exist_tasks = "rename"
            for _ in range(2):
                group = TaskGroup([small(f"t{i}", held=True) for i in range(150)], group_name="g")
                last = client.submit(group)[-1]
            task = group.tasks[-1]
            print(task.fullname, task.name, last.fullname, client.task(task).fullname)
            """,
        )
    )
    assert out == "g/t149_1 t149_1 g/t149_1 g/t149_1\n"
