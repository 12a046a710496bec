"""Values of formulas at exact points and over boxes, in ball arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import sympy
from flint import acb, arb, ctx
from sympy.core.basic import Basic
from sympy.core.function import AppliedUndef

from exitlaw.claim import Domain, Point
from numerics.enclosure import Enclosure
from numerics.evaluators import evaluate_acb, evaluate_arb
from numerics.lowering import lower, lower_constant
from numerics.program import Program

MAX_BITS = 1 << 14
"""Precision at which an evaluation that is still too wide is given up."""


class UndefinedFormula(ValueError):
    """The formula has no real value at a point: shown, not suspected."""


class TooWide(ValueError):
    """The enclosure does not reach the digits asked for at `MAX_BITS`."""


def fraction(value: sympy.Expr | Fraction | int) -> Fraction:
    """An exact rational as a Fraction."""
    if isinstance(value, Fraction | int):
        return Fraction(value)
    if not isinstance(value, sympy.Rational):
        raise ValueError(f"expected a rational number; received {value}")
    return Fraction(int(value.p), int(value.q))


def describe(point: Point) -> dict[str, str]:
    """A point for people and for JSON."""
    return {str(symbol): str(value) for symbol, value in point.items()}


def outside(point: Point, domain: Domain) -> str | None:
    """Why a point is not in the domain, or None if it is."""
    for symbol, allowed in domain.ranges.items():
        if symbol not in point:
            continue
        value = sympy.sympify(point[symbol])
        assumed = excluded_by(symbol, value)
        if assumed is not None:
            return f"{symbol} is {assumed}, so that it cannot be {value}"
        if allowed.values:
            if value not in allowed.values:
                return f"{symbol} = {value} is none of the listed values"
        elif not (sympify(allowed.low) <= value) or not (value <= sympify(allowed.high)):
            return f"{symbol} = {value} is outside [{allowed.low}, {allowed.high}]"
    for constraint in domain.constraints:
        unknown = constraint.free_symbols - set(point)
        if unknown and constraint.has(sympy.Indexed, AppliedUndef):
            continue  # about data or functions, which a point does not show
        if unknown:
            names = ", ".join(sorted(map(str, unknown)))
            return f"the point gives no value to {names}, so that {constraint} is undecided"
        if constraint.subs(list(point.items())) != sympy.true:
            return f"the constraint {constraint} does not hold"
    return None


def excluded_by(symbol: sympy.Symbol, value: sympy.Expr) -> str | None:
    """What the symbol is assumed to be and the number is not, or None.

    0 counts as the end of the positive, and of the negative, numbers.
    """
    for assumption in ("integer", "rational", "real", "nonnegative", "nonpositive"):
        if getattr(symbol, f"is_{assumption}") and getattr(value, f"is_{assumption}") is False:
            return assumption
    return None


def sympify(value: Fraction | int | sympy.Expr) -> sympy.Expr:
    """A rational number as SymPy's."""
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    return sympy.sympify(value)


def _symbols(formula: Basic, point: Point) -> list[sympy.Symbol]:
    symbols = sorted(formula.free_symbols, key=str)
    missing = [str(s) for s in symbols if s not in point]
    if missing:
        raise ValueError(f"the point gives no value to {', '.join(missing)}")
    return symbols  # type: ignore[return-value]


def enclose(formula: sympy.Expr, point: Point, digits: int) -> Enclosure:
    """The formula's value at an exact point, with `digits` certain digits.

    A value that may be zero is enclosed absolutely. Precision is raised until the digits are there.

    Raises
    ------
    UndefinedFormula : the formula has no real value there.
    TooWide : the digits are not reached.
    ComputationError : the formula has no evaluation.
    """
    formula = sympy.sympify(formula)
    _refuse_distributions(formula)
    symbols = _symbols(formula, point)
    program = lower(formula, symbols)
    constants = [lower_constant(point[s]) for s in symbols]
    bits = 64 + int(3.33 * digits)
    while bits <= MAX_BITS:
        with ctx.workprec(bits):
            inputs = [evaluate_arb(constant)[0] for constant in constants]
            (ball,) = evaluate_arb(program, *inputs)
            if ball.is_finite() and _narrow(ball, digits):
                return Enclosure.from_arb(ball)
            if not ball.is_finite() and bits == 64 + int(3.33 * digits):
                _refuse_undefined(formula, point, program, inputs)
        bits *= 2
    raise TooWide(f"no {digits} certain digits of the formula at {describe(point)}")


