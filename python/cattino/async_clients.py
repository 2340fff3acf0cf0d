"""`cattino.AsyncClient`, the twin of Client for asyncio; and what `await task` does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

from cattino import calls
from cattino.calls import Name
from cattino.client import BackendGone, answer_in, request_bytes
from cattino.clients import Client, DeviceInfos, Status, TaskInfos, result_of, submit
from cattino.info import Event, TaskInfo
from cattino.notebook import interruptible
from cattino.parts import Asking, Request, Steps, T
from cattino.tries import Tries

if TYPE_CHECKING:
    from typing_extensions import Self

    from cattino.tasks import Task, TaskGraph, TaskGroup
    from cattino.tasks.node import Node

Item = TypeVar("Item")
AHEAD = 1000  #: lines or events that are read before they are asked for


class AsyncClient:
    """As Client, with coroutines; `logs` and `events` are asynchronous iterators.

        async with cattino.AsyncClient() as client:
            await client.submit(ProcTask("python train.py", task_name="train"))
            await client.wait("train")
            async for line in client.logs("train"):
                print(line)

    `await task` gives what `await client.result(task)` does.
    """

    def __init__(self) -> None:
        self._opening: list[Future[None]] = []  # of events that do not listen yet

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is held; for those who close what they opened."""

    async def submit(self, *objects: Union[Task, TaskGroup, TaskGraph]) -> TaskInfos:
        await self._events_listen()
        return await _in_thread(lambda: submit(objects))

    async def list(
        self, *names: Name, status: Status = None, all: bool = False, match: Optional[str] = None
    ) -> TaskInfos:
        return await self._ask(calls.tasks(names, status, all, match))

    async def task(self, name: Name) -> TaskInfo:
        return await self._ask(calls.task(name))

    async def wait(self, *names: Name, timeout: Optional[float] = None) -> TaskInfos:
        return await self._ask(calls.wait(names, timeout))

    async def result(self, name: Name, timeout: Optional[float] = None) -> Any:
        full = await self._ask(calls.ended_in_full(name, timeout))
        return await _in_thread(lambda: result_of(full))

    async def cancel(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        return await self._ask(calls.change("cancel", names, match))

    async def kill(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        return await self._ask(calls.change("kill", names, match))

    async def resume(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        return await self._ask(calls.change("resume", names, match))

    async def remove(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        return await self._ask(calls.change("remove", names, match))

    def logs(self, name: Name, stream: str = "stdout", follow: bool = False) -> AsyncIterator[str]:
        return _threaded(lambda: _in_thread(lambda: Client().logs(name, stream, follow)))

    def events(self, since: Optional[float] = None) -> AsyncIterator[Event]:
        listens: Future[None] = Future()
        listens.set_running_or_notify_cancel()
        opening = _started(lambda: Client().events(since))  # from now on, not from when it is first asked
        opening.add_done_callback(lambda _: listens.set_result(None))
        self._opening = [*(each for each in self._opening if not each.done()), listens]
        return _threaded(lambda: asyncio.wrap_future(opening))

    async def devices(self) -> DeviceInfos:
        return await self._ask(calls.devices())

    async def _ask(self, steps: Steps[T]) -> T:
        await self._events_listen()
        return await _run(steps)

    async def _events_listen(self) -> None:
        """What this client asks for after `events` is not missed by them."""
        for listens in self._opening:
            await asyncio.wrap_future(listens)
        self._opening = [each for each in self._opening if not each.done()]


for _name in ("submit", "list", "task", "wait", "result", "cancel", "kill", "resume", "remove", "devices"):
    getattr(AsyncClient, _name).__doc__ = getattr(Client, _name).__doc__
AsyncClient.logs.__doc__ = Client.logs.__doc__
AsyncClient.events.__doc__ = Client.events.__doc__


async def awaited(node: Node) -> Any:
    """What `await` of a task or a group gives."""
    from cattino.tasks.base import Task

    client = AsyncClient()
    if isinstance(node, Task):
        return await client.result(node)
    await client.wait(node)
    return await _in_thread(lambda: node.status)


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def _run(steps: Steps[T]) -> T:
    """As `backend.run`."""
    asking = Asking(steps)
    while asking.wanted is not None:
        asking.answered(await _answer(asking.wanted))
    return asking.result


async def _answer(wanted: Request) -> Any:
    from cattino.backend import TRIES, open_connection

    tries = Tries()
    while True:
        connection = await _in_thread(open_connection)
        tries.begin()
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            writer.write(request_bytes(wanted.method, wanted.path, wanted.body()))
            with interruptible():
                answer = await reader.read()
            return answer_in(answer)
        except (BackendGone, ConnectionError):
            pause = tries.failed()
            if not wanted.again or tries.failures >= TRIES:
                raise
        finally:
            writer.close()
        await asyncio.sleep(pause)


def _started(work: Callable[[], T]) -> Future[T]:
    """Its result, from a thread that works on it already."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # who no longer waits for it does not cancel it

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=do, name="cattino-events", daemon=True).start()
    return future


async def _threaded(make: Callable[[], Awaitable[Iterator[Item]]]) -> AsyncIterator[Item]:
    """What an iterator that waits has, read in a thread of its own, a little ahead."""
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[Any] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)
    closed = threading.Event()
    iterator = await make()

    def put(item: Any) -> None:
        try:
            loop.call_soon_threadsafe(items.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody reads any more
            closed.set()

    def read() -> None:
        last = _Last(None)
        try:
            for item in iterator:
                room.acquire()
                if closed.is_set():
                    return
                put(item)
        except Exception as error:
            last = _Last(error)
        put(last)

    threading.Thread(target=read, name="cattino-reader", daemon=True).start()
    try:
        while True:
            with interruptible():
                item = await items.get()
            room.release()
            if isinstance(item, _Last):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        closed.set()
        room.release()
        close = getattr(iterator, "close", None)
        if close is not None and not isinstance(iterator, Generator):
            close()


class _Last:
    """What comes after the last item: the end, or an error."""

    def __init__(self, error: Optional[Exception]) -> None:
        self.error = error
