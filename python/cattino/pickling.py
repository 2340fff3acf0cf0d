"""Pickles the objects whose hooks or functions are called in another process."""

from __future__ import annotations

import io
import pickle
import sys
from types import ModuleType
from typing import Any, Optional

from cattino.errors import CattinoError


def pickle_objects(objects: list[Any]) -> bytes:
    """One pickle of the list, so that what objects share stays shared. What was defined in the script
    itself goes by value."""
    try:
        return _dump(objects)
    except Exception as error:
        culprit, reason = _find_culprit(objects, error)
        raise CattinoError(
            f"{culprit!r} cannot be sent to the process that runs its hooks or function: {reason}",
            hint="keep open files, locks and connections out of its attributes; open them in the hook",
        ) from error


def _dump(value: Any) -> bytes:
    module = _cloudpickle()
    if module is not None:
        dumped: bytes = module.dumps(value, protocol=pickle.DEFAULT_PROTOCOL)
        return dumped
    _refuse_main(value)
    return pickle.dumps(value)


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
    """The first object that cannot be pickled alone, and the attribute that is to blame."""
    for found in objects:
        try:
            _dump(found)
        except Exception as own:
            for name, value in vars(found).items():
                if name.startswith("_") and name != "_func":
                    continue
                try:
                    _dump(value)
                except Exception as inner:
                    what = "its function" if name == "_func" else f"its attribute {name!r}"
                    return found, f"{what}: {inner}"
            return found, str(own)
    return objects[0], str(error)
