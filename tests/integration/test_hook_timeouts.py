"""Hooks and hosts that hang: what hangs fails, with the reason, and nothing else is stuck."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import (
    Backend,
    MakeBackend,
    err,
    events,
    hooked,
    host_pids,
    statuses,
    tasks,
    wait_until,
    with_settings,
)

HANGING = {
    "waits": "async def on_start(self): await asyncio.Event().wait()",
    "sleeps": "def on_start(self): time.sleep(3600)",
    "holds the loop up": "async def on_start(self): time.sleep(3600)",
    "goes on": """
            async def on_start(self):
                while True:
                    try: await asyncio.sleep(0.01)
                    except BaseException: pass
            """,
}


@pytest.mark.parametrize("how", HANGING)
def test_a_hook_that_takes_too_long_fails_its_task_and_no_other(backend: Backend, how: str) -> None:
    hooked(
        backend,
        f"""
        import time
        class Hangs(ProcTask):
            {HANGING[how]}
        hangs = Hangs("echo never >> events", task_name="hangs", min_devices=1, hook_timeout="300ms")
        class Fine(Task):
            def on_start(self): self.host = os.getpid(); note("fine starts")
            def on_end(self): note("same host" if self.host == os.getpid() else "another")
        fine = Fine("until [ -e go ]; do sleep 0.01; done", task_name="fine", min_devices=0)
        cattino.export(TaskGroup([fine, hangs], group_name="g"))
        """,
    )
    backend.meow("wait", "g/hangs", check=1)
    backend.write("go", "")
    backend.meow("wait", "g", check=1)
    assert statuses(backend) == {"g/fine": "Done", "g/hangs": "Failed"}
    assert events(backend) == ["fine starts", "same host"]
    assert backend.task("g/hangs")["task"]["reason"]["kind"] == "hook_failed"
    assert "on_start took longer than 0.3 s (hook-timeout)" in err(backend, "g/hangs")
    assert all(device["tasks"] == [] for device in backend.json("devices")["devices"])


def test_the_traceback_of_a_hook_that_held_the_loop_up_shows_where_it_was(backend: Backend) -> None:
    hooked(
        backend,
        """
        import time
        def dig(): time.sleep(3600)
        class Hangs(ProcTask):
            def on_start(self): dig()
        cattino.export(Hangs("true", task_name="t", min_devices=0, hook_timeout=0.2))
        """,
    )
    backend.meow("wait", "t", check=1)
    assert "in dig" in err(backend, "t")


def test_an_on_end_that_takes_too_long_changes_no_status(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "200ms"\n')
    hooked(
        backend,
        """
        class Hangs(ProcTask):
            async def on_end(self): await asyncio.Event().wait()
        class Group(TaskGroup):
            async def on_end(self): await asyncio.Event().wait()
        a = Hangs("true", task_name="a", min_devices=0)
        inner = Group([a], group_name="inner")
        cattino.export(TaskGroup([inner, quick("b")], execute_strategy="sequential", group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    assert statuses(backend) == {"g/b": "Done", "g/inner/a": "Done"}
    assert "on_end took longer than 0.2 s" in err(backend, "g/inner/a")


def test_a_hook_that_may_take_any_time_is_waited_for(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "100ms"\n')
    hooked(
        backend,
        """
        class Slow(ProcTask):
            async def on_start(self):
                note("slow")
                while not os.path.exists("go"): await asyncio.sleep(0.01)
        class Hangs(ProcTask):
            async def on_start(self):
                while True: await asyncio.sleep(0.01)
        slow = Slow("true", task_name="slow", min_devices=0, hook_timeout=0)
        cattino.export(TaskGroup([slow, Hangs("true", task_name="hangs", min_devices=0)], group_name="g"))
        """,
    )
    wait_until(lambda: "slow" in events(backend), "the slow hook runs")
    backend.meow("wait", "g/hangs", check=1)
    assert backend.status("g/slow") == "Running"
    backend.write("go", "")
    backend.meow("wait", "g/slow")


# ---- out of Python's reach ------------------------------------------------------------------------

STUCK = """
        import signal, time
        class Stuck(ProcTask):
            def on_start(self):
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # as C code does that loops
                note("stuck")
                time.sleep(3600)
        stuck = Stuck("true", task_name="stuck", min_devices=0, hook_timeout="100ms")
"""


def test_a_host_that_hangs_is_replaced_and_says_where_it_was(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    """What the stuck hook held up, hooks and functions, is done by the next host."""
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "1s"\n')
    answer = hooked(
        backend,
        f"""{STUCK}
        later = Task("echo ran >> events", task_name="later", min_devices=0)
        function = ProcTask(lambda: note("called"), task_name="function", min_devices=0)
        cattino.export(TaskGroup([stuck, later, function], group_name="g"))
        """,
    )
    backend.meow("wait", "g", check=1)
    assert statuses(backend) == {"g/stuck": "Failed", "g/later": "Done", "g/function": "Done"}
    assert events(backend)[0] == "stuck"
    assert sorted(events(backend)[1:]) == ["called", "end later 11 0", "ran", "start later 1"]
    assert "hung: the setting hook-timeout" in err(backend, "g/stuck")
    log = (Path(answer["run_dir"]) / "cattino-host.log").read_text()
    assert "Fatal Python error: Aborted" in log and "in on_start" in log


def test_a_host_that_is_stopped_is_replaced_and_its_hooks_go_on(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    """An on_end that it had not begun is not lost."""
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "500ms"\n')
    hooked(
        backend,
        """
        long = Task("until [ -e go ]; do sleep 0.01; done", task_name="t", min_devices=0)
        cattino.export(Group([long], group_name="g"))
        """,
    )
    wait_until(lambda: tasks(backend)["g/t"]["pid"], "it runs")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGSTOP)
    backend.write("go", "")
    backend.meow("wait", "g")
    wait_until(lambda: not Path(f"/proc/{host}").exists(), "the stopped one is gone")
    assert backend.status("g/t") == "Done"


def test_the_daemon_may_be_killed_while_a_host_hangs(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "1s"\n')
    hooked(
        backend,
        f"""{STUCK}
        later = Task("true", task_name="later", min_devices=0)
        cattino.export(TaskGroup([stuck, later], group_name="g"))
        """,
    )
    wait_until(lambda: "stuck" in events(backend), "it hangs")
    os.kill(backend.health()["pid"], signal.SIGKILL)
    backend.meow("wait", "g", check=1)
    assert statuses(backend) == {"g/stuck": "Failed", "g/later": "Done"}


# ---- hooks that nobody needs any more -------------------------------------------------------------


def test_a_task_cancelled_in_an_on_start_that_hangs_ends_after_the_grace(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'grace = "200ms"\n')
    hooked(
        backend,
        """
        class Hangs(ProcTask):
            async def on_start(self):
                note("hangs")
                await asyncio.Event().wait()
            def on_end(self): note("end", self.status)
        cattino.export(Hangs("true", task_name="t", min_devices=0))
        """,
    )
    wait_until(lambda: events(backend), "it hangs")
    backend.meow("cancel", "t")
    backend.meow("wait", "t", check=4)
    assert events(backend) == ["hangs", "end Cancelled"]
    assert "on_start took longer than 0.2 s (its task was stopped)" in err(backend, "t")


@pytest.mark.parametrize("how", ["await asyncio.Event().wait()", "time.sleep(3600)"])
def test_meow_exit_waits_for_no_hook_that_hangs(make_backend: MakeBackend, tmp_path: Path, how: str) -> None:
    backend = with_settings(make_backend, tmp_path, 'grace = "200ms"\n')
    hooked(
        backend,
        f"""
        import time
        class Hangs(ProcTask):
            async def on_start(self):
                note("hangs")
                {how}
            async def on_end(self): {how}
        class Group(TaskGroup):
            async def on_end(self): {how}
        cattino.export(Group([Hangs("true", task_name="t", min_devices=0)], group_name="g"))
        """,
    )
    wait_until(lambda: events(backend), "it hangs")
    backend.meow("exit")
    wait_until(lambda: not host_pids(backend), "the host is gone")
