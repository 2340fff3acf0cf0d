"""Hooks: their order, what they print, raise and see, and what outlives a kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import (
    Backend,
    err,
    events,
    gate,
    hooked,
    host_pids,
    open_gate,
    out,
    statuses,
    submit,
    tasks,
    wait_until,
)

# ---- order ----------------------------------------------------------------------------------------


def test_group_hooks_are_outermost_first_and_once(backend: Backend) -> None:
    hooked(
        backend,
        """
        inner = Group([Task("echo a >> events", task_name="a", min_devices=0),
                       Task("echo b >> events", task_name="b", min_devices=0)],
                      execute_strategy="sequential", group_name="inner")
        cattino.export(Group([inner], group_name="outer"))
        """,
    )
    backend.meow("wait")
    wait_until(lambda: "group-end outer" in events(backend), "the group's end")
    assert events(backend) == [
        "group-start outer",
        "group-start inner",
        "start a 1",
        "a",
        "end a 11 0",
        "start b 1",
        "b",
        "end b 11 0",
        "group-end inner",
        "group-end outer",
    ]


def test_hooks_are_for_every_attempt_and_the_object_keeps_its_state(backend: Backend) -> None:
    hooked(
        backend,
        """
        command = "echo run $CATTINO_ATTEMPT >> events; [ $CATTINO_ATTEMPT = 2 ] || exit 100"
        cattino.export(Task(command, task_name="t", min_devices=0))
        """,
    )
    backend.meow("wait", "t")
    assert events(backend) == ["start t 1", "run 1", "end t 11 100", "start t 12", "run 2", "end t 22 0"]
    assert len(backend.task("t")["attempts"]) == 2


def test_hooks_of_a_resumed_task_run_again(backend: Backend) -> None:
    hooked(backend, 'cattino.export(Task("test -e ok", task_name="t", min_devices=0))')
    backend.meow("wait", "t", check=1)
    backend.write("ok", "")
    backend.meow("resume", "t")
    backend.meow("wait", "t")
    found = events(backend)
    assert [line.split()[0] for line in found] == ["start", "end", "start", "end"]
    assert found[1].split()[-1] == "1" and found[3].split()[-1] == "0"


def test_a_successor_waits_for_on_end(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Slow(Task):
            async def on_end(self):
                note("end begins")
                while not os.path.exists("go"):
                    await asyncio.sleep(0.01)
                note("end is over")
        a = Slow("true", task_name="a", min_devices=4)
        b = quick("b", "echo b >> events")
        cattino.export(TaskGroup([a, b], execute_strategy="sequential", group_name="g"))
        """,
    )
    wait_until(lambda: "end begins" in events(backend), "on_end runs")
    backend.meow("create", "true", "-n", "devices-are-free", "-c", "4")
    backend.meow("wait", "devices-are-free")
    assert backend.status("g/b") == "Waiting"
    assert backend.status("g/a") == "Running"
    backend.write("go", "")
    backend.meow("wait", "g")
    assert events(backend)[-2:] == ["end is over", "b"]


