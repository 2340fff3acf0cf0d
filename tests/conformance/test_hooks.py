"""on_start, on_end, on_retry, on_fail, on tasks and groups."""

from __future__ import annotations

import os
import signal
import textwrap
from typing import Any

from words import (
    alive,
    create,
    ended,
    err,
    gate,
    host_pids,
    kill_daemon,
    noted,
    notes,
    open_gate,
    out,
    runs,
    wait_until,
)

NOTING = """
class T(ProcTask):
    async def on_start(self):
        await super().on_start()
        note("start", self.name)
    def on_end(self):
        note("end", self.name)

class G(TaskGroup):
    def on_start(self):
        note("start", self.name)
    async def on_end(self):
        await super().on_end()
        note("end", self.name)

def noting(name, command="true", **more):
    return small(name, command, T, **more)
"""


def hooked(backend: Any, body: str, **options: Any) -> Any:
    return create(backend, NOTING + textwrap.dedent(body), **options)


def test_the_example_of_hooks_runs_and_its_prints_are_in_the_log(backend: Any) -> None:
    """contract 1.1; original: Tasks/Lifecycle hooks; contract 1.4: what hooks print"""
    create(
        backend,
        """
        class MyTask(ProcTask):
            async def on_start(self): await super().on_start(); print(f"Task {self.name} starting")
            async def on_end(self):   await super().on_end();   print(f"Task {self.name} finished")
        cattino.export(MyTask("echo between", task_name="mine", min_devices=0))
        """,
    )
    assert ended(backend, "mine") == "Done"
    assert out(backend, "mine").splitlines() == ["Task mine starting", "between", "Task mine finished"]


def test_hooks_run_from_the_outermost_group_inwards_and_back(backend: Any) -> None:
    """contract 1.4: Hooks, in order"""
    hooked(
        backend,
        """
        inner = G([noting(n, f"echo run {n} >> notes") for n in "ab"], "sequential", "inner")
        outer = G([inner, noting("c", "echo run c >> notes")], "sequential", "outer")
        cattino.export(outer)
        """,
    )
    noted(backend, "end outer")
    assert notes(backend) == [
        "start outer",
        "start inner",
        *[f"{what} {task}" for task in "ab" for what in ("start", "run", "end")],
        "end inner",
        *[f"{what} c" for what in ("start", "run", "end")],
        "end outer",
    ]


def test_hooks_may_call_those_of_the_base_with_or_without_await(backend: Any) -> None:
    """contract 1.1: sync or async hooks; original: callbacks, make sure to call the parent"""
    create(
        backend,
        """
        class Sync(ProcTask):
            def on_start(self): super().on_start(); note("start", self.name)
            def on_end(self):   super().on_end();   note("end", self.name)
        class Both(TaskGroup):
            async def on_start(self): await super().on_start(); note("start", self.name)
            def on_end(self):         super().on_end();         note("end", self.name)
        cattino.export(Both([small("s", kind=Sync)], group_name="g"))
        """,
    )
    assert ended(backend, "g/s") == "Done"
    noted(backend, "end g")
    assert notes(backend) == ["start g", "start s", "end s", "end g"]
    assert "never awaited" not in err(backend, "g/s")


def test_what_is_kept_on_self_is_there_in_the_next_hook(backend: Any) -> None:
    """contract 1.4: objects keep their state; order: with `self` kept between them"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self):
                self.seen = {"lock": threading.Lock(), "n": 1}
                self.group.count = getattr(self.group, "count", 0) + 1
            async def on_end(self):
                note(self.name, self.seen["n"], self.seen["lock"].locked())
        class G(TaskGroup):
            def on_end(self):
                note(self.name, self.count)
        cattino.export(G([small(n, kind=T) for n in "ab"], "sequential", "g"))
        """,
    )
    noted(backend, "g 2")
    assert notes(backend) == ["a 1 False", "b 1 False", "g 2"]


def test_self_is_kept_over_a_kill_of_the_daemon(backend: Any) -> None:
    """contract 1.4: also over a restart of the daemon; order: hooks"""
    create(
        backend,
        f"""
        class T(ProcTask):
            def on_start(self):
                self.where = os.getpid()
                self.group.where = os.getpid()
            def on_end(self):
                note(self.where == os.getpid(), self.exit_code)
        class G(TaskGroup):
            def on_end(self):
                note("group", self.where == os.getpid())
        cattino.export(G([small("t", {gate(backend, "gate")!r}, T)], group_name="g"))
        """,
    )
    runs(backend, "g/t")
    kill_daemon(backend)
    open_gate(backend, "gate")
    noted(backend, "group True")
    assert notes(backend) == ["True 0", "group True"]