def _narrow(ball: arb, digits: int) -> bool:
    width = 2 * ball.rad()
    bound = arb(10) ** (-digits)
    return bool(width <= bound * abs(ball).lower()) or bool(
        ball.contains(0) and width <= bound * bound
    )


def _refuse_undefined(
    formula: sympy.Expr, point: Point, program: Program, inputs: Sequence[arb]
) -> None:
    """Raise `UndefinedFormula` where the value is shown not to be a real number."""
    (value,) = evaluate_acb(program, *(acb(x) for x in inputs))
    if value.is_finite() and not value.imag.contains(0):
        raise UndefinedFormula("the formula is not real")
    exact = formula.subs(list(point.items()))
    if exact.has(sympy.zoo, sympy.nan) or exact in (sympy.oo, -sympy.oo):
        raise UndefinedFormula(f"the formula is {exact}")


def truth(condition: Basic, point: Point) -> bool | None:
    """Whether a condition holds at an exact point; None where it cannot be decided."""
    value = sympy.sympify(condition).subs(list(point.items()))
    if value == sympy.true:
        return True
    if value == sympy.false:
        return False
    return None


KINKS = (sympy.Abs, sympy.Piecewise, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside)
"""Functions whose derivative says nothing across a kink or a jump."""


def _refuse_distributions(formula: Basic) -> None:
    """A delta function has no values; where it is the slope of a kink, it counts as 0."""
    if formula.has(sympy.DiracDelta):
        raise ValueError("expected a formula with values; received one with DiracDelta")


class BoxFormula:
    """A formula over boxes: enclosed directly and, where it is smooth, by its mean-value form."""

    def __init__(self, formula: sympy.Expr, symbols: Sequence[sympy.Symbol]) -> None:
        _refuse_distributions(formula)
        self.program = lower(formula, symbols)
        self.slopes: list[Program] | None = None
        if not formula.has(*KINKS):
            self.slopes = [lower(sympy.diff(formula, s), symbols) for s in symbols]

    def over(self, box: Sequence[arb]) -> arb:
        """An enclosure of the formula's values on the box."""
        (direct,) = evaluate_arb(self.program, *box)
        # Where it is not finite the formula may have a pole or a jump: no mean-value form then.
        if self.slopes is None or not direct.is_finite():
            return direct
        middle = [x.mid() for x in box]
        (result,) = evaluate_arb(self.program, *middle)
        for slope, x, m in zip(self.slopes, box, middle, strict=True):
            if x.is_exact():
                continue
            (rate,) = evaluate_arb(slope, *box)
            result = result + rate * (x - m)
        if not result.is_finite():
            return direct
        return result.intersection(direct) if result.overlaps(direct) else direct

    def slopes_over(self, box: Sequence[arb]) -> list[float] | None:
        """Sizes of the partial derivatives, to choose where to cut."""
        if self.slopes is None:
            return None
        return [float(abs(evaluate_arb(slope, *box)[0]).upper()) for slope in self.slopes]


def as_ball(low: Fraction, high: Fraction) -> arb:
    """A ball that contains [low, high]."""
    a = arb(low.numerator) / low.denominator
    b = arb(high.numerator) / high.denominator
    return a.union(b)


def as_point(values: Mapping[sympy.Symbol, Fraction]) -> dict[sympy.Symbol, sympy.Expr]:
    """Fractions as SymPy rationals."""
    return {symbol: sympify(value) for symbol, value in values.items()}
