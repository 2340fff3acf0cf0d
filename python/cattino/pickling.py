"""Pickles the objects whose hooks or functions are called in another process."""

from __future__ import annotations

import io
import pickle
import sys
from collections import ChainMap
from types import CodeType, ModuleType
from typing import Any, Optional

from cattino.errors import CattinoError
from cattino.notebook import cell_of


def pickle_objects(objects: list[Any]) -> bytes:
    """One pickle of the list, so that what objects share stays shared. What was defined in the script
    itself goes by value."""
    try:
        return _dump(objects)
    except Exception as error:
        from cattino.tracebacks import users_part

        culprit, reason = _find_culprit(objects, error)
        users = users_part(error.__traceback__, but=("cloudpickle", "pickle"))
        raise CattinoError(
            f"{culprit!r} cannot be sent to the process that runs its hooks or function: {reason}",
            hint="keep open files, locks and connections out of it; open them in the hook or the function",
        ) from (error.with_traceback(users) if users else None)


def _dump(value: Any) -> bytes:
    module = _cloudpickle()
    if module is not None:
        return by_value(module, value)
    _refuse_main(value)
    return pickle.dumps(value)


def by_value(cloudpickle: ModuleType, value: Any) -> bytes:
    """cloudpickle.dumps, but code keeps the name of its file: tracebacks show the lines of the script, or
    name the cell of the notebook. cloudpickle 3.1.3 puts "<dynamic-code>" in its place."""
    reduce_code = getattr(cloudpickle.cloudpickle, "_code_reduce", None)
    table = getattr(cloudpickle.Pickler, "dispatch_table", None)
    if reduce_code is None or table is None:
        dumped: bytes = cloudpickle.dumps(value, protocol=pickle.DEFAULT_PROTOCOL)
        return dumped

    def with_its_file(code: CodeType) -> tuple[Any, ...]:
        make, arguments = reduce_code(code)
        file = cell_of(code.co_filename) or code.co_filename
        return make, tuple(file if a in ("<dynamic-code>", code.co_filename) else a for a in arguments)

    table = ChainMap({CodeType: with_its_file}, table)
    pickler = type("Pickler", (cloudpickle.Pickler,), {"dispatch_table": table})
    stream = io.BytesIO()
    pickler(stream, protocol=pickle.DEFAULT_PROTOCOL).dump(value)
    return stream.getvalue()


def _cloudpickle() -> Optional[ModuleType]:
    try:
        import cloudpickle
    except ImportError:
        return None
    module: ModuleType = cloudpickle
    return module


def _refuse_main(value: Any) -> None:
    """Without cloudpickle, what the script defines cannot be found again by another process."""

    class Watch(pickle.Pickler):
        def persistent_id(self, found: Any) -> None:
            if getattr(found, "__module__", None) == "__main__":
                name = getattr(found, "__qualname__", type(found).__qualname__)
                raise CattinoError(
                    f"{name} is defined in the script itself, which takes the package cloudpickle",
                    hint=f"{sys.executable} -m pip install cloudpickle; or move {name} to a module",
                )

    Watch(io.BytesIO()).dump(value)


def _find_culprit(objects: list[Any], error: Exception) -> tuple[Any, str]:
    """The first object that cannot be pickled alone, and what in it is to blame."""
    from cattino.culprits import Search

    for found in objects:
        try:
            _dump(found)
        except CattinoError as own:  # it says what is missing
            return found, str(own)
        except Exception as own:
            return found, Search(_dump).describe(found, own)
    return objects[0], str(error)
