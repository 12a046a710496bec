"""Relations as statements, and whether one follows from established ones by exact rewriting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef, UndefinedFunction

from exitlaw.claim import Bound, Equality, Equivalence, LimitStatement, Statement
from exitlaw.positivity import (
    Intervals,
    allowed,
    binds,
    bound_symbols,
    continuous_on,
    proves_at_least_zero,
    proves_real,
    within,
)
from theory.normal_form import is_zero as zero_in_normal_form

REWRITE_ROUNDS = 20
"""Rewriting with facts stops after so many rounds: a cycle of facts is then no proof."""


def is_zero(expression: sympy.Expr) -> bool:
    """Whether an expression is 0 by exact normal form, equal integrals taken as one."""
    return zero_in_normal_form(_equal_integrals_as_one(expression)) is True


def _equal_integrals_as_one(expression: sympy.Expr) -> sympy.Expr:
    """Definite integrals with the same limits and equal integrands replaced by the same one."""
    known: list[Any] = []
    mapping: dict[Any, Any] = {}
    found: list[Any] = sorted(expression.atoms(sympy.Integral), key=sympy.default_sort_key)
    for integral in found:
        if len(integral.limits) != 1 or len(integral.limits[0]) != 3:
            continue
        for other in known:
            variable, low, high = integral.limits[0]
            name, bottom, top = other.limits[0]
            if not (low == bottom and high == top):
                continue
            # A name that occurs in neither: each variable may be free in the other integrand.
            common = sympy.Dummy(variable.name, **variable.assumptions0)
            renamed = integral.function.xreplace({variable: common})
            if zero_in_normal_form(renamed - other.function.xreplace({name: common})) is True:
                mapping[integral] = other
                break
        else:
            known.append(integral)
    return cast(sympy.Expr, expression.xreplace(mapping)) if mapping else expression


def as_statement(relation: Basic | Statement) -> Statement | None:
    """A SymPy relation as a statement; None where it is none (e.g. already evaluated)."""
    if isinstance(relation, Equality | Bound | LimitStatement | Equivalence):
        return relation
    if isinstance(relation, sympy.Eq):
        left, right = relation.args
        if isinstance(left, sympy.Limit) and left.args[0] is not None:
            expression, variable, to = left.args[:3]
            return LimitStatement(expression, right, variable, to)  # type: ignore[arg-type]
        return Equality(left, right)  # type: ignore[arg-type]
    if isinstance(relation, sympy.Le | sympy.Lt):
        return Bound(*relation.args, strict=isinstance(relation, sympy.Lt))  # type: ignore[arg-type]
    if isinstance(relation, sympy.Ge | sympy.Gt):
        large, small = relation.args
        return Bound(small, large, strict=isinstance(relation, sympy.Gt))  # type: ignore[arg-type]
    if isinstance(relation, sympy.Equivalent) and len(relation.args) == 2:
        return Equivalence(*relation.args)
    return None


ASSUMPTIONS = ("positive", "negative", "nonnegative", "nonpositive", "nonzero", "real", "integer",
               "rational", "irrational", "algebraic", "transcendental", "even", "odd", "prime",
               "composite", "zero", "imaginary")  # fmt: skip
"""What a symbol or function is assumed to be, its replacement has to be."""


def unfit(
    statement: Statement,
    mapping: Mapping[sympy.Expr, sympy.Expr],
    given: Intervals | None = None,
) -> str | None:
    """Why replacing names in a statement would change what it says; None if it would not.

    Only symbols and functions that are unknown may be replaced, by what keeps the symbol's
    assumptions (under `given`), refers to no variable that an integral, sum or limit binds, and is
    not moved by the statement's own limit.
    """
    bound = bound_symbols(statement.lhs) | bound_symbols(statement.rhs)
    if isinstance(statement, LimitStatement):
        bound |= {statement.variable}
    occurring = statement.lhs.free_symbols | statement.rhs.free_symbols
    for name, value in mapping.items():
        if isinstance(name, sympy.Symbol):
            if isinstance(statement, LimitStatement) and name == statement.variable:
                return f"{name} is the limit's own variable"
            if name not in occurring:
                continue
        elif not isinstance(name, AppliedUndef | UndefinedFunction):
            return f"{name} is no name: only names may be replaced"
        expression = sympy.sympify(value)
        if isinstance(name, AppliedUndef) and _elsewhere(name, statement):
            return f"{name} is replaced, but not {name.func} at other arguments"
        own = name.free_symbols if isinstance(name, AppliedUndef) else set()
        caught = (expression.free_symbols & bound) - own
        if caught:
            return f"{value} depends on {caught.pop()}, which the statement binds"
        if isinstance(name, sympy.Symbol | AppliedUndef):
            broken = broken_assumption(name, expression, given)
            if broken is not None:
                return f"{name} is {broken}, which was not shown of {value}"
        if not isinstance(name, sympy.Symbol):
            rough = _is_no_function(name, value, given or {})
            if rough is not None:
                return f"{name} is a smooth real function, which was not shown of {value}: {rough}"
    return None


def _is_no_function(name: Any, value: Any, given: Intervals) -> str | None:
    """Why a value is no undefined function for all that was shown of one, or None.

    Checks take undefined functions as real and smooth.
    """
    if isinstance(name, UndefinedFunction):
        return None if isinstance(value, UndefinedFunction) else "only another name may replace it"
    if isinstance(value, AppliedUndef):
        return None
    return "it may be complex" if not proves_real(value, given) else continuous_on(value, given)


def no_number(expression: Basic) -> str | None:
    """What in an expression stands for no exact, finite, ordinary number; or None."""
    for part in expression.atoms(sympy.Float):
        return f"{part} is a rounded number: write it as a rational"
    for part in sympy.preorder_traversal(expression):
        if not (isinstance(part, AppliedUndef) or type(part).__module__.startswith("sympy.")):
            return f"{type(part).__name__} is no function of SymPy"
        if isinstance(part, sympy.Order | sympy.AccumBounds | sympy.MatrixExpr):
            return f"{part} is no number"
        if isinstance(part, AppliedUndef) and not part.is_commutative:
            return f"{part} does not commute"
    for symbol in expression.atoms(sympy.Symbol):
        if not symbol.is_commutative or symbol.is_infinite or symbol.is_zero:
            return f"{symbol} is assumed to be no ordinary number"
    return None


def _elsewhere(name: AppliedUndef, statement: Statement) -> bool:
    """Whether the function occurs at arguments other than those of `name`."""
    return any(
        part.func == name.func and part != name
        for side in (statement.lhs, statement.rhs)
        for part in side.atoms(AppliedUndef)
    )


def broken_assumption(
    name: sympy.Expr, value: sympy.Expr, given: Intervals | None = None
) -> str | None:
    """What a symbol or function is assumed to be and its value was not shown to be, or None."""
    for assumption in ASSUMPTIONS:
        if not getattr(name, f"is_{assumption}") or getattr(value, f"is_{assumption}"):
            continue
        sign = -1 if assumption in ("negative", "nonpositive") else 1
        if assumption in ("positive", "negative"):
            if proves_at_least_zero(sign * value, given, strict=True):
                continue
        elif assumption in ("nonnegative", "nonpositive"):
            if proves_at_least_zero(sign * value, given):
                continue
        elif (
            assumption == "nonzero"
            and any(proves_at_least_zero(part, given, strict=True) for part in (value, -value))
        ) or (assumption == "real" and proves_real(value, given)):
            continue
        return assumption
    return None


def substituted(statement: Statement, mapping: Mapping[sympy.Expr, sympy.Expr]) -> Statement:
    """The statement with symbols replaced (simultaneously, bound variables respected)."""
    pairs = list(mapping.items())
    changed = replace(
        statement,
        lhs=statement.lhs.subs(pairs, simultaneous=True),
        rhs=statement.rhs.subs(pairs, simultaneous=True),
    )
    if not isinstance(changed, LimitStatement):
        return changed
    remainder = changed.remainder
    return replace(
        changed,
        to=changed.to.subs(pairs, simultaneous=True),
        remainder=None if remainder is None else remainder.subs(pairs, simultaneous=True),
    )


def same(left: Basic, right: Basic) -> bool:
    """Equal as written, or by exact normal form; for conditions, equal after canonical form."""
    if left.has(sympy.nan, sympy.zoo):
        return False  # 1/0 is no number that could be equal to another
    if left == right:
        return True
    if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
        return is_zero(left - right)
    if isinstance(left, sympy.Basic) and hasattr(left, "canonical") and hasattr(right, "canonical"):
        return left.canonical == right.canonical  # type: ignore[attr-defined]
    return False


def same_statement(left: Statement, right: Statement) -> bool:
    """Whether `left` is the relation `right`: kind, sides, for limits the variable and its end.

    A strict bound gives the weak one, not the other way round.
    """
    if type(left) is not type(right):
        return False
    if not (same(left.lhs, right.lhs) and same(left.rhs, right.rhs)):
        return False
    if isinstance(left, LimitStatement) and isinstance(right, LimitStatement):
        return left.variable == right.variable and same(left.to, right.to)
    if isinstance(left, Bound) and isinstance(right, Bound):
        return right.strict or not left.strict
    return True


Conditions = Mapping[Statement, Iterable[Any]]
"""What each fact needs: conditions with `holds` and `premises` (see `exitlaw.scope`)."""


def _holds_inside(fact: Equality, expression: Basic, needs: Conditions) -> bool:
    """Whether a fact holds for all values through which integrals and sums take its symbols.

    A condition on a symbol, or an assumption that excludes some of its values, is about the symbol
    outside of what binds it.
    """
    own: set[Any] = set(fact.lhs.free_symbols)
    limited = {
        symbol
        for condition in needs.get(fact, ())
        for part in (condition.holds, *condition.premises)
        for symbol in part.free_symbols
    }
    for node in sympy.preorder_traversal(expression):
        bound = own & binds(node)
        if not bound or not node.has(fact.lhs):
            continue
        if bound & limited:
            return False
        if not isinstance(node, sympy.Integral | sympy.Sum):
            if any(not symbol.is_real or len(symbol._assumptions_orig) > 1 for symbol in bound):
                return False
            continue
        limits: Any = node.limits
        for symbol, *ends in limits:
            if symbol in bound and not _takes(symbol, ends, isinstance(node, sympy.Sum)):
                return False
    return True


def _takes(symbol: Any, ends: list[Any], summed: bool) -> bool:
    """Whether the symbol's assumptions allow all values between the ends."""
    if len(ends) != 2:
        return False
    if summed and symbol.is_integer:
        if symbol.is_nonnegative:
            return within(ends[0], ends[1], (1 if symbol.is_positive else 0, sympy.oo))
        return not symbol.is_nonpositive and not (symbol.is_even or symbol.is_odd)
    return allowed(symbol, ends[0], ends[1])


