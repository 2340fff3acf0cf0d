"""Submissions by what `[tool.cattino]` of a project says."""

from __future__ import annotations

import json

from conftest import Backend, err, out, submit, tasks

PROJECT = """
[tool.cattino]
cascade-cancel-on-failure = false
log-limit = "1MiB"
hook-timeout = "300ms"
"""


def test_tasks_that_do_not_say_otherwise_do_as_the_project_says(backend: Backend) -> None:
    project = backend.write("pyproject.toml", PROJECT)
    submit(
        backend,
        """
        import asyncio

        class Slow(ProcTask):
            async def on_end(self):
                await asyncio.sleep(0.6)
                print("slept")

        def slow(name, **more):
            return Slow("true", task_name=name, min_devices=0, **more)

        cattino.export(slow("late"), slow("patient", hook_timeout="20s"))
        chatty = "head -c 3000000 /dev/zero | tr '\\\\0' x"
        cattino.export(quick("cut", chatty), quick("whole", chatty, log_limit=0))
        for name, more in (("stays", {}), ("goes", {"cascade": True})):
            pair = [quick("fails", "false"), quick(name, **more)]
            cattino.export(TaskGroup(pair, execute_strategy="sequential", group_name=name))
        """,
    )
    backend.meow("wait", check=None)
    found = {name: task["status"] for name, task in tasks(backend).items()}
    assert (found["stays/stays"], found["goes/goes"]) == ("Waiting", "Cancelled")
    assert "HookTimeout" in err(backend, "late") and out(backend, "patient") == "slept\n"
    assert len(out(backend, "cut")) < 2_000_000 < len(out(backend, "whole"))
    assert project.read_text() == PROJECT


def test_what_is_wrong_in_the_project_refuses_the_submission(backend: Backend) -> None:
    backend.write("pyproject.toml", "[tool.cattino]\ngrace = '1s'\n")
    said = submit(backend, 'cattino.export(quick("a"))', check=2).stderr
    assert "pyproject.toml" in said and "tool.cattino.grace" in said and "settings.toml" in said
    assert json.loads(backend.meow("list", "--all", "--json").stdout)["tasks"] == []
