"""Escape time of a flat minimum over that of a sharp one: Langevin, power law, label noise."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Rational, Symbol, log, oo

from derivations import _escape_models as models
from derivations._flat_and_sharp import (
    HALF,
    SCALING,
    A,
    a,
    b,
    c,
    exact_log_ratio,
    exact_ratio,
    log_R,
    minima,
    named_ratio,
    r,
    simulated_ratio,
)
from exitlaw.analysis import TaylorPositivity
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
from exitlaw.derivation import Definition, Derivation, Identity, LimitCheck, Step
from exitlaw.evidence import EnclosureComparison, MonteCarloTest
from theory import kramers, landscapes, sharpness
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, sigma_g, sigma_H, theta

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate


tau_flat, tau_sharp = Function("tau_flat")(r), Function("tau_sharp")(H_a)
"""Kramers' times of the two minima."""


def _quotient(flat: sympy.Expr, sharp: sympy.Expr, statement: Equality, rule: str) -> Derivation:
    """R as the quotient of two Kramers times."""
    named = (("flat", tau_flat, flat), ("sharp", tau_sharp, sharp))
    return Derivation(
        (
            *(
                Step(f"the {which} minimum", Equality(name, time), "Kramers' time",
                     Definition(name, time))
                for which, name, time in named
            ),
            Step("the ratio of the two times", statement, rule,
                 Identity(flat / sharp, statement.rhs)),
        )
    )  # fmt: skip


# --- Langevin, constant noise ---------------------------------------------------------------------


@claim(
    "sharpness/langevin-polynomial",
    title="Langevin with constant noise: R = r",
)
def langevin_polynomial() -> ClaimBody:
    flat = kramers.langevin_time(H_a / r, H_b / r, Delta_L, eta, sigma_g)
    sharp = kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma_g)
    formula = sharpness.langevin_ratio(r, A, Integer(0), Integer(0))
    statement = Equality(tau_flat / tau_sharp, formula)
    points = tuple(
        {r: Integer(value), A: Integer(size), theta: HALF, kappa: Integer(1)}
        for value, size in ((2, 5), (9, 30), (Rational(5, 2), 4))
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={r: Range(1, 100, "log"), A: Range(1, 100, "log")}),
        hypotheses=(SCALING, "a = c = 0 and constant noise: sigma_H = 0 in both basins",
                    "R is polynomial in r, of degree 1, at every A"),
        derivation=_quotient(
            flat, sharp, statement,
            "the barrier in units of the noise is the same; the curvatures scale",
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
    statement = Equality(tau_flat / tau_sharp, formula)
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
        derivation=_quotient(
            flat, sharp, statement, "kappa' = kappa r^(b - 1), A' = A r^(a - c), u' = 1 + A'/kappa'"
        ),
        evidence=(
            EnclosureComparison(
                route="quotient of the two escape times in ball arithmetic",
                reference=_quotient_of_times,
                points=_scaled_points(),
                digits=12,
            ),
            models.FirstPoints(
                MonteCarloTest(
                    route="first exits of a flat and a sharp minimum simulated from drift and "
                    "diffusion",
                    simulate=_simulated_parabolas_ratio,
                    points=points,
                    neighbours=("Langevin's R = r", "factor 2", "exponent of the sharp minimum"),
                    looks=3,  # the joint takes most of the distance to half the formula
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
    from derivations.joined_parabolas import parabolas_point

    return {**parabolas_point(5, 3, reading), r: Integer(2), a: Integer(0), b: Integer(2),
            c: Integer(0)}  # fmt: skip


def _scaled_points() -> tuple[Point, ...]:
    """Scaling laws whose powers of r are rational numbers; the last point differs in everything."""
    from derivations.joined_parabolas import OTHER_PARABOLAS, parabolas_point

    law = {r: Integer(4), a: Integer(1), b: Rational(5, 2), c: HALF}
    other = {r: Integer(9), a: Rational(3, 2), b: Integer(2), c: -HALF}
    alike = (parabolas_point(5, 3, reading) for reading in (Integer(0), Rational(3, 4)))
    return (*({**point, **law} for point in alike), {**OTHER_PARABOLAS, **other})


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
    from derivations.joined_parabolas import joint_remainder

    flat = _flat(point)
    measured = simulated_ratio(landscapes.joined_parabolas, flat, point, context, 0.08)
    for one in (flat, point):
        measured = models.with_remainder(measured, joint_remainder(), one)
    return measured


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
                named_ratio(r, log_ratio),
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
        named_ratio(r, power),
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
    source="Meng et al., arXiv 2006.13719, abstract (as recalled), read for label noise",
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


if __name__ == "__main__":
    from exitlaw.script import run

    run("sharpness_ratios")
