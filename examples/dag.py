"""A graph: prepare, then two steps side by side, then a report; and a clean-up that runs in any case.

prepare ──▶ left  ──┬──▶ report ──▶ tidy (however report ends)
        └─▶ right ──┘
"""

import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup


def step(name: str, command: str) -> ProcTask:
    return ProcTask(command, task_name=name, min_devices=0, cpus=0.5)


prepare = step("prepare", "seq 1 1000 > ${run_dir}/numbers")
left = step("left", "awk '$1 <= 500 { s += $1 } END { print s }' ${run_dir}/numbers > ${run_dir}/left")
right = step("right", "awk '$1 > 500 { s += $1 } END { print s }' ${run_dir}/numbers > ${run_dir}/right")
report = step("report", "cat ${run_dir}/left ${run_dir}/right | awk '{ s += $1 } END { print \"sum\", s }'")
tidy = step("tidy", "rm -f ${run_dir}/numbers ${run_dir}/left ${run_dir}/right")

graph = TaskGraph()
graph.add_edges_from([(prepare, left), (prepare, right), (left, report), (right, report)])
graph.add_edge(report, tidy, when="any")

if __name__ == "__main__":
    cattino.export(TaskGroup(execute_strategy=graph, group_name="dag"))
