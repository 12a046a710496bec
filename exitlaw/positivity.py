"""Exact positivity: polynomial inequalities over intervals, and regularity of expressions.

The prover is sound and incomplete: what it cannot show it does not show. An interval (low, high)
of a symbol is open and may end at ±oo or at an expression in the symbols listed before it; it is
mapped onto (0, oo) and the numerator's coefficients, or Sturm's count of its roots, decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

Intervals = Mapping[sympy.Symbol, tuple[Any, Any]]
"""Low and high end per symbol: numbers, ±oo, or expressions in symbols listed before."""

ENTIRE = (sympy.exp, sympy.sin, sympy.cos, sympy.sinh, sympy.cosh, sympy.tanh, sympy.atan,
          sympy.asinh, sympy.erf)  # fmt: skip
"""Functions without singularity on the real line."""

REAL_ONLY = (sympy.tanh, sympy.atan, sympy.asinh)
"""Those of them that have poles or branch cuts in the complex plane."""


CONTINUOUS = frozenset(
    {"real", "extended_real", "complex", "commutative", "finite", "positive", "nonnegative",
     "negative", "nonpositive"}
)  # fmt: skip
"""Assumptions of symbols that run through whole intervals."""


def bound_symbols(expression: Basic) -> set[Basic]:
    """Symbols that an integral, a sum, a limit or a derivative inside binds."""
    return set().union(*(binds(node) for node in sympy.preorder_traversal(expression)))


def binds(node: Any) -> set[Basic]:
    """Symbols that a node binds itself."""
    if isinstance(node, sympy.Derivative):
        return set(node.variables)
    if isinstance(node, sympy.Limit):
        return {node.args[1]}
    return set(getattr(node, "bound_symbols", ()))


def _on_positive_axis(
    expression: sympy.Expr, given: Intervals
) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    """The expression with each listed symbol replaced by one that runs through (0, oo).

    A symbol with interval (-oo, oo) becomes a real one. Later intervals may refer to earlier
    symbols, so replacement goes from the last to the first.
    """
    fresh: list[sympy.Symbol] = []
    ends = {symbol for pair in given.values() for end in pair
            for symbol in sympy.sympify(end).free_symbols}  # fmt: skip
    if ends & bound_symbols(expression):
        # A variable of integration of the same name must not catch the end of an interval.
        expression = expression.as_dummy()  # type: ignore[assignment]
    for symbol, (low, high) in reversed(list(given.items())):
        low, high = sympy.sympify(low), sympy.sympify(high)
        if low == -sympy.oo and high == sympy.oo:
            image: sympy.Expr = sympy.Dummy(symbol.name, real=True)
            fresh.append(image)
        else:
            t = sympy.Dummy(symbol.name, positive=True)
            if high == sympy.oo:
                image = low + t
            elif low == -sympy.oo:
                image = high - t
            else:
                image = (low + high * t) / (1 + t)
            fresh.append(t)
        expression = expression.subs(symbol, image)
    return expression, tuple(fresh)


def _coefficients_positive(polynomial: sympy.Poly) -> bool:
    """Every coefficient is >= 0, one is > 0, with generators positive or in even powers."""
    even = [not generator.is_positive for generator in polynomial.gens]
    if not all(g.is_positive or g.is_real for g in polynomial.gens):
        return False
    strictly = False
    for powers, coefficient in polynomial.terms():
        if any(e and power % 2 for e, power in zip(even, powers, strict=True)):
            return False
        if not coefficient.is_nonnegative:
            return False
        nonzero_everywhere = not any(e and p for e, p in zip(even, powers, strict=True))
        strictly = strictly or (bool(coefficient.is_positive) and nonzero_everywhere)
    return strictly


def _quadratic_positive(polynomial: sympy.Poly) -> bool:
    """a x^2 + b x + c with a > 0 and 4 a c - b^2 > 0."""
    if len(polynomial.gens) != 1 or polynomial.degree() != 2 or not polynomial.gen.is_real:
        return False
    a, b, c = polynomial.all_coeffs()
    return bool(a.is_positive) and _polynomial_positive(sympy.expand(4 * a * c - b**2))


def _sturm_positive(polynomial: sympy.Poly) -> bool:
    """A univariate rational polynomial without root on (0, oo) (or the line), positive at 1."""
    rational = polynomial.domain.is_QQ or polynomial.domain.is_ZZ
    if len(polynomial.gens) != 1 or not rational or not polynomial.gen.is_real:
        return False
    (x,) = polynomial.gens
    if x.is_positive:
        while polynomial.eval(0) == 0 and polynomial.degree() > 0:
            polynomial = polynomial.quo(sympy.Poly(x, x))  # x > 0 is a positive factor
        return (
            polynomial.count_roots(0, None) == 0
            and sympy.sympify(polynomial.eval(1)).is_positive is True
        )
    return polynomial.count_roots() == 0 and sympy.sympify(polynomial.eval(1)).is_positive is True


def _polynomial_positive(expression: sympy.Expr) -> bool:
    if expression.is_positive:
        return True
    symbols = sorted(expression.free_symbols, key=str)
    if not symbols or not expression.is_polynomial(*symbols):
        return False
    whole = sympy.Poly(expression, *symbols)
    if not _is_real_polynomial(whole):
        return False
    if _coefficients_positive(whole) or _sturm_positive(whole):
        return True
    return any(_quadratic_positive(sympy.Poly(expression, symbol)) for symbol in symbols)


def _is_real_polynomial(polynomial: sympy.Poly) -> bool:
    """Complex numbers have no sign, whatever their discriminant is."""
    return all(part.is_real for part in (*polynomial.gens, *polynomial.coeffs()))


def _positive(expression: sympy.Expr) -> bool:
    """Positivity for all values of the symbols under their own assumptions."""
    return _sign(expression) > 0


def _sign(expression: sympy.Expr) -> int:
    """+1 or -1 if the expression is shown to keep that sign, else 0."""
    if expression.is_positive:
        return 1
    if expression.is_negative:
        return -1
    if isinstance(expression, sympy.Mul):
        sign = 1
        for factor in expression.args:
            sign *= _sign(factor)
        if sign:
            return sign
    if isinstance(expression, sympy.Integral) and len(expression.limits) == 1:
        limits: Any = expression.limits[0]
        variable, *ends = limits
        if len(ends) == 2 and _ordered(*ends):
            integrand: Any = expression.function
            moved, (image,) = _on_positive_axis(integrand, {variable: (ends[0], ends[1])})
            # A square that is 0 at single points keeps the integral positive.
            factors: Any = sympy.Mul.make_args(moved)
            squares = [
                factor
                for factor in factors
                if factor.is_Pow and factor.exp.is_even and factor.base == image
            ]
            return _sign(moved / sympy.Mul(*squares))
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.as_base_exp()
        sign = _sign(base)
        if sign > 0 and exponent.is_real:
            return 1
        if sign < 0 and exponent.is_integer:
            return 1 if exponent.is_even else -1 if exponent.is_odd else 0
    if isinstance(expression, sympy.log):
        side = _sign(expression.args[0] - 1)
        return side if side > 0 or _sign(expression.args[0]) > 0 else 0
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(expression)))
    below = _polynomial_sign(denominator)
    return below and below * _polynomial_sign(numerator)


def _ordered(low: sympy.Expr, high: sympy.Expr) -> bool:
    """Whether low < high is shown; an end at infinity decides it."""
    if low == sympy.oo or high == -sympy.oo:
        return False
    return low == -sympy.oo or high == sympy.oo or _sign(high - low) > 0


def _polynomial_sign(expression: sympy.Expr) -> int:
    if _positive_factored(expression):
        return 1
    return -1 if _positive_factored(-expression) else 0


def _positive_factored(expression: sympy.Expr) -> bool:
    expression = sympy.expand(expression)
    if _polynomial_positive(expression):
        return True
    try:
        factored: Any = sympy.factor_list(expression)
    except sympy.PolynomialError:
        return False
    constant, factors = factored
    sign = 1 if constant.is_positive else -1 if constant.is_negative else 0
    if sign == 0 or (len(factors) == 1 and factors[0][1] == 1 and abs(constant) == 1):
        return False
    for factor, power in factors:
        if _polynomial_positive(factor):
            continue
        if _polynomial_positive(-factor):
            sign *= (-1) ** power
            continue
        if power % 2 == 0 and _nowhere_zero(factor):
            continue
        return False
    return sign > 0


def _nowhere_zero(expression: sympy.Expr) -> bool:
    return _polynomial_positive(expression) or _polynomial_positive(-expression)


def proves_at_least_zero(
    expression: sympy.Expr, given: Intervals | None = None, *, strict: bool = False
) -> bool:
    """Whether `expression` is shown >= 0 (> 0 if strict) on the given intervals."""
    expression = without_abs(sympy.sympify(expression), given or {})
    if expression.is_number and not strict and expression.is_zero:
        return True
    moved, _ = _on_positive_axis(expression, given or {})
    # The ends of an integral may be infinite; nothing else may.
    outside = moved.xreplace({part: sympy.Dummy() for part in moved.atoms(sympy.Integral)})
    if outside.has(sympy.nan, sympy.zoo, sympy.oo):
        return False
    if _positive(moved):
        return True
    return not strict and _nonnegative(moved)


def without_abs(expression: sympy.Expr, given: Intervals) -> sympy.Expr:
    """The expression with `abs` taken where its argument is shown to keep its sign."""
    mapping: Any = {}
    for part in expression.atoms(sympy.Abs):
        argument: Any = part.args[0]
        for sign in (1, -1) if not argument.has(sympy.Abs) else ():
            if proves_at_least_zero(sign * argument, given, strict=True):
                mapping[part] = sign * argument
                break
    return expression.xreplace(mapping) if mapping else expression  # type: ignore[return-value]


def _nonnegative(expression: sympy.Expr) -> bool:
    """Sums of squares that happen to vanish somewhere: even powers with coefficients >= 0."""
    if expression.is_nonnegative:
        return True
    if isinstance(expression, sympy.Mul) and all(
        _positive(factor) or factor.is_nonnegative for factor in expression.args
    ):
        return True
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(expression)))
    if denominator != 1 and not _positive_factored(denominator):
        if not _positive_factored(-denominator):
            return False
        numerator = -numerator
    numerator = sympy.expand(numerator)
    if numerator == 0:
        return True
    symbols = sorted(numerator.free_symbols, key=str)
    if not symbols or not numerator.is_polynomial(*symbols):
        return bool(numerator.is_nonnegative)
    if not _is_real_polynomial(sympy.Poly(numerator, *symbols)):
        return False
    factored: Any = sympy.factor_list(numerator)
    constant, factors = factored
    if constant.is_nonnegative and all(
        power % 2 == 0 or _polynomial_positive(factor) or _even(factor) for factor, power in factors
    ):
        return True
    return _even(numerator)


def _even(expression: sympy.Expr) -> bool:
    symbols = sorted(expression.free_symbols, key=str)
    for powers, coefficient in sympy.Poly(expression, *symbols).terms():
        if not coefficient.is_nonnegative:
            return False
        for symbol, power in zip(symbols, powers, strict=True):
            if power % 2 and not symbol.is_positive:
                return False
    return True


def ordered(low: sympy.Expr, high: sympy.Expr, given: Intervals | None = None) -> bool:
    """Whether low < high is shown; -oo is below and oo above everything else."""
    if low == sympy.oo or high == -sympy.oo:
        return False
    if low == -sympy.oo or high == sympy.oo:
        return True
    return proves_at_least_zero(high - low, given, strict=True)


def within(
    low: sympy.Expr, high: sympy.Expr, interval: tuple[Any, Any], given: Intervals | None = None
) -> bool:
    """Whether (low, high) is shown to lie inside the interval."""
    start, end = map(sympy.sympify, interval)
    above = start in (-sympy.oo, low) or (
        low not in (-sympy.oo, sympy.oo) and proves_at_least_zero(low - start, given)
    )
    below = end in (sympy.oo, high) or (
        high not in (-sympy.oo, sympy.oo) and proves_at_least_zero(end - high, given)
    )
    return above and below


def allowed(
    symbol: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, given: Intervals | None = None
) -> bool:
    """Whether the symbol's own assumptions admit every value between low and high."""
    if not runs_through_an_interval(symbol):
        return False
    if symbol.is_nonnegative:
        return within(low, high, (0, sympy.oo), given)
    if symbol.is_nonpositive:
        return within(low, high, (-sympy.oo, 0), given)
    return True


