"""The θ-family of Fokker-Planck operators, derived from where the noise is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sympy
from sympy import Derivative, Function, Integer, Rational, Symbol

from derivations._normal_law import average_step, moment_steps, normal_law
from exitlaw.analysis import TaylorMatch
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import Antiderivative, Definition, Derivation, Identity, Step
from exitlaw.evidence import EnclosureComparison
from theory import fokker_planck
from theory.diffusion import Diffusion
from theory.symbols import eta, theta, w

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure

L, C, f, p = Function("L"), Function("C", positive=True), Function("f"), Function("p")
generator = Function("G")
"""The derivative at time 0 of the expectation of f(w_t), at a state."""


def general_model() -> Diffusion:
    """Any loss L(w) and any noise C(w) > 0."""
    return Diffusion(
        gradient=Derivative(L(w), w), noise=C(w), eta=eta, theta=theta, variable=w, loss=L(w)
    )


@claim(
    "fokker-planck/interpretation",
    title="Noise evaluated at w + theta dw: generator and Fokker-Planck current of every theta",
)
def interpretation() -> ClaimBody:
    model = general_model()
    formula = fokker_planck.backward_generator(model, f(w))
    D, slope, bend = model.D, f(w).diff(w), f(w).diff(w, 2)
    return ClaimBody(
        statement=Equality(generator(w), formula),
        domain=Domain(ranges={theta: Range(0, 1), w: Range(-2, 2)}),
        hypotheses=(
            "L, C > 0 and f are smooth; D = eta C/2",
            "over a short time dt the state moves by the solution of dw = -L'(w) dt + "
            "sigma(w + theta dw) dB, sigma = sqrt(eta C)",
            "dB has mean 0, variance dt, third moment 0 and fourth moment 3 dt^2",
        ),
        derivation=Derivation(tuple(_steps(model, formula))),
        evidence=(
            EnclosureComparison(
                route="power series of the implicit increment in sqrt(dt), solved numerically in "
                "ball arithmetic for concrete L, C and f and averaged over the three-point law "
                "of dB",
                reference=_series_generator,
                points=tuple(_family_points()),
                formula=_concrete,
            ),
        ),
        mutants=(
            Mutant("no noise-induced drift", model.drift * slope + D * bend),
            Mutant("1 - theta instead of theta",
                   (model.drift + (1 - theta) * D.diff(w)) * slope + D * bend),
            Mutant("half the noise-induced drift", formula - theta / 2 * D.diff(w) * slope),
            Mutant("noise-induced drift with the wrong sign",
                   formula - 2 * theta * D.diff(w) * slope),
            Mutant("diffusion eta C instead of eta C/2", formula + D * bend),
        ),
    )  # fmt: skip


def _steps(model: Diffusion, formula: sympy.Expr) -> Iterator[Step]:
    def noise(state: sympy.Expr) -> sympy.Expr:
        return sympy.sqrt(eta * C(state))

    root, Z = Symbol("epsilon", positive=True), Symbol("Z", real=True)
    sigma, dsigma = noise(w), sympy.diff(noise(w), w)
    gradient, slope, bend = model.gradient, f(w).diff(w), f(w).diff(w, 2)
    second = -gradient + theta * sigma * dsigma * Z**2
    increment = root * sigma * Z + root**2 * second
    implicit = -gradient * root**2 + noise(w + theta * increment) * root * Z
    yield Step(
        "the increment",
        LimitStatement((implicit - increment) / root**2, Integer(0), root, Integer(0)),
        "with dt = epsilon^2 and dB = epsilon Z, the increment epsilon sigma Z + epsilon^2 (-L' + "
        "theta sigma sigma' Z^2) satisfies its implicit equation up to O(epsilon^3)",
        TaylorMatch(implicit, increment, root, 3),
    )
    linear, quadratic = sigma * Z * slope, second * slope + sigma**2 * Z**2 * bend / 2
    yield Step(
        "the observable after one increment",
        LimitStatement(
            (f(w + increment) - (f(w) + root * linear + root**2 * quadratic)) / root**2,
            Integer(0),
            root,
            Integer(0),
        ),
        "Taylor's theorem in epsilon",
        TaylorMatch(f(w + increment), f(w) + root * linear + root**2 * quadratic, root, 3),
    )
    law = normal_law(Z, Integer(1))
    yield from moment_steps(law, Integer(1), 2)
    yield average_step("no term of order sqrt(dt)", law, linear, Integer(0), "E Z = 0")
    averaged = (-gradient + theta * sigma * dsigma) * slope + sigma**2 * bend / 2
    yield average_step(
        "the term of order dt",
        law,
        quadratic,
        averaged,
        "E Z^2 = 1; odd orders of epsilon vanish with the odd moments, so the next is dt^2",
    )
    square_root = sympy.sqrt(2 * model.D)
    yield Step(
        "the noise-induced drift",
        Equality(
            fokker_planck.noise_induced_drift(model), theta * sympy.diff(model.D, w)
        ),
        "theta sigma sigma' = theta D' with sigma^2 = 2 D = eta C",
        Identity(theta * square_root * sympy.diff(square_root, w),
                 theta * sympy.diff(model.D, w)),
    )  # fmt: skip
    flux = fokker_planck.current(model, p(w))
    concomitant = model.D * p(w) * slope + f(w) * flux
    yield Step(
        "the forward operator is the adjoint",
        Equality(sympy.Derivative(concomitant, w), p(w) * formula + f(w) * flux.diff(w)),
        "p G f - f (-J') is a derivative with J = -[L' p + (1 - theta) D' p + D p']: where D p f' "
        "+ f J vanishes at the ends, d_t p = -J'",
        Antiderivative(p(w) * formula + f(w) * flux.diff(w), concomitant, w),
    )
    defect = fokker_planck.adjointness_defect(model, p(w), f(w))
    yield Step(
        "for every density and observable",
        Equality(defect, Integer(0)),
        "the same with the operators of the theory: nothing is left over",
        Identity(defect, Integer(0)),
    )
    yield Step(
        "Ito form of the forward operator",
        Equality(
            fokker_planck.forward_operator(model, p(w)),
            fokker_planck.ito_forward_operator(model, p(w)),
        ),
        "-J' = -[(-L' + theta D') p]' + [D p]''",
        Identity(
            fokker_planck.forward_operator(model, p(w)),
            fokker_planck.ito_forward_operator(model, p(w)),
        ),
    )
    yield Step(
        "the generator of one step",
        Equality(generator(w), law.mean(quadratic)),
        "definition: the term of order dt of E f(w + dw)",
        Definition(generator(w), law.mean(quadratic)),
    )
    yield Step(
        "the generator",
        Equality(generator(w), formula),
        "insert the noise-induced drift and sigma^2 = 2 D",
        Identity(averaged, formula),
    )


# --- concrete families ----------------------------------------------------------------------------

FAMILIES: tuple[tuple[sympy.Expr, sympy.Expr, sympy.Expr], ...] = (
    ((w**2 - 1) ** 2 / 4, 1 + w**2 / 2, sympy.sin(w)),
    (w**2 / 2 + w / 3, sympy.exp(w) + Rational(1, 2), w**3 + w),
    (sympy.cosh(w), 2 + sympy.cos(w), sympy.exp(-(w**2))),
)
"""Triples (L, C, f)."""


def _family_points() -> Iterator[Point]:
    states = (Rational(1, 3), Rational(-3, 5), Rational(7, 4))
    readings = (Integer(0), Rational(1, 4), Rational(1, 2), Rational(1))
    for number, (loss, noise, observable) in enumerate(FAMILIES):
        for reading in readings:
            yield {
                w: states[number],
                theta: reading,
                eta: Rational(number + 1, 5),
                L(w): loss,
                C(w): noise,
                f(w): observable,
            }  # type: ignore[dict-item]


def _series_generator(point: Point, digits: int) -> Enclosure:
    """Coefficient of dt of E f(w + dw), the implicit increment as a series in e = sqrt(dt).

    dw = -L' e^2 + sigma(w + theta dw) e Z is solved by iteration, which gains a power of e each
    time; Z takes 0 and ±sqrt(3) with weights 2/3, 1/6, 1/6, so that its moments up to the fifth
    are those of the normal law.
    """
    from flint import arb, arb_series, ctx

    from numerics.enclosure import Enclosure
    from numerics.evaluators import evaluate_arb, evaluate_series
    from numerics.lowering import lower, lower_constant

    order = 3
    slope = lower(-point[L(w)].diff(w), [w])  # type: ignore[index]
    noise = lower(sympy.sqrt(point[eta] * point[C(w)]), [w])  # type: ignore[index]
    observable = lower(point[f(w)], [w])  # type: ignore[index]
    saved = ctx.cap
    ctx.cap = order
    try:
        with ctx.workdps(digits + 15):
            state, reading = (evaluate_arb(lower_constant(point[s]))[0] for s in (w, theta))
            root = arb_series([0, 1], order)
            drift = evaluate_arb(slope, state)[0]
            total = arb(0)
            for atom, weight in ((arb(0), arb(2) / 3), (arb(3).sqrt(), arb(1) / 6),
                                 (-arb(3).sqrt(), arb(1) / 6)):  # fmt: skip
                increment = arb_series([0], order)
                for _ in range(order):
                    evaluated = evaluate_series(noise, state + reading * increment)[0]
                    increment = drift * root * root + evaluated * root * atom
                total += weight * evaluate_series(observable, state + increment)[0][2]
            return Enclosure.from_arb(total)
    finally:
        ctx.cap = saved


def _concrete(formula: sympy.Basic, point: Point, digits: int) -> Enclosure:
    from exitlaw.integrals import enclose_with_integrals

    return enclose_with_integrals(formula, point, digits)


if __name__ == "__main__":
    from exitlaw.script import run

    run("fokker_planck")
