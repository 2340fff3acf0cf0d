"""Magic strings: `${task_name}` and `${eval: '1+2'}` in commands."""

from __future__ import annotations

import ast
import re
from typing import Any, Callable, ClassVar, Optional

from cattino.errors import CattinoError, did_you_mean

_begin = re.compile(r"\$\{\s*([A-Za-z_]\w*)\s*([:}])")


class Magics:
    """Resolves magic strings in this process; the backend fills in plain names only, and evaluates
    nothing. What is no magic (`${HOME}`, `${x:-default}`) is left to the shell.

        Magics.register_new_resolver("add", lambda x, y: int(x) + int(y))
        ProcTask("python train.py --epochs ${add: 10, 5} --out ${run_dir}/${task_name}")

    `${eval: '1+2'}` is a resolver that is there already. `names` are those that the backend fills in when the
    task starts. What goes wrong raises CattinoError.
    """

    #: what the backend fills in when the task starts
    names: ClassVar[tuple[str, ...]] = ("task_name", "fullname", "run_dir", "fullpath")
    _resolvers: ClassVar[dict[str, Callable[..., Any]]] = {}
    _constants: ClassVar[dict[str, str]] = {}

    @classmethod
    def register_new_resolver(cls, name: str, resolver: Callable[..., Any]) -> None:
        """`${name: a, b}` becomes what `resolver("a", "b")` returns, as text, when the task is submitted."""
        if not callable(resolver):
            raise CattinoError(f"register_new_resolver: expected a function, got {resolver!r}")
        cls._resolvers[_checked(name, cls.names, "resolver")] = resolver

    @classmethod
    def register_new_constant(cls, name: str, value: Any) -> None:
        """`${name}` becomes `value`, which may hold magics itself."""
        cls._constants[_checked(name, cls.names, "constant")] = str(value)

    @classmethod
    def resolve(cls, text: str, **variables: Any) -> str:
        """`text` with all that is known filled in: resolvers, constants and `variables`."""
        return _Resolution(cls._resolvers, cls._constants, variables, ()).fill(text, 0)

    @classmethod
    def fill(cls, text: str, **variables: str) -> str:
        """`text` as for a submission: plain names stay for the backend, except inside a resolver, where those
        that are known already, as `variables`, are filled in."""
        return _Resolution(cls._resolvers, cls._constants, variables, cls.names).fill(text, 0)


def _checked(name: str, taken: tuple[str, ...], what: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise CattinoError(f"{name!r} is no name for a {what}: use letters, digits and _")
    if name in taken:
        raise CattinoError(f"{name!r} is filled in by the backend: choose another name for the {what}")
    return name


class _Resolution:
    """One text being resolved. `kept` are the names that stay at the outer level."""

    def __init__(
        self,
        resolvers: dict[str, Callable[..., Any]],
        constants: dict[str, str],
        variables: dict[str, Any],
        kept: tuple[str, ...],
    ) -> None:
        self._resolvers = resolvers
        self._constants = constants
        self._variables = variables
        self._kept = kept

    def fill(self, text: str, depth: int) -> str:
        if depth > 20:
            raise CattinoError(f"magics are nested too deeply: {text[:60]!r}")
        done = []
        at = 0
        while True:
            match = _begin.search(text, at)
            if match is None:
                break
            done.append(text[at : match.start()])
            name = match[1]
            if match[2] == "}":
                done.append(self._plain(name, match[0], depth))
                at = match.end()
            elif name in self._resolvers:
                end = _end(text, match.end())
                done.append(self._call(name, text[match.end() : end], depth))
                at = end + 1
            else:
                done.append(match[0])  # of the shell: ${x:-y}
                at = match.end()
        done.append(text[at:])
        return "".join(done)

    def _plain(self, name: str, written: str, depth: int) -> str:
        if depth == 0 and name in self._kept:
            return f"${{{name}}}"
        if name in self._variables:
            return str(self._variables[name])
        if name == "fullpath" and "fullname" in self._variables:
            return str(self._variables["fullname"])  # as a path
        if name in self._constants:
            return self.fill(self._constants[name], depth + 1)
        if name in self._kept:
            raise CattinoError(
                f"{written} is known only when the task starts, so no resolver can use it",
                hint="use it outside the resolver",
            )
        return written

    def _call(self, name: str, inside: str, depth: int) -> str:
        filled = self.fill(inside, depth + 1)
        arguments = [filled.strip()] if name == "eval" else _arguments(filled)
        try:
            return str(self._resolvers[name](*(_unquoted(argument) for argument in arguments)))
        except Exception as error:
            raise CattinoError(
                f"${{{name}:{inside}}}: {type(error).__name__}: {error}", hint=_hint(error)
            ) from error


def _hint(error: Exception) -> Optional[str]:
    name = getattr(error, "name", None)
    return did_you_mean(name, Magics.names) if isinstance(error, NameError) and name else None


def _scan(text: str, at: int, stop: str) -> int:
    """The next character of `stop` outside quotes and brackets, or the end."""
    depth = 0
    while at < len(text):
        c = text[at]
        if c in "'\"":
            closing = text.find(c, at + 1)
            at = closing if closing >= 0 else at
        elif depth == 0 and c in stop:
            return at
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        at += 1
    return at


def _end(text: str, at: int) -> int:
    end = _scan(text, at, "}")
    if end == len(text):
        raise CattinoError(
            f"a magic is not closed: {text[max(0, at - 20) :]!r}", hint="write ${name: arguments}"
        )
    return end


def _arguments(text: str) -> list[str]:
    found = []
    at = 0
    while text.strip():
        end = _scan(text, at, ",")
        found.append(text[at:end].strip())
        if end == len(text):
            break
        at = end + 1
    return found


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return value if isinstance(value, str) else text
    return text


def _eval(expression: str) -> Any:
    return eval(expression, {})  # what the user wrote, in the user's own process


Magics.register_new_resolver("eval", _eval)
