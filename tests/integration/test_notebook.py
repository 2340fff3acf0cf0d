"""A notebook in a real kernel: what its cells do, and what they show."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from conftest import PATIENCE_S, Backend, gate, in_python, open_gate, out, statuses

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
nbformat = pytest.importorskip("nbformat")

HEAD = """
import asyncio, sys
import cattino
from cattino.tasks import ProcTask, TaskGroup
"""
WITHOUT_TQDM = 'sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None\n'
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Client(nbclient.NotebookClient):  # type: ignore[misc]
    """Opens a gate, or interrupts the kernel, when a cell shows a certain text."""

    def __init__(self, *arguments: Any, on: dict[str, Any], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._on = on
        self._begun: list[Any] = []

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        shown = "" if msg["msg_type"] == "execute_input" else str(msg["content"])
        assert "'bar_style': 'danger'" not in shown, "a bar stays, in red"
        for text in [text for text in self._on if text in shown]:
            action = self._on.pop(text)
            if action == "interrupt":
                self._begun.append(asyncio.ensure_future(self.km.interrupt_kernel()))
            else:
                action()
        return super().process_message(msg, cell, cell_index)


class Shown:
    """What a cell has put out."""

    def __init__(self, cell: Any) -> None:
        streams = [each for each in cell.outputs if each.output_type == "stream"]
        self.stdout = "".join(each.text for each in streams if each.name == "stdout")
        self.stderr = "".join(each.text for each in streams if each.name == "stderr")
        results = [each for each in cell.outputs if each.output_type == "execute_result"]
        self.value = results[0].data["text/plain"] if results else None
        self.widgets = [
            each.data["text/plain"]
            for each in cell.outputs
            if each.output_type == "display_data" and "application/vnd.jupyter.widget-view+json" in each.data
        ]
        errors = [each for each in cell.outputs if each.output_type == "error"]
        self.error = COLOURS.sub("", "\n".join(errors[0].traceback)) if errors else ""


def run(backend: Backend, *cells: str, on: dict[str, Any] | None = None) -> list[Shown]:
    """Runs the cells after HEAD; all of them, whatever they raise. `on`: see Client."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (HEAD, *cells)])
    given = in_python(backend)
    client = Client(
        notebook,
        on=on or {},
        timeout=PATIENCE_S,
        allow_errors=True,
        resources={"metadata": {"path": str(given["cwd"])}},
    )
    client.execute(env={**given["env"], "IPYTHONDIR": str(backend.work / "ipython")})
    first, *shown = map(Shown, notebook.cells)
    assert not first.error and not client._on, (first.error, client._on)
    return shown


def last_line(shown: Shown) -> str:
    return shown.error.strip().splitlines()[-1]


def test_cells_define_tasks_export_them_and_get_their_results(backend: Backend) -> None:
    defined, line, result, hooked, again, logged = run(
        backend,
        """
factor = 20
def scaled(x):
    return x * factor
class Hooked(ProcTask):
    async def on_start(self):
        await super().on_start()
        print("starts with", scaled(2))
    def on_end(self):
        print("ended with", self.exit_code)
def around(y):
    return lambda: scaled(y)
""",
        'task = ProcTask(around(3), task_name="closure", min_devices=0)\ncattino.export(task)',
        "task.result()",
        'hooked = Hooked("echo works", task_name="hooked", min_devices=0)\ncattino.export(hooked)\n'
        "await hooked",
        'hooked = Hooked("echo works", task_name="hooked", min_devices=0)\ncattino.export(hooked)\n'
        "hooked.wait()",
        "print(cattino.where(hooked).stdout.read_text())",
    )
    assert defined.error == ""
    assert re.fullmatch(r"created closure \(#1\): \w+\n", line.stdout) and line.stderr == ""
    assert result.value == "60"
    assert hooked.value == again.value == "<TaskStatus.Done: 'Done'>"
    assert logged.stdout == "starts with 40\nworks\nended with 0\n\n"
    assert statuses(backend) == {"closure": "Done", "hooked#2": "Done", "hooked": "Done"}


def test_what_waits_for_results_works_on_the_loop_of_the_kernel(backend: Backend) -> None:
    client, gathered, executor, future, events = run(
        backend,
        """
def double(x):
    return 2 * x
async with cattino.AsyncClient() as client:
    await client.submit(ProcTask(double, args=(4,), task_name="double", min_devices=0))
    print(await client.result("double"), (await client.task("double")).status)
""",
        """
tasks = [ProcTask(double, args=(i,), min_devices=0) for i in range(3)]
cattino.export(*tasks)
await asyncio.gather(*tasks)
""",
        "with cattino.Executor(min_devices=0) as executor:\n    print(list(executor.map(double, [5, 6])))",
        "executor = cattino.Executor(min_devices=0)\nawait asyncio.wrap_future(executor.submit(double, 7))",
        """
events = cattino.AsyncClient().events(since=0)
async for event in events:
    if event.event == "ended":
        break
await events.aclose()
event.task.fullname
""",
    )
    assert client.stdout == "8 Done\n"
    assert gathered.value == "[0, 2, 4]"
    assert executor.stdout == "[10, 12]\n"
    assert future.value == "14"
    assert events.value == "'double'"
    names = {name for name in statuses(backend) if name.startswith("notebook-")}
    assert len(names) == 3, statuses(backend)


