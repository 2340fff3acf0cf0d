"""`meow why`, word by word, in prepared situations."""

from __future__ import annotations

from typing import Callable

from conftest import Backend, gate, open_gate, submit, tasks, wait_until

MakeBackend = Callable[..., Backend]

FREE = "It starts as soon as enough is free; tasks that fit may start before it."


def why(backend: Backend, *names: str) -> list[str]:
    return backend.meow("why", *names).stdout.replace(str(backend.home), "~").splitlines()


def holder(backend: Backend, name: str, *request: str) -> None:
    """A task that runs until its gate is opened."""
    backend.meow("create", gate(backend, name), "-n", name, *request)
    wait_until(lambda: tasks(backend)[name]["pid"], f"{name} runs")


def test_why_it_waits_for_devices(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="2x24GiB", CATTINO_CPUS="8")
    holder(backend, "train", "-c", "1")
    holder(backend, "eval", "-c", "1", "-M", "20GiB")
    backend.meow("create", "true", "-n", "shares", "-c", "1", "-M", "10GiB")
    backend.meow("create", "true", "-n", "alone", "-c", "2")
    assert why(backend, "shares", "alone", "train") == [
        "shares waits: needs 1 device with 10240 MiB; 0 of 2 fit: cuda:0 is held by train, cuda:1 has "
        f"4096 MiB free, held by eval. {FREE}",
        "alone waits: needs 2 devices, each alone; 0 of 2 fit: cuda:0 is held by train, cuda:1 is held "
        f"by eval. {FREE}",
        "train runs on cuda:0.",
    ]
    for name in ("train", "eval"):
        open_gate(backend, name)


def test_why_it_waits_for_cores_and_memory(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="4")
    holder(backend, "builder", "-c", "0", "--cpus", "3")
    backend.meow("create", "true", "-n", "cores", "-c", "0", "--cpus", "2")
    assert why(backend, "cores", "builder") == [
        f"cores waits: needs 2 cores; 1 is free. {FREE}",
        "builder runs.",
    ]
    open_gate(backend, "builder")


def test_why_it_waits_for_others(backend: Backend) -> None:
    submit(
        backend,
        f"""
        first, second = quick("first", "{gate(backend, "first")}; exit 3"), quick("second")
        cattino.export(TaskGroup([first, second], execute_strategy="sequential", group_name="g"))
        """,
    )
    assert why(backend, "g") == [
        "g/first runs.",
        "g/second waits for g/first. It can start when these are Done.",
    ]
    open_gate(backend, "first")
    backend.meow("wait", "g", check=1)
    first, second = why(backend, "g")
    assert first.startswith("g/first is Failed: exit status 3. What it said is in ~/")
    assert first.endswith("/g/first/stderr.log. `meow resume g/first` runs it again.")
    assert second.startswith("g/second is Cancelled: dependency g/first failed with exit status 3.")


def test_why_it_runs_again_was_ended_or_is_done(backend: Backend) -> None:
    backend.meow("create", "exit 100", "-n", "again", "-c", "0")
    wait_until(lambda: tasks(backend)["again"]["status"] == "Waiting", "it backs off")
    (text,) = why(backend, "again")
    assert text.startswith("again runs again in ")
    assert text.endswith("s. It asked to be run again (exit status 100).")
    backend.meow("cancel", "again")
    backend.meow("create", "true", "-n", "fine", "-c", "0")
    backend.meow("wait", "fine")
    holder(backend, "victim", "-c", "0")
    backend.meow("kill", "victim", "--wait")
    cancelled, fine, victim = why(backend, "again", "fine", "victim")
    assert cancelled == "again is Cancelled: cancelled by the user. `meow resume again` runs it again."
    assert fine == "fine is Done: exit status 0."
    assert victim.startswith("victim is Failed: killed by the user. What it said is in ~/")


def test_why_asks_for_a_name_that_exists(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "train", "-c", "0")
    done = backend.meow("why", "trian", check=2)
    assert "did you mean" in done.stderr and "train" in done.stderr
    assert backend.json("why", "train")["task"]["name"] == "train"
