"""False statements built from names, divergent integrals, bound variables and singular equations.

Each was accepted once. Contradictions are built step by step: the last step must not be accepted.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sympy
from sympy import Abs, E, Function, I, Integral, Rational, S, Symbol, atan, exp, log, oo, pi, sqrt

from exitlaw.analysis import (
    LimitProduct,
    Linearity,
    MonotoneIntegral,
    ShiftInvariance,
    TaylorMatch,
    TaylorPositivity,
)
from exitlaw.asymptotics import Composition, FirstTermExpansion, Law
from exitlaw.checks import (
    ChangeOfVariables,
    Check,
    DefiniteIntegral,
    Definition,
    Identity,
    Inequality,
    LemmaUse,
    LimitCheck,
    LogDerivative,
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
    LimitStatement,
    Mutant,
    Range,
    Statement,
)
from exitlaw.derivation import Derivation, SolvesODE, Step
from exitlaw.evidence import BoundOverRegion, Certificate, Context, EnclosureComparison, Finding
from exitlaw.judge import judge
from exitlaw.verdict import Verdict
from numerics.enclosure import Enclosure

x, y, a = (Symbol(name, real=True) for name in "xya")
p, q = Symbol("p", positive=True), Symbol("q", positive=True)
n = Symbol("n", negative=True)
k = Symbol("k", integer=True, positive=True)
gap = Symbol("m", real=True, nonzero=True)
f, positive = Function("f"), Function("F", positive=True)

FALSE: dict[str, Check] = {
    "|m| is m, where m is any number but 0": LogDerivative(
        sqrt(gap**2 + gap**4), gap * sqrt(1 + gap**2), gap, at=S(1)
    ),
    "the value at 0, which no solution reaches": SolvesODE(
        p * f(p).diff(p) - f(p), f(p), 5 * p, ((f(0), S(0)),)
    ),
    "the value at the end of an open interval": SolvesODE(
        x * f(x).diff(x) - f(x), f(x), 5 * x, ((f(0), S(0)),), {x: (S(0), oo)}
    ),
    "a pole of the inhomogeneity": SolvesODE(
        f(x).diff(x) + 1 / x**2, f(x), 1 / x, ((f(1), S(1)),)
    ),
    "two intervals, one initial value": SolvesODE(
        gap**2 * f(gap).diff(gap) + f(gap), f(gap), exp(1 / gap), ((f(1), E),)
    ),
    "a differential equation along integers": SolvesODE(
        f(k).diff(k) - f(k), f(k), exp(k), ((f(1), E),)
    ),
    "a positive function that is negative": SolvesODE(
        positive(x).diff(x) - positive(x), positive(x), -exp(x), ((positive(0), S(-1)),)
    ),
    "Taylor from where the variable never is": TaylorPositivity(2 * p + 3, 1 / p**2, p, 2, S(-1)),
    "a parameter taken for the new variable": ChangeOfVariables(
        x * y, y, (S(0), S(1)), x, x, (S(0), S(1)), x**2
    ),
    "a divergent integral in other units": ChangeOfVariables(
        1 / p, p, (S(0), oo), q**2, q, (S(0), oo), 2 / q
    ),
    "-1 is a name for a positive number": Definition(p, S(-1)),
    "1/2 is a name for an integer": Definition(k, Rational(1, 2)),
    "i is a name for a real number": Definition(a, I),
    "a positive function is a name for a negative one": Definition(positive(x), -1 - x**2),
    "a positive function is replaced by a negative one": Substitution(
        Bound(S(0), positive(x)), {positive(x): -1 - x**2}, Bound(S(0), -1 - x**2)
    ),
    "3 is put for an even number": Substitution(
        Bound(S(0), x ** Symbol("e", even=True)), {Symbol("e", even=True): S(3)},
        Bound(S(0), x**3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_a_false_statement_is_refused(name: str) -> None:
    step = Step(name, FALSE[name].establishes()[0], "", FALSE[name])
    assert not Derivation((step,)).run().ok


# --- contradictions in several steps --------------------------------------------------------------


def _steps(*checks: Check) -> list[Step]:
    return [Step(f"step {j}", c.establishes()[-1], "", c) for j, c in enumerate(checks)]


def _trivial(statement: Statement) -> Step:
    """A step that adds nothing: the statement has to follow from those before."""
    return Step("follows", statement, "", Identity(x, x))


def _accepted(*steps: Step, domain: Domain | None = None) -> bool:
    derivation = Derivation(steps)
    outcome = derivation.run()
    return outcome.ok and outcome.exceeds(domain or Domain()) is None


SOLVED = SolvesODE(f(x).diff(x) - f(x), f(x), exp(x), ((f(0), S(1)),))
"""f = exp, as the one solution of f' = f with f(0) = 1."""


