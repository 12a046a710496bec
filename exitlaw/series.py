"""Limits by exact generalised power series in t -> 0+ and log t.

A series is a finite sum of terms c(l) t^e plus O(t^E): e rational, c rational in l = log t with
coefficients in the field of the symbols, so every power of t beats every power of l. Elementary
functions act on it exactly (exp where the exponent stays bounded, log, powers with any exponent,
arctan, …). Nothing is guessed: what has no such expansion raises `SeriesError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import sympy

from exitlaw.positivity import (
    ENTIRE,
    REAL_ONLY,
    Intervals,
    keeps_its_sign,
    proves_at_least_zero,
    proves_real,
)
from theory.normal_form import is_zero as zero_in_normal_form

MAX_TERMS = 12
"""Terms kept at most before the limit is given up: cancellation deeper than this is refused."""

LOG = sympy.Dummy("l_log_t", real=True)
"""log t, which tends to -oo; no symbol of a formula is equal to it."""


class SeriesError(ValueError):
    """The expression has no expansion of this kind, or not within `MAX_TERMS` terms."""


@dataclass(frozen=True)
class Series:
    """Σ terms[e] t^e + O(t^order); `order` None means that there is no remainder."""

    terms: Mapping[Fraction, sympy.Expr]
    order: Fraction | None

    @property
    def leading(self) -> Fraction | None:
        """The smallest exponent with a coefficient that is not zero; None for no known term."""
        return min(self.terms, default=None)


def _fraction(value: sympy.Expr) -> Fraction:
    return Fraction(str(value))


def _tidy(coefficient: sympy.Expr) -> sympy.Expr:
    """The coefficient, or 0 where it is exactly 0."""
    return sympy.S.Zero if zero_in_normal_form(coefficient) else coefficient


def _series(terms: Mapping[Fraction, sympy.Expr], order: Fraction | None) -> Series:
    kept = {}
    for exponent in sorted(terms):
        if order is not None and exponent >= order:
            break
        coefficient = _tidy(terms[exponent])
        if coefficient != 0:
            kept[exponent] = coefficient
    return Series(kept, order)


def _lowest(*orders: Fraction | None) -> Fraction | None:
    finite = [order for order in orders if order is not None]
    return min(finite) if finite else None


def _constant(value: sympy.Expr) -> Series:
    return _series({Fraction(0): value}, None)


def _add(a: Series, b: Series) -> Series:
    terms = dict(a.terms)
    for exponent, coefficient in b.terms.items():
        terms[exponent] = terms.get(exponent, sympy.S.Zero) + coefficient
    return _series(terms, _lowest(a.order, b.order))


def _start(a: Series) -> Fraction:
    """A lower bound of the exponents of the series, its remainder included."""
    if a.leading is not None:
        return a.leading
    if a.order is None:
        raise SeriesError("the exact zero has no leading term")
    return a.order


def _multiply(a: Series, b: Series) -> Series:
    if (not a.terms and a.order is None) or (not b.terms and b.order is None):
        return Series({}, None)
    orders = []
    if a.order is not None:
        orders.append(a.order + _start(b))
    if b.order is not None:
        orders.append(b.order + _start(a))
    order = _lowest(*orders)
    terms: dict[Fraction, sympy.Expr] = {}
    for e, c in a.terms.items():
        for f, d in b.terms.items():
            if order is None or e + f < order:
                terms[e + f] = terms.get(e + f, sympy.S.Zero) + c * d
    return _series(terms, order)


def _scale(a: Series, factor: sympy.Expr) -> Series:
    return _series({e: factor * c for e, c in a.terms.items()}, a.order)


def _shift(a: Series, by: Fraction) -> Series:
    order = None if a.order is None else a.order + by
    return Series({e + by: c for e, c in a.terms.items()}, order)


def _normalised(a: Series, given: Intervals) -> tuple[sympy.Expr, Fraction, Series]:
    """c, e and a small series r with a = c t^e (1 + r); c is shown not to be 0."""
    if a.leading is None:
        raise SeriesError("every known term cancels")
    exponent, coefficient = a.leading, a.terms[a.leading]
    _require_nonzero(coefficient, given)
    rest = Series({e: c for e, c in a.terms.items() if e != exponent}, a.order)
    small = _scale(_shift(rest, -exponent), 1 / coefficient)
    if small.order is None and small.terms:
        small = _series(small.terms, None)
    return coefficient, exponent, small


def _require_nonzero(coefficient: sympy.Expr, given: Intervals) -> None:
    """Refuse to divide by what may vanish for some value of the parameters.

    A polynomial or quotient in l = log t is not 0 near t = 0 if its leading coefficients are not.
    """
    if coefficient.has(LOG):
        parts = [part.LC() for part in _polynomials(coefficient)]
    else:
        parts = [coefficient]
    for part in parts:
        if not (part.is_nonzero or keeps_its_sign(part, given)):
            raise SeriesError(f"the coefficient {part} may be 0")


def _compose(coefficients: list[sympy.Expr], small: Series, width: Fraction) -> Series:
    """Σ coefficients[k] small^k up to O(t^width), for a series that tends to 0."""
    result = _constant(coefficients[0])
    if not small.terms and small.order is None:
        return result
    step = _start(small)
    if step <= 0:
        raise SeriesError("the inner series does not tend to 0")
    power = _constant(sympy.S.One)
    for coefficient in coefficients[1:]:
        power = _series(
            _multiply(power, small).terms, _lowest(width, _multiply(power, small).order)
        )
        result = _add(result, _scale(power, coefficient))
    reached = step * len(coefficients)
    return _series(result.terms, _lowest(result.order, reached, width))


def _count(small: Series, width: Fraction) -> int:
    if not small.terms and small.order is None:
        return 1
    step = _start(small)
    if step <= 0:
        raise SeriesError("the inner series does not tend to 0")
    return int(width / step) + 1


class _Expansion:
    """Expansion of an expression in t, each function's series truncated at relative width."""

    def __init__(self, t: sympy.Symbol, width: Fraction, given: Intervals) -> None:
        self.t = t
        self.width = width
        self.given = given

    def of(self, expression: sympy.Expr) -> Series:
        if not expression.has(self.t):
            if expression.has(sympy.oo, sympy.nan, sympy.zoo):
                raise SeriesError(f"{expression} is not finite")
            return _constant(expression)
        if expression == self.t:
            return Series({Fraction(1): sympy.S.One}, None)
        if isinstance(expression, sympy.Add):
            total = Series({}, None)
            for term in expression.args:
                total = _add(total, self.of(cast(sympy.Expr, term)))
            return total
        if isinstance(expression, sympy.Mul):
            product = _constant(sympy.S.One)
            for factor in expression.args:
                product = _multiply(product, self.of(cast(sympy.Expr, factor)))
            return product
        if isinstance(expression, sympy.exp):
            return self._exp(self.of(cast(sympy.Expr, expression.args[0])))
        if isinstance(expression, sympy.Pow):
            return self._power(*expression.as_base_exp())
        if isinstance(expression, sympy.log):
            return self._log(self.of(cast(sympy.Expr, expression.args[0])))
        return self._analytic(expression)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Series:
        if exponent.has(self.t):
            return self._exp(_multiply(self.of(exponent), self._log(self.of(base))))
        inner = self.of(base)
        if exponent.is_Integer and 0 <= int(exponent) <= 8:
            result = _constant(sympy.S.One)
            for _ in range(int(exponent)):
                result = _multiply(result, inner)
            return result
        coefficient, start, small = _normalised(inner, self.given)
        if not exponent.is_Integer:
            self._require_positive(coefficient)
        if start != 0 and not exponent.is_Rational:
            raise SeriesError(f"t^({exponent}) is no rational power of t")
        coefficients = [
            sympy.ff(exponent, k) / sympy.factorial(k) for k in range(_count(small, self.width))
        ]
        shift = start * _fraction(exponent) if start != 0 else Fraction(0)
        grown = _compose(coefficients, small, self.width)
        return _shift(_scale(grown, coefficient**exponent), shift)

    def _require_positive(self, coefficient: sympy.Expr) -> None:
        if coefficient.has(LOG):
            raise SeriesError(f"a fractional power or logarithm of {coefficient}, l = log t")
        if not proves_at_least_zero(coefficient, self.given, strict=True):
            raise SeriesError(f"the leading coefficient {coefficient} was not shown positive")

    def _log(self, inner: Series) -> Series:
        coefficient, start, small = _normalised(inner, self.given)
        self._require_positive(coefficient)
        count = _count(small, self.width)
        alternating = [sympy.Integer((-1) ** (k + 1)) / k for k in range(1, count)]
        coefficients = [sympy.S.Zero, *alternating]
        head = sympy.log(coefficient) + sympy.Rational(start.numerator, start.denominator) * LOG
        return _add(_constant(head), _compose(coefficients, small, self.width))

    def _exp(self, inner: Series) -> Series:
        if inner.leading is not None and inner.leading < 0:
            raise SeriesError("the exponent of exp is unbounded; take logarithms first")
        constant = inner.terms.get(Fraction(0), sympy.S.Zero)
        if inner.order is not None and inner.order <= 0:
            raise SeriesError("the exponent of exp is known too roughly")
        small = Series({e: c for e, c in inner.terms.items() if e > 0}, inner.order)
        coefficients = [1 / sympy.factorial(k) for k in range(_count(small, self.width))]
        grown = _compose(coefficients, small, self.width)
        slope = sympy.diff(constant, LOG)
        if slope == 0:
            return _scale(grown, sympy.exp(constant))
        rest = sympy.expand(constant - slope * LOG)
        if not slope.is_Rational or rest.has(LOG):
            raise SeriesError(f"exp({constant}) with l = log t is no rational power of t")
        return _shift(_scale(grown, sympy.exp(rest)), _fraction(slope))

    def _analytic(self, expression: sympy.Expr) -> Series:
        """Taylor's series of a one-place function at the inner limit, where it is analytic."""
        function = expression.func
        if len(expression.args) != 1:
            raise SeriesError(f"no series is known for {expression}")
        inner = self.of(cast(sympy.Expr, expression.args[0]))
        if function is sympy.atan and inner.leading is not None and inner.leading < 0:
            reciprocal = self._power_of(inner, sympy.Integer(-1))
            sign = _sign(inner.terms[inner.leading], self.given)
            tail = self._taylor(sympy.atan, reciprocal)
            return _add(_constant(sign * sympy.pi / 2), _scale(tail, sympy.Integer(-1)))
        if inner.leading is not None and inner.leading < 0:
            if function is sympy.erf:
                # erfc of a growing power of 1/t is smaller than every power of t.
                sign = _sign(inner.terms[inner.leading], self.given)
                return Series({Fraction(0): sign}, self.width)
            raise SeriesError(f"the argument of {function} is unbounded")
        return self._taylor(function, inner)

    def _power_of(self, inner: Series, exponent: sympy.Integer) -> Series:
        coefficient, start, small = _normalised(inner, self.given)
        coefficients = [
            sympy.ff(exponent, k) / sympy.factorial(k) for k in range(_count(small, self.width))
        ]
        grown = _compose(coefficients, small, self.width)
        return _shift(_scale(grown, coefficient**exponent), start * int(exponent))

    def _taylor(self, function: Callable[[sympy.Expr], sympy.Expr], inner: Series) -> Series:
        if inner.order is not None and inner.order <= 0:
            raise SeriesError(f"the argument of {function} is known too roughly")
        centre = inner.terms.get(Fraction(0), sympy.S.Zero)
        if centre.has(LOG):
            raise SeriesError(f"the argument of {function} grows like log t")
        small = Series({e: c for e, c in inner.terms.items() if e > 0}, inner.order)
        if not self._analytic_at(function, centre):
            raise SeriesError(f"{function} was not shown analytic at {centre}")
        y = sympy.Dummy("y")
        coefficients, derivative = [], function(y)
        for k in range(_count(small, self.width)):
            coefficients.append(derivative.subs(y, centre) / sympy.factorial(k))
            derivative = sympy.diff(derivative, y)
        return _compose(coefficients, small, self.width)

    def _analytic_at(
        self, function: Callable[[sympy.Expr], sympy.Expr], centre: sympy.Expr
    ) -> bool:
        if function in REAL_ONLY:
            return proves_real(centre, self.given)
        if function in ENTIRE:
            return True
        if function in (sympy.gamma, sympy.loggamma, sympy.digamma):
            return proves_at_least_zero(centre, self.given, strict=True)
        return function in (sympy.erf, sympy.erfc)


