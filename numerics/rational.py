"""Programs that are rational functions, as exact polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import acb, arb, arb_poly, ctx, fmpq_poly, fmpz_poly

from numerics.errors import ComputationError
from numerics.evaluators import as_fmpq, compiled, rational_constants
from numerics.program import Builder, Program

MAX_DEGREE = 400
"""Beyond it the generic route is faster than exact polynomials."""


class NotRational(Exception):
    """The program is not a rational function with rational coefficients, or too large a one."""


class Ratio:
    """A quotient of polynomials, not reduced until it is read."""

    __slots__ = ("above", "below")

    def __init__(self, above: fmpq_poly, below: fmpq_poly) -> None:
        if max(above.degree(), below.degree()) > MAX_DEGREE:
            raise NotRational
        self.above, self.below = above, below

    def __add__(self, other: Ratio) -> Ratio:
        if self.below == other.below:
            return Ratio(self.above + other.above, self.below)
        return Ratio(self.above * other.below + other.above * self.below, self.below * other.below)

    def __neg__(self) -> Ratio:
        return Ratio(-self.above, self.below)

    def __sub__(self, other: Ratio) -> Ratio:
        return self + (-other)

    def __mul__(self, other: Ratio) -> Ratio:
        return Ratio(self.above * other.above, self.below * other.below)

    def __truediv__(self, other: Ratio) -> Ratio:
        if other.above.degree() < 0:
            raise NotRational
        return Ratio(self.above * other.below, self.below * other.above)

    def reduced(self) -> tuple[fmpq_poly, fmpq_poly]:
        """Numerator and monic denominator without common factors."""
        common = self.above.gcd(self.below)
        above, below = self.above // common, self.below // common
        lead = below[below.degree()]
        return above / lead, below / lead


def _whole_power(x: Ratio, n: int) -> Ratio:
    if n < 0:
        x, n = Ratio(x.below, x.above), -n
    if n * max(x.above.degree(), x.below.degree(), 1) > MAX_DEGREE:
        raise NotRational
    return Ratio(x.above**n, x.below**n)


@lru_cache(maxsize=1024)
def rational_functions(program: Program) -> tuple[tuple[fmpq_poly, fmpq_poly], ...] | None:
    """Numerator and denominator of each output in the first input, or None."""
    return rational_at(program, Ratio(fmpq_poly([0, 1]), fmpq_poly([1])))


def rational_at(program: Program, x: Ratio) -> tuple[tuple[fmpq_poly, fmpq_poly], ...] | None:
    """The outputs where the input is a given rational function, or None if one is not rational."""
    allowed = {"const", "input", "add", "sub", "mul", "div", "neg", "power"}
    for instruction in program.instructions:
        if instruction.op not in allowed or (
            instruction.op == "power" and not isinstance(instruction.value, int)
        ):
            return None
    one = fmpq_poly([1])
    constants = [Ratio(fmpq_poly([as_fmpq(f)]), one) for f in rational_constants(program)]
    try:
        values = compiled(program, {"whole_power": _whole_power})(constants, x)
        return tuple(v.reduced() for v in values)
    except NotRational:
        return None


def integer_polynomial(polynomial: fmpq_poly) -> fmpz_poly:
    """The polynomial times the common denominator of its coefficients."""
    return polynomial.numer()


def require_covariance(noise: fmpq_poly, below: fmpq_poly) -> None:
    """Refuse a quadratic C = σ_g + 2ρw + σ_Hw² that is no covariance: σ_g, σ_H > 0, σ_gσ_H < ρ².

    Asked where a zero of C would end the domain: an interval that exits keep away from the zeros
    needs no more than C > 0 there.
    """
    if below.degree() != 0 or noise.degree() != 2:
        return
    spread, twice, curvature = (noise[k] / below[0] for k in range(3))
    gap = spread * curvature - twice * twice / 4
    if spread > 0 and curvature > 0 and gap < 0:
        raise ComputationError(
            "a covariance C = σ_g + 2ρw + σ_H w² with σ_gσ_H >= ρ²",
            f"σ_gσ_H − ρ² = {gap}: C is negative between its zeros",
            "correct the cross term; for a noise that vanishes at an end of the domain shift the "
            "state so that the zero lies at 0",
        )


def complex_zeros(polynomial: fmpz_poly) -> list[tuple[acb, int]]:
    """Certified zeros with multiplicities; real ones have imaginary part exactly 0."""
    zeros: Any = polynomial.complex_roots()  # the stub of python-flint has another type
    return [(zero, int(multiplicity)) for zero, multiplicity in zeros]


@lru_cache(maxsize=256)
def zeros_of(coefficients: tuple[int, ...], precision: int) -> list[tuple[acb, int]]:
    """`complex_zeros` of the polynomial with these ascending coefficients, at so many bits."""
    with ctx.workprec(precision):
        return [(acb(z), m) for z, m in complex_zeros(fmpz_poly(list(coefficients)))]


@dataclass(frozen=True)
class AlgebraicNumber:
    """The real zero next to `near` of an irreducible polynomial: ascending integer coefficients."""

    coefficients: tuple[int, ...]
    near: float

    def __float__(self) -> float:
        return self.near

    def __str__(self) -> str:
        return f"{self.near:.10g}"

    def ball(self) -> arb:
        """An enclosure at the working precision."""
        real = [z.real for z, _ in zeros_of(self.coefficients, ctx.prec + 32) if z.imag == 0]
        return min(real, key=lambda z: abs(float(z) - self.near))

    def multiplicity(self, polynomial: fmpq_poly) -> int:
        """How often it is a zero of the polynomial."""
        factor, count = fmpq_poly(list(self.coefficients)), 0
        while polynomial.degree() >= 0:
            polynomial, rest = divmod(polynomial, factor)
            if rest.degree() >= 0:
                break
            count += 1
        return count

    def taylor(self, polynomial: fmpq_poly, direction: int) -> tuple[int, list[arb]]:
        """`(m, [c_m, …])` with `polynomial(λ + direction·t) = Σ c_j t^j`, leading zeros exact."""
        shifted = arb_poly(polynomial)(arb_poly([self.ball(), arb(direction)])).coeffs()
        order = self.multiplicity(polynomial)
        return order, shifted[order:]


def zero_near(polynomial: fmpq_poly, enclosure: arb) -> Fraction | AlgebraicNumber:
    """The zero of the polynomial in an enclosure that holds one."""
    for rational in rational_zeros(polynomial):
        if enclosure.overlaps(arb(as_fmpq(rational))):
            return rational
    for factor, _ in integer_polynomial(polynomial).factor()[1]:
        if factor.degree() < 2:
            continue
        coefficients = tuple(int(c) for c in factor.coeffs())
        for zero, _ in zeros_of(coefficients, ctx.prec + 32):
            if zero.imag == 0 and zero.real.overlaps(enclosure):
                return AlgebraicNumber(coefficients, float(zero.real))
    raise ValueError("no zero in the enclosure")


@lru_cache(maxsize=256)
def around(program: Program, point: Fraction) -> Program | None:
    """The program of y = x − point, powers of y taken out of polynomials; None if not rational.

    Near a zero of C, cancellations that balls cannot see are then carried out exactly.
    """
    functions = rational_at(program, Ratio(fmpq_poly([as_fmpq(point), 1]), fmpq_poly([1])))
    if functions is None:
        return None
    builder = Builder(program.inputs[:1])
    y = builder.input(program.inputs[0])
    return builder.program(
        builder.emit("div", emit_polynomial(builder, above, y), emit_polynomial(builder, below, y))
        for above, below in functions
    )


def emit_polynomial(builder: Builder, polynomial: fmpq_poly, y: int) -> int:
    """`y^v (c_v + y (c_{v+1} + …))`."""
    coefficients = [Fraction(int(c.p), int(c.q)) for c in polynomial.coeffs()]
    if not coefficients:
        return builder.constant(0)
    order = next(k for k, c in enumerate(coefficients) if c)
    total = builder.constant(coefficients[-1])
    for coefficient in reversed(coefficients[order:-1]):
        total = builder.emit("mul", total, y)
        if coefficient:
            total = builder.emit("add", total, builder.constant(coefficient))
    return (
        total if order == 0 else builder.emit("mul", builder.emit("power", y, value=order), total)
    )


def rational_zeros(polynomial: fmpq_poly) -> list[Fraction]:
    """The rational zeros of a polynomial, from its factors of degree 1."""
    zeros = []
    for factor, _ in integer_polynomial(polynomial).factor()[1]:
        if factor.degree() == 1:
            zeros.append(Fraction(-int(factor[0]), int(factor[1])))
    return zeros


def is_even(core: Program) -> bool:
    """Whether a core program (C, q) is even by its form: C(−x) = C(x), q(−x) = −q(x), exactly."""
    functions = rational_functions(core)
    if functions is None:
        return False
    flipped = rational_at(core, Ratio(fmpq_poly([0, -1]), fmpq_poly([1])))
    assert flipped is not None
    (noise, noise_below), (slope, slope_below) = functions
    mirror, (mirrored_slope, mirrored_below) = flipped
    return (
        mirror == (noise, noise_below)
        and mirrored_slope == -slope
        and mirrored_below == slope_below
    )
