"""Kramers escape times: second order by Laplace's method, the power law, its limits and orders."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Function, Integer, Integral, Rational, Symbol, exp, oo

from derivations import _escape_models as models
from derivations._normal_law import (
    average_step,
    constant_taken_out,
    moment_steps,
    normal_law,
)
from exitlaw.analysis import TaylorMatch
from exitlaw.asymptotics import ContinuousImage, TermwiseExpansion
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import Definition, Derivation, Identity, LemmaUse, Step
from exitlaw.evidence import Certificate, EnclosureComparison
from exitlaw.learning_rates import (
    ExpansionOverLearningRates,
    Factor,
    RemainderOverLearningRates,
)
from theory import kramers, landscapes
from theory.symbols import (
    C_a,
    C_b,
    Delta_L,
    H_a,
    H_b,
    eta,
    sigma_g,
    sigma_H,
    theta,
    x,
    z,
)

if TYPE_CHECKING:
    from exitlaw.claim import Statement
    from exitlaw.evidence import Context, Finding
    from numerics.enclosure import Enclosure

HALF = Rational(1, 2)
tau = Function("tau")
"""The mean time from the minimum to the far side of the saddle, at learning rate eta."""
J, mass, resistance = Function("J"), Function("M"), Function("S")

f0, P2 = Symbol("f_0", positive=True), Symbol("P_2", positive=True)
f1, f2, P0, P3, P4 = sympy.symbols("f_1 f_2 P_0 P_3 P_4", real=True)
epsilon = Symbol("epsilon", positive=True)

DOMINATED = "near eta = 0, exp(-rise/eta) against the normal law has an integrable majorant"
"""What Laplace's expansion needs to be averaged term by term."""

LAPLACE = "lemma/laplace-second-order"
QUASI_EQUILIBRIUM = "lemma/quasi-equilibrium"
MASS_AND_RESISTANCE = (
    "tau, M and S are time, mass and resistance of lemma/quasi-equilibrium, M and S also the "
    "integrals of lemma/laplace-second-order"
)
"""What joins the two lemmas."""


# --- Laplace's method -----------------------------------------------------------------------------


def laplace_statement() -> LimitStatement:
    """(J/leading - 1)/eta -> coefficient as eta -> 0."""
    leading = kramers.laplace_leading(f0, P0, P2, eta)
    coefficient = kramers.laplace_coefficient((f1, f2), (P2, P3, P4))
    return LimitStatement((J(eta) / leading - 1) / eta, coefficient, eta, Integer(0), 100 * eta)


@claim(
    "lemma/laplace-second-order",
    title="Laplace's method to first relative order in eta",
    source="DLMF 2.3(iii)",
)
def laplace_second_order() -> ClaimBody:
    statement = laplace_statement()
    coefficient = statement.rhs
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={eta: Range(Fraction(1, 100000), Fraction(1, 100), "log")}),
        hypotheses=(
            "J(eta) is the integral of f exp(-P/eta) over an interval around the point a",
            "f and P are smooth, a is the only lowest point of P, P''(a) = P_2 > 0; away from a, P "
            "exceeds P(a) by more than some delta > 0, and the integral converges",
            "f = f_0 (1 + f_1 x + f_2 x^2/2 + O(x^3)), P = P_0 + P_2 x^2/2 + P_3 x^3/6 + "
            "P_4 x^4/24 + O(x^5), x the distance from a",
            DOMINATED,
        ),
        derivation=Derivation(tuple(_laplace_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="the integral in ball arithmetic for polynomials f and P",
                reference=_laplace_quotient,
                points=tuple(
                    {
                        f0: Integer(1), P0: Integer(0), eta: Rational(1, 20000),
                        f1: sympy.sympify(first), f2: sympy.sympify(second),
                        P2: sympy.sympify(two), P3: sympy.sympify(three), P4: sympy.sympify(four),
                    }
                    for first, second, two, three, four in (
                        (0, 0, 1, 0, 3), (0, 0, 2, 3, 18), (Rational(1, 2), -1, 1, 2, 70),
                        (-2, 3, Rational(3, 2), -3, 100),
                    )
                ),
            ),
        ),
        mutants=(
            Mutant("cubic term dropped", coefficient.xreplace({P3: Integer(0)})),
            Mutant("quartic term with the wrong sign", coefficient + P4 / (4 * P2**2)),
            Mutant("amplitude taken constant", coefficient.xreplace({f1: Integer(0),
                                                                     f2: Integer(0)})),
            Mutant("sixth moment 5 instead of 15", coefficient - 5 * P3**2 / (36 * P2**3)),
        ),
    )  # fmt: skip


