"""Trains with several learning rates side by side, then evaluates the best. See README.md."""

import os
import sys

import cattino
from cattino.tasks import ProcTask, TaskGroup

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = "${run_dir}/models"
REQUEST = {"min_devices": 1, "requires_memory_per_device": 1000, "cpus": 1, "cwd": HERE}


def pipeline(rates: list) -> TaskGroup:
    command = [sys.executable, "train.py", "--models", MODELS, "--lr"]
    tasks = [ProcTask([*command, rate], task_name=f"lr={rate}", **REQUEST) for rate in rates]
    train = TaskGroup(tasks, group_name="train")
    evaluate = ProcTask([sys.executable, "eval.py", "--models", MODELS], task_name="eval", **REQUEST)
    return TaskGroup([train, evaluate], execute_strategy="sequential", group_name="digits")


if __name__ == "__main__":
    cattino.export(pipeline(sys.argv[1:] or ["0.0003", "0.001", "0.01", "0.1"]))
