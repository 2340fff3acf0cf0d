"""Functions that a fork of the host could not run."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from test_host import World, world

__all__ = ["world"]

# What of the driver's library is asked, by its binary interface.
LIBRARY = """
static int initialized;
int cuInit(unsigned flags) { initialized = 1; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return initialized ? 0 : 3; }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(
    ("does", "fresh"),
    [("ctypes.CDLL(path).cuInit(0)", True), ("ctypes.CDLL(path)", False), ("None", False)],
    ids=["initialised", "loaded", "not loaded"],
)
def test_a_function_runs_in_a_fresh_interpreter_if_cuda_is_initialised(
    world: World, does: str, fresh: bool
) -> None:
    source, library = world.path / "cuda.c", world.path / "libcuda.so.1"
    source.write_text(LIBRARY)
    build = ["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library), str(source)]
    subprocess.run(build, check=True)
    code = "import ctypes; from cattino.host import fresh;"
    code += f"path = {str(library)!r}; fresh.CUDA_DEVICES = [path]; fresh.kept = {does}"
    world.start(
        f"""
        class Loader:
            def __reduce__(self):
                return exec, ({code!r},)
        def work():
            import sys
            return "cattino.host.children" in sys.modules
        task = ProcTask(work); task.loader = Loader()
        objects = [task]
        """
    )
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0)
    assert world.result() is not fresh
    assert ("fresh interpreter" in world.log(name="stderr.log")) is fresh
