"""`python -m cattino.create SCRIPT ARGS…`: runs a script and submits what it exported.

Exit status: 0 submitted, 2 nothing was (and stderr says why), 3 the backend said no, or the script's
own status if it ended with one.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from types import ModuleType

from cattino.errors import CattinoError
from cattino.exporting import Collector, Export
from cattino.tracebacks import place_of, user_traceback

USAGE = "usage: python -m cattino.create [--json | --quiet] SCRIPT [ARGS…]"
REFUSED = 2
NO_BACKEND = 3


def main(arguments: list[str]) -> int:
    options = []
    while arguments and arguments[0].startswith("-"):
        options.append(arguments.pop(0))
    unknown = [option for option in options if option not in ("--json", "--quiet", "--")]
    if unknown or not arguments:
        return _complain(f"unknown option {unknown[0]}; {USAGE}" if unknown else USAGE)
    script, *rest = arguments
    Collector.work = []
    status = run_script(script, rest)
    exports, Collector.work = Collector.work, None
    if status != 0:
        return status
    if not exports:
        return _complain(f"{script}: nothing was exported: end it with cattino.export(task)")
    return _submit(script, exports, options)


def run_script(path: str, arguments: list[str]) -> int:
    """Runs it as __main__; 0, or the status to leave with. The module stays in place, so that what it
    defines can be pickled."""
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    except OSError as error:
        return _complain(f"{path}: {error.strerror}")
    except (SyntaxError, ValueError) as error:
        return _complain_of_syntax(path, error)
    module = ModuleType("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    gc.set_threshold(100_000, 50, 100)  # a script that makes many tasks keeps them all
    try:
        exec(code, module.__dict__)
    except SystemExit as leaving:
        return _status_of(leaving)
    except KeyboardInterrupt:
        return _complain(f"{path}: interrupted; nothing was submitted", 130)
    except CattinoError as error:
        return _complain(f"{place_of(error.__traceback__, path)}: {error}")
    except BaseException as error:
        sys.stderr.write(user_traceback(error))
        return _complain(f"{path} raised {type(error).__name__}; nothing was submitted")
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    return 0


def _submit(script: str, exports: list[Export], options: list[str]) -> int:
    from cattino.submit import submit

    try:
        answer = submit(exports, os.path.basename(script))
    except CattinoError as error:
        if error.status is None:
            return _complain(f"{exports[-1].place}: {error}")
        return _complain(f"{script}: {error}", REFUSED if error.status < 500 else NO_BACKEND)
    except OSError as error:
        return _complain(f"the backend went away: {error.strerror or error}", NO_BACKEND)
    if "--json" in options:
        print(json.dumps(answer))
    elif "--quiet" not in options:
        from cattino.created import created_text

        print(created_text(answer))
    return 0


def _status_of(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    return _complain(str(leaving.code), 1)


def _complain(text: str, status: int = REFUSED) -> int:
    print(text, file=sys.stderr, flush=True)
    return status


def _complain_of_syntax(path: str, error: Exception) -> int:
    import traceback

    sys.stderr.write("".join(traceback.format_exception_only(type(error), error)))
    return _complain(f"{path} is not valid Python; nothing was submitted")


if __name__ == "__main__":
    # The script takes the name __main__; what it does must find this module's functions all the same.
    from cattino.create import main as _main

    sys.exit(_main(sys.argv[1:]))