WAITS = """
task = ProcTask({gate!r}, task_name="slow", min_devices=0)
cattino.export(task)
task.wait()
"""


@pytest.mark.parametrize("tqdm", ["none", "plain", "widget"])
def test_a_wait_shows_how_it_goes_on(backend: Backend, tqdm: str) -> None:
    before = {
        "none": WITHOUT_TQDM,
        "plain": "from importlib.machinery import PathFinder\n"
        "found = PathFinder.find_spec\nPathFinder.find_spec = classmethod(\n"
        '    lambda cls, name, *more: None if name == "ipywidgets" else found(name, *more)\n)\n',
        "widget": "",
    }
    if tqdm != "none":
        pytest.importorskip("tqdm")
    if tqdm == "widget":
        pytest.importorskip("ipywidgets")
    said = r"slow:\u2007Running" if tqdm == "widget" else "slow: Running"
    (shown,) = run(
        backend,
        before[tqdm] + WAITS.format(gate=gate(backend, "gate")),
        on={said: lambda: open_gate(backend, "gate")},
    )
    assert shown.value == "<TaskStatus.Done: 'Done'>", shown.error
    assert "Warning" not in shown.stderr
    if tqdm == "widget":
        assert len(shown.widgets) == 1 and shown.stderr == ""
    else:
        assert not shown.widgets
        assert shown.stderr.split("\r")[-1].strip() == ""  # it is covered in the end


def test_an_interrupt_ends_the_wait_and_not_the_task(backend: Backend) -> None:
    command = gate(backend, "gate")
    waited, awaited, after = run(
        backend,
        WITHOUT_TQDM + WAITS.format(gate=command),
        'asyncio.get_running_loop().call_soon(print, "awaits")\nawait task',
        "task.status",
        on={"slow: Running (0:": "interrupt", "awaits": "interrupt"},
    )
    assert last_line(waited) == "KeyboardInterrupt: slow goes on; cancel() ends it"
    assert len(re.findall(r"^(?:File|Cell) ", waited.error, re.MULTILINE)) == 2, waited.error
    assert last_line(awaited).startswith(("CancelledError", "KeyboardInterrupt"))
    assert after.value == "<TaskStatus.Running: 'Running'>"
    open_gate(backend, "gate")
    backend.meow("wait", "slow")


def test_a_name_is_free_when_its_task_has_ended(backend: Backend) -> None:
    cell = 'task = ProcTask({command!r}, task_name="same", min_devices=0)\ncattino.export(task)'
    held = cell.format(command=gate(backend, "gate"))
    first, second, third, same = run(
        backend,
        cell.format(command="true") + "\ntask.wait()",
        held,
        held,
        "task = ProcTask('true', task_name='same', min_devices=0)\n"
        'cattino.settings.override_exist_tasks = "allow"\ncattino.export(task)\ntask.wait()',
    )
    assert first.value == same.value == "<TaskStatus.Done: 'Done'>"
    assert second.stdout.startswith("created same (#2)")
    assert "`same` is the name of a task that has not ended (#2)" in last_line(third)
    assert ".py" not in third.error, third.error  # of the frames only those of the cell


def test_an_error_shows_the_cell_and_the_reason(backend: Backend) -> None:
    wrong, lock, raised, failed, awaited, twice = run(
        backend,
        'ProcTask("x", min_device=1)',
        "import threading\nlock = threading.Lock()\ncattino.export(ProcTask(lambda: lock, min_devices=0))",
        """
def broken():
    raise ValueError("too much")
task = ProcTask(broken, min_devices=0)
cattino.export(task)
task.result()
""",
        'task = ProcTask("exit 3", task_name="failed", min_devices=0)\ncattino.export(task)\ntask.wait()',
        "await task",
        "cattino.export(task)",
    )
    assert last_line(wrong) == (
        "UnknownField: min_device: ProcTask: there is no such field (did you mean 'min_devices'?)"
    )
    assert "global variable 'lock' (a _thread.lock) cannot be pickled" in last_line(lock)
    for shown in (wrong, lock, twice):
        assert "----> " in shown.error and ".py" not in shown.error, shown.error
    assert last_line(raised) == "ValueError: too much"
    assert 'File "Cell In[4]", line 2, in broken' in raised.error
    assert failed.value == "<TaskStatus.Failed: 'Failed'>"
    assert last_line(awaited) == "TaskFailed: failed ended Failed: exit status 3"
    assert "has been submitted already (resume() runs it again" in last_line(twice)
    assert out(backend, "failed") == ""