def _laplace_steps(statement: LimitStatement) -> Iterator[Step]:
    r, q = Function("r"), Function("q")
    law = normal_law(z, P2)
    position = epsilon * z
    amplitude = 1 + f1 * position + f2 * position**2 / 2 + position**3 * r(position)
    rise = P3 * position**3 / 6 + P4 * position**4 / 24 + position**5 * q(position)
    cubic, quartic, rest = P3 * z**3 / 6, P4 * z**4 / 24, z**5 * q(position)
    tame = amplitude * exp(-(epsilon * cubic + epsilon**2 * quartic + epsilon**3 * rest))
    leading = kramers.laplace_leading(f0, P0, P2, epsilon**2)
    first = f1 * z - cubic
    second = f2 * z**2 / 2 - f1 * z * cubic + cubic**2 / 2 - quartic
    exponent = -(P0 + P2 * position**2 / 2 + rise) / epsilon**2
    whole = Integral(f0 * amplitude * exp(exponent) * epsilon, (z, -oo, oo))
    yield Step(
        "the integral",
        Equality(J(epsilon**2), whole),
        "x = epsilon z with eta = epsilon^2, dx = epsilon dz; r and q are the smooth Taylor "
        "remainders of f and P; what lies outside the interval is exponentially small in 1/eta",
        Definition(J(epsilon**2), whole),
    )
    yield constant_taken_out(
        "the integral as an average",
        whole,
        law,
        leading,
        tame,
        "f exp(-P/eta) dx is the leading term times g times the normal law of z with variance "
        "1/P_2",
    )
    yield from moment_steps(law, P2, 6)
    known = 1 + epsilon * first + epsilon**2 * second
    yield Step(
        "the expansion of the integrand",
        LimitStatement((tame - known) / epsilon**2, Integer(0), epsilon, Integer(0)),
        "Taylor's theorem in epsilon at every z",
        TaylorMatch(tame, known, epsilon, 3),
    )
    yield average_step("no term of order sqrt(eta)", law, first, Integer(0), "odd moments vanish")
    yield average_step(
        "the term of order eta", law, second, statement.rhs, "moments 1, 3, 15 of the normal law"
    )
    yield Step(
        "Laplace's expansion",
        statement,
        "averaged term by term: exp(-rise/eta) against the normal law is dominated, because P "
        "exceeds a parabola near a and P_0 + delta elsewhere",
        TermwiseExpansion(
            J(epsilon**2) / leading,
            Equality(law.mean(first), Integer(0)),
            Equality(law.mean(second), statement.rhs),
            tame,
            (first, second),
            law,
            epsilon,
            eta,
            DOMINATED,
        ),
    )


def _laplace_quotient(point: Point, digits: int) -> Enclosure:
    """(J/leading - 1)/eta for polynomial f and P, the tails bounded by a Gaussian."""
    from flint import acb, arb, ctx

    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    with ctx.workprec(3 * digits + 160):
        value = {s: as_ball(fraction(point[s]), fraction(point[s])) for s in point}
        rate, curvature = value[eta], value[P2]
        # P >= P2 x^2/8 on the line where (P3/6)^2 <= (3 P2/2)(P4/24)
        assert (value[P3] / 6) ** 2 <= curvature * value[P4] / 16

        def integrand(t: acb, analytic: bool) -> acb:
            rise = t**2 * (curvature / 2 + t * value[P3] / 6 + t**2 * value[P4] / 24)
            return (1 + value[f1] * t + value[f2] * t**2 / 2) * (-rise / rate).exp()

        cut = (8 * rate / curvature * (digits + 40) * 4).sqrt().upper()
        slope = curvature / (8 * rate)
        tail = (-slope * cut**2).exp() * (1 + 1 / (slope * cut)) / slope
        tail *= 1 + abs(value[f1]) * (1 + cut) + abs(value[f2]) * (1 + cut) ** 2
        inner = acb.integral(integrand, -acb(cut), acb(0)) + acb.integral(integrand, 0, acb(cut))
        total = inner.real + arb(0, tail.upper())
        leading = (2 * arb.pi() * rate / curvature).sqrt()
        return Enclosure.from_arb((total / leading - 1) / rate)


