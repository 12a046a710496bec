"""Escape time of a flat minimum over that of a sharp one: scaling laws, limits and their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Piecewise, Rational, Symbol, log, oo

from derivations import _escape_models as models
from exitlaw.analysis import TaylorPositivity
from exitlaw.asymptotics import CaseSplit, Composition, ContinuousImage, PowerLimit
from exitlaw.claim import (
    Bound,
    ClaimBody,
    Domain,
    Equality,
    LimitStatement,
    Mutant,
    Point,
    Range,
    claim,
)
from exitlaw.derivation import Definition, Derivation, Identity, LemmaUse, LimitCheck, Step
from exitlaw.evidence import EnclosureComparison, MonteCarloTest
from theory import kramers, landscapes, sharpness
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, sigma_g, sigma_H, theta

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

HALF = Rational(1, 2)
r = Symbol("r", positive=True)
A = Symbol("A", positive=True)
a, b, c = sympy.symbols("a b c", real=True)
rise, tail = sympy.symbols("alpha gamma", real=True)
"""a - c and b - 1."""
log_R = Function("log_R")
"""Logarithm of the ratio of the two escape times, as a function of what varies."""
ratio = Function("R")

SCALING = (
    "scaling law: sigma_g ~ H^a, sigma_H ~ H^b, Delta_L ~ H^c, H_b ~ H; r = H_sharp/H_flat > 1; "
    "A = 2 Delta_L/(eta sigma_g), kappa and u = 1 + A/kappa are the sharp values"
)


# --- a flat and a sharp minimum ------------------------------------------------------------------


def minima(point: Point, *, constant_noise: bool = False) -> tuple[Point, Point]:
    """The parameters of the flat and the sharp minimum at a point of r, A, kappa, a, b, c.

    Sharp: H_a = 1, Delta_L = 1, eta = 1; the flat one follows from the scaling law.
    """
    sharp: dict[sympy.Symbol, sympy.Expr] = {
        H_a: Integer(1), H_b: Rational(-1, 2), Delta_L: Integer(1), eta: Integer(1),
        sigma_g: 2 / point[A], theta: point[theta],
        sigma_H: Integer(0) if constant_noise else 1 / point[kappa],
    }  # fmt: skip
    powers = {
        H_a: Integer(1), H_b: Integer(1), Delta_L: point.get(c, Integer(0)),
        sigma_g: point.get(a, Integer(0)), sigma_H: point.get(b, Integer(0)),
    }  # fmt: skip
    flat = dict(sharp)
    for symbol, power in powers.items():
        flat[symbol] = sharp[symbol] / point[r] ** power
    return flat, sharp


def exact_log_ratio(point: Point, digits: int, *, constant_noise: bool = False) -> Enclosure:
    """log R of exact times: double integrals of two symmetric quartic wells."""
    from flint import ctx

    from numerics.enclosure import Enclosure

    flat, sharp = minima(point, constant_noise=constant_noise)
    times = [models.family_time(landscapes.quartic, one, 12) for one in (flat, sharp)]
    with ctx.workprec(128):
        return Enclosure.from_arb((times[0].arb / times[1].arb).log())


def exact_ratio(point: Point, digits: int, *, constant_noise: bool = False) -> Enclosure:
    """R of exact times."""
    from flint import ctx

    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits, constant_noise=constant_noise)
    with ctx.workprec(128):
        return Enclosure.from_arb(value.arb.exp())


def simulated_ratio(
    family: models.Family, flat: Point, sharp: Point, context: Context, step: float
) -> Estimate:
    """R from simulated first exits of the two minima, on independent streams."""
    one = models.simulated_time(family, flat, context, paths=10_000, step=step)
    other = models.simulated_time(family, sharp, context, paths=10_000, step=step, stream=1)
    return models.quotient(one, other)


# --- Langevin, constant noise ---------------------------------------------------------------------


@claim(
    "sharpness/langevin-polynomial",
    title="Langevin with constant noise: R = r",
)
def langevin_polynomial() -> ClaimBody:
    flat = kramers.langevin_time(H_a / r, H_b / r, Delta_L, eta, sigma_g)
    sharp = kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma_g)
    formula = sharpness.langevin_ratio(r, A, Integer(0), Integer(0))
    statement = Equality(flat / sharp, formula)
    points = tuple(
        {r: Integer(value), A: Integer(size), theta: HALF, kappa: Integer(1)}
        for value, size in ((2, 5), (9, 30), (Rational(5, 2), 4))
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={r: Range(1, 100, "log"), A: Range(1, 100, "log")}),
        hypotheses=(SCALING, "a = c = 0 and constant noise: sigma_H = 0 in both basins",
                    "R is polynomial in r, of degree 1, at every A"),
        derivation=Derivation(
            (
                Step(
                    "the ratio of the two times",
                    statement,
                    "the barrier in units of the noise is the same; the curvatures scale",
                    Identity(statement.lhs, formula),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_langevin_exact,
                points=points,
                digits=10,
            ),
            MonteCarloTest(
                route="first exits of a flat and a sharp well simulated from drift and diffusion",
                simulate=_langevin_simulated,
                points=({r: Integer(2), A: Integer(1), theta: HALF, kappa: Integer(1)},),
                neighbours=("r^2", "no growth", "square root"),
            ),
        ),
        mutants=(
            Mutant("r^2", r**2),
            Mutant("no growth", Integer(1)),
            Mutant("square root", sympy.sqrt(r)),
            Mutant("exponential in the sharpness", sympy.exp(r - 1)),
        ),
    )  # fmt: skip


def _langevin_exact(point: Point, digits: int) -> Enclosure:
    return exact_ratio(point, digits, constant_noise=True)


def _langevin_simulated(point: Point, context: Context) -> Estimate:
    flat, sharp = minima(point, constant_noise=True)
    return simulated_ratio(landscapes.quartic, flat, sharp, context, 0.2)


# --- the power law's ratio ------------------------------------------------------------------------


@claim(
    "sharpness/power-law-ratio",
    title="Power-law dynamic: R from the two escape times under any scaling law",
    depends=("kramers/power-law",),
)
def power_law_ratio() -> ClaimBody:
    flat = kramers.power_law_time(
        H_a / r,
        H_b / r,
        Delta_L * r ** (a - c),
        eta,
        sigma_g,
        kramers_index() * r ** (b - 1),
        theta,
    )
    sharp = kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, kramers_index(), theta)
    size = 2 * Delta_L / (eta * sigma_g)
    formula = sharpness.power_law_ratio(r, size, kramers_index(), a, b, c, theta)
    statement = Equality(flat / sharp, formula)
    points = tuple(_ratio_point(reading) for reading in (Integer(1), Rational(1, 4)))
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={theta: Range(0, 1)}),
        hypotheses=(
            SCALING,
            "barrier and noise enter by Delta_L/sigma_g, which is r^(a - c) times as large for the "
            "flat minimum",
            "R of Kramers' times; the simulation is of joined parabolas, whose remainder "
            "(kramers/deep-barrier) is added to its bias bound for both minima",
        ),
        derivation=Derivation(
            (
                Step(
                    "the ratio of the two times",
                    statement,
                    "kappa' = kappa r^(b - 1), A' = A r^(a - c), u' = 1 + A'/kappa'",
                    Identity(statement.lhs, formula),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="quotient of the two escape times in ball arithmetic",
                reference=_quotient_of_times,
                points=tuple(
                    {**points[0], r: Integer(4), a: Integer(1), b: Rational(5, 2), c: HALF,
                     theta: reading}
                    for reading in (Integer(0), Rational(3, 4))
                ),
                digits=12,
            ),
            models.FirstPoints(
                MonteCarloTest(
                    route="first exits of a flat and a sharp minimum simulated from drift and "
                    "diffusion",
                    simulate=_simulated_parabolas_ratio,
                    points=points,
                    neighbours=("Langevin's R = r", "factor 2", "exponent of the sharp minimum"),
                ),
                quick=1,
            ),
        ),
        mutants=(
            Mutant("Langevin's R = r", r),
            Mutant("factor 2", 2 * formula),
            Mutant("exponent of the sharp minimum",
                   sharpness.power_law_ratio(r, size, kramers_index(), a, Integer(1), c, theta)),
            Mutant("swapped theta", formula.xreplace({theta: 1 - theta})),
        ),
    )  # fmt: skip


def kramers_index() -> sympy.Expr:
    """kappa = H_a/(eta sigma_H) of the sharp minimum."""
    return H_a / (eta * sigma_H)


def _ratio_point(reading: sympy.Expr) -> Point:
    """Joined parabolas, sharp kappa = 3, A = 5, r = 2, b = 2: flat kappa = 6."""
    from derivations.power_law_escape import parabolas_point

    return {**parabolas_point(5, 3, reading), r: Integer(2), a: Integer(0), b: Integer(2),
            c: Integer(0)}  # fmt: skip


def _flat(point: Point) -> Point:
    """The flat minimum of a point that gives the sharp one and the scaling law."""
    values = dict(point)
    for symbol, power in ((H_a, 1), (H_b, 1), (Delta_L, point[c]), (sigma_g, point[a]),
                          (sigma_H, point[b])):  # fmt: skip
        values[symbol] = point[symbol] / point[r] ** power
    values[kappa] = values[H_a] / (values[eta] * values[sigma_H])
    return values


def _quotient_of_times(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import enclose
    from numerics.enclosure import Enclosure

    time = kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, kappa, theta)
    with ctx.workprec(192):
        flat, sharp = enclose(time, _flat(point), 25), enclose(time, point, 25)
        return Enclosure.from_arb(flat.arb / sharp.arb)


def _simulated_parabolas_ratio(point: Point, context: Context) -> Estimate:
    from derivations.power_law_escape import joint_remainder

    flat = _flat(point)
    measured = simulated_ratio(landscapes.joined_parabolas, flat, point, context, 0.08)
    for one in (flat, point):
        measured = models.with_remainder(measured, joint_remainder(), one)
    return measured


# --- r fixed, barrier to infinity -----------------------------------------------------------------


def _named(variable: sympy.Symbol, formula: sympy.Expr) -> Step:
    return Step(
        "the ratio",
        Equality(log_R(variable), formula),
        "logarithm of the quotient of the two escape times",
        Definition(log_R(variable), formula),
    )


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
                _named(A, log_ratio),
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
                _named(A, log_ratio),
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


# --- noise proportional to the Hessian ------------------------------------------------------------


@claim(
    "sharpness/hessian-noise",
    title="Langevin with noise proportional to the Hessian: log R ~ A (r - 1), exponential too",
)
def hessian_noise() -> ClaimBody:
    log_ratio = sharpness.langevin_log_ratio(r, A, Integer(1), Integer(0))
    formula = sharpness.hessian_noise_log_ratio(r, A) / (r - 1)
    statement = LimitStatement(
        (log_R(r) - log(r)) / (r - 1), formula, r, oo, Rational(3, 10) / (A * (r - 1))
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={r: Range(Fraction(11, 10), 1000, "log"), A: Range(1, 100)}),
        hypotheses=(
            SCALING,
            "a = 1, c = 0, C constant inside each basin: log R = A (r - 1) + log r; the contrast "
            "with the power law rests on the same noise in all basins",
        ),
        derivation=Derivation(
            (
                _named(r, log_ratio),
                Step(
                    "the growth",
                    statement,
                    "log R - log r = A (r - 1)",
                    LimitCheck((log_ratio - log(r)) / (r - 1), formula, r, oo),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_hessian_exact,
                points=tuple(
                    {r: Integer(value), A: Integer(size), a: Integer(1), c: Integer(0),
                     kappa: Integer(1), theta: HALF}
                    for value, size in ((16, 7), (40, 12))
                ),
                digits=8,
            ),
            MonteCarloTest(
                route="first exits of a flat and a sharp well simulated from drift and diffusion",
                simulate=_hessian_simulated,
                points=(
                    {r: Rational(3, 2), A: Rational(2), a: Integer(1), c: Integer(0),
                     kappa: Integer(1), theta: HALF},
                ),
                neighbours=("half of it", "twice"),
            ),
        ),
        mutants=(
            Mutant("half of it", formula / 2),
            Mutant("twice", 2 * formula),
            Mutant("power law with u' = u", log(1 + A)),
        ),
    )  # fmt: skip


def _hessian_exact(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    value = exact_log_ratio(point, digits, constant_noise=True)
    with ctx.workprec(128):
        sharper = as_ball(fraction(point[r]), fraction(point[r]))
        return Enclosure.from_arb((value.arb - sharper.log()) / (sharper - 1))


def _hessian_simulated(point: Point, context: Context) -> Estimate:
    """log(R/r)/(r - 1), its bias bound enlarged by 15 % for Kramers' error at this barrier."""
    flat, sharp = minima(point, constant_noise=True)
    measured = simulated_ratio(landscapes.quartic, flat, sharp, context, 0.2)
    exponent = models.log_quotient(measured, point[r], point[r] - 1)
    return models.with_remainder(exponent, Rational(15, 100), point)


