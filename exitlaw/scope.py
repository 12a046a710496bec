"""Where the facts of a derivation hold: the conditions that its checks assume.

A check under `given` intervals establishes its relation there only, and so does everything that is
derived from it. A condition is discharged where what is put for its symbol is shown to satisfy it,
where the symbol is integrated over such values, where a limit takes the symbol to them, or by the
claim's domain. What is left when the derivation ends, the domain has to grant.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.basic import Basic
from sympy.core.relational import Relational

from exitlaw.claim import Domain, LimitStatement, Range
from exitlaw.positivity import proves_at_least_zero, proves_condition, within

MAX_COMBINED = 3
"""Known inequalities that are added up at most to imply another one."""

MULTIPLES = (sympy.S.One, sympy.S.Half, sympy.Integer(2))
"""Factors that a known inequality is tried with."""


@dataclass(frozen=True)
class Condition:
    """`holds` is needed wherever all of `premises` are true."""

    holds: Basic
    premises: tuple[Basic, ...] = ()

    def __str__(self) -> str:
        if not self.premises:
            return str(self.holds)
        return f"{self.holds} where {' and '.join(map(str, self.premises))}"


def assumed(check: Any) -> tuple[Condition, ...]:
    """The conditions that a check assumes: its `given` intervals, and what it carries over."""
    given: Any = getattr(check, "given", None)
    relations: list[Basic] = []
    if isinstance(given, Mapping):
        for symbol, (low, high) in given.items():
            relations += [sympy.Gt(symbol, low), sympy.Lt(symbol, high)]
    relations += getattr(check, "carries", tuple)()
    return tuple(Condition(relation) for relation in relations if relation is not sympy.true)


def inherited(check: Any, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions of the facts that a check uses, as conditions of what it establishes.

    Raises
    ------
    ValueError : the check takes a fact to values for which it was not shown.
    """
    kept = tuple(dict.fromkeys(conditions))
    upward: Any = getattr(check, "upward", None)
    for condition in kept if upward is not None else ():
        if upward in condition.holds.free_symbols and not _holds_above(condition, upward):
            raise ValueError(f"{condition} is not kept on the way to oo")
    along: Any = getattr(check, "along", None)
    if along is not None and any(along in _symbols_of(condition) for condition in kept):
        raise ValueError(f"a fact is used at values of {along} for which it was not shown")
    mirror: Any = getattr(check, "mirror", None)
    if mirror is not None:
        ends = (mirror, sympy.S.Zero, check.limits[2])
        kept = tuple(c for c in kept if not _discharged_by_integration(c, ends))
    mapping: Any = getattr(check, "mapping", {}) if hasattr(check, "source") else {}
    limits: Any = getattr(check, "limits", ()) if getattr(check, "requires", tuple)() else ()
    if mapping:
        kept = tuple(c for c in kept if not _discharged_by_value(c, mapping))
    if limits and isinstance(limits[0], sympy.Symbol):
        kept = tuple(c for c in kept if not _discharged_by_integration(c, limits))
    return kept


def _symbols_of(condition: Condition) -> set[Any]:
    return set().union(*(p.free_symbols for p in (condition.holds, *condition.premises)))


def _holds_above(condition: Condition, variable: Any) -> bool:
    """Whether a condition that holds at a value of the variable holds at all larger ones."""
    relation: Any = condition.holds
    if condition.premises or not isinstance(relation, sympy.Gt | sympy.Lt | sympy.Ge | sympy.Le):
        return False
    gap: Any = relation.gts - relation.lts  # type: ignore[operator]
    return proves_at_least_zero(sympy.diff(gap, variable))


def _discharged_by_value(condition: Condition, mapping: Mapping[Any, Any]) -> bool:
    moved = condition.holds.free_symbols & set(mapping)
    if not moved:
        return False
    instance: Any = condition.holds.subs(dict(mapping), simultaneous=True)
    if condition.premises or not (proves_condition(instance) or _is_an_angle(instance)):
        raise ValueError(f"{instance} was not shown, which the fact needs: {condition}")
    return True


def _is_an_angle(condition: Any) -> bool:
    """-pi/2 < atan(x) < pi/2, the one bounded function that content needs."""
    if not isinstance(condition, sympy.Gt | sympy.Lt):
        return False
    for angle, end in ((condition.gts, condition.lts), (condition.lts, condition.gts)):
        if isinstance(angle, sympy.atan) and angle.args[0].is_extended_real and end.is_number:
            low = angle is condition.gts
            return within(-sympy.pi / 2, sympy.pi / 2, (end, sympy.oo) if low else (-sympy.oo, end))
    return False


def _discharged_by_integration(condition: Condition, limits: Sequence[Any]) -> bool:
    variable, *ends = limits
    if variable not in condition.holds.free_symbols or len(ends) != 2:
        return False
    if condition.premises or not proves_condition(condition.holds, {variable: tuple(ends)}):
        raise ValueError(f"the fact was shown for {condition} only, not on ({ends[0]}, {ends[1]})")
    return True


def near_the_limit(
    statement: LimitStatement, conditions: Iterable[Condition]
) -> tuple[Condition, ...]:
    """Conditions of a limit that are not about its own variable.

    Raises
    ------
    ValueError : its variable does not come near the limit under the conditions.
    """
    kept = []
    for condition in conditions:
        if statement.variable not in condition.holds.free_symbols:
            kept.append(condition)
        elif condition.premises or not _reaches(condition.holds, statement):
            raise ValueError(f"{condition} does not reach {statement.to}")
    return tuple(kept)


