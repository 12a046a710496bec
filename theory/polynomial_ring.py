"""Polynomial rings over the rationals whose generators are SymPy expressions, with relations.

A relation `generator**degree = value` lowers powers of its generator; exact polynomials are those
of python-flint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy
from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Expr, Rational, Symbol

MAX_TERMS = 200_000
"""Terms of the largest polynomial that is multiplied out."""


class TooLarge(Exception):
    """The expression is beyond the sizes that this normal form takes on, or undefined."""


@dataclass(frozen=True)
class Quotient:
    """numerator/denominator in one ring."""

    numerator: fmpq_mpoly
    denominator: fmpq_mpoly


@dataclass(frozen=True)
class Relation:
    """generator**degree = value."""

    index: int
    degree: int
    value: fmpq_mpoly


@dataclass
class Ring:
    """Generators as SymPy expressions, their polynomial context, the relations between them."""

    generators: list[Expr]
    context: fmpq_mpoly_ctx
    relations: list[Relation]
    quotients: list[Quotient] = field(default_factory=list)

    @property
    def is_free(self) -> bool:
        """Whether the generators are algebraically independent for certain."""
        return all(isinstance(g, Symbol) or g is sympy.pi for g in self.generators)

    def reduce(self, polynomial: fmpq_mpoly) -> fmpq_mpoly:
        """The polynomial modulo the relations."""
        changed = bool(self.relations)
        while changed:
            changed = False
            for relation in self.relations:
                reduced = self._reduce_by(polynomial, relation)
                changed |= reduced != polynomial
                polynomial = reduced
        return polynomial

    def _reduce_by(self, polynomial: fmpq_mpoly, relation: Relation) -> fmpq_mpoly:
        index, degree = relation.index, relation.degree
        by_power: dict[int, dict[tuple[int, ...], fmpq]] = {}
        for exponents, coefficient in polynomial.terms():
            powers, rest = divmod(int(exponents[index]), degree)
            lowered = (*exponents[:index], rest, *exponents[index + 1 :])
            by_power.setdefault(powers, {})[lowered] = coefficient
        if not any(by_power):
            return polynomial
        total = self.context.constant(0)
        for powers, terms in by_power.items():
            part = self.context.from_dict(terms)
            total += multiply(part, raise_to(relation.value, powers)) if powers else part
        return total

    def expression(self, polynomial: fmpq_mpoly) -> Expr:
        """The polynomial as a SymPy expression, expanded."""
        return sympy.Add(
            *(
                sympy.Mul(
                    Rational(int(coefficient.p), int(coefficient.q)),
                    *(
                        generator ** int(power)
                        for generator, power in zip(self.generators, exponents, strict=True)
                        if power
                    ),
                )
                for exponents, coefficient in polynomial.terms()
            )
        )


def multiply(left: fmpq_mpoly, right: fmpq_mpoly) -> fmpq_mpoly:
    """The product, within the size that is allowed."""
    if len(left) * len(right) > MAX_TERMS * 10:
        raise TooLarge("product")
    return left * right


def raise_to(base: fmpq_mpoly, exponent: int) -> fmpq_mpoly:
    """The power, within the size that is allowed."""
    # Terms of (a + b + ...)**n: binomial(n + k - 1, k - 1) for k terms.
    terms = sympy.binomial(exponent + len(base) - 1, max(len(base) - 1, 0))
    if exponent > 10**6 or terms > MAX_TERMS:
        raise TooLarge("power")
    return base**exponent


def divide(left: fmpq_mpoly, right: fmpq_mpoly) -> fmpq_mpoly:
    """The quotient of a polynomial by one of its factors."""
    quotient, remainder = divmod(left, right)
    if remainder != 0:
        raise ArithmeticError("inexact polynomial division")
    return quotient


def cyclotomic_relation(ring: Ring, index: int, degree: int) -> Relation:
    """The minimal polynomial of r = (-1)**(1/degree) = exp(i pi/degree)."""
    r = ring.context.gens()[index]
    minimal = ring.context.constant(0)
    for (power,), coefficient in sympy.Poly(
        sympy.cyclotomic_poly(2 * degree, sympy.Dummy("r"))
    ).terms():
        minimal += int(coefficient) * r**power
    highest = int(minimal.degrees()[index])
    return Relation(index, highest, r**highest - minimal)
