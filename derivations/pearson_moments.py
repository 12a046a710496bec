"""Pearson IV and Student laws of the power-law dynamic: normaliser, moments, tails, q-Gaussian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import sympy
from sympy import Function, Integer, Integral, Rational, Symbol, oo, sqrt

from derivations.lemmas import STANDARD, t
from exitlaw.analysis import Linearity, PowerTail, Supremum, TotalDerivative
from exitlaw.asymptotics import CaseSplit
from exitlaw.claim import ClaimBody, Domain, Equality, Equivalence, Mutant, Point, Range, claim
from exitlaw.derivation import (
    ChangeOfVariables,
    Definition,
    Derivation,
    Identity,
    LemmaUse,
    LogDerivative,
    SolvesODE,
    Step,
)
from exitlaw.evidence import EnclosureComparison
from theory import fokker_planck, pearson, stationary
from theory.symbols import (
    Delta,
    H,
    alpha,
    eta,
    kappa,
    location,
    m,
    nu,
    rho,
    sigma_g,
    sigma_H,
    theta,
    x,
)

if TYPE_CHECKING:
    from numerics.enclosure import Enclosure
    from numerics.lowering import Model

LAW = pearson.PearsonIV()
"""m, nu, alpha and lambda as symbols."""

# Parameters of the dynamic behind a point of (m, nu, alpha, lambda): eta = 1 and
# (theta, kappa, rho, sigma_H, Delta); the law's own parameters follow from them.
DYNAMICS: tuple[tuple[sympy.Expr, ...], ...] = (
    (Rational(0), Rational(2), Rational(1, 2), Rational(1), Rational(3, 2)),
    (Rational(1, 4), Rational(7, 2), Rational(-1), Rational(1, 2), Rational(1)),
    (Rational(1, 2), Rational(5), Rational(3), Rational(2), Rational(1, 3)),
    (Rational(1), Rational(6), Rational(0), Rational(1), Rational(2)),
)


def dynamic_point(
    reading: sympy.Expr, tail: sympy.Expr, cross: sympy.Expr, bend: sympy.Expr, root: sympy.Expr
) -> dict[sympy.Expr, sympy.Expr]:
    """The point of a dynamic with eta = 1: its own parameters and those of its law."""
    law = pearson.power_law_parameters(tail, reading, cross, bend, root)
    return {
        theta: reading,
        kappa: tail,
        rho: cross,
        sigma_H: bend,
        Delta: root,
        sigma_g: (cross**2 + root**2) / bend,
        eta: Integer(1),
        H: tail * bend,
        m: law.m,
        nu: law.nu,
        alpha: law.alpha,
        location: law.location,
    }


def model_at(point: Point) -> Model:
    """The lowered dynamic of a point: drift -H x and C = sigma_g + 2 rho x + sigma_H x^2."""
    from numerics.lowering import lower_diffusion

    return lower_diffusion(
        stationary.power_law_model(
            H=point[H],
            eta=point[eta],
            theta=point[theta],
            sigma_g=point[sigma_g],
            rho=point[rho],
            sigma_H=point[sigma_H],
        )
    )


def rational(value: sympy.Expr) -> Fraction:
    """A SymPy rational as a Fraction."""
    top, bottom = sympy.sympify(value).as_numer_denom()
    return Fraction(int(top), int(bottom))


def _points(chosen: Sequence[int] = (0, 1, 2, 3)) -> tuple[Point, ...]:
    return tuple(dynamic_point(*DYNAMICS[k]) for k in chosen)  # type: ignore[misc]


PARAMETER_RANGES = {
    m: Range(Fraction(51, 100), 1001, "log"),
    nu: Range(-1000, 1000),
    alpha: Range(Fraction(1, 1000), 1000, "log"),
    location: Range(-1000, 1000),
}
LAW_HYPOTHESES = (
    "p is proportional to [1 + ((x - lambda)/alpha)^2]^(-m) exp(-nu atan((x - lambda)/alpha)), "
    "the stationary density of the power-law dynamic with m = kappa + s, nu = -2 kappa rho/Delta, "
    "alpha = Delta/sigma_H, lambda = -rho/sigma_H",
)


# --- normaliser -----------------------------------------------------------------------------------


@claim(
    "stationary/normaliser",
    title="Normaliser of the Pearson IV law",
    source="Heinrich (2004), as recalled; proved here",
    depends=("lemma/pearson-integral",),
)
def normaliser() -> ClaimBody:
    density = pearson.unnormalised_density(x, LAW)
    mass = Integral(density, (x, -oo, oo))
    formula = 1 / pearson.normaliser(LAW)
    return ClaimBody(
        statement=Equality(mass, formula),
        domain=Domain(PARAMETER_RANGES, constraints=(sympy.Gt(m, Rational(1, 2)),)),
        hypotheses=("m > 1/2, alpha > 0; nu and lambda real", *LAW_HYPOTHESES),
        derivation=Derivation(tuple(_normaliser_steps(density, mass, formula))),
        evidence=(
            EnclosureComparison(
                route="certified normalised density of the dynamic at x = lambda, from drift and "
                "diffusion",
                reference=_mass_of_dynamic,
                points=_points(),
            ),
        ),
        mutants=(
            Mutant("m + 1/2", formula.subs(m, m + Rational(1, 2))),
            Mutant("m - 1/2", formula.subs(m, m - Rational(1, 2))),
            Mutant("factor 2", 2 * formula),
            Mutant("nu instead of nu/2", formula.subs(nu, 2 * nu)),
            Mutant("Student's normaliser", 1 / pearson.student_normaliser(m, alpha)),
        ),
    )


def _normaliser_steps(density: sympy.Expr, mass: sympy.Expr, formula: sympy.Expr) -> Iterator[Step]:
    line = (t, -oo, oo)
    standard = pearson.unnormalised_density(t, STANDARD)
    yield Step(
        "standardised",
        Equality(mass, Integral(alpha * standard, line)),
        "x = lambda + alpha t",
        ChangeOfVariables(
            density,
            x,
            (-oo, oo),
            location + alpha * t,
            t,
            (-oo, oo),
            alpha * standard,
            given={m: (Rational(1, 2), oo)},
        ),
    )
    yield Step(
        "scale taken out",
        Equality(Integral(alpha * standard, line), alpha * Integral(standard, line)),
        "linearity",
        Linearity(alpha * standard, line, ((alpha, standard),)),
    )
    known = Equality(Integral(standard, line), 1 / pearson.normaliser(STANDARD))
    yield Step(
        "mass of the standard law",
        known,
        "lemma/pearson-integral",
        LemmaUse("lemma/pearson-integral", known, given={m: (Rational(1, 2), oo)}),
    )
    beta_form = alpha / pearson.normaliser(STANDARD)
    yield Step(
        "as a cosine integral",
        Equality(alpha * pearson.cosine_integral(2 * m - 1, sympy.I * nu), beta_form),
        "t = tan phi turns the mass into the integral of cos(phi)^(2m - 2) exp(-nu phi), whose "
        "even part is DLMF 5.12.5",
        Identity(alpha * pearson.cosine_integral(2 * m - 1, sympy.I * nu), beta_form),
    )
    yield Step(
        "normaliser",
        Equality(mass, formula),
        "insert",
        Identity(alpha / pearson.normaliser(STANDARD), formula),
    )


def _mass_of_dynamic(point: Point, digits: int) -> Enclosure:
    """1/p(lambda) of the normalised density p: the unnormalised density is 1 at lambda."""
    from flint import ctx

    from numerics.enclosure import Enclosure
    from numerics.stationary import density

    at = rational(point[location])
    with ctx.workdps(digits + 10):
        return Enclosure.from_arb(1 / density(model_at(point), at, digits=digits + 3,
                                              method="arb").arb)  # fmt: skip


# --- moments --------------------------------------------------------------------------------------

order = Symbol("r", integer=True, positive=True)
raw = Function("E_raw")
"""E X^r."""
ORDERS = (1, 2, 3, 4)


@claim(
    "stationary/moments",
    title="Raw moments of the Pearson IV law up to order four",
    depends=("stationary/normaliser",),
)
def moments() -> ClaimBody:
    formula = sympy.Piecewise(
        *((pearson.raw_moment(LAW, n), sympy.Eq(order, n)) for n in ORDERS[:-1]),
        (pearson.raw_moment(LAW, ORDERS[-1]), True),
    )
    return ClaimBody(
        statement=Equality(raw(order), formula),
        domain=Domain(
            {**PARAMETER_RANGES, order: Range(values=tuple(Integer(n) for n in ORDERS))},
            constraints=(pearson.moment_exists(LAW, order),),
        ),
        hypotheses=("r < 2m - 1, so that the moment exists", *LAW_HYPOTHESES),
        derivation=Derivation(tuple(_moment_steps(formula))),
        evidence=(
            EnclosureComparison(
                route="certified moments of the dynamic, from drift and diffusion",
                reference=_moment_of_dynamic,
                points=tuple(
                    {**_points((k,))[0], order: Integer(n)}
                    for k, n in ((0, 1), (1, 2), (2, 3), (3, 4), (1, 1), (2, 4))
                ),
                digits=15,
                formula=at_order,
            ),
        ),
        mutants=(
            Mutant("m + 1/2", formula.subs(m, m + Rational(1, 2))),
            Mutant("sign of the asymmetry", formula.subs(nu, -nu)),
            Mutant("Ito and anti-Ito exchanged: m + 1", formula.subs(m, m + 1)),
            Mutant("factor 2", 2 * formula),
        ),
    )  # fmt: skip


def _moment_steps(formula: sympy.Expr) -> Iterator[Step]:
    line = (t, -oo, oo)
    law, standard = pearson.unnormalised_density(x, LAW), pearson.unnormalised_density(t, STANDARD)

    def integral(power: int) -> sympy.Expr:
        return Integral(t**power * standard, line)

    for k in range(ORDERS[-1]):
        lower = ((Integer(-k), t ** (k - 1) * standard),) if k else ()
        yield Step(
            f"moment recurrence, {k} to {k + 1}",
            Equality(
                integral(k + 1),
                pearson.moment_step(STANDARD, k, integral(k), integral(k - 1) if k else Integer(0)),
            ),
            "integration by parts: d[t^k (1 + t^2) p] with (1 + t^2) p' = -(2 m t + nu) p; no "
            f"boundary values for {k + 1} < 2m - 1",
            TotalDerivative(
                t**k * (1 + t**2) * standard,
                line,
                ((k + 2 - 2 * m, t ** (k + 1) * standard), (-nu, t**k * standard),
                 *((-c, f) for c, f in lower)),
                given={m: (Rational(k + 2, 2), oo)},
            ),
        )  # fmt: skip
    mass = Integral(law, (x, -oo, oo))
    for k in (0, *ORDERS):
        whole = Integral(x**k * law, (x, -oo, oo))
        moved = (location + alpha * t) ** k * alpha * standard
        yield Step(
            f"standardised, order {k}",
            Equality(whole, Integral(moved, line)),
            "x = lambda + alpha t",
            ChangeOfVariables(
                x**k * law,
                x,
                (-oo, oo),
                location + alpha * t,
                t,
                (-oo, oo),
                moved,
                given={m: (Rational(k + 1, 2), oo)},
            ),
        )
        weights = [
            sympy.binomial(k, j) * location ** (k - j) * alpha ** (j + 1) for j in range(k + 1)
        ]
        yield Step(
            f"binomial theorem, order {k}",
            Equality(
                Integral(moved, line),
                sympy.Add(*(c * integral(j) for j, c in enumerate(weights))),
            ),
            "linearity",
            Linearity(
                moved,
                line,
                tuple((c, t**j * standard) for j, c in enumerate(weights)),
                given={m: (Rational(k + 1, 2), oo)},
            ),
        )
    names = {k: Symbol(f"M_{k}", real=True) for k in ORDERS}
    for k, name in names.items():
        ratio = Integral(x**k * law, (x, -oo, oo)) / mass
        yield Step(
            f"E X^{k}", Equality(name, ratio), "definition: normalised", Definition(name, ratio)
        )
        yield Step(
            f"E X^{k} in closed form",
            Equality(name, pearson.raw_moment(LAW, k)),
            "insert the recurrences",
            Identity(_by_recurrence(k), pearson.raw_moment(LAW, k)),
        )
    named = sympy.Piecewise(
        *((names[k], sympy.Eq(order, k)) for k in ORDERS[:-1]), (names[ORDERS[-1]], True)
    )
    mean, variance = pearson.mean(LAW), pearson.variance(LAW)
    yield Step(
        "mean and variance",
        Equality(pearson.raw_moment(LAW, 2) - pearson.raw_moment(LAW, 1) ** 2, variance),
        "second minus squared first moment",
        Identity(pearson.raw_moment(LAW, 2) - mean**2, variance),
    )
    dynamic = pearson.power_law_parameters(kappa, theta, rho, sigma_H, Delta)
    yield Step(
        "mean of the power-law dynamic",
        Equality(pearson.mean(dynamic), pearson.power_law_mean(kappa, theta, rho, sigma_H)),
        "insert its parameters",
        Identity(pearson.mean(dynamic), pearson.power_law_mean(kappa, theta, rho, sigma_H)),
    )
    root = sqrt(sigma_g * sigma_H)
    symmetric = pearson.power_law_parameters(H / (eta * sigma_H), theta, Integer(0), sigma_H, root)
    even = pearson.power_law_variance(H, eta, theta, sigma_g, sigma_H)
    yield Step(
        "variance of the power-law dynamic, rho = 0",
        Equality(pearson.variance(symmetric), even),
        "insert its parameters",
        Identity(pearson.variance(symmetric), even),
    )
    ito = pearson.power_law_parameters(H / (eta * sigma_H), Integer(0), rho, sigma_H, Delta)
    any_rho = pearson.power_law_variance(H, eta, Integer(0), (rho**2 + Delta**2) / sigma_H, sigma_H)
    yield Step(
        "variance of the power-law dynamic, Ito, any rho",
        Equality(pearson.variance(ito), any_rho),
        "insert its parameters",
        Identity(pearson.variance(ito), any_rho),
    )
    yield Step(
        "the moment of order r",
        Equality(raw(order), named),
        "definition",
        Definition(raw(order), named),
    )
    yield Step(
        "moments up to order four",
        Equality(raw(order), formula),
        "order by order, each for the m of its own recurrences",
        CaseSplit(
            tuple(
                (
                    sympy.true if k == ORDERS[-1] else sympy.Eq(order, k),
                    Equality(names[k], pearson.raw_moment(LAW, k)),
                )
                for k in ORDERS
            ),
            Equality(raw(order), formula),
        ),
    )


def _by_recurrence(k: int) -> sympy.Expr:
    """E X^k from the recurrence about lambda and the binomial theorem."""
    about: list[sympy.Expr] = [Integer(1)]
    previous: sympy.Expr = Integer(0)
    for n in range(k):
        about.append(pearson.moment_step(LAW, n, about[-1], previous))
        previous = about[-2]
    return sympy.Add(*(sympy.binomial(k, j) * location ** (k - j) * about[j] for j in range(k + 1)))


def at_order(formula: sympy.Basic, point: Point, digits: int) -> Enclosure:
    """The branch of the formula for the order of the point, enclosed."""
    from exitlaw.evaluation import enclose

    branch = cast(Any, sympy.sympify(formula)).subs(order, point[order])
    return enclose(branch, {k: v for k, v in point.items() if k != order}, digits)


def _moment_of_dynamic(point: Point, digits: int) -> Enclosure:
    from numerics.stationary import moment

    return moment(model_at(point), int(point[order]), digits=digits + 1, method="arb")


# --- tails ----------------------------------------------------------------------------------------

tail_index_name = Symbol("r_c", positive=True)
"""The supremum of the r with E|X|^r finite."""


@claim("stationary/tail-index", title="Which absolute moments of the Pearson IV law exist")
def tail_index() -> ClaimBody:
    formula = pearson.tail_index(LAW)
    return ClaimBody(
        statement=Equality(tail_index_name, formula),
        domain=Domain(PARAMETER_RANGES, constraints=(sympy.Gt(m, Rational(1, 2)),)),
        hypotheses=("m > 1/2", *LAW_HYPOTHESES),
        derivation=Derivation(tuple(_tail_steps(formula))),
        evidence=(
            EnclosureComparison(
                route="certified decay of the stationary law, from drift and diffusion",
                reference=_tail_of_dynamic,
                points=_points(),
            ),
        ),
        mutants=(
            Mutant("exponent of the density", 2 * m),
            Mutant("exponent of the distribution function plus 1/2", 2 * m - Rational(1, 2)),
            Mutant("degrees of freedom m", m),
        ),
    )


def _tail_steps(formula: sympy.Expr) -> Iterator[Step]:
    power = Symbol("r", positive=True)
    law = pearson.unnormalised_density(x, LAW)
    finite = Function("finite")
    criterion = pearson.moment_exists(LAW, power)
    for side, sign in (("right", Integer(1)), ("left", Integer(-1))):
        far = Symbol("X", positive=True)
        tail = far**power * law.subs(x, sign * far)
        exists = finite(Symbol(f"I_{side}"))
        yield Step(
            f"{side} tail",
            Equivalence(exists, criterion),
            "|x|^r p tends to a positive constant times |x|^(r - 2m), integrable iff r - 2m < -1",
            PowerTail(
                tail,
                far,
                power - 2 * m,
                alpha ** (2 * m) * sympy.exp(-sign * nu * sympy.pi / 2),
                exists,
                criterion,
            ),
        )
    bound = cast(Any, criterion).gts
    yield Step(
        "tail index",
        Equality(tail_index_name, formula),
        "E|X|^r is finite iff both tails are integrable; the supremum of such r",
        Supremum(tail_index_name, criterion, power, bound, {m: (Rational(1, 2), oo)}),
    )


def _tail_of_dynamic(point: Point, digits: int) -> Enclosure:
    from numerics.stationary import tail_index as certified

    return certified(model_at(point), digits=digits + 1, method="arb")


# --- Student and q-Gaussian -----------------------------------------------------------------------

relative_density = Function("p")
"""p(x)/p(0)."""


@claim(
    "stationary/q-gaussian",
    title="Without cross term the law is Student's t, and a q-Gaussian",
)
def q_gaussian() -> ClaimBody:
    index = pearson.q_gaussian_index(m)
    formula = pearson.q_gaussian(x, index, pearson.q_gaussian_precision(m, alpha))
    symmetric = pearson.PearsonIV(m=m, nu=Integer(0), alpha=alpha, location=Integer(0))
    law = pearson.unnormalised_density(x, symmetric)
    point = {**dynamic_point(*DYNAMICS[3]), x: Rational(3, 2)}
    other = {
        **dynamic_point(
            Rational(1, 4), Rational(3, 5), Rational(0), Rational(1, 2), Rational(3, 2)
        ),
        x: Rational(-5, 3),
    }
    return ClaimBody(
        statement=Equality(relative_density(x), formula),
        domain=Domain({m: PARAMETER_RANGES[m], alpha: PARAMETER_RANGES[alpha], x: Range(-100, 100)},
                      constraints=(sympy.Gt(m, Rational(1, 2)),)),
        hypotheses=("rho = 0, so nu = lambda = 0", "p is divided by its value at 0",
                    *LAW_HYPOTHESES),
        derivation=Derivation(tuple(_q_gaussian_steps(law, formula, symmetric))),
        evidence=(
            EnclosureComparison(
                route="certified density of the dynamic relative to its value at 0, from drift "
                "and diffusion",
                reference=relative_density_of,
                points=(point, other),  # type: ignore[arg-type]
            ),
        ),
        mutants=(
            Mutant("q = 1 + 1/(m + 1/2)", pearson.q_gaussian(
                x, pearson.q_gaussian_index(m + Rational(1, 2)),
                pearson.q_gaussian_precision(m, alpha))),
            Mutant("q = 1 + 2/m", pearson.q_gaussian(
                x, 1 + 2 / m, pearson.q_gaussian_precision(m, alpha))),
            Mutant("precision of the Gaussian core doubled", pearson.q_gaussian(
                x, index, 2 * pearson.q_gaussian_precision(m, alpha))),
        ),
    )  # fmt: skip


def _q_gaussian_steps(
    law: sympy.Expr, formula: sympy.Expr, symmetric: pearson.PearsonIV
) -> Iterator[Step]:
    freedom = pearson.degrees_of_freedom(m)
    scale = pearson.student_scale(symmetric)
    student = (1 + (x / scale) ** 2 / freedom) ** (-(freedom + 1) / 2)
    yield Step(
        "Student's t with 2m - 1 degrees of freedom",
        Equality(student, law),
        "scale alpha/sqrt(2m - 1)",
        LogDerivative(student, law, x),
    )
    yield Step(
        "its normaliser",
        Equality(pearson.normaliser(symmetric), pearson.student_normaliser(m, alpha)),
        "duplication formula of the Gamma function",
        Identity(pearson.normaliser(symmetric), pearson.student_normaliser(m, alpha)),
    )
    yield Step(
        "its second moment",
        Equality(
            pearson.student_absolute_moment(m, alpha, Integer(2)), pearson.variance(symmetric)
        ),
        "the absolute moment of order 2 is the variance",
        Identity(
            pearson.student_absolute_moment(m, alpha, Integer(2)), pearson.variance(symmetric)
        ),
    )
    yield Step(
        "the q-exponential",
        Equality(law, formula),
        "q = 1 + 1/m, beta = m/alpha^2: equal logarithmic derivatives, both 1 at 0",
        LogDerivative(law, formula, x),
    )
    dynamic = stationary.power_law_model(
        H=(m - 1 + theta) * eta * sigma_H, sigma_g=alpha**2 * sigma_H, rho=Integer(0)
    )
    yield Step(
        "q-Gaussian",
        Equality(relative_density(x), formula),
        "J = 0 with p(0) = 1 for kappa = m - s, sigma_g = alpha^2 sigma_H and rho = 0 has one "
        "solution",
        SolvesODE(
            fokker_planck.current(dynamic, relative_density(x)),
            relative_density(x),
            formula,
            ((relative_density(x).subs(x, 0), Integer(1)),),
        ),
    )


def relative_density_of(point: Point, digits: int) -> Enclosure:
    """Certified density of the dynamic at x relative to its value at 0."""
    from flint import ctx

    from numerics.enclosure import Enclosure
    from numerics.stationary import density

    model = model_at(point)
    at_point, at_zero = (
        density(model, at, digits=digits + 3, method="arb").arb for at in (rational(point[x]), 0)
    )
    with ctx.workdps(digits + 10):
        return Enclosure.from_arb(at_point / at_zero)


if __name__ == "__main__":
    from exitlaw.script import run

    run("pearson_moments")