def _rewrite(
    expression: Basic, facts: Iterable[Statement], needs: Conditions
) -> tuple[Basic, set[Equality]]:
    """The expression with left sides of the equalities replaced, and the equalities used."""
    rules = {
        fact.lhs: fact
        for fact in facts
        if isinstance(fact, Equality)
        and fact.lhs != fact.rhs
        and (fact.lhs.free_symbols or isinstance(fact.lhs, sympy.Integral | sympy.Sum))
    }
    used: set[Equality] = set()
    for _ in range(REWRITE_ROUNDS):
        bound = bound_symbols(expression)
        # A name that stands for an expression in x is no constant under an integral over x.
        free = {
            k: fact.rhs
            for k, fact in rules.items()
            if not (fact.rhs.free_symbols - k.free_symbols) & bound
            and expression.has(k)
            and _holds_inside(fact, expression, needs)
        }
        rewritten = expression.xreplace(free)
        if rewritten == expression:
            break
        used |= {rules[k] for k in free}
        expression = rewritten
    return expression, used


def grounds(
    goal: Statement, facts: Iterable[Statement], needs: Conditions | None = None
) -> tuple[Statement, ...] | None:
    """The facts from which `goal` follows: itself, or by rewriting with the equalities among them.

    Equalities are used from left to right at every place where the left side occurs as written;
    the two sides are then compared in normal form. None if the goal does not follow. `needs` are
    the conditions of the facts: none is used where an integral leads out of them.
    """
    known, needs = tuple(facts), needs or {}
    if goal in known:
        return (goal,)
    # Deciding that two expressions differ is the costly part: facts about other symbols are passed.
    alike = [fact for fact in known if type(fact) is type(goal) and _same_symbols(goal, fact)]
    for fact in alike:
        if same_statement(goal, fact):
            return (fact,)
    if isinstance(goal, Equality):
        (left, first), (right, second) = (_rewrite(e, known, needs) for e in (goal.lhs, goal.rhs))
        if same(left, right):
            return tuple(first | second)
        return next(
            ((f,) for f in alike if isinstance(f, Equality) and _multiple(goal, f)), None
        )  # fmt: skip
    rewritten, used = _both_sides(goal, known, needs)
    for fact in known:
        if type(fact) is not type(goal):
            continue
        other, more = _both_sides(fact, known, needs)
        if same_statement(rewritten, other) or (
            isinstance(goal, Bound) and isinstance(other, Bound) and _same_gap(rewritten, other)
        ):
            return (fact, *(used | more))
    return None


