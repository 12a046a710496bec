"""Programs that are rational functions of several variables, and polynomials positive far out.

Sines, cosines, hyperbolic tangents and arc tangents enter as symbols of which nothing is used but
that they are bounded.

A polynomial F of x_1 … x_d is decided by its weighted leading part. Let `x_j^(n_j)` be the highest
pure powers, n_j even, coefficients positive, and `ω(x^β) = Σ β_j/n_j`. Terms of weight ω < 1 are
`o(Σ x_j^(n_j))`; terms of weight above 1 that are even in every variable with a positive
coefficient are never negative and are left out. If no other terms of weight above 1 are there, and
the terms of weight 1 have a positive sum off the origin, then `F >= c Σ x_j^(n_j)` outside of a
ball, for some c > 0, and so `F >= c|G|` for each G whose terms have weights of at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx, fmpq_poly

from numerics.evaluators import as_fmpq
from numerics.program import Program
from numerics.rational import complex_zeros, integer_polynomial

MAX_DEGREE = 60
MAX_TERMS = 20_000
BOUNDED = ("sin", "cos", "tanh", "atan", "erf", "erfc")

DIRECTIONS = 4096
SEARCHES = 16
MARGIN = 1e-9
"""A numerical minimum counts as positive above this share of the largest value."""

Support = Literal["proved", "numerical"]
"""By exact algebra, or by a minimum over directions that was searched for in doubles."""

Exponents = tuple[int, ...]


class NotRational(Exception):
    """No rational functions with rational coefficients (and bounded symbols), or too large ones."""


class Quotient(NamedTuple):
    """A rational function in lowest terms."""

    above: fmpq_mpoly
    below: fmpq_mpoly

    def plus(self, other: Quotient) -> Quotient:
        """The sum."""
        above = _product(self.above, other.below) + _product(other.above, self.below)
        return _reduced(above, _product(self.below, other.below))

    def times(self, other: Quotient) -> Quotient:
        """The product."""
        return _reduced(_product(self.above, other.above), _product(self.below, other.below))

    def scaled(self, factor: fmpq) -> Quotient:
        """A multiple."""
        return Quotient(self.above * factor, self.below)

    def inverse(self) -> Quotient:
        """1 over it."""
        return _reduced(self.below, self.above)


@dataclass(frozen=True)
class Ring:
    """Polynomials in the variables, and after them the symbols of bounded functions."""

    context: fmpq_mpoly_ctx
    size: int
    """number of the variables"""
    behind: tuple[frozenset[int], ...]
    """variables on which each bounded symbol depends"""

    def constant(self, value: int | Fraction) -> fmpq_mpoly:
        """A number as a polynomial."""
        return self.context.constant(as_fmpq(value))

    def variable(self, index: int) -> fmpq_mpoly:
        """x_index."""
        return self.context.gens()[index]

    def squared_radius(self, block: Sequence[int]) -> fmpq_mpoly:
        """Σ x_j² over the block."""
        return sum((self.variable(j) ** 2 for j in block), self.constant(0))

    def depends(self, quotient: Quotient) -> frozenset[int]:
        """Variables that matter."""
        found: set[int] = set()
        for polynomial in quotient:
            for index, degree in enumerate(polynomial.degrees()):
                if degree > 0:
                    found |= {index} if index < self.size else self.behind[index - self.size]
        return frozenset(found)

    def degree(self, polynomial: fmpq_mpoly) -> int:
        """The total degree in the variables; −1 of 0."""
        return max((sum(e[: self.size]) for e in terms_of(polynomial)), default=-1)


def terms_of(polynomial: fmpq_mpoly) -> dict[Exponents, fmpq]:
    """Coefficients by exponents."""
    return {tuple(map(int, e)): c for e, c in polynomial.to_dict().items()}


def _product(x: fmpq_mpoly, y: fmpq_mpoly) -> fmpq_mpoly:
    if len(x) * len(y) > MAX_TERMS or x.total_degree() + y.total_degree() > MAX_DEGREE:
        raise NotRational
    return x * y


def _power(x: fmpq_mpoly, exponent: int) -> fmpq_mpoly:
    terms = math.comb(exponent + max(len(x), 1) - 1, exponent)
    if terms > MAX_TERMS or exponent * x.total_degree() > MAX_DEGREE:
        raise NotRational
    return x**exponent


def _reduced(above: fmpq_mpoly, below: fmpq_mpoly) -> Quotient:
    if below.is_zero():
        raise NotRational
    if below.is_constant():
        return Quotient(above / below.leading_coefficient(), below.context().constant(1))
    common = above.gcd(below)
    above, below = divmod(above, common)[0], divmod(below, common)[0]
    lead = below.leading_coefficient()
    return Quotient(above / lead, below / lead)


def quotients(program: Program) -> tuple[Ring, list[Quotient]]:
    """The outputs as rational functions of the inputs.

    Raises
    ------
    NotRational : they are none
    """
    size = len(program.inputs)
    depends: list[frozenset[int]] = []
    behind: list[frozenset[int]] = []
    for op, args, value in program.instructions:
        on = frozenset({int(value)}) if op == "input" and value is not None else frozenset()
        depends.append(on.union(*(depends[a] for a in args)))
        if op in BOUNDED:
            behind.append(depends[-1])
    names = (*(f"x{i}" for i in range(size)), *(f"b{i}" for i in range(len(behind))))
    ring = Ring(fmpq_mpoly_ctx.get(names, Ordering.lex), size, tuple(behind))
    values: list[Quotient | None] = []
    symbols = iter(ring.context.gens()[size:])
    for op, args, value in program.instructions:
        if op in BOUNDED:
            values.append(Quotient(next(symbols), ring.constant(1)))
        else:
            values.append(_computed(ring, op, [values[a] for a in args], value))
    outputs = [values[o] for o in program.outputs]
    if None in outputs:
        raise NotRational
    return ring, [o for o in outputs if o is not None]


def _computed(
    ring: Ring, op: str, known: Sequence[Quotient | None], value: Fraction | int | None
) -> Quotient | None:
    """One instruction; None where it is no rational function (a bounded one may still take it)."""
    args = [k for k in known if k is not None]
    if len(args) < len(known):
        return None
    one = ring.constant(1)
    if op == "const":
        return Quotient(ring.constant(Fraction(value or 0)), one)
    if op == "input":
        return Quotient(ring.variable(int(value or 0)), one)
    if op == "neg":
        return args[0].scaled(fmpq(-1))
    if op == "add":
        return args[0].plus(args[1])
    if op == "sub":
        return args[0].plus(args[1].scaled(fmpq(-1)))
    if op == "mul":
        return args[0].times(args[1])
    if op == "div":
        return args[0].times(args[1].inverse())
    if op == "power" and isinstance(value, int):
        base = args[0] if value >= 0 else args[0].inverse()
        return Quotient(_power(base.above, abs(value)), _power(base.below, abs(value)))
    return None


def dominates(
    ring: Ring,
    block: Sequence[int],
    polynomial: fmpq_mpoly,
    smaller: fmpq_mpoly,
    divisors: Sequence[fmpq_mpoly] = (),
) -> Support | None:
    """Whether `F >= c|G|` far out in the block's variables, for some c > 0; None is undecided.

    Parameters
    ----------
    polynomial, smaller : F and G, in the block's variables and bounded symbols
    divisors : polynomials positive off the origin, by which F is divided where that is exact
    """
    terms = terms_of(polynomial)
    tops: list[int] = []
    for j in block:
        pure = [e[j] for e in terms if e[j] == sum(e) and e[j] > 0]
        top = max(pure, default=0)
        if top == 0 or top % 2:
            return None
        tops.append(top)

    def weight(e: Exponents) -> Fraction:
        return sum((Fraction(e[j], n) for j, n in zip(block, tops, strict=True)), Fraction(0))

    leading: dict[Exponents, fmpq] = {}
    for exponents, coefficient in terms.items():
        heavy = weight(exponents)
        if heavy < 1:
            continue
        plain = not any(exponents[ring.size :])
        if heavy == 1 and plain:
            leading[exponents] = coefficient
        elif not (plain and coefficient > 0 and _even(exponents)):
            return None
    if any(weight(e) > 1 for e in terms_of(smaller)):
        return None
    return _positive(ring, block, ring.context.from_dict(leading), divisors)


def _even(exponents: Exponents) -> bool:
    return all(e % 2 == 0 for e in exponents)


def _positive(
    ring: Ring, block: Sequence[int], form: fmpq_mpoly, divisors: Sequence[fmpq_mpoly]
) -> Support | None:
    """Whether a weighted-homogeneous polynomial is positive off the origin."""
    for divisor in divisors:
        while form.total_degree() >= divisor.total_degree():
            quotient, rest = divmod(form, divisor)
            if not rest.is_zero():
                break
            form = quotient
    terms = terms_of(form)
    axes = [form.coefficient(0)] if form.is_constant() else _on_axes(block, terms)
    if not all(value > 0 for value in axes):
        return None
    if all(coefficient > 0 and _even(e) for e, coefficient in terms.items()):
        return "proved"
    if all(sum(e) == 2 for e in terms):
        return "proved" if is_positive_definite(_matrix(block, terms)) else None
    if len(block) == 2:
        return "proved" if _positive_in_the_plane(block, terms) else None
    if _outweighed(block, terms, axes):
        return "proved"
    return "numerical" if _least_on_the_sphere(block, terms) > MARGIN else None


def _on_axes(block: Sequence[int], terms: Mapping[Exponents, fmpq]) -> list[fmpq]:
    pure = [[c for e, c in terms.items() if e[j] == sum(e) and e[j] % 2 == 0] for j in block]
    return [coefficients[0] if coefficients else fmpq(0) for coefficients in pure]


def _matrix(block: Sequence[int], terms: Mapping[Exponents, fmpq]) -> list[list[fmpq]]:
    """The symmetric matrix of a quadratic form."""
    rows = [[fmpq(0)] * len(block) for _ in block]
    for exponents, coefficient in terms.items():
        i, *rest = (place for place, j in enumerate(block) if exponents[j])
        j = rest[0] if rest else i
        rows[i][j] = rows[j][i] = coefficient if i == j else coefficient / 2
    return rows


def is_positive_definite(rows: Sequence[Sequence[fmpq]]) -> bool:
    """Sylvester's criterion, in rational numbers."""
    return all(
        fmpq_mat([list(row[:n]) for row in rows[:n]]).det() > 0 for n in range(1, len(rows) + 1)
    )


