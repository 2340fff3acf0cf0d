"""One task. Submit it with `meow create hello.py`, then `meow watch hello`."""

import cattino
from cattino.tasks import ProcTask

task = ProcTask(
    "python -c \"print('hello world')\"",
    task_name="hello",
    min_devices=1,
    requires_memory_per_device=1000,
)

if __name__ == "__main__":
    cattino.export(task)
