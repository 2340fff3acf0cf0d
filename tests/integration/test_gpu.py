"""On a real NVIDIA device: what is listed, who sees it, and whose memory counts. Skipped without one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    Backend,
    MakeBackend,
    err,
    gate,
    in_python,
    open_gate,
    out,
    python,
    statuses,
    submit,
    tasks,
    wait_until,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not Path("/dev/nvidia0").exists(), reason="no NVIDIA device here"),
]

# The driver's own library, so that no framework is needed: takes MIB of the first device that is
# visible, says so, and holds it until the file GATE can be read.
HOLD = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
def call(name, *arguments):
    code = getattr(cuda, name)(*arguments)
    if code:
        sys.exit(f"{name}: {code}")
mib, gate = int(sys.argv[1]), sys.argv[2]
device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
call("cuInit", 0)
call("cuDeviceGet", ctypes.byref(device), 0)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
call("cuCtxSetCurrent", context)
call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(mib << 20))
print("holds", mib, flush=True)
open(gate).read()
"""

COUNT = """
import ctypes, os
cuda = ctypes.CDLL("libcuda.so.1")
count = ctypes.c_int(-1)
code = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
print(code, count.value, os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("CUDA_DEVICE_ORDER"))
"""


@pytest.fixture
def real(make_backend: MakeBackend) -> Backend:
    backend = make_backend()
    backend.write("hold.py", textwrap.dedent(HOLD))
    backend.write("count.py", textwrap.dedent(COUNT))
    return backend


def smi(*fields: str) -> list[list[str]]:
    """What nvidia-smi says of each device."""
    query = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    lines = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    return [[word.strip() for word in line.split(",")] for line in lines]


def hold(backend: Backend, name: str, mib: int, *request: str) -> None:
    """A task that takes memory of a device, until its gate is opened."""
    os.mkfifo(backend.work / name)
    command = f"{sys.executable} hold.py {mib} {name}"
    backend.meow("create", command, "-n", name, *request)


def holds(backend: Backend, name: str) -> None:
    def said() -> bool:
        log = backend.task(name)["task"]["stdout"]
        return log is not None and Path(log).exists() and "holds" in Path(log).read_text()

    wait_until(said, f"{name} has its memory")


def device(backend: Backend) -> dict[str, Any]:
    found: dict[str, Any] = backend.json("devices")["devices"][0]
    return found


