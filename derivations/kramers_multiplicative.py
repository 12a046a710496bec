"""Kramers' time for state-dependent and for constant noise, as the limit of the exact time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Integer, Rational, Symbol, sqrt

from derivations import kramers_escape as escape
from exitlaw.asymptotics import ContinuousImage
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import Derivation, Identity, LemmaUse, Step
from exitlaw.learning_rates import Factor, RemainderOverLearningRates
from theory import kramers
from theory.diffusion import Diffusion
from theory.symbols import C_a, C_b, Delta_L, H_a, H_b, eta, sigma, theta, w

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

tau, mass, resistance, Psi_b = escape.tau, escape.mass, escape.resistance, escape.Psi_b

RATES: tuple[Any, ...] = tuple(Rational(1, n) for n in (64, 54, 45, 38, 32, 27, 24))
"""Learning rates at which the exact time is enclosed; between them convexity bounds it."""

# The tilted double well L' = (w + 1) w (w - 3/4): minimum a = -1, saddle b = 0, far minimum 3/4.
GRADIENT = sympy.expand((w + 1) * w * (w - Rational(3, 4)))
MINIMUM, SADDLE, FAR = Integer(-1), Integer(0), Rational(3, 4)
UNMATCHED = Rational(3, 4) * (1 + (w + 1) ** 2)
"""A noise that is no function of the loss; it doubles from the minimum to the saddle."""


@claim(
    "kramers/multiplicative",
    title="Kramers' time for any positive noise and every interpretation",
    depends=("lemma/laplace-second-order", "lemma/quasi-equilibrium"),
)
def multiplicative() -> ClaimBody:
    formula = kramers.multiplicative_time(H_a, H_b, C_a, C_b, Psi_b / eta, theta)
    statement = LimitStatement(tau(eta), formula, eta, Integer(0), 5 * eta)
    ratio = C_b / C_a
    return ClaimBody(
        statement=statement,
        domain=Domain({eta: Range(Fraction(1, 64), Fraction(1, 24), "log"), theta: Range(0, 1)}),
        hypotheses=(
            "C > 0 and L are smooth, Psi' = 2 L'/C, Psi(a) = 0, Psi_b = Psi(b); H_a = L''(a) > 0 "
            "and H_b = L''(b) < 0",
            "start < b < B, and no ascent Psi(y) - Psi(z) with z < y, y between start and B, comes "
            "up to Psi_b except near z = a, y = b; the stationary mass of (-oo, b] is finite and "
            "-oo is not reached",
            "the remainder 5 eta is certified for L' = (w + 1) w (w - 3/4), "
            "C = 3/4 (1 + (w + 1)^2), exit at 3/4, eta from 1/54 to 1/27, theta = 0, 1/4, 1/2, 1",
            escape.MASS_AND_RESISTANCE,
        ),
        derivation=Derivation(tuple(_multiplicative_steps(statement))),
        evidence=(
            RemainderOverLearningRates(
                route="certified exact time of a tilted double well with a noise that does not "
                "match the loss, at seven learning rates; between them by convexity in 1/eta",
                factors=(Factor(_exact_time, weight=eta),),
                rate=eta,
                nodes=RATES,
                points=tuple(
                    _point(UNMATCHED, reading)
                    for reading in (Integer(0), Rational(1, 4), Rational(1, 2), Integer(1))
                ),
            ),
        ),
        mutants=(
            Mutant("exponent + 1/2", formula * sqrt(ratio)),
            Mutant("exponent - 1/2", formula / sqrt(ratio)),
            Mutant("swapped theta", formula.subs(theta, 1 - theta)),
            Mutant("anti-Ito for every theta", formula.subs(theta, 1)),
            Mutant("factor 2", 2 * formula),
            Mutant("factor 1/2: the time to the saddle itself", formula / 2),
            Mutant("noise at the minimum throughout", kramers.multiplicative_time(
                H_a, H_b, C_a, C_a, Psi_b / eta, theta)),
        ),
    )  # fmt: skip


def _multiplicative_steps(statement: LimitStatement) -> Iterator[Step]:
    M0, S0 = escape.leading_mass(), escape.leading_resistance()
    yield Step(
        "the leading order",
        Equality(2 * M0 * S0 / eta, statement.rhs),
        "2/eta times Laplace's leading mass and resistance, Psi''(a) = 2 H_a/C_a and "
        "Psi''(b) = 2 H_b/C_b",
        Identity(2 * M0 * S0 / eta, statement.rhs),
    )
    at_minimum = kramers.minimum_coefficient(*escape.MINIMUM, theta)
    at_saddle = kramers.saddle_coefficient(*escape.SADDLE, theta)
    well = LimitStatement((mass(eta) / M0 - 1) / eta, at_minimum, eta, Integer(0))
    barrier = LimitStatement((resistance(eta) / S0 - 1) / eta, at_saddle, eta, Integer(0))
    product = eta * tau(eta) / (2 * mass(eta) * resistance(eta))
    balance = LimitStatement((product - 1) / eta, Integer(0), eta, Integer(0))
    slope, bend = kramers.power_jet(escape.MINIMUM[1], theta - 1)
    two, three, four = kramers.exponent_jet(*escape.MINIMUM)
    yield Step(
        "mass of the well",
        well,
        "Laplace's method for C^(-s) exp(-Psi/eta) at the minimum: M = M_0 (1 + O(eta))",
        LemmaUse(
            escape.LAPLACE,
            well,
            _laplace(mass, C_a ** (theta - 1), slope, bend, Integer(0), two, three, four),
        ),
    )
    slope, bend = kramers.power_jet(escape.SADDLE[1], -theta)
    two, three, four = (-part for part in kramers.exponent_jet(*escape.SADDLE))
    yield Step(
        "resistance of the barrier",
        barrier,
        "Laplace's method for C^(s - 1) exp(Psi/eta) at the saddle: S = S_0 (1 + O(eta))",
        LemmaUse(
            escape.LAPLACE,
            barrier,
            _laplace(resistance, C_b ** (-theta), slope, bend, -Psi_b, two, three, four),
        ),
    )
    yield Step(
        "quasi-equilibrium",
        balance,
        "the double integral is 2/eta mass times resistance up to exponentially small terms",
        LemmaUse(escape.QUASI_EQUILIBRIUM, balance, identified=escape.MASS_AND_RESISTANCE),
    )
    X, Y, Z, E = sympy.symbols("X Y Z E", real=True)
    yield Step(
        "Kramers' time",
        LimitStatement(tau(eta), statement.rhs, eta, Integer(0)),
        "tau/formula is the product of tau/(2 M S/eta), M/M_0 and S/S_0, each 1 + O(eta)",
        ContinuousImage(
            (
                (X, well),
                (Y, barrier),
                (Z, balance),
                (E, LimitStatement(eta, Integer(0), eta, Integer(0))),
            ),
            (1 + E * X) * (1 + E * Y) * (1 + E * Z),
            LimitStatement(tau(eta), statement.rhs, eta, Integer(0)),
        ),
    )


def _laplace(integral: Any, *jets: sympy.Expr) -> dict[Any, sympy.Expr]:
    """The lemma's J, f_0, f_1, f_2, P_0, P_2, P_3, P_4 for an integral over a critical point."""
    symbols = (escape.f0, escape.f1, escape.f2, escape.P0, escape.P2, escape.P3, escape.P4)
    return {escape.J(eta): integral(eta), **dict(zip(symbols, jets, strict=True))}