# --- label noise ----------------------------------------------------------------------------------

LABEL_NOISE = (Integer(1), Integer(2), Integer(0))


def _label_noise_body(formula: sympy.Expr, mutants: tuple[Mutant, ...]) -> ClaimBody:
    """A claim about log R of the power law over log R of Langevin, both under label noise."""
    remainder = (2 * log(r) + 2) / (A * (r - 1))
    return ClaimBody(
        statement=LimitStatement(log_R(r) / langevin_log_R(r), formula, r, oo, remainder),
        domain=Domain(
            ranges={r: Range(2, 1000, "log"), A: Range(4, 100), kappa: Range(3, 100),
                    theta: Range(0, 1)}
        ),
        hypotheses=(
            SCALING,
            "a = 1, b = 2, c = 0: u' = u, so that log R = kappa (r - 1) log u + O(log r) for the "
            "power law and A (r - 1) + log r for Langevin; log(1 + x) < x makes the quotient < 1",
        ),
        evidence=(
            EnclosureComparison(
                route="four double integrals in ball arithmetic, quartic wells",
                reference=_label_noise_quotient,
                points=tuple(
                    {r: Integer(value), A: Integer(size), kappa: Integer(index), a: Integer(1),
                     b: Integer(2), c: Integer(0), theta: reading}
                    for value, size, index, reading in (
                        (12, 24, 4, Integer(0)), (12, 30, 10, Integer(1)),
                    )
                ),
                digits=8,
            ),
        ),
        mutants=mutants,
    )  # fmt: skip