def test_a_host_that_replaces_a_dead_one_says_what_was_lost(backend: Any) -> None:
    """contract 1.4: starts from the submitted state, and says that changes on self were lost"""
    create(
        backend,
        f"""
        class T(ProcTask):
            count = 1
            def on_start(self):
                self.count = 2
            def on_end(self):
                note(self.count)
        cattino.export(small("t", {gate(backend, "gate")!r}, T))
        """,
    )
    runs(backend, "t")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: not alive(host), "the host is gone")
    open_gate(backend, "gate")
    assert ended(backend, "t") == "Done"
    assert notes(backend) == ["1"]
    assert "lost" in err(backend, "t") + out(backend, "t")


def test_hooks_run_for_every_attempt_and_group_hooks_once(backend: Any) -> None:
    """contract 1.4: (each for every attempt), groups' on_start (once)"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self): note("start", self.attempt)
            def on_end(self):   note("end", self.attempt, self.exit_code, self.status)
        class G(TaskGroup):
            def on_start(self): note("start group")
            def on_end(self):   note("end group")
        task = small("t", "test $CATTINO_ATTEMPT = 2", T, retries=1, backoff="0s")
        cattino.export(G([task], group_name="g"))
        """,
    )
    noted(backend, "end group")
    found = notes(backend)
    assert found[0] == "start group" and found[1] == "start 1" and found[2].startswith("end 1 1")
    assert found[3:] == ["start 2", "end 2 0 Done", "end group"]


def test_on_end_runs_whenever_on_start_did(backend: Any) -> None:
    """contract 1.4: on_end runs whenever on_start did (cancelled, killed, failed), and only then"""
    hooked(
        backend,
        """
        tasks = [noting(n, f"echo up {n} >> notes; exec sleep 1000") for n in ("cancelled", "killed")]
        tasks.append(noting("failed", "exit 1"))
        cattino.export(G([*tasks, chain(small("no", "false"), noting("never"))], group_name="g"))
        """,
    )
    noted(backend, "up cancelled")
    noted(backend, "up killed")
    backend.meow("cancel", "g/cancelled")
    backend.meow("kill", "g/killed")
    noted(backend, "end g")
    for name in ("cancelled", "killed", "failed"):
        assert f"end {name}" in notes(backend)
    assert "start never" not in notes(backend) and "end never" not in notes(backend)
    assert notes(backend)[-1] == "end g"


def test_an_on_start_that_raises_fails_the_task_before_its_process(backend: Any) -> None:
    """contract 1.4: An on_start that raises fails the task, traceback in stderr.log"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self):
                raise ValueError("no luck")
        cattino.export(chain(small("t", "echo ran >> notes", T), small("next", "echo ran >> notes")))
        """,
    )
    assert ended(backend, "g/t", "g/next") == ["Failed", "Cancelled"]
    assert "Traceback" in err(backend, "g/t") and "ValueError: no luck" in err(backend, "g/t")
    assert notes(backend) == []


def test_an_on_end_that_raises_is_reported_and_changes_nothing(backend: Any) -> None:
    """contract 1.4: an on_end that raises is reported and changes no status"""
    create(
        backend,
        """
        class T(ProcTask):
            async def on_end(self):
                raise ValueError("no luck")
        cattino.export(chain(small("t", "true", T), small("next")))
        """,
    )
    assert ended(backend, "g/t", "g/next") == ["Done", "Done"]
    assert "ValueError: no luck" in err(backend, "g/t") + out(backend, "g/t")


def test_successors_wait_for_on_end(backend: Any) -> None:
    """contract 1.4: successors wait for on_end"""
    create(
        backend,
        """
        class T(ProcTask):
            async def on_end(self):
                await asyncio.sleep(0.5)
                note("end")
        cattino.export(chain(small("t", "true", T), small("next", "cat notes")))
        """,
    )
    assert ended(backend, "g/next") == "Done"
    assert out(backend, "g/next") == "end\n"


