"""Elementary functions for kernels: polynomials without branches, tables or library calls.

A call into a mathematical library keeps a loop over lanes from becoming vector instructions, and
libraries differ in the last bit between machines. These functions are explicit fused multiply-adds,
as the normals of `numerics.simulation.streams` are: lanes vectorise, and every IEEE-754 machine
returns the same bits. NaN comes back as NaN.

Errors, held by tests against mpmath: exp 4·10⁻¹⁶ relative, log 10⁻¹⁵ relative, sin and cos
3·10⁻¹⁵ absolute for |x| < 10⁹, tanh 4·10⁻¹⁶ absolute, cosh and sinh 8·10⁻¹⁶ of cosh, x^y
(|y log x| + 4)·4·10⁻¹⁵ relative. The exponential is infinite from 709 on, and 0 below −708: what
overflows must look like it, or a path that exploded would seem to have come back.
"""

from __future__ import annotations

import math
import re

from numba import njit, uint64

from numerics.simulation.streams import (
    COS,
    SIN_OVER_V,
    bits_to_double,
    double_to_bits,
    fma,
    minus_two_log,
    polynomial,
)

EXP = (
    1.0,
    1.0,
    0.5000000000000019,
    0.1666666666666668,
    0.04166666666648795,
    0.008333333333319589,
    0.0013888888952352863,
    0.00019841269890076403,
    2.4801485441561313e-05,
    2.755724088722987e-06,
    2.763265472252779e-07,
    2.5110049204818658e-08,
)
"""Interpolant of eʳ at 12 Chebyshev points of |r| <= log(2)/2."""

_ROUNDING = 1.5 * 2.0**52
"""Added and subtracted, rounds to an integer, which the low bits of the sum hold."""
_LOG2 = (0.6931471805599453, 2.3190468138462996e-17)
_PI = (3.141592653589793, 1.2246467991473532e-16)
_OVERFLOW, _UNDERFLOW = 709.0, -708.0


@njit(forceinline=True, error_model="numpy")
def exp(x):
    """eˣ; ∞ for x >= 709, 0 for x < −708."""
    shifted = fma(x, 1.0 / _LOG2[0], _ROUNDING)
    n = shifted - _ROUNDING
    r = fma(-n, _LOG2[1], fma(-n, _LOG2[0], x))
    power = bits_to_double((double_to_bits(shifted) + uint64(1023)) << uint64(52))
    grown = math.inf if x >= _OVERFLOW else power * polynomial(EXP, r)
    return 0.0 if x < _UNDERFLOW else grown


@njit(forceinline=True, error_model="numpy")
def log(x):
    """log x; NaN for x <= 0."""
    # x − x is NaN at infinity.
    return (x - x) - 0.5 * minus_two_log(x) if x > 0.0 else math.nan


@njit(forceinline=True, error_model="numpy")
def _half_turns(x):
    """`(v, sign)`: x = π(n + v) with |v| <= 1/2, and (−1)ⁿ in the sign bit."""
    shifted = fma(x, 1.0 / _PI[0], _ROUNDING)
    n = shifted - _ROUNDING
    rest = fma(-n, _PI[1], fma(-n, _PI[0], x))
    return rest * (1.0 / _PI[0]), double_to_bits(shifted) << uint64(63)


@njit(forceinline=True, error_model="numpy")
def sin(x):
    """sin x."""
    v, sign = _half_turns(x)
    return bits_to_double(double_to_bits(v * polynomial(SIN_OVER_V, v * v)) ^ sign)


@njit(forceinline=True, error_model="numpy")
def cos(x):
    """cos x."""
    v, sign = _half_turns(x)
    return bits_to_double(double_to_bits(polynomial(COS, v * v)) ^ sign)


@njit(forceinline=True, error_model="numpy")
def tanh(x):
    """tanh x."""
    return 1.0 - 2.0 / (exp(2.0 * x) + 1.0)


@njit(forceinline=True, error_model="numpy")
def cosh(x):
    """cosh x."""
    grown = exp(x)
    return 0.5 * (grown + 1.0 / grown)


@njit(forceinline=True, error_model="numpy")
def sinh(x):
    """sinh x."""
    grown = exp(x)
    return 0.5 * (grown - 1.0 / grown)


@njit(forceinline=True, error_model="numpy")
def power(x, y):
    """x^y for x >= 0; NaN for x < 0."""
    positive = exp(y * log(x))
    at_zero = 0.0 if y > 0.0 else math.inf
    return at_zero if x == 0.0 else positive


FUNCTIONS = ("exp", "log", "sin", "cos", "tanh", "cosh", "sinh")
_CALL = re.compile(rf"math\.({'|'.join(FUNCTIONS)})\(")
_POWER = re.compile(r"(\w+) \*\* ([\w.+-]+)")


def vectorisable(source: str) -> str:
    """Source text of kernels with these functions in place of those of `math` and of `**`."""
    return _POWER.sub(r"elementary.power(\1, \2)", _CALL.sub(r"elementary.\1(", source))