langevin_log_R = Function("log_R_Langevin")


@claim(
    "sharpness/label-noise-reversal",
    title="Label noise, a = 1, b = 2, c = 0: the power law selects less than Langevin",
)
def label_noise_reversal() -> ClaimBody:
    formula = sharpness.label_noise_log_ratio(r, A, kappa) / sharpness.hessian_noise_log_ratio(r, A)
    formula = sympy.cancel(formula)
    body = _label_noise_body(
        formula,
        (
            Mutant("no difference", Integer(1)),
            Mutant("the quotient inverted", 1 / formula),
            Mutant("u for log u", (1 + A / kappa) * kappa / A),
        ),
    )
    power = sharpness.power_law_log_ratio(r, A, kappa, *LABEL_NOISE, theta)
    langevin = sharpness.langevin_log_ratio(r, A, LABEL_NOISE[0], LABEL_NOISE[2])
    x = Symbol("x", positive=True)
    steps = (
        _named(r, power),
        Step(
            "Langevin's ratio",
            Equality(langevin_log_R(r), langevin),
            "constant noise in each basin",
            Definition(langevin_log_R(r), langevin),
        ),
        Step(
            "below 1",
            Bound(log(1 + x), x),
            "x = A/kappa: kappa log u < A",
            TaylorPositivity(log(1 + x), x, x),
        ),
        Step(
            "the quotient of the exponents",
            body.statement,
            "log r is small against r",
            LimitCheck(power / langevin, formula, r, oo),
        ),
    )
    return replace(body, derivation=Derivation(steps))


