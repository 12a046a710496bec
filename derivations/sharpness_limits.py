"""Sharpness ratios of the power law: deep barriers, flat minima, and the order of the limits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Rational, Symbol, log, oo

from derivations._flat_and_sharp import (
    HALF,
    SCALING,
    A,
    a,
    b,
    c,
    exact_log_ratio,
    log_R,
    named_ratio,
    r,
    ratio,
    tail,
)
from exitlaw.asymptotics import Composition, ContinuousImage, PowerLimit
from exitlaw.claim import (
    ClaimBody,
    Domain,
    Equality,
    LimitStatement,
    Mutant,
    Point,
    Range,
    claim,
)
from exitlaw.derivation import Definition, Derivation, LimitCheck, Step
from exitlaw.evidence import EnclosureComparison
from theory import kramers, sharpness
from theory.symbols import kappa, theta

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure


# --- r fixed, barrier to infinity -----------------------------------------------------------------


@claim(
    "sharpness/power-law-exponential",
    title="Power law, r fixed and the barrier to infinity: log R ~ kappa (r^(b-1) - 1) log A",
    depends=("sharpness/power-law-ratio",),
)
def power_law_exponential() -> ClaimBody:
    log_ratio = sharpness.power_law_log_ratio(r, A, kappa, a, b, a, theta)
    formula = sharpness.large_barrier_log_ratio(r, A, kappa, b) / log(A)
    flat = sharpness.flat_kappa(kappa, r, b)
    slow = (flat * log(flat) + kappa * log(kappa) + 2 * log(r) + 2) / ((flat - kappa) * log(A))
    statement = LimitStatement(log_R(A) / log(A), formula, A, oo, slow)
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={A: Range(10, 10**12, "log"), r: Range(Fraction(11, 10), 10), theta: Range(0, 1),
                    b: Range(Fraction(11, 10), 4), kappa: Range(1, 20)}
        ),
        hypotheses=(
            SCALING,
            "a = c, b > 1, r fixed, A -> oo: exponential in r^(b - 1), once log A >> log kappa'; "
            "the order of limits matters, see sharpness/flat-saturation",
        ),
        derivation=Derivation(
            (
                named_ratio(A, log_ratio),
                Step(
                    "the growth",
                    statement,
                    "log u/log A -> 1 for both minima",
                    LimitCheck(log_ratio / log(A), formula, A, oo),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_log_ratio_over_log_barrier,
                points=tuple(_deep_points()),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("kappa' alone", flat),
            Mutant("linear in r - 1 for every b", kappa * (r - 1) / 2),
            Mutant("r^b", kappa * (r**b - 1)),
            Mutant("twice", 2 * formula),
        ),
    )  # fmt: skip


def _deep_points() -> Iterator[Point]:
    depth = Integer(10**12)
    yield {r: Integer(4), A: depth, kappa: Integer(3), a: Integer(1), c: Integer(1),
           b: Rational(3, 2), theta: Integer(0)}  # fmt: skip
    yield {r: Integer(2), A: depth, kappa: Integer(2), a: Integer(0), c: Integer(0),
           b: Integer(3), theta: Rational(1, 4)}  # fmt: skip


def _log_ratio_over_log_barrier(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits)
    with ctx.workprec(128):
        barrier = as_ball(fraction(point[A]), fraction(point[A]))
        return Enclosure.from_arb(value.arb / barrier.log())


@claim(
    "sharpness/slow-correction",
    title="Power law, r fixed: log R is kappa' log(A/kappa') - kappa log(A/kappa) up to a constant",
    depends=("sharpness/power-law-ratio", "kramers/fixed-kappa"),
)
def slow_correction() -> ClaimBody:
    log_ratio = sharpness.power_law_log_ratio(r, A, kappa, a, b, a, theta)
    corrected = sharpness.corrected_large_barrier_log_ratio(r, A, kappa, b)
    flat = sharpness.flat_kappa(kappa, r, b)
    shift = HALF - theta
    constant = (
        log(r)
        + shift * log(kappa / flat)
        + log(kramers.power_law_factor(kappa, theta))
        - log(kramers.power_law_factor(flat, theta))
    )
    statement = LimitStatement(log_R(A) - corrected, constant, A, oo, Rational(3, 10))
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={A: Range(10, 10**12, "log"), r: Range(Fraction(11, 10), 10), theta: Range(0, 1),
                    b: Range(Fraction(11, 10), 4), kappa: Range(1, 20)}
        ),
        hypotheses=(
            SCALING,
            "a = c, b > 1, r fixed, A -> oo; with exact times the constant changes by the "
            "logarithm of the two path constants of kramers/fixed-kappa, here within 3/10 of it",
        ),
        derivation=Derivation(
            (
                named_ratio(A, log_ratio),
                Step(
                    "the constant",
                    LimitStatement(log_R(A) - corrected, constant, A, oo),
                    "kappa log(1 + A/kappa) - kappa log(A/kappa) -> 0",
                    LimitCheck(log_ratio - corrected, constant, A, oo),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_beyond_the_correction,
                points=(
                    {r: Integer(4), A: Integer(10**8), kappa: Integer(3), a: Integer(1),
                     c: Integer(1), b: Rational(3, 2), theta: Integer(0)},
                    {r: Integer(4), A: Integer(10**8), kappa: Integer(5), a: Integer(0),
                     c: Integer(0), b: Rational(3, 2), theta: Integer(1)},
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("no constant from the curvatures", constant - log(r)),
            Mutant("curvatures squared", constant + log(r)),
            Mutant("theta swapped", constant.xreplace({theta: 1 - theta})),
        ),
        generate=False,
    )  # fmt: skip


def _beyond_the_correction(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import enclose
    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits)
    corrected = sharpness.corrected_large_barrier_log_ratio(r, A, kappa, b)
    with ctx.workprec(128):
        return Enclosure.from_arb(value.arb - enclose(corrected, point, 15).arb)


# --- barrier fixed, r to infinity -----------------------------------------------------------------


@claim(
    "sharpness/flat-saturation",
    title="Power law, barrier fixed and r to infinity: R is linear in r",
    depends=("sharpness/power-law-ratio",),
)
def flat_saturation() -> ClaimBody:
    formula = sharpness.saturated_ratio(r, A, kappa, theta) / r
    u = sharpness.noise_ratio(A, kappa)
    index = kappa * r**tail
    remainder = (A**2 + A + 1) / index + (1 + u) / A
    statement = LimitStatement(ratio(r) / r, formula, r, oo, remainder)
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={r: Range(1, 10**12, "log"), A: Range(1, 1000), kappa: Range(1, 1000),
                    theta: Range(0, 1), tail: Range(Fraction(1, 10), 4)},
            constraints=(sympy.Gt(tail, 0),),
        ),
        hypotheses=(
            SCALING,
            "a = c, b = 1 + gamma > 1, A fixed, r -> oo: the flat minimum escapes like Langevin's "
            "once kappa' >> A^2; Langevin's R = r only if kappa >> A^2 too",
            "(1 + u)/A of the remainder allows for the error of Kramers' times",
        ),
        derivation=Derivation(tuple(_saturation_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_ratio_over_r,
                points=tuple(
                    {r: Integer(500), A: Integer(size), kappa: Integer(index), theta: reading,
                     tail: Integer(1), a: Integer(0), c: Integer(0), b: Integer(2)}
                    for size, index, reading in ((30, 30, Integer(0)), (30, 20, Integer(1)))
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("Langevin's R = r", Integer(1)),
            Mutant("exponent - 1/2", formula * sympy.sqrt(u)),
            Mutant("flat minimum keeps its tail", formula * sympy.exp(-A) * u**kappa),
            Mutant("theta swapped", formula.xreplace({theta: 1 - theta})),
        ),
        generate=False,
    )  # fmt: skip


def _saturation_steps(statement: LimitStatement) -> Iterator[Step]:
    formula = sharpness.power_law_ratio(r, A, kappa, a, 1 + tail, a, theta)
    K = Symbol("K", positive=True)
    flat = sharpness.noise_ratio(A, K) ** kramers.power_law_exponent(
        K, theta
    ) / kramers.power_law_factor(K, theta)
    yield Step(
        "the ratio",
        Equality(ratio(r), formula),
        "quotient of the two escape times",
        Definition(ratio(r), formula),
    )
    given = {tail: (Integer(0), oo)}
    saturated = LimitStatement(flat, sympy.exp(A), K, oo)
    yield Step(
        "the flat minimum",
        saturated,
        "(1 + A/kappa')^(kappa' + s - 1/2)/(1 + (s - 1/2)/kappa') -> e^A",
        LimitCheck(flat, sympy.exp(A), K, oo),
    )
    index = LimitStatement(kappa * r**tail, oo, r, oo)
    yield Step(
        "its tail index", index, "kappa' = kappa r^(b - 1)", PowerLimit(kappa, r, tail, given)
    )
    composed = Composition(saturated, index)
    yield Step("the flat minimum at large r", composed.result, "composition", composed)
    X = Symbol("X", positive=True)
    sharp = sharpness.noise_ratio(A, kappa) ** kramers.power_law_exponent(
        kappa, theta
    ) / kramers.power_law_factor(kappa, theta)
    stated = LimitStatement(ratio(r) / r, statement.rhs, r, oo)
    inserted = LimitStatement(formula / r, statement.rhs, r, oo)
    yield Step(
        "linear in r", stated, "divided by the sharp time",
        ContinuousImage(((X, composed.result),), X / sharp, inserted),
    )  # fmt: skip


def _ratio_over_r(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits)
    with ctx.workprec(128):
        spread = as_ball(fraction(point[r]), fraction(point[r]))
        return Enclosure.from_arb(value.arb.exp() / spread)


if __name__ == "__main__":
    from exitlaw.script import run

    run("sharpness_limits")