def test_devices_are_free_before_on_end(backend: Any) -> None:
    """contract 1.4: Devices are held … so they are free again before on_end"""
    create(
        backend,
        """
        class T(ProcTask):
            async def on_end(self):
                for _ in range(3000):
                    if os.path.exists("other-ran"):
                        return note("free")
                    await asyncio.sleep(0.01)
                note("held")
        first = small("first", "true", T, min_devices=4, priority=1)
        cattino.export(TaskGroup([first, small("other", "touch other-ran", min_devices=4)], group_name="g"))
        """,
    )
    assert ended(backend, "g/first", "g/other") == ["Done", "Done"]
    assert notes(backend) == ["free"]


def test_devices_are_held_from_before_on_start(backend: Any) -> None:
    """contract 1.4: Devices are held from before on_start"""
    create(
        backend,
        """
        class T(ProcTask):
            async def on_start(self):
                note("start", len(self.assigned_device_indices))
                while not os.path.exists("go"):
                    await asyncio.sleep(0.01)
        first = small("first", "true", T, min_devices=4, priority=1)
        cattino.export(TaskGroup([first, small("other", min_devices=1)], group_name="g"))
        """,
    )
    noted(backend, "start 4")
    assert backend.status("g/other") == "Waiting"
    backend.write("go", "")
    assert ended(backend, "g/other") == "Done"


def test_what_group_hooks_print_is_in_the_log_of_the_group(backend: Any) -> None:
    """contract 1.4: what hooks print goes to the task's (the group's) stdout.log"""
    create(
        backend,
        """
        class G(TaskGroup):
            async def on_start(self): await super().on_start(); print("group starts")
            async def on_end(self):   await super().on_end();   print("group ends"); note("over")
        cattino.export(G([small("t")], group_name="g"))
        """,
    )
    noted(backend, "over")
    backend.meow("wait")
    (log,) = backend.home.glob("*/*/g/stdout.log")
    wait_until(lambda: log.read_text() == "group starts\ngroup ends\n", "the group's words are in its log")


def test_hooks_of_one_submission_run_in_one_process_and_the_script_once(backend: Any) -> None:
    """contract 1.4: one Python host process …; unpickles what was submitted (never runs the script again)"""
    hooked(
        backend,
        """
        note("script")
        class P(ProcTask):
            def on_start(self): note("host", os.getpid(), threading.get_ident())
        cattino.export(TaskGroup([small(n, kind=P) for n in "abc"], group_name="g"))
        cattino.export(small("d", kind=P))
        """,
    )
    ended(backend, "g/a", "g/b", "g/c", "d")
    found = notes(backend)
    assert found[0] == "script" and len(found) == 5
    assert len({line.split()[1] for line in found[1:]}) == 1


def test_sync_hooks_run_one_at_a_time(backend: Any) -> None:
    """contract 1.4: sync ones one at a time"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self):
                note("enter", self.name)
                time.sleep(0.05)
                note("leave", self.name)
        cattino.export(TaskGroup([small(f"t{n}", kind=T) for n in range(6)], group_name="g"))
        """,
    )
    backend.meow("wait")
    found = notes(backend)
    assert len(found) == 12
    for enter, leave in zip(found[::2], found[1::2]):
        assert enter.replace("enter", "leave") == leave


def test_a_thousand_async_hooks_that_wait_a_second_take_about_a_second(backend: Any) -> None:
    """order: hooks, concurrency (a slow build on two busy cores needs some for the rest)"""
    create(
        backend,
        """
        class T(ProcTask):
            async def on_start(self):
                self.group.times.append(time.monotonic())
                await asyncio.sleep(1)
                self.group.times.append(time.monotonic())
        class G(TaskGroup):
            def on_end(self):
                note(len(self.times), max(self.times) - min(self.times))
        group = G([small(f"t{n}", kind=T) for n in range(1000)], group_name="g")
        group.times = []
        cattino.export(group)
        """,
    )
    backend.meow("wait", timeout=240)
    wait_until(lambda: notes(backend), "the group's on_end")
    count, seconds = notes(backend)[0].split()
    assert int(count) == 2000
    assert float(seconds) < 10


def test_a_hook_of_the_user_runs_under_the_environment_of_the_submission(backend: Any) -> None:
    """contract 1.4: the submitter's working directory, environment … are captured"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self): note(os.getcwd(), os.environ["OF_MINE"])
        cattino.export(small("t", kind=T))
        """,
        environment={"OF_MINE": "seen"},
    )
    ended(backend, "t")
    assert notes(backend) == [f"{backend.work} seen"]