def _point(noise: sympy.Expr, reading: sympy.Expr) -> Point:
    """Curvatures, noise and potential at the critical points, and theta."""
    curvature = sympy.diff(GRADIENT, w)
    slope = sympy.cancel(2 * GRADIENT / noise)
    potential = sympy.integrate(sympy.apart(slope, w), w)
    if sympy.cancel(sympy.diff(potential, w) - slope) != 0:
        raise ArithmeticError(f"no antiderivative of {slope} was found")
    return {
        H_a: curvature.subs(w, MINIMUM),
        H_b: curvature.subs(w, SADDLE),
        C_a: noise.subs(w, MINIMUM),
        C_b: noise.subs(w, SADDLE),
        Psi_b: potential.subs(w, SADDLE) - potential.subs(w, MINIMUM),
        theta: reading,
        sigma: noise.subs(w, MINIMUM),
        Delta_L: sympy.integrate(GRADIENT, (w, MINIMUM, SADDLE)),
        NOISE: noise,
    }  # type: ignore[dict-item]


NOISE = Symbol("C", positive=True)
"""The noise of a point, as a formula in w."""


def _exact_time(point: Point, digits: int) -> Enclosure:
    """The mean time from the minimum to the far minimum, from drift and diffusion."""
    from numerics.first_passage import mean_exit_time
    from numerics.lowering import lower_diffusion

    model = lower_diffusion(
        Diffusion(
            gradient=GRADIENT, noise=point[NOISE], eta=point[eta], theta=point[theta], variable=w
        )
    )
    return mean_exit_time(
        model,
        int(MINIMUM),
        exit_above=Fraction(str(FAR)),
        digits=digits + 1,
        method="arb",
    )