def runs_through_an_interval(symbol: sympy.Symbol) -> bool:
    """Whether the values that the symbol's assumptions allow are an interval, or all numbers."""
    return set(symbol._assumptions_orig) <= CONTINUOUS


def proves_condition(condition: Basic, given: Intervals | None = None) -> bool:
    """Whether a relation (or a conjunction of relations) is shown to hold on the intervals."""
    if isinstance(condition, BooleanTrue) or condition is True:
        return True
    if isinstance(condition, BooleanFalse) or condition is False:
        return False
    if isinstance(condition, sympy.And):
        return all(proves_condition(part, given) for part in condition.args)
    if isinstance(condition, sympy.Or):
        return any(proves_condition(part, given) for part in condition.args)
    if not isinstance(condition, Relational):
        return False
    left: Any = condition.lhs
    right: Any = condition.rhs
    if isinstance(condition, sympy.Ne):
        gaps = (left - right, right - left)
        return any(proves_at_least_zero(gap, given, strict=True) for gap in gaps)
    if isinstance(condition, sympy.Gt | sympy.Ge):
        return proves_at_least_zero(left - right, given, strict=isinstance(condition, sympy.Gt))
    if isinstance(condition, sympy.Lt | sympy.Le):
        return proves_at_least_zero(right - left, given, strict=isinstance(condition, sympy.Lt))
    return False


