"""The time to the saddle itself: half the escape time, with a correction of order sqrt(eta)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Integral, Rational, Symbol, exp, oo, pi, sqrt

from derivations import _escape_models as models
from derivations import kramers_escape as escape
from derivations._normal_law import (
    average_step,
    constant_taken_out,
    half_normal_law,
    moment_steps,
)
from exitlaw.analysis import TaylorMatch
from exitlaw.asymptotics import Composition, ContinuousImage, FirstTermExpansion
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import Definition, Derivation, LemmaUse, LimitCheck, Step
from exitlaw.evidence import EnclosureComparison
from exitlaw.learning_rates import (
    ExpansionOverLearningRates,
    Factor,
    RemainderOverLearningRates,
)
from theory import kramers, landscapes
from theory.symbols import C_b, H_b, eta, theta, x, z

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

half_J = Function("J_half")
half_resistance, half_tau = Function("S_half"), Function("tau_b")
L3_b, C1_b = escape.L3_b, escape.C1_b


# --- half a Laplace integral ----------------------------------------------------------------------


def half_statement() -> LimitStatement:
    """(2 J_half/leading - 1)/sqrt(eta) -> coefficient."""
    leading = kramers.laplace_leading(escape.f0, escape.P0, escape.P2, eta)
    coefficient = kramers.half_laplace_coefficient(escape.f1, (escape.P2, escape.P3))
    quotient = (2 * half_J(eta) / leading - 1) / sqrt(eta)
    return LimitStatement(quotient, coefficient, eta, Integer(0), 100 * sqrt(eta))


@claim(
    "lemma/half-laplace",
    title="Laplace's method on one side of the lowest point",
    source="DLMF 2.3(iii)",
)
def half_laplace() -> ClaimBody:
    statement = half_statement()
    P2, P3, f1 = escape.P2, escape.P3, escape.f1
    rows = ((0, 1, 2), (Rational(1, 2), 2, -3), (-2, Rational(3, 2), 4))
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={eta: Range(Fraction(1, 10**9), Fraction(1, 100), "log")}),
        hypotheses=(
            "J_half(eta) is the integral of f exp(-P/eta) over an interval that ends at the only "
            "lowest point a of P, to the left of it",
            "f = f_0 (1 + f_1 x + O(x^2)), P = P_0 + P_2 x^2/2 + P_3 x^3/6 + O(x^4), P_2 > 0",
            escape.DOMINATED,
        ),
        derivation=Derivation(tuple(_half_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="the integral in ball arithmetic for polynomials f and P",
                reference=_half_quotient,
                points=tuple(
                    {
                        escape.f0: Integer(1), escape.P0: Integer(0),
                        eta: Rational(1, 10**7), f1: sympy.sympify(one),
                        P2: sympy.sympify(two), P3: sympy.sympify(three),
                    }
                    for one, two, three in rows
                ),
            ),
        ),
        mutants=(
            Mutant("third moment 1 instead of 2", sqrt(2 / (pi * P2)) * (P3 / (6 * P2) - f1)),
            Mutant("amplitude taken constant", statement.rhs.xreplace({f1: Integer(0)})),
            Mutant("the other side", -statement.rhs),
            Mutant("sqrt(1/pi) instead of sqrt(2/pi)", statement.rhs / sqrt(2)),
        ),
    )  # fmt: skip


def _half_steps(statement: LimitStatement) -> Iterator[Step]:
    r, q = Function("r"), Function("q")
    epsilon, P2 = escape.epsilon, escape.P2
    law = half_normal_law(z, P2)
    position = epsilon * z
    amplitude = 1 + escape.f1 * position + position**2 * r(position)
    integrand = amplitude * exp(-(escape.P3 * epsilon * z**3 / 6 + epsilon**2 * z**4 * q(position)))
    shorter = kramers.laplace_leading(escape.f0, escape.P0, P2, epsilon**2)
    rise = P2 * position**2 / 2 + escape.P3 * position**3 / 6 + position**4 * q(position)
    whole = Integral(
        escape.f0 * amplitude * exp(-(escape.P0 + rise) / epsilon**2) * epsilon,
        (z, -oo, Integer(0)),
    )
    yield Step(
        "the half integral",
        Equality(half_J(epsilon**2), whole),
        "x = epsilon z < 0, eta = epsilon^2; r and q are the smooth Taylor remainders of f and P",
        Definition(half_J(epsilon**2), whole),
    )
    yield constant_taken_out(
        "the half integral as an average",
        whole,
        law,
        shorter / 2,
        integrand,
        "half the leading term times the average over z < 0 under the normal law of variance 1/P_2",
    )
    yield from moment_steps(law, P2, 3)
    first = escape.f1 * z - escape.P3 * z**3 / 6
    yield Step(
        "the expansion of the integrand",
        LimitStatement((integrand - (1 + epsilon * first)) / epsilon, Integer(0), epsilon,
                       Integer(0)),
        "Taylor's theorem in epsilon at every z",
        TaylorMatch(integrand, 1 + epsilon * first, epsilon, 2),
    )  # fmt: skip
    yield average_step(
        "the term of order sqrt(eta)",
        law,
        first,
        statement.rhs,
        "E z = -sqrt(2/(pi P_2)), E z^3 = -2 sqrt(2/(pi P_2))/P_2 over z < 0",
    )
    short = LimitStatement(
        (2 * half_J(epsilon**2) / shorter - 1) / epsilon, statement.rhs, epsilon, Integer(0)
    )
    yield Step(
        "the expansion in epsilon",
        short,
        "averaged: exp(-rise/eta) against the normal law is dominated",
        FirstTermExpansion(
            2 * half_J(epsilon**2) / shorter,
            Equality(law.mean(first), statement.rhs),
            integrand,
            first,
            law,
            epsilon,
            escape.DOMINATED,
        ),
    )
    root = LimitStatement(sqrt(eta), Integer(0), eta, Integer(0))
    yield Step(
        "epsilon is the root of eta",
        root,
        "continuity",
        LimitCheck(sqrt(eta), Integer(0), eta, Integer(0)),
    )
    yield Step(
        "half of Laplace's expansion", statement, "eta = epsilon^2", Composition(short, root)
    )


def _half_quotient(point: Point, digits: int) -> Enclosure:
    """The quotient for f = 1 + f1 x and P = P2 x^2/2 + P3 x^3/6 on [-1/10, 0]."""
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    with ctx.workprec(3 * digits + 160):
        one, two, three, rate = (
            as_ball(fraction(point[s]), fraction(point[s]))
            for s in (escape.f1, escape.P2, escape.P3, eta)
        )

        def integrand(t: acb, analytic: bool) -> acb:
            return (1 + one * t) * (-(t**2) * (two / 2 + t * three / 6) / rate).exp()

        ends = (acb("-0.1"), acb("-0.02"), acb("-0.004"), acb(0))
        total = arb(0)
        for low, high in itertools.pairwise(ends):
            total += acb.integral(integrand, low, high).real
        quotient = 2 * total / (2 * arb.pi() * rate / two).sqrt()
        return Enclosure.from_arb((quotient - 1) / rate.sqrt())


# --- the claim ------------------------------------------------------------------------------------


@claim(
    "kramers/saddle-half",
    title="Mean time to the saddle: half the escape time, and its correction of order sqrt(eta)",
    depends=(
        "lemma/laplace-second-order",
        "lemma/half-laplace",
        "lemma/quasi-equilibrium",
    ),
)
def saddle_half() -> ClaimBody:
    coefficient = kramers.saddle_half_coefficient((H_b, L3_b), (C_b, C1_b), theta)
    statement = LimitStatement(
        (2 * half_tau(eta) / escape.tau(eta) - 1) / sqrt(eta), coefficient, eta, Integer(0),
        8 * eta / sympy.Abs(coefficient),
    )  # fmt: skip
    affine = coefficient.xreplace({C1_b: Integer(0)})
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 10**6), Fraction(1, 10), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(
            "as for kramers/second-order-general, the minimum a to the left of the saddle b",
            "tau_b is the mean time from a to b, tau that to a point beyond b",
            "where C is affine in L, C1_b = C'(b) = 0 and the coefficient is -(L'''(b)/3) "
            "sqrt(C(b)/(pi |H_b|^3))",
            escape.MASS_AND_RESISTANCE,
        ),
        derivation=Derivation(tuple(_saddle_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integrals to the saddle and past it in ball arithmetic: a noise with "
                "a slope at the saddle, and a tilted quartic well with noise affine in L",
                reference=_saddle_quotient,
                points=tuple(_saddle_points()),
            ),
            ExpansionOverLearningRates(
                product=RemainderOverLearningRates(
                    route="both times in ball arithmetic at a few learning rates, for all between "
                    "them by convexity; the same wells",
                    factors=(
                        Factor(_time_to_saddle, weight=eta),
                        Factor(_time_past_saddle, weight=eta, power=-1),
                    ),
                    rate=eta,
                    nodes=tuple(Rational(1, 40) * Rational(20, 21) ** k for k in range(5)),
                    points=tuple(
                        {symbol: value for symbol, value in point.items() if symbol != eta}
                        for point in _saddle_points()
                    ),
                ),
                leading=Rational(1, 2),
                small=sqrt(eta),
            ),
        ),
        mutants=(
            Mutant("no correction from the noise", affine),
            Mutant("no correction from the third derivative", coefficient - affine),
            Mutant("the opposite sign", -coefficient),
            Mutant("2/3 replaced by 1/3", coefficient + sqrt(C_b / (pi * -H_b)) * C1_b / C_b / 3),
        ),
    )  # fmt: skip


def _saddle_steps(statement: LimitStatement) -> Iterator[Step]:
    tau, mass, resistance = escape.tau, escape.mass, escape.resistance
    S0 = escape.leading_resistance()
    slope, bend = kramers.power_jet(escape.SADDLE[1], -theta)
    two, three, four = (-part for part in kramers.exponent_jet(*escape.SADDLE))
    mapping: dict[sympy.Expr, sympy.Expr] = {
        escape.f0: C_b ** (-theta), escape.f1: slope, escape.f2: bend,
        escape.P0: -escape.Psi_b, escape.P2: two, escape.P3: three, escape.P4: four,
    }  # fmt: skip
    at_saddle = kramers.saddle_coefficient(*escape.SADDLE, theta)
    whole = LimitStatement((resistance(eta) / S0 - 1) / eta, at_saddle, eta, Integer(0))
    half = LimitStatement(
        (2 * half_resistance(eta) / S0 - 1) / sqrt(eta),
        kramers.half_laplace_coefficient(slope, (two, three)),
        eta,
        Integer(0),
    )
    yield Step(
        "resistance of the whole barrier",
        whole,
        "Laplace's method for C^(s - 1) exp(Psi/eta)",
        LemmaUse(escape.LAPLACE, whole, {**mapping, escape.J(eta): resistance(eta)}),  # type: ignore[dict-item]
    )
    yield Step(
        "resistance up to the saddle",
        half,
        "half of Laplace's integral",
        LemmaUse("lemma/half-laplace", half, {**mapping, half_J(eta): half_resistance(eta)}),  # type: ignore[dict-item]
    )

    def balanced(time: sympy.Expr, barrier: sympy.Expr) -> LimitStatement:
        quotient = eta * time / (2 * mass(eta) * barrier)
        return LimitStatement((quotient - 1) / eta, Integer(0), eta, Integer(0))

    past = balanced(tau(eta), resistance(eta))
    upto = balanced(half_tau(eta), half_resistance(eta))
    yield Step(
        "quasi-equilibrium past the saddle",
        past,
        "mass times resistance",
        LemmaUse(escape.QUASI_EQUILIBRIUM, past, identified=escape.MASS_AND_RESISTANCE),
    )
    yield Step(
        "quasi-equilibrium up to the saddle",
        upto,
        "mass times resistance up to b: the mass left of every point near b is the whole mass",
        LemmaUse(
            escape.QUASI_EQUILIBRIUM,
            upto,
            {tau(eta): half_tau(eta), resistance(eta): half_resistance(eta)},  # type: ignore[dict-item]
            identified=escape.MASS_AND_RESISTANCE,
        ),
    )
    root = LimitStatement(sqrt(eta), Integer(0), eta, Integer(0))
    yield Step("sqrt(eta)", root, "continuity", LimitCheck(sqrt(eta), Integer(0), eta, Integer(0)))
    h, Y, Z, B, E = sympy.symbols("h Y Z B E", real=True)
    yield Step(
        "half, and its correction",
        statement,
        "2 tau_b/tau = (1 + eta B)(1 + sqrt(eta) h)/((1 + eta Z)(1 + eta Y))",
        ContinuousImage(
            ((h, half), (Y, whole), (Z, past), (B, upto), (E, root)),
            (E * B + h + E**2 * B * h - E * (Z + Y) - E**3 * Z * Y)
            / ((1 + E**2 * Z) * (1 + E**2 * Y)),
            statement,
        ),
    )


TILT = (Rational(2), Rational(-1, 2), Rational(1), Rational(1), Rational(1, 2))
"""H_a, H_b, Delta_L, sigma_g, sigma_H of the tilted quartic well with noise affine in L."""
family = Symbol("family")


def _saddle_points() -> Iterator[Point]:
    values: dict[sympy.Symbol, sympy.Expr] = {family: Integer(0)}
    loss = sympy.integrate(escape.BENT_SLOPE, x)
    for order, name in enumerate(escape.SADDLE[0], 2):
        values[name] = sympy.diff(loss, x, order).subs(x, 0)
    for order, name in enumerate(escape.SADDLE[1]):
        values[name] = sympy.diff(escape.BENT_NOISE, x, order).subs(x, 0)
    for reading, rate in ((Rational(1, 4), 1000), (Rational(0), 50)):
        yield {**values, theta: reading, eta: Rational(1, rate)}
    tilted = landscapes.quartic(x, *TILT)
    scaled = {
        family: Integer(1),
        H_b: sympy.diff(tilted.gradient, x).subs(x, 0),
        L3_b: sympy.diff(tilted.gradient, x, 2).subs(x, 0),
        C_b: tilted.noise.subs(x, 0),
        C1_b: Integer(0),
    }
    yield {**scaled, theta: Rational(1, 2), eta: Rational(1, 1000)}


def _well(point: Point) -> landscapes.Landscape:
    return landscapes.quartic(x, *TILT) if point[family] == 1 else escape.BENT_WELL


def _time_to_saddle(point: Point, digits: int) -> Enclosure:
    well = _well(point)
    return models.exit_time(well, point[eta], point[theta], digits, exit_at=well.saddle)


def _time_past_saddle(point: Point, digits: int) -> Enclosure:
    return models.exit_time(_well(point), point[eta], point[theta], digits)


def _saddle_quotient(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    upto, past = _time_to_saddle(point, 8), _time_past_saddle(point, 8)
    with ctx.workprec(128):
        rate = as_ball(fraction(point[eta]), fraction(point[eta]))
        return Enclosure.from_arb((2 * upto.arb / past.arb - 1) / rate.sqrt())


if __name__ == "__main__":
    from exitlaw.script import run

    run("saddle_escape")
