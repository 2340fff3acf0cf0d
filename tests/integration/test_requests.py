"""What runs next: priority, cores, devices and their memory."""

from __future__ import annotations

import re

import pytest
from conftest import Backend, MakeBackend, gate, open_gate, out, statuses, submit, tasks, wait_until


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
