"""How functions behave at the ends of intervals: limits there, integrability, smoothness near."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from exitlaw.positivity import (
    ENTIRE,
    REAL_ONLY,
    Intervals,
    keeps_its_sign,
    proves_at_least_zero,
    proves_real,
    regular_on,
    without_abs,
)
from exitlaw.series import LOG, Series, SeriesError, expansion, limit_of

Limits = tuple[sympy.Symbol, sympy.Expr, sympy.Expr]


def boundary_value(
    expression: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str = "+",
    given: Intervals | None = None,
) -> sympy.Expr:
    """The limit at an end: 0 if the logarithm of every term tends to -oo, else by exact series.

    Raises
    ------
    SeriesError : neither was shown.
    """
    if vanishes(expression, variable, to, direction, given):
        return sympy.S.Zero
    limit = limit_of(expression, variable, to, direction, given)
    if limit.is_finite is False:
        raise SeriesError(f"the limit is {limit}")
    return limit


def vanishes(
    expression: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str = "+",
    given: Intervals | None = None,
) -> bool:
    """Whether a product of powers, exponentials and series is shown to tend to 0.

    Powers may have symbolic exponents and exponentials unbounded ones: the logarithm of each
    factor is expanded exactly, and the leading term of the sum must tend to -oo under `given`.
    """
    size = _size(expression, variable, to, direction, given)
    if size is None:
        return False
    if size == "zero":
        return True
    decay, exponent = size
    return decay or proves_at_least_zero(exponent, given, strict=True)


def integrable(expression: sympy.Expr, limits: Limits, given: Intervals) -> str | None:
    """None if the integral is shown to converge absolutely, else what was not shown.

    The integrand is smooth inside; at each end it is of a size |t|^e with e > -1 (t the distance,
    or 1/|variable| at infinity with e > 1), or exponentially small.
    """
    return _integrable(sympy.sympify(expression), limits, tuple(given.items()))


@lru_cache(maxsize=512)
def _integrable(
    expression: sympy.Expr, limits: Limits, intervals: tuple[tuple[sympy.Symbol, Any], ...]
) -> str | None:
    given = dict(intervals)
    variable, low, high = limits
    expression = without_abs(sympy.sympify(expression), {**given, variable: (low, high)})
    if _is_smooth_beyond(expression, limits, given):
        return None
    expanded: Any = sympy.expand_mul(expression)
    terms = sympy.Add.make_args(expanded)
    obstacle = _not_integrable(expression, limits, given)
    if obstacle is not None and len(terms) > 1:
        found = (_not_integrable(term, limits, given) for term in terms)
        return next((one for one in found if one is not None), None)
    return obstacle


def _not_integrable(expression: sympy.Expr, limits: Limits, given: Intervals) -> str | None:
    variable, low, high = limits
    obstacle = regular_on(expression, {**given, variable: (low, high)})
    if obstacle is not None:
        return obstacle
    for end, direction in ((low, "+"), (high, "-")):
        size = _size(expression, variable, end, direction, given)
        if size == "zero":
            continue
        if size is None:
            return f"the size of {expression} at {end} was not decided"
        least = 1 if end in (sympy.oo, -sympy.oo) else -1
        if not size[0] and not proves_at_least_zero(size[1] - least, given, strict=True):
            return f"{expression} was not shown integrable at {end}"
    return None


def _is_smooth_beyond(expression: sympy.Expr, limits: Limits, given: Intervals) -> bool:
    """Whether the interval is finite and the function smooth on the whole line.

    Inner integrals over finite intervals are smooth where their integrands are.
    """
    variable, low, high = limits
    if sympy.sympify(low).is_infinite or sympy.sympify(high).is_infinite:
        return False
    everywhere = {**given, variable: (-sympy.oo, sympy.oo)}
    mapping: Any = {}
    for inner in expression.atoms(sympy.Integral):
        parts: Any = inner.limits
        if len(parts) != 1 or len(parts[0]) != 3 or inner.has(AppliedUndef):
            return False
        bound, bottom, top = parts[0]
        ends_vary = any(e.is_infinite or e.has(variable) for e in (bottom, top))
        integrand: Any = inner.function
        line = (-sympy.oo, sympy.oo)
        if ends_vary or regular_on(integrand, {**everywhere, bound: line}) is not None:
            return False
        mapping[inner] = sympy.Dummy(real=True)
    smooth: Any = expression.xreplace(mapping)
    return regular_on(smooth, everywhere) is None


WIDTHS = (Fraction(1, 2), Fraction(2))
"""Relative widths of the series by which sizes are decided: leading terms first."""


def _size(
    expression: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str,
    given: Intervals | None,
) -> Any:
    """(exponentially small, exponent e of t^e) as t -> 0+; "zero" for 0; None if undecided."""
    intervals = tuple((given or {}).items())
    return _known_size(sympy.sympify(expression), variable, sympy.sympify(to), direction, intervals)


@lru_cache(maxsize=1024)
def _known_size(
    expression: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str,
    intervals: tuple[tuple[sympy.Symbol, Any], ...],
) -> Any:
    t = sympy.Dummy("t", positive=True)
    if to == sympy.oo:
        image: sympy.Expr = 1 / t
    elif to == -sympy.oo:
        image = -1 / t
    else:
        image = to + t if direction == "+" else to - t
    moved = expression.subs(variable, image)
    if moved == 0:
        return "zero"
    for width in WIDTHS:
        try:
            size = _size_of(moved, t, width, dict(intervals))  # type: ignore[arg-type]
        except SeriesError:
            size = None
        if size is not None:
            return size
    return None


def _size_of(
    moved: sympy.Expr, t: sympy.Symbol, width: Fraction, given: Intervals | None
) -> tuple[bool, sympy.Expr] | None:
    total = expansion(sympy.Add(*_log_factors(moved, t, width, given)), t, width, given)
    leading = total.leading
    if leading is None or leading > 0:
        return (False, sympy.S.Zero) if _is_bounded(total) else None
    if total.order is not None and total.order <= leading:
        return None
    coefficient = total.terms[leading]
    if leading < 0:
        small = not coefficient.has(LOG) and proves_at_least_zero(-coefficient, given, strict=True)
        return (True, sympy.S.Zero) if small else None
    if not _is_bounded(total):
        return None
    slope = sympy.diff(coefficient, LOG)
    return None if slope.has(LOG) else (False, sympy.cancel(slope))


def _is_bounded(total: Series) -> bool:
    return total.order is None or total.order > 0


def _log_factors(
    product: sympy.Expr, t: sympy.Symbol, width: Fraction, given: Intervals | None
) -> list[sympy.Expr]:
    """Logarithms of the factors' sizes up to a bounded term, as expressions that expand in t."""
    logs: list[Any] = []
    for factor in sympy.Mul.make_args(product):
        if not factor.has(t):
            continue
        if isinstance(factor, sympy.exp):
            logs.append(factor.args[0])
            continue
        base, exponent = factor.as_base_exp()
        if exponent.has(t):
            raise SeriesError(f"an exponent that moves: {factor}")
        series = expansion(base, t, width, given)
        start = series.leading
        if start is None:
            raise SeriesError(f"every known term of {base} cancels")
        if series.terms[start].has(LOG):
            raise SeriesError(f"{base} is of no power of t")
        # A leading coefficient that may be 0 bounds the factor from above only.
        if not (
            proves_at_least_zero(exponent, given) or keeps_its_sign(series.terms[start], given)
        ):
            raise SeriesError(f"the leading coefficient {series.terms[start]} may be 0")
        logs.append(exponent * sympy.Rational(start.numerator, start.denominator) * sympy.log(t))
    return logs


