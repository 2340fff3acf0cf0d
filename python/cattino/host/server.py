"""The host: keeps the objects of its submission, runs their hooks, starts their functions."""

from __future__ import annotations

import asyncio
import base64
import faulthandler
import gc
import os
import pickle
import platform
import signal
import sys
import time
from collections import OrderedDict
from typing import Any, NamedTuple, Optional

from cattino import backend
from cattino.exporting import Collector
from cattino.host.channel import Channel, Refused, connect
from cattino.host.children import Children, Supervisor
from cattino.host.hooks import Hooks, one_line, set_live
from cattino.host.output import Stream, append
from cattino.tracebacks import user_traceback

RETRY_FIRST_S, RETRY_MAX_S = 0.05, 2.0
LONELY_S = 30.0  #: without a daemon and with nothing to do it leaves after so long
SILENT: dict[str, Any] = {"op": ""}  #: a function that ended: others tell of it
ANSWERS_MAX = 20_000  #: answers kept in case they are asked for again


class Places(NamedTuple):
    """What the backend tells a host at its start."""

    socket: str
    supervisor: str
    submission: int
    generation: int

    @staticmethod
    def from_environment() -> Places:
        """Takes them out of the environment: they are nobody else's business."""
        names = ("SOCKET", "SUPERVISOR", "SUBMISSION", "GENERATION")
        socket, supervisor, submission, generation = (os.environ[f"CATTINO_HOST_{name}"] for name in names)
        for name in names:
            del os.environ[f"CATTINO_HOST_{name}"]
        return Places(socket, supervisor, int(submission), int(generation))


