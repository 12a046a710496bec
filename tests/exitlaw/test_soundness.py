"""False statements that every checker has to refuse: each was written to be accepted."""

import pytest
import sympy
from sympy import Eq, Function, Integral, Rational, S, Symbol, atan, exp, log, oo, pi, sqrt

from exitlaw.analysis import (
    Conjunction,
    LimitProduct,
    MomentExpectation,
    MonotoneIntegral,
    PowerTail,
    ShiftInvariance,
    Supremum,
    TaylorPositivity,
    Tonelli,
    TotalDerivative,
    Weakened,
)
from exitlaw.asymptotics import CaseSplit, Composition, ContinuousImage, PowerLimit
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
from exitlaw.derivation import Derivation, Step
from exitlaw.evidence import Context, EnclosureComparison
from exitlaw.relations import is_zero, same_statement
from exitlaw.verdict import Verdict
from numerics.enclosure import Enclosure

x = Symbol("x", real=True)
y = Symbol("y", real=True)
a = Symbol("a", real=True)
p = Symbol("p", positive=True)
q = Symbol("q", positive=True)
f = Function("f")
holds, fails = Symbol("holds"), Symbol("fails")

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
    "a random variable without mass 1": MomentExpectation(f(a), x**2 + 1, x, (2, 0, 1), S(3)),
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

    def register(statement: Statement, domain: Domain | None = None) -> None:
        body = ClaimBody(statement=statement, domain=domain or Domain())
        made = Claim("lemma/made", "", "", {}, (), None, lambda: body, __name__)
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
    derivation = Derivation((step,))
    assert derivation.run().ok
    assert derivation.concludes(Equality(f(x), x**2))
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
    assert derivation.exceeds(Domain({x: Range(0, 3)})) is not None
    assert derivation.exceeds(Domain()) is not None
    assert derivation.exceeds(Domain({x: Range(0, 1)})) is None
    inside = (sympy.Gt(x, 0), sympy.Lt(x, Rational(1, 2)))
    assert derivation.exceeds(Domain(constraints=inside)) is None
    assert derivation.exceeds(Domain(constraints=inside[:1])) is not None
