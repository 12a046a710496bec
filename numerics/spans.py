"""Bounds valid all the way to an end of the domain: `t^order · [low, high]` for all 0 < t <= T.

For functions that have no expansion at the end (sines, exponentials, logarithms), bounds are enough
to prove that an integral converges or diverges and how little lies beyond a cut. Ends of the
interval are doubles, rounded outward; they may be infinite.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx

from numerics.evaluators import compiled, rational_constants
from numerics.local import End, NotLocal, centred
from numerics.program import Program

LARGEST_POWER = 16
"""The power of t by which exponentials are bounded."""


def _down(x: float) -> float:
    return math.nextafter(x - 4e-16 * abs(x), -math.inf) if math.isfinite(x) else x


def _up(x: float) -> float:
    return math.nextafter(x + 4e-16 * abs(x), math.inf) if math.isfinite(x) else x


def _times(a: float, b: float) -> float:
    # An unbounded but finite quantity times zero is zero.
    return 0.0 if a == 0 or b == 0 else a * b


def _power_of(top: float, order: Fraction) -> float:
    try:
        return top ** float(order)
    except OverflowError:
        return sys.float_info.max if top < 1 else math.inf


@dataclass(frozen=True)
class Span:
    """`t^order · v` with v in [low, high], for every t in (0, top]."""

    order: Fraction
    low: float
    high: float
    top: float

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high):
            raise NotLocal("a quantity without bounds")
        # Every value is finite: a lower bound that overflowed is the largest double, not infinity.
        object.__setattr__(self, "low", min(self.low, sys.float_info.max))
        object.__setattr__(self, "high", max(self.high, -sys.float_info.max))

    def _with(self, order: Fraction, low: float, high: float) -> Span:
        return Span(order, _down(low), _up(high), self.top)

    @property
    def is_zero(self) -> bool:
        return self.low == 0 == self.high

    def lifted(self, order: Fraction) -> tuple[float, float]:
        """Bounds of `t^(−order) ·` self, for an order not above its own."""
        gap = self.order - order
        if gap == 0:
            return self.low, self.high
        scale = _up(_power_of(self.top, gap))
        low = 0.0 if self.low >= 0 else _down(_times(self.low, scale))
        high = 0.0 if self.high <= 0 else _up(_times(self.high, scale))
        return low, high

    def values(self) -> tuple[float, float]:
        """Bounds of the value itself over (0, top]; unbounded where the order is negative."""
        if self.order >= 0:
            return self.lifted(Fraction(0))
        scale = _down(_power_of(self.top, self.order))
        low = -math.inf if self.low < 0 else _down(_times(self.low, scale))
        high = math.inf if self.high > 0 else _up(_times(self.high, scale))
        return low, high

    def __neg__(self) -> Span:
        return Span(self.order, -self.high, -self.low, self.top)

    def __add__(self, other: Span) -> Span:
        if self.is_zero:
            return other
        if other.is_zero:
            return self
        order = min(self.order, other.order)
        a, b = self.lifted(order), other.lifted(order)
        return self._with(order, a[0] + b[0], a[1] + b[1])

    def __sub__(self, other: Span) -> Span:
        return self + (-other)

    def __mul__(self, other: Span) -> Span:
        products = [_times(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return self._with(self.order + other.order, min(products), max(products))

    def inverse(self) -> Span:
        """1/self; the sign must be certain."""
        if not (self.low > 0 or self.high < 0):
            raise NotLocal("division by a quantity that may vanish")
        return self._with(-self.order, 1 / self.high, 1 / self.low)

    def __truediv__(self, other: Span) -> Span:
        return self * other.inverse()

    @property
    def sign(self) -> int:
        """+1, −1, or 0 if not certain."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def _constant(x: float, top: float) -> Span:
    return Span(Fraction(0), _down(x), _up(x), top)


def _whole_power(x: Span, n: int) -> Span:
    if n < 0:
        return _whole_power(x.inverse(), -n)
    if n == 0:
        return Span(Fraction(0), 1.0, 1.0, x.top)
    ends = [_power(x.low, n), _power(x.high, n)]
    low = 0.0 if n % 2 == 0 and x.low <= 0 <= x.high else min(ends)
    slack = 1 + 4e-16 * n
    return Span(
        x.order * n,
        _down(low / slack if low > 0 else low * slack),
        _up(max(ends) * slack if max(ends) > 0 else max(ends) / slack),
        x.top,
    )


def _power(x: float, n: float) -> float:
    try:
        return x**n
    except OverflowError:
        return math.inf if x > 0 or n % 2 == 0 else -math.inf