@claim(
    "sharpness/contrast-under-label-noise",
    title="Under label noise too, the power law selects exponentially, Langevin polynomially",
    source="Meng et al., arXiv 2006.13719, abstract",
    expected="refuted",
    corrected="sharpness/label-noise-reversal",
)
def contrast_under_label_noise() -> ClaimBody:
    polynomial = sharpness.langevin_log_ratio(r, A, Integer(0), Integer(0))
    return _label_noise_body(
        sharpness.label_noise_log_ratio(r, A, kappa) / polynomial,
        (),
    )


def _label_noise_quotient(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from numerics.enclosure import Enclosure

    power = exact_log_ratio(point, digits)
    langevin = exact_log_ratio(point, digits, constant_noise=True)
    with ctx.workprec(128):
        return Enclosure.from_arb(power.arb / langevin.arb)


# --- classes --------------------------------------------------------------------------------------

ORDERED = {tail: (Integer(0), oo), rise: (Integer(0), tail)}
"""0 < alpha < gamma."""
REVERSED = {rise: (Integer(0), oo), tail: (Integer(0), rise)}
"""0 < gamma < alpha."""


def class_log_ratio(up: sympy.Expr = rise) -> sympy.Expr:
    """log R of the power law with a - c = alpha (or `up`) and b - 1 = gamma."""
    return sympy.powsimp(
        sharpness.power_law_log_ratio(r, A, kappa, up, 1 + tail, Integer(0), theta)
    )


def _grows(exponent: sympy.Expr, coefficient: sympy.Expr, given, *, rises: bool = True) -> Step:
    check = PowerLimit(coefficient, r, exponent, given, rises)
    (limit,) = check.establishes()
    return Step(f"{coefficient} r^({exponent})", limit, "sign of the exponent", check)  # type: ignore[arg-type]


def _logarithm_loses(power: sympy.Expr, steps: list[Step]) -> LimitStatement:
    """log X/X -> 0 for X = r^power, whose growth `steps` have just shown."""
    X = Symbol("X", positive=True)
    slow = LimitStatement(log(X) / X, Integer(0), X, oo)
    steps.append(Step("log X/X", slow, "exact series", LimitCheck(slow.lhs, Integer(0), X, oo)))
    composed = Composition(slow, LimitStatement(r**power, oo, r, oo))
    steps.append(Step(f"log r against r^{power}", composed.result, "composition", composed))
    return composed.result


def _class_body(
    leading: sympy.Expr,
    condition: sympy.Basic,
    steps: tuple[Step, ...],
    points: tuple[Point, ...],
    remainder: sympy.Expr,
    mutants: tuple[Mutant, ...],
) -> ClaimBody:
    return ClaimBody(
        statement=LimitStatement(log_R(r), leading, r, oo, remainder),
        domain=Domain(ranges={r: Range(2, 10**9, "log"), theta: Range(0, 1)},
                      constraints=(condition,)),
        hypotheses=(SCALING, "alpha = a - c, gamma = b - 1; A and kappa fixed, r -> oo"),
        derivation=Derivation(steps),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_class_exact,
                points=points,
                digits=8,
            ),
        ),
        mutants=mutants,
        generate=False,
    )  # fmt: skip


