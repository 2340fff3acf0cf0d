"""settings, Magics and where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from words import create, ended, gate, open_gate, out, runs, script, statuses, with_settings

from cattino import Magics

# ---- magic strings, in this process --------------------------------------------------------------------


def test_the_example_of_magics_runs() -> None:
    """original: Magic String, its example"""
    Magics.register_new_resolver("add", lambda x, y: int(x) + int(y))
    said = Magics.resolve("I am ${name}, ${add:10,10} years-old.", name="Ann")
    assert said == "I am Ann, 20 years-old."


@pytest.mark.parametrize(
    "text, value",
    [
        ("${eval: '1+2'}", "3"),
        ("${eval:'1+2'}", "3"),
        ("${eval: 1+2}", "3"),
        ("a ${eval: '1+2'} b ${eval: '2*2'}", "a 3 b 4"),
        ("no magic", "no magic"),
        ("", ""),
        ("${task_name}-${task_name}", "t-t"),
        ("${eval:'${fullname}'.replace('/', '-')}", "g-t"),
        ("${fullpath}", f"g{os.sep}t"),
    ],
)
def test_magic_strings_are_resolved(text: str, value: str) -> None:
    """original: Magic String: variables, constants, resolvers; contract 1.6"""
    assert Magics.resolve(text, task_name="t", fullname="g/t") == value


def test_a_new_constant_replaces_its_name() -> None:
    """original: Magic String/Builtin Magic Constants; order: register_new_constant"""
    Magics.register_new_constant("two_names", "${first}+${second}")
    Magics.register_new_constant("of_conformance", "constant")
    assert Magics.resolve("${of_conformance}") == "constant"
    assert Magics.resolve("<${two_names}>", first="a", second="b") == "<a+b>"


def test_a_resolver_gets_each_argument_as_text_without_the_spaces_around() -> None:
    """original: Magic String, ${function: args1, args2, ...}"""
    Magics.register_new_resolver("told", lambda *args: repr(args))
    assert Magics.resolve("${told: a, b,c}") == "('a', 'b', 'c')"


def test_a_resolver_that_fails_says_so() -> None:
    """contract 1.7, 5: a clear error"""
    with pytest.raises(Exception, match=r"division by zero|1/0"):
        Magics.resolve("${eval: '1/0'}")


# ---- magic strings of tasks ----------------------------------------------------------------------------


def test_a_command_knows_its_names_and_directories(backend: Any) -> None:
    """contract 1.6: ${task_name}, ${run_dir}, ${fullname}; 1.4: run_dir"""
    command = "echo ${task_name} ${fullname} ${run_dir}"
    create(backend, f'cattino.export(TaskGroup([small("t", {command!r})], group_name="g"))')
    assert ended(backend, "g/t") == "Done"
    name, fullname, run_dir = out(backend, "g/t").split()
    assert (name, fullname) == ("t", "g/t")
    assert Path(run_dir) / "g" / "t" == Path(backend.task("g/t")["task"]["stdout"]).parent
    assert run_dir == backend.task("g/t")["task"]["run_dir"]


def test_the_fullpath_is_the_fullname_with_the_separator_of_the_system(backend: Any) -> None:
    """original: Magic String/Builtin Magic Constants; contract 1.6: ${fullpath}"""
    create(backend, "cattino.export(TaskGroup([small('t', 'echo ${fullpath}')], group_name='g'))")
    assert ended(backend, "g/t") == "Done"
    assert out(backend, "g/t") == f"g{os.sep}t\n"


def test_resolvers_are_evaluated_in_the_process_of_the_user(backend: Any) -> None:
    """contract 1.6: expanded in the user's own process; the daemon … never evaluates what it was sent"""
    create(
        backend,
        """
        cattino.Magics.register_new_resolver("twice", lambda n: 2 * int(n))
        command = "echo ${twice:21} ${eval: '__import__(\\"os\\").getpid()'} %d" % os.getpid()
        cattino.export(small("t", command))
        """,
    )
    assert ended(backend, "t") == "Done"
    twice, evaluated, pid = out(backend, "t").split()
    assert twice == "42" and evaluated == pid


def test_a_new_constant_holds_in_commands(backend: Any) -> None:
    """original: Magic String/Builtin Magic Constants"""
    create(
        backend,
        """
        cattino.Magics.register_new_constant("mine", "of-${task_name}")
        cattino.export(small("t", "echo ${mine}"))
        """,
    )
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "of-t\n"


