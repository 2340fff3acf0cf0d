"""Hooks, sync and async, that keep state on their objects; and a task that is a Python function."""

import asyncio
import time

import cattino
from cattino.tasks import ProcTask, TaskGroup


class Timed(ProcTask):
    """Says how long it took. What a hook prints is in the task's stdout.log."""

    async def on_start(self):
        await super().on_start()
        self.began = time.time()
        await asyncio.sleep(0)  # other tasks' hooks may run meanwhile
        print(f"Task {self.name} starting on devices {self.assigned_device_indices}")

    async def on_end(self):
        await super().on_end()
        print(
            f"Task {self.name} finished after {time.time() - self.began:.1f} s with status {self.exit_code}"
        )


class Reporting(TaskGroup):
    """Its on_end runs when all of its tasks have ended."""

    def on_start(self):
        super().on_start()
        print(f"{self.fullname}: {len(self.all_tasks)} tasks")

    def on_end(self):
        super().on_end()
        print(f"{self.fullname} is over")


def primes_below(limit: int) -> list:
    found: list = []
    for number in range(2, limit):
        if all(number % prime for prime in found):
            found.append(number)
    return found


def count_primes() -> int:
    count = len(primes_below(5000))
    print(count, "primes below 5000")
    return count  # fetched with task.result()


if __name__ == "__main__":
    tasks = [
        Timed("sleep 1", task_name="sleeper", min_devices=0, cpus=0.5),
        Timed(count_primes, min_devices=0, cpus=1),
    ]
    cattino.export(Reporting(tasks, group_name="hooks"))