def _class_exact(point: Point, digits: int) -> Enclosure:
    scaled = {**point, a: point[rise], b: 1 + point[tail], c: Integer(0)}
    return exact_log_ratio(scaled, digits)


def _class_point(value: int, size: int, index: int, up: str, down: str, reading: int) -> Point:
    return {r: Integer(value), A: Integer(size), kappa: Integer(index),
            rise: Rational(up), tail: Rational(down), theta: Integer(reading)}  # fmt: skip


def _constants() -> sympy.Expr:
    return sharpness.log_time(A, kappa, theta)


@claim(
    "sharpness/class-barrier",
    title="0 < a - c < b - 1: log R ~ A r^(a - c), as for Langevin",
)
def class_barrier() -> ClaimBody:
    leading = A * r**rise
    shift = HALF - theta
    z, K, V, P, Q = sympy.symbols("z K V P Q", positive=True)
    steps: list[Step] = [_named(r, class_log_ratio())]
    steps.append(_grows(rise, Integer(1), ORDERED))
    lost = _logarithm_loses(rise, steps)
    steps.append(_grows(rise - tail, A / kappa, ORDERED, rises=False))
    small = LimitStatement(A / kappa * r ** (rise - tail), Integer(0), r, oo)
    unit = LimitStatement(log(1 + z) / z, Integer(1), z, Integer(0))
    steps.append(Step("log(1 + z)/z", unit, "exact series",
                      LimitCheck(unit.lhs, Integer(1), z, Integer(0))))  # fmt: skip
    composed = Composition(unit, small)
    steps.append(Step("log u' is A'/kappa'", composed.result, "composition", composed))
    steps.append(_grows(-tail, 1 / kappa, ORDERED, rises=False))
    steps.append(_grows(-rise, 1 / A, ORDERED, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    barrier = LimitStatement(r**-rise / A, Integer(0), r, oo)
    Z = Symbol("Z", positive=True)
    whole = P / (rise * A) + Q + shift * Q * Z * V - V * log(1 + shift * K) - V * _constants()
    ratio_limit = LimitStatement(class_log_ratio(), leading, r, oo)
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "every other term is small against A'",
            ContinuousImage(
                ((P, lost), (Q, composed.result), (Z, small), (K, index), (V, barrier)),
                whole,
                ratio_limit,
            ),
        )
    )
    remainder = (
        leading / (2 * kappa * r**tail) + (4 * log(r) + kappa * log(1 + A / kappa) + 2) / leading
    )
    points = (
        _class_point(64, 8, 6, "1/2", "1", 0), _class_point(81, 10, 5, "1/2", "3/4", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(rise, 0), sympy.Lt(rise, tail)), tuple(steps), points,
        remainder,
        (
            Mutant("the tail exponent", kappa * log(1 + A / kappa) * r**tail),
            Mutant("linear in r", A * r),
            Mutant("twice the barrier", 2 * leading),
        ),
    )  # fmt: skip


