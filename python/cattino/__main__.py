"""`python -m cattino …` is `meow …`."""

from __future__ import annotations

import os
import sys

from cattino.backend import find_meow


def main() -> int:
    meow = find_meow()
    if meow is None:
        print("the program meow was not found: set CATTINO_MEOW to its path", file=sys.stderr)
        return 127
    return os.execv(meow, [meow, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
