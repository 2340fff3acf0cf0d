"""What runs next: priority, cores, devices and their memory, limits and retries."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    Backend,
    MakeBackend,
    alive,
    gate,
    open_gate,
    out,
    statuses,
    submit,
    tasks,
    wait_until,
    with_settings,
)


def test_priority_then_creation_decide(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    backend.meow("create", gate(backend, "gate"), "-n", "holder")
    for name, priority in (("n1", 0), ("low", -5), ("h1", 7), ("n2", 0), ("h2", 7), ("top", 100)):
        backend.meow("create", "true", "-n", name, "-p", str(priority))
    assert set(statuses(backend).values()) == {"Running", "Waiting"}
    open_gate(backend, "gate")
    backend.meow("wait")
    found = sorted(tasks(backend).values(), key=lambda t: (t["started"], t["ended"]))
    assert [t["name"] for t in found] == ["holder", "top", "h1", "h2", "n1", "n2", "low"]


def test_small_tasks_pass_one_that_does_not_fit(backend: Backend) -> None:
    backend.meow("create", gate(backend, "gate"), "-n", "holder", "-c", "2")
    backend.meow("create", "true", "-n", "big", "-c", "4", "-p", "10")
    backend.meow("create", "true", "-n", "small", "-c", "2")
    backend.meow("wait", "small")
    assert backend.status("big") == "Waiting"
    open_gate(backend, "gate")
    backend.meow("wait")
    assert backend.task("big")["task"]["devices"] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]


def test_cores_are_admitted_and_fractions_count(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="2")
    for number in range(3):
        command = gate(backend, f"gate{number}")
        backend.meow(
            "create", command, "-n", f"t{number}", "-c", "0", "--cpus", "1.5" if number == 0 else "0.5"
        )
    found = statuses(backend)
    assert found == {"t0": "Running", "t1": "Running", "t2": "Waiting"}
    assert "core" in backend.task("t2")["task"]["reason"]["text"]
    open_gate(backend, "gate1")
    wait_until(lambda: backend.status("t2") == "Running", "the third runs in the place of the second")
    open_gate(backend, "gate0")
    open_gate(backend, "gate2")
    backend.meow("wait")


def test_a_task_with_a_device_needs_no_core_and_one_without_needs_one(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="1")
    for name in ("d1", "d2"):
        backend.meow("create", "sleep 1000", "-n", name)
    for name in ("c1", "c2"):
        backend.meow("create", "sleep 1000", "-n", name, "-c", "0")
    assert statuses(backend) == {"d1": "Running", "d2": "Running", "c1": "Running", "c2": "Waiting"}


@pytest.mark.parametrize("share", ["0.5", "50%", "12GiB", "12288"])
def test_two_halves_fill_a_device(make_backend: MakeBackend, share: str) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    for name in ("a", "b", "c"):
        backend.meow("create", "sleep 1000", "-n", name, "-M", share)
    assert statuses(backend) == {"a": "Running", "b": "Running", "c": "Waiting"}
    device = backend.json("devices")["devices"][0]
    assert device["free"] == 0 and device["tasks"] == ["a", "b"]
    backend.meow("cancel", "a", "-w")
    wait_until(lambda: backend.status("c") == "Running", "the third takes the half that is free")


def test_share_in_python(backend: Backend) -> None:
    submit(
        backend,
        """
        def one(i): return quick(f"t{i}", "sleep 1000", min_devices=2, requires_memory_per_device=0.5)
        cattino.export(TaskGroup([one(i) for i in range(5)], group_name="g"))
        """,
    )
    assert sorted(statuses(backend).values()) == ["Running"] * 4 + ["Waiting"]


def test_whole_devices_are_alone(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    backend.meow("create", gate(backend, "one"), "-n", "sharing", "-M", "1")
    backend.meow("create", gate(backend, "two"), "-n", "whole")
    backend.meow("create", gate(backend, "three"), "-n", "zero", "-M", "0", "-p", "-1")
    assert statuses(backend) == {"sharing": "Running", "whole": "Waiting", "zero": "Waiting"}
    open_gate(backend, "one")
    wait_until(lambda: backend.status("whole") == "Running", "the device is idle")
    backend.meow("create", "true", "-n", "late", "-M", "1", "-p", "-2")
    assert backend.status("late") == "Waiting"
    assert "whole" in backend.task("late")["task"]["reason"]["text"]
    open_gate(backend, "two")
    open_gate(backend, "three")
    backend.meow("wait")
    assert set(statuses(backend).values()) == {"Done"}


def test_running_tasks_never_see_the_same_whole_device(backend: Backend) -> None:
    submit(
        backend,
        """
        script = "echo start $CUDA_VISIBLE_DEVICES >> log; echo end $CUDA_VISIBLE_DEVICES >> log"
        many = [ProcTask(script, task_name=f"t{i}", min_devices=1 + i % 3) for i in range(40)]
        cattino.export(TaskGroup(many, group_name="g"))
        """,
    )
    backend.meow("wait")
    held: set[str] = set()
    lines = (backend.work / "log").read_text().splitlines()
    assert len(lines) == 80
    for line in lines:
        word, devices = line.split()
        mine = set(devices.split(","))
        if word == "start":
            assert not held & mine
            held |= mine
        else:
            held -= mine


def test_devices_are_hidden_from_tasks_that_ask_for_none(backend: Backend) -> None:
    backend.meow("create", "printf '<%s>' \"${CUDA_VISIBLE_DEVICES-unset}\"", "-n", "none", "-c", "0")
    backend.meow("create", "printf '<%s>' $CUDA_VISIBLE_DEVICES", "-n", "two", "-c", "2")
    backend.meow(
        "create", "printf '<%s>' $CUDA_VISIBLE_DEVICES", "-n", "own", "-e", "CUDA_VISIBLE_DEVICES=3,2"
    )
    backend.meow("wait")
    assert out(backend, "none") in ("<>", "<-1>")
    assert re.fullmatch(r"<\d,\d>", out(backend, "two"))
    assert re.fullmatch(r"<\d>", out(backend, "own"))


def test_memory_that_never_fits_is_refused_with_both_numbers_and_a_hint(backend: Backend) -> None:
    refused = backend.meow("create", "true", "-M", "30GiB", check=2)
    assert "24576" in refused.stderr and "30720" in refused.stderr
    assert "hint" in refused.stderr


@pytest.mark.parametrize("request_", [["-M", "30GiB"], ["--cpus", "9"], ["-c", "5"], ["--ram", "900TiB"]])
def test_requests_beyond_the_machine_are_refused(backend: Backend, request_: list[str]) -> None:
    refused = backend.meow("create", "true", *request_, check=2)
    assert "tasks[0].request" in refused.stderr or "where" in refused.stderr
    assert tasks(backend) == {}


# ---- limits -----------------------------------------------------------------------------------------


def why(backend: Backend, name: str) -> str:
    return backend.meow("why", name).stdout


def test_a_time_limit_ends_a_task(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "t", "--time-limit", "200ms")
    backend.meow("wait", "t", check=1)
    task = backend.task("t")["task"]
    assert task["status"] == "Failed" and task["reason"]["kind"] == "timed_out"
    assert "time limit" in why(backend, "t")
    assert task["request"]["time_limit"] == 200
    assert "time limit  0.2 s" in backend.meow("show", "t").stdout


def test_a_time_limit_counts_from_the_start_also_over_a_restart(backend: Backend) -> None:
    submit(
        backend,
        """
        cattino.export(TaskGroup([quick("long", "sleep 1000", time_limit="2h"),
                                  quick("short", "sleep 1000", time_limit=3)], group_name="g"))
        """,
    )
    wait_until(lambda: all(task["pid"] for task in tasks(backend).values()), "both run")
    before = tasks(backend)
    started: int = before["g/short"]["started"]
    wait_until(lambda: time.time() * 1000 > started + 1000, "a part of its time is over")
    daemon: int = backend.health()["pid"]
    os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not alive(daemon), "it is dead")
    backend.meow("wait", "g/short", check=1)
    after = tasks(backend)
    assert after["g/short"]["reason"]["kind"] == "timed_out"
    assert started + 3000 <= after["g/short"]["ended"] < backend.health()["started"] + 3000
    assert (
        after["g/long"]["status"] == "Running" and after["g/long"]["started"] == before["g/long"]["started"]
    )
    assert after["g/long"]["request"]["time_limit"] == 7_200_000


def test_a_task_that_may_have_more_devices_takes_what_is_idle(backend: Backend) -> None:
    backend.meow("create", gate(backend, "gate"), "-n", "holder")
    backend.meow("create", "sleep 1000", "-n", "wide", "--max-devices", "8")
    assert len(backend.task("wide")["task"]["devices"]) == 3
    open_gate(backend, "gate")


def test_pins_by_name_index_and_model(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="2x24GiB,1x80GiB:a100", CATTINO_CPUS="8")
    pins = {"name": "cuda:1", "index": "0", "model": "A100"}
    for name, pin in pins.items():
        backend.meow("create", "sleep 1000", "-n", name, "-M", "1GiB", "--devices", pin)
    found = {name: task["devices"] for name, task in tasks(backend).items()}
    assert found == {"name": ["cuda:1"], "index": ["cuda:0"], "model": ["cuda:2"]}
    submit(backend, 'cattino.export(ProcTask("true", task_name="python", devices=[1, "cuda:1"]))')
    waiting = backend.task("python")["task"]
    assert waiting["status"] == "Waiting" and waiting["request"]["devices"] == ["1", "cuda:1"]
    assert "cuda:1 is held by name" in waiting["reason"]["text"]


def test_declared_resources_limit_who_runs(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, "[resources]\nlicence = 2\n")
    backend.meow("create", gate(backend, "gate"), "-n", "one", "-c", "0", "--resource", "licence=2")
    submit(backend, 'cattino.export(quick("two", resources={"licence": 1}))')
    assert statuses(backend) == {"one": "Running", "two": "Waiting"}
    assert why(backend, "two").startswith("two waits: needs 1 of licence; 0 of 2 are free: one holds 2.")
    refused = backend.meow("create", "true", "--resource", "licence=3", check=2)
    assert "tasks[0].request.resources.licence" in refused.stderr
    os.kill(backend.health()["pid"], signal.SIGKILL)
    assert statuses(backend) == {"one": "Running", "two": "Waiting"}
    open_gate(backend, "gate")
    backend.meow("wait")
    assert set(statuses(backend).values()) == {"Done"}


def test_a_group_runs_as_many_at_once_as_it_may(backend: Backend) -> None:
    gates = [gate(backend, f"gate{i}") for i in range(3)]
    submit(
        backend,
        f"""
        commands = {gates!r}
        cattino.export(TaskGroup([quick(f"t{{i}}", c, cpus=0) for i, c in enumerate(commands)],
                                 group_name="g", max_parallel=2))
        """,
    )
    assert statuses(backend) == {"g/t0": "Running", "g/t1": "Running", "g/t2": "Waiting"}
    assert backend.task("g/t2")["task"]["reason"]["kind"] == "parallel"
    open_gate(backend, "gate0")
    wait_until(lambda: statuses(backend)["g/t2"] == "Running", "the third has its turn")
    for name in ("gate1", "gate2"):
        open_gate(backend, name)
    backend.meow("wait")


def test_a_lower_priority_makes_room_and_runs_again(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    backend.meow("create", "sleep 1000", "-n", "low", "--preemptible")
    wait_until(lambda: tasks(backend)["low"]["pid"], "it runs")
    backend.meow("create", gate(backend, "gate"), "-n", "high", "-p", "5")
    wait_until(lambda: statuses(backend) == {"low": "Waiting", "high": "Running"}, "room was made")
    low = backend.task("low")["task"]
    assert low["preemptible"] is True and low["preemptions"] == 1
    open_gate(backend, "gate")
    wait_until(lambda: statuses(backend) == {"low": "Running", "high": "Done"}, "it runs again")
    assert backend.task("low")["task"]["attempt"] == 2


# ---- when, and when again -----------------------------------------------------------------------------


def test_a_task_that_fails_is_tried_again_after_a_while(backend: Backend) -> None:
    submit(
        backend,
        """
        cattino.export(quick("t", "exit $((CATTINO_ATTEMPT < 3 ? 3 : 0))", retries=3, backoff="100ms"))
        """,
    )
    backend.meow("wait", "t")
    detail = backend.task("t")
    task, attempts = detail["task"], detail["attempts"]
    assert (task["status"], task["attempt"], task["retries"]) == ("Done", 3, 2)
    assert [attempt["status"]["code"] for attempt in attempts] == [3, 3, 0]
    pauses = [b["started"] - a["ended"] for a, b in zip(attempts, attempts[1:])]
    assert pauses[0] >= 99 and pauses[1] >= 199  # times are rounded to milliseconds
    assert task["retry"]["on"] == ["exit", "signal", "oom"]


def test_only_the_ends_that_were_named_are_tried_again(backend: Backend) -> None:
    again = ("--retries", "5", "--backoff", "1ms", "-c", "0")
    backend.meow("create", "exit 3", "-n", "other", *again, "--retry-on", "4,signal")
    backend.meow("create", "exit 4", "-n", "named", *again, "--retry-on", "4,signal")
    backend.meow("create", "sleep 1000", "-n", "late", *again, "--retry-on", "timeout", "--time-limit", "1ms")
    backend.meow("wait", "other", "named", "late", check=1)
    assert {name: task["attempt"] for name, task in tasks(backend).items()} == {
        "other": 1,
        "named": 6,
        "late": 6,
    }
    assert "after 5 retries" in why(backend, "late")


def test_why_tells_of_the_failure_before_a_retry(backend: Backend) -> None:
    backend.meow("create", "exit 3", "-n", "t", "-c", "0", "--retries", "2", "--backoff", "1h")
    wait_until(lambda: statuses(backend)["t"] == "Waiting", "it has failed once")
    text = why(backend, "t")
    assert text.startswith("t runs again in ")
    assert text.endswith("Its last attempt failed (exit status 3); 1 retry is left after this one.\n")


def test_a_held_task_waits_until_it_is_resumed(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0", "--hold")
    submit(backend, 'cattino.export(quick("u", held=True))')
    os.kill(backend.health()["pid"], signal.SIGKILL)
    backend.meow("wait", check=6)
    assert set(statuses(backend).values()) == {"Waiting"}
    assert "meow resume t" in why(backend, "t")
    backend.meow("resume", "t", "u")
    backend.meow("wait")
    assert set(statuses(backend).values()) == {"Done"}


def test_a_task_for_later_starts_then(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0", "--not-before", "+1s")
    assert backend.task("t")["task"]["reason"]["kind"] == "not_before"
    submit(
        backend,
        """
        from datetime import datetime, timedelta
        cattino.export(TaskGroup([
            quick("u", not_before=datetime.now() + timedelta(seconds=1)),
            quick("v", not_before="2001-09-09T01:46:40Z"),
        ], group_name="g"))
        """,
    )
    backend.meow("wait")
    found = tasks(backend)
    for name in ("t", "g/u"):
        assert found[name]["started"] >= found[name]["not_before"] > found[name]["created"]
    assert found["g/v"]["not_before"] == 1_000_000_000_000


def test_what_nobody_asked_for_is_left_out(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t")
    task: dict[str, Any] = backend.task("t")["task"]
    assert sorted(task["request"]) == ["memory", "min_devices", "ram"]
    assert not {"retry", "not_before", "preemptible", "retries", "preemptions"} & set(task)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["-c", "4", "--max-devices", "2"], "tasks[0].request.max_devices"),
        (["--devices", "no-such"], "tasks[0].request.min_devices"),
        (["--time-limit", "0"], "tasks[0].request.time_limit"),
        (["--time-limit", "soon"], "--time-limit"),
        (["--resource", "licence=1"], "tasks[0].request.resources.licence"),
        (["--resource", "licence"], "--resource"),
        (["--retries", "1", "--retry-on", "signals"], "did you mean signal?"),
        (["--not-before", "tomorrow"], "--not-before"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(backend: Backend, options: list[str], field: str) -> None:
    assert field in backend.meow("create", "true", *options, check=2).stderr
    assert tasks(backend) == {}


def test_python_names_the_field_that_the_backend_refuses(backend: Backend) -> None:
    refused = submit(backend, 'cattino.export(quick("t", resources={"licence": 1}))', check=2)
    assert refused.stderr.startswith("task.py: resources: t asks for licence, which is not declared")
    assert tasks(backend) == {}