@claim(
    "sharpness/class-balanced",
    title="a - c = b - 1 > 0: log R ~ kappa log(u) r^(b - 1)",
)
def class_balanced() -> ClaimBody:
    leading = kappa * log(1 + A / kappa) * r**tail
    shift = HALF - theta
    u = log(1 + A / kappa)
    given = {tail: (Integer(0), oo)}
    K, P = sympy.symbols("K P", positive=True)
    steps: list[Step] = [_named(r, class_log_ratio(tail)), _grows(tail, Integer(1), given)]
    lost = _logarithm_loses(tail, steps)
    steps.append(_grows(-tail, 1 / kappa, given, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    whole = P / (tail * kappa * u) + 1 + shift * K - (log(1 + shift * K) + _constants()) * K / u
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "u' = u, and every other term is small against kappa'",
            ContinuousImage(
                ((P, lost), (K, index)),
                whole,
                LimitStatement(class_log_ratio(tail), leading, r, oo),
            ),
        )
    )
    remainder = (4 * log(r) + kappa * u + 2) / leading
    points = (
        _class_point(16, 8, 4, "1", "1", 0), _class_point(16, 12, 3, "3/4", "3/4", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(tail, 0), sympy.Equality(rise, tail)),  # type: ignore[arg-type]
        tuple(steps), points,
        remainder,
        (
            Mutant("Langevin's exponent", A * r**tail),
            Mutant("linear in r", leading * r ** (1 - tail) / 2),
            Mutant("twice", 2 * leading),
        ),
    )  # fmt: skip


