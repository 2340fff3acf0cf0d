"""Functions that cannot run in a fork of the host: whether CUDA forbids it, and the fresh interpreter."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

from cattino.pickling import pickle_objects

CUDA_DEVICES = ("/dev/nvidia-uvm", "/dev/dxg", "/dev/nvmap")  # of a card, in WSL, of a Jetson
CUDA_LIBRARY = "libcuda.so.1"
CUDA_NOT_INITIALIZED = 3
CUDA_SAYS = (
    "cattino: CUDA is initialised in the host process; the function runs in a fresh interpreter, "
    "without what hooks changed outside the task\n"
)


def cuda_is_initialised() -> bool:
    """Then a forked process cannot use it.

    Frameworks do not tell of each other, nor of mere looks such as `torch.cuda.is_available()`. So the
    driver's library is asked, if the process has loaded it; that initialises nothing.
    """
    if not any(map(os.path.exists, CUDA_DEVICES)):  # some come with the first use
        return False
    import ctypes

    try:
        library = ctypes.CDLL(CUDA_LIBRARY, os.RTLD_NOW | os.RTLD_NOLOAD)
        count = ctypes.c_int()
        return bool(library.cuDeviceGetCount(ctypes.byref(count)) != CUDA_NOT_INITIALIZED)
    except (OSError, AttributeError):
        return False


class Fresh:
    """Carries a function into a fresh interpreter, which the child becomes. `says` goes to its stderr.log."""

    def __init__(self, target: Any, op: dict[str, Any], says: str) -> None:
        self._says = says
        payload = pickle.dumps((list(sys.path), op.get("result"), pickle_objects([target])))
        self._file = os.memfd_create("cattino", os.MFD_CLOEXEC)
        with open(self._file, "wb", closefd=False) as file:
            file.write(payload)
        os.lseek(self._file, 0, os.SEEK_SET)

    def run(self) -> None:
        sys.stderr.write(self._says)
        os.set_inheritable(self._file, True)
        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        code = f"import sys; sys.path.append({package!r}); from cattino.host.spawned import main; main()"
        os.execv(sys.executable, [sys.executable, "-c", code, str(self._file)])

    def close(self) -> None:
        os.close(self._file)