def _sign(coefficient: sympy.Expr, given: Intervals) -> sympy.Integer:
    if not coefficient.has(LOG):
        for sign in (1, -1):
            if proves_at_least_zero(sign * coefficient, given, strict=True):
                return sympy.Integer(sign)
    raise SeriesError(f"the sign of {coefficient} was not decided")


def _limit_of_series(series: Series, given: Intervals) -> sympy.Expr | None:
    """The limit as t -> 0+, or None if more terms are needed."""
    leading = series.leading
    if leading is None:
        if series.order is None or series.order > 0:
            return sympy.S.Zero
        return None
    if leading > 0:
        return sympy.S.Zero
    if series.order is not None and series.order <= 0 and leading == 0:
        return None
    if leading == 0:
        return _limit_in_log(series.terms[leading], given)
    return _infinite(series.terms[leading], given)


def _limit_in_log(coefficient: sympy.Expr, given: Intervals) -> sympy.Expr:
    """The limit of a rational function of l as l -> -oo."""
    if not coefficient.has(LOG):
        return coefficient
    numerator, denominator = _polynomials(coefficient)
    _require_nonzero(denominator.LC(), given)
    if numerator.degree() < denominator.degree():
        return sympy.S.Zero
    ratio = numerator.LC() / denominator.LC()
    if numerator.degree() == denominator.degree():
        return ratio
    sign = (-1) ** (numerator.degree() - denominator.degree())
    return _sign(sign * ratio, given) * sympy.oo


