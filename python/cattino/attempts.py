"""The files that an attempt of a task leaves beside its logs."""

from __future__ import annotations

import os


def path_of(directory: str, stem: str, attempt: int, extension: str) -> str:
    """`stem.extension`; of attempt n > 1 `stem.n.extension`."""
    name = f"{stem}.{extension}" if attempt <= 1 else f"{stem}.{attempt}.{extension}"
    return os.path.join(directory, name)


def write_whole(path: str, content: bytes) -> None:
    """So that a reader sees all of it or nothing. Raises OSError."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