# --- quasi-equilibrium ----------------------------------------------------------------------------


@claim(
    "lemma/quasi-equilibrium",
    title="The escape time is mass times resistance, up to less than any power of eta",
    source="Gardiner, Stochastic Methods, 5.2.7 (as recalled)",
    expected="certified",
)
def quasi_equilibrium() -> ClaimBody:
    statement = LimitStatement(
        (eta * tau(eta) / (2 * mass(eta) * resistance(eta)) - 1) / eta, Integer(0), eta, Integer(0)
    )
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={
                eta: Range(Fraction(1, 100), Fraction(1, 4), "log", cited=True),
                theta: Range(0, 1, cited=True),
            }
        ),
        hypotheses=(
            "M is the integral of C^(-s) exp(-Psi/eta) over (-oo, b], S that of C^(s - 1) "
            "exp(Psi/eta) over [a, B], b <= B, a the only lowest point of Psi on (-oo, b], b the "
            "only "
            "highest on [a, B]",
            "certified in the form |eta tau/(2 M S (1 + eta rhs)) - 1| <= eta/20 for eta from "
            "0.0773 to 0.0937, L = (x^2 - 1)^2/4 with C = 1/8 and C = 1/8 + (L - L(a))/4",
        ),
        evidence=(
            Certificate(
                route="double integral, mass and resistance in ball arithmetic at a few learning "
                "rates, and for all between them by convexity; quartic well, two noises",
                decide=_quasi_equilibrium_certificate,
            ),
        ),
        mutants=(
            Mutant("half a power of eta too much", HALF),
            Mutant("a quarter too little", -HALF / 2),
            Mutant("one power of eta too much", Integer(1)),
        ),
    )


QUARTIC_POINTS: tuple[Point, ...] = models.points(
    (H_a, (2, 2)), (H_b, (-1, -1)), (Delta_L, (Rational(1, 4), Rational(1, 4))),
    (sigma_g, (Rational(1, 8), Rational(1, 8))), (sigma_H, (0, Rational(1, 4))),
    (theta, (0, 1)),
)  # fmt: skip


def _quasi_equilibrium_certificate(statement: Statement, context: Context) -> Finding:
    """The bound |eta tau/(2 M S) - 1 - eta rhs| small, over an interval of learning rates."""
    product = LimitStatement(
        eta * tau(eta) / (2 * mass(eta) * resistance(eta)), 1 + eta * statement.rhs, eta,
        Integer(0), eta / 20,
    )  # fmt: skip
    return QUASI_EQUILIBRIUM_EVIDENCE.judge(product, context)


def _rate_times_quartic_time(point: Point, digits: int) -> Enclosure:
    from exitlaw.evaluation import as_ball, fraction
    from numerics.enclosure import Enclosure

    rate = as_ball(fraction(point[eta]), fraction(point[eta]))
    return Enclosure.from_arb(rate * models.family_time(landscapes.quartic, point, digits).arb)


def _quartic_mass(point: Point, digits: int) -> Enclosure:
    return models.quartic_well_mass(point, digits)


def _twice_quartic_resistance(point: Point, digits: int) -> Enclosure:
    return models.twice_quartic_resistance(point, digits)


QUASI_EQUILIBRIUM_EVIDENCE = RemainderOverLearningRates(
    route="convexity in 1/eta",
    factors=(
        Factor(_rate_times_quartic_time),
        Factor(_quartic_mass, power=-1),
        Factor(_twice_quartic_resistance, power=-1),
    ),
    rate=eta,
    nodes=tuple(Rational(1, 10) * Rational(15, 16) ** k for k in range(6)),
    points=QUARTIC_POINTS,
)


# --- second order ---------------------------------------------------------------------------------

C1_a, C2_a, C1_b, C2_b = sympy.symbols("C1_a C2_a C1_b C2_b", real=True)
L3_a, L4_a, L3_b, L4_b = sympy.symbols("L3_a L4_a L3_b L4_b", real=True)
Psi_b = Symbol("Psi_b", positive=True)
"""`int_a^b 2 L'/C dw`; the stationary law is `C^(-s) exp(-Psi/eta)`."""

