"""Logs with a limit: the task goes on, whatever becomes of the daemon and the supervisor."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import Backend, MakeBackend, alive, err, gate, open_gate, out, submit, wait_until, with_settings

MIB = 1 << 20
END = "cattino: the log ends here: it has reached its limit of 1 MiB; the task goes on\n"


def copiers(backend: Backend) -> list[int]:
    """The processes that copy into logs of this home."""
    return [
        pid
        for pid in backend.own_processes()
        if b"--copy-logs" in Path(f"/proc/{pid}/cmdline").read_bytes() and alive(pid)
    ]


def test_a_task_that_writes_without_end_is_capped_and_goes_on(backend: Backend) -> None:
    command = "yes | head -c 5000000; echo said >&2; exit 3"
    backend.meow("create", command, "-n", "t", "-c", "0", "--log-limit", "1MiB")
    backend.meow("wait", "t", check=1)
    log = out(backend, "t")
    assert len(log) == MIB + len(END) and log.endswith("y\n" + END)
    assert err(backend, "t") == "said\n"
    task = backend.task("t")["task"]
    assert task["log_limit"] == 1 and task["exit"]["code"] == 3
    assert "log limit" in backend.meow("show", "t").stdout
    assert copiers(backend) == []


def test_without_a_limit_the_log_is_the_task_s_own_stdout(backend: Backend) -> None:
    backend.meow("create", "readlink /proc/self/fd/1", "-n", "plain", "-c", "0")
    backend.meow("create", "readlink /proc/self/fd/1", "-n", "limited", "-c", "0", "--log-limit", "1MiB")
    backend.meow("wait")
    plain = backend.task("plain")["task"]
    assert out(backend, "plain").strip() == plain["stdout"] and "log_limit" not in plain
    assert out(backend, "limited").startswith("pipe:")


def test_the_setting_holds_for_tasks_that_do_not_say(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, 'log-limit = "1MiB"\n')
    much = "head -c 3000000 /dev/zero"
    backend.meow("create", much, "-n", "default", "-c", "0")
    backend.meow("create", much, "-n", "more", "-c", "0", "--log-limit", "2MiB")
    backend.meow("create", much, "-n", "all", "-c", "0", "--log-limit", "0")
    backend.meow("wait")
    sizes = {n: Path(backend.task(n)["task"]["stdout"]).stat().st_size for n in ("default", "more", "all")}
    assert MIB < sizes["default"] < MIB + 200 and 2 * MIB < sizes["more"] < 2 * MIB + 200
    assert sizes["all"] == 3_000_000


def test_each_attempt_has_its_own_limit(backend: Backend) -> None:
    body = """
        cattino.export(quick("t", "yes | head -c 2000000; exit 7", retries=1, backoff=0, log_limit="1MiB"))
    """
    submit(backend, body)
    backend.meow("wait", "t", check=1)
    attempts = backend.task("t")["attempts"]
    assert [Path(a["stdout"]).stat().st_size for a in attempts] == [MIB + len(END)] * 2


def test_function_tasks_have_limits_too(backend: Backend) -> None:
    body = """
        import subprocess
        def chatty():
            for _ in range(40000):
                print("x" * 50)
            subprocess.run(["echo", "from a child"])
            print("end", file=sys.stderr)
            return 5
        task = ProcTask(func=chatty, task_name="t", min_devices=0, log_limit=1)
        small = ProcTask(func=lambda: print("small"), task_name="small", min_devices=0, log_limit=1)
        cattino.export(task); cattino.export(small)
    """
    submit(backend, body)
    backend.meow("wait")
    log = out(backend, "t")
    assert len(log) <= MIB + 1 + len(END) and log.endswith(END)
    assert err(backend, "t") == "end\n" and out(backend, "small") == "small\n"
    wait_until(lambda: copiers(backend) == [], "nobody copies any more")


@pytest.mark.parametrize("victims", [["pid"], ["supervisor"], ["pid", "supervisor", "guardian"]])
def test_whoever_is_killed_the_task_can_go_on_writing(backend: Backend, victims: list[str]) -> None:
    command = f"echo before; {gate(backend, 'gate')}; echo after && echo still >&2 && exit 3"
    backend.meow("create", command, "-n", "t", "-c", "0", "--log-limit", "1MiB")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    health = backend.health()
    for victim in victims:
        os.kill(health[victim], signal.SIGKILL)
    open_gate(backend, "gate")
    backend.meow("wait", "t", check=None)
    wait_until(lambda: copiers(backend) == [], "nobody copies any more")
    assert out(backend, "t") == "before\nafter\n" and err(backend, "t") == "still\n"


def test_a_killed_task_s_last_words_are_kept(backend: Backend) -> None:
    backend.write(
        "task.sh", "trap 'echo bye; exit 4' TERM\necho ready\nwhile :; do sleep 1000 & wait; done\n"
    )
    backend.meow("create", "sh task.sh", "-n", "t", "-c", "0", "--log-limit", "1MiB")
    wait_until(lambda: backend.status("t") == "Running" and "ready" in out(backend, "t"), "it runs")
    backend.meow("kill", "t", "-w")
    assert out(backend, "t") == "ready\nbye\n"


@pytest.mark.parametrize("size", ["much", "-1"])
def test_a_limit_that_is_none_is_refused(backend: Backend, size: str) -> None:
    refused = backend.meow("create", "true", "-n", "t", f"--log-limit={size}", check=2)
    assert "--log-limit" in refused.stderr
    body = f'cattino.export(quick("t", log_limit={size!r}))'
    refused = submit(backend, body, check=2)
    assert "log_limit" in refused.stderr