def _outweighed(
    block: Sequence[int], terms: Mapping[Exponents, fmpq], axes: Sequence[fmpq]
) -> bool:
    """Whether the pure powers outweigh the rest by `|x^β| <= Σ (β_j/n_j) x_j^(n_j)`.

    That is the inequality of the weighted means: `Σ β_j/n_j = 1` of every term.
    """
    pure = {e for e in terms if sum(e) == max(e)}
    tops = [max(e[j] for e in pure) for j in block]
    left = list(axes)
    for exponents, coefficient in terms.items():
        if exponents in pure or (coefficient > 0 and _even(exponents)):
            continue
        for place, (j, top) in enumerate(zip(block, tops, strict=True)):
            left[place] -= abs(coefficient) * exponents[j] / top
    return all(value > 0 for value in left)


def without_real_zeros(polynomial: fmpq_mpoly, variable: int) -> bool:
    """Whether a polynomial in one variable is shown to vanish nowhere on the line."""
    terms = terms_of(polynomial)
    if any(e[variable] != sum(e) for e in terms):
        return False
    return _nowhere_zero({e[variable]: c for e, c in terms.items()})


def _nowhere_zero(coefficients: Mapping[int, fmpq]) -> bool:
    rows = [coefficients.get(n, fmpq(0)) for n in range(1 + max(coefficients, default=0))]
    if len(rows) == 1:
        return rows[0] != 0
    zeros = complex_zeros(integer_polynomial(fmpq_poly(rows)))
    return not any(zero.imag == 0 for zero, _ in zeros)


