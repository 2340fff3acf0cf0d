"""`python -m cattino.host`, as the supervisor starts it."""

from __future__ import annotations

import asyncio
import sys

from cattino.host.server import Host, Places


def main() -> int:
    try:
        places = Places.from_environment()
    except KeyError as error:
        print(f"cattino.host is started by the backend: {error.args[0]} is not set", file=sys.stderr)
        return 2
    return asyncio.run(Host(places).serve())


if __name__ == "__main__":
    sys.exit(main())
