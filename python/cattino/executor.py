"""`cattino.Executor`: a concurrent.futures.Executor whose calls are tasks of the backend.

with cattino.Executor(min_devices=1, requires_memory_per_device="10GiB") as executor:
    for score in executor.map(train, [0.1, 0.01, 0.001]):
        print(score)
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional

from cattino.ends import Ends
from cattino.errors import CattinoError, FieldError, TaskFailed, UnknownField, WrongType, did_you_mean
from cattino.exporting import Collector, Export, _source
from cattino.status import TaskStatus
from cattino.tasks.group import TaskGroup
from cattino.tasks.node import check_name
from cattino.tasks.process import ProcTask
from cattino.tasks.wishes import whole

if TYPE_CHECKING:
    from typing_extensions import Self

OWN = ("name", "max_workers")
OF_A_CALL = ("cmd_or_func", "cmd", "func", "args", "kwargs")
_numbers = itertools.count(1)


class Future(futures.Future[Any]):
    """The result of one call, as in `concurrent.futures`. `task` is its ProcTask."""

    task: ProcTask

    def cancel(self) -> bool:
        """Cancels the call if it has not begun; False if it has, or has ended."""
        if self.cancelled():
            return True
        if self.running() or not super().cancel():
            return False
        try:
            self.task.cancel()
        except CattinoError:  # it has ended meanwhile
            if self.task.status is TaskStatus.Running:
                raise
        return True

    def running(self) -> bool:
        """Whether its task runs now; this asks the backend."""
        return not self.done() and self.task.status is TaskStatus.Running

    def _settle(self, told: dict[str, Any]) -> None:
        """It has ended as `told`."""
        from cattino.results import settled

        if not self.set_running_or_notify_cancel():
            return
        try:
            self.set_result(settled(self.task.fullname, told))
        except TaskFailed as error:
            cancelled = told["status"] == "Cancelled"
            self.set_exception(futures.CancelledError(error.message) if cancelled else error)
        except Exception as error:
            self.set_exception(error)


class Executor(futures.Executor):
    """Runs each call in a process of its own, on the devices that it asks for.

        with cattino.Executor(min_devices=1, requires_memory_per_device="10GiB") as executor:
            for score in executor.map(train, [0.1, 0.01, 0.001]):
                print(score)

    The options are those of ProcTask (`min_devices`, `cpus`, `ram`, `time_limit`, `retries`, …) and hold for
    all calls; `with_options` is the same executor with others. `max_workers` limits how many calls of one
    `map` run at once; else the machine does. `name` is that of the group of its tasks (default: made of the
    script's).

    A call that raises gives its exception, with the end of its log as `__cause__`; one that ended in another
    way gives TaskFailed. The calls are tasks like others: `meow list` shows them, below `name`. They outlive
    this process if it is killed.
    """

    def __init__(
        self, *, name: Optional[str] = None, max_workers: Optional[int] = None, **options: Any
    ) -> None:
        if Collector.work is not None:
            raise CattinoError(
                "an Executor waits for what it runs, and `meow create` submits when the script has ended",
                hint="run it with python",
            )
        if name is not None:
            check_name(name, "Executor", "name", False)
        if max_workers is not None:
            whole(1, 2**32 - 1)("Executor", "max_workers", max_workers)
        self._name = name or f"{_script()}-{os.getpid()}-{next(_numbers)}"
        self._max_workers = max_workers
        self._options = _checked(options, OWN)
        self._calls = _Calls()

    def with_options(self, **options: Any) -> Self:
        """The same executor, with these options over its own:
        `executor.with_options(min_devices=4).submit(…)`."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _options=_checked({**self._options, **options}))
        return other

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Calls `fn(*args, **kwargs)` in a task of its own. Raises RuntimeError after `shutdown`."""
        return self.submit_tasks([ProcTask(func=fn, args=args, kwargs=kwargs, **self._options)])[0]

    def submit_tasks(self, tasks: Iterable[ProcTask]) -> list[Future]:
        """Functions with requests of their own, as one submission: `tasks` are ProcTasks, whose futures come
        in their order. Those without a name are numbered; the executor's options are not theirs."""
        made = list(tasks)
        for task in made:
            if not isinstance(task, ProcTask):
                raise WrongType(f"submit_tasks: expected tasks, got {task!r}", hint="ProcTask(function, …)")
        if not made:
            return []
        for task in made:
            if task._name is None:
                task._name = f"{task.name}-{next(self._calls.numbers)}"
        return self._calls.submit(
            TaskGroup(made, group_name=self._name, max_parallel=self._max_workers), made
        )

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: Optional[float] = None,
        chunksize: int = 1,
        **options: Any,
    ) -> Iterator[Any]:
        """The results of `fn` for each item of `iterables`, in order, as in `concurrent.futures`. All calls
        are one submission, made now; `chunksize` of them are one task. A result that is not there `timeout`
        seconds after this call raises TimeoutError. What has not begun when the iterator is left is taken
        back."""
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        calls = list(zip(*iterables))
        if chunksize > 1:
            parts = [calls[at : at + chunksize] for at in range(0, len(calls), chunksize)]
            tasks = [ProcTask(partial(_call_each, fn, part), **self._options) for part in parts]
            results = self._results(tasks, timeout, options)
            return itertools.chain.from_iterable(results)
        return self._results([ProcTask(fn, args=call, **self._options) for call in calls], timeout, options)

    def _results(
        self, tasks: list[ProcTask], timeout: Optional[float], options: dict[str, Any]
    ) -> Iterator[Any]:
        from time import monotonic

        if set(options) - {"buffersize"}:
            raise TypeError(f"map() has no argument {min(options)!r}; requests are set by with_options()")
        end = None if timeout is None else monotonic() + timeout
        submitted = self.submit_tasks(tasks)

        def each() -> Iterator[Any]:
            try:
                for future in submitted:
                    yield future.result(None if end is None else end - monotonic())
            finally:
                for future in submitted:
                    future.cancel()

        return each()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more calls are taken. Those that were made go on, and are waited for if `wait`; `cancel_futures`
        takes back those that have not begun."""
        left = self._calls.close()
        if cancel_futures:
            for future in left:
                future.cancel()
        if wait:
            futures.wait(left)


class _Calls:
    """The calls of an executor, and of those that differ in their options."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self._lock = threading.Condition()
        self._open = True
        self._submitting = 0
        self._futures: dict[int, Future] = {}  # by the id of their task
        self._ends = Ends(self._ended)

    def submit(self, group: TaskGroup, tasks: list[ProcTask]) -> list[Future]:
        from cattino.submit import submit

        with self._lock:
            if not self._open:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._submitting += 1
        made = [Future() for _ in tasks]
        ids: list[int] = []
        try:
            self._ends.begin()
            try:
                submit([Export(group, "cattino.Executor")], _script())
                for future, task in zip(made, tasks):
                    assert task._id is not None
                    future.task = task
                    ids.append(task._id)
                with self._lock:
                    self._futures.update(zip(ids, made))
            finally:
                self._ends.awaited(ids)
        finally:
            with self._lock:
                self._submitting -= 1
                self._lock.notify_all()
        return made

    def close(self) -> list[Future]:
        with self._lock:
            self._open = False
            self._lock.wait_for(lambda: self._submitting == 0)
            return list(self._futures.values())

    def _ended(self, told: dict[str, Any]) -> None:
        with self._lock:
            future = self._futures.pop(told["id"], None)
            self._lock.notify_all()
        if future is not None:
            future._settle(told)


def _checked(options: dict[str, Any], also: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is wrong with them is said before there is a call. `also` may be meant, too."""
    for word in options:
        if word in OF_A_CALL:
            raise FieldError("Executor: a call says that: submit(fn, *args, **kwargs)", field=word)
        if word in OWN:
            raise UnknownField("with_options: it is for the executor as a whole", field=word)
        if word not in ProcTask._known:
            known = [*also, *(name for name in ProcTask._known if name not in OF_A_CALL)]
            hint = did_you_mean(word, known)
            raise UnknownField("Executor: there is no such option", field=word, hint=hint)
    ProcTask(_nothing, **options)
    return options


def _nothing() -> None:
    pass


def _call_each(fn: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
    return [fn(*call) for call in calls]


def _script() -> str:
    main = _source()
    return os.path.basename(main).rpartition(".")[0] or os.path.basename(main)
