"""The stationary density of any 1-D diffusion, and that of the power-law dynamic."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Derivative, Function, Integer, Rational, Symbol, log, sqrt

from derivations.pearson_moments import dynamic_point, model_at, rational, relative_density_of
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
from exitlaw.derivation import (
    Antiderivative,
    Derivation,
    Identity,
    LimitCheck,
    LogDerivative,
    SolvesODE,
    Step,
)
from exitlaw.evidence import EnclosureComparison, MonteCarloTest
from theory import fokker_planck, pearson, stationary
from theory.diffusion import Diffusion
from theory.symbols import (
    Delta,
    H,
    eta,
    kappa,
    rho,
    sigma_g,
    sigma_H,
    theta,
    w,
    x,
)

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

L, C, p, q = Function("L"), Function("C", positive=True), Function("p"), Function("q")


# --- any one-dimensional diffusion ----------------------------------------------------------------


@claim("stationary/zero-flux", title="Zero-flux density of any one-dimensional diffusion")
def zero_flux() -> ClaimBody:
    model = Diffusion(
        gradient=Derivative(L(w), w), noise=C(w), eta=eta, theta=theta, variable=w, loss=L(w)
    )
    formula = stationary.zero_flux_density(model)
    s, noise = 1 - theta, C(w)
    return ClaimBody(
        statement=Equality(p(w), formula),
        domain=Domain({theta: Range(0, 1), w: Range(-5, 5), eta: Range(Fraction(1, 1000), 10)}),
        hypotheses=(
            "L and C > 0 are smooth on an interval that holds 0",
            "p solves J = 0 there with p(0) = C(0)^(-s)",
        ),
        derivation=Derivation(tuple(_zero_flux_steps(model, formula))),
        evidence=(
            EnclosureComparison(
                route="the equation J = 0 integrated in ball arithmetic from drift and diffusion, "
                "for concrete L and C",
                reference=_integrated_current,
                points=tuple(_zero_flux_points()),
                digits=12,
                formula=_with_integrals,
            ),
        ),
        mutants=(
            Mutant("exponent -s + 1/2", formula * sqrt(noise)),
            Mutant("exponent -s - 1/2", formula / sqrt(noise)),
            Mutant("swapped theta: exponent -theta", formula * noise ** (s - theta)),
            Mutant("L'/(eta C) instead of 2 L'/(eta C)", noise ** (-s) * sqrt(formula * noise**s)),
            Mutant("no prefactor (anti-Ito for every theta)", formula * noise**s),
        ),
    )


def _zero_flux_steps(model: Diffusion, formula: sympy.Expr) -> Iterator[Step]:
    slope = stationary.log_density_gradient(model)
    yield Step(
        "logarithmic derivative",
        Equality(Derivative(formula, w), slope * formula),
        "differentiate C^(-s) exp(-integral of 2 L'/(eta C))",
        Antiderivative(slope * formula, formula, w),
    )
    yield Step(
        "its current vanishes",
        Equality(fokker_planck.current(model, formula), Integer(0)),
        "J = -p [L' + s D' + D p'/p]",
        Identity(fokker_planck.current(model, formula), Integer(0)),
    )
    yield Step(
        "it is stationary",
        Equality(fokker_planck.forward_operator(model, formula), Integer(0)),
        "d_t p = -J'",
        Identity(fokker_planck.forward_operator(model, formula), Integer(0)),
    )
    ratio = model.D * formula * sympy.diff(q(w) / formula, w)
    yield Step(
        "any other solution is a multiple",
        Equality(ratio, -fokker_planck.current(model, q(w))),
        "D p (q/p)' = -J[q]: where J[q] = 0, q/p is constant",
        Identity(ratio, -fokker_planck.current(model, q(w))),
    )
    yield Step(
        "zero-flux density",
        Equality(p(w), formula),
        "J = 0 with p(0) = C(0)^(-s) has this one solution",
        SolvesODE(
            fokker_planck.current(model, p(w)),
            p(w),
            formula,
            ((p(w).subs(w, 0), C(0) ** (-(1 - theta))),),
        ),
    )


FAMILIES: tuple[tuple[sympy.Expr, sympy.Expr, sympy.Expr], ...] = (
    ((w**2 - 1) ** 2 / 4, 1 + w**2 / 2, Rational(3, 2)),
    (w**2 / 2 + w / 3, sympy.exp(w) + Rational(1, 2), Rational(-4, 5)),
    (sympy.cosh(w), 2 + sympy.cos(w), Rational(7, 4)),
)
"""Triples of L, C and a state."""


def _zero_flux_points() -> Iterator[Point]:
    for number, (loss, noise, state) in enumerate(FAMILIES):
        for reading in (Integer(0), Rational(1, 4), Rational(1, 2), Rational(1)):
            if number and reading == Rational(1, 4):
                continue
            yield {
                w: state,
                theta: reading,
                eta: Rational(number + 1, 2),
                L(w): loss,
                C(w): noise,
            }  # type: ignore[dict-item]


def _with_integrals(formula: sympy.Basic, point: Point, digits: int) -> Enclosure:
    from exitlaw.integrals import enclose_with_integrals

    return enclose_with_integrals(formula, point, digits)


def _integrated_current(point: Point, digits: int) -> Enclosure:
    """C(0)^(-s) exp of the integral over (0, w) of -(L' + s D')/D, by certified integration."""
    from flint import acb, arb, ctx

    from exitlaw.integrals import concrete
    from numerics.enclosure import Enclosure
    from numerics.evaluators import evaluate_acb
    from numerics.lowering import lower

    loss, noise = (concrete(function(w), {k: v for k, v in point.items() if k != w})
                   for function in (L, C))  # fmt: skip
    D = point[eta] * noise / 2
    s = 1 - point[theta]
    rate = lower(-(sympy.diff(loss, w) + s * sympy.diff(D, w)) / D, [w])
    start = lower(noise.subs(w, 0) ** (-s))
    with ctx.workdps(digits + 15):
        end = rational(point[w])
        exponent = acb.integral(
            lambda z, analytic: evaluate_acb(rate, z, analytic=analytic)[0],
            0,
            arb(end.numerator) / end.denominator,
        )
        return Enclosure.from_arb((evaluate_acb(start)[0] * exponent.exp()).real)


# --- the power-law dynamic ------------------------------------------------------------------------

density_ratio = Function("p")
"""p(x)/p(0)."""


def power_law_symbols() -> Diffusion:
    """The dynamic with H = kappa eta sigma_H and sigma_g = (rho^2 + Delta^2)/sigma_H."""
    return stationary.power_law_model(
        H=kappa * eta * sigma_H, sigma_g=(rho**2 + Delta**2) / sigma_H
    )


def power_law_ratio(state: sympy.Expr) -> sympy.Expr:
    """p(state)/p(0) of the theory."""
    noise = (rho**2 + Delta**2) / sigma_H

    def density(at: sympy.Expr) -> sympy.Expr:
        return stationary.power_law_density(at, kappa, theta, noise, rho, sigma_H, Delta)

    return density(state) / density(Integer(0))


@claim(
    "stationary/power-law",
    title="Stationary density of the power-law dynamic, any cross term and interpretation",
    depends=("stationary/zero-flux",),
)
def power_law() -> ClaimBody:
    formula = power_law_ratio(x)
    noise = stationary.quadratic_noise(x, (rho**2 + Delta**2) / sigma_H, rho, sigma_H)
    relative = noise / noise.subs(x, 0)
    skew = sympy.atan((sigma_H * x + rho) / Delta) - sympy.atan(rho / Delta)
    return ClaimBody(
        statement=Equality(density_ratio(x), formula),
        domain=Domain(
            {
                x: Range(-100, 100),
                kappa: Range(Fraction(51, 100), 1000, "log"),
                theta: Range(0, 1),
                rho: Range(-100, 100),
                sigma_H: Range(Fraction(1, 1000), 1000, "log"),
                Delta: Range(Fraction(1, 1000), 1000, "log"),
            }
        ),
        hypotheses=(
            "L = H x^2/2, C = sigma_g + 2 rho x + sigma_H x^2, kappa = H/(eta sigma_H), "
            "Delta^2 = sigma_g sigma_H - rho^2 > 0",
            "p is divided by its value at the minimum 0",
        ),
        derivation=Derivation(tuple(_power_law_steps(formula))),
        evidence=(
            EnclosureComparison(
                route="certified density relative to its value at 0, from drift and diffusion",
                reference=relative_density_of,
                points=tuple(_power_law_points()),
                digits=15,
            ),
            MonteCarloTest(
                route="normalised density of simulated paths at theta = 0, 1/4, 1/2, 1",
                simulate=_simulated_density,
                points=tuple(_simulation_points()),
                neighbours=LAW_NEIGHBOURS,
                digits=4,
                formula=normalised,
                looks=3,
            ),
        ),
        mutants=(
            Mutant("exponent + 1/2", formula * sqrt(relative)),
            Mutant("exponent - 1/2", formula / sqrt(relative)),
            Mutant("swapped theta", formula.subs(theta, 1 - theta)),
            Mutant("anti-Ito for every theta", formula.subs(theta, 1)),
            Mutant("cross-term sign", formula * sympy.exp(-4 * kappa * rho / Delta * skew)),
            Mutant("half the cross term", formula * sympy.exp(-kappa * rho / Delta * skew)),
            Mutant("factor 2 in kappa", formula * relative ** (-kappa)
                   * sympy.exp(2 * kappa * rho / Delta * skew)),
        ),
    )  # fmt: skip


LAW_NEIGHBOURS = (
    "exponent + 1/2", "exponent - 1/2", "swapped theta", "anti-Ito for every theta",
    "cross-term sign", "factor 2 in kappa",
)  # fmt: skip


def _power_law_steps(formula: sympy.Expr) -> Iterator[Step]:
    model = power_law_symbols()
    noise = (rho**2 + Delta**2) / sigma_H
    potential = stationary.power_law_potential(x, kappa, noise, rho, sigma_H, Delta)
    yield Step(
        "antiderivative of 2 L'/(eta C)",
        Equality(sympy.Derivative(potential, x), model.exponent_gradient),
        "kappa log C - (2 kappa rho/Delta) atan((sigma_H x + rho)/Delta), with sigma_g = "
        "(rho^2 + Delta^2)/sigma_H",
        Antiderivative(model.exponent_gradient, potential, x),
    )
    general = stationary.zero_flux_density(model, potential)
    special = stationary.power_law_density(x, kappa, theta, noise, rho, sigma_H, Delta)
    yield Step(
        "zero-flux density",
        Equality(general, special),
        "insert the antiderivative in C^(-s) exp(-...)",
        LogDerivative(general, special, x),
    )
    yield from _degenerate_steps()
    law = pearson.power_law_parameters(kappa, theta, rho, sigma_H, Delta)
    pearson_form = pearson.unnormalised_density(x, law)
    pearson_form /= pearson_form.subs(x, 0)
    yield Step(
        "Pearson type IV",
        Equality(formula, pearson_form),
        "C = (Delta^2/sigma_H)(1 + ((x - lambda)/alpha)^2)",
        LogDerivative(formula, pearson_form, x),
    )
    yield Step(
        "stationary density of the power-law dynamic",
        Equality(density_ratio(x), formula),
        "J = 0 with p(0) = 1 has one solution (stationary/zero-flux)",
        SolvesODE(
            fokker_planck.current(model, density_ratio(x)),
            density_ratio(x),
            formula,
            ((density_ratio(x).subs(x, 0), Integer(1)),),
        ),
    )


def _degenerate_steps() -> Iterator[Step]:
    """Delta = 0 with rho > 0: no noise at lambda = -rho/sigma_H, z = x - lambda > 0."""
    z, cross = Symbol("z", positive=True), Symbol("rho", positive=True)
    state = z - cross / sigma_H
    model = stationary.power_law_model(
        H=kappa * eta * sigma_H, sigma_g=cross**2 / sigma_H, rho=cross
    )
    slope = model.exponent_gradient.subs(x, state)
    potential = stationary.degenerate_potential(z, kappa, cross, sigma_H)
    yield Step(
        "degenerate covariance, Delta = 0",
        Equality(sympy.Derivative(potential, z), slope),
        "C = sigma_H z^2: the exponent is 2 kappa log z + 2 kappa |lambda|/z",
        Antiderivative(slope, potential, z),
    )
    inverse_gamma = stationary.degenerate_density(z, kappa, theta, cross, sigma_H)
    general = (model.noise.subs(x, state) / sigma_H) ** (theta - 1) * sympy.exp(-potential)
    yield Step(
        "its law is inverse gamma",
        Equality(general, inverse_gamma),
        "insert in C^(-s) exp(-...)",
        LogDerivative(general, inverse_gamma, z, at=Integer(1)),
    )


def _power_law_points() -> Iterator[Point]:
    for dynamic, state in (
        ((0, 2, Rational(1, 2), 1, Rational(3, 2)), Rational(-2)),
        ((Rational(1, 4), Rational(3, 5), Rational(-2), Rational(1, 2), 1), Rational(3)),
        ((Rational(1, 2), 5, 3, 2, Rational(1, 3)), Rational(1, 2)),
        ((1, 10, -1, 3, 2), Rational(5, 4)),
    ):
        yield {**dynamic_point(*map(sympy.sympify, dynamic)), x: state}  # type: ignore[dict-item]


def _simulation_points() -> Iterator[Point]:
    for reading in (Integer(0), Rational(1, 4), Rational(1, 2), Integer(1)):
        yield {
            **dynamic_point(reading, Rational(5, 2), Rational(1, 2), Rational(1), Rational(1)),
            x: Rational(1, 2),
        }  # type: ignore[dict-item]


SIMULATED_PATHS = {"quick": 10_000, "full": 25_000}
"""Paths of one batch."""


def _simulated_density(point: Point, context: Context) -> Estimate:
    """The normalised stationary density at x, from long simulated paths."""
    from numerics.simulation import stationary_density

    return stationary_density(
        model_at(point),
        rational(point[x]),
        paths=SIMULATED_PATHS[context.profile],
        seed=context.seed,
        workers=context.workers,
    )


def normalised(formula: sympy.Basic, point: Point, digits: int) -> Enclosure:
    """The density that the formula gives, p(x)/p(0), divided by its integral over the line."""
    from exitlaw.integrals import enclose_with_integrals

    whole = sympy.Integral(formula, (x, -sympy.oo, sympy.oo))
    fixed = {key: value for key, value in point.items() if key != x}
    here = sympy.sympify(formula).subs(x, point[x])
    return enclose_with_integrals(here / whole, fixed, digits)


# --- the Gaussian limit ---------------------------------------------------------------------------

correlation = Symbol("c", real=True)
root = Symbol("epsilon", positive=True)
"""sqrt(sigma_H)."""


@claim(
    "stationary/gaussian-limit",
    title="The power-law density tends to a Gaussian as sigma_H tends to 0",
    depends=("stationary/power-law",),
)
def gaussian_limit() -> ClaimBody:
    formula = stationary.gaussian_log_density(x, H, eta, sigma_g)
    law = _log_ratio()
    half = Rational(1, 2)
    return ClaimBody(
        statement=LimitStatement(law, formula, root, Integer(0)),
        domain=Domain(
            {x: Range(-10, 10), correlation: Range(Fraction(-999, 1000), Fraction(999, 1000))},
            constraints=(correlation > -1, correlation < 1),
        ),
        hypotheses=(
            "sigma_H = epsilon^2 and rho = c sqrt(sigma_g) epsilon with |c| < 1, so that rho tends "
            "to 0 with sigma_H; H, eta, sigma_g fixed",
            "the logarithm of p(x)/p(0), p the density of stationary/power-law",
        ),
        derivation=Derivation(tuple(_gaussian_steps(law, formula))),
        evidence=(
            EnclosureComparison(
                route="certified density of the dynamic at sigma_H = 0, from drift and diffusion",
                reference=_constant_noise_density,
                points=tuple(
                    {x: a, H: b, eta: c, sigma_g: d, theta: e, correlation: f}
                    for a, b, c, d, e, f in (
                        (Rational(1), Rational(1), Rational(1, 2), Rational(1), Integer(0), half),
                        (Rational(-2), Rational(3, 2), Rational(1), Rational(2), half, -half),
                    )
                ),
                digits=15,
            ),
        ),
        mutants=(
            Mutant("variance eta sigma_g/H", formula / 2),
            Mutant("variance eta sigma_g/(4H)", 2 * formula),
            Mutant("missing sigma_g", formula * sigma_g),
        ),
    )


def _log_ratio() -> sympy.Expr:
    """log p(x)/p(0) of the theory's density in terms of epsilon, logarithm taken term by term."""
    sigma, cross = root**2, correlation * sqrt(sigma_g) * root
    tail = stationary.tail_parameter(H, eta, sigma)
    delta = sqrt(1 - correlation**2) * sqrt(sigma_g) * root
    potential = [
        stationary.power_law_potential(at, tail, sigma_g, cross, sigma, delta)
        for at in (x, Integer(0))
    ]
    noise = stationary.quadratic_noise(x, sigma_g, cross, sigma)
    return potential[1] - potential[0] - (1 - theta) * log(noise / sigma_g)


