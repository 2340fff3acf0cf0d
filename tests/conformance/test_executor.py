"""cattino.Executor, cattino.report and the fixture for tests."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
from typing import Any

import pytest
from words import PATIENCE_S, create, ended, in_python, notes, out, script, soon, statuses

import cattino


def test_it_is_an_executor() -> None:
    """order: cattino.Executor, a concurrent.futures.Executor"""
    assert issubclass(cattino.Executor, concurrent.futures.Executor)


def test_submit_gives_a_future_with_the_value(backend: Any) -> None:
    """order: submit"""
    said = script(
        backend,
        """
        import concurrent.futures
        with cattino.Executor() as pool:
            future = pool.submit(lambda a, b=0: a + b, 1, b=2)
            say([isinstance(future, concurrent.futures.Future), future.result(timeout=50), future.done()])
        """,
    )
    assert said == [True, 3, True]


def test_map_keeps_the_order_and_takes_several_iterables(backend: Any) -> None:
    """order: map"""
    said = script(
        backend,
        """
        with cattino.Executor() as pool:
            say(list(pool.map(lambda a, b: a * b, range(5), [10] * 5, timeout=50)))
        """,
    )
    assert said == [0, 10, 20, 30, 40]


def test_as_completed_and_wait_of_the_standard_library_work(backend: Any) -> None:
    """order: as_completed"""
    said = script(
        backend,
        """
        import concurrent.futures
        def work(n):
            while n and not os.path.exists(f"done{n - 1}"):
                time.sleep(0.01)
            return n
        with cattino.Executor() as pool:
            futures = [pool.with_options(min_devices=0, cpus=0).submit(work, n) for n in (2, 1, 0)]
            order = []
            for future in concurrent.futures.as_completed(futures, timeout=50):
                order.append(future.result())
                open(f"done{future.result()}", "w").close()
            done, rest = concurrent.futures.wait(futures, timeout=50)
            say([order, len(done), len(rest)])
        """,
    )
    assert said == [[0, 1, 2], 3, 0]


def test_an_exception_comes_out_of_the_future_with_its_traceback(backend: Any) -> None:
    """order: Executor; result or exception with traceback"""
    said = script(
        backend,
        """
        def deep_down():
            raise KeyError("gone")
        with cattino.Executor() as pool:
            future = pool.submit(deep_down)
            found = future.exception(timeout=50)
            text = "".join(traceback.format_exception(type(found), found, found.__traceback__))
            try:
                future.result()
            except KeyError as error:
                say([str(error), "deep_down" in text, error is found])
        """,
    )
    assert said == ["'gone'", True, True]


def test_options_are_requests_of_the_task(backend: Any) -> None:
    """order: requests by with_options(min_devices=1, …)"""
    said = script(
        backend,
        """
        def visible():
            return os.environ["CUDA_VISIBLE_DEVICES"]
        with cattino.Executor() as pool:
            two = pool.with_options(min_devices=2, requires_memory_per_device="1GiB").submit(visible)
            none = pool.with_options(min_devices=0).submit(visible)
            env = pool.with_options(min_devices=0, env={"A": "b"}).submit(lambda: os.environ["A"])
            say([two.result(50), none.result(50), env.result(50)])
        """,
    )
    assert len(said[0].split(",")) == 2
    assert said[1] in ("", "-1")
    assert said[2] == "b"


def test_a_wrong_option_is_told_the_nearest_right_word(backend: Any) -> None:
    """order: signature errors name the nearest right word"""
    said = script(
        backend,
        """
        with cattino.Executor() as pool:
            try:
                pool.with_options(min_device=1).submit(int)
            except (TypeError, ValueError) as error:
                say(str(error))
        """,
    )
    assert "min_devices" in said


def test_a_future_that_waits_can_be_cancelled(backend: Any) -> None:
    """order: cancel"""
    said = script(
        backend,
        """
        import concurrent.futures
        def work():
            note("up")
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 1
        with cattino.Executor() as pool:
            whole = pool.with_options(min_devices=4)
            first = whole.submit(work)
            while not os.path.exists(NOTES):
                time.sleep(0.01)
            second = whole.submit(work)
            cancelled = second.cancel(), second.cancelled()
            open("go", "w").close()
            try:
                second.result(timeout=50)
            except concurrent.futures.CancelledError:
                say([cancelled, first.result(timeout=50)])
        """,
    )
    assert said == [[True, True], 1]
    assert sorted(statuses(backend).values()) == ["Cancelled", "Done"]


def test_shutdown_waits_and_then_takes_nothing_more(backend: Any) -> None:
    """order: shutdown"""
    said = script(
        backend,
        """
        pool = cattino.Executor()
        future = pool.submit(time.sleep, 0.3)
        pool.shutdown()
        done = future.done()
        try:
            pool.submit(int)
        except RuntimeError:
            say(done)
        """,
    )
    assert said is True


def test_shutdown_can_cancel_what_waits(backend: Any) -> None:
    """order: shutdown; the standard library's cancel_futures"""
    said = script(
        backend,
        """
        def work():
            note("up")
            while not os.path.exists("go"):
                time.sleep(0.01)
        pool = cattino.Executor()
        whole = pool.with_options(min_devices=4)
        futures = [whole.submit(work) for _ in range(3)]
        while not os.path.exists(NOTES):
            time.sleep(0.01)
        pool.shutdown(wait=False, cancel_futures=True)
        open("go", "w").close()
        first, *others = futures
        first.result(timeout=50)
        say([future.cancelled() for future in others])
        """,
    )
    assert said == [True, True]


