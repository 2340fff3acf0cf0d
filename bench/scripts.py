"""The rows about scripts: graphs that are sent, functions, hooks."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from measured import Backend, Row, fresh_directory, run_span_s

BIG = """
import cattino
from cattino.tasks import ProcTask, TaskGraph
tasks = [ProcTask(["/bin/true"], task_name=f"t{{i}}") for i in range({count})]
graph = TaskGraph()
graph.add_tasks_from(tasks)
graph.add_edges_from([(tasks[i - 1], tasks[i]) for i in range(1, {count})])
graph.add_edges_from([(tasks[i - 7], tasks[i]) for i in range(7, {count})])
cattino.export(graph)
"""


def row_4(quick: bool) -> list[Row]:
    rows = []
    for count, target in ((100_000, "≤ 1.5 s"), (1_000_000, "≤ 15 s")):
        if quick and count > 100_000:
            continue
        times = []
        for _ in range(1 if count > 100_000 or quick else 3):
            with Backend("submit", devices="1x1GiB") as backend:
                backend.meow("create", "sleep 1000", "-n", "blocker", "-c", "1")
                began = time.monotonic()
                backend.python(BIG.format(count=count))
                times.append(time.monotonic() - began)
                backend.meow("kill", "blocker")
        rows.append(
            {
                "row": 4,
                "work": f"submit {count:,} tasks with {2 * count:,} edges from a Python script",
                "ours": f"{statistics.median(times):.2f} s",
                "beside": "",
                "ratio": "",
                "target": target,
            }
        )
    return rows


FUNCTIONS = """
import numpy
import cattino
from cattino.tasks import ProcTask, TaskGroup

def work():
    numpy.float64(1)

tasks = [ProcTask(work, task_name=f"t{{i}}") for i in range({count})]
cattino.export(TaskGroup(tasks, group_name="many"))
"""
# The same calls from a bare loop, with the same log files.
FORKS = """
import os, time
import numpy

def work():
    numpy.float64(1)

def start(number):
    if os.fork() == 0:
        os.mkdir(str(number))
        for descriptor, name in ((1, "stdout.log"), (2, "stderr.log")):
            log = os.open(f"{{number}}/{{name}}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(log, descriptor)
            os.close(log)
        work()
        os._exit(0)

begun = time.monotonic()
for number in range({count}):
    if number >= {at_once}:
        os.wait()
    start(number)
for _ in range({at_once}):
    os.wait()
print(time.monotonic() - begun)
"""


def forks_s(count: int, at_once: int) -> float:
    code = FORKS.format(count=count, at_once=at_once)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=fresh_directory("forks"), check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def many_s(script: str, at_once: int) -> float:
    """The tasks of its group `many`: first start to last end."""
    with Backend("many", devices=f"{at_once}x1GiB") as backend:
        backend.python(script)
        backend.meow("wait", "many")
        return run_span_s(backend.home)


def row_8(quick: bool) -> list[Row]:
    count, at_once = (1000 if quick else 10_000), 8
    bare, ours = [], []
    for _ in range(1 if quick else 3):
        bare.append(forks_s(count, at_once))
        ours.append(many_s(FUNCTIONS.format(count=count), at_once))
    return [
        {
            "row": 8,
            "work": f"{count:,} functions of a script that imports NumPy, {at_once} at a time",
            "ours": f"{count / statistics.median(ours):.0f} tasks/s",
            "beside": f"bare forks {count / statistics.median(bare):.0f}/s",
            "ratio": f"{statistics.median(b / o for b, o in zip(bare, ours)):.2f}",
            "target": "≥ 0.7",
        }
    ]


HOOK_COST = """
import cattino
from cattino.tasks import ProcTask, TaskGroup

class Hooked(ProcTask):
    async def on_start(self):
        pass
    async def on_end(self):
        pass

kind = {kind}
tasks = [kind(["/bin/true"], task_name=f"t{{i}}") for i in range({count})]
cattino.export(TaskGroup(tasks, group_name="many"))
"""


def cost_of_hooks(quick: bool) -> Row:
    count, at_once = (2000 if quick else 10_000), 8
    added, plain = [], []
    for _ in range(1 if quick else 3):
        each = [
            many_s(HOOK_COST.format(kind=kind, count=count), at_once) / count * 1e6
            for kind in ("ProcTask", "Hooked")
        ]
        plain.append(each[0])
        added.append(each[1] - each[0])
    return {
        "row": 9,
        "work": f"async `on_start` and `on_end`: what they add to a task, {at_once} at a time",
        "ours": f"{statistics.median(added):.0f} µs",
        "beside": f"without {statistics.median(plain):.0f} µs",
        "ratio": "",
        "target": "≤ 150 µs",
    }


HOOK = """
import asyncio, time

stamps = []

async def hook():
    stamps.append(time.monotonic())
    await asyncio.sleep(1)
    stamps.append(time.monotonic())
    if len(stamps) == 2 * {count}:
        with open("span", "w") as file:
            print(max(stamps) - min(stamps), file=file)
"""
HOOKED = f"""{HOOK}
import cattino
from cattino.tasks import ProcTask, TaskGroup

class Hooked(ProcTask):
    async def on_start(self):
        await hook()

tasks = [Hooked(["/bin/true"], task_name=f"t{{{{i}}}}", min_devices=0) for i in range({{count}})]
cattino.export(TaskGroup(tasks, group_name="hooked"))
"""
UNHOOKED = f"""{HOOK}
async def main():
    await asyncio.gather(*(hook() for _ in range({{count}})))

asyncio.run(main())
"""


def row_9(quick: bool) -> list[Row]:
    return [cost_of_hooks(quick), concurrency_of_hooks(quick)]


def concurrency_of_hooks(quick: bool) -> Row:
    count = 1000
    ours, bare, ratios = [], [], []
    for _ in range(1 if quick else 5):
        alone = fresh_directory("unhooked")
        subprocess.run([sys.executable, "-c", UNHOOKED.format(count=count)], cwd=alone, check=True)
        bare.append(float((alone / "span").read_text()))
        with Backend("hooked", cpus=2 * count) as backend:
            backend.python(HOOKED.format(count=count))
            backend.meow("wait", "hooked")
            ours.append(float((backend.home / "span").read_text()))
        ratios.append(ours[-1] / bare[-1])
    return {
        "row": 9,
        "work": f"{count} tasks whose async `on_start` takes 1 s: first begin → last end of a hook",
        "ours": f"{statistics.median(ours):.2f} s",
        "beside": f"bare asyncio {statistics.median(bare):.2f} s",
        "ratio": f"{statistics.median(ratios):.2f}",
        "target": "",
    }