@claim(
    "sharpness/class-tail",
    title="0 < b - 1 < a - c: log R ~ kappa (a - c - b + 1) r^(b - 1) log r",
)
def class_tail() -> ClaimBody:
    leading = kappa * (rise - tail) * r**tail * log(r)
    shift = HALF - theta
    K, V, W, Q = sympy.symbols("K V W Q", positive=True)
    steps: list[Step] = [_named(r, class_log_ratio())]
    steps.append(_grows(-tail, 1 / kappa, REVERSED, rises=False))
    index = LimitStatement(r**-tail / kappa, Integer(0), r, oo)
    slow = LimitStatement(1 / log(r), Integer(0), r, oo)
    steps.append(Step("1/log r", slow, "log r -> oo", LimitCheck(slow.lhs, Integer(0), r, oo)))
    growing = PowerLimit(A / kappa, r, rise - tail, REVERSED)
    (large,) = growing.establishes()
    steps.append(Step("A'/kappa'", large, "sign of the exponent", growing))  # type: ignore[arg-type]
    z = Symbol("z", positive=True)
    unit = LimitStatement(log(1 + z) - log(z), Integer(0), z, oo)
    steps.append(Step("log(1 + z) - log z", unit, "exact series",
                      LimitCheck(unit.lhs, Integer(0), z, oo)))  # fmt: skip
    composed = Composition(unit, large)  # type: ignore[arg-type]
    steps.append(Step("log u' is log(A'/kappa')", composed.result, "composition", composed))
    gap = rise - tail
    log_u = gap + (log(A / kappa) + W) * Q
    whole = (
        K / gap + log_u * (1 + shift * K) / gap
        - (log(1 + shift * K) + _constants()) * K * Q / gap
    )  # fmt: skip
    del V
    steps.append(
        Step(
            "the growth",
            LimitStatement(log_R(r), leading, r, oo),
            "log u' = (alpha - gamma) log r + log(A/kappa) + o(1)",
            ContinuousImage(
                ((K, index), (Q, slow), (W, composed.result)),
                whole,
                LimitStatement(class_log_ratio(), leading, r, oo),
            ),
        )
    )
    remainder = (abs(log(A / kappa)) + 1) / (gap * log(r)) + (
        4 * log(r) + kappa * log(1 + A / kappa) + 2
    ) / leading
    points = (
        _class_point(64, 8, 8, "3/2", "1/2", 0), _class_point(64, 6, 5, "2", "1/2", 1),
    )  # fmt: skip
    return _class_body(
        leading, sympy.And(sympy.Gt(tail, 0), sympy.Gt(rise, tail)), tuple(steps), points,
        remainder,
        (
            Mutant("Langevin's exponent", A * r**rise),
            Mutant("no logarithm", kappa * r**tail / 10),
            Mutant("the whole a - c", kappa * rise * r**tail * log(r) * 2),
        ),
    )  # fmt: skip