class Stranger:
    """A process that is no task and takes memory of the device."""

    def __init__(self, backend: Backend, mib: int) -> None:
        self.gate = backend.work / "stranger"
        os.mkfifo(self.gate)
        self.process = subprocess.Popen(
            [sys.executable, "hold.py", str(mib), str(self.gate)],
            stdout=subprocess.PIPE,
            **in_python(backend),
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"holds {mib}\n"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def test_the_devices_listed_are_those_of_the_driver(real: Backend) -> None:
    listed = real.json("devices")["devices"]
    expected = smi("index", "name", "uuid", "memory.total", "memory.reserved")
    assert len(listed) == len(expected)
    for found, (index, name, uuid, total, reserved) in zip(listed, expected):
        assert [found["name"], found["model"], found["uuid"]] == [f"cuda:{index}", name, uuid]
        assert abs(found["total"] - (int(total) - int(reserved))) <= 2, "each is rounded to MiB"
        assert found["health"] == "ok"
    assert expected[0][1] in real.meow("devices").stdout


def test_a_task_sees_its_devices_and_no_other(real: Backend) -> None:
    count = f"{sys.executable} count.py"
    real.meow("create", count, "-n", "one", "-c", "1")
    real.meow("create", count, "-n", "none", "-c", "0")
    real.meow("wait")
    assert out(real, "one") == "0 1 0 PCI_BUS_ID\n"
    assert out(real, "none").split(" ")[:3] == ["100", "-1", ""]  # the driver's "no device"


def test_tasks_share_a_device_by_what_they_ask_for(real: Backend) -> None:
    total = int(smi("memory.total")[0][0])
    third = str(total * 4 // 10)
    for name in ("a", "b"):
        hold(real, name, 2000, "-c", "1", "-M", third)
        holds(real, name)
    hold(real, "c", 2000, "-c", "1", "-M", third)
    assert statuses(real) == {"a": "Running", "b": "Running", "c": "Waiting"}
    assert device(real)["note"] == ""
    said = real.meow("why", "c").stdout
    assert "cuda:0" in said and "a" in said, said
    open_gate(real, "a")
    holds(real, "c")
    for name in ("b", "c"):
        open_gate(real, name)
    real.meow("wait")


def test_memory_of_strangers_counts_as_used_and_is_free_when_they_end(real: Backend) -> None:
    total = int(smi("memory.total")[0][0])
    stranger = Stranger(real, total // 2)
    try:
        hold(real, "most", 1000, "-c", "1", "-M", str(total * 7 // 10))
        hold(real, "whole", 1000, "-c", "1")
        for waiting in ("most", "whole"):
            said = real.meow("why", waiting).stdout
            assert f"pid {stranger.process.pid}" in said, said
        hold(real, "some", 1000, "-c", "1", "-M", str(total // 4))
        holds(real, "some")
        assert statuses(real) == {"most": "Waiting", "whole": "Waiting", "some": "Running"}
        open_gate(real, "some")
        real.meow("wait", "some")
    finally:
        stranger.end()
    holds(real, "most")  # sampled while somebody waits for it
    open_gate(real, "most")
    holds(real, "whole")
    open_gate(real, "whole")
    real.meow("wait")


def test_what_a_task_takes_beyond_its_request_is_not_given_to_others(real: Backend) -> None:
    total = int(smi("memory.total")[0][0])
    hold(real, "greedy", total // 2, "-c", "1", "-M", "1000")
    holds(real, "greedy")
    wait_until(lambda: device(real)["used_by_others"] > total // 2 - 2000, "a look has seen it")
    hold(real, "most", 1000, "-c", "1", "-M", str(total * 7 // 10))
    assert statuses(real)["most"] == "Waiting"
    open_gate(real, "greedy")
    holds(real, "most")
    open_gate(real, "most")
    real.meow("wait")


def test_a_new_daemon_knows_whose_the_memory_is(real: Backend) -> None:
    total = int(smi("memory.total")[0][0])
    hold(real, "train", total // 2, "-c", "1", "-M", str(total * 6 // 10))
    holds(real, "train")
    os.kill(real.health()["pid"], signal.SIGKILL)
    hold(real, "next", 1000, "-c", "1", "-M", str(total * 3 // 10))
    holds(real, "next")  # beside it: what train uses is train's
    assert device(real)["note"] == ""
    hold(real, "whole", 1000, "-c", "1")
    for name in ("train", "next"):
        open_gate(real, name)
    holds(real, "whole")
    open_gate(real, "whole")
    real.meow("wait")


@pytest.mark.parametrize(
    ("framework", "use", "fresh"),
    [
        ("torch", "torch.ones(4, device='cuda')", True),
        ("torch", "torch.cuda.is_available()", True),  # cuInit, though torch.cuda.is_initialized() denies
        ("jax", "jax.devices()", True),
        ("cupy", "cupy.ones(4)", True),
        ("torch", "torch.ones(4)", False),
        ("pynvml", "pynvml.nvmlInit()", False),
    ],
)
def test_a_function_is_forked_unless_hooks_have_initialised_cuda(
    real: Backend, framework: str, use: str, fresh: bool
) -> None:
    pytest.importorskip(framework)
    submit(
        real,
        f"""
        class Trains(ProcTask):
            def on_start(self):
                import {framework}
                {use}

        def work():
            import ctypes
            return ctypes.CDLL("libcuda.so.1").cuInit(0)  # 3, not initialized, in a fork of who called it

        cattino.export(Trains(work, task_name="first", min_devices=1, requires_memory_per_device=4000))
        """,
    )
    real.meow("wait", timeout=120)
    assert ("runs in a fresh interpreter" in err(real, "first")) == fresh
    done = python(real, "-c", "import cattino; print(cattino.Client().result('first'))")
    assert done.stdout == "0\n"


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_two_functions_share_a_device(real: Backend, framework: str) -> None:
    pytest.importorskip(framework)
    real.write(
        "share.py",
        f"""
import cattino

def multiply(size):
    if {framework!r} == "jax":
        import jax.numpy as xp
        ones = xp.ones((size, size))
    else:
        import torch as xp
        ones = xp.ones((size, size), device="cuda")
    return float((ones @ ones)[0, 0])

with cattino.Executor(min_devices=1, requires_memory_per_device="20GiB") as executor:
    print(*executor.map(multiply, [1024, 2048, 4096]))
""",
    )
    done = python(real, "share.py", timeout=240)
    assert done.stdout.split() == ["1024.0", "2048.0", "4096.0"], done.stderr
    starts = sorted((t["started"], t["ended"]) for t in tasks(real).values())
    assert starts[1][0] < starts[0][1], "the second began before the first had ended"


def test_a_device_that_a_task_kept_after_its_end_is_given_back(real: Backend) -> None:
    """A worker that left its session still counts as the task's until it is gone."""
    os.mkfifo(real.work / "never")
    command = f"setsid {sys.executable} hold.py 2000 never & sleep 1000"
    real.meow("create", command, "-n", "escapes", "-c", "1")
    holds(real, "escapes")
    assert device(real)["note"] == ""
    real.meow("kill", "escapes")
    real.meow("wait", "escapes", check=1)
    hold(real, "whole", 1000, "-c", "1")
    holds(real, "whole")
    open_gate(real, "whole")
    real.meow("wait", "whole")


def test_the_list_of_devices_names_who_holds_them(real: Backend) -> None:
    real.meow("create", gate(real, "plain"), "-n", "plain", "-c", "1")
    wait_until(lambda: tasks(real)["plain"]["pid"], "it runs")
    assert "plain" in real.meow("devices").stdout
    open_gate(real, "plain")
    real.meow("wait")
