"""Tasks whose class has `start`, `wait` and `terminate`, in their own process."""

from __future__ import annotations

import pytest
from test_host import World, world

__all__ = ["world"]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_task_is_started_and_waited_for_by_its_own_methods(world: World, kind: str) -> None:
    wait = "self.process.wait()" if kind == "def" else "await self.process.wait()"
    start = "subprocess.Popen(['true'])" if kind == "def" else "await asyncio.create_subprocess_exec('true')"
    world.start(
        f"""
        import subprocess
        class Mine(Task):
            {kind} start(self):
                self.process = {start}
            {kind} wait(self, timeout=None):
                return {wait}, timeout
        class Short(Task):
            {kind} start(self):
                return "started"
        objects = [Mine(), Short()]
        """
    )
    world.run()
    world.run("t42/1/run", 42 << 16 | 1, 42)
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0) == world.supervisor.status_of(42 << 16 | 1)
    assert world.result() == (0, None) and world.result(42) == "started"


@pytest.mark.parametrize(
    ("start", "terminate", "status", "said"),
    [
        ("time.sleep(60)", "def", (2, 15), ""),
        ("time.sleep(60)", "async def", (2, 15), ""),
        ("await asyncio.sleep(60)", "def", (2, 15), ""),
        ("await asyncio.sleep(60)", "async def", (2, 15), ""),
        ("time.sleep(60)", "exit", (1, 7), ""),
        ("await asyncio.sleep(60)", "async exit", (1, 7), ""),
        ("time.sleep(60)", "raise", (2, 15), "ValueError: so it is"),
        ("await asyncio.sleep(60)", "async raise", (2, 15), "ValueError: so it is"),
    ],
)
def test_a_task_is_stopped_by_its_own_method(
    world: World, start: str, terminate: str, status: tuple[int, int], said: str
) -> None:
    end = {"exit": "sys.exit(7)", "raise": "raise ValueError('so it is')"}.get(terminate.split()[-1], "pass")
    keyword = "async def" if terminate.startswith("async") else "def"
    world.start(
        f"""
        class Mine(Task):
            {"async def" if "await" in start else "def"} start(self):
                os.system("(sleep 0.1; kill $PPID) &")
                {start}
            {keyword} terminate(self, force=False):
                {"await asyncio.sleep(0)" if "async" in keyword else "pass"}
                print("terminated")
                {end}
        objects = [Mine()]
        """
    )
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == status
    assert world.log() == "terminated\n" and said in world.log(name="stderr.log")
    assert ("Traceback" in world.log(name="stderr.log")) == bool(said)
