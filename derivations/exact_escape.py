"""Exact mean escape times: the double integral, two-sided exits, and when the mean is finite."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Derivative, Function, Integer, Integral, Rational, Symbol, oo, sqrt

from exitlaw.analysis import Conjunction, MonotoneIntegral, PowerTail
from exitlaw.claim import (
    Bound,
    ClaimBody,
    Domain,
    Equality,
    Equivalence,
    Mutant,
    Point,
    Range,
    claim,
)
from exitlaw.derivation import Antiderivative, Derivation, Identity, Inequality, SolvesODE, Step
from exitlaw.evidence import EnclosureComparison, MonteCarloTest
from theory import first_passage, fokker_planck, stationary
from theory.diffusion import Diffusion
from theory.symbols import eta, exit_above, exit_below, sigma_g, sigma_H, theta, w

if TYPE_CHECKING:
    from exitlaw.evidence import Context
    from numerics.enclosure import Enclosure
    from numerics.lowering import Model
    from numerics.simulation import Estimate

Phi, C = Function("Phi", real=True), Function("C", positive=True)
tau, tau_2, f, h = Function("tau"), Function("tau_2"), Function("f"), Function("h")

HYPOTHESES = (
    "C > 0 is smooth; Phi is an antiderivative of 2 L'/(eta C), so that L' = eta C Phi'/2",
    "p = C^(-s) exp(-Phi), D = eta C/2",
)


def general_model() -> Diffusion:
    """Any loss and noise, the loss given by its reduced potential: L' = eta C Phi'/2."""
    return Diffusion(
        gradient=eta * C(w) * Derivative(Phi(w), w) / 2,
        noise=C(w),
        eta=eta,
        theta=theta,
        variable=w,
    )


def density(model: Diffusion) -> sympy.Expr:
    """The zero-flux density C^(-s) exp(-Phi)."""
    return stationary.zero_flux_density(model, Phi(w))


def _common_steps(model: Diffusion, p: sympy.Expr) -> Iterator[Step]:
    yield Step(
        "zero flux",
        Equality(fokker_planck.current(model, p), Integer(0)),
        "p = C^(-s) exp(-Phi) has no current",
        Identity(fokker_planck.current(model, p), Integer(0)),
    )
    balance = fokker_planck.detailed_balance_defect(model, p, f(w))
    yield Step(
        "detailed balance",
        Equality(balance, Integer(0)),
        "p G f = (D p f')' for every f",
        Identity(balance, Integer(0)),
    )
    divergence = first_passage.generator_in_divergence_form(model, f(w), p)
    yield Step(
        "divergence form of the generator",
        Equality(fokker_planck.backward_generator(model, f(w)), divergence),
        "G f = (D p f')'/p, because the current of p vanishes",
        Identity(fokker_planck.backward_generator(model, f(w)), divergence),
    )


# --- one exit -------------------------------------------------------------------------------------


@claim("escape/exact-time", title="Exact mean first-passage time to a point above the start")
def exact_time() -> ClaimBody:
    model = general_model()
    p = density(model)
    formula = first_passage.mean_exit_time(p, model.D, w, start=w)

    def mutated(density_: sympy.Expr, D: sympy.Expr) -> sympy.Expr:
        return first_passage.mean_exit_time(density_, D, w, start=w)

    s = 1 - theta
    return ClaimBody(
        statement=Equality(tau(w), formula),
        domain=Domain({theta: Range(0, 1)}),
        hypotheses=(
            *HYPOTHESES,
            "-oo is inaccessible, the integral of 1/(D p) diverges there, and p has finite mass "
            "on (-oo, B): the mean time is the solution of G tau = -1, tau(B) = 0 whose flux "
            "D p tau' vanishes at -oo (the limit of reflecting, or of absorbing, far ends)",
        ),
        derivation=Derivation(tuple(_exact_steps(model, p, formula))),
        evidence=(
            EnclosureComparison(
                route="certified mean first-passage time of concrete dynamics, Taylor panels from "
                "drift and diffusion, against the double integral by nested complex quadrature",
                reference=_certified_time,
                points=tuple(_one_sided_points()),
                digits=8,
                formula=_with_integrals,
            ),
            MonteCarloTest(
                route="simulated first passages from drift and diffusion at theta = 0, 1/4, 1/2, 1",
                simulate=_simulated_time,
                points=tuple(_simulation_points()),
                neighbours=TIME_NEIGHBOURS,
                digits=4,
                formula=_with_integrals,
                looks=3,
            ),
        ),
        mutants=(
            Mutant("factor 2", 2 * formula),
            Mutant("exponent + 1/2", mutated(p * sqrt(C(w)), model.D)),
            Mutant("exponent - 1/2", mutated(p / sqrt(C(w)), model.D)),
            Mutant("swapped theta", mutated(p * C(w) ** (s - theta), model.D)),
            Mutant("anti-Ito for every theta", mutated(p * C(w) ** s, model.D)),
            Mutant("mass from the start only", first_passage.mean_exit_time(
                p, model.D, w, start=w, lower=w)),
        ),
        generate=False,
    )  # fmt: skip


TIME_NEIGHBOURS = (
    "factor 2", "exponent + 1/2", "exponent - 1/2", "swapped theta", "anti-Ito for every theta",
)  # fmt: skip


def _exact_steps(model: Diffusion, p: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    yield from _common_steps(model, p)
    slope = first_passage.mean_exit_time_gradient(p, model.D, w)
    yield Step(
        "slope of the double integral",
        Equality(Derivative(formula, w), slope),
        "fundamental theorem of calculus",
        Antiderivative(slope, formula, w),
    )
    z = Symbol("z", real=True)
    mass = Integral(p.subs(w, z), (z, -oo, w))
    yield Step(
        "flux at the open end",
        Equality(model.D * p * slope, -mass),
        "D p tau' = -(mass below), which vanishes at -oo because the mass is finite",
        Identity(model.D * p * slope, -mass),
    )
    yield Step(
        "uniqueness",
        Equality(Derivative(model.D * p * h(w).diff(w), w),
                 p * fokker_planck.backward_generator(model, h(w))),
        "the difference h of two solutions has G h = 0, so D p h' is constant; it vanishes at "
        "-oo, and h(B) = 0: h = 0",
        Antiderivative(
            p * fokker_planck.backward_generator(model, h(w)), model.D * p * h(w).diff(w), w
        ),
    )  # fmt: skip
    second = first_passage.exit_time_moment(2, p, model.D, w, start=w)
    for name, solution, source in (
        ("the second moment", second, 2 * formula),
        ("the mean time", formula, Integer(1)),
    ):
        residual = fokker_planck.backward_generator(model, solution).doit(integrals=False) + source
        yield Step(
            f"{name} solves the backward equation",
            Equality(residual, Integer(0)),
            "G tau_2 = -2 tau, G tau = -1 (Dynkin's formula)",
            Identity(residual, Integer(0)),
        )
    below = Integral((p * formula).subs(w, z), (z, -oo, w))
    yield Step(
        "second moment of the time",
        Equality(tau_2(w), second),
        "p G tau_2 = -2 p tau integrated from -oo, where the flux D p tau_2' vanishes, and "
        "tau_2(B) = 0",
        SolvesODE(
            model.D * p * tau_2(w).diff(w) + 2 * below,
            tau_2(w),
            second,
            ((tau_2(w).subs(w, exit_above), Integer(0)),),
        ),
    )
    yield Step(
        "mean first-passage time",
        Equality(tau(w), formula),
        "p G tau = -p integrated from -oo, where the flux D p tau' vanishes, and tau(B) = 0",
        SolvesODE(
            model.D * p * tau(w).diff(w) + mass,
            tau(w),
            formula,
            ((tau(w).subs(w, exit_above), Integer(0)),),
        ),
    )


def _with_integrals(formula: sympy.Basic, point: Point, digits: int) -> Enclosure:
    from exitlaw.integrals import enclose_with_integrals

    return enclose_with_integrals(formula, point, digits)


ONE_SIDED: tuple[tuple[sympy.Expr, ...], ...] = (
    (w**2, Integer(2), Rational(1), Rational(1, 2), Rational(0), Rational(1)),
    ((w**2 - 1) ** 2 * 3, 1 + w**2, Rational(1, 3), Rational(1, 4), Rational(-1), Rational(1, 2)),
    (3 * sympy.log(1 + w**2), 1 + w**2, Rational(1, 2), Rational(0), Rational(0), Rational(3, 2)),
)
"""Phi, C, eta, theta, start, exit: constant noise, an unmatched double well, power-law noise."""


def _one_sided_points() -> Iterator[Point]:
    for potential, noise, rate, reading, start, end in ONE_SIDED:
        yield {
            w: start,
            exit_above: end,
            theta: reading,
            eta: rate,
            Phi(w): potential,
            C(w): noise,
        }  # type: ignore[dict-item]


def concrete_diffusion(point: Point) -> Diffusion:
    """The diffusion of a point that gives Phi(w), C(w), eta and theta."""
    from exitlaw.integrals import concrete

    given = {key: value for key, value in point.items() if key != w}
    model = general_model()
    return Diffusion(
        gradient=sympy.cancel(concrete(model.gradient, given)),
        noise=concrete(model.noise, given),
        eta=point[eta],
        theta=point[theta],
        variable=w,
    )


def concrete_model(point: Point) -> Model:
    """The same, lowered."""
    from numerics.lowering import lower_diffusion

    return lower_diffusion(concrete_diffusion(point))


def _fraction(value: sympy.Expr) -> Fraction:
    top, bottom = sympy.sympify(value).as_numer_denom()
    return Fraction(int(top), int(bottom))


def _certified_time(point: Point, digits: int) -> Enclosure:
    from numerics.first_passage import mean_exit_time

    return mean_exit_time(
        concrete_model(point),
        _fraction(point[w]),
        exit_above=_fraction(point[exit_above]),
        digits=digits + 2,
        method="arb",
    )


def _simulation_points() -> Iterator[Point]:
    """The power-law well, Phi = kappa log C, at kappa = 3/2: times from 8 to 18."""
    for reading in (Integer(0), Rational(1, 4), Rational(1, 2), Integer(1)):
        yield {
            w: Integer(0),
            exit_above: Rational(3, 2),
            theta: reading,
            eta: Rational(1, 2),
            Phi(w): Rational(3, 2) * sympy.log(1 + w**2),
            C(w): 1 + w**2,
        }  # type: ignore[dict-item]


def _simulated_time(point: Point, context: Context) -> Estimate:
    from numerics.simulation import mean_exit_time

    return mean_exit_time(
        concrete_model(point),
        _fraction(point[w]),
        exit_above=_fraction(point[exit_above]),
        paths=SIMULATED_PATHS[context.profile],
        seed=context.seed,
        workers=context.workers,
    )


SIMULATED_PATHS = {"quick": 10_000, "full": 50_000}
"""Paths of one batch."""


# --- two exits ------------------------------------------------------------------------------------


@claim("escape/two-sided", title="Exact mean time and side of the exit from an interval")
def two_sided() -> ClaimBody:
    model = general_model()
    p = density(model)
    formula = first_passage.two_sided_exit_time(p, model.D, w, start=w)
    one_sided = first_passage.mean_exit_time(p, model.D, w, start=w, lower=exit_below)
    s = 1 - theta

    def mutated(density_: sympy.Expr) -> sympy.Expr:
        return first_passage.two_sided_exit_time(density_, model.D, w, start=w)

    return ClaimBody(
        statement=Equality(tau(w), formula),
        domain=Domain({theta: Range(0, 1)}, constraints=(sympy.Gt(exit_above, exit_below),)),
        hypotheses=(*HYPOTHESES, "A < w < B; the state is absorbed at A and at B"),
        derivation=Derivation(tuple(_two_sided_steps(model, p, formula))),
        evidence=(
            EnclosureComparison(
                route="residual of a polynomial in the backward equation, bounded on the whole "
                "interval, with the maximum principle: no scale function, density or quadrature",
                reference=_residual_time,
                points=tuple(_two_sided_points()),
                digits=8,
                formula=_with_integrals,
            ),
        ),
        mutants=(
            Mutant("factor 2", 2 * formula),
            Mutant("exponent + 1/2", mutated(p * sqrt(C(w)))),
            Mutant("exponent - 1/2", mutated(p / sqrt(C(w)))),
            Mutant("swapped theta", mutated(p * C(w) ** (s - theta))),
            Mutant("reflected at A", one_sided),
        ),
        generate=False,
    )


BETWEEN = {exit_above: (exit_below, oo)}
"""A < B."""


def _two_sided_steps(model: Diffusion, p: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    yield from _common_steps(model, p)
    probability = first_passage.exit_probability(p, model.D, w, start=w)
    yield Step(
        "probability to leave through B",
        Equality(h(w), probability),
        "G h = 0, h(A) = 0, h(B) = 1",
        SolvesODE(
            fokker_planck.backward_generator(model, h(w)),
            h(w),
            probability,
            ((h(w).subs(w, exit_below), Integer(0)), (h(w).subs(w, exit_above), Integer(1))),
            given=BETWEEN,
        ),
    )
    yield Step(
        "mean time to leave (A, B)",
        Equality(tau(w), formula),
        "G tau = -1, tau(A) = tau(B) = 0; D p > 0 inside, so the solution is unique",
        SolvesODE(
            fokker_planck.backward_generator(model, tau(w)) + 1,
            tau(w),
            formula,
            (
                (tau(w).subs(w, exit_below), Integer(0)),
                (tau(w).subs(w, exit_above), Integer(0)),
            ),
            given=BETWEEN,
        ),
    )


TWO_SIDED: tuple[tuple[Any, ...], ...] = (
    (w**2 / 2, 1 + w**2 / 4, Rational(1), Rational(0),
     (Rational(-1), Rational(1, 3), Rational(2))),
    ((w**2 - 1) ** 2 / 4, 1 + w / 2 + w**2 / 2, Rational(1, 2), Rational(3, 4),
     (Rational(-3, 2), Rational(-1), Rational(1, 2))),
)  # fmt: skip
"""L, C, eta, theta and (A, start, B)."""


def _two_sided_points() -> Iterator[Point]:
    for loss, noise, rate, reading, (below, start, above) in TWO_SIDED:
        yield {
            w: start,
            exit_below: below,
            exit_above: above,
            theta: reading,
            eta: rate,
            Phi(w): _potential(2 * sympy.diff(loss, w) / (rate * noise)),
            C(w): noise,
        }  # type: ignore[dict-item]


def _potential(slope: sympy.Expr) -> sympy.Expr:
    """An antiderivative of a rational function with rational coefficients, differentiated back."""
    from theory.normal_form import is_antiderivative

    primitive = sympy.integrate(sympy.apart(slope, w), w)
    if not is_antiderivative(primitive, slope, w):
        raise ArithmeticError(f"no antiderivative of {slope} was found")
    return primitive


def _residual_time(point: Point, digits: int) -> Enclosure:
    from numerics.backward_equation import mean_exit_time

    diffusion = concrete_diffusion(point)
    drift, D = (
        [_fraction(c) for c in reversed(sympy.Poly(sympy.expand(e), w).all_coeffs())]
        for e in (sympy.cancel(diffusion.ito_drift), diffusion.D)
    )
    return mean_exit_time(
        drift,
        D,
        _fraction(point[w]),
        exit_below=_fraction(point[exit_below]),
        exit_above=_fraction(point[exit_above]),
        digits=digits + 2,
    )


# --- when the mean is finite ----------------------------------------------------------------------

kappa = Symbol("kappa", real=True)
"""H/(eta sigma_H), of either sign."""
finite = Function("finite")


@claim(
    "escape/finite-iff",
    title="When the mean one-sided escape time is finite",
    depends=("escape/exact-time",),
)
def finite_iff() -> ClaimBody:
    criterion = stationary.is_normalisable(kappa, theta)
    m = stationary.power_law_exponent(kappa, theta)
    half = Rational(1, 2)
    return ClaimBody(
        statement=Equivalence(finite(tau(w)), criterion),
        domain=Domain({kappa: Range(-2, 10), theta: Range(0, 1)}),
        hypotheses=(
            "any dynamic: the mean time from w to B is finite if and only if the scale integral "
            "of 1/(D p) diverges at -oo (else the state may leave to -oo for ever) and the mass "
            "of p is finite there",
            "stated for L = H x^2/2 with H of either sign and C = sigma_g + sigma_H x^2, "
            "kappa = H/(eta sigma_H), where p falls like |x|^(-2m)",
        ),
        derivation=Derivation(tuple(_finite_steps(criterion))),
        evidence=(
            EnclosureComparison(
                route="certified decision of mass and scale at -oo, from drift and diffusion",
                reference=_certified_finite,
                points=tuple(
                    {kappa: Rational(k), theta: Rational(r)}  # type: ignore[dict-item]
                    for k, r in (
                        ("1/10", 0), ("-1/4", 0), ("-3/4", 0), ("1/4", "1/2"), ("-1/10", "1/2"),
                        ("3/5", 1), ("2/5", 1), ("-1/10", "1/4"), ("-2/5", "1/4"), (3, 1),
                    )
                ),
            ),
        ),
        mutants=(
            Mutant("m > 0", sympy.Gt(m, 0)),
            Mutant("m > 1", sympy.Gt(m, 1)),
            Mutant("kappa > 1/2, the same for every theta", sympy.Gt(kappa, half)),
            Mutant("swapped theta", sympy.Gt(kappa + theta, half)),
        ),
    )  # fmt: skip


def _finite_steps(criterion: sympy.Basic) -> Iterator[Step]:
    model = general_model()
    p = first_passage.speed_density(model, Phi(w))
    y, z = Symbol("y", real=True), Symbol("z", real=True)
    start, length = Symbol("x_0", real=True), Symbol("ell", positive=True)
    r = Symbol("r", positive=True)
    scale = first_passage.scale_density(model, Phi(w)).subs(w, y)
    above = scale.subs(y, start + r)
    full = first_passage.speed_mass(p, w, start)
    between = Integral(p.subs(w, z), (z, start, start + r))
    yield Step(
        "zero flux",
        Equality(fokker_planck.current(model, p), Integer(0)),
        "the speed density p = C^(-s) exp(-Phi) has no current",
        Identity(fokker_planck.current(model, p), Integer(0)),
    )
    yield Step(
        "mass below the start",
        Equality(Derivative(full, start), p.subs(w, start)),
        "it grows by the density",
        Antiderivative(p.subs(w, start), full, start),
    )
    yield Step(
        "what must diverge at -oo",
        Equality(
            first_passage.inaccessibility_integral(p, model.D, w, start),
            Integral(scale, (y, -oo, start)),
        ),
        "the scale integral, of 1/(D p)",
        Identity(
            first_passage.inaccessibility_integral(p, model.D, w, start),
            Integral(scale, (y, -oo, start)),
        ),
    )
    low, high = above * full, above * (full + between)
    yield Step(
        "the mass between",
        Bound(Integer(0), between),
        "p > 0",
        Inequality(Integer(0), between),
    )
    yield Step(
        "the time is at least the mass below the start times the resistance",
        Bound(Integral(low, (r, 0, length)), Integral(high, (r, 0, length))),
        "the mass below y exceeds that below the start: an infinite mass makes the double "
        "integral infinite; a finite one keeps it finite, because p and 1/(D p) are bounded on "
        "[x_0, B], B = x_0 + ell",
        MonotoneIntegral(
            low,
            high,
            (r, Integer(0), length),
            by=Bound(Integer(0), between),
            factor=above,
        ),
    )
    far = Symbol("X", positive=True)
    noise = stationary.quadratic_noise(-far, sigma_g, Integer(0), sigma_H)
    m = stationary.power_law_exponent(kappa, theta)
    speed = noise ** (-m)
    mass_exists, scale_exists = finite(Symbol("mass")), finite(Symbol("scale"))
    quadratic = stationary.power_law_model(H=kappa * eta * sigma_H, rho=Integer(0), variable=w)
    symmetric = stationary.quadratic_noise(w, sigma_g, Integer(0), sigma_H) ** (-m)
    yield Step(
        "the density of the family",
        Equality(fokker_planck.current(quadratic, symmetric), Integer(0)),
        "p = C^(-m) has zero flux, kappa of either sign",
        Identity(fokker_planck.current(quadratic, symmetric), Integer(0)),
    )
    finite_mass = Equivalence(mass_exists, sympy.Gt(2 * m, 1))
    yield Step(
        "mass at -oo",
        finite_mass,
        "p falls like |x|^(-2m), integrable iff 2m > 1",
        PowerTail(speed, far, -2 * m, sigma_H ** (-m), mass_exists, sympy.Gt(2 * m, 1)),
    )
    finite_scale = Equivalence(scale_exists, sympy.Lt(2 * m, 1))
    yield Step(
        "scale at -oo",
        finite_scale,
        "1/(D p) grows like |x|^(2m - 2), integrable iff 2m < 1",
        PowerTail(
            2 / (eta * noise * speed),
            far,
            2 * m - 2,
            2 * sigma_H ** (m - 1) / eta,
            scale_exists,
            sympy.Lt(2 * m, 1),
        ),
    )
    yield Step(
        "finite mean time",
        Equivalence(finite(tau(w)), criterion),
        "divergent scale (escape/exact-time then gives the double integral) and finite mass",
        Conjunction(finite(tau(w)), ((finite_mass, True), (finite_scale, False)), criterion),
    )


def _certified_finite(point: Point, digits: int) -> bool:
    from numerics.errors import InfiniteMean
    from numerics.first_passage import mean_exit_time
    from numerics.lowering import lower_diffusion

    model = lower_diffusion(
        stationary.power_law_model(
            H=point[kappa], eta=Integer(1), theta=point[theta], sigma_g=Integer(1),
            rho=Integer(0), sigma_H=Integer(1),
        )
    )  # fmt: skip
    try:
        value = mean_exit_time(model, 0, exit_above=1, digits=5, method="arb")
    except InfiniteMean:
        return False
    return not value.infinite


if __name__ == "__main__":
    from exitlaw.script import run

    run("exact_escape")
