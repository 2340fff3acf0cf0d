"""The setting `enforce`: the kernel holds a task to its ram and cpus, and an end for want of memory is told
apart from other ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

import pytest
from conftest import Backend, MakeBackend, alive, err, gate, open_gate, out, submit, wait_until, with_settings

FREE = "the setting enforce has no effect on its"
HUNGRY = "python3 -c 'x = bytearray({} << 20)'"


@pytest.fixture
def enforcing(make_backend: MakeBackend, tmp_path: Path) -> Backend:
    backend = with_settings(make_backend, tmp_path, 'enforce = "all"\n')
    backend.meow("create", "true", "-n", "probe", "-c", "0", "--ram", "200MiB")
    backend.meow("wait", "probe")
    if FREE in err(backend, "probe"):
        pytest.skip("no cgroup can limit memory and cores here")
    return backend


def why(backend: Backend, name: str) -> str:
    return str(backend.task(name)["task"]["reason"]["kind"])


def test_one_that_wants_more_memory_is_ended_and_that_is_said(enforcing: Backend) -> None:
    enforcing.meow("create", HUNGRY.format(300), "-n", "big", "-c", "0", "--ram", "100MiB")
    enforcing.meow("create", HUNGRY.format(50), "-n", "small", "-c", "0", "--ram", "100MiB")
    enforcing.meow("create", "kill -9 $$", "-n", "shot", "-c", "0", "--ram", "100MiB")
    enforcing.meow("wait", "big", "small", "shot", check=None)
    assert enforcing.task("small")["task"]["status"] == "Done"
    assert "memory" in enforcing.meow("why", "big").stdout
    assert why(enforcing, "big") == "out_of_memory"
    assert why(enforcing, "shot") == "exit"


def test_it_is_tried_again_with_more_where_that_is_wished(enforcing: Backend) -> None:
    submit(
        enforcing,
        f"""
        t = ProcTask({HUNGRY.format(150)!r}, task_name="t", min_devices=0, ram="100MiB", retries=3,
                     retry_on=["oom"], oom_growth=2.0, backoff="1ms")
        cattino.export(t)
        """,
    )
    enforcing.meow("wait", "t")
    task = enforcing.task("t")["task"]
    assert task["status"] == "Done" and task["attempt"] == 2


def test_cores_are_limited(enforcing: Backend) -> None:
    busy = (
        "import time; b, p = time.monotonic(), time.process_time()\n"
        "while time.process_time() - p < 0.3: pass\n"
        "exit(0 if time.monotonic() - b > 1 else 3)"
    )
    command = f"python3 -c {shlex.quote(busy)}"
    enforcing.meow("create", command, "-n", "t", "-c", "0", "--cpus", "0.2")
    enforcing.meow("wait", "t")


def test_a_function_is_limited_too(enforcing: Backend) -> None:
    submit(
        enforcing,
        """
        def eat(mib):
            return len(bytearray(mib << 20))
        cattino.export(ProcTask(lambda: eat(300), task_name="big", min_devices=0, ram="150MiB"))
        cattino.export(ProcTask(lambda: eat(20), task_name="small", min_devices=0, ram="150MiB"))
        """,
    )
    enforcing.meow("wait", check=None)
    assert why(enforcing, "big") == "out_of_memory"
    assert enforcing.task("small")["task"]["status"] == "Done"


def test_who_wants_more_after_a_new_supervisor_has_come_is_told_of_all_the_same(enforcing: Backend) -> None:
    wait = gate(enforcing, "g")
    enforcing.meow("create", f"{wait}; {HUNGRY.format(300)}", "-n", "big", "-c", "0", "--ram", "100MiB")
    wait_until(lambda: enforcing.task("big")["task"]["pid"], "it runs")
    old = enforcing.health()["supervisor"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: not alive(old) and enforcing.health()["supervisor"] != old, "another one is there")
    open_gate(enforcing, "g")
    enforcing.meow("wait", "big", check=None)
    assert why(enforcing, "big") == "out_of_memory"


def test_a_backend_that_a_limited_task_starts_is_not_limited(
    enforcing: Backend, make_backend: MakeBackend
) -> None:
    other = make_backend()
    command = f"CATTINO_HOME={other.home} {other.programs}/meow _start"
    enforcing.meow("create", command, "-n", "t", "-c", "0", "--ram", "1GiB")
    enforcing.meow("wait", "t")
    for pid in other.own_processes():
        cgroups = Path(f"/proc/{pid}/cgroup").read_text()
        assert re.search(r"cattino-[0-9a-f]{16}", cgroups) is None, cgroups


def test_nothing_is_left_of_it(enforcing: Backend) -> None:
    enforcing.meow("create", "cat /proc/self/cgroup", "-n", "t", "-c", "0", "--ram", "100MiB")
    enforcing.meow("wait", "t")
    pools = set(re.findall(r"cattino-[0-9a-f]{16}", out(enforcing, "t")))
    enforcing.meow("exit", "-y")
    assert pools and [path for pool in pools for path in Path("/sys/fs/cgroup").glob(f"**/{pool}")] == []


def test_where_it_cannot_be_done_the_task_runs_and_its_log_says_so(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'enforce = "all"\n', CATTINO_CGROUPS="off")
    backend.meow("create", "true", "-n", "t", "-c", "0", "--ram", "10MiB")
    backend.meow("create", "true", "-n", "cores", "-c", "0")
    backend.meow("wait")
    wait_until(lambda: f"{FREE} ram and cpus:" in err(backend, "t"), "it is said")
    wait_until(lambda: f"{FREE} cpus:" in err(backend, "cores"), "it is said")


def test_nothing_is_enforced_unless_that_is_wished(backend: Backend) -> None:
    backend.meow("create", HUNGRY.format(100), "-n", "t", "-c", "0", "--ram", "10MiB")
    backend.meow("wait", "t")
    assert err(backend, "t") == ""