MINIMUM = ((H_a, L3_a, L4_a), (C_a, C1_a, C2_a))
SADDLE = ((H_b, L3_b, L4_b), (C_b, C1_b, C2_b))


def leading_mass() -> sympy.Expr:
    """Laplace's leading term of the mass of the well, Psi(a) = 0."""
    curvature = kramers.exponent_jet(*MINIMUM)[0]
    return kramers.laplace_leading(C_a ** (theta - 1), Integer(0), curvature, eta)


def leading_resistance() -> sympy.Expr:
    """Laplace's leading term of the resistance of the barrier."""
    curvature = -kramers.exponent_jet(*SADDLE)[0]
    return kramers.laplace_leading(C_b ** (-theta), -Psi_b, curvature, eta)


@claim(
    "kramers/second-order-general",
    title="Kramers time of any noise to second order: what c is where C is not affine in L",
    depends=("lemma/laplace-second-order", "lemma/quasi-equilibrium"),
)
def second_order_general() -> ClaimBody:
    leading = kramers.multiplicative_time(H_a, H_b, C_a, C_b, Psi_b / eta, theta)
    coefficient = kramers.second_order_coefficient(MINIMUM, SADDLE, theta)
    statement = LimitStatement(
        (tau(eta) / leading - 1) / eta, coefficient, eta, Integer(0), 16 * eta
    )
    flat = {C1_a: Integer(0), C1_b: Integer(0)}
    return ClaimBody(
        statement=statement,
        domain=Domain(
            ranges={eta: Range(Fraction(1, 10000), Fraction(1, 10), "log"), theta: Range(0, 1)}
        ),
        hypotheses=(
            "a is the only lowest point of Psi on (-oo, b], b the only highest on [a, B], C > 0",
            "the stationary mass of (-oo, b] is finite and -oo is not reached",
            "L3, L4 and C1, C2 are the third and fourth derivative of L and the first and second "
            "of C at a and b",
            MASS_AND_RESISTANCE,
        ),
        derivation=Derivation(tuple(_second_order_steps(statement))),
        evidence=(
            EnclosureComparison(
                route="the double integral in ball arithmetic, 2 L'/C = (x + 1) x (x - 3/4) "
                "with C = 3/2 + x/3 + x^2",
                reference=_general_quotient,
                points=tuple(_general_points()),
            ),
            ExpansionOverLearningRates(
                product=RemainderOverLearningRates(
                    route="double integral in ball arithmetic at a few learning rates, for all "
                    "between them by convexity; the same well",
                    factors=(Factor(_bent_time, weight=eta),),
                    rate=eta,
                    nodes=tuple(Rational(1, 40) * Rational(20, 21) ** k for k in range(5)),
                    points=tuple(
                        {symbol: value for symbol, value in point.items() if symbol != eta}
                        for point in _general_points()
                    ),
                ),
                leading=leading,
                small=eta,
            ),
        ),
        mutants=(
            Mutant("the affine coefficient", kramers.second_order_coefficient_affine(
                C_a, C_b, MINIMUM[0], SADDLE[0])),
            Mutant("theta swapped", coefficient.xreplace({theta: 1 - theta})),
            Mutant("slopes of the noise ignored", coefficient.xreplace(flat)),
            Mutant("minimum alone", kramers.minimum_coefficient(*MINIMUM, theta)),
            Mutant("twice as large", 2 * coefficient),
        ),
    )  # fmt: skip