def _rational_power(x: Span, p: int, q: int) -> Span:
    if x.low < 0:
        raise NotLocal("a root of a quantity that may be negative")
    exponent = p / q
    if p < 0 and x.low == 0:
        raise NotLocal("division by a quantity that may vanish")
    ends = sorted(_power(v, exponent) for v in (x.low, x.high))
    return Span(x.order * Fraction(p, q), ends[0] * (1 - 1e-14), ends[1] * (1 + 1e-14), x.top)


def _exp(x: Span) -> Span:
    if x.order >= 0:
        low, high = x.values()
        return Span(Fraction(0), _safe_exp(low) * (1 - 1e-14), _safe_exp(high) * (1 + 1e-14), x.top)
    if x.sign == 0:
        raise NotLocal("the exponential of a quantity of unknown sign")
    if x.sign < 0:
        return _exp(-x).inverse()
    # exp(c t^−a) t^m is decreasing on (0, top] where c a top^−a >= m, so at least its value at top.
    a = -float(x.order)
    rate = x.low * _power_of(x.top, x.order)
    power = math.floor(min(LARGEST_POWER, rate * a))
    lowest = _safe_exp(rate + power * math.log(x.top)) * (1 - 1e-12)
    return Span(Fraction(-power), lowest, math.inf, x.top)


def _safe_exp(x: float) -> float:
    return math.inf if x > 709 else math.exp(x) if x > -745 else 0.0


def _log(x: Span) -> Span:
    low, high = x.values()
    if not x.low > 0:
        raise NotLocal("the logarithm of a quantity that may vanish")
    # A bound may underflow.
    log_low = _down(math.log(low)) if low > 0 else -math.inf
    log_high = _up(math.log(max(high, sys.float_info.min)))
    if x.order == 0:
        return Span(Fraction(0), log_low, log_high, x.top)
    if x.order < 0:
        return Span(Fraction(0), log_low, math.inf, x.top)
    return Span(Fraction(0), -math.inf, log_high, x.top)


def _bounded(name: str) -> Callable[[Span], Span]:
    """A function evaluated by balls where its argument is bounded, within [−1, 1] elsewhere."""

    def call(x: Span) -> Span:
        if x.order < 0:
            return Span(Fraction(0), -1.0, 1.0, x.top)
        return _by_balls(name)(x)

    return call


def _by_balls(name: str) -> Callable[[Span], Span]:
    def call(x: Span) -> Span:
        low, high = x.values()
        if not (math.isfinite(low) and math.isfinite(high)):
            raise NotLocal(f"{name} of an unbounded argument")
        with ctx.workprec(64):
            value = getattr(arb(low).union(arb(high)), name)()
        if not value.is_finite():
            raise NotLocal(f"{name} where it has no bound")
        return Span(Fraction(0), float(value.lower()), float(value.upper()), x.top)

    return call


def _of_growing(name: str, growing: Callable[[Span], Span]) -> Callable[[Span], Span]:
    """Balls for bounded arguments; `growing` for arguments that tend to ∞; odd functions."""
    plain = _by_balls(name)

    def call(x: Span) -> Span:
        if x.order >= 0:
            return plain(x)
        if x.sign == 0:
            raise NotLocal(f"{name} of a quantity of unknown sign")
        return growing(x) if x.sign > 0 else -growing(-x)

    return call


def _tanh_growing(x: Span) -> Span:
    one = _constant(1.0, x.top)
    small = _exp(-(x + x))
    return (one - small) / (one + small)


def _atan_growing(x: Span) -> Span:
    inverse = x.inverse()
    return _constant(math.pi / 2, x.top) - Span(inverse.order, 0.0, inverse.high, x.top)


def _asinh_growing(x: Span) -> Span:
    return Span(Fraction(0), _down(math.asinh(x.values()[0])), math.inf, x.top)


def _erf_growing(x: Span) -> Span:
    return Span(Fraction(0), math.erf(x.values()[0]) * (1 - 1e-14), 1.0, x.top)


def _sinh_growing(x: Span) -> Span:
    up = _exp(x)
    return (up - up.inverse()) * _constant(0.5, x.top)


def _cosh(x: Span) -> Span:
    if x.order >= 0:
        return _by_balls("cosh")(x)
    up = _exp(x if x.sign > 0 else -x)
    return (up + up.inverse()) * _constant(0.5, x.top)