def _positive_in_the_plane(block: Sequence[int], terms: Mapping[Exponents, fmpq]) -> bool:
    """Positive on x = 1 and on x = −1, and so everywhere but on x = 0, by weighted homogeneity."""
    first, second = block
    for side in (1, -1):
        coefficients: dict[int, fmpq] = {}
        for exponents, coefficient in terms.items():
            before = coefficients.get(exponents[second], fmpq(0))
            coefficients[exponents[second]] = before + coefficient * side ** exponents[first]
        if not (coefficients[0] > 0 and _nowhere_zero(coefficients)):
            return False
    return True


def _least_on_the_sphere(block: Sequence[int], terms: Mapping[Exponents, fmpq]) -> float:
    """The least value found on the unit sphere, over the largest size seen on it."""
    from scipy.optimize import minimize

    exponents = np.array([[e[j] for j in block] for e in terms], dtype=float)
    numbers = np.array([float(c.p) / float(c.q) for c in terms.values()])

    def values(points: np.ndarray) -> np.ndarray:
        units = points / np.linalg.norm(points, axis=-1, keepdims=True)
        return np.prod(units[..., np.newaxis, :] ** exponents, axis=-1) @ numbers

    points = np.random.default_rng(0).standard_normal((DIRECTIONS, len(block)))
    found = values(points)
    starts = points[np.argsort(found)[:SEARCHES]]
    searched = [minimize(values, start, method="BFGS").fun for start in starts]
    return min(float(found.min()), *map(float, searched)) / float(np.abs(found).max())
