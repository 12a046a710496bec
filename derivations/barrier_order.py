"""How the escape time grows with the barrier: a power, or an exponential."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Rational, log, oo, pi

from derivations import _escape_models as models
from derivations._fixed_kappa_steps import HALF, n, tau
from derivations.fixed_kappa import fixed_kappa_formula, fixed_kappa_limit, quartic_points
from exitlaw.asymptotics import ContinuousImage
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import (
    Derivation,
    Identity,
    LemmaUse,
    LimitCheck,
    Step,
)
from exitlaw.evidence import EnclosureComparison
from theory import kramers, landscapes
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, sigma_g, sigma_H, theta

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure


@claim(
    "kramers/barrier-order",
    title="The escape time of the power-law dynamic is a power of the barrier",
    depends=("kramers/fixed-kappa",),
)
def barrier_order() -> ClaimBody:
    formula = kramers.power_law_exponent(kappa, kappa + HALF - n)
    statement = LimitStatement(
        log(tau(Delta_L)) / log(Delta_L), formula, Delta_L, oo, (1 + log(kappa)) / log(Delta_L)
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={kappa: Range(1, 40), n: Range(Fraction(1, 2), 41),
                    Delta_L: Range(10, 10**80, "log")}
        ),
        hypotheses=(
            "L = Delta_L f(w/sqrt(Delta_L)), f the symmetric quartic of kramers/fixed-kappa; "
            "kappa, H_a and eta sigma_g are fixed",
            "n = kappa + s - 1/2 is the order: kappa + 1/2 for Ito, kappa - 1/2 for anti-Ito",
        ),
        derivation=Derivation(tuple(_barrier_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic at barriers up to 10^12",
                reference=_log_time_over_log_barrier,
                points=tuple(quartic_points(10**12))[:3],
                digits=8,
            ),
        ),
        mutants=(
            Mutant("exponent + 1/2", formula + HALF),
            Mutant("exponent - 1/2", formula - HALF),
            Mutant("kappa for every interpretation", kappa),
            Mutant("twice the order", 2 * formula),
        ),
    )  # fmt: skip


def _barrier_order_steps(statement: LimitStatement) -> Iterator[Step]:
    time = fixed_kappa_formula()
    constant = fixed_kappa_limit()
    ratio = LimitStatement(tau(Delta_L) / time, constant, Delta_L, oo)
    yield Step(
        "exact over Kramers time",
        ratio,
        "the ratio tends to a constant of the path",
        LemmaUse("kramers/fixed-kappa", ratio),
    )
    u_of_barrier = kramers.barrier_ratio(Delta_L, eta, sigma_g, kappa)
    slow = LimitStatement(1 / log(Delta_L), Integer(0), Delta_L, oo)
    yield Step(
        "constants do not count", slow, "log Delta_L -> oo",
        LimitCheck(slow.lhs, Integer(0), Delta_L, oo),
    )  # fmt: skip
    order = LimitStatement(log(u_of_barrier) / log(Delta_L), Integer(1), Delta_L, oo)
    yield Step(
        "log u against log Delta_L", order, "u = 1 + const Delta_L",
        LimitCheck(order.lhs, Integer(1), Delta_L, oo),
    )  # fmt: skip
    X, Y, Z = sympy.symbols("X Y Z", positive=True)
    rest = time / u_of_barrier ** kramers.power_law_exponent(kappa, kappa + HALF - n)
    yield Step(
        "the order",
        statement,
        "log tau = log(tau/tau_K) + log(tau_K u^(-n)) + n log u",
        ContinuousImage(((X, ratio), (Y, order), (Z, slow)), Z * log(X * rest) + n * Y, statement),
    )


def _log_time_over_log_barrier(point: Point, digits: int) -> Enclosure:
    from flint import arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    time = models.family_time(landscapes.quartic, point, 10)
    with ctx.workprec(128):
        barrier: arb = as_ball(fraction(point[Delta_L]), fraction(point[Delta_L]))
        return Enclosure.from_arb(time.arb.log() / barrier.log())


@claim(
    "kramers/barrier-order-langevin",
    title="The escape time of the Langevin dynamic is exponential in the barrier",
    depends=("kramers/langevin",),
)
def barrier_order_langevin() -> ClaimBody:
    formula = 2 / (eta * sigma_g)
    statement = LimitStatement(
        log(kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma_g)) / Delta_L,
        formula,
        Delta_L,
        oo,
        (3 + abs(log(-H_a * H_b)) + eta * sigma_g) * eta * sigma_g / Delta_L,
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={Delta_L: Range(1, 10**4, "log")}),
        hypotheses=("constant noise C = sigma_g; eta, sigma_g and the curvatures are fixed",),
        derivation=Derivation(tuple(_langevin_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic, symmetric quartic well",
                reference=_log_time_over_barrier,
                points=tuple(
                    {
                        H_a: Integer(4), H_b: Integer(-2), Delta_L: Integer(depth),
                        eta: Rational(2, 3), sigma_g: Rational(7, 5), sigma_H: Integer(0),
                        theta: HALF,
                    }
                    for depth in (20, 60)
                ),
                digits=8,
            ),
        ),
        mutants=(
            Mutant("exponent Delta_L/(eta sigma_g)", formula / 2),
            Mutant("sigma_g as a standard deviation", 2 / (eta * sigma_g**2)),
            Mutant("no learning rate", 2 / sigma_g),
        ),
    )  # fmt: skip


def _langevin_order_steps(statement: LimitStatement) -> Iterator[Step]:
    prefactor = log(2 * pi) - log(H_a) / 2 - log(-H_b) / 2
    spread = prefactor / Delta_L + statement.rhs
    yield Step(
        "the logarithm",
        Equality(statement.lhs, spread),
        "log tau = log(2 pi/sqrt(H_a |H_b|)) + 2 Delta_L/(eta sigma_g)",
        Identity(statement.lhs, spread),
    )
    yield Step(
        "the order",
        statement,
        "constants over Delta_L vanish",
        LimitCheck(spread, statement.rhs, Delta_L, oo),
    )


def _log_time_over_barrier(point: Point, digits: int) -> Enclosure:
    from flint import arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    time = models.family_time(landscapes.quartic, point, 10)
    with ctx.workprec(128):
        barrier: arb = as_ball(fraction(point[Delta_L]), fraction(point[Delta_L]))
        return Enclosure.from_arb(time.arb.log() / barrier)


if __name__ == "__main__":
    from exitlaw.script import run

    run("barrier_order")