def _rest(kind: str, k: int) -> Callable[[Span], Span]:
    """ε_k or λ_k of `numerics.transseries`: within |z| of the value at 0, times a factor."""

    def call(x: Span) -> Span:
        low, high = x.values()
        size = max(-low, high)
        if not size < 0.5:
            raise NotLocal(f"{kind} of an argument that is not small")
        middle = float(leading(kind, k))
        # Σ_{j>=1} |z|^j/(j + k)! and Σ_{j>=1} |z|^j/(j + k), |z| < 1/2
        slope = 1.3 * float(leading("exp_rest", k + 1)) if kind == "exp_rest" else 2 / (k + 1)
        error = _up(size * slope)
        return Span(Fraction(0), _down(middle - error), _up(middle + error), x.top)

    return call


def leading(kind: str, k: int) -> Fraction:
    """ε_k(0) = 1/k! or λ_k(0) = −(−1)^k/k."""
    return Fraction(1, math.factorial(k)) if kind == "exp_rest" else Fraction(-((-1) ** k), k)


RESTS = 12
"""The largest k of ε_k and λ_k."""


def _abs(x: Span) -> Span:
    if x.low >= 0:
        return x
    if x.high <= 0:
        return -x
    return Span(x.order, 0.0, max(-x.low, x.high), x.top)


def _select(condition: bool | None, yes: Span, no: Span) -> Span:
    if condition is None:
        raise NotLocal("a switch that is not settled at the end of the domain")
    return yes if condition else no


def _below_zero(x: Span) -> bool | None:
    return {1: False, -1: True, 0: None}[x.sign]


def _pow(x: Span, y: Span) -> Span:
    return _exp(y * _log(x))


def _sign(x: Span) -> Span:
    return _constant(float(x.sign), x.top) if x.sign else Span(Fraction(0), -1.0, 1.0, x.top)


def _refuse(*_: Any) -> Any:
    raise NotLocal("an operation without bounds at the end")


_UNBOUNDED = (
    *("asin", "acos", "acosh", "atanh", "erfc", "gamma", "lgamma", "digamma"),
    *("real", "imag", "conjugate", "imaginary_unit"),
)
"""Operations of which no bounds are derived here."""

_OPERATIONS: dict[str, Any] = {
    "whole_power": _whole_power,
    "rational_power": _rational_power,
    "pow_": _pow,
    "sqrt_": lambda x: _rational_power(x, 1, 2),
    "exp_": _exp,
    "log_": _log,
    "sin_": _bounded("sin"),
    "cos_": _bounded("cos"),
    "tan_": _by_balls("tan"),
    "sinh_": _of_growing("sinh", _sinh_growing),
    "cosh_": _cosh,
    "tanh_": _of_growing("tanh", _tanh_growing),
    "atan_": _of_growing("atan", _atan_growing),
    "asinh_": _of_growing("asinh", _asinh_growing),
    "erf_": _of_growing("erf", _erf_growing),
    "abs_": _abs,
    "sign_": _sign,
    "lt_": _below_zero,
    "le_": _below_zero,
    "not_": lambda c: None if c is None else not c,
    "and_": lambda *cs: False if False in cs else None if None in cs else True,
    "or_": lambda *cs: True if True in cs else None if None in cs else False,
    "true_": lambda: True,
    "false_": lambda: False,
    "select_": _select,
    **{f"{name}_": _refuse for name in _UNBOUNDED},
    **{
        f"{kind}{k}_": _rest(kind, k)
        for kind in ("exp_rest", "log_rest")
        for k in range(1, RESTS + 1)
    },
}


@lru_cache(maxsize=512)
def _function(program: Program, top: float) -> Callable[..., tuple[Any, ...]]:
    constants = {
        "pi_": lambda: _constant(math.pi, top),
        "euler_gamma_": lambda: _constant(0.5772156649015329, top),
    }
    return compiled(program, _OPERATIONS | constants)


def spans(program: Program, end: End, top: float) -> tuple[Span, ...]:
    """Bounds of the outputs on 0 < t <= top.

    Raises
    ------
    NotLocal : no bounds at this distance (they may exist closer to the end).
    """
    program, end = centred(program, end)
    constants = [
        Span(Fraction(0), 0.0, 0.0, top) if f == 0 else _constant(float(f), top)
        for f in rational_constants(program)
    ]
    outward = _exact(float(end.outward), top)
    if end.point is None:
        x = Span(Fraction(-1), outward.low, outward.high, top)
    else:
        offset = Span(Fraction(1), -outward.high, -outward.low, top)
        x = offset if end.point == 0 else _constant(float(end.point), top) + offset
    return _function(program, top)(constants, x)


def _exact(x: float, top: float) -> Span:
    return Span(Fraction(0), x, x, top)
