"""ProcTask(fn) and task.result()."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from words import answers, create, ended, err, kill_daemon, noted, out, python, script, within, write


@pytest.mark.parametrize(
    "made, value",
    [
        ("plain", 1),
        ("lambda: [1, 2]", [1, 2]),
        ("closure(5)", 6),
        ("functools.partial(pow, 2, 10)", 1024),
        ("functools.partial(closure(5))", 6),
        ("of_a_module.work", "module"),
        ("Thing(4).method", 8),
        ("Thing(4)", 12),
        ("uses_globals", "global"),
    ],
)
def test_every_kind_of_function_runs_and_gives_its_value(backend: Any, made: str, value: Any) -> None:
    """order: ProcTask(fn), closures, lambdas, functools.partial, functions of __main__"""
    backend.write("of_a_module.py", "def work():\n    return 'module'\n")
    said = script(
        backend,
        f"""
        import of_a_module
        SOMETHING = "global"
        def plain():
            return 1
        def closure(n):
            def inner():
                return n + 1
            return inner
        def helper():
            return SOMETHING
        def uses_globals():
            return helper()
        class Thing:
            def __init__(self, n): self.n = n
            def method(self): return 2 * self.n
            def __call__(self): return 3 * self.n
        task = small("f", {made})
        cattino.export(task)
        say(task.result(timeout=50))
        """,
    )
    assert said == value


def test_a_function_has_the_arguments_bound_to_it(backend: Any) -> None:
    """order: bound arguments (ProcTask(fn, args=…, kwargs=…))"""
    said = script(
        backend,
        """
        def work(*args, **kwargs):
            return [list(args), kwargs]
        task = ProcTask(work, args=(1, "two"), kwargs={"three": [3]}, task_name="f", min_devices=0)
        cattino.export(task)
        say(task.result())
        """,
    )
    assert said == [[1, "two"], {"three": [3]}]


def test_a_function_of_a_script_from_stdin_runs(backend: Any) -> None:
    """contract 1.1: or in a notebook; order: functions of __main__"""
    text = write(
        backend, 'task = small("f", lambda: 7)\ncattino.export(task)\nprint(task.result())\n'
    ).read_text()
    assert python(backend, text=text).stdout.splitlines()[-1] == "7"


def test_a_function_of_a_created_script_runs(backend: Any) -> None:
    """original: quickstart: a command string or a function"""
    create(
        backend,
        """
        def work():
            print("from the function", sys.argv)
        if __name__ == "__main__":
            cattino.export(ProcTask(work, task_name="f", min_devices=0))
        """,
    )
    assert ended(backend, "f") == "Done"
    assert out(backend, "f").startswith("from the function")


def test_an_object_of_a_class_of_main_comes_back(backend: Any) -> None:
    """contract 1.4: its return value can be fetched"""
    said = script(
        backend,
        """
        import dataclasses
        @dataclasses.dataclass
        class Point:
            x: int
        task = small("f", lambda: Point(3))
        cattino.export(task)
        found = task.result()
        say([isinstance(found, Point), found == Point(3)])
        """,
    )
    assert said == [True, True]


def test_a_large_value_comes_back(backend: Any) -> None:
    """contract 1.4: its return value can be fetched"""
    said = script(
        backend,
        """
        task = small("f", lambda: b"x" * 50_000_000)
        cattino.export(task)
        say(len(task.result()))
        """,
    )
    assert said == 50_000_000


def test_none_is_a_result(backend: Any) -> None:
    """contract 1.4: its return value can be fetched"""
    assert script(backend, 't = small("f", lambda: None)\ncattino.export(t)\nsay(t.result())') is None


def test_exit_status_of_a_function_is_what_it_exits_with(backend: Any) -> None:
    """contract 1.4: a function task; exit_code"""
    create(backend, 'cattino.export(small("f", lambda: sys.exit(7)))')
    assert ended(backend, "f") == "Failed"
    assert backend.task("f")["task"]["exit"]["code"] == 7


def test_exit_and_retry_runs_the_function_again(backend: Any) -> None:
    """contract 1.4: exit status 100 (cattino.exit_and_retry()) requeues the task"""
    said = script(
        backend,
        """
        def work():
            attempt = int(os.environ["CATTINO_ATTEMPT"])
            if attempt == 1:
                cattino.exit_and_retry()
            return attempt
        task = small("f", work)
        cattino.export(task)
        say([task.result(timeout=50), task.attempt])
        """,
    )
    assert said == [2, 2]


def test_the_output_of_all_that_a_function_does_is_captured_in_order(backend: Any) -> None:
    """order: output of C code and subprocesses captured; contract 1.4: redirected at the descriptors"""
    create(
        backend,
        """
        def work():
            print("one")
            os.write(1, b"two\\n")
            subprocess.run(["echo", "three"])
            os.system("echo four")
            print("five", file=sys.stderr)
            os.write(2, b"six\\n")
        cattino.export(small("f", work))
        """,
    )
    assert ended(backend, "f") == "Done"
    assert out(backend, "f").split() == ["one", "two", "three", "four"]
    assert err(backend, "f").split() == ["five", "six"]


def test_what_c_code_left_in_its_buffer_is_captured_too(backend: Any) -> None:
    """order: output of C code captured"""
    create(
        backend,
        """
        import ctypes
        cattino.export(small("f", lambda: ctypes.CDLL(None).puts(b"from C")))
        """,
    )
    assert ended(backend, "f") == "Done"
    assert out(backend, "f") == "from C\n"


def test_a_function_sees_the_environment_of_its_task(backend: Any) -> None:
    """contract 1.4: env= is merged over them; CATTINO_TASK_NAME; min_devices 0: devices are hidden"""
    said = script(
        backend,
        """
        def work():
            words = ["OF_MINE", "CATTINO_TASK_NAME", "CATTINO_ATTEMPT"]
            return [os.getcwd(), *[os.environ[word] for word in words], os.environ["CUDA_VISIBLE_DEVICES"]]
        task = small("f", work, env={"OF_MINE": 5}, min_devices=2)
        cattino.export(task)
        say(task.result())
        """,
    )
    assert said[:4] == [str(backend.work), "5", "f", "1"]
    assert len(said[4].split(",")) == 2


def test_a_result_survives_a_kill_of_the_daemon(backend: Any) -> None:
    """contract 1.7, 2: loses no exit status; the next command finds everything as it was"""
    write(
        backend,
        """
        def work():
            note("up")
            while not os.path.exists("go"):
                time.sleep(0.01)
            return "kept"
        task = small("f", work)
        cattino.export(task)
        while not os.path.exists("ready"):
            time.sleep(0.01)
        say(task.result(timeout=50))
        """,
        "script.py",
    )
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(python(backend, "script.py").stdout))
    thread.start()
    noted(backend, "up")
    kill_daemon(backend)
    backend.write("go", "")
    backend.write("ready", "")
    within(60, thread.join)
    assert answers(found[0]) == ["kept"]


def test_hooks_and_a_function_see_one_object(backend: Any) -> None:
    """contract 1.4: a function task runs in a process forked from that host"""
    create(
        backend,
        """
        class T(ProcTask):
            def on_start(self):
                json.of_the_host = "seen"
            def on_end(self):
                note("end", self.exit_code)
        cattino.export(small("f", lambda: print(json.of_the_host), T))
        """,
    )
    assert ended(backend, "f") == "Done"
    assert out(backend, "f") == "seen\n"