def test_async_hooks_of_many_tasks_run_on_one_loop(backend: Backend) -> None:
    """Each waits for all the others: on one loop they meet, one after the other they never would."""
    hooked(
        backend,
        """
        class Meeting(ProcTask):
            async def on_start(self):
                note("here", self.name)
                while len(open("events").read().splitlines()) < 5:
                    await asyncio.sleep(0.01)
        many = [Meeting("true", task_name=f"t{i}", min_devices=0, cpus=0.1) for i in range(5)]
        cattino.export(TaskGroup(many, group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    assert sorted(events(backend)) == [f"here t{i}" for i in range(5)]


def test_sync_hooks_run_one_at_a_time(backend: Backend) -> None:
    hooked(
        backend,
        """
        import time
        class One(ProcTask):
            def on_start(self):
                note("in")
                time.sleep(0.01)
                note("out")
        many = [One("true", task_name=f"t{i}", min_devices=0, cpus=0.1) for i in range(8)]
        cattino.export(TaskGroup(many, group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    assert events(backend) == ["in", "out"] * 8


# ---- what hooks print, raise and see --------------------------------------------------------------


def test_what_hooks_print_is_in_the_logs_of_the_task_and_the_group(backend: Backend) -> None:
    answer = submit(
        backend,
        """
        class T(ProcTask):
            def on_start(self): print("sync é", self.name); print("to stderr", file=sys.stderr)
            async def on_end(self): print("async", self.name)
        class G(TaskGroup):
            def on_start(self): print("group", self.name)
        cattino.export(G([T("echo between", task_name=n, min_devices=0) for n in "ab"], group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    for name in "ab":
        assert out(backend, f"g/{name}").splitlines() == [f"sync é {name}", "between", f"async {name}"]
    assert (Path(answer["run_dir"]) / "g" / "stdout.log").read_text() == "group g\n"


def test_an_on_start_that_raises_fails_the_task(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Bad(Task):
            async def on_start(self):
                await super().on_start()
                raise ValueError("the sky fell")
        bad = Bad("echo never >> events", task_name="bad", min_devices=2)
        cattino.export(TaskGroup([bad, quick("next")], execute_strategy="sequential", group_name="g"))
        """,
    )
    assert backend.meow("wait", "g", check=None).returncode == 1
    assert statuses(backend) == {"g/bad": "Failed", "g/next": "Cancelled"}
    assert backend.task("g/bad")["task"]["reason"]["kind"] == "hook_failed"
    text = err(backend, "g/bad")
    assert "Traceback" in text and "ValueError: the sky fell" in text and "task.py" in text
    assert events(backend) == ["start bad 1", "end bad 11 None"]  # on_end runs whenever on_start did
    assert all(device["tasks"] == [] for device in backend.json("devices")["devices"])


def test_an_on_end_that_raises_changes_no_status(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Bad(ProcTask):
            def on_end(self): raise RuntimeError("too late")
        a = Bad("true", task_name="a", min_devices=0)
        cattino.export(TaskGroup([a, quick("b")], execute_strategy="sequential", group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    assert statuses(backend) == {"g/a": "Done", "g/b": "Done"}
    assert "RuntimeError: too late" in err(backend, "g/a")


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(4)", "sys.exit()", "raise KeyboardInterrupt", "raise BaseException"]
)
def test_a_hook_that_tries_to_leave_fails_its_task_alone(backend: Backend, ending: str) -> None:
    hooked(
        backend,
        f"""
        class Bad(ProcTask):
            def on_start(self): {ending}
        bad = Bad("true", task_name="bad", min_devices=0)
        good = Task("true", task_name="good", min_devices=0)
        cattino.export(TaskGroup([bad, good], group_name="g"))
        """,
    )
    backend.meow("wait", "g", check=1)
    assert statuses(backend) == {"g/bad": "Failed", "g/good": "Done"}


def test_a_groups_on_start_that_raises_fails_what_is_in_it(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Bad(Group):
            def on_start(self): raise ValueError("no group today")
        two = [Task("echo never >> events", task_name=n, min_devices=0) for n in "ab"]
        cattino.export(Bad(two, group_name="g"))
        """,
    )
    assert backend.meow("wait", "g", check=None).returncode == 1
    assert "never" not in events(backend)
    assert "Done" not in statuses(backend).values()


def test_on_end_knows_how_the_task_ended(backend: Backend) -> None:
    hooked(
        backend,
        """
        class T(ProcTask):
            def on_start(self): note("start", self.fullname, self.status, self.attempt)
            def on_end(self): note("end", self.fullname, self.exit_code, self.attempt, self.pid is not None)
        cattino.export(TaskGroup([T("exit 7", task_name="t", min_devices=0)], group_name="g"))
        """,
    )
    backend.meow("wait", "g", check=1)
    assert events(backend) == ["start g/t Running 1", "end g/t 7 1 True"]


def test_on_retry_follows_an_attempt_that_is_repeated_and_on_fail_the_last(backend: Backend) -> None:
    hooked(
        backend,
        """
        class T(ProcTask):
            def on_end(self): note("end", self.name, self.attempt, self.status)
            async def on_retry(self): note("retry", self.name, self.attempt, self.status)
            def on_fail(self): note("fail", self.name, self.attempt, self.status)
        class Quiet(ProcTask):
            def on_fail(self): note("fail", self.name)
        class Raises(T):
            def on_end(self): raise ValueError("no")
        a = T("exit 1", task_name="a", min_devices=0, retries=1, backoff=0)
        b = T("[ $CATTINO_ATTEMPT = 2 ] || exit 100", task_name="b", min_devices=0)
        c = Quiet("exit 1", task_name="c", min_devices=0)
        d = Raises("exit 1", task_name="d", min_devices=0)
        cattino.export(TaskGroup([a, b, c, d], execute_strategy="parallel", group_name="g"))
        """,
    )
    backend.meow("wait", "g", check=1)
    found = events(backend)

    def of(name: str) -> list[str]:
        return [line for line in found if line.split()[1] == name]

    assert of("a") == ["end a 1 Waiting", "retry a 1 Waiting", "end a 2 Failed", "fail a 2 Failed"]
    assert of("b") == ["end b 1 Waiting", "retry b 1 Waiting", "end b 2 Done"]
    assert of("c") == ["fail c"]
    assert of("d") == ["fail d 1 Failed"]


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        (["true", "true"], ["end Done"]),
        (["exit 1", "exit 1"], ["end Failed", "fail Failed"]),
        (["true", "exit 1"], ["end MultiStatus", "fail MultiStatus"]),
    ],
)
def test_a_groups_on_end_shows_what_its_tasks_ended_in(
    backend: Backend, commands: list[str], told: list[str]
) -> None:
    hooked(
        backend,
        f"""
        class G(TaskGroup):
            def on_end(self): note("end", self.status)
            def on_fail(self): note("fail", self.status)
        cattino.export(G([quick(f"t{{i}}", c) for i, c in enumerate({commands!r})], group_name="g"))
        """,
    )
    backend.meow("wait", "g", check=None)
    wait_until(lambda: len(events(backend)) == len(told), "the group ends")
    assert events(backend) == told


def test_on_end_of_a_task_that_is_cancelled_killed_or_never_found(backend: Backend) -> None:
    hooked(
        backend,
        """
        def one(name, command="sleep 1000"): return Task(command, task_name=name, min_devices=0)
        cattino.export(Group([one("cancelled"), one("killed"), one("missing", "/no/such")], group_name="g"))
        """,
    )
    wait_until(lambda: sum(line.startswith("start ") for line in events(backend)) == 3, "all have started")
    wait_until(lambda: tasks(backend)["g/killed"]["pid"] and tasks(backend)["g/cancelled"]["pid"], "they run")
    backend.meow("cancel", "g/cancelled")
    backend.meow("kill", "g/killed")
    backend.meow("wait", "g", check=1)
    wait_until(lambda: "group-end g" in events(backend), "the group ends")
    ends = sorted(line.split()[1] for line in events(backend) if line.startswith("end "))
    assert ends == ["cancelled", "killed", "missing"]
    assert statuses(backend) == {"g/cancelled": "Cancelled", "g/killed": "Failed", "g/missing": "Failed"}


def test_a_task_cancelled_in_its_on_start_never_runs_and_is_told_the_end(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Slow(Task):
            async def on_start(self):
                await super().on_start()
                while not os.path.exists("go"):
                    await asyncio.sleep(0.01)
        cattino.export(Slow("echo never >> events", task_name="t", min_devices=1))
        """,
    )
    wait_until(lambda: events(backend), "on_start runs")
    backend.meow("cancel", "t")
    backend.write("go", "")
    assert backend.meow("wait", "t", check=None).returncode == 4
    assert events(backend)[0] == "start t 1" and events(backend)[1].startswith("end t")
    assert len(events(backend)) == 2


def test_a_task_cancelled_while_it_waits_has_no_hooks(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "holder", "-c", "4")
    hooked(backend, 'cattino.export(Group([Task("true", task_name="t")], group_name="g"))')
    backend.meow("cancel", "g/t")
    assert backend.meow("wait", "g/t", check=None).returncode == 4
    assert events(backend) == []


# ---- kill -9 --------------------------------------------------------------------------------------


def test_a_daemon_killed_between_on_start_and_on_end_loses_no_state(backend: Backend) -> None:
    hooked(
        backend,
        f"""
        cattino.export(Group([Task("{gate(backend, "gate")}", task_name="t", min_devices=0)], group_name="g"))
        """,
    )
    wait_until(lambda: backend.task("g/t")["task"]["pid"], "it runs")
    os.kill(backend.health()["pid"], signal.SIGKILL)
    open_gate(backend, "gate")
    backend.meow("wait", "g")
    wait_until(lambda: "group-end g" in events(backend), "the group ends")
    assert events(backend) == ["group-start g", "start t 1", "end t 11 0", "group-end g"]


def test_a_daemon_killed_inside_a_hook_calls_it_no_second_time(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Slow(Task):
            async def on_start(self):
                await super().on_start()
                while not os.path.exists("go"):
                    await asyncio.sleep(0.01)
        cattino.export(Slow("true", task_name="t", min_devices=0))
        """,
    )
    wait_until(lambda: events(backend), "on_start runs")
    os.kill(backend.health()["pid"], signal.SIGKILL)
    assert backend.status("t") == "Running"
    backend.write("go", "")
    backend.meow("wait", "t")
    assert events(backend) == ["start t 1", "end t 11 0"]


def test_a_host_that_is_killed_is_replaced_and_says_what_was_lost(backend: Backend) -> None:
    hooked(
        backend,
        f"""
        first = Task("{gate(backend, "one")}", task_name="a", min_devices=0)
        second = Task("true", task_name="b", min_devices=0)
        cattino.export(TaskGroup([first, second], execute_strategy="sequential", group_name="g"))
        """,
    )
    wait_until(lambda: backend.task("g/a")["task"]["pid"], "it runs")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGKILL)
    open_gate(backend, "one")
    backend.meow("wait", "g")
    assert statuses(backend) == {"g/a": "Done", "g/b": "Done"}
    assert events(backend) == ["start a 1", "end a 10 0", "start b 1", "end b 11 0"]
    logs = out(backend, "g/a") + err(backend, "g/a") + out(backend, "g/b") + err(backend, "g/b")
    assert "lost" in logs
    listed = {t["name"]: t for t in backend.json("list")["tasks"]}
    assert listed["a"]["hooks_reset"] and "hooks_reset" not in listed["b"]
    died = "the process of its hooks died: what they had left on self was lost"
    assert [died in line for line in backend.meow("list").stdout.splitlines()] == [False, False, True, False]
    assert died in backend.meow("show", "g/a").stdout


def test_what_is_lost_while_a_task_waits_to_run_again_is_said(backend: Backend) -> None:
    hooked(
        backend,
        """
        again = Task("exit $((2 - CATTINO_ATTEMPT))", task_name="a", min_devices=0, retries=1, backoff=3)
        cattino.export(again)
        """,
    )
    wait_until(lambda: tasks(backend)["a"]["status"] == "Waiting", "it waits")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGKILL)
    backend.meow("wait", "a")
    assert events(backend) == ["start a 1", "end a 11 1", "start a 1", "end a 11 0"]
    assert backend.task("a")["task"]["hooks_reset"]


def test_what_hooks_of_a_group_left_and_lost_is_said(backend: Backend) -> None:
    hooked(
        backend,
        f"""
        cattino.export(Group([quick("a", "{gate(backend, "one")}")], group_name="g"))
        """,
    )
    wait_until(lambda: backend.task("g/a")["task"]["pid"], "it runs")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: backend.task("g/a")["task"].get("hooks_reset"), "its end is known")
    open_gate(backend, "one")
    backend.meow("wait", "g")
    logs = Path(backend.task("g/a")["task"]["directory"]).parent
    wait_until(lambda: "are lost" in (logs / "stderr.log").read_text(), "the group's log says it")


def test_what_has_no_hooks_loses_nothing_with_their_process(backend: Backend) -> None:
    hooked(
        backend,
        f"""
        first = Task("{gate(backend, "one")}", task_name="a", min_devices=0)
        plain = quick("b", "{gate(backend, "two")}")
        cattino.export(TaskGroup([first, plain], group_name="g"))
        """,
    )
    wait_until(lambda: all(backend.task(n)["task"]["pid"] for n in ("g/a", "g/b")), "they run")
    (host,) = host_pids(backend)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: backend.task("g/a")["task"].get("hooks_reset"), "its end is known, while they run")
    for name in ("one", "two"):
        open_gate(backend, name)
    backend.meow("wait", "g")
    assert "hooks_reset" not in backend.task("g/b")["task"]
    assert not Path(backend.task("g/b")["task"]["stderr"]).read_text()


def test_a_host_leaves_when_its_submission_has_ended(backend: Backend) -> None:
    hooked(backend, 'cattino.export(Task("true", task_name="t", min_devices=0))')
    backend.meow("wait", "t")
    wait_until(lambda: host_pids(backend) == [], "the host leaves")


def test_a_host_killed_in_a_hook_does_not_hang_the_task(backend: Backend) -> None:
    hooked(
        backend,
        """
        class Deadly(Task):
            def on_start(self):
                if not os.path.exists("died"):
                    open("died", "w").close()
                    os.kill(os.getpid(), 9)
        cattino.export(Deadly("true", task_name="t", min_devices=0))
        """,
    )
    backend.meow("wait", "t", check=None)
    assert backend.status("t") in ("Done", "Failed")
