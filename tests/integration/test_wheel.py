"""The programs run on machines other than that which built them."""

from __future__ import annotations

import shutil
import sys

import pytest
from conftest import BIN, ROOT

sys.path.insert(0, str(ROOT / "tools"))
import check_wheel


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
def test_the_programs_need_an_old_glibc_and_no_other_library() -> None:
    if not (BIN / "meow").exists() or check_wheel.is_sanitized(BIN / "meow"):
        pytest.skip(f"{BIN} holds no release build: run it with CATTINO_BIN=build/release/bin")
    assert check_wheel.check(BIN) == []
