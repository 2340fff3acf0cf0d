"""Functions that a fork of the host could not run."""

from __future__ import annotations

import pytest
from test_host import World, world

__all__ = ["world"]


@pytest.mark.parametrize(
    ("opens_device", "maps_library", "fresh"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_a_function_runs_in_a_fresh_interpreter_if_cuda_is_initialised(
    world: World, opens_device: bool, maps_library: bool, fresh: bool
) -> None:
    """What initialising CUDA leaves in a process is its device, open, and its library, mapped."""
    device, library = world.path / "nvidia-uvm", world.path / "libcuda.so.1"
    for file in (device, library):
        file.write_text("x")
    code = f"import mmap, os; from cattino.host import fresh; fresh.CUDA_DEVICE = {str(device)!r}; fresh.kept = ["
    code += f"open({str(device)!r})," if opens_device else ""
    code += f"mmap.mmap(os.open({str(library)!r}, os.O_RDWR), 1)," if maps_library else ""
    world.start(
        f"""
        class Loader:
            def __reduce__(self):
                return exec, ({code + "]"!r},)
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
