"""docs/reference.md is what the program says of itself."""

from __future__ import annotations

import re
import subprocess

from conftest import BIN, ROOT

from cattino.preferences import DEFAULTS


def test_the_reference_is_what_the_program_prints() -> None:
    printed = subprocess.run(
        [str(BIN / "meow"), "__reference"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == printed, "run tools/reference.sh"


def test_python_knows_every_setting() -> None:
    section = (ROOT / "docs" / "reference.md").read_text().split("## Settings")[1].split("\n## ")[0]
    assert list(DEFAULTS) == re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
