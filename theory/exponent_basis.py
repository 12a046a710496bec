"""Exponents as combinations of logarithms and of a basis over the rationals.

`exp(A)` for several A becomes a product of powers of few generators: multiples of known logarithms
are roots, and what is left of the exponents is reduced to a basis with integer coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

import sympy
from flint import fmpq, fmpq_mpoly
from sympy import Expr, I, Integer, Pow

from theory.polynomial_ring import Ring

Vector = dict[tuple[int, ...], Fraction]
"""Coefficients of a polynomial by monomial: a vector over the rationals."""


@dataclass(frozen=True)
class Basis:
    """Exponents A = sum_f q_f log f + sum_j n_j a_j, q_f rational, n_j integers."""

    roots: dict[Expr, int]
    """f with the common denominator of its q_f."""
    generators: list[Expr]
    """exp(a_j)."""
    combinations: dict[Expr, tuple[dict[Expr, Fraction], list[int]]]
    """By exponent A: the q_f and the n_j."""


def known_logarithms(ring: Ring) -> dict[Expr, fmpq_mpoly]:
    """Bases f whose logarithm is an element of the ring: its generators log f, and i pi."""
    known: dict[Expr, fmpq_mpoly] = {}
    gens = ring.context.gens()
    for index, generator in enumerate(ring.generators):
        if isinstance(generator, sympy.log):
            known[generator.args[0]] = gens[index]  # type: ignore[index]
    imaginary = imaginary_unit(ring)
    if sympy.pi in ring.generators and imaginary is not None:
        known[Integer(-1)] = gens[ring.generators.index(sympy.pi)] * imaginary
    return known


def imaginary_unit(ring: Ring) -> fmpq_mpoly | None:
    """i as an element of the ring: itself, or (r**n with r = (-1)**(1/(2n))), if it is there."""
    for index, generator in enumerate(ring.generators):
        root = ring.context.gens()[index]
        if generator is I:
            return root
        if isinstance(generator, Pow) and generator.base == -1:
            degree = int(1 / generator.exp)
            if degree % 2 == 0:
                return ring.reduce(root ** (degree // 2))
    return None


def as_vector(polynomial: fmpq_mpoly) -> Vector:
    """Its coefficients by monomial."""
    return {
        tuple(int(e) for e in exponents): Fraction(int(c.p), int(c.q))
        for exponents, c in polynomial.terms()
    }


def _subtract(left: Vector, factor: Fraction, right: Vector) -> Vector:
    """left - factor right."""
    result = dict(left)
    for key, value in right.items():
        difference = result.get(key, Fraction(0)) - factor * value
        if difference:
            result[key] = difference
        else:
            result.pop(key, None)
    return result


@dataclass
class Echelon:
    """Row-reduced vectors, each with a pivot that no other has, and what they stand for."""

    rows: list[tuple[tuple[int, ...], Vector, dict[int, Fraction]]] = field(default_factory=list)

    def reduce(self, vector: Vector) -> tuple[Vector, dict[int, Fraction]]:
        """The vector modulo the rows, and the coefficients by label of what was taken off."""
        taken: dict[int, Fraction] = {}
        for pivot, row, labels in self.rows:
            factor = vector.get(pivot)
            if factor:
                vector = _subtract(vector, factor, row)
                for label, value in labels.items():
                    taken[label] = taken.get(label, Fraction(0)) + factor * value
        return vector, taken

    def add(self, vector: Vector, label: int) -> None:
        """Add a vector under a label, if it is independent of the rows."""
        remainder, taken = self.reduce(vector)
        if not remainder:
            return
        pivot = max(remainder)
        lead = remainder[pivot]
        row = {key: value / lead for key, value in remainder.items()}
        labels = {key: -value / lead for key, value in taken.items()}
        labels[label] = labels.get(label, Fraction(0)) + 1 / lead
        cleared = []
        for other_pivot, other, other_labels in self.rows:
            factor = other.get(pivot)
            if factor:
                other = _subtract(other, factor, row)
                other_labels = {
                    key: other_labels.get(key, Fraction(0)) - factor * labels.get(key, Fraction(0))
                    for key in {*other_labels, *labels}
                }
            cleared.append((other_pivot, other, other_labels))
        self.rows = [*cleared, (pivot, row, labels)]


def reduce_exponents(
    inner: Ring,
    common: fmpq_mpoly,
    known: dict[Expr, Vector],
    exponents: list[Expr],
    vectors: list[Vector],
) -> Basis:
    """Split the exponents into multiples of the known logarithms and of a basis of the rest."""
    bases = list(known)
    logarithms = Echelon()
    for label, base in enumerate(bases):
        logarithms.add(known[base], label)
    parts = [logarithms.reduce(vector) for vector in vectors]

    others = Echelon()
    for remainder, _ in parts:
        others.add(remainder, 0)
    coefficients = [
        [remainder.get(pivot, Fraction(0)) for pivot, _, _ in others.rows] for remainder, _ in parts
    ]
    scales = [lcm(*(row[j].denominator for row in coefficients)) for j in range(len(others.rows))]
    denominator = inner.expression(common)
    generators = [
        sympy.exp(
            inner.expression(
                inner.context.from_dict(
                    {
                        key: fmpq(value.numerator, value.denominator * scale)
                        for key, value in row.items()
                    }
                )
            )
            / denominator
        )
        for (_, row, _), scale in zip(others.rows, scales, strict=True)
    ]
    roots: dict[Expr, int] = {}
    combinations: dict[Expr, tuple[dict[Expr, Fraction], list[int]]] = {}
    for exponent, (_, taken), row in zip(exponents, parts, coefficients, strict=True):
        by_base = {bases[label]: value for label, value in taken.items() if value}
        for base, value in by_base.items():
            roots[base] = lcm(roots.get(base, 1), value.denominator)
        combinations[exponent] = (
            by_base,
            [int(value * scale) for value, scale in zip(row, scales, strict=True)],
        )
    return Basis(roots, generators, combinations)
