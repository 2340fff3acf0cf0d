"""Task, DeviceRequiredTask, ProcTask and TaskStatus."""

from __future__ import annotations

from typing import Any

import pytest
from words import create, statuses

import cattino
import cattino.tasks
from cattino.tasks import DeviceRequiredTask, ProcTask, Task, TaskGroup, TaskStatus


def test_the_names_are_where_the_original_has_them() -> None:
    """original: API/Tasks, magic strings. order: the list of names"""
    for name in ("export", "exit_and_retry", "settings", "Magics", "where"):
        assert hasattr(cattino, name), name
    for name in ("Task", "DeviceRequiredTask", "ProcTask", "TaskGroup", "TaskGraph", "TaskStatus"):
        assert hasattr(cattino.tasks, name), name


def test_a_proc_task_is_a_device_required_task_is_a_task() -> None:
    """original: API/ProcTask, API/DeviceRequiredTask (bases)"""
    assert issubclass(ProcTask, DeviceRequiredTask) and issubclass(DeviceRequiredTask, Task)


@pytest.mark.parametrize("name", ["Task", "DeviceRequiredTask", "TaskGroup", "TaskGraph", "TaskStatus"])
def test_the_names_are_in_the_interface_module_too(name: str) -> None:
    """original: API/DeviceRequiredTask, cattino.tasks.interface.DeviceRequiredTask"""
    from cattino.tasks import interface

    assert getattr(interface, name) is getattr(cattino.tasks, name)


def test_a_task_has_the_name_that_it_was_given() -> None:
    """order: task attributes"""
    task = ProcTask("true", task_name="mine")
    assert (task.name, task.fullname, task.group) == ("mine", "mine", None)


def test_the_priority_is_zero_unless_it_is_given() -> None:
    """contract 1.3, the table's last row"""
    assert ProcTask("true").priority == 0
    assert ProcTask("true", priority=7).priority == 7


def test_the_arguments_of_proc_task_have_the_order_of_the_original() -> None:
    """original: API/ProcTask(cmd, env, task_name, priority, requires_memory_per_device, min_devices)"""
    task = ProcTask("true", {"A": "1"}, "t", 3, 1000, 2)
    assert (task.name, task.priority) == ("t", 3)
    assert (task.requires_memory_per_device, task.min_devices) == (1000, 2)


def test_a_later_task_has_a_later_create_time() -> None:
    """original: quickstart/How Tasks to be Scheduled (task.create_time)"""
    first, second = ProcTask("true"), ProcTask("true")
    assert first.create_time <= second.create_time


def test_a_task_that_was_not_sent_waits_and_has_no_pid() -> None:
    """original: API/ProcTask.pid, API/Task.status"""
    task = ProcTask("true")
    assert task.status == TaskStatus.Waiting
    assert task.pid is None


@pytest.mark.parametrize("name", ["Waiting", "Running", "Done", "Failed", "Cancelled", "MultiStatus"])
def test_a_status_equals_its_name_as_text(name: str) -> None:
    """order: TaskStatus (with MultiStatus, equal to its name as text)"""
    status = getattr(TaskStatus, name)
    assert status == name and name == status
    assert str(status) == name
    assert (status != name) is False
    assert status != "Nonsense"
    assert {status: 1}[name] == 1, "what is equal has one hash"


@pytest.mark.parametrize("member", ["wait", "cancel", "resume", "terminate", "status"])
def test_a_proc_task_has_the_members_that_the_original_documents(member: str) -> None:
    """original: API/ProcTask"""
    assert hasattr(ProcTask("true"), member)


def test_a_device_required_task_knows_its_devices() -> None:
    """original: API/DeviceRequiredTask.assigned_device_indices"""
    assert hasattr(DeviceRequiredTask, "assigned_device_indices")


@pytest.mark.parametrize(
    "wrong, right",
    [
        ("min_device", "min_devices"),
        ("taskname", "task_name"),
        ("requires_memory_per_devices", "requires_memory_per_device"),
        ("prioritty", "priority"),
        ("time_limits", "time_limit"),
        ("retrys", "retries"),
    ],
)
def test_a_wrong_argument_is_told_the_nearest_right_word(wrong: str, right: str) -> None:
    """order: signature errors name the nearest right word"""
    with pytest.raises((TypeError, ValueError), match=rf"{wrong}\b[\s\S]*\b{right}\b"):
        ProcTask("true", **{wrong: 1})  # type: ignore[arg-type, unused-ignore]


def test_a_wrong_argument_of_a_subclass_or_a_group_is_told_the_nearest_right_word() -> None:
    """order: signature errors name the nearest right word"""

    class Mine(DeviceRequiredTask):
        def run(self) -> None:
            pass

    with pytest.raises((TypeError, ValueError), match=r"\bmin_devices\b"):
        Mine(mindevices=1)  # type: ignore[call-arg, unused-ignore]
    with pytest.raises((TypeError, ValueError), match=r"\bgroup_name\b"):
        TaskGroup([ProcTask("true")], groupname="g")  # type: ignore[call-arg, unused-ignore]


@pytest.mark.parametrize("thing", [42, "train", None, [1], ProcTask])
def test_what_is_no_task_is_not_exported(thing: Any) -> None:
    """contract 1.1: export(obj) takes a Task, a TaskGroup or a TaskGraph"""
    with pytest.raises((TypeError, ValueError)):
        cattino.export(thing)


def test_tasks_without_a_name_that_run_one_command_are_two_tasks(backend: Any) -> None:
    """original: quickstart/Create from Command: a name is generated; contract 1.1: fullnames are unique"""
    said = create(backend, "cattino.export(TaskGroup([ProcTask('true', min_devices=0) for _ in '12']))")
    assert said["count"] == 2
    backend.meow("wait", check=None)
    assert sorted(statuses(backend).values()) == ["Done", "Done"]
