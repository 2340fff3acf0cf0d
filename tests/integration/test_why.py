"""`meow why`, word by word, in prepared situations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from conftest import (
    Backend,
    MakeBackend,
    gate,
    open_gate,
    out,
    statuses,
    submit,
    tasks,
    wait_until,
    with_settings,
)

FREE = "It starts as soon as enough is free; tasks that fit may start before it."
FIRST = "Only tasks that do not delay it start before it."
UNKNOWN = "Nobody knows when it starts: something it waits for has no time limit."


def why(backend: Backend, *names: str) -> list[str]:
    return backend.meow("why", *names).stdout.replace(str(backend.home), "~").splitlines()


def steady(line: str) -> str:
    """The line with its times as T and its log directory as LOGS, as these vary."""
    line = re.sub(r"~/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d(-\d+)?", "LOGS", line)
    return re.sub(r"\b\d+(\.\d)? (h \d\d m|m \d\d s|s|ms|min)(?= at the| going|,|\.| \()", "T", line)


def steady_why(backend: Backend, *names: str) -> list[str]:
    return [steady(line) for line in why(backend, *names)]


def reason(backend: Backend, name: str) -> dict[str, Any]:
    found: dict[str, Any] = backend.task(name)["task"]["reason"]
    return found


def holder(backend: Backend, name: str, *request: str) -> None:
    """A task that runs until its gate is opened."""
    backend.meow("create", gate(backend, name), "-n", name, *request)
    wait_until(lambda: tasks(backend)[name]["pid"], f"{name} runs")


# ---- others come first ------------------------------------------------------------------------------


def test_why_it_waits_for_others(backend: Backend) -> None:
    submit(
        backend,
        f"""
        c = quick("c", "{gate(backend, "c")}")
        prepare = TaskGroup([quick("a"), quick("b"), c], group_name="prepare")
        cattino.export(line(prepare, quick("train"), quick("eval")))
        """,
    )
    wait_until(lambda: list(statuses(backend).values()).count("Done") == 2, "two have ended")
    assert why(backend, "g/prepare/c", "g/train", "g/eval") == [
        "g/prepare/c runs.",
        "g/train waits for g/prepare (2 of 3 ended). It can start when that has ended.",
        "g/eval waits for g/train. It can start when that has ended.",
    ]
    open_gate(backend, "c")
    backend.meow("wait")


def test_why_it_is_cancelled_when_what_it_needs_failed(backend: Backend) -> None:
    submit(backend, 'cattino.export(line(quick("first", "exit 3"), quick("second"), quick("third")))')
    backend.meow("wait", "g", check=1)
    assert steady_why(backend, "g") == [
        "g/first is Failed: exit status 3. What it said is in LOGS/g/first/stderr.log. "
        "`meow resume g/first` runs it again.",
        "g/second is Cancelled: dependency g/first failed with exit status 3. "
        "`meow resume g/first` runs that again, and then this one.",
        "g/third is Cancelled: dependency g/second was cancelled, as g/first failed with exit status 3. "
        "`meow resume g/first` runs that again, and then this one.",
    ]
    assert reason(backend, "g/third")["resume"] == "g/first"


def test_why_it_waits_though_what_it_needs_failed(backend: Backend) -> None:
    submit(
        backend,
        """
        inner = TaskGroup([quick("bad", "exit 3"), quick("good")], group_name="inner")
        first, after, task = quick("first", "exit 4"), quick("after"), quick("task", cascade=False)
        graph = TaskGraph()
        graph.add_edge(first, after)
        graph.add_edge(after, task)
        done, never = quick("done"), quick("never", cascade=False)
        graph.add_edge(done, never, when="fail")
        graph.add_edge(inner, quick("group", cascade=False))
        cattino.export(TaskGroup([first], execute_strategy=graph, group_name="g"))
        """,
    )
    wait_until(lambda: "Running" not in statuses(backend).values(), "what can run has ended")
    wait_until(lambda: reason(backend, "g/group")["kind"] == "dependency_failed", "the group has ended")
    assert why(backend, "g/task", "g/never", "g/group") == [
        "g/task waits: dependency g/after was cancelled, as g/first failed with exit status 4; it can run "
        "once that is resumed. `meow resume g/first` does that.",
        "g/never waits: dependency g/done is Done, and was to fail; so it can never run. "
        "`meow cancel g/never` gives it up.",
        "g/group waits: dependency g/inner did not succeed; it can run once that is resumed. "
        "`meow resume g/inner` does that.",
    ]


def test_why_a_full_group_lets_it_wait(backend: Backend) -> None:
    commands = [gate(backend, f"gate{i}") for i in range(3)]
    submit(
        backend,
        f"""
        members = [quick(f"t{{i}}", command, cpus=0) for i, command in enumerate({commands!r})]
        cattino.export(TaskGroup(members, group_name="g", max_parallel=2))
        """,
    )
    assert why(backend, "g/t2") == [
        "g/t2 waits: its group g runs 2 tasks already, as many as it may at once. "
        "It takes its turn when one of these has ended."
    ]
    assert (reason(backend, "g/t2")["names"], reason(backend, "g/t2")["count"]) == (["g"], 2)
    for i in range(3):
        open_gate(backend, f"gate{i}")
    backend.meow("wait")


# ---- too little is free -----------------------------------------------------------------------------


def test_why_it_waits_for_devices(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8")
    holder(backend, "train", "-c", "3")
    holder(backend, "eval", "-c", "1", "-M", "20GiB")
    backend.meow("create", "true", "-n", "shares", "-c", "1", "-M", "10GiB")
    backend.meow("create", "true", "-n", "half", "-c", "2", "-M", "50%")
    backend.meow("create", "true", "-n", "alone", "-c", "2")
    backend.meow("create", "true", "-n", "pinned", "-c", "1", "--devices", "cuda:3")
    assert why(backend, "shares", "half", "alone", "pinned", "train") == [
        "shares waits: needs 1 device with 10240 MiB; 0 of 4 have that free: cuda:0-2 are held by "
        f"train, cuda:3 has 4096 of 24576 MiB free beside eval. {FREE}",
        "half waits: needs 2 devices with 50% of their memory; 0 of 4 have that free: cuda:0-2 are "
        f"held by train, cuda:3 has 4096 of 24576 MiB free beside eval. {FREE}",
        "alone waits: needs 2 whole devices; 0 of 4 are free: cuda:0-2 are held by train, cuda:3 is held "
        f"by eval. {FREE}",
        "pinned waits: needs 1 whole device of those it is pinned to; 0 of 1 are free: cuda:3 is held by "
        f"eval. {FREE}",
        "train runs on cuda:0-2.",
    ]
    for name in ("train", "eval"):
        open_gate(backend, name)


def test_why_it_waits_for_cores_and_memory(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="4")
    holder(backend, "builder", "-c", "0", "--cpus", "3", "--ram", "64")
    most = backend.json("devices")["host"]["ram"]
    backend.meow("create", "true", "-n", "cores", "-c", "0", "--cpus", "2")
    backend.meow("create", "true", "-n", "memory", "-c", "0", "--ram", str(most))
    assert why(backend, "cores", "memory", "builder") == [
        f"cores waits: needs 2 cores; 1 of 4 is free: builder holds 3. {FREE}",
        f"memory waits: needs {most} MiB of host memory; {most - 64} of {most} MiB are free: builder "
        f"holds 64 MiB. {FREE}",
        "builder runs.",
    ]
    assert reason(backend, "cores")["names"] == ["builder"]
    open_gate(backend, "builder")
    backend.meow("wait")


def test_why_it_waits_for_a_counter(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, "[resources]\nlicence = 3\n")
    holder(backend, "one", "-c", "0", "--resource", "licence=2")
    holder(backend, "two", "-c", "0", "--resource", "licence=1")
    backend.meow("create", "true", "-n", "three", "-c", "0", "--resource", "licence=1")
    assert why(backend, "three") == [
        f"three waits: needs 1 of licence; 0 of 3 are free: one holds 2, two holds 1. {FREE}"
    ]
    found = reason(backend, "three")
    assert (found["resource"], found["wanted_count"], found["free_count"]) == ("licence", 1, 0)
    for name in ("one", "two"):
        open_gate(backend, name)
    backend.meow("wait")


# ---- room is kept -----------------------------------------------------------------------------------


def test_why_it_waits_while_room_is_kept_until_nobody_knows_when(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'reserve-after = "0s"\n')
    holder(backend, "train", "-c", "3")
    backend.meow("create", "true", "-n", "big", "-c", "4")
    backend.meow("create", "true", "-n", "small", "-c", "1")
    assert why(backend, "big", "small") == [
        "big waits: needs 4 whole devices; 1 of 4 is free: cuda:0-2 are held by train. cuda:0-3 are kept "
        f"for it, 1 of them idle. {FIRST} {UNKNOWN}",
        "small could start, but cuda:0-3 are kept for big, which comes first and starts as soon as it has "
        "all it needs. Nobody knows when that is: something it waits for has no time limit.",
    ]
    found = reason(backend, "big")
    assert (found["kept"], found["idle"]) == ([0, 1, 2, 3], 1)
    assert backend.meow("list").stdout.splitlines()[-1] == "holding 1 idle device for big"
    open_gate(backend, "train")
    backend.meow("wait")
    assert "holding" not in backend.meow("list").stdout


def test_why_it_waits_while_room_is_kept_until_a_time(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "train", "-c", "3", "--time-limit", "2h")
    backend.meow("create", "sleep 1000", "-n", "big", "-c", "4", "--time-limit", "2h")
    backend.meow("create", "true", "-n", "small", "-c", "1")
    assert steady_why(backend, "big", "small") == [
        "big waits: needs 4 whole devices; 1 of 4 is free: cuda:0-2 are held by train. cuda:0-3 are kept "
        f"for it, 1 of them idle. It starts in T at the latest. {FIRST}",
        "small could start, but cuda:0-3 are kept for big, which comes first and starts in T at the "
        "latest. It starts in T at the latest. With a time limit (--time-limit) that ends before then it "
        "could start now.",
    ]
    big, small = reason(backend, "big"), reason(backend, "small")
    assert (big["kept"], big["idle"], big["exact"]) == ([0, 1, 2, 3], 1, True)
    assert small["kind"] == "reserved" and small["names"] == ["big"] and small["until"] == big["start"]
    assert small["start"] == big["start"] + 7_200_000
    backend.meow("create", "true", "-n", "short", "-c", "1", "--time-limit", "1h")
    backend.meow("wait", "short")


def test_why_it_waits_while_room_is_made(backend: Backend) -> None:
    stubborn = f"trap : TERM; echo ready; while ! {gate(backend, 'low')}; do :; done"
    backend.meow("create", stubborn, "-n", "low", "--preemptible", "-c", "4")
    wait_until(lambda: tasks(backend)["low"]["pid"] and "ready" in out(backend, "low"), "it has a trap")
    backend.meow("create", gate(backend, "high"), "-n", "high", "-c", "2", "-p", "5")
    assert why(backend, "high", "low") == [
        "high waits: low is being stopped to make room for it. cuda:0,1 are kept for it. It starts when "
        "that has ended; the setting `grace` is how long that may take.",
        "low runs on cuda:0-3; it is being stopped.",
    ]
    found = reason(backend, "high")
    assert (found["kind"], found["names"], found["count"]) == ("making_room", ["low"], 1)
    open_gate(backend, "low")
    wait_until(lambda: statuses(backend) == {"low": "Waiting", "high": "Running"}, "room was made")
    assert why(backend, "low") == [
        "low waits: needs 4 whole devices; 2 of 4 are free: cuda:0,1 are held by high. "
        f"{FREE} It has made room for others 1 time."
    ]
    backend.meow("cancel", "low")
    open_gate(backend, "high")


def test_why_tells_when_it_starts_going_by_past_runs(backend: Backend) -> None:
    submit(
        backend,
        f"""
        commands = [{gate(backend, "first")!r}, {gate(backend, "second")!r}] + ["true"] * 100
        cattino.export(TaskGroup([ProcTask(c, task_name=f"t{{i}}", min_devices=4)
                                  for i, c in enumerate(commands)], group_name="g"))
        """,
    )
    assert why(backend, "g/t100") == [
        f"g/t100 waits: needs 4 whole devices; 0 of 4 are free: cuda:0-3 are held by g/t0. {FREE}"
    ]
    open_gate(backend, "first")
    wait_until(lambda: tasks(backend)["g/t1"]["pid"], "the second runs")
    assert steady_why(backend, "g/t101") == [
        "g/t101 waits: needs 4 whole devices; 0 of 4 are free: cuda:0-3 are held by g/t1. It starts in "
        f"about T, going by past runs. {FREE}"
    ]
    found = reason(backend, "g/t101")
    assert found["exact"] is False and found["start"] > tasks(backend)["g/t1"]["started"]
    open_gate(backend, "second")
    backend.meow("wait")


# ---- later, or when the user says so ----------------------------------------------------------------


def test_why_it_waits_for_a_time_or_the_user(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "later", "-c", "0", "--not-before", "+2h")
    backend.meow("create", "true", "-n", "publish", "-c", "0", "--hold")
    assert steady_why(backend, "later", "publish") == [
        "later starts in T at the earliest, as was asked for.",
        "publish is held until it is resumed. `meow resume publish` lets it run.",
    ]
    task = backend.task("later")["task"]
    assert task["reason"]["until"] == task["not_before"]


def test_why_it_runs_again(backend: Backend) -> None:
    backoff = ("-c", "0", "--backoff", "1h")
    backend.meow("create", "exit 3", "-n", "two", *backoff, "--retries", "2")
    backend.meow("create", "exit 4", "-n", "one", *backoff, "--retries", "1")
    backend.meow("create", "exit 5", "-n", "many", *backoff, "--retries", "5")
    backend.meow("create", "exit 100", "-n", "asks", "-c", "0")
    wait_until(lambda: set(statuses(backend).values()) == {"Waiting"}, "they back off")
    lines = steady_why(backend, "two", "one", "many", "asks")
    assert re.sub("time [1-9] of", "time N of", lines.pop()) == (
        "asks runs again in T, as it asked to: time N of at most 10 in a row. "
        "Its last attempt ended with exit status 100, which asks for that."
    )
    assert lines == [
        "two runs again in T, as retry 1 of 2. "
        "Its last attempt failed (exit status 3); 1 retry is left after this one.",
        "one runs again in T, as retry 1 of 1. "
        "Its last attempt failed (exit status 4); no retry is left after this one.",
        "many runs again in T, as retry 1 of 5. "
        "Its last attempt failed (exit status 5); 4 retries are left after this one.",
    ]


# ---- it has ended -----------------------------------------------------------------------------------


def test_why_it_ended(backend: Backend) -> None:
    create = ("create", "-c", "0", "-n")
    backend.meow(*create, "fine", "true")
    backend.meow(*create, "slow", "sleep 1000", "--time-limit", "100ms")
    backend.meow(*create, "tries", "exit 3", "--retries", "2", "--backoff", "1ms")
    backend.meow(*create, "signal", "kill -9 $$")
    backend.meow(*create, "missing", "/no/such/program")
    holder(backend, "cancelled", "-c", "0")
    holder(backend, "killed", "-c", "0")
    backend.meow("cancel", "cancelled", "--wait")
    backend.meow("kill", "killed", "--wait")
    names = ("fine", "slow", "tries", "signal", "missing", "cancelled", "killed")
    backend.meow("wait", *names, check=1)

    def failed(name: str, log: str = "stderr.log") -> str:
        return f"What it said is in LOGS/{name}/{log}. `meow resume {name}` runs it again."

    assert steady_why(backend, *names) == [
        "fine is Done: exit status 0.",
        "slow is Failed: ran for as long as its time limit. That is 0.1 s; --time-limit asks for more. "
        + failed("slow"),
        "tries is Failed: exit status 3, also after 2 retries. " + failed("tries", "stderr.3.log"),
        "signal is Failed: killed by SIGKILL. Cattino did not send that; the kernel does when memory runs "
        "out. " + failed("signal"),
        "missing is Failed: never started: executable: No such file or directory. " + failed("missing"),
        "cancelled is Cancelled: cancelled by the user. `meow resume cancelled` runs it again.",
        "killed is Failed: killed by the user. " + failed("killed"),
    ]


def test_why_asks_for_a_name_that_exists(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "train", "-c", "0")
    done = backend.meow("why", "trian", check=2)
    assert "did you mean" in done.stderr and "train" in done.stderr
    assert backend.json("why", "train")["task"]["name"] == "train"