def _polynomials(coefficient: sympy.Expr) -> tuple[sympy.Poly, sympy.Poly]:
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(coefficient)))
    if not (numerator.is_polynomial(LOG) and denominator.is_polynomial(LOG)):
        raise SeriesError(f"{coefficient} is not rational in l = log t")
    tidied = [
        sympy.Poly({m: _tidy(c) for m, c in sympy.Poly(part, LOG).terms()}, LOG)
        for part in (numerator, denominator)
    ]
    return tidied[0], tidied[1]


def _infinite(coefficient: sympy.Expr, given: Intervals) -> sympy.Expr:
    """±oo, by the sign of the leading coefficient for l -> -oo."""
    if not coefficient.has(LOG):
        return _sign(coefficient, given) * sympy.oo
    numerator, denominator = _polynomials(coefficient)
    sign = (-1) ** (numerator.degree() - denominator.degree())
    return _sign(sign * numerator.LC() / denominator.LC(), given) * sympy.oo


def expansion(
    expression: sympy.Expr,
    t: sympy.Symbol,
    width: int | Fraction,
    given: Intervals | None = None,
) -> Series:
    """The generalised series of `expression` for t -> 0+, functions truncated at `width`.

    Raises
    ------
    SeriesError : there is none of this kind for all parameters in their intervals `given`.
    """
    return _Expansion(t, Fraction(width), given or {}).of(sympy.sympify(expression))


