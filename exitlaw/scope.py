"""Where the facts of a derivation hold: intervals that its checks assumed, and who may use them.

A check under `given` intervals establishes its relation there only. What is put for such a symbol
must lie in the interval, an integral over it must stay inside, and where the last step assumes one,
the claim's own domain must admit no value outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from exitlaw.claim import Domain, LimitStatement, Statement
from exitlaw.positivity import proves_at_least_zero, within

Scope = tuple[sympy.Symbol, sympy.Expr, sympy.Expr]
"""A symbol with the ends of the interval for which a fact was shown."""


def assumed(check: Any, relation: Statement) -> list[Scope]:
    """The intervals that a check assumes for symbols of the relation it establishes."""
    given: Any = getattr(check, "given", None)
    if not isinstance(given, Mapping):
        return []
    occurring = relation.lhs.free_symbols | relation.rhs.free_symbols
    return [
        (symbol, sympy.sympify(low), sympy.sympify(high))
        for symbol, (low, high) in given.items()
        if symbol in occurring
    ]


def left(check: Any, scopes: Iterable[Scope]) -> str | None:
    """How a check takes an earlier fact outside the interval for which it was shown, or None."""
    mapping: Any = getattr(check, "mapping", {}) if hasattr(check, "source") else {}
    limits: Any = getattr(check, "limits", ()) if getattr(check, "requires", tuple)() else ()
    for symbol, low, high in scopes:
        if symbol in mapping and not _inside(mapping[symbol], low, high):
            return f"{mapping[symbol]} was not shown to lie in ({low}, {high})"
        if limits and limits[0] == symbol and not within(limits[1], limits[2], (low, high)):
            return f"the fact was shown for {symbol} in ({low}, {high}) only"
    return None


def _inside(value: sympy.Expr, low: sympy.Expr, high: sympy.Expr) -> bool:
    if isinstance(value, sympy.atan) and value.args[0].is_extended_real:
        return within(-sympy.pi / 2, sympy.pi / 2, (low, high))
    above = low == -sympy.oo or proves_at_least_zero(value - low, strict=True)
    return above and (high == sympy.oo or proves_at_least_zero(high - value, strict=True))


def beyond(statement: Statement, domain: Domain, scopes: Iterable[Scope]) -> str | None:
    """An interval that the derivation assumed and the claim's domain does not grant, or None.

    An end may be granted by the symbol's assumptions, its range or a constraint of the domain; a
    limit's own variable only has to come near its end.
    """
    occurring = statement.lhs.free_symbols | statement.rhs.free_symbols
    for symbol, low, high in scopes:
        if symbol not in occurring:
            continue
        if isinstance(statement, LimitStatement) and statement.variable == symbol:
            if statement.to in (low, high):
                continue
            return f"{symbol} in ({low}, {high}) does not reach {statement.to}"
        for gap, end in ((symbol - low, low), (high - symbol, high)):
            if end.is_infinite or _granted(gap, symbol, domain):
                continue
            return f"the derivation needs {gap} > 0, which the domain does not say"
    return None


def _granted(gap: sympy.Expr, symbol: sympy.Symbol, domain: Domain) -> bool:
    if proves_at_least_zero(gap):
        return True
    known: Any = domain.ranges.get(symbol)
    if known is not None:
        ends = known.values or (known.low, known.high)
        values: list[Any] = [gap.subs(symbol, sympy.sympify(end)) for end in ends]
        if all(proves_at_least_zero(value) for value in values):
            return True
    return any(
        proves_at_least_zero(gap - (part.gts - part.lts))  # type: ignore[attr-defined]
        for constraint in domain.constraints
        for part in sympy.And.make_args(constraint)
        if isinstance(part, sympy.Gt | sympy.Lt | sympy.Ge | sympy.Le)
    )
