"""How fast: the rows of the table of targets, each beside the floor program or a peer, in one run.

    make bench            all rows; writes build/bench/results.json and prints the table
    bench/run.py 1 10     only these rows
    bench/run.py --quick  fewer tasks and repetitions

Every figure is a median over interleaved repetitions; ratios are made within a repetition, so that a
noisy machine harms both sides alike.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

from measured import BIN, OUT, Backend, Row, cpu_us, floor, fresh_directory, run_span_s, switches
from scripts import row_4, row_8, row_9

SUBMIT = """
import cattino
from cattino.tasks import ProcTask, TaskGroup
tasks = [ProcTask(["/bin/true"], task_name=f"t{{i}}") for i in range({count})]
cattino.export(TaskGroup(tasks, group_name="many"))
"""


def ours_throughput(count: int, at_once: int) -> dict[str, float]:
    """`count` /bin/true submitted at once: rate from the first start to the last end, and CPU a task."""
    with Backend("throughput", devices=f"{at_once}x1GiB") as backend:
        before = backend.cpu_us()
        began = time.monotonic()
        backend.python(SUBMIT.format(count=count))
        submitted = time.monotonic()
        backend.meow("wait", "many")
        ended = time.monotonic()
        cpu = (backend.cpu_us() - before) / count
        span = run_span_s(backend.home)
        return {
            "tasks_per_second": count / span,
            "with_submission": count / (ended - began),
            "submit_s": submitted - began,
            "cpu_us": cpu,
        }


def row_1_and_2(quick: bool) -> list[Row]:
    count = 4000 if quick else 20000
    rows = []
    for at_once in (2, 8):
        ratios, cpus, rates, floors, whole = [], [], [], [], []
        for _ in range(1 if quick else 3):
            bare = floor("--count", str(count), "--at-once", str(at_once), "/bin/true")
            ours = ours_throughput(count, at_once)
            rates.append(ours["tasks_per_second"])
            floors.append(bare["tasks_per_second"])
            ratios.append(ours["tasks_per_second"] / bare["tasks_per_second"])
            whole.append(ours["with_submission"])
            cpus.append(ours["cpu_us"] - bare["cpu_us_per_task_self"])
        rows.append(
            {
                "row": 1,
                "work": f"{count} × /bin/true, {at_once} at a time",
                "ours": f"{statistics.median(rates):.0f} tasks/s "
                f"({statistics.median(whole):.0f} with submission)",
                "beside": f"floor {statistics.median(floors):.0f} tasks/s",
                "ratio": f"{statistics.median(ratios):.2f}",
                "target": "≥ 0.90",
            }
        )
        rows.append(
            {
                "row": 2,
                "work": f"CPU a task of daemon + supervisor, {at_once} at a time, minus the floor's own",
                "ours": f"{statistics.median(cpus):.0f} µs",
                "beside": "",
                "ratio": "",
                "target": "≤ 60 µs",
            }
        )
    rows += peers(2000 if quick else 20000)
    return rows


def peers(count: int) -> list[Row]:
    """Queues and launchers that the machine has, on the same work, two at a time."""
    rows = []
    script = OUT / "peer"
    script.mkdir(parents=True, exist_ok=True)
    (script / "Makefile").write_text(
        "all: " + " ".join(f"t{i}" for i in range(count)) + "\nt%:\n\t@/bin/true\n"
    )
    few = min(count, 2000)
    known: list[tuple[str, int, Callable[[], None]]] = []
    if shutil.which("make"):
        known.append(("make -j2", count, lambda: quiet(["make", "-s", "-j2", "-C", str(script), "all"])))
    if shutil.which("xargs"):
        numbers = "\n".join(map(str, range(count))).encode()
        known.append(("xargs -P2", count, lambda: quiet(["xargs", "-P2", "-n1", "/bin/true"], numbers)))
    if shutil.which("parallel"):
        lines = "\n".join(["/bin/true"] * few).encode()
        known.append(("GNU parallel -j2", few, lambda: quiet(["parallel", "-j2"], lines)))
    if shutil.which("tsp"):
        known.append(("task-spooler, 2 slots", few, lambda: task_spooler(few)))
    for name, tasks, work in known:
        began = time.monotonic()
        work()
        rate = tasks / (time.monotonic() - began)
        rows.append(
            {
                "row": 1,
                "work": f"peer: {name}, {tasks} tasks",
                "ours": "",
                "beside": f"{rate:.0f} tasks/s",
                "ratio": "",
                "target": "",
            }
        )
    return rows


def quiet(command: list[str], feed: bytes = b"") -> None:
    subprocess.run(command, input=feed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def task_spooler(count: int) -> None:
    """`count` tasks through a task-spooler server of its own."""
    environment = {**os.environ, "TS_SOCKET": str(OUT / "tsp.sock"), "TS_MAXFINISHED": "10", "TS_SLOTS": "2"}
    subprocess.run(["tsp", "-S", "2"], env=environment, check=True)
    loop = (
        f"for i in $(seq {count}); do tsp -n /bin/true >/dev/null; done; tsp -N 2 -n true >/dev/null; tsp -w"
    )
    subprocess.run(["sh", "-c", loop], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tsp", "-K"], env=environment, check=True)


CHAIN = """
import cattino
from cattino.tasks import ProcTask, TaskGroup
tasks = [ProcTask([{stamp!r}], task_name=f"t{{i:04d}}") for i in range({count})]
cattino.export(TaskGroup(tasks, execute_strategy="sequential", group_name="chain"))
"""


def gaps_us(logs: list[Path]) -> list[float]:
    """End of a task to start of the next, in microseconds, from what `stamp` wrote."""
    stamps = sorted(tuple(map(int, path.read_text().split())) for path in logs)
    return sorted((after[0] - before[1]) / 1000 for before, after in zip(stamps, stamps[1:]))


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def row_3(quick: bool) -> list[Row]:
    stamp = str(BIN / "stamp")
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(2 if quick else 5):
        logs = fresh_directory("floor")
        subprocess.run(
            [
                str(BIN / "floor"),
                "--threads",
                "1",
                "--logs",
                str(logs),
                "--count",
                "200",
                "--at-once",
                "1",
                stamp,
            ],
            check=True,
            capture_output=True,
        )
        bare += gaps_us(sorted(logs.rglob("*stdout*")))
        with Backend("chain", devices="1x1GiB") as backend:
            backend.python(CHAIN.format(stamp=stamp, count=200))
            backend.meow("wait", "chain")
            ours += gaps_us(sorted(backend.home.rglob("stdout.log")))
    ours.sort()
    bare.sort()
    ratio = percentile(ours, 0.5) / percentile(bare, 0.5)
    return [
        {
            "row": 3,
            "work": "end → start of the successor, chain of 200, p50 / p99",
            "ours": f"{percentile(ours, 0.5) / 1000:.2f} / {percentile(ours, 0.99) / 1000:.2f} ms",
            "beside": f"floor {percentile(bare, 0.5) / 1000:.2f} / {percentile(bare, 0.99) / 1000:.2f} ms",
            "ratio": f"{ratio:.2f}",
            "target": "≤ 2 × floor's p50; p99 ≤ 3 ms",
        }
    ]


def loop_rate(command: str, count: int, environment: dict[str, str], cwd: Path) -> float:
    began = time.monotonic()
    subprocess.run(
        ["sh", "-c", f"i=0; while [ $i -lt {count} ]; do {command} >/dev/null || exit 1; i=$((i+1)); done"],
        env=environment,
        cwd=cwd,
        check=True,
    )
    return count / (time.monotonic() - began)


def row_10(quick: bool) -> list[Row]:
    count = 200 if quick else 1000
    ours, spooler = [], []
    for _ in range(1 if quick else 3):
        with Backend("loop") as backend:
            ours.append(loop_rate("meow create true", count, backend.environment, backend.home))
        if shutil.which("tsp"):
            environment = {
                **os.environ,
                "TS_SOCKET": str(OUT / "tsp.sock"),
                "TS_MAXFINISHED": "10",
                "TS_SLOTS": "2",
            }
            subprocess.run(["tsp", "-S", "2"], env=environment, check=True)
            spooler.append(loop_rate("tsp -n true", count, environment, OUT))
            subprocess.run(["tsp", "-K"], env=environment, check=True)
    beside = f"tsp {statistics.median(spooler):.0f}/s (in memory only)" if spooler else ""
    ratio = f"{statistics.median(o / s for o, s in zip(ours, spooler)):.2f}" if spooler else ""
    return [
        {
            "row": 10,
            "work": f"`meow create true` from a shell loop, {count} times, acknowledged durable",
            "ours": f"{statistics.median(ours):.0f}/s",
            "beside": beside,
            "ratio": ratio,
            "target": "≥ 300/s",
        }
    ]


def row_11(quick: bool) -> list[Row]:
    seconds = 10 if quick else 60
    with Backend("idle") as backend:
        backend.meow("create", "true", "-n", "t")
        backend.meow("wait", "t")
        pids = backend.processes()
        time.sleep(2)  # the measurement's own idle time, not a wait for an event
        before = [(cpu_us(pid), switches(pid)) for pid in pids]
        time.sleep(seconds)
        after = [(cpu_us(pid), switches(pid)) for pid in pids]
    used = sum(a[0] - b[0] for a, b in zip(after, before))
    woken = sum(a[1] - b[1] for a, b in zip(after, before))
    return [
        {
            "row": 11,
            "work": f"idle daemon, supervisor and guardian, {seconds} s: CPU time, wake-ups",
            "ours": f"{used:.0f} µs, {woken}",
            "beside": "",
            "ratio": "",
            "target": "0, 0",
        }
    ]


ROWS: dict[str, Callable[[bool], list[Row]]] = {
    "1": row_1_and_2,
    "3": row_3,
    "4": row_4,
    "8": row_8,
    "9": row_9,
    "10": row_10,
    "11": row_11,
}


def table(rows: list[Row]) -> str:
    lines = ["| # | work | Cattino | beside it | ratio | target |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row["row"], row["work"], row["ours"], row["beside"], row["ratio"], row["target"])
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="1 (with 2), 3, 4, 8, 9, 10, 11; default all")
    parser.add_argument("--quick", action="store_true", help="fewer tasks and repetitions")
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"no row {unknown[0]}; there are {', '.join(ROWS)}")
    OUT.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(OUT / "runs", ignore_errors=True)  # only of a run that was cut off
    results: list[Row] = []
    for row in options.rows or ROWS:
        print(f"row {row} …", file=sys.stderr, flush=True)
        results += ROWS[row](options.quick)
    (OUT / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False))
    print(table(results))
    shutil.rmtree(OUT / "runs", ignore_errors=True)


if __name__ == "__main__":
    main()
