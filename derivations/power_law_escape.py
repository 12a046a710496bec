"""Escape of the power-law dynamic for small learning rates: Kramers time and its corrections."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Rational, Symbol, sqrt

from derivations import _escape_models as models
from exitlaw.asymptotics import ContinuousImage
from exitlaw.claim import ClaimBody, Domain, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import (
    Derivation,
    LemmaUse,
    LimitCheck,
    Step,
)
from exitlaw.evidence import (
    EnclosureComparison,
)
from exitlaw.learning_rates import (
    ExpansionOverLearningRates,
    Factor,
    RemainderOverLearningRates,
)
from theory import kramers, landscapes
from theory.symbols import (
    C_a,
    C_b,
    Delta_L,
    H_a,
    H_b,
    eta,
    sigma_g,
    sigma_H,
    theta,
)

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

HALF = Rational(1, 2)
w, y = Symbol("w", real=True), Symbol("y", real=True)
t, q = Symbol("t", real=True), Symbol("q", positive=True)
tau = Function("tau")
"""Mean time from the minimum to the far side of the saddle, as a function of what varies."""
c_1, Psi_b = Symbol("c_1", real=True), Symbol("Psi_b", positive=True)
L3_a, L4_a, L3_b, L4_b = sympy.symbols("L3_a L4_a L3_b L4_b", real=True)
C1_a, C2_a, C1_b, C2_b = sympy.symbols("C1_a C2_a C1_b C2_b", real=True)

INTERPRETATIONS = (Integer(0), Rational(1, 4), HALF, Integer(1))

HYPOTHESES = (
    "C = sigma_g + (2 sigma_H/H_a)(L - L(a)), kappa = H_a/(eta sigma_H), m = kappa + s > 1/2",
    "start < b < B, a is the one lowest point of (-oo, b], b the one highest of [start, B]",
    "eta -> 0 at fixed sigma_g and sigma_H: kappa -> oo, u = 1 + 2 Delta_L sigma_H/(H_a sigma_g) "
    "stays",
)


def tail_index() -> sympy.Expr:
    """kappa = H_a/(eta sigma_H)."""
    return H_a / (eta * sigma_H)


def power_law_formula(interpretation: sympy.Expr = theta) -> sympy.Expr:
    """The escape time in the parameters of the dynamic."""
    return kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, tail_index(), interpretation)


def noise_ratio() -> sympy.Expr:
    """u = C(b)/C(a)."""
    return kramers.barrier_ratio(Delta_L, eta, sigma_g, tail_index())


def affine_noise() -> dict[sympy.Symbol, sympy.Expr]:
    """C and its derivatives at minimum and saddle where it is affine in L, and Psi(b)."""
    slope = 2 * sigma_H / H_a
    return {
        C_a: sigma_g, C1_a: Integer(0), C2_a: slope * H_a,
        C_b: sigma_g * noise_ratio(), C1_b: Integer(0), C2_b: slope * H_b,
        Psi_b: kramers.power_law_potential(noise_ratio(), eta, tail_index()),
    }  # fmt: skip


def family_point(
    family: models.Family,
    values: dict[sympy.Symbol, sympy.Expr],
    rate: sympy.Expr,
    interpretation: sympy.Expr,
) -> Point:
    """A point of the claims on a landscape, with the coefficient c_1 of that landscape."""
    jets = ((values[H_a], 0, 0), (values[H_b], 0, 0))
    if family is landscapes.quartic:
        jets = landscapes.quartic_jets(values[H_a], values[H_b], values[Delta_L])
    ratio = 1 + 2 * values[Delta_L] * values[sigma_H] / (values[H_a] * values[sigma_g])
    noise_at_saddle = values[sigma_g] * ratio
    coefficient = kramers.second_order_coefficient_affine(
        values[sigma_g], noise_at_saddle, jets[0], jets[1]
    )
    return {
        **values, eta: rate, theta: interpretation, c_1: sympy.nsimplify(coefficient),
        FAMILY: Integer(0 if family is landscapes.quartic else 1),
    }  # fmt: skip


FAMILY = Symbol("landscape")
"""0 the quartic family, 1 joined parabolas: which member of which family a point means."""


def point_time(point: Point, digits: int) -> Enclosure:
    """Exact time to the far side on the landscape of the point."""
    family = landscapes.quartic if point[FAMILY] == 0 else landscapes.joined_parabolas
    return models.family_time(family, point, max(8, min(digits, 12)))


QUARTIC: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(2), H_b: Integer(-1), Delta_L: Integer(1), sigma_g: Rational(2, 3),
    sigma_H: Rational(3, 2),
}  # fmt: skip
PARABOLAS: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(9), H_b: Integer(-7), Delta_L: Integer(2), sigma_g: Rational(3, 4),
    sigma_H: Rational(9, 2),
}  # fmt: skip
TILTED: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(3), H_b: Integer(-1), Delta_L: Rational(6, 5), sigma_g: Rational(5, 3),
    sigma_H: Rational(5, 2),
}  # fmt: skip


def certified_remainder(*interpretations: sympy.Expr) -> RemainderOverLearningRates:
    """The remainder of the escape time for all learning rates between nodes, on one well."""
    return RemainderOverLearningRates(
        route="double integral in ball arithmetic at a few learning rates, for all between them "
        "by convexity; symmetric quartic well",
        factors=(Factor(point_time, weight=eta),),
        rate=eta,
        nodes=tuple(Rational(1, 8) * Rational(4, 5) ** k for k in range(7)),
        points=tuple(
            family_point(landscapes.quartic, QUARTIC, eta, reading) for reading in interpretations
        ),
    )


def named_mutants(formula: sympy.Expr) -> tuple[Mutant, ...]:
    """The neighbours that every escape formula of the power law is told apart from."""
    ratio = noise_ratio()
    swapped = {H_a: -H_b, H_b: -H_a}
    return (
        Mutant("exponent + 1/2", formula * sqrt(ratio)),
        Mutant("exponent - 1/2", formula / sqrt(ratio)),
        Mutant("swapped theta", formula.xreplace({theta: 1 - theta})),
        Mutant("H_a and H_b swapped", formula.xreplace(swapped)),
        Mutant("factor 2", 2 * formula),
    )


# --- the escape time ------------------------------------------------------------------------------


@claim(
    "kramers/power-law",
    title="Escape time of the power-law dynamic for every interpretation",
    depends=("kramers/multiplicative",),
)
def power_law() -> ClaimBody:
    formula = power_law_formula()
    size = eta * sigma_g * (1 + noise_ratio()) / Delta_L
    statement = LimitStatement(
        tau(eta), formula, eta, Integer(0), sympy.Abs(c_1) * eta + 2 * size**2
    )
    rates = (Rational(1, 20), Rational(1, 400))
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 1000), Fraction(1, 5), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(
            *HYPOTHESES,
            "c_1 is the coefficient of kramers/second-order",
            "of the range of eta the remainder is certified from 1/10 down to 128/3125 for one "
            "symmetric quartic well, theta = 0 and 1; elsewhere it is compared at points",
        ),
        derivation=Derivation(tuple(_power_law_steps(formula))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic: quartic wells, joined parabolas",
                reference=point_time,
                points=tuple(
                    family_point(family, values, rate, reading)
                    for family, values in (
                        (landscapes.quartic, QUARTIC),
                        (landscapes.quartic, TILTED),
                        (landscapes.joined_parabolas, PARABOLAS),
                    )
                    for reading, rate in ((Integer(0), rates[0]), (Integer(1), rates[1]),
                                          (Rational(1, 4), rates[1]))
                ),
                digits=10,
            ),
            certified_remainder(Integer(0), Integer(1)),
        ),
        mutants=(
            *named_mutants(formula),
            Mutant("factor 1 + (s - 1/2)/kappa dropped",
                   formula * kramers.power_law_factor(tail_index(), theta)),
            Mutant("the published factor for every theta",
                   formula * kramers.power_law_factor(tail_index(), theta)
                   / kramers.power_law_factor(tail_index(), Integer(1))),
        ),
    )  # fmt: skip


def _power_law_steps(formula: sympy.Expr) -> Iterator[Step]:
    noise = affine_noise()
    known = LimitStatement(
        tau(eta),
        kramers.multiplicative_time(H_a, H_b, noise[C_a], noise[C_b], noise[Psi_b] / eta, theta),
        eta,
        Integer(0),
    )
    yield Step(
        "Kramers' time for this noise",
        known,
        "C(a) = sigma_g, C(b) = sigma_g u, and Psi = 2 int L'/C = (H_a/sigma_H) log(C/sigma_g)",
        LemmaUse(
            "kramers/multiplicative",
            known,
            {C_a: noise[C_a], C_b: noise[C_b], Psi_b: noise[Psi_b]},
        ),
    )
    X, E = sympy.symbols("X E", real=True)
    shift = (HALF - theta) * sigma_H / H_a
    yield Step(
        "the escape time",
        LimitStatement(tau(eta), formula, eta, Integer(0)),
        "exp(kappa log u) u^(s - 1/2) = u^(kappa + s - 1/2), and the factor 1 + (s - 1/2)/kappa = "
        "1 + (s - 1/2) eta sigma_H/H_a tends to 1",
        ContinuousImage(
            ((X, known), (E, LimitStatement(eta, Integer(0), eta, Integer(0)))),
            X * (1 + shift * E),
            LimitStatement(tau(eta), formula, eta, Integer(0)),
        ),
    )


# --- second order ---------------------------------------------------------------------------------


@claim(
    "kramers/second-order",
    title="Second order of the escape time: one coefficient for every interpretation",
    depends=("kramers/second-order-general",),
)
def second_order() -> ClaimBody:
    coefficient = kramers.second_order_coefficient_affine(
        sigma_g, sigma_g * noise_ratio(), (H_a, L3_a, L4_a), (H_b, L3_b, L4_b)
    )
    quotient = (tau(eta) / power_law_formula() - 1) / eta
    statement = LimitStatement(quotient, coefficient, eta, Integer(0), 16 * eta)
    points = []
    for values, reading in ((QUARTIC, Integer(0)), (TILTED, Rational(1, 4)), (TILTED, Integer(1))):
        minimum, saddle = landscapes.quartic_jets(values[H_a], values[H_b], values[Delta_L])
        jets = {L3_a: minimum[1], L4_a: minimum[2], L3_b: saddle[1], L4_b: saddle[2]}
        point = family_point(landscapes.quartic, values, Rational(1, 2000), reading)
        points.append({**point, **jets})
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 10000), Fraction(1, 10), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(*HYPOTHESES, "L3 and L4 are the third and fourth derivative of L at a and b"),
        derivation=Derivation(tuple(_second_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic, quartic wells",
                reference=_second_order_quotient,
                points=tuple(points),
            ),
            ExpansionOverLearningRates(
                product=RemainderOverLearningRates(
                    route="double integral in ball arithmetic at a few learning rates, for all "
                    "between them by convexity; symmetric and tilted quartic wells",
                    factors=(Factor(point_time, weight=eta),),
                    rate=eta,
                    nodes=tuple(Rational(1, 40) * Rational(20, 21) ** k for k in range(5)),
                    points=tuple(
                        {symbol: value for symbol, value in point.items() if symbol != eta}
                        for point in points[:2]
                    ),
                ),
                leading=power_law_formula(),
                small=eta,
            ),
        ),
        mutants=(
            Mutant("relative to the time without its factor",
                   coefficient + (HALF - theta) * sigma_H / H_a),
            Mutant("minimum alone", kramers.second_order_coefficient_affine(
                sigma_g, 0, (H_a, L3_a, L4_a), (H_b, L3_b, L4_b))),
            Mutant("noise at the minimum throughout", kramers.second_order_coefficient_affine(
                sigma_g, sigma_g, (H_a, L3_a, L4_a), (H_b, L3_b, L4_b))),
            Mutant("half", coefficient / 2),
        ),
    )  # fmt: skip


def _second_order_steps(statement: LimitStatement) -> Iterator[Step]:
    noise = affine_noise()
    minimum = ((H_a, L3_a, L4_a), (noise[C_a], noise[C1_a], noise[C2_a]))
    saddle = ((H_b, L3_b, L4_b), (noise[C_b], noise[C1_b], noise[C2_b]))
    leading = kramers.multiplicative_time(
        H_a, H_b, noise[C_a], noise[C_b], noise[Psi_b] / eta, theta
    )
    general = LimitStatement(
        (tau(eta) / leading - 1) / eta,
        kramers.second_order_coefficient(minimum, saddle, theta),
        eta,
        Integer(0),
    )
    yield Step(
        "any noise to second order",
        general,
        "C' = 0 and C'' = 2 sigma_H L''/H_a at both points where C is affine in L",
        LemmaUse("kramers/second-order-general", general, noise),
    )
    X, E = sympy.symbols("X E", real=True)
    shift = (HALF - theta) * sigma_H / H_a
    yield Step(
        "one coefficient for every theta",
        statement,
        "tau/formula = (1 + eta X)(1 + (s - 1/2) eta sigma_H/H_a): the terms in s cancel",
        ContinuousImage(
            ((X, general), (E, LimitStatement(eta, Integer(0), eta, Integer(0)))),
            X * (1 + shift * E) + shift,
            statement,
        ),
    )


def _second_order_quotient(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, enclose, fraction
    from numerics.enclosure import Enclosure

    time = point_time(point, 10)
    with ctx.workprec(128):
        rate = as_ball(fraction(point[eta]), fraction(point[eta]))
        ratio = time.arb / enclose(power_law_formula(), point, 20).arb
        return Enclosure.from_arb((ratio - 1) / rate)


# --- no state-dependent noise ---------------------------------------------------------------------


@claim(
    "kramers/langevin-limit",
    title="The power-law time tends to the Langevin time as sigma_H -> 0",
)
def langevin_limit() -> ClaimBody:
    formula = kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma_g)
    steepness = 2 * Delta_L / (eta * sigma_g)
    statement = LimitStatement(
        power_law_formula(),
        formula,
        sigma_H,
        Integer(0),
        (steepness**2 + steepness + 1) * eta * sigma_H / H_a,
    )
    values = {
        H_a: Integer(2), H_b: Rational(-3, 2), Delta_L: Rational(5, 4), eta: Rational(1, 3),
        sigma_g: Rational(7, 5), sigma_H: Rational(1, 10**4),
    }  # fmt: skip
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={theta: Range(0, 1), sigma_H: Range(0, Fraction(1, 10))}),
        hypotheses=("kappa = H_a/(eta sigma_H) -> oo at fixed eta, sigma_g and landscape",),
        derivation=Derivation(
            (
                Step(
                    "the limit",
                    statement,
                    "(1 + A/kappa)^(kappa + s - 1/2) -> e^A and 1 + (s - 1/2)/kappa -> 1",
                    LimitCheck(power_law_formula(), formula, sigma_H, Integer(0)),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="the power-law time in ball arithmetic at a small sigma_H",
                reference=_small_state_dependence,
                points=tuple({**values, theta: reading} for reading in INTERPRETATIONS),
                digits=12,
            ),
        ),
        mutants=(
            Mutant("exponent Delta_L/(eta sigma_g)",
                   formula * sympy.exp(-Delta_L / (eta * sigma_g))),
            Mutant("factor 2", 2 * formula),
            Mutant("curvature of the minimum at both ends", kramers.langevin_time(
                H_a, -H_a, Delta_L, eta, sigma_g)),
        ),
    )  # fmt: skip


def _small_state_dependence(point: Point, digits: int) -> Enclosure:
    from exitlaw.evaluation import enclose

    return enclose(power_law_formula(), point, digits)


if __name__ == "__main__":
    from exitlaw.script import run

    run("power_law_escape")