@claim(
    "kramers/langevin",
    title="Kramers' time for constant noise",
    depends=("kramers/multiplicative",),
)
def langevin() -> ClaimBody:
    formula = kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma)
    statement = LimitStatement(tau(eta), formula, eta, Integer(0), 5 * eta)
    general = kramers.multiplicative_time(
        H_a, H_b, sigma, sigma, 2 * Delta_L / (sigma * eta), theta
    )
    instance = LimitStatement(tau(eta), general, eta, Integer(0))
    steps = (
        Step(
            "the multiplicative form at constant noise",
            instance,
            "C_a = C_b = sigma, Psi = 2 (L - L(a))/sigma",
            LemmaUse(
                "kramers/multiplicative",
                instance,
                {C_a: sigma, C_b: sigma, Psi_b: 2 * Delta_L / sigma},
            ),
        ),
        Step(
            "Kramers' time for constant noise",
            LimitStatement(tau(eta), formula, eta, Integer(0)),
            "the ratio of noises is 1: the same for every theta",
            Identity(general, formula),
        ),
    )
    return ClaimBody(
        statement=statement,
        domain=Domain({eta: Range(Fraction(1, 64), Fraction(1, 24), "log"), theta: Range(0, 1)}),
        hypotheses=(
            "C = sigma > 0; else as kramers/multiplicative, in terms of L",
            "the remainder 5 eta is certified for L' = (w + 1) w (w - 3/4), sigma = 3/2, exit at "
            "3/4, eta from 1/54 to 1/27",
        ),
        derivation=Derivation(steps),
        evidence=(
            RemainderOverLearningRates(
                route="certified exact time of a tilted double well with constant noise at seven "
                "learning rates; between them by convexity in 1/eta",
                factors=(Factor(_exact_time, weight=eta),),
                rate=eta,
                nodes=RATES,
                points=(_point(Rational(3, 2), Rational(1, 2)),),
            ),
        ),
        mutants=(
            Mutant("factor 2", 2 * formula),
            Mutant("factor 1/2: the time to the saddle itself", formula / 2),
            Mutant("exponent Delta_L/(eta sigma)", formula * sympy.exp(-Delta_L / (eta * sigma))),
            Mutant("curvature of the minimum at both ends", kramers.langevin_time(
                H_a, -H_a, Delta_L, eta, sigma)),
            Mutant("pi instead of 2 pi over the square root of H_a",
                   formula * sqrt(H_a) / 2),
        ),
    )  # fmt: skip


if __name__ == "__main__":
    from exitlaw.script import run

    run("kramers_multiplicative")