@claim(
    "sharpness/classes",
    title="Power law for r to infinity: the three exponential classes of all scaling laws",
    depends=("sharpness/class-barrier", "sharpness/class-balanced", "sharpness/class-tail"),
)
def classes() -> ClaimBody:
    conditions = (sympy.Lt(rise, tail), sympy.Gt(rise, tail), sympy.true)
    leadings = (
        A * r**rise,
        kappa * (rise - tail) * r**tail * log(r),
        kappa * log(1 + A / kappa) * r**tail,
    )
    names = ("barrier", "tail", "balanced")
    limits = [LimitStatement(log_R(r), leading, r, oo) for leading in leadings]
    statement = LimitStatement(
        log_R(r), Piecewise(*zip(leadings, conditions, strict=True)), r, oo, HALF
    )
    given = (ORDERED, REVERSED, {tail: (Integer(0), oo)})
    steps = [
        Step(f"the class {name}", limit, "its own claim",
             LemmaUse(f"sharpness/class-{name}", limit,
                      {rise: tail} if name == "balanced" else {}, given=where))
        for name, limit, where in zip(names, limits, given, strict=True)
    ]  # fmt: skip
    steps.append(
        Step("all classes", statement, "case by case",
             CaseSplit(tuple(zip(conditions, limits, strict=True)), statement))
    )  # fmt: skip
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={r: Range(2, 10**9, "log"), theta: Range(0, 1)},
            constraints=(sympy.Gt(rise, 0), sympy.Gt(tail, 0)),
        ),
        hypotheses=(
            SCALING,
            "alpha = a - c > 0 and gamma = b - 1 > 0; otherwise R is a power of r: log R = O(log r)"
            " (alpha < 0: no barrier left; gamma < 0 and s < 1/2: no law once kappa' <= 1/2 - s)",
            "remainder 1/2 at the points compared",
        ),
        derivation=Derivation(tuple(steps)),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=_class_exact,
                points=(
                    _class_point(81, 10, 5, "1/2", "3/4", 1),
                    _class_point(16, 12, 3, "3/4", "3/4", 1),
                    _class_point(64, 8, 8, "3/2", "1/2", 0),
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("barrier everywhere", leadings[0]),
            Mutant("tail everywhere", 2 * leadings[1]),
            Mutant("balanced everywhere", leadings[2]),
        ),
        generate=False,
    )


@claim(
    "sharpness/polynomial-degree",
    title="b = 1, a - c = 2: R is a power of r, of degree 1 + 2 (kappa + s - 1/2)",
)
def polynomial_degree() -> ClaimBody:
    scaling = (Integer(2), Integer(1), Integer(0))
    reading = Rational(1, 4)
    leading = sharpness.leading_log_ratio(r, A, kappa, *scaling, reading)
    log_ratio = sharpness.power_law_log_ratio(r, A, kappa, *scaling, reading)
    remainder = 2 * (kappa * (abs(log(A / kappa)) + log(1 + A / kappa)) + 3) / leading
    statement = LimitStatement(log_R(r), leading, r, oo, remainder)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={r: Range(2, 10**12, "log"), A: Range(1, 20), kappa: Range(1, 20)}),
        hypotheses=(SCALING, "a = 2, b = 1, c = 0: kappa' = kappa, u' grows as r^2; theta = 1/4"),
        derivation=Derivation(
            (
                _named(r, log_ratio),
                Step("the degree", LimitStatement(log_R(r), leading, r, oo),
                     "log u'/log r -> 2", LimitCheck(log_ratio, leading, r, oo)),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="two double integrals in ball arithmetic, quartic wells",
                reference=exact_log_ratio,
                points=(
                    {r: Integer(10**4), A: Integer(4), kappa: Integer(3), theta: reading,
                     a: Integer(2), b: Integer(1), c: Integer(0)},
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("linear", log(r) / 20),
            Mutant("twice the degree", 3 * leading),
            Mutant("exponential", A * r**2),
        ),
        generate=False,
    )  # fmt: skip


if __name__ == "__main__":
    from exitlaw.script import run

    run("sharpness_ratios")
