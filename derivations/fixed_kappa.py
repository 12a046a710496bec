"""Escape at fixed kappa over a deep barrier: exact over Kramers time tends to a constant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Integer, Integral, Rational, oo, sqrt

from derivations import _escape_models as models
from derivations import _fixed_kappa_steps as fixed
from derivations._fixed_kappa_steps import HALF, n, tau
from exitlaw.claim import ClaimBody, Domain, Equality, LimitStatement, Mutant, Point, Range, claim
from exitlaw.derivation import ChangeOfVariables, Derivation, Identity, LemmaUse, Step
from exitlaw.evidence import Certificate, EnclosureComparison
from theory import kramers, landscapes, pearson
from theory.symbols import Delta_L, H_a, H_b, eta, kappa, m, sigma_g, sigma_H, theta, w

t = sympy.Symbol("t", real=True)

if TYPE_CHECKING:
    from exitlaw.claim import Statement
    from exitlaw.evidence import Context, Finding
    from numerics.enclosure import Enclosure


def fixed_kappa_formula() -> sympy.Expr:
    """The power-law time of the quartic at fixed kappa in terms of its exponent n."""
    return kramers.power_law_time(H_a, -H_a / 2, Delta_L, eta, sigma_g, kappa, kappa + HALF - n)


def fixed_kappa_limit() -> sympy.Expr:
    """The constant of the quartic's path; the curvatures cancel."""
    path = sqrt(8 * Delta_L / H_a) * kramers.quartic_path(n + HALF)
    return kramers.fixed_kappa_constant(n + HALF, -H_a / 2, Delta_L, path)


def _fixed_kappa_body(formula: sympy.Expr, mutants: tuple[Mutant, ...]) -> ClaimBody:
    """A claim about the limit of exact time over power-law time, kappa fixed, Delta_L -> oo."""
    statement = LimitStatement(tau(Delta_L) / fixed_kappa_formula(), formula, Delta_L, oo)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={kappa: Range(1, 40), n: Range(Fraction(1, 2), 41)}),
        hypotheses=(
            "L - L(a) = Delta_L (1 - x^2)^2, w = sqrt(8 Delta_L/H_a) x, from minimum to minimum: "
            "H_b = -H_a/2; the landscape is scaled up with its curvatures kept",
            "kappa, eta and sigma_g are fixed, so that u -> oo; n = kappa + s - 1/2 > 0",
            "the constant is Gamma(m + 1/2)/Gamma(m) sqrt(|H_b|/(2 pi)) I with I = int_a^B "
            "((L - L(a))/Delta_L)^(n - 1/2) dw/sqrt(Delta_L): the whole path counts; the proof is "
            "for the quartic path",
        ),
        evidence=(
            EnclosureComparison(
                route="limit of mass and resistance: both integrals in ball arithmetic, no Gamma "
                "function",
                reference=_limit_of_the_ratio,
                points=tuple(quartic_points(None)),
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
    depends=("lemma/student-integral",),
)
def fixed_kappa() -> ClaimBody:
    formula = fixed_kappa_limit()
    body = _fixed_kappa_body(
        formula,
        (
            Mutant("the ratio tends to 1", Integer(1)),
            Mutant("the Beta form of two parabolas",
                   formula * kramers.power_law_factor(kappa, kappa + HALF - n)),
            Mutant("m + 1/2 taken for m", formula.xreplace({n: n + HALF})),
            Mutant("curvature of the minimum at the saddle", formula * sqrt(2)),
        ),
    )  # fmt: skip
    statement = body.statement
    assert isinstance(statement, LimitStatement)
    return replace(body, derivation=Derivation(tuple(fixed.steps(statement))))


@claim(
    "kramers/fixed-kappa-ratio-one",
    title="At fixed kappa and a deep barrier the power-law time becomes exact",
    expected="refuted",
    corrected="kramers/fixed-kappa",
)
def fixed_kappa_ratio_one() -> ClaimBody:
    return _fixed_kappa_body(Integer(1), ())


def quartic_points(steepness: int | None) -> Iterator[Point]:
    """Symmetric quartic wells with H_a = 4, H_b = -2, eta = sigma_g = 1; Delta_L = steepness/2."""
    for index, reading in ((Integer(3), Integer(0)), (Integer(3), Integer(1)),
                           (Integer(10), Rational(1, 4)), (Integer(20), HALF)):  # fmt: skip
        exponent = index + HALF - reading
        barrier = Rational(1 if steepness is None else steepness, 2)
        yield {
            kappa: index, n: exponent, H_a: Integer(4), H_b: Integer(-2), Delta_L: barrier,
            eta: Integer(1), sigma_g: Integer(1), sigma_H: 4 / index, theta: reading,
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
    points=tuple(quartic_points(10**4)),
    digits=12,
)


@claim(
    "kramers/fixed-kappa-quartic",
    title="The fixed-kappa constant of the quartic double well in Gamma functions",
    depends=("kramers/fixed-kappa", "lemma/student-integral"),
)
def fixed_kappa_quartic() -> ClaimBody:
    formula = kramers.quartic_constant(m)
    path = Integral((1 - w**2) ** (2 * m - 2), (w, -1, 1))
    statement = Equality(kramers.fixed_kappa_constant(m, -1, Rational(1, 4), path), formula)
    return ClaimBody(
        statement=statement,
        domain=Domain(ranges={m: Range(1, 40)}, constraints=(m > HALF,)),
        hypotheses=("L = (w^2 - 1)^2/4 from minimum to minimum; 1 + 3/(16 m) + O(1/m^2)",),
        derivation=Derivation(tuple(_quartic_steps(statement))),
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


def _quartic_steps(statement: Equality) -> Iterator[Step]:
    bent = (1 + t**2) ** (HALF - 2 * m)
    above = {m: (HALF, oo)}
    change = ChangeOfVariables(
        (1 - w**2) ** (2 * m - 2), w, (Integer(-1), Integer(1)), t / sqrt(1 + t**2),
        t, (-oo, oo), bent, above,
    )  # fmt: skip
    (moved,) = change.establishes()
    yield Step("the path of the quartic", moved, "w = t/sqrt(1 + t^2)", change)
    order = 2 * m - HALF
    mass = Equality(Integral(bent, (t, -oo, oo)), 1 / pearson.student_normaliser(order, Integer(1)))
    yield Step(
        "the mass of Student's law",
        mass,
        "B(1/2, 2m - 1)",
        LemmaUse("lemma/student-integral", mass, {m: order}, above),
    )
    value = kramers.fixed_kappa_constant(m, -1, Rational(1, 4), mass.rhs)
    yield Step("the constant", statement, "collect", Identity(value, statement.rhs))


def _quartic_limit(point: Point, digits: int) -> Enclosure:
    index = point[m]
    wide = {n: index - HALF, H_a: Integer(2), H_b: Integer(-1)}
    return _limit_of_the_ratio(wide, digits)


if __name__ == "__main__":
    from exitlaw.script import run

    run("fixed_kappa")
