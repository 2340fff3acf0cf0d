"""What a fresh interpreter does with a function that was handed to it (see fresh.Fresh)."""

from __future__ import annotations

import os
import pickle
import sys

from cattino.host.child import finish


def main() -> None:
    with open(int(sys.argv[1]), "rb") as file:
        path, result, pickled = pickle.load(file)
    sys.argv = [""]
    sys.path[:] = path
    (target,) = pickle.loads(pickled)
    target._live = {**(target._live or {}), "pid": os.getpid()}
    os._exit(finish(target.run, result))
