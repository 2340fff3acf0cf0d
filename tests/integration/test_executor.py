"""`cattino.Executor`: calls are tasks, their results come back, whatever becomes of the backend."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import textwrap

import pytest
from conftest import ROOT, Backend, alive, python, start_script, tasks, wait_until


def start(backend: Backend, body: str) -> subprocess.Popen[str]:
    """A script with an executor, in a plain interpreter."""
    head = "import os, sys, cattino\nfrom concurrent import futures\n"
    return start_script(backend, head + textwrap.dedent(body))


def ran(backend: Backend, body: str) -> str:
    """What such a script prints."""
    process = start(backend, body)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == "", err
    return out


def test_calls_are_tasks_and_give_what_they_return(backend: Backend) -> None:
    out = ran(
        backend,
        """
        def power(base, exponent=2):
            return base ** exponent, os.environ["CATTINO_TASK_NAME"], os.environ["CUDA_VISIBLE_DEVICES"]

        with cattino.Executor(name="sums", min_devices=2) as executor:
            first = executor.submit(power, 3)
            second = executor.with_options(min_devices=0).submit(power, 3, exponent=3)
            for future in futures.as_completed([first, second]):
                assert future.done() and not future.running() and not future.cancel()
            (nine, name, two), (cube, _, none) = first.result(), second.result()
            print(nine, cube, len(two.split(",")), repr(none))
            print(name, first.task.status)
        """,
    )
    assert out == "9 27 2 ''\nsums/power-1 Done\n"
    assert {t["fullname"] for t in tasks(backend).values()} == {"sums/power-1", "sums/power-2"}


def test_map_is_one_submission_in_order_and_at_most_so_many_at_once(backend: Backend) -> None:
    out = ran(
        backend,
        """
        with cattino.Executor(min_devices=0, cpus=0, max_workers=2) as executor:
            print(list(executor.map(lambda a, b: a * b, range(6), range(1, 7))))
            print(list(executor.map(lambda a: -a, range(5), chunksize=2)), list(executor.map(abs, [])))
        """,
    )
    assert out == "[0, 2, 6, 12, 20, 30]\n[0, -1, -2, -3, -4] []\n"
    found = tasks(backend)
    assert len({t["submission"] for t in found.values()}) == 2 and len(found) == 6 + 3
    assert all(re.match(r"script-\d+-1/lambda-\d+|script-\d+-1/_call_each-\d+", name) for name in found)


def test_what_a_call_raises_is_raised_with_its_log(backend: Backend) -> None:
    out = ran(
        backend,
        """
        class Mine(Exception):
            pass

        def bad(): raise Mine("so it is")
        def killed(): os.kill(os.getpid(), 9)
        def locked(): raise ValueError(open("x", "w"))

        with cattino.Executor(min_devices=0) as executor:
            made = [executor.submit(f) for f in (bad, killed, locked)]
            raised = [future.exception() for future in made]
        print(type(raised[0]) is Mine, raised[0], type(raised[0].__cause__).__name__)
        print("in bad" in str(raised[0].__cause__))
        print(type(raised[1]).__name__, "SIGKILL" in str(raised[1]))
        print(type(raised[2]).__name__, "in locked" in str(raised[2]))
        try:
            made[0].task.result()
        except Mine as error:
            print(type(error.__cause__).__name__)
        """,
    )
    assert out == "True so it is TaskFailed\nTrue\nTaskFailed True\nTaskFailed True\nTaskFailed\n"


def test_what_waits_can_be_cancelled_and_what_runs_not(backend: Backend) -> None:
    os.mkfifo(backend.work / "gate")
    process = start(
        backend,
        """
        def hold():
            return open("gate").read()

        executor = cattino.Executor(name="e", min_devices=4)
        running, waiting, third = [executor.submit(hold) for _ in range(3)]
        print("submitted", flush=True)
        while not running.running(): pass
        print(running.cancel(), waiting.cancel(), waiting.cancelled(), flush=True)
        executor.shutdown(wait=False, cancel_futures=True)
        print(third.cancelled(), flush=True)
        try:
            executor.submit(hold)
        except RuntimeError as error:
            print(error, flush=True)
        executor.shutdown()
        print(running.result())
        """,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "submitted\n"
    assert process.stdout.readline() == "False True True\n"
    assert process.stdout.readline() == "True\n"
    assert process.stdout.readline() == "cannot schedule new futures after shutdown\n"
    with open(backend.work / "gate", "w") as file:
        file.write("through")
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("through\n", "")


def test_results_come_although_the_daemon_is_killed(backend: Backend) -> None:
    os.mkfifo(backend.work / "gate")
    process = start(
        backend,
        """
        with cattino.Executor(name="e", min_devices=0) as executor:
            future = executor.submit(lambda: open("gate").read())
            print("submitted", flush=True)
            print(future.result())
        """,
    )
    assert process.stdout is not None and process.stdout.readline() == "submitted\n"
    wait_until(lambda: tasks(backend)["e/lambda-1"]["pid"], "it runs")
    os.kill(backend.health()["pid"], signal.SIGKILL)
    with open(backend.work / "gate", "w") as file:
        file.write("through")
    assert process.communicate(timeout=60) == ("through\n", "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "cattino.Executor(min_device=1)",
            "min_device: Executor: there is no such option (did you mean 'min_devices'?)",
        ),
        ("cattino.Executor(min_devices=99).submit(print)", "min_devices"),
        ("cattino.Executor().map(print, [1], chunksize=0)", "chunksize must be >= 1"),
        ("cattino.Executor().map(print, [1], cpus=2)", "with_options"),
        ("cattino.Executor().submit(lambda a: a)", "missing a required argument: 'a'"),
    ],
)
def test_what_is_wrong_is_said_at_once(backend: Backend, body: str, said: str) -> None:
    process = start(backend, body)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and said in err.splitlines()[-1]


def test_under_meow_create_it_is_refused(backend: Backend) -> None:
    (backend.work / "task.py").write_text("import cattino\ncattino.Executor()\n")
    assert "run it with python" in backend.meow("create", "task.py", check=2).stderr


def test_the_tuning_example_prints_the_best(backend: Backend) -> None:
    done = python(backend, str(ROOT / "examples" / "tune.py"), "2", timeout=120)
    assert re.fullmatch(r"best of 2: 0\.\d+ with {'C': 0\.1, .*}\n", done.stdout)
    assert "2/2" in done.stderr


def test_nothing_is_missed_while_the_daemon_is_killed_again_and_again(backend: Backend) -> None:
    backend.meow("_start")
    process = start(
        backend,
        """
        with cattino.Executor(name="e", min_devices=0, cpus=0) as executor:
            made = [executor.submit(lambda n=n: n) for n in range(20)]
            results = list(executor.map(lambda n: n, range(20, 40)))
            print(sum(future.result() for future in made) + sum(results))
        """,
    )
    for kill in range(1, 5):  # one more within ten seconds, and it would wait for a command
        wait_until(lambda kill=kill: len(tasks(backend)) >= 4 * kill, "some were submitted")
        daemon = backend.health()["pid"]
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda daemon=daemon: not alive(daemon), "it is gone")
    assert process.communicate(timeout=60) == (f"{sum(range(40))}\n", "")
