"""False statements that every checker has to refuse: each was written to be accepted."""

import pytest
import sympy
from sympy import Eq, Function, Integral, Rational, S, Symbol, atan, exp, log, oo, pi, sqrt

from exitlaw.analysis import (
    Conjunction,
    LimitProduct,
    Linearity,
    MonotoneIntegral,
    Multiple,
    OddIntegral,
    PowerTail,
    ShiftInvariance,
    SqueezeBetween,
    Supremum,
    TaylorMatch,
    TaylorPositivity,
    Tonelli,
    TotalDerivative,
    UnderTheIntegral,
    Weakened,
)
from exitlaw.asymptotics import (
    CaseSplit,
    Composition,
    ContinuousImage,
    FirstTermExpansion,
    Law,
    PowerLimit,
    TermwiseExpansion,
)
from exitlaw.checks import (
    Antiderivative,
    ChangeOfVariables,
    DefiniteIntegral,
    Definition,
    Identity,
    Inequality,
    LemmaUse,
    LimitCheck,
    LogDerivative,
    Squeeze,
    Substitution,
)
from exitlaw.claim import (
    _BODIES,
    REGISTRY,
    Bound,
    Claim,
    ClaimBody,
    Domain,
    Equality,
    Equivalence,
    LimitStatement,
    Range,
    Statement,
)
from exitlaw.derivation import Derivation, SolvesODE, Step
from exitlaw.domination import (
    DominatedConvergence,
    PowerBound,
    ProductBound,
    SplitIntegral,
)
from exitlaw.evidence import Context, EnclosureComparison
from exitlaw.relations import is_zero, same_statement
from exitlaw.scope import Condition
from exitlaw.verdict import Verdict
from numerics.enclosure import Enclosure

x = Symbol("x", real=True)
y = Symbol("y", real=True)
a = Symbol("a", real=True)
p = Symbol("p", positive=True)
q = Symbol("q", positive=True)
f = Function("f")
holds, fails = Symbol("holds"), Symbol("fails")

k, z = Symbol("k", integer=True, positive=True), Symbol("z")

SINGULAR = p * exp(-p) / (a * p + 1)
NORMAL = Law(x, exp(-(x**2) / 2) / sqrt(2 * pi), -oo, oo)
MOVING = Law(x, exp(-(x**2) / (2 * p)) / sqrt(2 * pi * p), -oo, oo)
SIGNED = Law(x, Rational(3, 2) * x**2 + x, S(-1), S(1))

DOMINATED = "the integrand has an integrable majorant"

OVER_X = LimitStatement(a / p, S(0), p, oo)
"""a/p -> 0 for fixed a."""