def test_what_an_equation_determines_is_no_arbitrary_function() -> None:
    put = Substitution(Equality(f(x), exp(x)), {f(x): x**5}, Equality(x**5, exp(x)))
    assert _accepted(*_steps(SOLVED))
    assert not _accepted(*_steps(SOLVED, put))


def test_a_name_does_not_become_the_solution_of_an_equation() -> None:
    one = LimitCheck(1 + 1 / x, S(1), x, oo)
    product = LimitProduct(
        ((LimitStatement(1 + 1 / x, S(1), x, oo), 1),), (1 + 1 / x) * f(x) / x**2, S(1),
        (Equality(f(x), x**2),),
    )  # fmt: skip
    steps = _steps(Definition(f(x), x**2), SOLVED, one, product)
    false = _trivial(LimitStatement((1 + 1 / x) * exp(x) / x**2, S(1), x, oo))
    assert not _accepted(*steps, false)
    assert _accepted(steps[0], *steps[2:])


def test_a_divergent_integral_is_no_number() -> None:
    whole = Integral(1 / p, (p, 0, oo))
    change = ChangeOfVariables(1 / p, p, (S(0), oo), q**2, q, (S(0), oo), 2 / q)
    half = Linearity(2 / q, (q, S(0), oo), ((S(2), 1 / q),))
    assert not _accepted(*_steps(change, half), _trivial(Equality(whole, S(0))))


def test_a_sign_that_a_name_is_assumed_to_have_goes_along() -> None:
    steps = [*_steps(Definition(p, x), Inequality(S(0), p)), _trivial(Bound(S(0), x))]
    assert not _accepted(*steps)
    assert _accepted(*steps, domain=Domain(constraints=(sympy.Gt(x, 0),)))


def test_the_interval_of_a_parameter_does_not_depend_on_what_is_integrated_over() -> None:
    value = DefiniteIntegral(a - x, a * x - x**2 / 2, x, S(0), S(1), a - Rational(1, 2))
    above = MonotoneIntegral(S(0), a - x, (x, S(0), S(1)), {x: (S(0), S(1)), a: (x, oo)})
    domain = Domain(constraints=(sympy.Gt(a, x), sympy.Gt(x, 0), sympy.Lt(x, 1)))
    bound = _trivial(Bound(S(0), a - Rational(1, 2)))  # false for a = 1/4
    assert not _accepted(*_steps(value, above), bound, domain=domain)


def test_a_fact_is_not_used_under_an_integral_that_leaves_its_interval() -> None:
    inner = Integral(1 / (x + y) ** 2, (x, 0, 1))
    closed = 1 / y - 1 / (1 + y)
    value = DefiniteIntegral(1 / (x + y) ** 2, -1 / (x + y), x, S(0), S(1), closed, {y: (S(0), oo)})
    domain = Domain(constraints=(sympy.Gt(y, 0),))
    weight = (y * (1 + y)) ** 2
    for low in (-2, 0):
        limits = (y, low, 1)
        goal = Equality(Integral(weight * inner, limits), Integral(weight * closed, limits))
        assert not _accepted(*_steps(value), _trivial(goal), domain=domain)


def test_a_limit_from_below_is_none_from_above() -> None:
    below, inner = LimitCheck(atan(1 / n), -pi / 2, n, S(0)), LimitCheck(1 / p, S(0), p, oo)
    composed = Composition(
        LimitStatement(atan(1 / n), -pi / 2, n, S(0)), LimitStatement(1 / p, S(0), p, oo)
    )  # atan p -> -pi/2
    assert _accepted(*_steps(below, inner))
    assert not _accepted(*_steps(below, inner, composed))


