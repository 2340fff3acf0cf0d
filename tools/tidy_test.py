"""Each rule of tidy.py: a small good tree passes, and one planted breach is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import tidy
from source_tree import strip_code

HEADER = "// A thing.\n#pragma once\n"
GOOD = {
    "src/base/a.h": HEADER,
    "src/base/a.cc": '// The thing.\n#include "base/a.h"\n',
    "src/base/a_test.cc": '// Tests the thing.\n#include "base/a.h"\n',
    "src/base/CMakeLists.txt": "cattino_room(base SOURCES a.cc)\ncattino_tests(base SOURCES a_test.cc)\n",
    "src/core/device.h": HEADER + '#include "base/a.h"\n',
    "src/supervisor/client.h": HEADER,
    "src/supervisor/journal.h": HEADER,
    "tests/fakes/fake.h": HEADER,
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    status = tidy.main(["--root", str(root), *options])
    return status, capsys.readouterr().out


def cmake(room: str, *sources: str) -> dict[str, str]:
    return {f"src/{room}/CMakeLists.txt": f"cattino_room({room} SOURCES {' '.join(sources)})\n"}


def source(room: str, text: str, name: str = "x.cc") -> dict[str, str]:
    return {f"src/{room}/{name}": "// Role.\n" + text, **cmake(room, name)}


BREACHES = [
    (source("sys", '#include "core/device.h"\n'), "src/sys/x.cc:2: sys may not include"),
    (source("devices", '#include "core/task.h"\n') | {"src/core/task.h": HEADER}, "devices may not include"),
    (source("engine", '#include "supervisor/journal.h"\n'), "engine may not include"),
    (source("sys", '#include "base/gone.h"\n'), "there is no src/base/gone.h"),
    (source("sys", '#include "local.h"\n'), '"local.h" is not in a room'),
    (source("sys", '#include "fakes/fake.h"\n'), '"fakes/fake.h" is not in a room'),
    (source("nowhere", ""), "room nowhere is not in the table"),
    (source("core", "#include <chrono>\n"), "<chrono> in core"),
    ({"src/sys/x.h": "// Role.\n"}, "a header without `#pragma once`"),
    ({"src/sys/x.h": "#pragma once\n"}, "no role"),
    ({"src/sys/x.h": HEADER + "//\n" * 600}, "src/sys/x.h:601: 602 lines, 600 at most"),
    ({"tools/x.py": "#\n" * 601}, "tools/x.py:601: 601 lines"),
    (source("sys", "\nvoid f() { std::this_thread::sleep_for(s); }\n"), "src/sys/x.cc:3: sleeping blocks"),
    (source("sys", "void f() { usleep(5); }\n"), "src/sys/x.cc:2: sleeping blocks"),
    (source("sys", 'int f() { return system("ls"); }\n'), "system() runs a shell"),
    (source("sys", 'auto* f() { return getenv("HOME"); }\n'), "getenv outside a main"),
    (source("cli", 'auto* f() { return getenv("HOME"); }\n'), "getenv outside a main"),
    (source("core", "std::unordered_map<int, int> m;\n"), "iteration over unordered"),
    (source("core", "double d = 0;\n"), "no floating point"),
    (source("sys", "using namespace std;\n"), "`using namespace`"),
    (source("sys", "// TODO\n"), "TODO without a reason"),
    (source("sys", "// FIXME later\n"), "FIXME"),
    (source("sys", "int x; \n"), "src/sys/x.cc:2: trailing space"),
    ({"src/base/b_test.cc": "// Role.\n"}, "src/base/b_test.cc:1: a test that never runs"),
    ({"src/base/b.cc": "// Role.\n"}, "a source never compiled"),
    ({"docs/a.md": "one\nsee /wo" + "rk/main/x\n"}, "docs/a.md:2: a path of one machine"),
    ({"docs/a.md": "cd /ro" + "ot/x\n"}, "a path of one machine"),
    ({"docs/a.md": "farm" + "-bench\n"}, "a word of somebody's workplace"),
    ({"a.toml": "# from pypi" + ".org\n"}, "the host of a package registry"),
    ({"docs/a.md": "as iss" + "ue #12 says\n"}, "the number of an issue"),
]  # fmt: skip


def test_a_good_tree_has_nothing_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, GOOD)
    status, output = run(tmp_path, capsys)
    assert (status, output) == (0, f"tidy: {len(GOOD)} files, nothing to mend\n")


@pytest.mark.parametrize(("files", "message"), BREACHES, ids=[message for _, message in BREACHES])
def test_a_breach_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], message: str
) -> None:
    write(tmp_path, GOOD | files)
    status, output = run(tmp_path, capsys)
    assert status == 1
    assert message in output
    assert output.endswith("tidy: 1 to mend\n"), output


ALLOWED = [
    source("devices", '#include "core/device.h"\n'),
    source("engine", '#include "supervisor/client.h"\n'),
    source("cli", 'int main() { return getenv("HOME") != nullptr; }\n'),
    source("settings", 'auto* f() { return getenv("HOME"); }\n'),
    source("sys", "// TODO: use the newer call once every kernel has it\n"),
    source("sys", "throw std::system_error(1, std::system_category());\n"),
    source("sys", '// using namespace std; is banned\nauto s = "system(x) using namespace";\n'),
    source("sys", 'auto s = R"(FIX ME; system(1) ")"; int n = 1\'000;\n'),
    source("sys", "void f() { loop.sleep(); }\n"),
    source("core", "// a double start is impossible\n"),
    source("core", '#include "fakes/fake.h"\n', "x_test.cc"),
    {"src/sys/test_directory.h": HEADER + 'auto* f() { return getenv("TMPDIR"); }\n'}
    | source("settings", '#include "sys/test_directory.h"\n', "x_test.cc"),
    {"docs/a.md": "a table\n| a |  \n~/work/x and ${dir}/work/x\n"},
]


@pytest.mark.parametrize("files", ALLOWED, ids=[str(n) for n in range(len(ALLOWED))])
def test_what_is_allowed_is_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    write(tmp_path, GOOD | files)
    status, output = run(tmp_path, capsys)
    assert status == 0, output


def test_an_include_cycle_is_told_once_as_a_ring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ring = {f"src/sys/{a}.h": HEADER + f'#include "sys/{b}.h"\n' for a, b in ("ab", "bc", "ca")}
    write(tmp_path, GOOD | ring)
    status, output = run(tmp_path, capsys)
    assert status == 1
    assert "include cycle sys/a.h -> sys/b.h -> sys/c.h -> sys/a.h" in output
    assert output.count("cycle") == 1


def test_a_header_that_does_not_compile_alone_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, GOOD | {"src/sys/x.h": HEADER + "std::string text();\n"})
    status, output = run(tmp_path, capsys, "--headers")
    assert status == 1
    assert "src/sys/x.h:1: does not compile alone" in output
    assert output.endswith("tidy: 1 to mend\n")


def test_stripping_keeps_lines_and_leaves_code() -> None:
    text = 'a /* b\nc */ d // e\n"f\\"g" h \'"\' i R"x(j\n)y)x" k 1\'000\'000 l\n'
    stripped = strip_code(text)
    assert stripped.count("\n") == text.count("\n")
    assert [c for c in "abcdefghijkl" if c in stripped] == ["a", "d", "h", "i", "k", "l"]