FALSE = {
    "arctan x + arctan 1/x is pi/2 for x > 0 only": LogDerivative(
        exp(atan(x) + atan(1 / x)), exp(pi / 2), x, at=S(1)
    ),
    "a root of a square has a kink": LogDerivative(sqrt((x - 1) ** 2 + 0), x - 1, x, at=S(2)),
    "an expanded square under the root": LogDerivative(
        sqrt(x**2 - 2 * x + 1), x - 1, x, at=S(2)
    ),
    "primitive with a branch jump": DefiniteIntegral(
        1 / (1 + x**2), -atan(1 / x), x, S(-1), S(1), -pi / 2
    ),
    "a pole inside, the variable called positive": DefiniteIntegral(
        -1 / p**2, 1 / p, p, S(-1), S(1), S(2)
    ),
    "ends in the wrong order": DefiniteIntegral(
        -1 / (1 + x**2), atan(1 / x), x, S(1), S(0), -3 * pi / 4
    ),
    "ends of unknown order": DefiniteIntegral(-1 / p**2, 1 / p, p, y, a, 1 / a - 1 / y),
    "divergent at an end": DefiniteIntegral(1 / p, log(p), p, S(0), S(1), S(0)),
    "by parts, ends in the wrong order": TotalDerivative(
        atan(1 / x), (x, S(1), S(0)), ((S(1), -1 / (1 + x**2)),), -3 * pi / 4
    ),
    "primitive of the wrong sign": Antiderivative(sympy.sin(x), sympy.cos(x), x),
    "a fold as a change of variables": ChangeOfVariables(
        y * exp(-(y**2)), y, (S(1), S(1)), x**2, x, (S(-1), S(1)), 2 * x**3 * exp(-(x**4))
    ),
    "change of variables through a pole": ChangeOfVariables(
        1 / y**2, y, (S(1), S(-1)), 1 / x, x, (S(1), S(-1)), S(-1)
    ),
    "limits differ on the two sides": LimitCheck(atan(1 / x), pi / 2, x, S(0)),
    "a limit off by its second term": LimitCheck((1 + p / q) ** (q + 1), exp(p) + p, q, oo),
    "logarithms are no constants": LimitCheck(log(2 * p) - log(p), S(0), p, oo),
    "false at the one point x = 1": Inequality(S(0), (x - 1) ** 2, strict=True),
    "false in a narrow interval": Inequality(S(0), (x - 1) ** 2 - Rational(1, 10**6)),
    "true for numbers >= 1 only": Inequality(p, p**2),
    "squeezed where the limit is not taken": Squeeze(
        S(0), p * (1 - p), 1 / p, p, oo, S(0), {p: (S(0), S(1))}
    ),
    "a bound for positive numbers used on negative ones": Substitution(
        Bound(S(0), p), {p: S(-3)}, Bound(S(0), S(-3))
    ),
    "a strict bound out of a weak one": Substitution(
        Bound(p, f(p)), {p: q}, Bound(q, f(q), strict=True)
    ),
    "a value put for an expression": Substitution(
        Equality(sympy.sin(x) ** 2, 1 - sympy.cos(x) ** 2),
        {sympy.sin(x): S(5)},
        Equality(S(25), 1 - sympy.cos(x) ** 2),
    ),
    "a constant replaced by the variable of integration": Substitution(
        Equality(Integral(a * x, (x, 0, 1)), a / 2),
        {a: x},
        Equality(Integral(x**2, (x, 0, 1)), x / 2),
    ),
    "a constant replaced by the variable of the limit": Substitution(
        OVER_X, {a: p}, LimitStatement(S(1), S(0), p, oo)
    ),
    "another end of the limit": Substitution(OVER_X, {}, LimitStatement(a / p, S(0), p, S(0))),
    "a remainder out of nothing": Substitution(
        OVER_X, {}, LimitStatement(a / p, S(0), p, oo, S(0))
    ),
    "composition with what was held fixed": Composition(
        LimitStatement(q / p, S(0), p, oo), LimitStatement(q, oo, q, oo)
    ),
    "composition at a limit that is taken": Composition(
        LimitStatement(sympy.sin(x) / x, S(1), x, S(0)), LimitStatement(S(0), S(0), p, oo)
    ),
    "an exponent that vanishes": PowerLimit(S(1), p, 1 / p),
    "a coefficient that vanishes": PowerLimit(exp(-p), p, S(1)),
    "oo - oo": ContinuousImage(
        ((x, LimitStatement(p, oo, p, oo)), (y, LimitStatement(p, oo, p, oo))),
        x - y + 1,
        LimitStatement(S(1), S(0), p, oo),
    ),
    "division by what tends to 0": ContinuousImage(
        ((x, LimitStatement(1 / p, S(0), p, oo)),), 1 / x, LimitStatement(p, S(0), p, oo)
    ),
    "cases of different limits": CaseSplit(
        ((sympy.true, LimitStatement(p, oo, p, oo)),), LimitStatement(2 * p, oo, p, oo)
    ),
    "product of a vanishing limit": LimitProduct(
        ((LimitStatement(1 / p, S(0), p, oo), -1),), p, S(0)
    ),
    "periodic without a limit": ShiftInvariance(
        sympy.sin(2 * pi * x), x, S(0),
        Equality(sympy.sin(2 * pi * (x + 1)), sympy.sin(2 * pi * x)),
        LimitStatement(sympy.sin(2 * pi * x), S(0), x, S(0)),
    ),
    "monotone over a reversed interval": MonotoneIntegral(
        S(0), S(1), (x, S(1), S(0)), by=Bound(S(0), S(1))
    ),
    "a bound for p > 0 integrated over negative p": MonotoneIntegral(
        S(0), p, (p, S(-2), S(1)), by=Bound(S(0), p)
    ),
    "exchange of the order without a sign": Tonelli(x * y, (x, S(-1), S(1)), (y, S(-1), S(1))),
    "exchange on a triangle": Tonelli(p * q, (p, S(0), q), (q, S(0), S(1))),
    "Taylor through a pole": TaylorPositivity(S(0), 1 / (1 - p) - 1, p),
    "Taylor to the left with an odd order": TaylorPositivity(S(0), x**3, x, 3),
    "a negative multiple of a bound": Weakened(-q, -p, ((S(-1), Bound(p, q)),)),
    "a tail index below 0": Supremum(q, sympy.Lt(p, a), p, a),
    "integrable at the border": PowerTail(1 / p, p, S(-1), S(1), holds, sympy.Le(a, a)),
    "a power one too high": PowerTail(
        p ** (-2 * q), p, 1 - 2 * q, S(1), holds, sympy.Gt(2 * q, 2)
    ),
    "a weaker criterion": Conjunction(
        holds,
        ((Equivalence(fails, sympy.Gt(x, 0)), True),),
        sympy.Ge(x, 0),
    ),
    "an undefined quotient": Identity(sympy.nan, S(0)),
    # What is divided by may vanish for one value of a parameter.
    "a limit that fails where a parameter is 0": LimitCheck(a / (a + p), S(1), p, S(0)),
    "a logarithmic limit that fails there too": LimitCheck(
        a * log(p) / (a * log(p) + 1), S(1), p, oo
    ),
    "by parts with a coefficient that may be 0": TotalDerivative(
        a * exp(-p), (p, S(0), oo), ((-a, exp(-p)),), -a
    ),
    "an equality multiplied by 1/0": Multiple(
        Equality(a * f(y), a * y), 1 / a, Equality(f(y), y)
    ),
    "a vanishing factor under a negative power": TotalDerivative(
        SINGULAR, (p, S(0), oo), ((S(1), sympy.diff(SINGULAR, p)),)
    ),
    # Integrals that diverge.
    "oo - oo by linearity": Linearity(
        1 / (p * (p + 1)), (p, S(1), oo), ((S(1), 1 / p), (S(-1), 1 / (p + 1)))
    ),
    "oo - oo by parts": TotalDerivative(
        log(p / (p + 1)), (p, S(1), oo), ((S(1), 1 / p), (S(-1), 1 / (p + 1))), log(2)
    ),
    "odd, but not integrable": OddIntegral(x / (1 + x**2), x),
    "odd with a pole": OddIntegral(1 / x, x, S(1)),
    "a series split into two that diverge": Linearity(
        1 / p - 1 / (p + 1), (p, S(1), oo), ((S(1), 1 / p), (S(-1), 1 / (p + 1))), sympy.Sum
    ),
    # Variables that cannot go where they are said to go.
    "integrated over numbers that the symbol excludes": UnderTheIntegral(
        Equality(f(p), p), (p, S(-1), S(1)),
        Equality(Integral(f(p), (p, -1, 1)), Integral(p, (p, -1, 1))),
    ),
    "an integral over an integer": DefiniteIntegral(
        sympy.sin(pi * k) + 1, k, k, S(0), S(1), S(1)
    ),
    "a positive number that tends to -oo": LimitCheck(1 / p, S(0), p, -oo),
    "a positive number that tends to -1": LimitCheck(p, S(-1), p, S(-1)),
    "compared where the variable never is": LogDerivative(
        exp(atan(p) + atan(1 / p)), exp(-pi / 2), p, at=S(-1)
    ),
    "the limit along integers put to use between them": Composition(
        LimitStatement(sympy.cos(2 * pi * k) + 1 / k, S(1), k, oo), LimitStatement(p, oo, p, oo)
    ),
    "squeezed from one side": SqueezeBetween(
        Bound(atan(1 / x), f(x)), Bound(f(x), atan(1 / x)), x, S(0), -pi / 2
    ),
    # Smoothness, branches, signs.
    "|x| has no slope at 0": TaylorMatch(sympy.Abs(x), S(0), x, 2),
    "a jump is no constant": TaylorMatch(sympy.floor(x), S(0), x, 1),
    "real x is put to sqrt(y), which is none": Substitution(
        Bound(S(0), x**2), {x: sqrt(y)}, Bound(S(0), y)
    ),
    "a function replaced at some of its arguments": Substitution(
        Equality(f(x) - f(S(0)), x), {f(x): x + 5}, Equality(x + 5 - f(S(0)), x)
    ),
    "what stands under a derivative replaced": Substitution(
        Equality(sympy.Derivative(a * x, x, evaluate=False), a),
        {a: x},
        Equality(sympy.Derivative(x * x, x, evaluate=False), x),
    ),
    "a sum of squares of complex numbers": Inequality(S(0), z**2 + 1),
    "the logarithm of a negative number": Inequality(log(-p - 1) * log(p + 2), S(0)),
    "a limit between 0 and 1 left out": CaseSplit(
        (
            (sympy.Gt(a, 1), LimitStatement(p ** (-a) + a, a, p, oo)),
            (sympy.Lt(a, 0), LimitStatement(p ** (-a) + a, oo, p, oo)),
        ),
        LimitStatement(
            p ** (-a) + a, sympy.Piecewise((a, a > 1), (oo, a < 0)), p, oo
        ),
    ),
    "cases by the size of what tends to oo": CaseSplit(
        (
            (sympy.Lt(p, 1), LimitStatement(f(p), S(0), p, oo)),
            (sympy.true, LimitStatement(f(p), S(1), p, oo)),
        ),
        LimitStatement(f(p), sympy.Piecewise((S(0), p < 1), (S(1), True)), p, oo),
    ),
    # Equations with more than one solution.
    "no initial value": SolvesODE(f(x).diff(x) - f(x), f(x), exp(x)),
    "one value for an equation of order two": SolvesODE(
        f(x).diff(x, 2) + f(x), f(x), sympy.sin(x), ((f(0), S(0)),)
    ),
    "two ends at which sin and 0 agree": SolvesODE(
        f(x).diff(x, 2) + f(x), f(x), sympy.sin(x), ((f(0), S(0)), (f(pi), S(0)))
    ),
    "a singular point": SolvesODE(x * f(x).diff(x) - f(x), f(x), 5 * x, ((f(0), S(0)),)),
    "not Lipschitz": SolvesODE(
        f(x).diff(x) ** 2 - 4 * f(x), f(x), x**2, ((f(0), S(0)),)
    ),
    "two ends that may be one": SolvesODE(
        f(x).diff(x, 2), f(x), (x - a) / (y - a), ((f(a), S(0)), (f(y), S(1)))
    ),
    "a constant of no equation": SolvesODE(f(x).diff(x), f(x), S(7), constant=True),
    # Limits of integrals without a majorant.
    "a bump that runs away": DominatedConvergence(
        LimitStatement(p / (1 + p**2 * q**2), S(0), p, oo),
        Bound(p / (1 + p**2 * q**2), 1 / q), (q, S(0), oo),
    ),
    "a majorant that moves": DominatedConvergence(
        LimitStatement(p / (1 + p**2 * q**2), S(0), p, oo),
        Bound(p / (1 + p**2 * q**2), p / (1 + p**2 * q**2)), (q, S(0), oo),
    ),
    "the majorant of another integrand": DominatedConvergence(
        LimitStatement(p / (1 + p**2 * q**2), S(0), p, oo),
        Bound(S(0), exp(-q)), (q, S(0), oo),
    ),
    "an interval that moves": DominatedConvergence(
        LimitStatement(exp(-q) / p, S(0), p, oo), Bound(exp(-q) / p, exp(-q)), (q, S(0), p)
    ),
    "a power of what may be negative": PowerBound(x, a, S(1), S(2)),
    "a power by the lower bound of its base": PowerBound(p + 1, S(2), S(1), None),
    "a power above its upper bound": PowerBound(p + 2, S(2), None, p + 1),
    "the product of what is negative": ProductBound(-p, S(1), Bound(S(-3), S(1))),
    "split where the integral diverges": SplitIntegral(1 / x, (x, S(-1), S(1)), S(0)),
    "split outside the interval": SplitIntegral(exp(-x), (x, S(0), S(1)), S(2)),
    # Expansions under what is no law.
    "a law that moves with the small number": FirstTermExpansion(
        f(p), Equality(MOVING.mean(x), S(0)), 1 + p * x, x, MOVING, p, DOMINATED
    ),
    "a density that is negative": FirstTermExpansion(
        f(p), Equality(SIGNED.mean(x), S(0)), 1 + p * x, x, SIGNED, p, DOMINATED
    ),
    "a first term that moves": TermwiseExpansion(
        f(p), Equality(NORMAL.mean(p * x), S(0)), Equality(NORMAL.mean(x**2), S(1)),
        1 + p**2 * x + p**2 * x**2, (p * x, x**2), NORMAL, p, q, DOMINATED,
    ),
    "a definition by itself": Definition(f(x), f(x) + 1 - 1 + f(y)),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_a_false_statement_is_refused(name: str) -> None:
    result = FALSE[name].run()
    assert not result.ok, result.detail


def test_the_name_of_a_variable_of_integration_is_not_caught() -> None:
    inside, other = Integral(x * y, (x, 0, 1)), Integral(y * y, (y, 0, 1))
    assert is_zero(inside - other) is False  # y/2 against 1/3
    assert is_zero(Integral(x * a, (x, 0, 1)) - Integral(y * a, (y, 0, 1)))


def test_a_weak_bound_is_no_strict_one() -> None:
    assert same_statement(Bound(x, y), Bound(x, y, strict=True))
    assert not same_statement(Bound(x, y, strict=True), Bound(x, y))


# --- lemmas -------------------------------------------------------------------------------------


@pytest.fixture
def lemma(monkeypatch: pytest.MonkeyPatch):
    """Registers a statement as the claim `lemma/made`, for one test."""

    def register(
        statement: Statement,
        domain: Domain | None = None,
        derivation: Derivation | None = None,
    ) -> None:
        body = ClaimBody(statement=statement, domain=domain or Domain(), derivation=derivation)
        verdict = Verdict.AGREES if derivation is None else Verdict.PROVED
        made = Claim("lemma/made", "", "", {"quick": verdict}, (), None, lambda: body, __name__)
        monkeypatch.setitem(REGISTRY, "lemma/made", made)
        monkeypatch.setitem(_BODIES, "lemma/made", body)

    return register


LEMMAS = {
    "a strict instance of a weak bound": (Bound(p, f(p)), {}, Bound(p, f(p), strict=True)),
    "outside the symbol's assumption": (Bound(S(0), p * f(p)), {p: S(-1)}, Bound(S(0), -f(-1))),
    "a parameter moved by the limit": (OVER_X, {a: p}, LimitStatement(S(1), S(0), p, oo)),
    "the limit's own variable replaced": (
        LimitStatement(a / p, S(0), p, oo), {p: S(2)}, LimitStatement(a / 2, S(0), p, oo),
    ),
    "a parameter replaced by a variable of integration": (
        Equality(Integral(a * x, (x, 0, 1)), a / 2), {a: x},
        Equality(Integral(x**2, (x, 0, 1)), x / 2),
    ),
    "an expression replaced": (
        Equality(exp(x) ** 2, exp(2 * x)), {exp(2 * x): S(1)}, Equality(S(1), S(2)),
    ),
    "another relation": (Equality(f(x), x), {}, Equality(f(x), x + 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEMMAS)
def test_what_is_no_instance_of_a_lemma_is_refused(lemma, name: str) -> None:
    statement, mapping, relation = LEMMAS[name]
    lemma(statement)
    assert not LemmaUse("lemma/made", relation, mapping).run().ok


def test_a_lemma_is_not_used_outside_its_domain(lemma) -> None:
    lemma(Equality(f(p), p), Domain(constraints=(sympy.Gt(p, 1),)))
    assert not LemmaUse("lemma/made", Equality(f(q), q), {p: q}).run().ok
    assert LemmaUse("lemma/made", Equality(f(q + 1), q + 1), {p: q + 1}).run().ok


def test_an_unknown_lemma_is_no_lemma() -> None:
    assert not LemmaUse("lemma/nowhere", Equality(x, x)).run().ok


# --- evidence -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "verdict"),
    [(1 / x, Verdict.UNKNOWN), (1 + x, Verdict.REFUTED), (S(1) / 3, Verdict.REFUTED)],
)
def test_an_infinite_reference_does_not_refute_an_infinite_formula(formula, verdict) -> None:
    route = EnclosureComparison("infinite", lambda point, digits: Enclosure.infinity(), [{x: S(0)}])
    assert route.judge(Equality(f(x), formula), Context()).verdict is verdict


def test_a_point_outside_the_domain_or_an_error_refutes_nothing() -> None:
    wrong = EnclosureComparison("one", lambda point, digits: Enclosure.exact(1), [{x: S(2)}])
    away = Context(domain=Domain({x: Range(3, 4)}))
    assert wrong.judge(Equality(f(x), x), Context()).verdict is Verdict.REFUTED
    assert wrong.judge(Equality(f(x), x), away).verdict is Verdict.UNKNOWN
    assert wrong.judge(Equality(f(x), x + y), Context()).verdict is Verdict.UNKNOWN
    failing = EnclosureComparison("error", lambda point, digits: 1 // 0, [{x: S(2)}])  # type: ignore[arg-type]
    assert failing.judge(Equality(f(x), x), Context()).verdict is Verdict.UNKNOWN


# --- derivations --------------------------------------------------------------------------------


def test_a_step_cannot_state_more_than_its_check() -> None:
    check = Identity((x + 1) ** 2 - 1, x**2 + 2 * x)
    step = Step("a square", Eq(x**2, y, evaluate=False), "", check)
    assert not Derivation((step,)).run().ok


def test_a_derivation_that_ends_elsewhere_does_not_conclude() -> None:
    step = Step("a square", Equality(f(x), x**2), "", Definition(f(x), x**2))
    value = Step("at 2", Equality(f(x) + 1, x**2 + 1), "", Identity(f(x) + 1, f(x) + 1))
    derivation = Derivation((step, value))
    assert derivation.run().ok
    assert derivation.concludes(Equality(f(x) + 1, x**2 + 1))
    for other in (
        Equality(f(x), x**2 + 1),
        Equality(f(y), x**2),
        Bound(f(x), x**2),
        LimitStatement(f(x), x**2, x, oo),
    ):
        assert not derivation.concludes(other)


def test_a_name_for_an_expression_is_no_constant_under_an_integral() -> None:
    name = Step("a name", Equality(a, x), "", Definition(a, x))
    integral = Integral(a * x, (x, 0, 1))
    whole = DefiniteIntegral(a * x, a * x**2 / 2, x, S(0), S(1), a / 2)
    stated = Equality(integral, Integral(x**2, (x, 0, 1)))
    assert not Derivation((name, Step("integrated", stated, "", whole))).run().ok


def test_a_needed_fact_has_to_be_established() -> None:
    use = Substitution(Equality(f(x), x), {x: p}, Equality(f(p), p))
    outcome = Derivation((Step("from nowhere", Equality(f(p), p), "", use),)).run()
    assert not outcome.ok
    assert outcome.broke is not None
    assert "no earlier step" in outcome.broke.detail


def test_a_name_is_defined_once() -> None:
    steps = tuple(
        Step(f"{k}", Equality(f(x), x + k), "", Definition(f(x), x + k)) for k in range(2)
    )
    assert [one.ok for one in Derivation(steps).run().steps] == [True, False]


# --- facts that hold on an interval only --------------------------------------------------------

SMALL = Step("squares are small", Bound(x**2, x), "", Inequality(x**2, x, {x: (S(0), S(1))}))
"""x^2 <= x, on (0, 1)."""


@pytest.mark.parametrize(
    "check",
    [
        Substitution(Bound(x**2, x), {x: S(2)}, Bound(S(4), S(2))),
        Substitution(Bound(x**2, x), {x: y}, Bound(y**2, y)),
        MonotoneIntegral(x**2, x, (x, S(0), S(2)), by=Bound(x**2, x)),
    ],
)
def test_a_fact_is_not_used_outside_its_interval(check) -> None:
    (established,) = check.establishes()
    outcome = Derivation((SMALL, Step("outside", established, "", check))).run()
    assert [one.ok for one in outcome.steps] == [True, False]


def test_a_fact_is_used_inside_its_interval() -> None:
    half = Substitution(Bound(x**2, x), {x: 1 / (1 + p)}, Bound((1 + p) ** -2, 1 / (1 + p)))
    whole = MonotoneIntegral(x**2, x, (x, S(0), S(1)), by=Bound(x**2, x))
    steps = tuple(Step("inside", check.establishes()[0], "", check) for check in (half, whole))
    assert Derivation((SMALL, *steps)).run().ok


def test_the_domain_of_the_claim_grants_what_the_last_step_assumes() -> None:
    derivation = Derivation((SMALL,))
    exceeds = derivation.run().exceeds
    assert exceeds(Domain({x: Range(0, 1)})) is not None  # a range says where evidence is taken
    assert exceeds(Domain()) is not None
    inside = (sympy.Gt(x, 0), sympy.Lt(x, Rational(1, 2)))
    assert exceeds(Domain(constraints=inside)) is None
    assert exceeds(Domain(constraints=inside[:1])) is not None
    assert exceeds(Domain(constraints=(sympy.Ge(x, 0), inside[1]))) is not None  # 0 is no part
    assert exceeds(Domain({x: Range(values=(Rational(1, 4), Rational(1, 2)))})) is None
    assert exceeds(Domain({x: Range(values=(Rational(1, 4), S(2)))})) is not None


def test_the_interval_of_a_fact_is_handed_on_to_what_is_derived_from_it() -> None:
    twice = Weakened(2 * x**2, 2 * x, ((S(2), Bound(x**2, x)),))
    steps = (SMALL, Step("twice", Bound(2 * x**2, 2 * x), "", twice))
    outcome = Derivation(steps).run()
    assert outcome.ok
    assert outcome.exceeds(Domain()) is not None
    assert outcome.exceeds(Domain(constraints=(sympy.Gt(x, 0), sympy.Lt(x, 1)))) is None


def test_the_interval_of_an_equality_is_handed_on_where_it_is_used_to_rewrite() -> None:
    whole = DefiniteIntegral(
        p ** (-y), p ** (1 - y) / (1 - y), p, S(1), S(2), (2 ** (1 - y) - 1) / (1 - y),
        {y: (S(2), S(3))},
    )  # fmt: skip
    (value,) = whole.establishes()
    assert isinstance(value, Equality)
    named = Definition(f(y), value.lhs)
    steps = (
        Step("integral", value, "", whole),
        Step("name", Equality(f(y), value.lhs), "", named),
        Step("value", Equality(f(y), value.rhs), "", Identity(value.rhs, value.rhs)),
    )
    outcome = Derivation(steps).run()
    assert outcome.ok, outcome.broke
    assert outcome.exceeds(Domain()) is not None


def test_a_bound_for_small_numbers_is_no_bound_near_infinity() -> None:
    squeezed = SqueezeBetween(Bound(S(0), x**2), Bound(x**2, x), x, oo, S(0))
    steps = (
        Step("above 0", Bound(S(0), x**2), "", Inequality(S(0), x**2)),
        SMALL,
        Step("squeezed", squeezed.establishes()[0], "", squeezed),
    )
    assert [one.ok for one in Derivation(steps).run().steps] == [True, True, False]


# --- cases --------------------------------------------------------------------------------------


def _growing(exponent: sympy.Expr, given: dict, *, rises: bool = True) -> Step:
    check = PowerLimit(S(1), p, exponent, given, rises)
    (limit,) = check.establishes()
    return Step(f"{exponent}", limit, "", check)


def _split(first: sympy.Basic) -> Derivation:
    """p^a -> oo for 0 < a, and -> 0 otherwise, split at a condition."""
    up, down = _growing(a, {a: (S(0), oo)}), _growing(a, {a: (-oo, S(0))}, rises=False)
    stated = LimitStatement(p**a, sympy.Piecewise((oo, first), (S(0), True)), p, oo)
    check = CaseSplit(((first, up.relation), (sympy.true, down.relation)), stated)  # type: ignore[arg-type]
    return Derivation((up, down, Step("both", stated, "", check)))


def test_a_case_must_imply_what_its_limit_was_shown_for() -> None:
    right = _split(sympy.Gt(a, 0)).run()
    assert right.ok, right.broke
    assert right.exceeds(Domain()) is not None  # a = 0 belongs to no case that was shown
    for side in (sympy.Gt(a, 0), sympy.Lt(a, 0)):
        assert right.exceeds(Domain(constraints=(side,))) is None
    wrong = _split(sympy.Gt(a, -1)).run()
    assert wrong.exceeds(Domain(constraints=(sympy.Lt(a, 0),))) is not None
    assert wrong.exceeds(Domain(constraints=(sympy.Gt(a, 1),))) is None


def test_the_cases_of_an_equality_keep_their_intervals() -> None:
    values = {}
    for name, low, high in ((f(y), S(2), S(3)), (Function("g")(y), S(3), S(4))):
        whole = DefiniteIntegral(
            p ** (-y), p ** (1 - y) / (1 - y), p, S(1), S(2), (2 ** (1 - y) - 1) / (1 - y),
            {y: (low, high)},
        )  # fmt: skip
        values[name] = whole
    h = Function("h")
    steps, cases = [], []
    for condition, (name, whole) in zip((sympy.Lt(y, 3), sympy.true), values.items(), strict=True):
        (fact,) = whole.establishes()
        named = Definition(name, fact.lhs)
        steps.append(Step(f"{name}", Equality(name, fact.lhs), "", named))
        steps.append(Step(f"{name} value", Equality(name, fact.rhs), "", whole))
        cases.append((condition, Equality(name, fact.rhs)))
    split = sympy.Piecewise(*((case.lhs, condition) for condition, case in cases))
    whole = sympy.Piecewise(*((case.rhs, condition) for condition, case in cases))
    result = Equality(h(y), whole)
    steps.append(Step("name", Equality(h(y), split), "", Definition(h(y), split)))
    steps.append(Step("both", result, "", CaseSplit(tuple(cases), result)))
    outcome = Derivation(tuple(steps)).run()
    assert outcome.ok, outcome.broke
    between = (sympy.Gt(y, 2), sympy.Lt(y, 4))
    assert outcome.exceeds(Domain(constraints=(*between, sympy.Gt(y, 3)))) is None
    assert outcome.exceeds(Domain(constraints=between)) is not None  # y = 3 was not shown
    assert outcome.exceeds(Domain(constraints=between[:1])) is not None


# --- names --------------------------------------------------------------------------------------


def test_a_variable_of_the_domain_is_not_named() -> None:
    steps = (
        Step("five", Equality(x, S(5)), "", Definition(x, S(5))),
        Step("squared", Equality(x**2, S(25)), "", Identity(S(25), S(25))),
    )
    outcome = Derivation(steps).run()
    assert outcome.ok
    assert outcome.exceeds(Domain({x: Range(0, 10)})) is not None


def test_a_definition_proves_no_claim() -> None:
    steps = (
        Step("name", Equality(f(x), x**2), "", Definition(f(x), x**2)),
        Step("again", Equality(f(x), x**2), "", Identity(x, x)),
    )
    assert not Derivation(steps).concludes(Equality(f(x), x**2))
    assert not Derivation(steps[:1]).concludes(Equality(f(x), x**2))


@pytest.mark.parametrize(
    "check",
    [
        LimitCheck(a / p, S(0), p, oo),
        Antiderivative(a, a * p, p),
        DefiniteIntegral(a, a * p, p, S(0), S(1), a),
        PowerLimit(S(1), p, a, {a: (S(0), oo)}),
    ],
)
def test_a_name_that_hides_the_variable_is_no_constant(check) -> None:
    name = Step("a name", Equality(a, p), "", Definition(a, p))
    step = Step("as a constant", check.establishes()[0], "", check)
    assert [one.ok for one in Derivation((name, step)).run().steps] == [True, False]


def test_what_is_defined_is_not_replaced() -> None:
    name = Step("square", Equality(f(x), x**2), "", Definition(f(x), x**2))
    put = Substitution(Equality(f(x), x**2), {f(x): x**3}, Equality(x**3, x**2))
    step = Step("another function", Equality(x**3, x**2), "", put)
    assert [one.ok for one in Derivation((name, step)).run().steps] == [True, False]


def test_primitives_that_differ_are_not_equated() -> None:
    for primitive in (x**2, x**2 + 1):
        facts = Antiderivative(2 * x, primitive, x).establishes()
        assert not any(fact.lhs.has(Integral) for fact in facts)


def test_one_property_has_one_criterion() -> None:
    steps = tuple(
        Step(f"tail {power}", check.establishes()[0], "", check)
        for power in (S(2), S(3))
        for check in (
            PowerTail(p ** (-power * q), p, -power * q, S(1), holds, sympy.Gt(power * q, 1)),
        )
    )
    assert [one.ok for one in Derivation(steps).run().steps] == [True, False]


def test_checks_of_one_s_own_are_no_proof() -> None:
    class Trusting(Identity):
        def run(self):
            return Identity(x, x).run() if self.rhs == y else Identity(x, y).run()

    step = Step("trust", Equality(x, y), "", Trusting(x, y))
    assert not Derivation((step,)).run().ok


def test_the_mass_of_the_law_and_its_averages_have_to_be_shown() -> None:
    doubled = Law(x, 2 * NORMAL.density, -oo, oo)
    check = FirstTermExpansion(
        f(p), Equality(doubled.mean(x), S(0)), 1 + p * x, x, doubled, p, DOMINATED
    )
    odd = OddIntegral(2 * x * NORMAL.density, x)
    named = Definition(f(p), doubled.mean(1 + p * x))
    match = TaylorMatch(1 + p * x, 1 + p * x, p, 2)
    steps = (
        Step("odd", odd.establishes()[0], "", odd),
        Step("name", named.establishes()[0], "", named),
        Step("expansion", match.establishes()[0], "", match),
        Step("f = 1 + o(p), but f(0) = 2", check.establishes()[0], "", check),
    )
    outcome = Derivation(steps).run()
    assert [one.ok for one in outcome.steps] == [True, True, True, False]
    assert "rhs=1" in outcome.steps[-1].detail


# --- what lemmas mean ---------------------------------------------------------------------------


def _defining(register, meaning: sympy.Expr, domain: Domain | None = None) -> None:
    """A lemma f(x) + 1 = meaning + 1 whose derivation defines f."""
    statement = Equality(f(x) + 1, meaning + 1)
    steps = (
        Step("name", Equality(f(x), meaning), "", Definition(f(x), meaning)),
        Step("plus 1", statement, "", Identity(meaning + 1, meaning + 1)),
    )
    register(statement, domain, Derivation(steps))


def test_a_name_keeps_the_meaning_that_a_lemma_gives_it(lemma) -> None:
    _defining(lemma, x**2)
    use = Step(
        "lemma", Equality(f(x) + 1, x**2 + 1), "",
        LemmaUse("lemma/made", Equality(f(x) + 1, x**2 + 1)),
    )  # fmt: skip
    cube = Step("name", Equality(f(x), x**3), "", Definition(f(x), x**3))
    square = Step("name", Equality(f(x), x**2), "", Definition(f(x), x**2))
    assert [one.ok for one in Derivation((cube, use)).run().steps] == [True, False]
    assert [one.ok for one in Derivation((use, cube)).run().steps] == [True, False]
    assert Derivation((square, use)).run().ok


def test_what_a_lemma_defines_may_be_renamed_but_not_replaced(lemma) -> None:
    _defining(lemma, x**2)
    g = Function("g")
    assert LemmaUse("lemma/made", Equality(g(x) + 1, x**2 + 1), {f(x): g(x)}).run().ok
    assert not LemmaUse("lemma/made", Equality(x**3 + 1, x**2 + 1), {f(x): x**3}).run().ok


def test_a_value_for_a_symbol_hidden_in_a_name_stays_a_condition(lemma) -> None:
    # f(x) hides a; the statement does not show it, the condition does.
    statement = Bound(f(x), x)
    lemma(statement, Domain(constraints=(sympy.Gt(a, 3),)))
    use = LemmaUse("lemma/made", statement, {a: S(4)})
    outcome = Derivation((Step("at a = 4", statement, "", use),)).run()
    assert outcome.ok, outcome.broke
    assert outcome.steps[0].conditions == (Condition(sympy.Eq(a, 4)),)
    assert outcome.exceeds(Domain()) is not None
    assert outcome.exceeds(Domain(constraints=(sympy.Eq(a, 4),))) is None


def test_evidence_of_a_lemma_does_not_reach_beyond_its_range(lemma) -> None:
    for cited, ok in ((False, False), (True, True)):
        lemma(Equality(f(p), p), Domain({p: Range(1, 2, cited=cited)}))
        assert LemmaUse("lemma/made", Equality(f(q), q), {p: q}).run().ok is ok
    lemma(Equality(f(p), p), Domain({p: Range(1, 2)}))
    inside = {q: (Rational(5, 4), Rational(3, 2))}
    assert LemmaUse("lemma/made", Equality(f(q), q), {p: q}, inside).run().ok
    lemma(LimitStatement(f(p), S(0), p, oo), Domain({p: Range(1, 2)}))
    assert not LemmaUse("lemma/made", LimitStatement(f(p), S(0), p, oo)).run().ok
