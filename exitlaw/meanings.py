"""What names mean in a derivation: one meaning each, and no hidden dependence is overlooked.

A name (a symbol or an applied undefined function) is given its meaning by a `Definition`, or comes
with the meaning that a lemma's own derivation gives it. A symbol in the meaning that the name does
not show is hidden: a step that moves that symbol (a limit, a derivative, an integral over it, a
value put for it) must not meet the name, which would look like a constant there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef, UndefinedFunction

from exitlaw.relations import broken_assumption, same

MOVED = ("variable", "old", "new", "small", "rate", "base", "mirror")
"""Fields of a check that name a symbol which the check moves or binds."""
INTERVALS = ("limits", "inner", "outer")
"""Fields whose first entry is a variable of integration."""


class Meanings:
    """The names of a derivation with what they stand for."""

    def __init__(self) -> None:
        self.known: dict[sympy.Expr, sympy.Expr] = {}

    def conflict(self, check: Any) -> str | None:
        """How a check would give a name a second meaning or move a hidden symbol, or None."""
        mapping = getattr(check, "mapping", {})
        for name in mapping if hasattr(check, "source") else {}:
            if self._meaning(name) is not None:
                return f"{name} has a meaning here: only what is unknown may be replaced"
        for name, value in mapping.items():
            broken = broken_assumption(name, self.expanded(sympy.sympify(value)))
            if isinstance(name, sympy.Symbol) and broken == "real":
                return f"{name} is real, which was not shown of what {value} stands for"
        rough = getattr(check, "rough", lambda expanded: None)(self.expanded)
        if rough is not None:
            return f"a name stands for what may be rough: {rough}"
        fixed: Any = {
            c.lhs: c.rhs for c in getattr(check, "carries", tuple)() if isinstance(c, sympy.Eq)
        }
        for name, meaning in _meanings_of(check).items():
            known = self._meaning(name)
            if known is not None and not same(known.subs(fixed), meaning.subs(fixed)):
                return f"{name} means {known} here, in the lemma {meaning}"
        moved = moved_by(check)
        for name in _names_in(check):
            caught = self._hidden(name) & moved
            if caught:
                return f"{name} stands for what depends on {caught.pop()}, which this step moves"
        return None

    def expanded(self, expression: Any) -> Any:
        """The expression with every name replaced by its meaning, also inside the meanings."""
        for _ in range(len(self.known) + 1):
            known: Any = {name: self._meaning(name) for name in _names(expression)}
            mapping = {name: meaning for name, meaning in known.items() if meaning is not None}
            if not mapping:
                break
            expression = expression.xreplace(mapping)
        return expression

    def learn(self, check: Any) -> None:
        """Keep the meanings that a check gives."""
        self.known.update(_meanings_of(check))

    def _meaning(self, name: Any) -> Any:
        """What is known of a name; a function's meaning at its own arguments."""
        if name in self.known:
            return self.known[name]
        head = name if isinstance(name, UndefinedFunction) else getattr(name, "func", None)
        for other, meaning in self.known.items():
            if not isinstance(other, AppliedUndef) or other.func != head:
                continue
            if not isinstance(name, AppliedUndef):
                return meaning
            if all(isinstance(part, sympy.Symbol) for part in other.args):
                return meaning.subs(list(zip(other.args, name.args, strict=False)))
            return meaning
        return None

    def _hidden(self, name: Any) -> set[Basic]:
        """Symbols that the meaning contains and the name does not show."""
        meaning = self._meaning(name)
        if meaning is None:
            return set()
        inside = set(meaning.free_symbols)
        for part in _names(meaning):
            if part != name:
                inside |= self._hidden(part)
        shown = set().union(*(a.free_symbols for a in name.args)) if name.args else {name}
        return inside - shown


def _meanings_of(check: Any) -> dict[sympy.Expr, sympy.Expr]:
    given = getattr(check, "meanings", None)
    return {} if given is None else given()


def moved_by(check: Any) -> set[Any]:
    """Symbols that a check moves, binds or replaces."""
    moved: set[Any] = set()
    for name in MOVED:
        value = getattr(check, name, None)
        if isinstance(value, sympy.Symbol):
            moved.add(value)
    for name in INTERVALS:
        value = getattr(check, name, ())
        if isinstance(value, tuple) and value and isinstance(value[0], sympy.Symbol):
            moved.add(value[0])
    for statement in check.establishes():
        variable = getattr(statement, "variable", None)
        if variable is not None:
            moved.add(variable)
    if hasattr(check, "source"):
        moved |= {key for key in getattr(check, "mapping", {}) if isinstance(key, sympy.Symbol)}
    return moved


def parts_of(value: Any) -> Iterator[Basic]:
    """Every expression in a check or statement, whatever holds it."""
    if isinstance(value, Basic):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from parts_of(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts_of(key)
            yield from parts_of(item)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for item in value:
            yield from parts_of(item)


def _names(expression: Basic) -> set[Any]:
    return expression.atoms(AppliedUndef) | expression.free_symbols


def _names_in(check: Any) -> set[Any]:
    return {name for part in parts_of(check) for name in _names(part)}