def _reaches(condition: Any, statement: LimitStatement) -> bool:
    """Whether `variable` > low or < high holds near the limit, from every side it may take."""
    variable, to = statement.variable, sympy.sympify(statement.to)
    if not isinstance(condition, sympy.Gt | sympy.Lt | sympy.Ge | sympy.Le):
        return False
    gap: Any = sympy.expand(condition.gts - condition.lts)  # type: ignore[operator]
    slope = gap.coeff(variable)
    if slope not in (1, -1) or (gap - slope * variable).has(variable):
        return False
    if to.is_infinite:
        return to == slope * sympy.oo
    value = gap.subs(variable, to)
    if proves_at_least_zero(value, strict=True):
        return True
    side = (variable - to).is_positive if slope == 1 else (to - variable).is_positive
    return bool(side) and value == 0


def under(premises: Iterable[Basic], conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions that are needed in one case only, given what is known in that case.

    What the premises alone imply is discharged.
    """
    known = tuple(premises)
    return tuple(
        Condition(c.holds, (*known, *c.premises))
        for c in conditions
        if not _implied(c.holds, (*known, *c.premises), Domain())
    )


def beyond(conditions: Iterable[Condition], domain: Domain) -> str | None:
    """A condition that the derivation assumed and the claim's domain does not grant, or None.

    It is granted by the symbols' assumptions, the domain's constraints and listed values. A range
    grants nothing: it says where evidence is taken.
    """
    stated = [one for part in domain.constraints for one in sympy.And.make_args(part)]
    known = [gap for one in stated if (gap := _gap(one)) is not None]
    if sympy.false in stated or _follows_from(sympy.S.Zero, True, known):
        return "no point satisfies the constraints of the domain"
    for condition in conditions:
        if condition.holds in stated:
            continue
        if not _implied(condition.holds, condition.premises, domain):
            return f"the derivation needs {condition}, which the domain does not say"
    return None


def _implied(goal: Any, premises: tuple[Basic, ...], domain: Domain) -> bool:
    known = [p for c in (*domain.constraints, *premises) for p in sympy.And.make_args(c)]
    if sympy.false in known:
        return True
    fixed = _fixed_values(known, domain)
    if fixed:
        known = [part.subs(fixed) for part in known]
        goal = goal.subs(fixed)
    if goal in (sympy.true, sympy.false):
        return bool(goal)
    listed = [s for s in sorted(goal.free_symbols, key=str) if _values(domain, s)]
    if listed:
        symbol = listed[0]
        rest = Domain({s: r for s, r in domain.ranges.items() if s != symbol}, tuple(known))
        return all(
            _implied(
                goal.subs(symbol, value),
                (),
                Domain(rest.ranges, tuple(part.subs(symbol, value) for part in known)),
            )
            for value in _values(domain, symbol)
        )
    gaps = [gap for part in known if (gap := _gap(part)) is not None]
    if isinstance(goal, sympy.Eq):
        difference: Any = goal.lhs - goal.rhs  # type: ignore[operator]
        shown = all(_follows_from(sign * difference, False, gaps) for sign in (1, -1))
    else:
        wanted = _gap(goal)
        shown = wanted is not None and _follows_from(*wanted, gaps)
    # Where 0 > 0 follows, the case never occurs.
    return shown or _follows_from(sympy.S.Zero, True, gaps)


def _values(domain: Domain, symbol: Any) -> tuple[sympy.Expr, ...]:
    known: Range | None = domain.ranges.get(symbol)
    return () if known is None else known.values


def _fixed_values(known: Iterable[Basic], domain: Domain) -> dict[Any, Any]:
    """Symbols that a premise sets equal to a value, or that only one listed value is left to."""
    fixed: dict[Any, Any] = {}
    excluded: dict[Any, set[Any]] = {}
    for part in known:
        negated = part.args[0] if isinstance(part, sympy.Not) else None
        if isinstance(part, sympy.Eq) and isinstance(part.lhs, sympy.Symbol):
            fixed[part.lhs] = part.rhs
        elif isinstance(part, sympy.Ne) or isinstance(negated, sympy.Eq):
            left, right = (negated or part).args
            excluded.setdefault(left, set()).add(right)
    for symbol, values in excluded.items():
        left_over = [value for value in _values(domain, symbol) if value not in values]
        if len(left_over) == 1:
            fixed[symbol] = left_over[0]
    return fixed


def _gap(relation: Basic) -> tuple[Any, bool] | None:
    """What an inequality says is >= 0, and whether it is > 0."""
    if isinstance(relation, sympy.Not):
        relation = (
            relation.args[0].negated if isinstance(relation.args[0], Relational) else relation
        )
    if isinstance(relation, sympy.Gt | sympy.Lt | sympy.Ge | sympy.Le):
        gap: Any = relation.gts - relation.lts  # type: ignore[operator]
        return gap, isinstance(relation, sympy.Gt | sympy.Lt)
    return None


def _follows_from(gap: Any, strict: bool, known: Sequence[tuple[Any, bool]]) -> bool:
    """Whether the gap is a sum of known ones and something that is shown >= 0."""
    gap = sympy.expand(gap)
    # What shares no symbol with the gap, directly or through others, cannot help.
    near, symbols = [], set(gap.free_symbols)
    for _ in known:
        near = [part for part in known if not symbols or part[0].free_symbols & symbols]
        symbols = symbols.union(*(part[0].free_symbols for part in near))
    known = list(dict.fromkeys(near))
    for count in range(min(MAX_COMBINED, len(known)) + 1):
        for chosen in itertools.combinations(known, count):
            has_strict = any(part for _, part in chosen)
            for factors in itertools.product(MULTIPLES if count == 1 else MULTIPLES[:1],
                                             repeat=count):  # fmt: skip
                rest = gap - sum(f * part for f, (part, _) in zip(factors, chosen, strict=True))
                if proves_at_least_zero(sympy.expand(rest), strict=strict and not has_strict):
                    return True
    return False