def test_a_variable_that_is_no_magic_is_left_to_the_shell(backend: Any) -> None:
    """contract 1.4: the shell also sees every ${x} that is no magic"""
    create(backend, "cattino.export(small('t', 'X=5; echo ${X}-${HOME_OF_NOBODY:-none}'))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "5-none\n"


def test_arguments_of_a_list_have_magics_too(backend: Any) -> None:
    """contract 1.4: A list is an argv; 1.6: magic strings"""
    create(backend, "cattino.export(small('t', ['echo', '${task_name}', 'a b', '$HOME']))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "t a b $HOME\n"


def test_the_values_of_env_have_magics_too(backend: Any) -> None:
    """original: magic strings … in cattino commands; contract 1.4: env="""
    create(backend, "cattino.export(small('t', 'echo $WHERE', env={'WHERE': '${fullname}'}))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "t\n"


def test_where_is_the_run_dir(backend: Any) -> None:
    """original: Magic String: run_dir is the same as cattino.where(); contract 1.4: ${run_dir}"""
    said = script(
        backend,
        """
        task = small("t", "echo ${run_dir}")
        cattino.export(task)
        task.wait()
        say(str(cattino.where()))
        """,
    )
    assert os.path.normpath(said) == os.path.normpath(out(backend, "t").strip())


# ---- settings ------------------------------------------------------------------------------------------


def test_settings_have_the_names_of_the_original(here: Any) -> None:
    """order: settings; contract 1.1, 1.2, 1.4: override-exist-tasks, cascade-cancel-on-failure, …"""
    from cattino import settings

    assert settings.override_exist_tasks == "forbid"
    assert settings.cascade_cancel_on_failure is True
    assert settings.shutdown_on_complete is False


def test_settings_are_read_from_toml(make_backend: Any, tmp_path: Any) -> None:
    """order: settings (TOML)"""
    backend = with_settings(make_backend, tmp_path, 'override-exist-tasks = "rename"\n')
    assert script(backend, "say(cattino.settings.override_exist_tasks)") == "rename"


PROJECT = """# mine
[project]
name = "p"   # and so is this

[tool.cattino]
override-exist-tasks = 'rename'
"""


def test_settings_of_the_project_are_read_and_the_file_is_never_rewritten(backend: Any) -> None:
    """order: pyproject.toml is read, never rewritten"""
    project = backend.write("pyproject.toml", PROJECT)
    said = script(backend, "say(cattino.settings.override_exist_tasks)")
    create(backend, f"cattino.export(small('t', {gate(backend, 'gate')!r}))")
    create(backend, "cattino.export(small('t'))")
    backend.meow("set", "cascade-cancel-on-failure", "false", check=None)
    open_gate(backend, "gate")
    assert said == "rename"
    assert ended(backend, "t_1", "t") == ["Done", "Done"]
    assert project.read_text() == PROJECT


def test_a_setting_of_a_folder_above_holds_too(backend: Any) -> None:
    """order: pyproject.toml is read"""
    backend.write("pyproject.toml", PROJECT)
    (backend.work / "below").mkdir()
    said = script(
        backend,
        "os.chdir('below')\nsay(subprocess.check_output([sys.executable, '-c',"
        " 'import cattino; print(cattino.settings.override_exist_tasks)'], text=True))",
    )
    assert said == "rename\n"


def test_a_setting_made_in_a_script_holds_for_it(backend: Any) -> None:
    """original: settings are attributes; contract 1.1: rename (train_1)"""
    create(
        backend,
        f"""
        cattino.export(small("train", {gate(backend, "gate")!r}))
        """,
    )
    runs(backend, "train")
    create(
        backend,
        """
        cattino.settings.override_exist_tasks = "rename"
        cattino.export(small("train"))
        """,
    )
    assert ended(backend, "train_1") == "Done"
    open_gate(backend, "gate")
    ended(backend, "train")


@pytest.mark.parametrize(
    "name, value, right",
    [
        ("override_exist_task", "rename", "override_exist_tasks|override-exist-tasks"),
        ("override_exist_tasks", "renam", "rename"),
        ("cascade_cancel_on_failure", "perhaps", "cascade.cancel.on.failure"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_right_word(here: Any, name: str, value: str, right: str) -> None:
    """order: the nearest right word; contract 1.7, 5: a clear error"""
    from cattino import settings

    with pytest.raises((AttributeError, ValueError, TypeError), match=right):
        setattr(settings, name, value)


def test_a_setting_is_set_and_got_on_the_command_line(backend: Any) -> None:
    """contract 1.6: meow set | get"""
    backend.meow("set", "override-exist-tasks", "rename")
    assert "rename" in backend.meow("get", "override-exist-tasks").stdout
    assert script(backend, "say(cattino.settings.override_exist_tasks)") == "rename"


def test_a_file_of_settings_that_is_no_toml_is_told(make_backend: Any, tmp_path: Any) -> None:
    """contract 1.7, 5: a clear error"""
    backend = with_settings(make_backend, tmp_path, "override-exist-tasks = = 1\n")
    said = create(backend, 'cattino.export(small("t"))', check=1)
    assert "settings.toml" in said
    os.unlink(tmp_path / "config" / "cattino" / "settings.toml")
    create(backend, 'cattino.export(small("t"))')
    assert ended(backend, "t") == "Done"
    assert statuses(backend) == {"t": "Done"}
