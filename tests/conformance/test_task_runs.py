"""Tasks of every kind, run by a backend."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from words import create, ended, err, gate, noted, notes, open_gate, out, python, reason, runs, script, write


def test_a_task_with_run_runs_it(backend: Any) -> None:
    """order: Task (subclassable: run()), its state with it"""
    create(
        backend,
        """
        class Add(Task):
            def __init__(self, a, b):
                super().__init__(task_name="add", priority=2)
                self.a, self.b = a, b
            def run(self):
                print(self.name, self.a + self.b)
        cattino.export(Add(2, 3))
        """,
    )
    assert ended(backend, "add") == "Done"
    assert out(backend, "add") == "add 5\n"
    assert backend.task("add")["task"]["priority"] == 2


def test_a_run_that_raises_fails_the_task_with_its_traceback(backend: Any) -> None:
    """order: Task, run(); contract 1.4, a function task"""
    create(
        backend,
        """
        class Bad(Task):
            def run(self):
                raise ValueError("no luck")
        cattino.export(Bad(task_name="bad"))
        """,
    )
    assert ended(backend, "bad") == "Failed"
    assert "Traceback" in err(backend, "bad") and "ValueError: no luck" in err(backend, "bad")


ORIGINAL = """
class Own(Task):
    def start(self):
        note("start", self.name)
        self.process = subprocess.Popen(COMMAND, shell=True)
    def wait(self, timeout=None):
        self.process.wait(timeout)
    def terminate(self, force=False):
        note("terminate", self.name)
        self.process.kill() if force else self.process.terminate()
    @property
    def status(self):
        if not hasattr(self, "process"):
            return cattino.tasks.TaskStatus.Waiting
        code = self.process.poll()
        if code is None:
            return cattino.tasks.TaskStatus.Running
        return cattino.tasks.TaskStatus.Failed if code else cattino.tasks.TaskStatus.Done
    @property
    def is_ready(self):
        return self.status == "Waiting"
    def resume(self):
        del self.process
