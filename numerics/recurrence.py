"""Power series of linear equations with polynomial coefficients, term by term.

`E y' = A y + R` costs a few multiplications per term, where exponentiating a series costs several
products of whole series: at high precision this is what makes a rational model cheap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flint import arb, arb_poly, ctx, fmpq_poly

from numerics.evaluators import as_fmpq
from numerics.local import End
from numerics.program import Program
from numerics.rational import AlgebraicNumber, Ratio, rational_at, rational_functions


@dataclass(frozen=True)
class LinearForms:
    """`D p' = −N p` for the speed density, `E v' = (E/C) + B v` for `v = P/(C p)`; exact."""

    speed: tuple[fmpq_poly, fmpq_poly]
    """(D, −N)"""
    scale: tuple[fmpq_poly, fmpq_poly, fmpq_poly]
    """(E, B, E/C): 1/(Cp) solves E y' = B y, and P/(Cp) the same with E/C added"""

    @property
    def polynomial(self) -> bool:
        """Whether log p is a polynomial: then FLINT exponentiates it as fast as a recurrence."""
        return self.speed[0].degree() == 0


@lru_cache(maxsize=256)
def linear_forms(program: Program) -> LinearForms | None:
    """The equations of a core program `(C, q)` whose C is a polynomial and whose q is rational."""
    functions = rational_functions(program)
    if functions is None:
        return None
    (noise, noise_below), (above, below) = functions
    if noise_below.degree() != 0:
        return None
    noise = noise / noise_below[0]
    common = below.gcd(noise)
    equation = below * (noise // common)
    quotient = equation // noise
    # (Cp)^(−1) has the logarithmic derivative q − C'/C.
    slope = above * (equation // below) - noise.derivative() * quotient
    return LinearForms((below, -above), (equation, slope, quotient))


@dataclass(frozen=True)
class LinearPair:
    """`E u' = ρ a g`, `E g' = λ E u + b g` for `𝓛u = λu` with `g = D u'`, ρ = 2/η; exact."""

    equation: fmpq_poly
    """E"""
    quotient: fmpq_poly
    """a = E/C"""
    slope: fmpq_poly
    """b = E q"""


@lru_cache(maxsize=256)
def linear_pair(program: Program) -> LinearPair | None:
    """The system of a core program `(C, q)` whose C is a polynomial and whose q is rational."""
    functions = rational_functions(program)
    if functions is None:
        return None
    (noise, noise_below), (above, below) = functions
    if noise_below.degree() != 0:
        return None
    noise = noise / noise_below[0]
    equation = noise * (below // below.gcd(noise))
    return LinearPair(equation, equation // noise, above * (equation // below))


@lru_cache(maxsize=256)
def end_form(program: Program, end: End) -> tuple[fmpq_poly, fmpq_poly] | None:
    """`(E, A)` with `E W' = A W` for `p = t^(e_0) W(t)` at an end; None if e is not rational."""
    if isinstance(end.point, AlgebraicNumber):
        return None
    ratios = rational_at(program, _parameter(end))
    if ratios is None:
        return None
    above, below = ratios[1]
    # e = outward · q · t^(1 + power)
    power = 1 + end.power
    above = above * end.outward
    if power > 0:
        above = above * fmpq_poly([0, 1]) ** power
    elif power < 0:
        below = below * fmpq_poly([0, 1]) ** -power
    common = above.gcd(below)
    above, below = above // common, below // common
    if below[0] == 0:
        return None
    slope = above - below * (above[0] / below[0])
    return below, slope // fmpq_poly([0, 1])


def _parameter(end: End) -> Ratio:
    if end.point is None:
        return Ratio(fmpq_poly([end.outward]), fmpq_poly([0, 1]))
    assert not isinstance(end.point, AlgebraicNumber)
    return Ratio(fmpq_poly([as_fmpq(end.point), -end.outward]), fmpq_poly([1]))


def shifted(polynomial: fmpq_poly, centre: arb) -> list[arb]:
    """Coefficients of the polynomial around a point."""
    return arb_poly(polynomial)(arb_poly([centre, arb(1)])).coeffs()


def extra_bits(equation: Sequence[arb], half: float, terms: int) -> float:
    """Bits that the radii of the recurrence gain beyond the size of the solution at |t| = half.

    Radii grow like the majorant equation, whose singularity is where `Σ_{j>=1} |E_j| t^j = |E_0|`.
    """
    sizes = [float(abs(e).upper()) for e in equation]
    if not sizes[0] > 0:
        return math.inf
    low, high = 0.0, 4 * half
    if _sum(sizes, high) < sizes[0]:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        if _sum(sizes, middle) < sizes[0]:
            low = middle
        else:
            high = middle
    return max(0.0, terms * math.log2(half / low)) if low > 0 else math.inf


def _sum(sizes: Sequence[float], t: float) -> float:
    total = 0.0
    for size in reversed(sizes[1:]):
        total = (total + size) * t
    return total


def solve(
    equation: Sequence[arb], slope: Sequence[arb], right: Sequence[arb], start: arb, terms: int
) -> list[arb]:
    """Coefficients of the solution of `E y' = A y + R`, `y(0) = start`.

    `(k+1) E_0 y_{k+1} = R_k + Σ_j (A_j − (k−j) E_{j+1}) y_{k−j}`.
    """
    scale = 1 / equation[0]
    width = max(len(slope), len(equation) - 1)
    zero = arb(0)
    pairs = [
        (
            slope[j] * scale if j < len(slope) else zero,
            equation[j + 1] * scale if j + 1 < len(equation) else zero,
        )
        for j in range(width)
    ]
    inhomogeneous = [r * scale for r in right]
    solution = [start]
    for k in range(terms - 1):
        total = inhomogeneous[k] if k < len(inhomogeneous) else zero
        for j in range(min(width, k + 1)):
            a, e = pairs[j]
            total += (a - e * (k - j)) * solution[k - j]
        solution.append(total / (k + 1))
    return solution


def solve_pair(
    pair: LinearPair, centre: arb, rho: arb, rate: arb, start: tuple[arb, arb], terms: int
) -> tuple[list[arb], list[arb]]:
    """Coefficients of u and g around a point, from their values there."""
    equation = shifted(pair.equation, centre)
    scale = 1 / equation[0]
    weights = [e * scale for e in equation[1:]]
    into_u = [rho * scale * a for a in shifted(pair.quotient, centre)]
    from_u = [rate * scale * e for e in equation]
    from_g = [scale * b for b in shifted(pair.slope, centre)]
    u, g = [start[0]], [start[1]]
    for k in range(terms - 1):
        du, dg = arb(0), arb(0)
        for a, value in zip(into_u, reversed(g), strict=False):
            du += a * value
        for b, value in zip(from_u, reversed(u), strict=False):
            dg += b * value
        for b, value in zip(from_g, reversed(g), strict=False):
            dg += b * value
        for j, e in enumerate(weights[:k], start=1):
            index = k + 1 - j
            du -= e * (index * u[index])
            dg -= e * (index * g[index])
        u.append(du / (k + 1))
        g.append(dg / (k + 1))
    return u, g


def available(terms: int) -> bool:
    """Whether so many terms are cheaper by recurrence than by FLINT's products, as measured."""
    return terms >= 400 or (terms >= 150 and ctx.prec > 1000)
