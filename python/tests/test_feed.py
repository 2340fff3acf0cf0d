"""Who follows the backend's feed is told of all that becomes of the connection, and of what cannot pass."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import pytest
from fakes import FakeDaemon

from cattino import CattinoError
from cattino.client import BackendGone
from cattino.feed import Feed, may_pass
from cattino.following import LogLines
from cattino.progress import Progress

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Backends:
    """What connects: each time the next one, which is an error, or what it sends. The test holds its end."""

    def __init__(self, *ones: Union[Exception, bytes]) -> None:
        self.left = list(ones)
        self.ends: list[socket.socket] = []

    def __call__(self) -> socket.socket:
        one = self.left.pop(0)
        if isinstance(one, Exception):
            raise one
        ours, theirs = socket.socketpair()
        ours.sendall(one)
        self.ends.append(ours)
        return theirs


def lines(*told: dict[str, Any]) -> bytes:
    text = "".join(json.dumps(line) + "\n" for line in told).encode()
    return b"%x\r\n%b\r\n" % (len(text), text)


def problem(status: int) -> bytes:
    body = b'{"detail": "no"}'
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def words(feed: Iterator[dict[str, Any]], count: int) -> list[str]:
    return [next(feed)["event"] for _ in range(count)]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each pause would have been."""
    found: list[float] = []

    class Closed(threading.Event):
        def wait(self, timeout: Any = None) -> bool:
            found.append(timeout)
            return self.is_set()

    monkeypatch.setattr("cattino.feed.threading.Event", Closed)
    return found


def test_it_is_told_when_it_listens_and_when_it_does_not(waits: list[float]) -> None:
    backends = Backends(HEAD + lines({"event": "created"}, {"event": "gap"}), OSError(2, "x"), HEAD)
    feed = Feed(backends)
    assert words(feed, 3) == ["listening", "created", "gap"]
    backends.ends[0].close()
    lost = next(feed)
    assert lost["event"] == "lost" and isinstance(lost["error"], BackendGone)
    assert words(feed, 2) == ["lost", "listening"]


def test_each_further_try_waits_longer_but_not_more_than_two_seconds(waits: list[float]) -> None:
    feed = Feed(Backends(*[OSError(2, "x")] * 9))
    assert words(feed, 9) == ["lost"] * 9
    with pytest.raises(IndexError):  # there are no more
        next(feed)
    assert waits == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_what_lasted_is_tried_again_at_once(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 10.0, 11.0, 20.0, 23.0, 30.0])  # when each connection began and ended
    monkeypatch.setattr("cattino.tries.monotonic", lambda: next(now))
    feed = Feed(Backends(OSError(), OSError(), OSError(), HEAD))
    assert words(feed, 4) == ["lost", "lost", "lost", "listening"]
    assert waits == [0, 0.05, 0]


def test_a_backend_that_cannot_answer_now_is_asked_again(waits: list[float]) -> None:
    assert words(Feed(Backends(problem(503), HEAD)), 2) == ["lost", "listening"]


@pytest.mark.parametrize("wrong", [CattinoError("meow was not found"), problem(404), ValueError("x")])
def test_what_cannot_pass_is_raised_and_is_the_end(wrong: Any, waits: list[float]) -> None:
    feed = Feed(Backends(OSError(), wrong, HEAD))
    assert words(feed, 1) == ["lost"]
    with pytest.raises(Exception, match="meow was not found|no|x"):
        next(feed)
    assert list(feed) == [] and waits == [0]


def test_who_could_not_look_is_told_again_that_it_listens(waits: list[float]) -> None:
    feed = Feed(Backends(HEAD + lines({"event": "created"}), HEAD))
    assert words(feed, 1) == ["listening"]
    feed.drop(BackendGone("gone"))
    assert words(feed, 2) == ["lost", "listening"]
    with pytest.raises(KeyError):
        feed.drop(KeyError("x"))


def test_what_may_pass() -> None:
    assert may_pass(BackendGone("x")) and may_pass(ConnectionResetError()) and may_pass(error_of(503))
    assert not may_pass(error_of(404)) and not may_pass(CattinoError("x")) and not may_pass(KeyError())


def error_of(status: int) -> CattinoError:
    return CattinoError("x", status=status)


def test_another_thread_ends_who_waits_for_the_next_line() -> None:
    feed = Feed(Backends(HEAD))
    listening = threading.Event()
    heard: list[str] = []

    def follow() -> None:
        for line in feed:
            heard.append(line["event"])
            listening.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert listening.wait(20)
    feed.close()
    thread.join(20)
    assert not thread.is_alive() and heard == ["listening"]


def test_another_thread_ends_who_waits_for_the_next_try() -> None:
    feed = Feed(Backends(*[OSError()] * 100))
    thread = threading.Thread(target=lambda: list(feed))
    thread.start()
    feed.close()
    thread.join(20)
    assert not thread.is_alive()


def test_a_closed_one_holds_no_connection() -> None:
    backends = Backends(HEAD)
    with Feed(backends) as feed:
        next(feed)
    request = b"GET /v1/feed HTTP/1.1\r\nHost: cattino\r\nConnection: close\r\n\r\n"
    backends.ends[0].settimeout(20)
    assert backends.ends[0].recv(4096) == request and backends.ends[0].recv(1) == b""
    assert list(feed) == []


# ---- who follows it --------------------------------------------------------------------------------


def test_a_log_whose_end_can_never_be_heard_says_so(daemon: FakeDaemon, tmp_path: Path) -> None:
    daemon.answers["/v1/feed"] = lambda body: (403, {"detail": "not for you"})
    (tmp_path / "stdout.log").write_text("one\n")
    task = {"id": 41, "directory": str(tmp_path), "run_dir": str(tmp_path), "attempt": 1}
    with LogLines(task, "stdout") as followed:
        assert next(followed) == "one"
        with pytest.raises(CattinoError, match="not for you"):
            next(followed)


def test_what_is_shown_of_a_wait_starts_no_backend(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meow = short_path / "meow"
    meow.write_text(f"#!/bin/sh\ntouch {short_path}/started\n")
    meow.chmod(0o755)
    monkeypatch.setenv("CATTINO_MEOW", str(meow))
    progress = Progress("t", [41])
    with pytest.raises(OSError):
        progress._take({"event": "listening"})
    assert next(progress._feed)["event"] == "lost" and not (short_path / "started").exists()
