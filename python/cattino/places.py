"""Where the backend's socket and the logs are: the same rules as the daemon's own."""

from __future__ import annotations

import os
from collections.abc import Mapping

SOCKET_PATH_MAX = 107
LOCAL = "/var/tmp"
NETWORK = frozenset(
    (
        *("nfs", "nfs4", "smbfs", "smb2", "smb3", "cifs", "lustre", "gpfs", "beegfs", "afs", "kafs", "ceph"),
        *("coda", "ncpfs", "9p", "ocfs2", "gfs2", "panfs", "pvfs2", "orangefs", "vboxsf"),
    )
)


def _home(environment: Mapping[str, str]) -> str:
    home = environment.get("HOME", "")
    return home.rstrip("/") or home if home.startswith("/") else os.path.expanduser("~")


def logs_home(environment: Mapping[str, str]) -> str:
    """$CATTINO_HOME, else ~/.cache/cattino."""
    by_hand = environment.get("CATTINO_HOME")
    if by_hand:
        return os.path.join(os.getcwd(), by_hand).rstrip("/") or "/"
    return f"{_home(environment)}/.cache/cattino"


def socket_path(environment: Mapping[str, str]) -> str:
    """The daemon's socket: in its state directory, or on a local disk if that is on the network or
    its path is too long for a socket."""
    host = os.uname().nodename.replace("/", "_")
    host = "localhost" if not host or host.startswith(".") else host
    if environment.get("CATTINO_HOME"):
        state = f"{logs_home(environment)}/.state/{host}"
    else:
        xdg = environment.get("XDG_STATE_HOME", "")
        above = xdg.rstrip("/") if xdg.startswith("/") else f"{_home(environment)}/.local/state"
        state = f"{above}/cattino/{host}"
    local = f"{LOCAL}/cattino-{os.geteuid()}"
    if is_on_network(state):
        state = f"{local}/{host}"
    fits = len(os.fsencode(state)) + len("/supervisor.sock") <= SOCKET_PATH_MAX
    return f"{state if fits else f'{local}/{_hash(os.fsencode(state)):016x}'}/meow.sock"


def _hash(text: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def is_on_network(path: str) -> bool:
    """Whether the filesystem that holds `path` (or what is above it, while it is missing) is remote."""
    real = os.path.realpath(path)
    best, kind = -1, ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                left, _, right = line.partition(" - ")
                point = left.split()[4].replace("\\040", " ")
                inside = point == "/" or real == point or real.startswith(f"{point}/")
                if inside and len(point) >= best:
                    best, kind = len(point), right.split()[0]
    except (OSError, IndexError):
        return False
    return kind in NETWORK or kind.startswith("fuse")
