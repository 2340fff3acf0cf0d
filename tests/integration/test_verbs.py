"""The verbs of the command line and what they answer."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Backend, MakeBackend, gate, open_gate, out, statuses, submit, tasks, with_settings

STATUSES = ("Waiting", "Running", "Done", "Failed", "Cancelled")

# verb → status → the status it ends in; None: it is not changed
EFFECTS = {
    "cancel": {"Waiting": "Cancelled", "Running": "Cancelled"},
    "kill": {"Running": "Failed"},
    "resume": {"Failed": "Running", "Cancelled": "Running"},
    "remove": dict.fromkeys(STATUSES, "gone"),
}


@pytest.mark.parametrize("verb", EFFECTS)
def test_each_verb_on_each_status(backend: Backend, verb: str) -> None:
    again = "test -e never && exit; sleep 1000"
    submit(
        backend,
        f"""
        cattino.export(quick("Running", "sleep 1000"))
        cattino.export(ProcTask("sleep 1000", task_name="holder", min_devices=4))
        cattino.export(ProcTask("sleep 1000", task_name="Waiting"))
        cattino.export(quick("Done"))
        cattino.export(quick("Failed", "[ $CATTINO_ATTEMPT = 1 ] && exit 3; {again}"))
        cattino.export(quick("Cancelled", "{again}"))
        """,
    )
    backend.meow("cancel", "Cancelled", "-w")
    backend.meow("wait", "Done", "Failed", check=1)
    assert {n: s for n, s in statuses(backend).items() if n != "holder"} == {s: s for s in STATUSES}
    before = tasks(backend)
    for status in STATUSES:
        expected = EFFECTS[verb].get(status)
        option = [] if verb == "resume" else ["-w"]  # what is resumed here never ends
        done = backend.meow(verb, status, "--json", *option, check=None)
        answer = json.loads(done.stdout)
        if expected is None:
            assert done.returncode == 1 and answer["count"] == 0 and answer["changed"] == []
            (left,) = answer["unchanged"]
            assert (left["fullname"], left["status"]) == (status, status) and left["why"]
            assert backend.status(status) == status
        else:
            assert done.returncode == 0 and answer["count"] == 1 and answer["unchanged"] == []
            assert answer["changed"][0]["fullname"] == status
            if expected == "gone":
                assert status not in tasks(backend)
                assert (Path(before[status]["directory"]) / "stdout.log").exists() or status in (
                    "Waiting",
                    "Cancelled",
                )
            else:
                assert backend.status(status) == expected
                if verb != "resume":
                    assert answer["changed"][0]["status"] == expected
    if verb == "kill":
        assert backend.task("Running")["task"]["reason"]["kind"] == "user_killed"
    if verb == "cancel":
        assert backend.task("Running")["task"]["reason"]["kind"] == "user_cancelled"


def test_resume_does_not_say_that_the_task_is_being_stopped(backend: Backend) -> None:
    backend.meow("create", "[ $CATTINO_ATTEMPT = 1 ] && exit 3; sleep 1000", "-n", "t", "-c", "0")
    backend.meow("wait", "t", check=1)
    done = backend.meow("resume", "t")
    assert "stopped" not in done.stdout + done.stderr


def test_cancelling_the_first_cancels_what_needs_it_and_resume_brings_it_back(backend: Backend) -> None:
    body = 'cattino.export(line(quick("a", "sleep 1000"), quick("b"), quick("c")))'
    submit(backend, body)
    backend.meow("cancel", "g/a", "-w")
    assert statuses(backend) == {"g/a": "Cancelled", "g/b": "Cancelled", "g/c": "Cancelled"}
    assert backend.meow("wait", "g", check=None).returncode == 4
    backend.meow("resume", "g/a")
    assert statuses(backend) == {"g/a": "Running", "g/b": "Waiting", "g/c": "Waiting"}


def test_what_the_user_cancelled_himself_does_not_come_back_with_the_cascade(backend: Backend) -> None:
    submit(
        backend,
        """
        first, mine, theirs = quick("first", "test -e ok"), quick("mine"), quick("theirs")
        blocker = quick("blocker", "read line < gate")
        graph = TaskGraph()
        graph.add_edges_from([(blocker, first), (first, mine), (first, theirs)])
        os.mkfifo("gate")
        cattino.export(graph)
        """,
    )
    backend.meow("cancel", "mine")
    open_gate(backend, "gate")
    backend.meow("wait", "first", check=1)
    backend.write("ok", "")
    backend.meow("resume", "first")
    backend.meow("wait", "theirs")
    assert statuses(backend) == {"blocker": "Done", "first": "Done", "mine": "Cancelled", "theirs": "Done"}


def test_verbs_on_groups_and_expressions(backend: Backend) -> None:
    body = 'many = [quick(f"t{i}", "sleep 1000", cpus=0.1) for i in range(12)]'
    body += '\ncattino.export(TaskGroup(many, group_name="g"))'
    submit(backend, body)
    killed = backend.json("kill", "-A", "t1", "-w")
    assert killed["count"] == 3  # t1, t10, t11
    found = statuses(backend)
    assert {n for n, s in found.items() if s == "Failed"} == {"g/t1", "g/t10", "g/t11"}
    assert backend.json("cancel", "g", "-w")["count"] == 9
    assert backend.json("resume", "g")["count"] == 12
    assert set(statuses(backend).values()) == {"Running"}
    assert backend.json("remove", "g", "-w")["count"] == 12
    assert tasks(backend) == {}


def test_one_unknown_name_changes_nothing(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "t", "-c", "0")
    for verb in ("cancel", "kill", "remove", "resume"):
        assert "nope" in backend.meow(verb, "t", "nope", check=2).stderr
    assert backend.status("t") == "Running"


def test_wait_says_by_its_exit_status_how_it_went(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "done", "-c", "0")
    backend.meow("create", "exit 9", "-n", "failed", "-c", "0")
    backend.meow("create", "sleep 1000", "-n", "cancelled", "-c", "0")
    backend.meow("create", "sleep 1000", "-n", "running", "-c", "0")
    backend.meow("cancel", "cancelled", "-w")
    for names, status in (
        (["done"], 0),
        (["done", "failed"], 1),
        (["failed", "cancelled", "done"], 1),
        (["done", "cancelled"], 4),
        (["cancelled"], 4),
        (["running", "-t", "50ms"], 5),
        (["failed", "running", "-t", "50ms"], 5),
        (["nope"], 2),
        (["-A", "^do"], 0),
    ):
        assert backend.meow("wait", *names, check=None).returncode == status, names
        if status != 2:
            assert backend.json("wait", *names, check=status)["outcome"] == status


def test_wait_without_names_waits_for_what_has_not_ended(backend: Backend) -> None:
    backend.meow("create", "exit 9", "-n", "failed", "-c", "0")
    backend.meow("wait", "failed", check=1)
    backend.meow("create", gate(backend, "gate"), "-n", "t", "-c", "0")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(backend.meow, "wait", check=None)
        open_gate(backend, "gate")
        assert waiting.result().returncode == 0
    assert backend.meow("wait", check=None).returncode == 0


def test_every_verb_speaks_json(backend: Backend) -> None:
    assert backend.json("create", "sleep 1000", "-n", "t", "-c", "0")["count"] == 1
    assert backend.json("list")["tasks"][0]["name"] == "t"
    assert backend.json("show", "t")["task"]["name"] == "t"
    assert backend.json("devices")["devices"][0]["name"] == "cuda:0"
    assert backend.json("test")["pid"] > 0
    backend.json("test", "t")
    assert backend.json("logs", "t")["attempt"] == 1
    assert len(backend.json("get")["settings"]) > 10
    assert backend.json("get", "grace")["value"] == "30s"
    assert backend.json("wait", "t", "-t", "10ms", check=5)["outcome"] == 5
    for verb in ("cancel -w", "resume", "kill -w", "remove -w"):
        assert backend.json(*verb.split(), "t")["count"] == 1
    backend.json("meow")
    assert backend.json("exit", "-y") == {"stopped": 0, "cancelled": 0}


def test_errors_are_json_too_when_json_is_asked_for(backend: Backend) -> None:
    for arguments in (["show", "nope"], ["create", "true", "-c", "9"], ["cancel", "nope"]):
        done = backend.meow(*arguments, "--json", check=2)
        text = done.stdout.strip() or done.stderr.strip()
        assert text


BAD_COMMAND_LINES = [
    ["lst"],
    ["list", "--jsn"],
    ["create"],
    ["create", "true", "-c", "-1"],
    ["create", "true", "-c", "abc"],
    ["create", "true", "-p", "high"],
    ["create", "true", "-M", "abc"],
    ["create", "true", "-M", "150%"],
    ["create", "true", "-M", "-5"],
    ["create", "true", "-M", "nan"],
    ["create", "true", "--cpus", "many"],
    ["create", "true", "--cpus", "-1"],
    ["create", "true", "--cpus", "inf"],
    ["create", "true", "--ram", "lots"],
    ["create", "true", "-e", "NOVALUE"],
    ["create", "true", "--name-conflict", "maybe"],
    ["create", "echo 'open", "-n", "t"],
    ["create", 'echo "open', "-n", "t"],
    ["create", "true", "-m", "--", "--p", "[]"],
    ["wait", "-t", "soon"],
    ["list", "-s", "Nonsense"],
    ["cancel"],
    ["kill"],
    ["resume"],
    ["remove"],
    ["show"],
    ["exit", "now"],
]


def test_bad_command_lines_exit_2_and_say_what_to_do(backend: Backend) -> None:
    backend.meow("_start")
    wrong = []
    for arguments in BAD_COMMAND_LINES:
        done = backend.meow(*arguments, check=None)
        if done.returncode != 2 or not done.stderr.startswith("error: ") or "hint: " not in done.stderr:
            wrong.append((arguments, done.returncode, done.stderr))
    assert wrong == []
    assert tasks(backend) == {}


def test_a_script_that_does_not_exist_is_an_error(backend: Backend) -> None:
    done = backend.meow("create", "trian.py", check=None)
    assert done.returncode == 2 and "trian.py" in done.stderr


MULTIRUNS = [
    (["--lr", "[0.1,0.3]"], {"lr=0.1": ["--lr", "0.1"], "lr=0.3": ["--lr", "0.3"]}),
    (["--lr=[0.1,0.3]"], {"lr=0.1": ["--lr=0.1"], "lr=0.3": ["--lr=0.3"]}),
    (["lr=[0.1,0.3]"], {"lr=0.1": ["lr=0.1"], "lr=0.3": ["lr=0.3"]}),
    (
        ["a=[1,2]", "--fixed", "x", "-b", "[3,4]"],
        {f"a={a},b={b}": [f"a={a}", "--fixed", "x", "-b", str(b)] for a in (1, 2) for b in (3, 4)},
    ),
    (['m=["a b",c]'], {"m=a_b": ["m=a b"], "m=c": ["m=c"]}),
    (["n=[[1,2],[3]]"], {"n=1_2": ["n=[1,2]"], "n=3": ["n=[3]"]}),
]


@pytest.mark.parametrize("number", range(len(MULTIRUNS)))
def test_multirun_forms(backend: Backend, number: int) -> None:
    arguments, expected = MULTIRUNS[number]
    command = f"{sys.executable} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"
    answer = json.loads(
        backend.meow("create", command, "--json", "-n", "t", "-m", "-c", "0", "--", *arguments).stdout
    )
    assert answer["count"] == len(expected)
    backend.meow("wait")
    found = {
        n.removeprefix("t/"): json.loads(Path(t["stdout"]).read_text()) for n, t in tasks(backend).items()
    }
    assert found == expected


def test_without_multirun_lists_are_passed_as_they_are(backend: Backend) -> None:
    arguments = ["--lr", "[0.1,0.3]", "a b", "$HOME", "${task_name}", "*", "'", ""]
    command = f"{sys.executable} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"
    backend.meow("create", command, "-n", "t", "-c", "0", "--", *arguments)
    backend.meow("wait")
    seen = json.loads(out(backend, "t"))
    assert seen == [a if a != "${task_name}" else "t" for a in arguments]


def test_script_arguments_reach_the_script(backend: Backend) -> None:
    backend.write(
        "s.py",
        "import sys, cattino\nfrom cattino.tasks import ProcTask\n"
        "cattino.export(ProcTask('true', task_name='-'.join(sys.argv[1:]), min_devices=0))\n",
    )
    backend.meow("create", "s.py", "-n", "--json", "x")
    assert set(tasks(backend)) == {"-n---json-x"}


def test_logs_are_printed_whole_or_their_end(backend: Backend) -> None:
    backend.write("say.sh", "echo $CATTINO_ATTEMPT; seq 3; echo bad >&2; [ $CATTINO_ATTEMPT = 2 ] || exit 9")
    backend.meow("create", "sh say.sh", "-n", "t", "-c", "0", "--retries", "1", "--backoff", "1ms")
    backend.meow("create", "sleep 1000", "-n", "later", "-c", "0", "--hold")
    assert backend.meow("logs", "-f", "t").stdout.endswith("2\n1\n2\n3\n")
    assert backend.meow("logs", "t").stdout == "2\n1\n2\n3\n"
    assert backend.meow("logs", "t", "--attempt", "1").stdout == "1\n1\n2\n3\n"
    assert backend.meow("logs", "t", "-n", "2").stdout == "2\n3\n"
    assert backend.meow("logs", "t", "-e").stdout == "bad\n"
    assert backend.meow("logs", "t", "t", "-e").stdout == "==> t <==\nbad\n==> t <==\nbad\n"
    assert "has not run yet" in backend.meow("logs", "later").stderr
    assert backend.json("logs", "later") == {"task": 2, "fullname": "later", "attempt": 0, "path": None}
    backend.meow("logs", "t", "-n", "-1", check=2)
    Path(backend.json("logs", "t", "-e")["path"]).unlink()
    assert "no log any more" in backend.meow("logs", "t", "-e").stderr
    assert "no attempt 3" in backend.meow("logs", "t", "--attempt", "3", check=2).stderr


def test_a_setting_is_kept_in_the_file_and_holds_from_the_next_start(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, "# mine\ngrace = 30  # seconds\n")
    path = tmp_path / "config" / "cattino" / "settings.toml"
    real = tmp_path / "dotfiles.toml"
    path.rename(real)
    path.symlink_to(real)
    real.chmod(0o640)
    assert backend.meow("set", "grace", "2m").stderr == "", "no backend runs"
    backend.meow("set", "override_exist_tasks", "rename")
    assert real.read_text() == '# mine\ngrace = "2m"  # seconds\noverride-exist-tasks = "rename"\n'
    assert path.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert backend.meow("get", "grace").stdout == "2m\n"
    backend.meow("create", "sleep 1000", "-n", "t", "-c", "0")
    assert "created t_1" in backend.meow("create", "true", "-n", "t", "-c", "0").stdout
    assert "--keep-tasks" in backend.meow("set", "override-exist-tasks", "--default").stderr
    backend.meow("exit", "--keep-tasks")
    assert "has not ended" in backend.meow("create", "true", "-n", "t", "-c", "0", check=2).stderr
    assert backend.status("t") == "Running"


def test_many_settings_at_once_are_all_kept(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, "")
    path = tmp_path / "config" / "cattino" / "settings.toml"
    path.unlink()
    path.symlink_to(tmp_path / "there" / "mine.toml")  # not there yet
    values = {"grace": "1m", "aging": "2m", "reservations": "3", "history-size": "4", "history-age": "5d"}
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda item: backend.meow("set", *item), values.items()))
    assert {key: backend.meow("get", key).stdout.strip() for key in values} == values
    assert path.is_symlink() and len((tmp_path / "there" / "mine.toml").read_text().splitlines()) == 5
    assert "goes before the file" in backend.meow("set", "devices", "2x8GiB").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "grac", "3"], "did you mean grace?"),
        (["get", "grac"], "did you mean grace?"),
        (["set", "grace"], "meow set grace VALUE"),
        (["set", "grace", "soon"], "'soon' is not a length of time"),
        (["set", "enforce", "rams"], "did you mean ram?"),
        (["set", "grace", "3", "--default"], "--default"),
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_is_written(
    backend: Backend, words: list[str], said: str
) -> None:
    path = backend.work / "settings.toml"
    done = backend.meow(
        *words, check=2, environment={"CATTINO_SETTINGS": str(path)} if words[0] == "set" else {}
    )
    assert said in done.stderr
    assert not path.exists()