def _gaussian_steps(law: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    model = stationary.power_law_model(rho=correlation * sqrt(sigma_g) * root, sigma_H=root**2)
    slope = stationary.log_density_gradient(model)
    yield Step(
        "the logarithm of the density",
        Equality(Derivative(law, x), slope),
        "it solves d log p/dx = -s C'/C - 2 L'/(eta C) and vanishes at 0",
        Antiderivative(slope, law, x),
    )
    centred = stationary.centred_log_density(x, H, eta, 1 - theta, sigma_g, root**2)
    yield Step(
        "without cross term",
        Equality(law.subs(correlation, 0), centred),
        "-(kappa + s) log(1 + sigma_H x^2/sigma_g)",
        LogDerivative(sympy.exp(law.subs(correlation, 0)), sympy.exp(centred), x),
    )
    yield Step(
        "its slope tends to that of the Gaussian",
        LimitStatement(slope, sympy.diff(formula, x), root, Integer(0)),
        "C tends to sigma_g and C' to 0",
        LimitCheck(slope, sympy.diff(formula, x), root, Integer(0)),
    )
    yield Step(
        "Gaussian limit",
        LimitStatement(law, formula, root, Integer(0)),
        "exact series in epsilon: the terms of order epsilon^-1 cancel between the logarithm and "
        "the arctangent",
        LimitCheck(law, formula, root, Integer(0), given={correlation: (Integer(-1), Integer(1))}),
    )


def _constant_noise_density(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from numerics.enclosure import Enclosure
    from numerics.lowering import lower_diffusion
    from numerics.stationary import density

    model = lower_diffusion(
        stationary.power_law_model(
            H=point[H],
            eta=point[eta],
            theta=point[theta],
            sigma_g=point[sigma_g],
            rho=Integer(0),
            sigma_H=Integer(0),
        )
    )
    here, there = (
        density(model, at, digits=digits + 3, method="arb").arb for at in (rational(point[x]), 0)
    )
    with ctx.workdps(digits + 10):
        return Enclosure.from_arb((here / there).log())


if __name__ == "__main__":
    from exitlaw.script import run

    run("stationary_density")
