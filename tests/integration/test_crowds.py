"""Many tasks, many people at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import Backend, submit


def test_a_thousand_tasks_at_once(backend: Backend) -> None:
    body = 'cattino.export(TaskGroup([quick(f"t{i}", cpus=0.5) for i in range(1000)], group_name="g"))'
    assert submit(backend, body)["count"] == 1000
    backend.meow("wait", "g")
    assert backend.json("show", "g")["group"]["counts"] == {"Done": 1000}
    assert len(list((backend.home).glob("*/*/g/*/stdout.log"))) == 1000
    listed = backend.json("list", "-l", "10")
    assert len(listed["tasks"]) == 10 and listed["truncated"] == 990


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