class Host:
    def __init__(self, places: Places, lonely_s: float = LONELY_S) -> None:
        self._places = places
        self._lonely_s = lonely_s
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._channel: Optional[Channel] = None
        self._objects: Optional[list[Any]] = None
        self._load_error: Optional[BaseException] = None
        self._nodes: dict[tuple[str, int], Any] = {}
        self._begun: set[str] = set()  # calls that have no answer yet
        self._answers: OrderedDict[str, Optional[dict[str, Any]]] = OrderedDict()  # None: the plain ok
        self._untold = False  # an answer came while there was no connection
        self._leaving = False
        self._children = Children(Supervisor(places.supervisor), self._child_ended)
        self._children.close_in_child = self._close_in_child

    # ---- its life --------------------------------------------------------------------------------

    async def serve(self) -> int:
        """Until the daemon says leave, or is gone for good; the exit status."""
        backend.known_socket = self._places.socket
        signal.signal(signal.SIGINT, signal.default_int_handler)  # not asyncio's: functions inherit it
        self._loop = asyncio.get_running_loop()
        sys.stdout, sys.stderr = Stream("stdout", sys.stdout), Stream("stderr", sys.stderr)
        _watch_children_without_threads()
        self._hooks = Hooks(self._find, self._say_now, self._answer, self._print)
        _say_where_it_ends()
        delay, alone_since = RETRY_FIRST_S, time.monotonic()
        while not self._leaving:
            try:
                channel = await connect(self._places.socket, self._places.submission)
            except Refused as error:
                print(f"cattino.host: {error}", file=sys.stderr)
                return 1
            except OSError:
                pass
            else:
                await self._converse(channel)
                delay, alone_since = RETRY_FIRST_S, time.monotonic()
                continue
            if self._is_idle() and time.monotonic() - alone_since > self._lonely_s:
                return 0
            await asyncio.sleep(delay)
            delay = min(RETRY_MAX_S, 2 * delay)
        return 0

    def _is_idle(self) -> bool:
        return not self._begun and not self._children and not self._untold

    async def _converse(self, channel: Channel) -> None:
        self._channel = channel
        self._untold = False
        version = platform.python_version()
        generation, submission = self._places.generation, self._places.submission
        channel.send(
            {
                "op": "hello",
                "pid": os.getpid(),
                "submission": submission,
                "generation": generation,
                "python": version,
            }
        )
        try:
            async for message in channel.lines():
                self._take(message)
                if self._leaving:
                    break
        finally:
            self._untold = not channel.all_sent and not self._leaving
            self._channel = None
            channel.close()
        if not self._leaving:
            await asyncio.sleep(RETRY_FIRST_S)

    def _take(self, message: dict[str, Any]) -> None:
        op = message.get("op")
        if op == "objects":
            self._load(message)
        elif op in ("hook", "run"):
            self._begin(message)
        elif op == "hurry":
            self._hooks.hurry(message["call"], int(message["limit"]))
        elif op == "leave":
            self._leaving = True

    def _close_in_child(self) -> None:
        """By descriptor: nothing of the host is used again, and objects that are touched are copied."""
        if self._channel is not None:
            self._channel.close_in_child()
        for name in ("_selector", "_ssock", "_csock"):  # asyncio itself denies the loop after a fork
            found = getattr(self._loop, name, None)
            if found is not None:
                os.close(found.fileno())
        if self._hooks.handle_signal:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    # ---- objects ---------------------------------------------------------------------------------

    def _load(self, message: dict[str, Any]) -> None:
        """Unpickles at the first connection; later ones find the objects as they are."""
        if self._objects is None and self._load_error is None:
            Collector.off = True  # modules that are imported now were exported from long ago
            try:
                self._objects = pickle.loads(base64.b64decode(message["pickle"]))
                self._take_defaults()
            except BaseException as error:
                self._load_error = error
            finally:
                Collector.off = False
            message["pickle"] = ""
            gc.collect()
            gc.freeze()  # forked children leave these pages shared
        for node in message.get("nodes", ()) if self._objects is not None else ():
            index = node.get("object")
            if index is None or not 0 <= index < len(self._objects or ()):
                continue
            found = (self._objects or [])[index]
            found._fullname = node["fullname"]
            if node.get("name") and node["name"] != found.name:
                found._name = node["name"]
            if node["kind"] == "task":
                found._id = node["id"]
            self._nodes[node["kind"], node["id"]] = found

    def _take_defaults(self) -> None:
        """What the submitter's project says comes last, where it says anything."""
        if self._objects and type(self._objects[-1]) is dict:
            defaults = self._objects.pop()
            for found in self._objects:
                if found._hook_timeout is None:
                    found._hook_timeout = defaults["hook_timeout"]

    def _find(self, message: dict[str, Any]) -> Any:
        if self._load_error is not None:
            raise self._load_error
        node = message["node"]
        found = self._nodes.get((node["kind"], node["id"]))
        if found is None:
            raise LookupError(f"the submission has no object for {node['kind']} {node['id']}")
        return found

    # ---- calls -----------------------------------------------------------------------------------

    def _begin(self, message: dict[str, Any]) -> None:
        """Does a call once: one that is being done goes on, one that was done is answered again."""
        call = message["call"]
        if call in self._answers:
            self._say(self._answers[call] or {"op": "done", "call": call, "ok": True})
        elif call in self._begun:
            self._hooks.tell_again(call)
        elif message["op"] == "run":
            self._run(message)
        else:
            self._begun.add(call)
            self._hooks.begin(message)

    def _run(self, message: dict[str, Any]) -> None:
        call = message["call"]
        self._begun.add(call)
        try:
            target = self._find(message)
            set_live(target, message.get("task") or {"status": "Running"})
            pid = self._children.start(message, target)
            target._live["pid"] = pid
        except BaseException as error:
            if message.get("stderr"):
                append(message["stderr"], user_traceback(error))
            self._child_ended(call, one_line(error))

    def _child_ended(self, call: str, why: Optional[str]) -> None:
        """The end itself comes to the daemon from the supervisor: only a failed start is told."""
        if why is None:
            self._begun.discard(call)
            self._keep(call, SILENT)
        else:
            self._answer(call, {"op": "failed", "call": call, "error": why})

    def _answer(self, call: str, answer: Optional[dict[str, Any]]) -> None:
        self._begun.discard(call)
        self._keep(call, answer)
        self._say(answer or {"op": "done", "call": call, "ok": True})

    def _keep(self, call: str, answer: Optional[dict[str, Any]]) -> None:
        self._answers[call] = answer
        if len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)

    def _say(self, message: dict[str, Any]) -> None:
        if self._channel is None or self._channel.broken:
            self._untold = True
        elif message.get("op"):
            self._channel.send(message)

    def _say_now(self, message: dict[str, Any]) -> None:
        if self._channel is not None and not self._channel.broken:
            self._channel.send_now(message)

    def _print(self, call: str, text: str) -> None:
        if self._channel is not None and not self._channel.broken:
            self._channel.send({"op": "print", "call": call, "text": text})


def _watch_children_without_threads() -> None:
    """For hooks that start subprocesses with asyncio: its default before 3.12 is a thread for each."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def _say_where_it_ends() -> None:
    """Into its log, if it crashes, or hangs and is ended for it."""
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)
