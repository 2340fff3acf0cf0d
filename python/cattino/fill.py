"""`python -m cattino.fill MEOW ARGS…`: becomes `MEOW ARGS…` with the resolvers in ARGS filled in.

A command line is expanded here, in the user's own process: the backend evaluates nothing.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from cattino.errors import CattinoError
from cattino.head import handed_on
from cattino.magics import Magics

REFUSED = 2


def main(words: list[str]) -> NoReturn:
    program, *arguments = words
    try:
        filled = [Magics.fill(argument) for argument in arguments]
    except CattinoError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    os.execve(program, [program, *filled], {**handed_on(), "CATTINO_FILLED": "1"})


if __name__ == "__main__":
    main(sys.argv[1:])