def rough_near(expression: sympy.Expr, variable: sympy.Symbol, at: sympy.Expr) -> str | None:
    """None if the expression is shown smooth around a point, else what may be rough there.

    Undefined functions are smooth by hypothesis.
    """
    for node in sympy.preorder_traversal(expression):
        if not isinstance(node, sympy.Expr) or not node.has(variable):
            continue
        if isinstance(node, sympy.Pow):
            base, exponent = node.args
            if exponent.is_integer and exponent.is_nonnegative:
                continue
            there: Any = base.subs(variable, at)
            fine = proves_at_least_zero(there, strict=True) or (
                exponent.is_integer and keeps_its_sign(there)
            )
            if not fine:
                return f"{node}: its base {there} at {at} was not shown different from 0"
        elif isinstance(node, sympy.log):
            there = node.args[0].subs(variable, at)
            if not proves_at_least_zero(there, strict=True):
                return f"{node}: its argument was not shown positive at {at}"
        elif isinstance(node, sympy.Derivative | sympy.Subs | AppliedUndef):
            continue
        elif isinstance(node, REAL_ONLY):
            if not proves_real(node.args[0]):
                return f"{node}: its argument was not shown real"
        elif not isinstance(node, (sympy.Add, sympy.Mul, sympy.Symbol, *ENTIRE)):
            return f"{node}: not known to be smooth"
    return None
