"""Lemmas: integrals and Gamma functions that the stationary laws rest on, each with its proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import sympy
from sympy import I, Integer, Integral, Rational, Symbol, exp, gamma, oo, pi, sqrt

from exitlaw.analysis import (
    LimitProduct,
    Linearity,
    MonotoneIntegral,
    Multiple,
    OddIntegral,
    ShiftInvariance,
    SqueezeBetween,
    TaylorPositivity,
    Tonelli,
    TotalDerivative,
    UnderTheIntegral,
    Weakened,
)
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
from exitlaw.derivation import (
    ChangeOfVariables,
    DefiniteIntegral,
    Derivation,
    Identity,
    LemmaUse,
    Step,
    Substitution,
)
from exitlaw.evidence import BoundOverRegion, EnclosureComparison
from theory import pearson
from theory.symbols import m, nu

if TYPE_CHECKING:
    from flint import arb

    from numerics.enclosure import Enclosure

r = Symbol("r", positive=True)
t = Symbol("t", real=True)
k = Symbol("k", nonnegative=True)
v = Symbol("v", nonnegative=True)
Y = Symbol("Y", real=True)
shape = Symbol("a", positive=True)

STANDARD = pearson.PearsonIV(m=m, nu=nu, alpha=Integer(1), location=Integer(0))
"""The standard law: alpha = 1, lambda = 0."""


# --- the Gamma function ---------------------------------------------------------------------------


@claim(
    "lemma/gamma-integral",
    title="Euler's integral of the Gamma function",
    source="DLMF 5.2.1",
    expected="agrees",
)
def gamma_integral() -> ClaimBody:
    integral = Integral(r ** (shape - 1) * exp(-r), (r, 0, oo))
    return ClaimBody(
        statement=Equality(integral, gamma(shape)),
        domain=Domain(ranges={shape: Range(Fraction(1, 10), 50, "log", cited=True)}),
        evidence=(
            EnclosureComparison(
                route="the integral in ball arithmetic: power series to r = 1, analytic "
                "integration on [1, R], tail bounded by a geometric comparison",
                reference=_euler_integral,
                points=tuple(
                    {shape: Rational(p, q)} for p, q in ((1, 10), (2, 3), (7, 2), (21, 1))
                ),
            ),
        ),
        mutants=(
            Mutant("argument shifted by 1", gamma(shape + 1)),
            Mutant("argument shifted by 1/2", gamma(shape + Rational(1, 2))),
            Mutant("factor 2", 2 * gamma(shape)),
        ),
    )  # fmt: skip


def _euler_integral(point: Point, digits: int) -> Enclosure:
    """∫_0^1 as the series Σ (-1)^n/(n! (a + n)), ∫_1^R by quadrature, the rest bounded.

    For R >= 2a the tail integrand is at most its value at R times exp(-(r - R)/2).
    """
    from flint import acb, arb, ctx, fmpq

    from numerics.enclosure import Enclosure

    value = point[shape]
    with ctx.workdps(digits + 25):
        a = arb(fmpq(int(value.p), int(value.q)))  # type: ignore[attr-defined]
        head, term = arb(0), arb(1)
        for n in range(200):
            head += term / (a + n)
            term = -term / (n + 1)
        head += arb(0, abs(term).upper())
        cut = int(2 * float(a) + 4 * digits + 60)
        body = acb.integral(lambda z, _: (acb(a - 1) * z.log() - z).exp(), 1, cut).real
        tail = 2 * ((a - 1) * arb(cut).log() - cut).exp()
        return Enclosure.from_arb(head + body + arb(0, tail.upper()))


@claim(
    "lemma/gamma-modulus",
    title="|Gamma(m + i Y)| tends to Gamma(m) for large m",
    source="DLMF 5.11.12",
    expected="certified",
)
def gamma_modulus() -> ClaimBody:
    modulus = gamma(m + I * Y) * gamma(m - I * Y) / gamma(m) ** 2
    region = {m: (Fraction(4), Fraction(16)), Y: (Fraction(1, 2), Fraction(1))}
    return ClaimBody(
        statement=LimitStatement(modulus, Integer(1), m, oo, remainder=4 * Y**2 / m),
        domain=Domain(
            ranges={s: Range(low, high, cited=True) for s, (low, high) in region.items()}
        ),
        hypotheses=("the limit holds for every real Y; the remainder is certified on the region",),
        evidence=(
            BoundOverRegion(
                route="the remainder over a region, mean-value form with the digamma function",
                region=region,
                lhs=_modulus_over,
            ),
        ),
        mutants=(
            Mutant("limit 2", Integer(2)),
            Mutant("limit 1/2", Rational(1, 2)),
            Mutant("limit 1 + Y^2", 1 + Y**2),
        ),
        generate=False,
    )


def _modulus_over(box: Mapping[Symbol, arb]) -> arb:
    """|Gamma(m + i Y)|^2/Gamma(m)^2 over a box, by the mean-value form of its logarithm."""
    from flint import acb

    shape_ball, height = box[m], box[Y]
    middle = acb(shape_ball.mid(), height.mid())
    whole = acb(shape_ball, height)
    at_middle = 2 * (middle.lgamma().real - middle.real.lgamma())
    along = 2 * (whole.digamma().real - shape_ball.digamma())
    across = -2 * whole.digamma().imag
    change = along * (shape_ball - middle.real) + across * (height - middle.imag)
    return (at_middle + change).exp()


# --- elementary -----------------------------------------------------------------------------------


@claim(
    "lemma/exponential-remainder",
    title="The exponential lies below its tangent plus an explicit parabola",
)
def exponential_remainder() -> ClaimBody:
    left = exp(k - v)
    right = 1 + (k - v) + exp(k) * (v - k) ** 2 / 2
    decreasing = Bound(exp(-v), Integer(1))
    steps = (
        Step(
            "exp(-v) <= 1",
            decreasing,
            "equality at v = 0; the difference grows, its derivative is exp(-v)",
            TaylorPositivity(exp(-v), Integer(1), v),
        ),
        Step(
            "parabola",
            Bound(left, right),
            "value and slope agree at v = k; the second derivative of the difference is "
            "exp(k) (1 - exp(-v)) >= 0",
            TaylorPositivity(left, right, v, 2, k, using=((exp(k), decreasing),)),
        ),
    )
    return ClaimBody(
        statement=Bound(left, right),
        domain=Domain(ranges={v: Range(0, 20), k: Range(0, 10)}),
        hypotheses=("with x = k - v: e^x <= 1 + x + e^k x^2/2 for x <= k, k >= 0",),
        derivation=Derivation(steps),
        evidence=(
            EnclosureComparison(
                route="the exponential in ball arithmetic at points on both sides of v = k",
                reference=_exponential,
                points=tuple(
                    {k: Rational(a), v: Rational(b)}
                    for a, b in ((1, 0), (1, 2), (3, Rational(1, 2)), (Rational(1, 10), 5))
                ),
            ),
        ),
        mutants=(
            Mutant("no parabola", 1 + (k - v)),
            Mutant("parabola without e^k", 1 + (k - v) + (v - k) ** 2 / 2),
            Mutant("half the parabola", 1 + (k - v) + exp(k) * (v - k) ** 2 / 4),
        ),
    )


def _exponential(point: Point, digits: int) -> Enclosure:
    from flint import arb, ctx, fmpq

    from numerics.enclosure import Enclosure

    exponent = point[k] - point[v]
    with ctx.workdps(digits + 5):
        return Enclosure.from_arb(arb(fmpq(int(exponent.p), int(exponent.q))).exp())  # type: ignore[attr-defined]


@claim(
    "lemma/student-integral",
    title="Mass of the standard Student law",
    source="DLMF 5.12.3, proved here",
    depends=("lemma/gamma-integral",),
)
def student_integral() -> ClaimBody:
    formula = 1 / pearson.student_normaliser(m, Integer(1))
    return ClaimBody(
        statement=Equality(Integral((1 + t**2) ** (-m), (t, -oo, oo)), formula),
        domain=Domain(ranges={m: Range(Fraction(51, 100), 50, "log")},
                      constraints=(sympy.Gt(m, Rational(1, 2)),)),
        hypotheses=("m > 1/2",),
        derivation=Derivation(tuple(_student_steps(formula))),
        evidence=(
            EnclosureComparison(
                route=MASS_ROUTE,
                reference=_certified_mass,
                points=tuple({m: p[m]} for p in MASS_POINTS),
            ),
        ),
        mutants=(
            Mutant("Gamma(m + 1/2) instead of Gamma(m - 1/2)",
                   sqrt(pi) * gamma(m + Rational(1, 2)) / gamma(m)),
            Mutant("pi instead of sqrt(pi)", sqrt(pi) * formula),
            Mutant("factor 2", 2 * formula),
        ),
    )  # fmt: skip


def _student_steps(formula: sympy.Expr) -> Iterator[Step]:
    q = Symbol("q", positive=True)
    line, axis = (t, -oo, oo), (r, Integer(0), oo)
    half = Rational(1, 2)
    power = (1 + t**2) ** (-m)
    kernel = r ** (m - 1) * exp(-r * (1 + t**2))
    inner, mass = Integral(kernel, axis), Integral(power, line)
    euler = q ** (m - 1) * exp(-q)
    yield Step(
        "a Gaussian mixture",
        Equality(inner, Integral(power * euler, (q, 0, oo))),
        "r = q/(1 + t^2)",
        ChangeOfVariables(
            kernel, r, (Integer(0), oo), q / (1 + t**2), q, (Integer(0), oo), power * euler
        ),
    )
    yield Step(
        "its weight taken out",
        Equality(inner, power * Integral(euler, (q, 0, oo))),
        "(1 + t^2)^(-m) does not depend on q",
        Linearity(power * euler, (q, Integer(0), oo), ((power, euler),)),
    )
    first = Equality(Integral(euler, (q, 0, oo)), gamma(m))
    yield Step(
        "Euler's integral", first, "lemma/gamma-integral",
        LemmaUse("lemma/gamma-integral", first, {shape: m}),
    )  # fmt: skip
    double = Integral(inner, line)
    mixture = Equality(inner, gamma(m) * power)
    total = Equality(double, Integral(gamma(m) * power, line))
    yield Step(
        "integrated over t",
        total,
        "both sides of the mixture",
        UnderTheIntegral(mixture, line, total),
    )
    yield Step(
        "Gamma(m) taken out",
        Equality(double, gamma(m) * mass),
        "Gamma(m) does not depend on t",
        Linearity(gamma(m) * power, line, ((gamma(m), power),)),
    )
    yield Step(
        "mass as a double integral",
        Equality(mass, double / gamma(m)),
        "divide by Gamma(m)",
        Multiple(
            Equality(double, gamma(m) * mass), -1 / gamma(m), Equality(mass, double / gamma(m))
        ),
    )
    yield Step(
        "order exchanged",
        Equality(double, Integral(Integral(kernel, line), axis)),
        "Tonelli: the integrand is positive",
        Tonelli(kernel, axis, line),
    )
    gauss = r ** (m - 1) * exp(-r) * sqrt(pi / r)
    yield Step(
        "Gaussian integral",
        Equality(Integral(kernel, line), gauss),
        "primitive: the error function",
        DefiniteIntegral(
            kernel,
            r ** (m - 1) * exp(-r) * sqrt(pi) * sympy.erf(sqrt(r) * t) / (2 * sqrt(r)),
            t,
            -oo,
            oo,
            gauss,
        ),
    )
    swapped = Integral(Integral(kernel, line), axis)
    over_r = Equality(swapped, Integral(gauss, axis))
    yield Step(
        "integrated over r",
        over_r,
        "both sides of the Gaussian integral",
        UnderTheIntegral(Equality(Integral(kernel, line), gauss), axis, over_r),
    )
    rest = r ** (m - half - 1) * exp(-r)
    yield Step(
        "sqrt(pi) taken out",
        Equality(Integral(gauss, axis), sqrt(pi) * Integral(rest, axis)),
        "linearity",
        Linearity(gauss, axis, ((sqrt(pi), rest),)),
    )
    last = Equality(Integral(rest, axis), gamma(m - half))
    yield Step(
        "Euler's integral again",
        last,
        "lemma/gamma-integral at m - 1/2 > 0",
        LemmaUse("lemma/gamma-integral", last, {shape: m - half}, given={m: (half, oo)}),
    )
    yield Step(
        "mass of the Student law",
        Equality(Integral(power, line), formula),
        "collect",
        Identity(sqrt(pi) * gamma(m - half) / gamma(m), formula),
    )


# --- Cauchy's beta integral, the mass of the standard Pearson IV law ------------------------------


@claim(
    "lemma/pearson-integral",
    title="Mass of the standard Pearson IV law",
    depends=("lemma/student-integral", "lemma/gamma-modulus", "lemma/exponential-remainder"),
)
def pearson_integral() -> ClaimBody:
    formula = 1 / pearson.normaliser(STANDARD)
    mass = Integral(pearson.unnormalised_density(t, STANDARD), (t, -oo, oo))
    return ClaimBody(
        statement=Equality(mass, formula),
        domain=Domain(
            ranges={m: Range(Fraction(51, 100), 50, "log"), nu: Range(-20, 20)},
            constraints=(sympy.Gt(m, Rational(1, 2)),),
        ),
        hypotheses=("m > 1/2, nu real",),
        derivation=Derivation(tuple(_pearson_steps(mass, formula))),
        evidence=(
            EnclosureComparison(
                route=MASS_ROUTE, reference=_certified_mass, points=MASS_POINTS
            ),
        ),
        mutants=(
            Mutant("exponent 2m - 1 of 2", formula / 2),
            Mutant("nu instead of nu/2",
                   formula.xreplace({gamma(m + I * nu / 2): gamma(m + I * nu),
                                     gamma(m - I * nu / 2): gamma(m - I * nu)})),
            Mutant("modulus at nu = 0", 1 / pearson.student_normaliser(m, Integer(1))),
        ),
    )  # fmt: skip


def _pearson_steps(mass: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    half, line = Rational(1, 2), (t, -oo, oo)
    range_of_m = {m: (half, oo)}
    power = (1 + t**2) ** (-m)
    skew = exp(-nu * sympy.atan(t))
    student = Integral(power, line)

    # One step of the recurrence in m, by parts.
    shifted = power.subs(m, m + 1) * skew
    up = Integral(shifted, line)
    ratio = 2 * m * (2 * m - 1) / (4 * m**2 + nu**2)
    yield Step(
        "recurrence of the mass",
        Equality(up, ratio * mass),
        "integration by parts: d[(2 m t - nu) (1 + t^2)^(-m) exp(-nu atan t)] vanishes at both "
        "ends for m > 1/2",
        TotalDerivative(
            (2 * m * t - nu) * power * skew,
            line,
            ((4 * m**2 + nu**2, shifted), (-2 * m * (2 * m - 1), power * skew)),
            given=range_of_m,
        ),
    )
    quotient = mass / formula
    yield Step(
        "the quotient mass/formula is periodic in m",
        Equality(quotient.subs(m, m + 1), quotient),
        "Gamma(z + 1) = z Gamma(z) gives the formula the same recurrence",
        Identity((ratio * mass / formula.subs(m, m + 1)).expand(), (mass / formula).expand()),
    )

    # For large m the mass is that of the Student law: bounds on exp(-nu atan t).
    phi = Symbol("phi", real=True)
    bend = (1 + nu**2) * pi / 4
    tangent = Bound(1 - nu * phi, exp(-nu * phi))
    yield Step(
        "the exponential lies above its tangent",
        tangent,
        "convexity: value and slope agree at phi = 0, the second derivative is positive",
        TaylorPositivity(tangent.lhs, tangent.rhs, phi, 2),
    )
    parabola = Bound(exp(-nu * phi), 1 - nu * phi + exp(bend) * nu**2 * phi**2 / 2)
    yield Step(
        "and below a parabola on (-pi/2, pi/2)",
        parabola,
        "lemma/exponential-remainder with k = (1 + nu^2) pi/4 >= |nu| pi/2 and v = k + nu phi",
        LemmaUse(
            "lemma/exponential-remainder",
            parabola,
            {k: bend, v: bend + nu * phi},
            given={phi: (-pi / 2, pi / 2)},
        ),
    )
    angle = sympy.atan(t)
    at_atan: dict[Any, Any] = {phi: angle}
    for name, bound in (("tangent", tangent), ("parabola", parabola)):
        moved = Bound(bound.lhs.subs(at_atan), bound.rhs.subs(at_atan))
        yield Step(
            f"the {name} at phi = atan t",
            moved,
            "atan t lies in (-pi/2, pi/2)",
            Substitution(bound, at_atan, moved),
        )
    yield Step(
        "the odd part has no mass",
        Equality(Integral(angle * power, line), Integer(0)),
        "odd integrand",
        OddIntegral(angle * power, t, given=range_of_m),
    )
    lower = power * (1 - nu * angle)
    yield Step(
        "lower bound, integrated",
        Bound(Integral(lower, line), mass),
        "multiply by (1 + t^2)^(-m) and integrate",
        MonotoneIntegral(
            lower,
            power * skew,
            line,
            by=Bound(1 - nu * angle, skew),
            factor=power,
        ),
    )
    yield Step(
        "its linear term drops out",
        Equality(Integral(lower, line), student),
        "linearity",
        Linearity(lower, line, ((Integer(1), power), (-nu, angle * power)), given=range_of_m),
    )
    upper = power * (1 - nu * angle + exp(bend) * nu**2 * angle**2 / 2)
    yield Step(
        "upper bound, integrated",
        Bound(mass, Integral(upper, line)),
        "multiply by (1 + t^2)^(-m) and integrate",
        MonotoneIntegral(
            power * skew,
            upper,
            line,
            by=Bound(skew, 1 - nu * angle + exp(bend) * nu**2 * angle**2 / 2),
            factor=power,
        ),
    )
    square = Integral(angle**2 * power, line)
    weight = exp(bend) * nu**2 / 2
    yield Step(
        "its linear term drops out too",
        Equality(Integral(upper, line), student + weight * square),
        "linearity",
        Linearity(
            upper,
            line,
            ((Integer(1), power), (-nu, angle * power), (weight, angle**2 * power)),
            given=range_of_m,
        ),
    )
    T = Symbol("T", positive=True)
    arc = Bound(sympy.atan(T), T)
    yield Step(
        "atan T <= T for T > 0",
        arc,
        "equality at 0; the difference has the slope T^2/(1 + T^2)",
        TaylorPositivity(arc.lhs, arc.rhs, T),
    )
    squares = Bound(sympy.atan(T) ** 2, T**2)
    yield Step(
        "squared",
        squares,
        "multiply by T + atan T > 0",
        Weakened(squares.lhs, squares.rhs, ((T + sympy.atan(T), arc),)),
    )
    second = Integral(t**2 * power, line)
    yield Step(
        "second moment as a bound",
        Bound(square, second),
        "atan^2 t <= t^2 for t of either sign",
        MonotoneIntegral(angle**2 * power, t**2 * power, line, by=squares, factor=power, mirror=T),
    )
    yield Step(
        "second moment",
        Equality(second, student / (2 * m - 3)),
        "integration by parts for m > 3/2: d[t (1 + t^2)^(1 - m)]",
        TotalDerivative(
            t * (1 + t**2) * power,
            line,
            ((3 - 2 * m, t**2 * power), (Integer(1), power)),
            given={m: (Rational(3, 2), oo)},
        ),
    )
    low, high = Bound(student, mass), Bound(mass, student + weight * square)
    above = Bound(mass / student, 1 + weight / (2 * m - 3))
    below = Bound(Integer(1), mass / student)
    yield Step(
        "the quotient of masses is at least 1",
        below,
        "divide by the mass of the Student law",
        Weakened(below.lhs, below.rhs, ((1 / student, low),)),
    )
    yield Step(
        "and at most 1 + O(1/m)",
        above,
        "divide by the mass of the Student law",
        Weakened(
            above.lhs,
            above.rhs,
            ((1 / student, high), (weight / student, Bound(square, student / (2 * m - 3)))),
        ),
    )
    masses = LimitStatement(mass / student, Integer(1), m, oo)
    yield Step(
        "the quotient of masses tends to 1",
        masses,
        "squeezed",
        SqueezeBetween(below, above, m, oo, Integer(1)),
    )
    moduli = LimitStatement(
        gamma(m + I * nu / 2) * gamma(m - I * nu / 2) / gamma(m) ** 2, Integer(1), m, oo
    )
    yield Step(
        "the quotient of Gamma functions tends to 1",
        moduli,
        "lemma/gamma-modulus",
        LemmaUse("lemma/gamma-modulus", moduli, {Y: nu / 2}),
    )
    exact = Equality(student, 1 / pearson.student_normaliser(m, Integer(1)))
    yield Step(
        "mass of the Student law",
        exact,
        "lemma/student-integral",
        LemmaUse("lemma/student-integral", exact, given=range_of_m),
    )
    limit = LimitStatement(quotient, Integer(1), m, oo)
    yield Step(
        "mass/formula tends to 1",
        limit,
        "product of the two limits; at nu = 0 the formula is the Student mass (duplication)",
        LimitProduct(
            ((masses, 1), (moduli, 1)),
            quotient,
            Integer(1),
            given=(exact,),
        ),
    )
    one = Equality(quotient, Integer(1))
    yield Step(
        "mass/formula is 1",
        one,
        "a function of period 1 that tends to 1 is 1",
        ShiftInvariance(
            quotient, m, Integer(1), Equality(quotient.subs(m, m + 1), quotient), limit
        ),
    )
    yield Step(
        "the mass",
        Equality(mass, formula),
        "multiply by the formula",
        Multiple(one, formula, Equality(mass, formula), given=range_of_m),
    )


MASS_ROUTE = "t = sinh u: analytic integrand in ball arithmetic, exponential tails bounded"
MASS_POINTS: tuple[Point, ...] = tuple(
    {m: Rational(a), nu: Rational(b)} for a, b in (("3/4", 1), (2, "-5/2"), ("21/2", 7))
)


def _certified_mass(point: Point, digits: int) -> Enclosure:
    """The integral of (1 + t^2)^(-m) exp(-nu atan t) with t = sinh u.

    The integrand is then cosh(u)^(1 - 2m) exp(-nu atan(sinh u)), at most
    2^(2m - 1) exp(-(2m - 1)|u| + |nu| pi/2): that bounds the tails beyond the cut.
    """
    from flint import acb, arb, ctx, fmpq

    from numerics.enclosure import Enclosure
    from numerics.evaluators import evaluate_acb
    from numerics.lowering import lower

    shape_value, skew = (cast(Any, sympy.sympify(point.get(s, 0))) for s in (m, nu))
    u = Symbol("u", real=True)
    integrand = sympy.cosh(u) ** (1 - 2 * shape_value) * exp(-skew * sympy.atan(sympy.sinh(u)))
    program = lower(integrand, [u])
    with ctx.workdps(digits + 15):
        decay = 2 * arb(fmpq(int(shape_value.p), int(shape_value.q))) - 1
        cut = int(((digits + 12) * 2.303 + abs(float(skew)) * 2 + 2) / float(decay)) + 2
        tail = 2 * (decay * (arb(2).log() - cut) + abs(float(skew)) * 2).exp() / decay
        body = acb.integral(
            lambda z, analytic: evaluate_acb(program, z, analytic=analytic)[0], -cut, cut
        ).real
        return Enclosure.from_arb(body + arb(0, tail.upper()))


if __name__ == "__main__":
    from exitlaw.script import run

    run("lemmas")