def regular_on(expression: sympy.Expr, given: Intervals) -> str | None:
    """None if the expression is shown smooth on the open intervals, else what may be singular.

    Negative and fractional powers need a base that is nowhere zero (positive for fractional ones),
    logarithms a positive argument; `abs`, `Piecewise` and unknown functions are not accepted.
    """
    for node in sympy.preorder_traversal(without_abs(expression, given)):
        if not isinstance(node, sympy.Expr):
            continue
        if not node.free_symbols and not isinstance(node, sympy.Pow | sympy.log):
            continue  # a constant; what it divides by is visited below
        if isinstance(node, sympy.Pow):
            base, exponent = node.args
            if exponent.is_integer and exponent.is_nonnegative:
                continue
            if isinstance(base, sympy.gamma) and exponent.is_integer:
                continue  # gamma has no zeros; its argument is visited below
            if base.is_positive and not base.has(*given):
                continue
            positive = proves_at_least_zero(base, given, strict=True)
            negative = exponent.is_integer and proves_at_least_zero(-base, given, strict=True)
            if not positive and not negative:
                return f"{node}: the base {base} was not shown to keep its sign"
        elif isinstance(node, sympy.log):
            if not proves_at_least_zero(node.args[0], given, strict=True):
                return f"{node}: its argument was not shown positive"
        elif isinstance(node, sympy.gamma):
            if not proves_at_least_zero(sympy.re(node.args[0]), given, strict=True):
                return f"{node}: the real part of its argument was not shown positive"
        elif isinstance(node, REAL_ONLY):
            if not proves_real(node.args[0], given):
                return f"{node}: its argument was not shown real"
        elif not isinstance(node, (sympy.Add, sympy.Mul, sympy.Symbol, *ENTIRE)):
            return f"{node}: not known to be smooth"
    return None