def _second_order_steps(statement: LimitStatement) -> Iterator[Step]:
    M0, S0 = leading_mass(), leading_resistance()
    leading = kramers.multiplicative_time(H_a, H_b, C_a, C_b, Psi_b / eta, theta)
    yield Step(
        "the leading order",
        Equality(2 * M0 * S0 / eta, leading),
        "2/eta times the leading mass and resistance is the Kramers time",
        Identity(2 * M0 * S0 / eta, leading),
    )
    at_minimum = kramers.minimum_coefficient(*MINIMUM, theta)
    at_saddle = kramers.saddle_coefficient(*SADDLE, theta)
    well = LimitStatement((mass(eta) / M0 - 1) / eta, at_minimum, eta, Integer(0))
    barrier = LimitStatement((resistance(eta) / S0 - 1) / eta, at_saddle, eta, Integer(0))
    product = (eta * tau(eta) / (2 * mass(eta) * resistance(eta)) - 1) / eta
    balance = LimitStatement(product, Integer(0), eta, Integer(0))
    slope_a, bend_a = kramers.power_jet(MINIMUM[1], theta - 1)
    two, three, four = kramers.exponent_jet(*MINIMUM)
    yield Step(
        "mass of the well",
        well,
        "Laplace's method for C^(-s) exp(-Psi/eta) at the minimum, Psi' = 2 L'/C",
        LemmaUse(LAPLACE, well, {
            J(eta): mass(eta), f0: C_a ** (theta - 1), f1: slope_a, f2: bend_a,
            P0: Integer(0), P2: two, P3: three, P4: four,
        }),
    )  # fmt: skip
    slope_b, bend_b = kramers.power_jet(SADDLE[1], -theta)
    two, three, four = (-part for part in kramers.exponent_jet(*SADDLE))
    yield Step(
        "resistance of the barrier",
        barrier,
        "Laplace's method for C^(s - 1) exp(Psi/eta) at the saddle",
        LemmaUse(LAPLACE, barrier, {
            J(eta): resistance(eta), f0: C_b ** (-theta), f1: slope_b, f2: bend_b,
            P0: -Psi_b, P2: two, P3: three, P4: four,
        }),
    )  # fmt: skip
    yield Step(
        "quasi-equilibrium",
        balance,
        "the double integral is 2/eta mass times resistance up to exponentially small terms",
        LemmaUse(QUASI_EQUILIBRIUM, balance, identified=MASS_AND_RESISTANCE),
    )
    X, Y, Z, E = sympy.symbols("X Y Z E", real=True)
    yield Step(
        "the second order",
        statement,
        "(1 + eta X)(1 + eta Y)(1 + eta Z) = 1 + eta (X + Y + Z) + O(eta^2)",
        ContinuousImage(
            (
                (X, well),
                (Y, barrier),
                (Z, balance),
                (E, LimitStatement(eta, Integer(0), eta, Integer(0))),
            ),
            X + Y + Z + E * (X * Y + X * Z + Y * Z) + E**2 * X * Y * Z,
            statement,
        ),
    )


# --- evidence for the second order ----------------------------------------------------------------

BENT_NOISE = Rational(3, 2) + x / 3 + x**2
"""A noise that is not affine in the loss and has slopes at minimum and saddle."""


BENT_SLOPE = sympy.expand(BENT_NOISE * (x + 1) * x * (x - Rational(3, 4)) / 2)
"""L' with Psi' = 2 L'/C = (x + 1) x (x - 3/4): minimum -1, saddle 0, far minimum 3/4."""
BENT_WELL = landscapes.Landscape(x, BENT_SLOPE, BENT_NOISE, Integer(-1), Integer(0), Rational(3, 4))


def _general_points() -> Iterator[Point]:
    """Jets of the bent landscape."""
    loss = sympy.integrate(BENT_SLOPE, x)
    values: dict[sympy.Symbol, sympy.Expr] = {Psi_b: Rational(5, 24)}
    for place, (loss_names, noise_names) in ((-1, MINIMUM), (0, SADDLE)):
        for order, name in enumerate(loss_names, 2):
            values[name] = sympy.diff(loss, x, order).subs(x, place)
        for order, name in enumerate(noise_names):
            values[name] = sympy.diff(BENT_NOISE, x, order).subs(x, place)
    for reading in (Integer(0), Rational(1, 4), Integer(1)):
        yield {**values, theta: reading, eta: Rational(1, 8000)}


def _bent_time(point: Point, digits: int) -> Enclosure:
    return models.exit_time(BENT_WELL, point[eta], point[theta], digits)


def _general_quotient(point: Point, digits: int) -> Enclosure:
    from flint import arb, ctx

    from exitlaw.evaluation import enclose
    from numerics.enclosure import Enclosure

    time = models.exit_time(BENT_WELL, point[eta], point[theta], 8)
    leading = kramers.multiplicative_time(H_a, H_b, C_a, C_b, Psi_b / eta, theta)
    with ctx.workprec(128):
        ratio = time.arb / enclose(leading, point, 20).arb
        rate = arb(point[eta].p) / point[eta].q  # type: ignore[attr-defined]
        return Enclosure.from_arb((ratio - 1) / rate)


if __name__ == "__main__":
    from exitlaw.script import run

    run("kramers_escape")