def test_a_name_for_a_kink_is_not_smooth() -> None:
    match = TaylorMatch(f(x) + f(-x), 2 * f(S(0)), x, 2)
    assert _accepted(*_steps(match))
    assert not _accepted(*_steps(Definition(f(x), Abs(x)), match))


def test_a_name_for_an_imaginary_number_is_not_real() -> None:
    square = Inequality(S(0), y**2)
    put = Substitution(Bound(S(0), y**2), {y: f(x)}, Bound(S(0), f(x) ** 2))
    named = Definition(f(x), sqrt(sympy.sin(x) - 2))
    assert _accepted(*_steps(square, put))
    assert not _accepted(*_steps(named, square, put), _trivial(Bound(S(0), sympy.sin(x) - 2)))


def test_an_empty_domain_grants_nothing() -> None:
    small = Inequality(x**2, x, {x: (S(0), S(1))})
    empty = Domain(constraints=(sympy.Gt(a, 1), sympy.Lt(a, 0)))
    assert not _accepted(*_steps(small), domain=empty)
    # A point that does not show the symbol of a constraint is not known to satisfy it.
    evidence = EnclosureComparison("one", lambda point, digits: Enclosure.exact(1), [{x: S(1)}])
    assert evidence.judge(Equality(f(x), x), Context(domain=empty)).verdict is Verdict.UNKNOWN


# --- what is assumed without a check is stated ----------------------------------------------------


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Claim]:
    """Registers a body as a claim, for one test."""

    def register(id: str, body: ClaimBody, verdict: Verdict, source: str = "a book") -> Claim:
        both = {"quick": verdict, "full": verdict}
        made = Claim(id, "", source, both, (), None, lambda: body, __name__)  # type: ignore[arg-type]
        monkeypatch.setitem(REGISTRY, id, made)
        monkeypatch.setitem(_BODIES, id, body)
        return made

    return register


def test_termwise_averages_state_that_they_are_dominated(registered) -> None:
    # E exp(...) = 1 + q pi/4 + ..., though the integrand is 1 + o(q) at every p.
    why = "the integrand is dominated"
    law = Law(p, S(1), S(0), S(1))
    integrand = 1 + q**4 / (p**2 + q**2) ** 2
    check = FirstTermExpansion(
        f(q), Equality(law.mean(S(0)), S(0)), integrand, S(0), law, q, why
    )  # fmt: skip
    steps = (
        Step("expansion", check.expansion, "", LimitCheck(check.expansion.lhs, S(0), q, S(0))),
        Step("mass", law.normalised, "", DefiniteIntegral(S(1), p, p, S(0), S(1), S(1))),
        Step("0", check.first, "", DefiniteIntegral(S(0), S(1), p, S(0), S(1), S(0))),
        *_steps(Definition(f(q), law.mean(integrand)), check),
    )
    statement = check.establishes()[0]
    for hypotheses, verdict in (((), Verdict.UNKNOWN), ((why,), Verdict.PROVED)):
        body = ClaimBody(statement, hypotheses=hypotheses, derivation=Derivation(steps))
        row = judge(registered("made/average", body, Verdict.PROVED)).evidence[0]
        assert row.verdict is verdict, row.detail


def test_what_a_lemma_without_proof_names_is_no_arbitrary_function(registered) -> None:
    time = Function("T")
    statement = Equality(time(p), 2 * p)
    body = ClaimBody(statement, Domain({p: Range(1, 2, cited=True)}))
    registered("lemma/time", body, Verdict.AGREES)
    use = LemmaUse("lemma/time", statement)
    assert use.run().ok
    assert not LemmaUse("lemma/time", Equality(p**3, 2 * p), {time(p): p**3}).run().ok
    put = Substitution(statement, {time(p): p**3}, Equality(p**3, 2 * p))
    assert not _accepted(*_steps(use, put))
    assert not _accepted(*_steps(Definition(time(p), p**3), use))
    joined = replace(use, identified="T is the T of the lemma")
    derivation = Derivation(tuple(_steps(Definition(time(p), p**3), joined)))
    assert derivation.run().ok
    assert derivation.unstated(()) == "T is the T of the lemma"
    assert derivation.unstated(("T is the T of the lemma",)) is None


