"""Escape of the power-law dynamic: Kramers time, corrections, limits, order in the barrier."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Integral, Rational, Symbol, log, oo, pi, sqrt

from derivations import _escape_models as models
from exitlaw.analysis import Linearity
from exitlaw.asymptotics import ContinuousImage
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import (
    ChangeOfVariables,
    Derivation,
    Identity,
    LemmaUse,
    LimitCheck,
    Step,
)
from exitlaw.evidence import (
    Certificate,
    EnclosureComparison,
    MonteCarloTest,
)
from exitlaw.learning_rates import Factor, RemainderOverLearningRates
from theory import kramers, landscapes
from theory.symbols import (
    C_a,
    C_b,
    Delta_L,
    H_a,
    H_b,
    eta,
    kappa,
    m,
    sigma_g,
    sigma_H,
    theta,
    u,
)

if TYPE_CHECKING:
    from exitlaw.claim import Statement
    from exitlaw.evidence import Context, Finding
    from numerics.enclosure import Enclosure
    from numerics.simulation import Estimate

HALF = Rational(1, 2)
w, y = Symbol("w", real=True), Symbol("y", real=True)
t, q = Symbol("t", real=True), Symbol("q", positive=True)
tau = Function("tau")
"""Mean time from the minimum to the far side of the saddle, as a function of what varies."""
c_1, Psi_b = Symbol("c_1", real=True), Symbol("Psi_b", positive=True)
L3_a, L4_a, L3_b, L4_b = sympy.symbols("L3_a L4_a L3_b L4_b", real=True)
C1_a, C2_a, C1_b, C2_b = sympy.symbols("C1_a C2_a C1_b C2_b", real=True)

INTERPRETATIONS = (Integer(0), Rational(1, 4), HALF, Integer(1))

HYPOTHESES = (
    "C = sigma_g + (2 sigma_H/H_a)(L - L(a)), kappa = H_a/(eta sigma_H), m = kappa + s > 1/2",
    "start < b < B, a is the one lowest point of (-oo, b], b the one highest of [start, B]",
    "eta -> 0 at fixed sigma_g and sigma_H: kappa -> oo, u = 1 + 2 Delta_L sigma_H/(H_a sigma_g) "
    "stays",
)


def tail_index() -> sympy.Expr:
    """kappa = H_a/(eta sigma_H)."""
    return H_a / (eta * sigma_H)


def power_law_formula(interpretation: sympy.Expr = theta) -> sympy.Expr:
    """The escape time in the parameters of the dynamic."""
    return kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, tail_index(), interpretation)


def noise_ratio() -> sympy.Expr:
    """u = C(b)/C(a)."""
    return kramers.barrier_ratio(Delta_L, eta, sigma_g, tail_index())


def affine_noise() -> dict[sympy.Symbol, sympy.Expr]:
    """C and its derivatives at minimum and saddle where it is affine in L, and Psi(b)."""
    slope = 2 * sigma_H / H_a
    return {
        C_a: sigma_g, C1_a: Integer(0), C2_a: slope * H_a,
        C_b: sigma_g * noise_ratio(), C1_b: Integer(0), C2_b: slope * H_b,
        Psi_b: kramers.power_law_potential(noise_ratio(), eta, tail_index()),
    }  # fmt: skip


def family_point(
    family: models.Family,
    values: dict[sympy.Symbol, sympy.Expr],
    rate: sympy.Expr,
    interpretation: sympy.Expr,
) -> Point:
    """A point of the claims on a landscape, with the coefficient c_1 of that landscape."""
    jets = ((values[H_a], 0, 0), (values[H_b], 0, 0))
    if family is landscapes.quartic:
        jets = landscapes.quartic_jets(values[H_a], values[H_b], values[Delta_L])
    ratio = 1 + 2 * values[Delta_L] * values[sigma_H] / (values[H_a] * values[sigma_g])
    noise_at_saddle = values[sigma_g] * ratio
    coefficient = kramers.second_order_coefficient_affine(
        values[sigma_g], noise_at_saddle, jets[0], jets[1]
    )
    return {
        **values, eta: rate, theta: interpretation, c_1: sympy.nsimplify(coefficient),
        FAMILY: Integer(0 if family is landscapes.quartic else 1),
    }  # fmt: skip


FAMILY = Symbol("landscape")
"""0 the quartic family, 1 joined parabolas: which member of which family a point means."""


def point_time(point: Point, digits: int) -> Enclosure:
    """Exact time to the far side on the landscape of the point."""
    family = landscapes.quartic if point[FAMILY] == 0 else landscapes.joined_parabolas
    return models.family_time(family, point, max(8, min(digits, 12)))


QUARTIC: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(2), H_b: Integer(-1), Delta_L: Integer(1), sigma_g: Rational(2, 3),
    sigma_H: Rational(3, 2),
}  # fmt: skip
PARABOLAS: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(9), H_b: Integer(-7), Delta_L: Integer(2), sigma_g: Rational(3, 4),
    sigma_H: Rational(9, 2),
}  # fmt: skip
TILTED: dict[sympy.Symbol, sympy.Expr] = {
    H_a: Integer(3), H_b: Integer(-1), Delta_L: Rational(6, 5), sigma_g: Rational(5, 3),
    sigma_H: Rational(5, 2),
}  # fmt: skip


def named_mutants(formula: sympy.Expr) -> tuple[Mutant, ...]:
    """The neighbours that every escape formula of the power law is told apart from."""
    ratio = noise_ratio()
    swapped = {H_a: -H_b, H_b: -H_a}
    return (
        Mutant("exponent + 1/2", formula * sqrt(ratio)),
        Mutant("exponent - 1/2", formula / sqrt(ratio)),
        Mutant("swapped theta", formula.xreplace({theta: 1 - theta})),
        Mutant("H_a and H_b swapped", formula.xreplace(swapped)),
        Mutant("factor 2", 2 * formula),
    )


# --- the escape time ------------------------------------------------------------------------------


@claim(
    "kramers/power-law",
    title="Escape time of the power-law dynamic for every interpretation",
    depends=("kramers/multiplicative",),
)
def power_law() -> ClaimBody:
    formula = power_law_formula()
    size = eta * sigma_g * (1 + noise_ratio()) / Delta_L
    statement = LimitStatement(
        tau(eta), formula, eta, Integer(0), sympy.Abs(c_1) * eta + 2 * size**2
    )
    rates = (Rational(1, 20), Rational(1, 400))
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 1000), Fraction(1, 5), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(*HYPOTHESES, "c_1 is the coefficient of kramers/second-order"),
        derivation=Derivation(tuple(_power_law_steps(formula))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic: quartic wells, joined parabolas",
                reference=point_time,
                points=tuple(
                    family_point(family, values, rate, reading)
                    for family, values in (
                        (landscapes.quartic, QUARTIC),
                        (landscapes.quartic, TILTED),
                        (landscapes.joined_parabolas, PARABOLAS),
                    )
                    for reading, rate in ((Integer(0), rates[0]), (Integer(1), rates[1]),
                                          (Rational(1, 4), rates[1]))
                ),
                digits=10,
            ),
            RemainderOverLearningRates(
                route="double integral in ball arithmetic at a few learning rates, for all between "
                "them by convexity; symmetric quartic well",
                factors=(Factor(point_time, weight=eta),),
                rate=eta,
                nodes=tuple(Rational(1, 8) * Rational(4, 5) ** k for k in range(7)),
                points=tuple(
                    family_point(landscapes.quartic, QUARTIC, eta, reading)
                    for reading in (Integer(0), Integer(1))
                ),
            ),
        ),
        mutants=(
            *named_mutants(formula),
            Mutant("factor 1 + (s - 1/2)/kappa dropped",
                   formula * kramers.power_law_factor(tail_index(), theta)),
            Mutant("the published factor for every theta",
                   formula * kramers.power_law_factor(tail_index(), theta)
                   / kramers.power_law_factor(tail_index(), Integer(1))),
        ),
    )  # fmt: skip


def _power_law_steps(formula: sympy.Expr) -> Iterator[Step]:
    noise = affine_noise()
    known = LimitStatement(
        tau(eta),
        kramers.multiplicative_time(H_a, H_b, noise[C_a], noise[C_b], noise[Psi_b] / eta, theta),
        eta,
        Integer(0),
    )
    yield Step(
        "Kramers' time for this noise",
        known,
        "C(a) = sigma_g, C(b) = sigma_g u, and Psi = 2 int L'/C = (H_a/sigma_H) log(C/sigma_g)",
        LemmaUse(
            "kramers/multiplicative",
            known,
            {C_a: noise[C_a], C_b: noise[C_b], Psi_b: noise[Psi_b]},
        ),
    )
    X, E = sympy.symbols("X E", real=True)
    shift = (HALF - theta) * sigma_H / H_a
    yield Step(
        "the escape time",
        LimitStatement(tau(eta), formula, eta, Integer(0)),
        "exp(kappa log u) u^(s - 1/2) = u^(kappa + s - 1/2), and the factor 1 + (s - 1/2)/kappa = "
        "1 + (s - 1/2) eta sigma_H/H_a tends to 1",
        ContinuousImage(
            ((X, known), (E, LimitStatement(eta, Integer(0), eta, Integer(0)))),
            X * (1 + shift * E),
            LimitStatement(tau(eta), formula, eta, Integer(0)),
        ),
    )


# --- second order ---------------------------------------------------------------------------------


@claim(
    "kramers/second-order",
    title="Second order of the escape time: one coefficient for every interpretation",
    depends=("kramers/second-order-general",),
)
def second_order() -> ClaimBody:
    coefficient = kramers.second_order_coefficient_affine(
        sigma_g, sigma_g * noise_ratio(), (H_a, L3_a, L4_a), (H_b, L3_b, L4_b)
    )
    quotient = (tau(eta) / power_law_formula() - 1) / eta
    statement = LimitStatement(quotient, coefficient, eta, Integer(0), 12 * eta)
    points = []
    for values, reading in ((QUARTIC, Integer(0)), (TILTED, Rational(1, 4)), (TILTED, Integer(1))):
        minimum, saddle = landscapes.quartic_jets(values[H_a], values[H_b], values[Delta_L])
        jets = {L3_a: minimum[1], L4_a: minimum[2], L3_b: saddle[1], L4_b: saddle[2]}
        point = family_point(landscapes.quartic, values, Rational(1, 2000), reading)
        points.append({**point, **jets})
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 10000), Fraction(1, 10), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(*HYPOTHESES, "L3 and L4 are the third and fourth derivative of L at a and b"),
        derivation=Derivation(tuple(_second_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic, quartic wells",
                reference=_second_order_quotient,
                points=tuple(points),
            ),
        ),
        mutants=(
            Mutant("relative to the time without its factor",
                   coefficient + (HALF - theta) * sigma_H / H_a),
            Mutant("minimum alone", kramers.second_order_coefficient_affine(
                sigma_g, 0, (H_a, L3_a, L4_a), (H_b, L3_b, L4_b))),
            Mutant("noise at the minimum throughout", kramers.second_order_coefficient_affine(
                sigma_g, sigma_g, (H_a, L3_a, L4_a), (H_b, L3_b, L4_b))),
            Mutant("half", coefficient / 2),
        ),
    )  # fmt: skip


def _second_order_steps(statement: LimitStatement) -> Iterator[Step]:
    noise = affine_noise()
    minimum = ((H_a, L3_a, L4_a), (noise[C_a], noise[C1_a], noise[C2_a]))
    saddle = ((H_b, L3_b, L4_b), (noise[C_b], noise[C1_b], noise[C2_b]))
    leading = kramers.multiplicative_time(
        H_a, H_b, noise[C_a], noise[C_b], noise[Psi_b] / eta, theta
    )
    general = LimitStatement(
        (tau(eta) / leading - 1) / eta,
        kramers.second_order_coefficient(minimum, saddle, theta),
        eta,
        Integer(0),
    )
    yield Step(
        "any noise to second order",
        general,
        "C' = 0 and C'' = 2 sigma_H L''/H_a at both points where C is affine in L",
        LemmaUse("kramers/second-order-general", general, noise),
    )
    X, E = sympy.symbols("X E", real=True)
    shift = (HALF - theta) * sigma_H / H_a
    yield Step(
        "one coefficient for every theta",
        statement,
        "tau/formula = (1 + eta X)(1 + (s - 1/2) eta sigma_H/H_a): the terms in s cancel",
        ContinuousImage(
            ((X, general), (E, LimitStatement(eta, Integer(0), eta, Integer(0)))),
            X * (1 + shift * E) + shift,
            statement,
        ),
    )


def _second_order_quotient(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import as_ball, enclose, fraction
    from numerics.enclosure import Enclosure

    time = point_time(point, 10)
    with ctx.workprec(128):
        rate = as_ball(fraction(point[eta]), fraction(point[eta]))
        ratio = time.arb / enclose(power_law_formula(), point, 20).arb
        return Enclosure.from_arb((ratio - 1) / rate)


# --- no state-dependent noise ---------------------------------------------------------------------


@claim(
    "kramers/langevin-limit",
    title="The power-law time tends to the Langevin time as sigma_H -> 0",
)
def langevin_limit() -> ClaimBody:
    formula = kramers.langevin_time(H_a, H_b, Delta_L, eta, sigma_g)
    steepness = 2 * Delta_L / (eta * sigma_g)
    statement = LimitStatement(
        power_law_formula(),
        formula,
        sigma_H,
        Integer(0),
        (steepness**2 + steepness + 1) * eta * sigma_H / H_a,
    )
    values = {
        H_a: Integer(2), H_b: Rational(-3, 2), Delta_L: Rational(5, 4), eta: Rational(1, 3),
        sigma_g: Rational(7, 5), sigma_H: Rational(1, 10**4),
    }  # fmt: skip
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={theta: Range(0, 1), sigma_H: Range(0, Fraction(1, 10))}),
        hypotheses=("kappa = H_a/(eta sigma_H) -> oo at fixed eta, sigma_g and landscape",),
        derivation=Derivation(
            (
                Step(
                    "the limit",
                    statement,
                    "(1 + A/kappa)^(kappa + s - 1/2) -> e^A and 1 + (s - 1/2)/kappa -> 1",
                    LimitCheck(power_law_formula(), formula, sigma_H, Integer(0)),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="the power-law time in ball arithmetic at a small sigma_H",
                reference=_small_state_dependence,
                points=tuple({**values, theta: reading} for reading in INTERPRETATIONS),
                digits=12,
            ),
        ),
        mutants=(
            Mutant("exponent Delta_L/(eta sigma_g)",
                   formula * sympy.exp(-Delta_L / (eta * sigma_g))),
            Mutant("factor 2", 2 * formula),
            Mutant("curvature of the minimum at both ends", kramers.langevin_time(
                H_a, -H_a, Delta_L, eta, sigma_g)),
        ),
    )  # fmt: skip


def _small_state_dependence(point: Point, digits: int) -> Enclosure:
    from exitlaw.evaluation import enclose

    return enclose(power_law_formula(), point, digits)


# --- fixed kappa, deep barrier --------------------------------------------------------------------

n = Symbol("n", positive=True)
"""The exponent kappa + s - 1/2 of the escape time; m = n + 1/2."""
path = Symbol("I", positive=True)
"""`int_a^B ((L - L(a))/Delta_L)^(m - 1) dw`, in units of sqrt(Delta_L)."""


def fixed_kappa_formula() -> sympy.Expr:
    """The power-law time at fixed kappa in terms of its exponent n."""
    return kramers.power_law_time(H_a, H_b, Delta_L, eta, sigma_g, kappa, kappa + HALF - n)


def _fixed_kappa_body(formula: sympy.Expr, mutants: tuple[Mutant, ...]) -> ClaimBody:
    """A claim about the limit of exact time over power-law time, kappa fixed, Delta_L -> oo."""
    statement = LimitStatement(tau(Delta_L) / fixed_kappa_formula(), formula, Delta_L, oo)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={kappa: Range(1, 40), n: Range(Fraction(1, 2), 41)}),
        hypotheses=(
            "L = Delta_L f(w/sqrt(Delta_L)): the landscape is scaled up with its curvatures kept; "
            "kappa, eta and sigma_g are fixed, so that u -> oo",
            "n = kappa + s - 1/2 > 0; I = int_a^B ((L - L(a))/Delta_L)^(n - 1/2) dw/sqrt(Delta_L)",
            "the mass is gathered at the minimum, where L is a parabola, and dominated there; the "
            "resistance is spread over the whole path: (C/C(b))^(m - 1) -> ((L - L(a))/Delta_L)"
            "^(m - 1)",
        ),
        evidence=(
            EnclosureComparison(
                route="limit of mass and resistance: both integrals in ball arithmetic, no Gamma "
                "function",
                reference=_limit_of_the_ratio,
                points=tuple(_fixed_kappa_points(None)),
                digits=12,
            ),
            Certificate(
                route="double integral in ball arithmetic at Delta_L large: ratio within 10/A + "
                "2 u^(-n/2) of its limit",
                decide=_ratio_near_limit,
            ),
        ),
        mutants=mutants,
    )


@claim(
    "kramers/fixed-kappa",
    title="At fixed kappa the ratio of exact to Kramers time tends to a constant of the whole path",
    expected="agrees",
)
def fixed_kappa() -> ClaimBody:
    formula = kramers.fixed_kappa_constant(n + HALF, H_b, Delta_L, path * sqrt(Delta_L))
    return _fixed_kappa_body(
        formula,
        (
            Mutant("the ratio tends to 1", Integer(1)),
            Mutant("the Beta form of two parabolas",
                   formula * kramers.power_law_factor(kappa, kappa + HALF - n)),
            Mutant("m + 1/2 taken for m", sqrt(-H_b / (2 * pi)) * path),
            Mutant("curvature of the minimum", formula * sqrt(-H_a / H_b)),
        ),
    )  # fmt: skip


@claim(
    "kramers/fixed-kappa-ratio-one",
    title="At fixed kappa and a deep barrier the power-law time becomes exact",
    expected="refuted",
    corrected="kramers/fixed-kappa",
)
def fixed_kappa_ratio_one() -> ClaimBody:
    return _fixed_kappa_body(Integer(1), ())


def _fixed_kappa_points(steepness: int | None) -> Iterator[Point]:
    """Symmetric quartic wells with H_a = 4, H_b = -2, eta = sigma_g = 1; Delta_L = steepness/2."""
    for index, reading in ((Integer(3), Integer(0)), (Integer(3), Integer(1)),
                           (Integer(10), Rational(1, 4)), (Integer(20), HALF)):  # fmt: skip
        exponent = index + HALF - reading
        barrier = Rational(1 if steepness is None else steepness, 2)
        # w/sqrt(Delta_L) = sqrt(8/H_a) x on [-1, 1]: h = (1 - x^2)^2
        length = sqrt(8 / Integer(4))
        yield {
            kappa: index, n: exponent, H_a: Integer(4), H_b: Integer(-2), Delta_L: barrier,
            eta: Integer(1), sigma_g: Integer(1), sigma_H: 4 / index, theta: reading,
            path: length * kramers.quartic_path(exponent + HALF),
        }  # fmt: skip


def _limit_of_the_ratio(point: Point, digits: int) -> Enclosure:
    """`(n/pi) sqrt(|H_b|/2) I int (1 + t^2)^(-m) dt`, I and the mass by integration."""
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    with ctx.workprec(4 * digits + 128):
        index, curvature, bottom = (
            as_ball(fraction(point[s]), fraction(point[s])) for s in (n, H_b, H_a)
        )
        power = acb(index - arb(1) / 2)

        # t = sinh v: smooth, and beyond v = 60 the integrand is below 2^(2n) e^(-2 n v)
        def mass(v: acb, analytic: bool) -> acb:
            return v.cosh() ** acb(-2 * index)

        def resistance(v: acb, analytic: bool) -> acb:
            # x = tanh v: (1 - x^2)^(2 power) dx, the ends at infinity
            return v.cosh() ** (-4 * power - 2)

        total = []
        for integrand, decay in ((mass, 2 * index), (resistance, 4 * power.real + 2)):
            value = acb.integral(integrand, 0, 5) + acb.integral(integrand, 5, 60)
            tail = (decay * (arb(2).log() - 60)).exp() / decay
            total.append(2 * (value.real + arb(0, tail.upper())))
        length = (8 / bottom).sqrt()
        ratio = index / arb.pi() * (-curvature / 2).sqrt() * length * total[0] * total[1]
        return Enclosure.from_arb(ratio)


def _ratio_near_limit(statement: Statement, context: Context) -> Finding:
    """Compare exact/Kramers with the stated limit at deep barriers, within a remainder."""
    steepness = 2 * Delta_L / (eta * sigma_g)
    remainder = 10 / steepness + 2 * (1 + steepness / kappa) ** (-n / 2)
    bounded = LimitStatement(statement.lhs, statement.rhs, Delta_L, oo, remainder)  # type: ignore[arg-type]
    return DEEP.judge(bounded, context)


def _deep_ratio(point: Point, digits: int) -> Enclosure:
    from flint import ctx

    from exitlaw.evaluation import enclose
    from numerics.enclosure import Enclosure

    time = models.family_time(landscapes.quartic, point, 8)
    with ctx.workprec(128):
        return Enclosure.from_arb(time.arb / enclose(fixed_kappa_formula(), point, 15).arb)


DEEP = EnclosureComparison(
    route="double integral at deep barriers",
    reference=_deep_ratio,
    points=tuple(_fixed_kappa_points(10**4)),
    digits=12,
)


@claim(
    "kramers/fixed-kappa-quartic",
    title="The fixed-kappa constant of the quartic double well in Gamma functions",
    depends=("kramers/fixed-kappa",),
)
def fixed_kappa_quartic() -> ClaimBody:
    formula = kramers.quartic_constant(m)
    general = kramers.fixed_kappa_constant(m, -1, Rational(1, 4), kramers.quartic_path(m))
    statement = Equality(general, formula)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={m: Range(1, 40)}),
        hypotheses=("L = (w^2 - 1)^2/4 from minimum to minimum; 1 + 3/(16 m) + O(1/m^2)",),
        derivation=Derivation(
            (
                Step(
                    "the path of the quartic",
                    statement,
                    "int_(-1)^1 (1 - w^2)^(2m - 2) dw = B(1/2, 2m - 1)",
                    Identity(general, formula),
                ),
            )
        ),
        evidence=(
            EnclosureComparison(
                route="the path integrated in ball arithmetic",
                reference=_quartic_limit,
                points=tuple({m: value} for value in (Integer(4), Rational(7, 2), Integer(20))),
                digits=12,
            ),
        ),
        mutants=(
            Mutant("no sqrt(2)", formula / sqrt(2)),
            Mutant("1 to first order", 1 + 3 / (16 * m)),
            Mutant("m shifted", kramers.quartic_constant(m + HALF)),
        ),
    )


def _quartic_limit(point: Point, digits: int) -> Enclosure:
    index = point[m]
    wide = {n: index - HALF, H_a: Integer(2), H_b: Integer(-1)}
    return _limit_of_the_ratio(wide, digits)


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


# --- order in the barrier -------------------------------------------------------------------------


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
            "L = Delta_L f(w/sqrt(Delta_L)); kappa, H_a, H_b and eta sigma_g are fixed",
            "n = kappa + s - 1/2 is the order: kappa + 1/2 for Ito, kappa - 1/2 for anti-Ito",
        ),
        derivation=Derivation(tuple(_barrier_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="double integral in ball arithmetic at barriers up to 10^12",
                reference=_log_time_over_log_barrier,
                points=tuple(_fixed_kappa_points(10**12))[:3],
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
    constant = kramers.fixed_kappa_constant(n + HALF, H_b, Delta_L, path * sqrt(Delta_L))
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


# --- parabolic well, parabolic cap ----------------------------------------------------------------


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
                points=tuple(
                    parabolas_point(A, index, reading)
                    for A, index, reading in ((5, 3, 0), (8, 3, 1), (5, 10, Rational(1, 4)))
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
        ChangeOfVariables(well, w, (-oo, oo), scale * t, t, (-oo, oo), scale * student),
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
    range_of_theta = {theta: (-oo, kappa + HALF)}
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
            cap, y, (-height, height), height * t / sqrt(1 + t**2), t, (-oo, oo), bent
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

    run("power_law_escape")