def test_a_result_that_takes_too_long_is_a_timeout_error(backend: Any) -> None:
    """order: Executor, a concurrent.futures.Executor"""
    said = script(
        backend,
        """
        import concurrent.futures
        def work():
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 5
        with cattino.Executor() as pool:
            future = pool.submit(work)
            try:
                future.result(timeout=0.2)
            except concurrent.futures.TimeoutError:
                open("go", "w").close()
                say(future.result(timeout=50))
        """,
    )
    assert said == 5


def test_it_serves_an_event_loop(backend: Any) -> None:
    """order: Executor, a concurrent.futures.Executor (loop.run_in_executor)"""
    said = script(
        backend,
        """
        async def main(pool):
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*[loop.run_in_executor(pool, pow, 2, n) for n in range(3)])
        with cattino.Executor() as pool:
            say(asyncio.run(main(pool)))
        """,
    )
    assert said == [1, 2, 4]


def test_what_cannot_be_sent_is_named(backend: Any) -> None:
    """order: pickling errors say which object cannot be sent and why"""
    said = script(
        backend,
        """
        my_guard = threading.Lock()
        with cattino.Executor() as pool:
            try:
                pool.submit(lambda: my_guard).result(timeout=50)
            except Exception as error:
                say(str(error))
        """,
    )
    assert "my_guard" in said and "lock" in said


# ---- report --------------------------------------------------------------------------------------------


def test_what_a_task_reports_is_shown(backend: Any) -> None:
    """order: cattino.report(step=…, total=…, **metrics)"""
    create(
        backend,
        """
        def work():
            cattino.report(step=3, total=17, loss=0.625)
            note("up")
            while not os.path.exists("go"):
                time.sleep(0.01)
        cattino.export(small("f", work))
        """,
    )
    soon(lambda: notes(backend) or backend.status("f") == "Failed", "it has reported")
    shown = backend.meow("show", "f").stdout
    found = backend.meow("show", "f", "--json").stdout
    backend.write("go", "")
    assert ended(backend, "f") == "Done"
    assert "0.625" in shown and "17" in shown
    assert '"loss":0.625' in found.replace(" ", "")


def test_a_command_reports_too(backend: Any) -> None:
    """order: cattino.report(step=…, total=…, **metrics)"""
    backend.write(
        "train.py",
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport cattino\n"
        "for n in range(5):\n    cattino.report(step=n, total=5, acc=n / 4)\n",
    )
    package = backend.environment["CATTINO_PACKAGE"]
    create(backend, f"cattino.export(small('t', [sys.executable, 'train.py', {package!r}]))")
    assert ended(backend, "t") == "Done", out(backend, "t")
    assert "acc" in backend.meow("show", "t", "--json").stdout


def test_a_report_outside_of_a_task_is_no_error() -> None:
    """order: cattino.report: a script that reports runs without a backend too"""
    cattino.report(step=1, total=2, loss=0.5)


# ---- the fixture ---------------------------------------------------------------------------------------


def test_pytest_has_a_fixture_of_the_package(backend: Any) -> None:
    """order: the pytest fixture"""
    # An entry point loads it where the package is installed.
    words = [sys.executable, "-m", "pytest", "-p", "cattino.pytest_plugin", "--fixtures", "-v"]
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False, **in_python(backend))
    assert "cattino_backend" in done.stdout


@pytest.mark.parametrize("name", ["Client", "AsyncClient", "Executor", "report"])
def test_the_package_has_the_new_names(name: str) -> None:
    """order: cattino.Client, cattino.AsyncClient, cattino.Executor, cattino.report"""
    assert hasattr(cattino, name)
    assert name in cattino.__all__