@pytest.mark.parametrize(("low", "high", "ok"), [(-oo, S(1), False), (S(0), oo, True)])
def test_a_recurrence_on_an_interval_does_not_reach_infinity(registered, low, high, ok) -> None:
    recurrence, limit = Equality(f(x + 1), f(x)), LimitStatement(f(x), S(0), x, oo)
    steps = []
    for id, statement, ends in (
        ("lemma/step", recurrence, (low, high)),
        ("lemma/end", limit, (S(0), oo)),
    ):
        registered(id, ClaimBody(statement, Domain({x: Range(cited=True)})), Verdict.AGREES)
        use = LemmaUse(id, statement, {}, {x: ends}, "f is the f of both lemmas")
        steps.append(Step(id, statement, "", use))
    steps += _steps(ShiftInvariance(f(x), x, S(0), recurrence, limit))
    assert Derivation(tuple(steps)).run().ok is ok


def test_a_symbol_without_range_in_a_lemma_without_proof_is_a_quantity(registered) -> None:
    tau = Symbol("tau", positive=True)
    body = ClaimBody(Equality(tau, 2 * p), Domain({p: Range(1, 2, cited=True)}))
    registered("lemma/time", body, Verdict.AGREES)
    assert LemmaUse("lemma/time", Equality(tau, 2 * p)).run().ok
    assert not LemmaUse("lemma/time", Equality(S(5), 2 * p), {tau: S(5)}).run().ok


# --- evidence -------------------------------------------------------------------------------------


def test_evidence_proves_nothing(registered) -> None:
    for verdict in (Verdict.PROVED, Verdict.AGREES, Verdict.CONFLICT):
        trust = Certificate("trust me", lambda s, c, v=verdict: Finding(v, "I know"))
        body = ClaimBody(Bound(x, x + 1), evidence=(trust,))
        result = judge(registered("made/trust", body, Verdict.PROVED))
        assert result.verdict is Verdict.UNKNOWN
        assert result.evidence[0].verdict is Verdict.UNKNOWN


def test_one_name_does_not_mean_two_symbols(registered) -> None:
    # Proved for positive x only, with a domain that speaks of a real one.
    other = Symbol("x", positive=True)
    statement = Equality(f(other), sqrt(other**2) + 1)
    body = ClaimBody(statement, Domain({x: Range(-1, 1)}))
    result = judge(registered("made/two", body, Verdict.PROVED))
    assert "two symbols" in result.evidence[0].detail


def test_one_formula_under_three_names_is_one_neighbour(registered) -> None:
    evidence = EnclosureComparison(
        "x^2", lambda point, digits: Enclosure.exact(int(point[x]) ** 2), [{x: S(2)}, {x: S(3)}]
    )
    mutants = tuple(Mutant(f"{j}", x**2 + 1) for j in range(3))
    body = ClaimBody(
        Equality(f(x), x**2), Domain({x: Range(0, 5)}), evidence=(evidence,), mutants=mutants,
        generate=False,
    )  # fmt: skip
    result = judge(registered("made/one", body, Verdict.AGREES))
    assert result.count("refuted") == 1
    assert result.verdict is Verdict.UNKNOWN


def test_a_bound_is_not_certified_over_a_pole() -> None:
    # atan(1/x) comes down to -pi/2 left of 0; its derivative -1/(1 + x^2) does not show that.
    region = {x: (-1, 2)}
    bound = BoundOverRegion("boxes", region, max_boxes=200)
    context = Context(domain=Domain({x: Range(-1, 2)}))
    for lhs in (S(-1), -Rational(3, 2)):
        assert bound.judge(Bound(lhs, atan(1 / x)), context).verdict is not Verdict.CERTIFIED
    assert bound.judge(Bound(log(p), p), context).verdict is Verdict.UNKNOWN
