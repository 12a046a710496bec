"""A parabolic well joined to a parabolic cap: two Beta integrals, and what the joint can add."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Integral, Rational, Symbol, oo, sqrt

from derivations import _escape_models as models
from derivations._fixed_kappa_steps import HALF, tau
from exitlaw.analysis import Linearity
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import (
    ChangeOfVariables,
    Derivation,
    Identity,
    LemmaUse,
    Step,
)
from exitlaw.evidence import Certificate, EnclosureComparison, MonteCarloTest
from theory import kramers, landscapes
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, m, sigma_g, sigma_H, theta, u

if TYPE_CHECKING:
    from exitlaw.claim import Statement
    from exitlaw.evidence import Context, Finding
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

t, q = Symbol("t", real=True), Symbol("q", positive=True)
w, y = Symbol("w", real=True), Symbol("y", real=True)


@claim(
    "kramers/joint",
    title="What the joint of two parabolas can add to the constant of the path",
    expected="agrees",
)
def joint() -> ClaimBody:
    formula = kramers.joined_parabolas_constant(m, q)
    well = sqrt(q / (1 - q)) * Integral(t ** (2 * m - 2), (t, 0, sqrt(q)))
    statement = Equality(well / kramers.beta(HALF, m), formula)
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={m: Range(1, 40), q: Range(Fraction(1, 100), Fraction(99, 100))},
            constraints=(sympy.Gt(m, HALF),),
        ),
        hypotheses=(
            "parabolic well up to the relative height q = |H_b|/(H_a + |H_b|), in units of the "
            "width of the cap: its share of the path integral, relative to the whole cap B(1/2, m)",
        ),
        evidence=(
            EnclosureComparison(
                route="the integrals in ball arithmetic",
                reference=_joint_integral,
                points=tuple(
                    {m: sympy.sympify(index), q: height}
                    for index, height in ((3, Rational(7, 16)), (Rational(9, 2), Rational(9, 25)))
                ),
                digits=12,
            ),
        ),
        mutants=(
            Mutant("2m for 2m - 1", formula * (2 * m - 1) / (2 * m)),
            Mutant("height 1 - q", formula.xreplace({q: 1 - q})),
            Mutant("twice", 2 * formula),
        ),
    )


def _joint_integral(point: Point, digits: int) -> Enclosure:
    """sqrt(q/(1-q)) int_0^sqrt(q) t^(2m-2) dt / int_(-1)^1 (1 - v^2)^(m-1) dv, v = tanh s."""
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    with ctx.workprec(4 * digits + 128):
        index, height = (as_ball(fraction(point[s]), fraction(point[s])) for s in (m, q))

        def well(s: acb, analytic: bool) -> acb:
            # t = sqrt(q) e^(-s)
            return (-(2 * acb(index) - 1) * s).exp()

        def cap(s: acb, analytic: bool) -> acb:
            return s.cosh() ** acb(-2 * index)

        total = []
        for integrand, decay in ((well, 2 * index - 1), (cap, 2 * index)):
            part = acb.integral(integrand, 0, 5) + acb.integral(integrand, 5, 60)
            tail = (decay * (arb(2).log() - 60)).exp() / decay
            total.append(part.real + arb(0, tail.upper()))
        share = height.sqrt() ** (2 * index - 1) * total[0] * (height / (1 - height)).sqrt()
        return Enclosure.from_arb(share / (2 * total[1]))


def joint_remainder() -> sympy.Expr:
    """Bound of |exact/formula - 1| for joined parabolas: what the joint at height q adds.

    `2 joined_parabolas_constant(m, q_u)`, `q_u = q + (1 - q)/u`: 0 for u -> oo with q = 1/u.
    """
    joint = landscapes.joint_height(H_a, H_b)
    ratio = kramers.barrier_ratio(Delta_L, eta, sigma_g, kappa)
    excess = kramers.joined_parabolas_constant(kappa + 1 - theta, joint + (1 - joint) / ratio)
    return 2 * excess


@claim(
    "kramers/deep-barrier",
    title="Mass of a parabolic well times resistance of a parabolic cap: two Beta integrals",
    depends=("lemma/student-integral",),
)
def deep_barrier() -> ClaimBody:
    formula = kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, kappa, theta)
    well, cap = _well_integrand(), _cap_integrand()
    edge = sqrt(cap[1])
    statement = Equality(
        2 / (eta * sigma_g) * Integral(well, (w, -oo, oo)) * Integral(cap[0], (y, -edge, edge)),
        formula,
    )
    ratio = kramers.barrier_ratio(Delta_L, eta, sigma_g, kappa)
    swapped = {H_a: -H_b, H_b: -H_a}
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={kappa: Range(1, 40), theta: Range(0, 1)},
            constraints=(sympy.Gt(kappa - theta, -HALF),),
        ),
        hypotheses=(
            "phi = C/sigma_g = 1 + H_a w^2/(kappa eta sigma_g) in the well, u - |H_b| y^2/(kappa "
            "eta sigma_g) in the cap, integrated up to phi = 0; m = kappa + s > 1/2",
            "exact time of a well joined to a cap at relative height q = |H_b|/(H_a + |H_b|), exit "
            "where the far side is as low as the minimum: |exact/formula - 1| <= 2 q_u^m/((2m "
            "- 1) sqrt(1 - q_u) B(1/2, m)), q_u = q + (1 - q)/u, at the points compared; it tends "
            "to 0 at fixed kappa for u -> oo and q = 1/u",
        ),
        derivation=Derivation(tuple(_deep_barrier_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="mass and resistance integrated in ball arithmetic",
                reference=_mass_times_resistance,
                points=(
                    *(
                        parabolas_point(A, index, reading)
                        for A, index, reading in ((5, 3, 0), (8, 3, 1), (5, 10, Rational(1, 4)))
                    ),
                    OTHER_PARABOLAS,
                ),
                digits=10,
            ),
            Certificate(
                route="double integral in ball arithmetic for joined parabolas: within the "
                "remainder of the joint",
                decide=_within_the_joint,
            ),
            models.FirstPoints(
                MonteCarloTest(
                    route="first exits simulated from drift and diffusion, joined parabolas",
                    simulate=_simulated_parabolas,
                    points=tuple(
                        parabolas_point(5, index, reading)
                        for index, reading in (
                            (3, 0), (3, 1), (3, Rational(1, 4)), (3, HALF),
                            (10, 0), (10, Rational(1, 4)), (10, HALF), (10, 1),
                        )
                    ),
                    neighbours=(
                        "exponent + 1/2", "exponent - 1/2", "swapped theta", "H_a and H_b swapped",
                        "factor 2",
                    ),
                ),
                quick=1,
            ),
        ),
        mutants=(
            Mutant("exponent + 1/2", formula * sqrt(ratio)),
            Mutant("exponent - 1/2", formula / sqrt(ratio)),
            Mutant("swapped theta", formula.xreplace({theta: 1 - theta})),
            Mutant("H_a and H_b swapped", kramers.power_law_time(
                H_a, H_b, Delta_L, eta, sigma_g, -kappa * H_b / H_a, theta)),
            Mutant("factor 2", 2 * formula),
            Mutant("factor 1 + (s - 1/2)/kappa dropped",
                   formula * kramers.power_law_factor(kappa, theta)),
            Mutant("the same curvature twice", formula.xreplace(swapped) * sqrt(-H_a / H_b)),
        ),
    )  # fmt: skip


def _well_integrand() -> sympy.Expr:
    """phi^(-m) in the parabolic well."""
    return (1 + H_a * w**2 / (kappa * eta * sigma_g)) ** (-(kappa + 1 - theta))


def _cap_integrand() -> tuple[sympy.Expr, sympy.Expr]:
    """phi^(m - 1) in the parabolic cap, and the square of its half-width."""
    ratio = kramers.barrier_ratio(Delta_L, eta, sigma_g, kappa)
    width = kappa * eta * sigma_g
    return (ratio + H_b * y**2 / width) ** (kappa - theta), ratio * width / -H_b


def _deep_barrier_steps(statement: Equality) -> Iterator[Step]:
    from theory import pearson

    index = kappa + 1 - theta
    width = kappa * eta * sigma_g
    ratio = kramers.barrier_ratio(Delta_L, eta, sigma_g, kappa)
    well, (cap, edge) = _well_integrand(), _cap_integrand()
    student = (1 + t**2) ** (-index)
    scale = sqrt(width / H_a)
    range_of_theta = {theta: (-oo, kappa + HALF)}
    joint = landscapes.joint_height(H_a, H_b)
    yield Step(
        "where well and cap are joined",
        Equality(H_a * joint, H_b * (joint - 1)),
        "the slope is continuous at the relative height q, used by the remainder",
        Identity(H_a * joint, H_b * (joint - 1)),
    )
    yield Step(
        "the well in its own width",
        Equality(Integral(well, (w, -oo, oo)), Integral(scale * student, (t, -oo, oo))),
        "w = sqrt(kappa eta sigma_g/H_a) t",
        ChangeOfVariables(
            well, w, (-oo, oo), scale * t, t, (-oo, oo), scale * student, given=range_of_theta
        ),
    )
    yield Step(
        "its width taken out",
        Equality(Integral(scale * student, (t, -oo, oo)), scale * Integral(student, (t, -oo, oo))),
        "a constant",
        Linearity(scale * student, (t, -oo, oo), ((scale, student),)),
    )
    mass = Equality(
        Integral(student, (t, -oo, oo)), 1 / pearson.student_normaliser(index, Integer(1))
    )
    yield Step(
        "the first Beta integral", mass, "mass of the Student law",
        LemmaUse("lemma/student-integral", mass, {m: index}, given=range_of_theta),
    )  # fmt: skip
    height = sqrt(edge)
    # y = sqrt(edge) t/sqrt(1 + t^2): phi = u/(1 + t^2)
    bent = ratio ** (index - 1) * height * (1 + t**2) ** (-(index + HALF))
    yield Step(
        "the cap in its own width",
        Equality(Integral(cap, (y, -height, height)), Integral(bent, (t, -oo, oo))),
        "y = sqrt(kappa eta sigma_g u/|H_b|) t/sqrt(1 + t^2): phi = u/(1 + t^2)",
        ChangeOfVariables(
            cap,
            y,
            (-height, height),
            height * t / sqrt(1 + t**2),
            t,
            (-oo, oo),
            bent,
            given=range_of_theta,
        ),
    )
    power = (1 + t**2) ** (-(index + HALF))
    constant = ratio ** (index - 1) * height
    yield Step(
        "its constants taken out",
        Equality(Integral(bent, (t, -oo, oo)), constant * Integral(power, (t, -oo, oo))),
        "constants",
        Linearity(bent, (t, -oo, oo), ((constant, power),)),
    )
    second = Equality(
        Integral(power, (t, -oo, oo)), 1 / pearson.student_normaliser(index + HALF, Integer(1))
    )
    yield Step(
        "the second Beta integral", second, "mass of the Student law of index m + 1/2",
        LemmaUse("lemma/student-integral", second, {m: index + HALF}, given=range_of_theta),
    )  # fmt: skip
    product = 2 / (eta * sigma_g) * scale * mass.rhs * constant * second.rhs
    yield Step(
        "the product of the two",
        Equality(product, statement.rhs),
        "Gamma(m + 1/2) = (m - 1/2) Gamma(m - 1/2), and kappa/(m - 1/2) = 1/(1 + (s - 1/2)/kappa)",
        Identity(product, statement.rhs),
    )
    yield Step(
        "as Beta functions",
        Equality(
            kramers.deep_barrier_time(H_a, H_b, Delta_L, eta, sigma_g, kappa, theta), statement.rhs
        ),
        "B(1/2, m - 1/2) B(1/2, m) = pi/(m - 1/2)",
        Identity(
            kramers.deep_barrier_time(H_a, H_b, Delta_L, eta, sigma_g, kappa, theta), statement.rhs
        ),
    )
    yield Step(
        "mass times resistance",
        statement,
        "insert both integrals",
        Identity(product, statement.rhs),
    )


def parabolas_point(A: int, index: int, reading: sympy.Expr | int) -> Point:
    """Joined parabolas with q = 9/25, H_a = 16, A = 2 Delta_L/(eta sigma_g)."""
    return {
        H_a: Integer(16), H_b: Integer(-9), Delta_L: Rational(A, 6), eta: HALF,
        sigma_g: Rational(2, 3), sigma_H: Rational(32, index), kappa: Integer(index),
        theta: sympy.sympify(reading),
    }  # fmt: skip


OTHER_PARABOLAS: Point = {
    H_a: Integer(8), H_b: Integer(-5), Delta_L: Rational(3, 2), eta: Rational(1, 3),
    sigma_g: Rational(5, 4), sigma_H: Integer(6), kappa: Integer(4), theta: Rational(1, 3),
}  # fmt: skip
"""A well and a cap that differ from those of `parabolas_point` in every parameter."""


def _mass_times_resistance(point: Point, digits: int) -> Enclosure:
    """2/(eta sigma_g) times both integrals, phi = 1/(1 + t^2) in the cap as in the well."""
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    with ctx.workprec(4 * digits + 128):
        value = {s: as_ball(fraction(number), fraction(number)) for s, number in point.items()}
        width = value[kappa] * value[eta] * value[sigma_g]
        ratio = 1 + 2 * value[Delta_L] / width
        power = acb(value[kappa] + 1 - value[theta])

        def well(s: acb, analytic: bool) -> acb:
            # w = sqrt(width/H_a) sinh s
            return s.cosh() ** (1 - 2 * power)

        def cap(s: acb, analytic: bool) -> acb:
            # y = sqrt(width u/|H_b|) tanh s: phi = u/cosh(s)^2
            return s.cosh() ** (-2 * power)

        total = []
        for integrand, decay in ((well, 2 * power.real - 1), (cap, 2 * power.real)):
            half = acb.integral(integrand, 0, 5) + acb.integral(integrand, 5, 60)
            tail = (decay * (arb(2).log() - 60)).exp() / decay
            total.append(2 * (half.real + arb(0, tail.upper())))
        mass = (width / value[H_a]).sqrt() * total[0]
        height = (width * ratio / -value[H_b]).sqrt()
        resistance = height * ratio ** (power.real - 1) * total[1]
        return Enclosure.from_arb(2 / (value[eta] * value[sigma_g]) * mass * resistance)


def _parabolas_time(point: Point, digits: int) -> Enclosure:
    return models.family_time(landscapes.joined_parabolas, point, 10)


JOINED = EnclosureComparison(
    route="double integral of joined parabolas",
    reference=_parabolas_time,
    points=tuple(
        parabolas_point(A, index, reading)
        for A in (5, 1000)
        for index in (3, 10)
        for reading in (Integer(0), Integer(1))
    ),
    digits=12,
)


def _within_the_joint(statement: Statement, context: Context) -> Finding:
    """Compare exact times of joined parabolas with the stated formula, within the remainder."""
    bounded = LimitStatement(tau(u), statement.rhs, u, oo, joint_remainder())  # type: ignore[arg-type]
    return JOINED.judge(bounded, context)


def _simulated_parabolas(point: Point, context: Context) -> Estimate:
    """The simulation, its bias bound enlarged by what the joint may add."""
    step = Fraction(1, 5) if point[kappa] == 10 else Fraction(2, 25)
    estimate = models.simulated_time(
        landscapes.joined_parabolas, point, context, paths=10_000, step=float(step)
    )
    return models.with_remainder(estimate, joint_remainder(), point)


if __name__ == "__main__":
    from exitlaw.script import run

    run("joined_parabolas")
