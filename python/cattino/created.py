"""What people are told of a submission, in the words of `meow create`."""

from __future__ import annotations

from typing import Any

LINES_MAX = 20


def created_line(answer: dict[str, Any]) -> str:
    """One line: the task and how it stands, or how many and where."""
    told = answer.get("tasks") or []
    if answer["count"] == 1 and told:
        return f"created {_standing(told[0], told[0]['fullname'])}"
    return f"created {answer['count']} tasks in {answer['run_dir']} (meow wait, meow list)"


def created_text(answer: dict[str, Any]) -> str:
    """The same below the tree of what was created, of which a few lines are shown."""
    if answer["count"] == 1:
        return created_line(answer)
    lines, shown = _tree(answer.get("tasks") or [])
    if shown < answer["count"]:
        lines.append(f"  … and {answer['count'] - shown} more")
    return "\n".join([*lines, created_line(answer)])


def _tree(told: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Lines, groups before their members, and how many tasks they tell of."""
    lines: list[str] = []
    shown = 0
    above: list[str] = []  # the groups around the line before
    for task in told:
        *groups, name = task["fullname"].split("/")
        common = 0
        while common < min(len(groups), len(above)) and groups[common] == above[common]:
            common += 1
        fresh = [f"  {'  ' * depth}{groups[depth]}/" for depth in range(common, len(groups))]
        if len(lines) + len(fresh) + 1 > LINES_MAX:
            break
        lines += [*fresh, f"  {'  ' * len(groups)}{_standing(task, name)}"]
        shown += 1
        above = groups
    return lines, shown


def _standing(task: dict[str, Any], name: str) -> str:
    """`train (#41): Waiting: needs 2 devices…` or `train (#41): Running on cuda:0`."""
    reason = (task.get("reason") or {}).get("text")
    status = task["status"]
    devices = ", ".join(task.get("devices") or [])
    after = f": {reason}" if reason else f" on {devices}" if devices else ""
    return f"{name} (#{task['id']}): {status}{after}"