def proves_real(value: Any, given: Intervals | None = None) -> bool:
    """Whether a value is shown real where it is finite; undefined functions and integrals are.

    Content is about real functions; what is indexed is data.
    """
    given = given or {}
    if value.is_real:
        return True
    if isinstance(value, sympy.Symbol):
        return value in given
    if value.is_real is False:
        return False
    if isinstance(value, sympy.Pow):
        base, exponent = value.args
        if not exponent.is_integer and not proves_at_least_zero(base, given):
            return False
    elif isinstance(value, sympy.log):
        return proves_at_least_zero(value.args[0], given)
    elif isinstance(value, sympy.Integral | sympy.Sum | sympy.Derivative | sympy.Subs):
        return proves_real(value.args[0], given)
    elif isinstance(value, AppliedUndef | sympy.Indexed):
        return True
    elif not isinstance(value, (sympy.Add, sympy.Mul, sympy.Abs, sympy.gamma, *ENTIRE)):
        return False
    return all(proves_real(part, given) for part in value.args)


def continuous_on(expression: sympy.Expr, given: Intervals) -> str | None:
    """As `regular_on`, where undefined functions, their derivatives and integrals are smooth."""
    unknown: Any = expression.atoms(sympy.Integral, sympy.Derivative, sympy.Subs, AppliedUndef)
    mapping: Any = {
        part: sympy.Dummy(positive=True) if _sign(part) > 0 else sympy.Dummy(real=True)
        for part in unknown
    }
    smooth: Any = expression.xreplace(mapping)
    return regular_on(smooth, given)


def keeps_its_sign(expression: sympy.Expr, given: Intervals | None = None) -> bool:
    """Whether an expression is shown positive, or shown negative."""
    return any(
        proves_at_least_zero(sign * sympy.sympify(expression), given, strict=True)
        for sign in (1, -1)
    )
