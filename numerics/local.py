"""Arithmetic at an end of the domain: functions `t^v f(t)` as t ↓ 0.

The state is `x = −1/t` or `1/t` at an infinite end, `x = λ ± t` at a finite one. Two kinds of f
share one program: a power series in t, and a complex ball for all t of a box around 0, with the
leading power kept outside, so that poles at t = 0 do no harm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import acb, acb_poly, arb, arb_series, ctx, fmpq, fmpq_series

from numerics.discs import log_lower
from numerics.evaluators import (
    ACB_ANALYTIC_OPERATIONS,
    SERIES_OPERATIONS,
    as_fmpq,
    compiled,
    rational_constants,
)
from numerics.program import Program
from numerics.rational import AlgebraicNumber, around, rational_functions


class NotLocal(Exception):
    """The function has no expansion of this kind at the end of the domain."""


@dataclass(frozen=True)
class End:
    """An end of the domain: the infinite one on a side, or a finite point approached from a side.

    `outward` is −1 for a left end, +1 for a right end.
    """

    outward: int
    point: Fraction | AlgebraicNumber | None = None

    @property
    def power(self) -> int:
        """|dx/dt| = t**power."""
        return -2 if self.point is None else 0

    def parameter(self, x: arb) -> arb:
        """t of a state x near the end."""
        if self.point is None:
            return self.outward / x
        return (x - self.location()) * -self.outward

    def location(self) -> arb:
        """The finite point at the working precision."""
        if isinstance(self.point, AlgebraicNumber):
            return self.point.ball()
        assert self.point is not None
        return arb(as_fmpq(self.point))

    def ball(self, t: arb) -> arb:
        """x of a ball of parameters."""
        if self.point is None:
            return self.outward / t
        return self.location() - self.outward * t

    def slope(self, t: arb) -> arb:
        """dx/dt."""
        return -self.outward / t**2 if self.point is None else arb(-self.outward)

    def state(self, t: float) -> float:
        """x of a parameter t, in double precision."""
        if self.point is None:
            return self.outward / t
        return float(self.point) - self.outward * t


# --- expansions: f a power series or a complex ball -----------------------------------------------


@dataclass(slots=True)
class Local:
    """`t^order · factor(t)`; a factor None stands for 0.

    `t` is the parameter itself, a series or a ball; None in constants, whose factor is a real ball.
    """

    order: int
    factor: Any
    t: Any

    @property
    def is_zero(self) -> bool:
        return self.factor is None

    def _with(self, order: int, factor: Any) -> Local:
        return Local(order, factor, self.t)

    def __neg__(self) -> Local:
        return self if self.factor is None else self._with(self.order, -self.factor)

    def __add__(self, other: Local) -> Local:
        if self.factor is None:
            return other
        if other.factor is None:
            return self
        low, high = (self, other) if self.order <= other.order else (other, self)
        gap = high.order - low.order
        t = self.t if self.t is not None else other.t
        factor = low.factor + (high.factor * t**gap if gap else high.factor)
        return Local(low.order, factor, t)._normalised()

    def _normalised(self) -> Local:
        """Take out powers of t whose coefficients vanish exactly."""
        if isinstance(self.factor, acb):
            return self
        if isinstance(self.factor, arb | fmpq):
            return self._with(0, None) if self.factor == 0 else self
        coefficients = self.factor.coeffs()
        # Not `c != 0`: that is false of NaN, and of every ball that holds 0.
        lead = next((i for i, c in enumerate(coefficients) if not c == 0), None)  # noqa: SIM201
        if lead is None:
            return self._with(0, None)
        if lead == 0:
            return self
        kept = self.factor.prec - lead
        series = type(self.factor)(coefficients[lead:], max(kept, 1))
        return self._with(self.order + lead, series)

    def __sub__(self, other: Local) -> Local:
        return self + (-other)

    def __mul__(self, other: Local) -> Local:
        if self.factor is None or other.factor is None:
            return self._with(0, None)
        t = self.t if self.t is not None else other.t
        return Local(self.order + other.order, self.factor * other.factor, t)

    def __truediv__(self, other: Local) -> Local:
        if other.factor is None:
            raise NotLocal("division by zero")
        if self.factor is None:
            return self
        if isinstance(other.factor, arb_series) and other.factor[0].contains(0):
            raise NotLocal("division by a series whose first coefficient may be 0")
        t = self.t if self.t is not None else other.t
        return Local(self.order - other.order, self.factor / other.factor, t)

    def plain(self) -> Any:
        """The value as an ordinary series or ball, where it is finite at the end."""
        if self.factor is None:
            return arb(0)
        if self.order < 0:
            raise NotLocal("unbounded argument")
        return self.factor * self.t**self.order if self.order else self.factor


def _whole_power(x: Local, n: int) -> Local:
    if x.factor is None:
        if n <= 0:
            raise NotLocal("0 to a power that is not positive")
        return x
    return Local(x.order * n, x.factor**n, x.t)


def _rational_power(x: Local, p: int, q: int) -> Local:
    if x.factor is None:
        return x
    order = Fraction(x.order * p, q)
    if order.denominator != 1:
        raise NotLocal("a fractional power of the parameter")
    if not isinstance(x.factor, acb):
        start = x.factor[0] if isinstance(x.factor, arb_series) else x.factor
        if not start > 0:
            raise NotLocal("a root of a quantity not proved positive")
        root = x.factor.sqrt() ** p if q == 2 else x.factor ** arb(as_fmpq(Fraction(p, q)))
    else:
        root = x.factor.pow(acb(arb(as_fmpq(Fraction(p, q)))), analytic=True)
    return Local(int(order), root, x.t)


def _entire(operations: Mapping[str, Any], name: str) -> Callable[[Local], Local]:
    def call(x: Local) -> Local:
        value = operations[f"{name}_"](x.plain())
        if isinstance(value, arb_series) and not all(c.is_finite() for c in value.coeffs()):
            # log w at w = 0, or acosh w at 1
            raise NotLocal("a function without expansion at the end")
        return Local(0, value, x.t)._normalised()

    return call


def _atan(operations: Mapping[str, Any]) -> Callable[[Local], Local]:
    """atan(y) = ±π/2 − atan(1/y) for unbounded y: analytic at the end."""

    def call(x: Local) -> Local:
        if x.factor is None or x.order >= 0:
            return Local(0, operations["atan_"](x.plain()), x.t)
        start = x.factor[0] if isinstance(x.factor, arb_series) else x.factor.real
        if not (start > 0 or start < 0):
            raise NotLocal("the arc tangent of a quantity of unknown sign")
        half_turn = arb.pi() / (2 if start > 0 else -2)
        inverse = Local(-x.order, 1 / x.factor, x.t)
        return Local(0, half_turn - operations["atan_"](inverse.plain()), x.t)

    return call


def _refuse(*_: Any) -> Any:
    raise NotLocal("an operation without expansion at the end")


def _expansion_operations(operations: Mapping[str, Any]) -> dict[str, Any]:
    names = "exp log sqrt sin cos tan sinh cosh tanh asin acos asinh acosh atanh erf erfc gamma"
    made: dict[str, Any] = {f"{n}_": _entire(operations, n) for n in names.split()}
    made |= {f"{n}_": _refuse for n in ("abs", "sign", "select", "lt", "le", "not", "and", "or")}
    made |= {f"{n}_": _refuse for n in ("pow", "lgamma", "digamma", "real", "imag", "conjugate")}
    return made | {
        "whole_power": _whole_power,
        "rational_power": _rational_power,
        "sqrt_": lambda x: _rational_power(x, 1, 2),
        "atan_": _atan(operations),
        "pi_": lambda: Local(0, arb.pi(), None),
        "euler_gamma_": lambda: Local(0, arb.const_euler(), None),
        "true_": _refuse,
        "false_": _refuse,
        "imaginary_unit_": _refuse,
    }


@lru_cache(maxsize=512)
def _expansion(program: Program, analytic: bool) -> Callable[..., tuple[Any, ...]]:
    table = ACB_ANALYTIC_OPERATIONS if analytic else SERIES_OPERATIONS
    return compiled(program, _expansion_operations(table))


@lru_cache(maxsize=512)
def _exact_expansion(program: Program) -> Callable[..., tuple[Any, ...]]:
    operations = dict.fromkeys(_expansion_operations(SERIES_OPERATIONS), _refuse)
    return compiled(program, operations | {"whole_power": _whole_power})


def centred(program: Program, end: End) -> tuple[Program, End]:
    """A finite end moved to 0, its cancellations done exactly, where the program is rational."""
    if end.point is None or isinstance(end.point, AlgebraicNumber):
        return program, end
    moved = around(program, end.point)
    return (program, end) if moved is None else (moved, End(end.outward, Fraction(0)))


def expand(program: Program, end: End, t: arb_series | acb) -> tuple[Local, ...]:
    """The outputs at `x(t)`, as series (t the series variable) or on a box of t around 0."""
    if isinstance(end.point, AlgebraicNumber):
        return _expand_at_algebraic(program, end.point, end.outward, t)
    program, end = centred(program, end)
    constants = _constants(program, ctx.prec)
    return _expansion(program, isinstance(t, acb))(constants, _state(end, t))


def _expand_at_algebraic(
    program: Program, point: AlgebraicNumber, outward: int, t: arb_series | acb
) -> tuple[Local, ...]:
    """Quotients of polynomials around an irrational zero: which coefficients vanish is exact."""

    def polynomial(order: int, coefficients: list[arb]) -> Local:
        if not coefficients:
            return Local(0, None, t)
        if isinstance(t, acb):
            return Local(order, acb_poly(coefficients)(t), t)
        return Local(order, arb_series(coefficients, ctx.cap), t)

    pairs = _taylor_at_algebraic(program, point, outward, ctx.prec)
    return tuple(polynomial(*above) / polynomial(*below) for above, below in pairs)


@lru_cache(maxsize=512)
def _taylor_at_algebraic(
    program: Program, point: AlgebraicNumber, outward: int, precision: int
) -> list[list[tuple[int, list[arb]]]]:
    functions = rational_functions(program)
    if functions is None:
        raise NotLocal("a function that is not rational at an irrational zero of C")
    with ctx.workprec(precision):
        return [[point.taylor(p, -outward) for p in pair] for pair in functions]


@lru_cache(maxsize=512)
def _constants(program: Program, precision: int) -> list[Local]:
    return [Local(0, arb(as_fmpq(f)) if f else None, None) for f in rational_constants(program)]


def expand_exactly(program: Program, end: End) -> tuple[Local, ...]:
    """The outputs as power series with exact rational coefficients, where the formula allows it."""
    if isinstance(end.point, AlgebraicNumber):
        raise NotLocal("irrational coefficients")
    program, end = centred(program, end)
    constants = [Local(0, as_fmpq(f) if f else None, None) for f in rational_constants(program)]
    return _exact_expansion(program)(constants, _state(end, fmpq_series([0, 1]), fmpq))


def _state(end: End, t: Any, number: Callable[[int], Any] = arb) -> Local:
    if end.point is None:
        return Local(-1, number(end.outward), t)
    assert not isinstance(end.point, AlgebraicNumber)
    offset = Local(1, number(-end.outward), t)
    point = as_fmpq(end.point)
    return Local(0, point if number is fmpq else arb(point), t) + offset if end.point else offset


def lower_log(x: Local) -> float:
    """log of a lower bound of |factor| (on a box)."""
    return -math.inf if x.factor is None else log_lower(x.factor)
