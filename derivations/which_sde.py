"""Which stochastic equation has the escape time published for the power-law dynamic."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Rational, sqrt

from derivations import _escape_models as models
from derivations import joined_parabolas
from derivations import power_law_escape as power
from exitlaw.asymptotics import ContinuousImage
from exitlaw.claim import ClaimBody, Domain, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import Derivation, LemmaUse, Step
from exitlaw.evidence import EnclosureComparison, MonteCarloTest
from theory import kramers, landscapes
from theory.symbols import Delta_L, H_a, H_b, eta, sigma_g, theta

if TYPE_CHECKING:
    from exitlaw.evidence import Context, Evidence
    from numerics.simulation import Estimate

HALF = Rational(1, 2)
PUBLISHED = "the published form: exponent kappa - 1/2"


def published() -> sympy.Expr:
    """The published form in the parameters of the dynamic."""
    return kramers.published_power_law_time(H_a, H_b, Delta_L, eta, sigma_g, power.tail_index())


def _statement(formula: sympy.Expr) -> LimitStatement:
    size = eta * sigma_g * (1 + power.noise_ratio()) / Delta_L
    remainder = sympy.Abs(power.c_1) * eta + 2 * size**2
    return LimitStatement(power.tau(eta), formula, eta, Integer(0), remainder)


def _evidence(interpretation: sympy.Expr, neighbours: tuple[str, ...]) -> tuple[Evidence, ...]:
    """Exact times of one interpretation, and Euler-Maruyama or its like from the same equation."""
    chosen = tuple(
        power.family_point(family, values, rate, interpretation)
        for family, values in (
            (landscapes.quartic, power.QUARTIC),
            (landscapes.quartic, power.TILTED),
            (landscapes.joined_parabolas, power.PARABOLAS),
        )
        for rate in (Rational(1, 20), Rational(1, 400))
    )
    return (
        EnclosureComparison(
            route="double integral in ball arithmetic for that interpretation of the equation",
            reference=power.point_time,
            points=chosen,
            digits=10,
        ),
        power.certified_remainder(interpretation),
        MonteCarloTest(
            route="Euler-Maruyama of dw = (-L' + theta eta C'/2) dt + sqrt(eta C) dB, joined "
            "parabolas",
            simulate=_simulated,
            points=(_simulation_point(interpretation),),
            neighbours=neighbours,
        ),
    )


def _simulation_point(interpretation: sympy.Expr) -> Point:
    point = joined_parabolas.parabolas_point(5, 3, interpretation)
    return {**point, power.c_1: Integer(0), power.FAMILY: Integer(1)}


def _simulated(point: Point, context: Context) -> Estimate:
    estimate = models.simulated_time(
        landscapes.joined_parabolas, point, context, paths=10_000, step=0.08, scheme="euler-bridge"
    )
    return models.with_remainder(estimate, joined_parabolas.joint_remainder(), point)


def _domain() -> Domain:
    return Domain(ranges={eta: Range(Fraction(1, 1000), 1, "log"), theta: Range(0, 1)})


def _hypotheses(reading: str) -> tuple[str, ...]:
    return (
        *power.HYPOTHESES,
        f"dw = -L'(w) dt + sqrt(eta C(w)) dB is read in the sense of {reading}",
        "c_1 is the coefficient of kramers/second-order",
    )


@claim(
    "interpretation/which-sde",
    title="What Euler-Maruyama realises: the Ito reading has the exponent kappa + 1/2",
    depends=("kramers/power-law",),
)
def which_sde() -> ClaimBody:
    formula = power.power_law_formula(Integer(0))
    ratio = power.noise_ratio()
    return ClaimBody(
        statement=_statement(formula),
        domain=_domain(),
        hypotheses=_hypotheses("Ito"),
        derivation=Derivation(tuple(_steps(Integer(0), formula))),
        evidence=_evidence(Integer(0), (PUBLISHED, "factor 2")),
        mutants=(
            Mutant(PUBLISHED, published()),
            Mutant("Stratonovich", power.power_law_formula(HALF)),
            Mutant("the published factor with the right exponent", published() * ratio),
            Mutant("factor 2", 2 * formula),
        ),
    )


@claim(
    "interpretation/anti-ito-published",
    title="The published exponent kappa - 1/2 belongs to the anti-Ito reading",
    source="Meng et al., arXiv 2006.13719, as recalled",
    depends=("kramers/power-law",),
)
def anti_ito_published() -> ClaimBody:
    formula = published()
    ratio = power.noise_ratio()
    return ClaimBody(
        statement=_statement(formula),
        domain=_domain(),
        hypotheses=_hypotheses("anti-Ito (Haenggi-Klimontovich)"),
        derivation=Derivation(tuple(_steps(Integer(1), formula))),
        evidence=_evidence(Integer(1), ("exponent kappa + 1/2: Ito", "factor 2")),
        mutants=(
            Mutant("exponent kappa + 1/2: Ito", power.power_law_formula(Integer(0))),
            Mutant("exponent kappa: Stratonovich", power.power_law_formula(HALF)),
            Mutant("exponent kappa", formula * sqrt(ratio)),
            Mutant("factor 2", 2 * formula),
        ),
    )


@claim(
    "interpretation/ito-published",
    title="The published escape time holds for the Ito equation, what Euler-Maruyama simulates",
    source="Meng et al., arXiv 2006.13719, as recalled",
    expected="refuted",
    corrected="interpretation/which-sde",
)
def ito_published() -> ClaimBody:
    return ClaimBody(
        statement=_statement(published()),
        domain=_domain(),
        hypotheses=_hypotheses("Ito"),
        evidence=_evidence(Integer(0), ("factor 2",)),
    )


def _steps(interpretation: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    known = LimitStatement(power.tau(eta), power.power_law_formula(interpretation), eta, Integer(0))
    yield Step(
        "this interpretation",
        known,
        "the escape time of every interpretation at this one",
        LemmaUse("kramers/power-law", known, {theta: interpretation}),
    )
    X = sympy.Symbol("X", real=True)
    stated = LimitStatement(power.tau(eta), formula, eta, Integer(0))
    yield Step(
        "the stated form",
        stated,
        "the two formulas are the same",
        ContinuousImage(((X, known),), X, stated),
    )


if __name__ == "__main__":
    from exitlaw.script import run

    run("which_sde")