def limit_of(
    expression: sympy.Expr,
    variable: sympy.Symbol,
    to: sympy.Expr,
    direction: str = "+",
    given: Intervals | None = None,
) -> sympy.Expr:
    """The limit of `expression` as variable -> to (from above for "+"), exactly.

    Raises
    ------
    SeriesError : no expansion of this kind within `MAX_TERMS` terms, or not for all parameters.
    """
    expression, to = sympy.sympify(expression), sympy.sympify(to)
    t = sympy.Dummy("t", positive=True)
    if to == sympy.oo:
        image: sympy.Expr = 1 / t
    elif to == -sympy.oo:
        image = -1 / t
    else:
        image = to + t if direction == "+" else to - t
    moved = sympy.sympify(expression.subs([(variable, image)]))
    if moved.has(sympy.Integral, sympy.Sum, sympy.Derivative, sympy.Limit):
        raise SeriesError(f"{expression} contains an unevaluated operation")
    known = {symbol: ends for symbol, ends in (given or {}).items() if symbol != variable}
    failure = "no term survives"
    for width in (2, 4, 8, MAX_TERMS):
        try:
            limit = _limit_of_series(expansion(moved, t, width, known), known)
        except SeriesError as error:
            failure = str(error)
            if "cancels" not in failure and "too roughly" not in failure:
                raise
            continue
        if limit is not None:
            return limit
    raise SeriesError(f"{failure} with {MAX_TERMS} terms")
