"""Events of an AsyncClient: they hold up nobody, and are from when they were asked for."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fakes import FakeDaemon

import cattino
from cattino import CattinoError


def test_events_do_not_hold_up_the_loop_while_they_connect(daemon: FakeDaemon) -> None:
    asked = threading.Event()

    def answer(_: bytes) -> Any:
        assert asked.wait(20)
        return 503, {"detail": "not now"}

    daemon.answers["/v1/feed"] = answer

    async def main() -> None:
        events = cattino.AsyncClient().events()
        asked.set()
        with pytest.raises(CattinoError, match="not now"):
            await events.__anext__()

    asyncio.run(main())


def test_what_a_client_asks_for_after_events_waits_until_they_listen(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["/v1/devices"] = lambda body: (200, {"devices": []})
    listens = threading.Event()

    def connect(_: Any, since: Any) -> Any:
        assert listens.wait(20)
        return iter([])

    monkeypatch.setattr("cattino.clients.Client.events", connect)

    async def main() -> None:
        client = cattino.AsyncClient()
        events = client.events()
        devices = asyncio.ensure_future(client.devices())
        await asyncio.gather(*(asyncio.to_thread(lambda: None) for _ in range(5)))
        assert not devices.done() and daemon.requests == []
        listens.set()
        assert await devices == [] and len(daemon.requests) == 1
        assert [event async for event in events] == []
        assert client._opening == []

    asyncio.run(main())
