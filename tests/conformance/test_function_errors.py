"""Functions that fail, that cannot be sent, and how their process is made."""

from __future__ import annotations

from typing import Any

import pytest
from words import create, err, out, script

from cattino.tasks import ProcTask


def test_an_exception_comes_back_with_its_traceback(backend: Any) -> None:
    """order: result or exception with traceback fetched by task.result(timeout=…); the log is the cause"""
    said = script(
        backend,
        """
        class Mine(ValueError):
            pass
        def deep_down():
            raise Mine("no luck")
        def work():
            deep_down()
        task = small("f", work)
        cattino.export(task)
        try:
            task.result(timeout=50)
        except Mine as error:
            cause = error.__cause__
            assert isinstance(cause, cattino.TaskFailed)
            say([str(error), "deep_down" in str(cause), str(task.status)])
        """,
    )
    assert said == ["no luck", True, "Failed"]
    assert "Traceback" in err(backend, "f") and "deep_down" in err(backend, "f")


def test_a_result_that_takes_too_long_is_a_timeout_error(backend: Any) -> None:
    """order: task.result(timeout=…)"""
    said = script(
        backend,
        """
        def work():
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 5
        task = small("f", work)
        cattino.export(task)
        try:
            task.result(timeout=0.2)
        except TimeoutError:
            open("go", "w").close()
            say(["late", task.result()])
        """,
    )
    assert said == ["late", 5]


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(3)", "sys.exit(3)"])
def test_the_result_of_a_function_that_died_is_an_exception(backend: Any, end: str) -> None:
    """order: result or exception"""
    said = script(
        backend,
        f"""
        task = small("f", lambda: {end})
        cattino.export(task)
        try:
            say(["value", task.result(timeout=50)])
        except BaseException as error:
            say([isinstance(error, TimeoutError), str(error)])
        """,
    )
    assert said[0] is False
    assert ("9" in said[1] or "KILL" in said[1].upper()) if "kill" in end else "3" in said[1]


def test_the_result_of_a_cancelled_function_is_an_exception(backend: Any) -> None:
    """order: result or exception"""
    said = script(
        backend,
        """
        def work():
            note("up")
            time.sleep(1000)
        task = small("f", work)
        cattino.export(task)
        while not os.path.exists(NOTES):
            time.sleep(0.01)
        task.cancel()
        try:
            say(["value", task.result(timeout=50)])
        except BaseException as error:
            say([isinstance(error, TimeoutError), type(error).__name__ + str(error)])
        """,
    )
    assert said[0] is False and "ancel" in said[1]


def test_the_exception_that_comes_out_is_that_of_the_function(backend: Any) -> None:
    """order: result or exception … fetched by task.result(timeout=…), as that of a Future is"""
    said = script(
        backend,
        """
        task = small("f", lambda: 1 / 0)
        cattino.export(task)
        try:
            task.result(timeout=50)
        except ZeroDivisionError as error:
            say(str(error))
        """,
    )
    assert said == "division by zero"


# ---- pickling errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, words",
    [
        ("my_guard = threading.Lock()\ndef work(): return my_guard\nt = small('f', work)", "my_guard lock"),
        ("my_file = open('notes', 'a')\nt = small('f', lambda: my_file)", "my_file file"),
        ("t = small('f', print, args=(threading.Lock(),))", "args lock"),
        ("t = small('f', dict, kwargs={'my_end': threading.Lock()})", "my_end lock"),
        (
            "t = small('f')\nclass T(ProcTask):\n    def on_start(self): pass\n"
            "t = small('f', kind=T)\nt.my_handle = threading.Lock()",
            "my_handle lock",
        ),
    ],
)
def test_what_cannot_be_sent_is_named_with_the_reason(backend: Any, body: str, words: str) -> None:
    """order: pickling errors say which object cannot be sent and why"""
    said = create(backend, body + "\ncattino.export(t)\n", check=1)
    for word in words.split():
        assert word in said, word
    assert backend.json("list", "--all")["tasks"] == []


def test_a_value_that_cannot_come_back_is_told_with_the_reason(backend: Any) -> None:
    """order: pickling errors say which object cannot be sent and why"""
    said = script(
        backend,
        """
        task = small("f", lambda: {"my_key": threading.Lock()})
        cattino.export(task)
        try:
            say(["value", repr(task.result(timeout=50))])
        except Exception as error:
            say([isinstance(error, TimeoutError), str(error)])
        """,
    )
    assert said[0] is False and "lock" in said[1]


# ---- start_method --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, seen", [("fork", True), ("spawn", False)])
def test_the_start_method_says_how_the_process_comes_to_be(backend: Any, method: str, seen: bool) -> None:
    """order: start_method="fork"|"spawn"; contract 1.4: forked from that host"""
    said = script(
        backend,
        f"""
        class T(ProcTask):
            def on_start(self):
                json.of_the_host = True
        def work(n):
            return [n, hasattr(json, "of_the_host")]
        task = small("f", work, T, args=(3,), start_method={method!r})
        cattino.export(task)
        say(task.result(timeout=50))
        """,
    )
    assert said == [3, seen]


def test_a_spawned_function_fails_as_a_forked_one_does(backend: Any) -> None:
    """order: start_method; exception with traceback"""
    said = script(
        backend,
        """
        def deep_down():
            print("before")
            raise KeyError("gone")
        task = small("f", deep_down, start_method="spawn")
        cattino.export(task)
        try:
            task.result(timeout=50)
        except KeyError as error:
            say("deep_down" in str(error.__cause__))
        """,
    )
    assert said is True
    assert out(backend, "f") == "before\n"


def test_a_wrong_start_method_is_told_the_nearest_right_word() -> None:
    """order: start_method; the nearest right word"""
    with pytest.raises((TypeError, ValueError), match=r"\bspawn\b"):
        ProcTask(print, start_method="spwan")  # type: ignore[call-arg, unused-ignore]
