"""The supervisor's frames, as far as hosts and their children speak them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

HELLO, ADOPT, CHILD_EXITED, ADOPTED = 1, 7, 8, 68
VERSION, ROLE_CHILD = 1, 2
KIND_CODE, KIND_SIGNAL, KIND_LOST = 1, 2, 4


def _frame(kind: int, body: bytes) -> bytes:
    return struct.pack("<IB", len(body) + 1, kind) + body


def hello() -> bytes:
    return _frame(HELLO, struct.pack("<IB", VERSION, ROLE_CHILD))


def adopt(key: int, pid: int, memory: int = 0, millicores: int = 0) -> bytes:
    """`memory` in bytes: what the kernel is to hold the process to; 0: any."""
    return _frame(ADOPT, struct.pack("<QiQI", key, pid, memory, millicores))


def child_exited(key: int, kind: int, value: int) -> bytes:
    return _frame(CHILD_EXITED, struct.pack("<QBBi", key, kind, 0, value))


def take_frames(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Takes the whole frames off the front: their type and their fields."""
    while len(buffer) >= 4:
        (length,) = struct.unpack_from("<I", buffer)
        if len(buffer) < 4 + length:
            return
        body = bytes(buffer[4 : 4 + length])
        del buffer[: 4 + length]
        if body:
            yield body[0], body[1:]


def adopted(fields: bytes) -> tuple[int, bool]:
    key, go = struct.unpack_from("<QB", fields)
    return key, bool(go)
