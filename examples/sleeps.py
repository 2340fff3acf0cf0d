"""A graph of sleeps between a first and a last task, in a group with hooks of its own.

meow create sleeps.py -- --tasks 6 --longest 2
meow wait
meow show sleeps
"""

import argparse
import random
import time

import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup


class Timed(TaskGroup):
    """Says how many tasks there are, and how long all took: what `on_start` sets is there in `on_end`."""

    async def on_start(self):
        await super().on_start()
        self.begin = time.monotonic()
        print(f"{self.name}: {len(self.all_tasks)} tasks")

    async def on_end(self):
        await super().on_end()
        print(f"{self.name} took {time.monotonic() - self.begin:.1f} s")


def sleeps(count, longest, seed):
    dice = random.Random(seed)
    first = ProcTask("echo first", task_name="first", min_devices=0)
    last = ProcTask("echo last", task_name="last", min_devices=0)
    graph = TaskGraph()
    for number in range(1, count + 1):
        seconds = round(dice.uniform(0, longest), 2)
        task = ProcTask(f"sleep {seconds}", task_name=f"sleep-{number}", min_devices=0, cpus=0)
        graph.add_edges_from([(first, task), (task, last)])
    return Timed(first, execute_strategy=graph, group_name="sleeps")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=4, help="how many sleep")
    parser.add_argument("--longest", type=float, default=1.0, help="seconds")
    parser.add_argument("--seed", type=int, default=None, help="for the same sleeps again")
    options = parser.parse_args()
    cattino.export(sleeps(options.tasks, options.longest, options.seed))
