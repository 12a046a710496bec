"""Rational models by their singularities: bounds on a disc from the zeros of the denominators.

`|Π (z − r_i)| >= Π (|c − r_i| − R)` on `|z − c| <= R`: once the zeros are certified, proving a disc
costs a few additions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from flint import arb, arb_poly, ctx, fmpq_poly

from numerics.discs import log_lower, log_upper, up
from numerics.program import Program
from numerics.rational import complex_zeros, integer_polynomial, rational_functions

PRECISION = 64


@dataclass(frozen=True)
class Factors:
    """A polynomial: its coefficients, log of its leading one, and its zeros with radii."""

    polynomial: arb_poly
    log_lead: float
    zeros: tuple[tuple[complex, float, int], ...]

    def largest(self, centre: arb, radius: float) -> float:
        """log of a bound of the modulus on the disc."""
        shifted = self.polynomial(arb_poly([centre, arb(1)])).coeffs()
        total = arb(0)
        for coefficient in reversed(shifted):
            total = total * radius + abs(coefficient)
        return log_upper(total)

    def smallest(self, centre: float, radius: float) -> float:
        """log of a lower bound of the modulus on the disc (−inf if a zero may be inside)."""
        total = self.log_lead
        for zero, error, multiplicity in self.zeros:
            gap = (abs(centre - zero) * (1 - 1e-14) - error - radius) * (1 - 1e-14)
            if gap <= 0:
                return -math.inf
            total += multiplicity * math.log(gap)
        return -up(-total)

    def distance(self, centre: float) -> float:
        """Distance from a point to the nearest zero, from below."""
        return min(
            (abs(centre - zero) * (1 - 1e-14) - error for zero, error, _ in self.zeros),
            default=math.inf,
        )


@dataclass(frozen=True)
class FactoredCore:
    """C = noise[0]/noise[1] and q = slope[0]/slope[1]."""

    noise: tuple[Factors, Factors]
    slope: tuple[Factors, Factors]

    def distance(self, centre: arb) -> float:
        """Distance to the nearest pole of C or q, or zero of C."""
        c = float(centre)
        return min(f.distance(c) for f in (*self.noise, self.slope[1]))

    def bounds(self, centre: arb, radius: float) -> tuple[float, float]:
        """Logarithms of bounds of |q| and |1/C| on a disc within that distance."""
        c = float(centre)
        return (
            up(self.slope[0].largest(centre, radius) - self.slope[1].smallest(c, radius)),
            up(self.noise[1].largest(centre, radius) - self.noise[0].smallest(c, radius)),
        )


@lru_cache(maxsize=256)
def factored(program: Program) -> FactoredCore | None:
    """The factored form of a core program `(C, q)`, or None if it is not rational."""
    functions = rational_functions(program)
    if functions is None:
        return None
    (noise, noise_below), (above, below) = functions
    with ctx.workprec(PRECISION):
        return FactoredCore(
            (_factors(noise), _factors(noise_below)), (_factors(above, False), _factors(below))
        )


def _factors(polynomial: fmpq_poly, zeros: bool = True) -> Factors:
    degree = polynomial.degree()
    ball = arb_poly(polynomial)
    if degree < 0:
        return Factors(ball, -math.inf, ())
    lead = log_lower(ball[degree])
    found: list[tuple[complex, float, int]] = []
    if zeros and degree > 0:
        for zero, multiplicity in complex_zeros(integer_polynomial(polynomial)):
            middle = complex(float(zero.real.mid()), float(zero.imag.mid()))
            # The radius, and the rounding of the midpoint to doubles.
            error = float(zero.rad().upper()) + 4e-16 * abs(middle)
            found.append((middle, error, int(multiplicity)))
    return Factors(ball, lead, tuple(found))
