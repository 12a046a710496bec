"""Generated mutants: systematic small errors in the formula of a statement.

Over the expression tree: every rational constant ± 1/2, doubled, negated; every symbolic exponent
± 1/2; the sign of every term flipped, every term and every factor dropped; the whole doubled and
halved; theta and s replaced by 1 - theta and 1 - s; symbols `X_a` and `X_b` exchanged; for a
criterion, its direction reversed. Formulas that coincide are kept once; at most `MAX_GENERATED`
are kept, evenly spread over the tree. A bound gets none: a looser bound is no false statement, so
its mutants are named by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy
from sympy.core.basic import Basic
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair

from exitlaw.claim import Bound, LimitStatement, Mutant, Statement
from exitlaw.relations import is_zero
from exitlaw.series import SeriesError, limit_of

MAX_GENERATED = 40
"""Generated mutants per claim: each costs one evaluation of the formula, about 2 ms a point."""

HALF = sympy.Rational(1, 2)
REVERSED = {
    sympy.StrictGreaterThan: sympy.StrictLessThan,
    sympy.StrictLessThan: sympy.StrictGreaterThan,
    sympy.GreaterThan: sympy.LessThan,
    sympy.LessThan: sympy.GreaterThan,
}


def generate(statement: Statement) -> tuple[Mutant, ...]:
    """The generated mutants of a statement, deterministic in the statement alone."""
    if isinstance(statement, Bound):
        return ()
    formula = statement.rhs
    seen: set[Basic] = {formula}
    found: list[Mutant] = []
    names: dict[str, int] = {}
    for name, changed in (*_whole(formula), *_inside(formula)):
        if changed in seen or not _is_a_formula(changed, formula):
            continue
        seen.add(changed)
        names[name] = names.get(name, 0) + 1
        unique = name if names[name] == 1 else f"{name} ({names[name]})"
        found.append(Mutant(unique, changed))
    if len(found) <= MAX_GENERATED:
        return tuple(found)
    step = len(found) / MAX_GENERATED
    return tuple(found[int(k * step)] for k in range(MAX_GENERATED))


def _is_a_formula(changed: Basic, formula: Basic) -> bool:
    if changed.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        return False
    return isinstance(changed, sympy.Expr) == isinstance(formula, sympy.Expr) and changed not in (
        sympy.true,
        sympy.false,
    )


def _whole(formula: Basic) -> Iterator[tuple[str, Basic]]:
    """Changes of the formula as a whole."""
    if isinstance(formula, sympy.Expr):
        yield "doubled", 2 * formula
        yield "halved", formula / 2
        yield "negated", -formula
    if isinstance(formula, Relational) and type(formula) in REVERSED:
        yield "direction reversed", REVERSED[type(formula)](*formula.args)
    symbols = {str(s): s for s in formula.free_symbols}
    for name in ("theta", "s"):
        if name in symbols:
            symbol = symbols[name]
            other = sympy.S.One - symbol  # type: ignore[operator]
            yield f"{name} replaced by 1 - {name}", formula.xreplace({symbol: other})
    for name, first in sorted(symbols.items()):
        second = symbols.get(f"{name[:-2]}_b") if name.endswith("_a") else None
        if second is not None:
            swap = {first: second, second: first}
            yield f"{first} exchanged with {second}", formula.xreplace(swap)


def _inside(node: Basic) -> Iterator[tuple[str, Basic]]:
    """Changes at every place of the tree, each embedded in the whole formula."""
    yield from _local(node)
    for index, part in enumerate(node.args):
        if isinstance(part, sympy.Symbol | sympy.Tuple) or not _is_open(node, index):
            continue
        for name, changed in _inside(part):
            arguments = [*node.args[:index], changed, *node.args[index + 1 :]]
            try:
                yield name, node.func(*arguments)
            except (TypeError, ValueError, ZeroDivisionError):
                continue


def _is_open(node: Basic, index: int) -> bool:
    """Whether a part of a node is a formula (not a condition, variable or limit)."""
    if isinstance(node, ExprCondPair):
        return index == 0
    if isinstance(node, sympy.Integral | sympy.Sum | sympy.Derivative | sympy.Subs):
        return index == 0
    return True


def _short(node: Basic) -> str:
    text = sympy.sstr(node)
    return text if len(text) <= 48 else f"{text[:45]}..."


def _local(node: Basic) -> Iterator[tuple[str, Basic]]:
    if isinstance(node, sympy.Rational):
        yield f"{node} -> {node + HALF}", node + HALF
        yield f"{node} -> {node - HALF}", node - HALF
        yield f"{node} -> {2 * node}", 2 * node
        yield f"{node} -> {-node}", -node
    elif isinstance(node, sympy.Pow) and not node.exp.is_Rational:
        for shift in (HALF, -HALF):
            changed = sympy.Pow(node.base, node.exp + shift)
            yield f"exponent of {_short(node.base)} shifted by {shift}", changed
    elif isinstance(node, sympy.Add):
        for term in node.args:
            yield f"sign of {_short(term)} flipped", node - 2 * term
            yield f"term {_short(term)} dropped", node - term
    elif isinstance(node, sympy.Mul):
        for factor in node.args:
            if not factor.is_Rational:
                rest = [f for f in node.args if f != factor]
                yield f"factor {_short(factor)} dropped", sympy.Mul(*rest)


def is_equivalent(statement: Statement, formula: Basic) -> bool:
    """Whether a mutant says the same as the statement, by exact normal form.

    For a limit whose formula depends on the limit's variable, the same limit: the exact limit of
    the formulas' ratio is 1.
    """
    original = statement.rhs
    if isinstance(original, sympy.Expr) and isinstance(formula, sympy.Expr):
        if is_zero(original - formula):
            return True
        if isinstance(statement, LimitStatement) and statement.remainder is None:
            return _same_limit(statement, formula)
        return False
    return _canonical(original) == _canonical(formula)


def _same_limit(statement: LimitStatement, formula: sympy.Expr) -> bool:
    if not statement.rhs.has(statement.variable):
        return False
    try:
        ratio = limit_of(formula / statement.rhs, statement.variable, statement.to)
    except SeriesError:
        return False
    return is_zero(ratio - 1)


def _canonical(condition: Basic) -> Basic:
    if isinstance(condition, Relational):
        gap = sympy.expand(condition.gts - condition.lts)  # type: ignore[attr-defined]
        strict = isinstance(condition, sympy.StrictGreaterThan | sympy.StrictLessThan)
        return sympy.StrictGreaterThan(gap, 0) if strict else sympy.GreaterThan(gap, 0)
    return condition
