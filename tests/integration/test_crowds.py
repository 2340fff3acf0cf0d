"""Many tasks, many people at once."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Backend, MakeBackend, submit


def test_a_thousand_tasks_at_once(backend: Backend) -> None:
    body = 'cattino.export(TaskGroup([quick(f"t{i}", cpus=0.5) for i in range(1000)], group_name="g"))'
    assert submit(backend, body)["count"] == 1000
    backend.meow("wait", "g")
    assert backend.json("show", "g")["group"]["counts"] == {"Done": 1000}
    assert len(list((backend.home).glob("*/*/g/*/stdout.log"))) == 1000
    listed = backend.json("list", "-l", "10")
    assert len(listed["tasks"]) == 10 and listed["truncated"] == 990


def test_a_starter_that_was_stopped_holds_nobody_up_for_long(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "first", "-c", "0")
    backend.exit()
    (lock,) = backend.home.glob(".state/*/start.lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "created second" in backend.meow("create", "true", "-n", "second", "-c", "0").stdout


def test_twenty_people_create_at_the_same_time(backend: Backend) -> None:
    """From nothing: the backend is started once, every task is there once, no name is given twice."""

    def create(number: int) -> str:
        option = ["-n", f"t{number}"] if number % 2 else ["-n", "same", "--name-conflict", "rename"]
        return backend.meow("create", f"echo {number}", "-c", "0", *option, check=None).stderr

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(create, range(20))) == [""] * 20
    backend.meow("wait")
    found = backend.json("list", "--all")["tasks"]
    assert len(found) == 20 and {t["status"] for t in found} == {"Done"}
    assert len({t["shown"] for t in found}) == 20 == len({t["stdout"] for t in found})
    assert len(backend.own_processes()) == 3
    assert sorted(int(Path(t["stdout"]).read_text()) for t in found) == list(range(20))


MEETING = """
import asyncio
met = {{}}  # of each hook: how many have come, and what happens when all have

async def meet(hook):
    count, all_came = met.get(hook) or (0, asyncio.Event())
    met[hook] = (count + 1, all_came)
    if count + 1 == 1000:
        all_came.set()
    await all_came.wait()

class Meeting(ProcTask):
    {hooks}

tasks = [Meeting("true", task_name=f"t{{i}}", min_devices=0, hook_timeout="50s", {cpus}) for i in range(1000)]
cattino.export(TaskGroup(tasks, group_name="g"))
"""
ON_START = 'async def on_start(self): await meet("on_start")'
ON_END = 'async def on_end(self): await meet("on_end")'


@pytest.mark.parametrize(
    ("cores", "cpus", "hooks"),
    [
        ("2000", "", [ON_START, ON_END]),
        ("2", "cpus=0", [ON_START, ON_END]),
        ("8", "", [ON_END]),  # a task's cores are free again by then
    ],
)
def test_a_thousand_hooks_wait_at_once(
    make_backend: MakeBackend, cores: str, cpus: str, hooks: list[str]
) -> None:
    """Each waits until all have begun: if they were held back, in whatever portions, none would end."""
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS=cores)
    submit(backend, MEETING.format(hooks="\n    ".join(hooks), cpus=cpus))
    backend.meow("wait", "g")
    assert backend.json("show", "g")["group"]["counts"] == {"Done": 1000}
