"""The hooks that a host runs: each in an asyncio task of its own, with its logs and its time."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Optional

from cattino.host.deadlines import Deadlines, HookTimeout
from cattino.host.output import Logs, append, current
from cattino.tracebacks import user_traceback

Message = dict[str, Any]


class Hooks:
    """`find` gives the object of a call; `tell` sends a line at once, `answer` the end of a call, and
    `printed` what a hook prints."""

    def __init__(
        self,
        find: Callable[[Message], Any],
        tell: Callable[[Message], None],
        answer: Callable[[str, Optional[Message]], None],
        printed: Callable[[str, str], None],
    ) -> None:
        self._find = find
        self._tell = tell
        self._answer = answer
        self._printed = printed
        self._deadlines = Deadlines(asyncio.get_running_loop())
        self._running: dict[str, _Hook] = {}

    @property
    def handle_signal(self) -> bool:
        """SIGALRM is theirs."""
        return self._deadlines.handles_signal

    def begin(self, message: Message) -> None:
        hook = self._running[message["call"]] = _Hook(message, self._printed)
        hook.task = asyncio.get_running_loop().create_task(self._run(hook))

    def tell_again(self, call: str) -> None:
        """That it has begun, to a daemon that may not know."""
        hook = self._running.get(call)
        if hook is not None and hook.begun is not None:
            self._tell(hook.begun)

    def hurry(self, call: str, limit: int) -> None:
        """It may take `limit` ms from now on."""
        hook = self._running.get(call)
        if hook is None:
            return
        hook.limit = min(limit, hook.limit or limit)
        hook.hurried = True
        if hook.begun is not None:
            self._limit(hook)

    async def _run(self, hook: _Hook) -> None:
        """One that is too late has been answered for: what it still does counts no more."""
        current.set(hook.logs)
        self._begun(hook)
        errors: list[BaseException] = []
        for name in filter(None, (hook.message["hook"], hook.message.get("then"))):
            if hook.is_over:
                break
            try:
                await self._call(hook, name)
            except BaseException as error:
                errors.append(error)
                if isinstance(error, HookTimeout) or hook.is_over:
                    break
        self._deadlines.end(hook.task)
        if hook.is_over:
            hook.logs.flush()
        elif errors and isinstance(errors[-1], HookTimeout):
            self._too_late(hook, errors[-1])
        else:
            self._end(hook, errors)

    async def _call(self, hook: _Hook, name: str) -> None:
        node = self._find(hook.message)
        set_live(node, hook.message.get("task") or {})
        result = getattr(node, name)()
        if hasattr(result, "__await__"):
            await result

    def _begun(self, hook: _Hook) -> None:
        """This is told at once: the hook may hold everything up."""
        begun: Message = {"op": "begun", "call": hook.message["call"]}
        own = self._own_limit(hook)
        if own is not None:
            begun["limit"] = own
            hook.limit = min(own or hook.limit, hook.limit) if hook.hurried else own
        hook.begun = begun
        self._tell(begun)
        self._limit(hook)

    def _own_limit(self, hook: _Hook) -> Optional[int]:
        try:
            return self._find(hook.message)._hook_timeout  # type: ignore[no-any-return]
        except BaseException:  # what could not be loaded says so when it is called
            return None

    def _limit(self, hook: _Hook) -> None:
        self._deadlines.end(hook.task)
        if hook.limit:
            self._deadlines.begin(hook.task, hook.limit / 1000, lambda: self._too_late(hook))

    def _too_late(self, hook: _Hook, raised: Optional[BaseException] = None) -> None:
        why = "its task was stopped" if hook.hurried else "hook-timeout"
        late = HookTimeout(f"{hook.message['hook']} took longer than {hook.limit / 1000:g} s ({why})")
        if raised is not None:
            late.__traceback__ = raised.__traceback__
        self._end(hook, [late])

    def _end(self, hook: _Hook, errors: list[BaseException]) -> None:
        hook.is_over = True
        hook.logs.flush()
        call = hook.message["call"]
        del self._running[call]
        if not errors:
            self._answer(call, None)
            return
        text = "".join(map(user_traceback, errors))
        if hook.message.get("errors"):
            append(hook.message["errors"], text)
        told = {"op": "done", "call": call, "ok": False}
        self._answer(call, {**told, "error": one_line(errors[0]), "traceback": text})


class _Hook:
    """One call, from when it is asked for until it is answered."""

    task: asyncio.Task[None]

    def __init__(self, message: Message, printed: Callable[[str, str], None]) -> None:
        self.message = message
        call = message["call"]
        self.logs = Logs(message.get("output"), message.get("errors"), lambda text: printed(call, text))
        self.limit = int(message.get("limit", 0))  # ms; 0: any time
        self.hurried = False
        self.begun: Optional[Message] = None  # what was told of it
        self.is_over = False


def set_live(node: Any, told: dict[str, Any]) -> None:
    """What a hook or a function may read about its task."""
    live = dict(told)
    if isinstance(live.get("create_time"), (int, float)):
        live["created"] = live["create_time"] / 1000
    node._live = live
    if isinstance(live.get("priority"), int):
        node._priority = live["priority"]


def one_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