def _same_symbols(goal: Statement, fact: Statement) -> bool:
    return (goal.lhs.free_symbols | goal.rhs.free_symbols) == (
        fact.lhs.free_symbols | fact.rhs.free_symbols
    )


def _both_sides(
    statement: Statement, facts: Iterable[Statement], needs: Conditions
) -> tuple[Statement, set[Equality]]:
    known = tuple(facts)
    (left, first), (right, second) = (
        _rewrite(e, known, needs) for e in (statement.lhs, statement.rhs)
    )
    return replace(statement, lhs=left, rhs=right), first | second


def _multiple(goal: Equality, fact: Equality) -> bool:
    """lhs - rhs of the goal is ± that of the fact."""
    wanted, known = goal.lhs - goal.rhs, fact.lhs - fact.rhs
    return is_zero(wanted - known) or is_zero(wanted + known)


def _same_gap(goal: Statement, fact: Bound) -> bool:
    assert isinstance(goal, Bound)
    stronger = fact.strict or not goal.strict
    return stronger and is_zero((goal.rhs - goal.lhs) - (fact.rhs - fact.lhs))


def plain(relation: Statement | Basic) -> str:
    """A statement in one line of plain text."""
    if isinstance(relation, Equality):
        return f"{relation.lhs} = {relation.rhs}"
    if isinstance(relation, Bound):
        return f"{relation.lhs} {'<' if relation.strict else '<='} {relation.rhs}"
    if isinstance(relation, Equivalence):
        return f"{relation.lhs} <=> {relation.rhs}"
    if isinstance(relation, LimitStatement):
        line = f"{relation.lhs} -> {relation.rhs}  as {relation.variable} -> {relation.to}"
        if relation.remainder is not None:
            line += f", |lhs/rhs - 1| <= {relation.remainder}"
        return line
    if hasattr(relation, "rel_op"):
        return f"{relation.args[0]} {relation.rel_op} {relation.args[1]}"  # type: ignore[attr-defined]
    return str(relation)