"""


def test_a_task_with_start_and_wait_of_its_own_runs_to_its_end(backend: Any) -> None:
    """order: Task (subclassable: … start/terminate hooks); original: API/Task"""
    create(
        backend,
        'COMMAND = "echo ran >> notes"\n' + ORIGINAL + 'cattino.export(Own(task_name="own"))\n',
    )
    assert ended(backend, "own") == "Done"
    assert notes(backend) == ["start own", "ran"]


def test_a_task_with_terminate_of_its_own_is_stopped_by_it(backend: Any) -> None:
    """order: Task (subclassable: … start/terminate hooks); original: API/Task.terminate"""
    create(
        backend,
        'COMMAND = "echo ran >> notes; exec sleep 1000"\n'
        + ORIGINAL
        + 'cattino.export(Own(task_name="own"))\n',
    )
    noted(backend, "ran")
    backend.meow("cancel", "own")
    assert ended(backend, "own") == "Cancelled"
    assert "terminate own" in notes(backend)


def test_a_device_required_task_knows_its_devices(backend: Any) -> None:
    """order: DeviceRequiredTask; assigned_device_indices"""
    create(
        backend,
        """
        class Two(DeviceRequiredTask):
            def run(self):
                print(json.dumps([self.assigned_device_indices, os.environ["CUDA_VISIBLE_DEVICES"]]))
        cattino.export(Two(task_name="two", min_devices=2, requires_memory_per_device=1000))
        """,
    )
    assert ended(backend, "two") == "Done"
    indices, visible = json.loads(out(backend, "two"))
    assert len(indices) == 2
    assert visible == ",".join(map(str, indices))


def test_hooks_read_every_attribute(backend: Any) -> None:
    """order: task attributes readable in hooks"""
    words = "name fullname create_time priority exit_code attempt assigned_device_indices pid"
    create(
        backend,
        f"""
        def told(task):
            found = {{word: getattr(task, word) for word in {words.split()!r}}}
            return json.dumps({{**found, "group": task.group.name, "status": str(task.status)}}, default=str)
        class Told(ProcTask):
            def on_start(self):
                note(told(self))
            def on_end(self):
                note(told(self))
        task = Told("exit 3", task_name="t", min_devices=2, priority=5)
        cattino.export(TaskGroup([task], group_name="g"))
        """,
    )
    assert ended(backend, "g/t") == "Failed"
    start, end = map(json.loads, notes(backend))
    for found in (start, end):
        assert (found["name"], found["fullname"], found["group"]) == ("t", "g/t", "g")
        assert (found["priority"], found["attempt"]) == (5, 1)
        assert len(found["assigned_device_indices"]) == 2
        assert found["create_time"]
    assert start["exit_code"] is None and start["pid"] is None
    assert end["exit_code"] == 3 and end["status"] == "Failed"


def test_export_under_plain_python_submits_and_says_so_in_one_line(backend: Any) -> None:
    """contract 1.1: under plain python task.py … export itself submits, and says so in one line"""
    write(backend, 'cattino.export(small("plain"))')
    done = python(backend, "task.py")
    said = (done.stdout + done.stderr).splitlines()
    assert len(said) == 1 and "plain" in said[0]
    assert ended(backend, "plain") == "Done"


def test_wait_returns_at_the_end(backend: Any) -> None:
    """order: task.wait()"""
    said = script(
        backend,
        """
        task = small("w", "sleep 0.3; echo ended >> notes; exit 4")
        cattino.export(task)
        task.wait()
        say([open(NOTES).read(), task.status == "Failed", str(task.status), task.exit_code])
        """,
    )
    assert said == ["ended\n", True, "Failed", 4]


def test_wait_has_a_timeout(backend: Any) -> None:
    """original: API/Task.wait(timeout=None)"""
    said = script(
        backend,
        """
        task = small("w", "sleep 1000")
        cattino.export(task)
        before = time.monotonic()
        try:
            task.wait(timeout=0.2)
        except TimeoutError:
            pass
        say(time.monotonic() - before)
        """,
    )
    assert 0.1 < said < 30


def test_a_task_can_be_awaited(backend: Any) -> None:
    """order: await task"""
    said = script(
        backend,
        """
        tasks = [small(f"a{n}", f"exit {n}") for n in range(2)]
        async def main():
            for task in tasks:
                cattino.export(task)
            async def one(task):
                try:
                    await task
                except TypeError:
                    raise
                except Exception as error:
                    note(error)
                return str(task.status)
            return await asyncio.gather(*map(one, tasks))
        say(asyncio.run(main()))
        """,
    )
    assert said == ["Done", "Failed"]


def test_an_await_of_a_function_gives_its_value_and_does_not_hold_the_loop(backend: Any) -> None:
    """order: await task; task.result()"""
    said = script(
        backend,
        """
        def work():
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 42
        async def main():
            task = small("f", work)
            cattino.export(task)
            async def open_it():
                open("go", "w").close()
            value, _ = await asyncio.gather(task, open_it())
            return value
        say(asyncio.run(main()))
        """,
    )
    assert said == 42


@pytest.mark.parametrize(
    "verb, status",
    [("cancel()", "Cancelled"), ("terminate()", "Failed"), ("terminate(force=True)", "Failed")],
)
def test_a_task_that_was_sent_hears_the_verbs_of_the_original(backend: Any, verb: str, status: str) -> None:
    """original: API/Task.cancel, API/Task.terminate; contract 1.6: cancel, kill"""
    said = script(
        backend,
        f"""
        task = small("t", "echo up >> notes; exec sleep 1000")
        cattino.export(task)
        while not os.path.exists(NOTES):
            time.sleep(0.01)
        task.{verb}
        task.wait()
        say(str(task.status))
        """,
    )
    assert said == status
    assert backend.status("t") == status


def test_a_failed_task_that_was_sent_can_be_resumed(backend: Any) -> None:
    """original: API/Task.resume; contract 1.6: resume"""
    said = script(
        backend,
        """
        task = small("t", "test -e repaired")
        cattino.export(task)
        task.wait()
        before = str(task.status)
        open("repaired", "w").close()
        task.resume()
        task.wait()
        say([before, str(task.status)])
        """,
    )
    assert said == ["Failed", "Done"]


def test_what_no_empty_machine_could_satisfy_is_refused_with_the_numbers(backend: Any) -> None:
    """contract 1.3: refused at submission with the numbers side by side; contract 1.1: all or nothing"""
    said = create(backend, 'cattino.export(TaskGroup([small("a"), small("b", min_devices=5)]))', check=1)
    assert re.search(r"\b5\b", said) and re.search(r"\b4\b", said)
    assert backend.json("list", "--all")["tasks"] == []


@pytest.mark.parametrize("memory", ["1000", "0.25", '"20GiB"', '"20 GiB"', "0", "1.0"])
def test_memory_is_mib_or_a_share_or_text(backend: Any, memory: str) -> None:
    """contract 1.3: requires_memory_per_device"""
    create(backend, f'cattino.export(small("m", min_devices=1, requires_memory_per_device={memory}))')
    assert ended(backend, "m") == "Done"


@pytest.mark.parametrize("memory", ["30000", '"25GiB"', "1.5", "-1", '"much"'])
def test_memory_that_no_device_has_is_refused(backend: Any, memory: str) -> None:
    """contract 1.3: requires_memory_per_device, float in (0, 1]; refused at submission"""
    create(
        backend,
        f'cattino.export(small("m", min_devices=1, requires_memory_per_device={memory}))',
        check=1,
    )


def test_tasks_with_memory_requests_share_a_device_and_those_without_have_it_alone(backend: Any) -> None:
    """contract 1.3: unset or 0: an accelerator whole, alone"""
    gates = [gate(backend, f"gate{n}") for n in range(3)]
    create(
        backend,
        f"""
        tasks = [
            small(f"s{{n}}", command, min_devices=1, devices=["cuda:0"], requires_memory_per_device=1000)
            for n, command in enumerate({gates[:2]!r})
        ]
        alone = small("alone", {gates[2]!r}, min_devices=1, devices=["cuda:0"])
        cattino.export(TaskGroup([*tasks, alone], group_name="g"))
        """,
    )
    for name in ("g/s0", "g/s1"):
        runs(backend, name)
    assert backend.status("g/alone") == "Waiting"
    assert "cuda:0" in reason(backend, "g/alone")
    open_gate(backend, "gate0")
    open_gate(backend, "gate1")
    open_gate(backend, "gate2")
    assert ended(backend, "g/alone") == "Done"


def test_a_higher_priority_goes_first_then_the_earlier_one(backend: Any) -> None:
    """contract 1.2: priority (higher first), then creation time; original: quickstart"""
    create(
        backend,
        f"""
        hold = small("hold", {gate(backend, "gate")!r}, min_devices=4, priority=100)
        names = [("low", -1), ("first", 0), ("second", 0), ("high", 9)]
        tasks = [small(n, f"echo {{n}} >> notes", min_devices=4, priority=p) for n, p in names]
        cattino.export(TaskGroup([hold, *tasks], group_name="g"))
        """,
    )
    runs(backend, "g/hold")
    open_gate(backend, "gate")
    backend.meow("wait")
    assert notes(backend) == ["high", "first", "second", "low"]


def test_a_time_limit_and_a_retry_of_it(backend: Any) -> None:
    """contract 1.3: time_limit, retries, retry_on; 1.4: "timeout" """
    create(
        backend,
        """
        cattino.export(small("t", 'echo $CATTINO_ATTEMPT >> notes; exec sleep 1000', time_limit="1s",
                             retries=1, retry_on=["timeout"], backoff="0s"))
        """,
    )
    assert ended(backend, "t") == "Failed"
    assert notes(backend) == ["1", "2"]
