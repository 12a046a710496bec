"""False statements by capture of bound variables, complex branches, names and thin evidence.

Each was accepted once. Several steps end in a falsehood: the derivation must not be accepted.
"""

from collections.abc import Callable

import pytest
import sympy
from sympy import Abs, Function, I, Integral, Piecewise, Rational, S, Symbol, atan, exp, log, oo, pi

from exitlaw.analysis import (
    MonotoneIntegral,
    Multiple,
    PowerTail,
    Supremum,
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
from exitlaw.domination import DominatedConvergence
from exitlaw.evidence import BoundOverRegion, Context, EnclosureComparison, MonteCarloTest
from exitlaw.judge import judge
from exitlaw.verdict import Verdict
from exitlaw.verification import check_file, forget_file
from numerics.enclosure import Enclosure
from numerics.simulation import Estimate

x, y, a, v = (Symbol(name, real=True) for name in "xyav")
p, q, r = (Symbol(name, positive=True) for name in "pqr")
u = Symbol("u", nonnegative=True)
k = Symbol("k", integer=True, positive=True)
f, g = Function("f"), Function("g")
top, positive_top, negative_top = (
    Symbol("s", real=True), Symbol("s", positive=True), Symbol("s", negative=True)
)  # fmt: skip


def _trivial(statement: Statement) -> Step:
    """A step that adds nothing: the statement has to follow from those before."""
    return Step("follows", statement, "", Identity(x, x))


def _accepted(*parts: Check | Step, domain: Domain | None = None) -> bool:
    steps = tuple(
        part if isinstance(part, Step) else Step(f"step {j}", part.establishes()[-1], "", part)
        for j, part in enumerate(parts)
    )
    outcome = Derivation(steps).run()
    return outcome.ok and outcome.exceeds(domain or Domain()) is None


# --- complex branches -----------------------------------------------------------------------------

JUMP = atan(x + 2 * I) + atan(x - 2 * I)
"""Real for real x, with a jump of 2 pi at 0: atan has cuts on the imaginary axis."""

SLOPE = 1 / (1 + (x + 2 * I) ** 2) + 1 / (1 + (x - 2 * I) ** 2)

UNIT = Integral(1, (y, 0, 1))


class Trusted(Function):
    """A function of the author's own that says what it likes."""

    def _eval_is_positive(self) -> bool:
        return True


FALSE: dict[str, Check] = {
    "the limit at a branch cut": LimitCheck(JUMP, S(0), x, S(0)),
    "a primitive that jumps at a branch cut": DefiniteIntegral(
        SLOPE, JUMP, x, S(-1), S(1), 2 * (atan(1 + 2 * I) + atan(1 - 2 * I))
    ),
    "a complex number called positive": Inequality(S(0), x**2 + I * x, strict=True),
    "a complex square called a square": Inequality(S(0), x**2 + 2 * I * x - 1),
    "conditions of an integrand taken out of the integral": Identity(
        Integral(Piecewise((1, x > 0), (2, True)), (x, -1, 1)),
        Piecewise((1, x > 0), (2, True)) * Integral(1, (x, -1, 1)),
    ),
    "a symbol called like the series' logarithm": LimitCheck(
        1 / (1 + Symbol("l_log_t", real=True) ** 2), S(0), p, oo
    ),
    "the supremum of its own multiple": Supremum(
        positive_top, sympy.Lt(q, 2 * positive_top), q, 2 * positive_top
    ),
    "the supremum of integers": Supremum(
        positive_top, sympy.Lt(k, Rational(5, 2)), k, Rational(5, 2)
    ),
    "a negative supremum": Supremum(negative_top, sympy.Lt(q, p), q, p),
    "an exponent that moves": PowerTail(
        1 / p, p, -1 + 1 / log(p), exp(-1), Symbol("holds"), sympy.Lt(1 / log(p), 0)
    ),
    "f(1) is 1 and -1": Definition(f(x**2), x),
    "a value outside of where a branch is given": Identity(
        Piecewise((x, x > 0)), Piecewise((x, x > 0), (5, True))
    ),
    "oo - oo under an integral": Identity(
        Integral((exp(-q) - exp(-2 * q)) / q * UNIT, (q, 0, 1)),
        UNIT * Integral(exp(-q) / q, (q, 0, 1)) - UNIT * Integral(exp(-2 * q) / q, (q, 0, 1)),
    ),
    "the integral from -oo to -oo": Inequality(
        S(0), Integral(p, (x, -oo, -oo)), strict=True
    ),
    "a function that calls itself positive": Inequality(S(0), Trusted(x)),  # type: ignore[arg-type]
    "operators that do not commute": Identity(
        Symbol("A", commutative=False) * Symbol("B", commutative=False),
        Symbol("B", commutative=False) * Symbol("A", commutative=False),
    ),
    "minus a symbol that is called zero": Inequality(S(0), -Symbol("z", zero=True)),
    "minus the inverse of an infinite symbol": Inequality(S(0), -1 / Symbol("z", infinite=True)),
    "an integral that catches the end of an interval": Inequality(
        S(0), Integral(x - a, (x, 0, 1)), {x: (S(5), S(6)), a: (S(0), x)}
    ),
    "the new variable times a bound one": ChangeOfVariables(
        Integral(y * p, (p, 0, 1)), y, (S(0), p), p * v, v, (S(0), S(1)),
        p * Integral(p**2 * v, (p, 0, 1)),
    ),
}  # fmt: skip

GRANTED = Domain(constraints=(x > 5, x < 6, a > 0, a < x))


@pytest.mark.parametrize("name", FALSE)
def test_a_false_statement_is_refused(name: str) -> None:
    assert not _accepted(FALSE[name], domain=GRANTED)


def test_what_is_real_and_regular_is_still_accepted() -> None:
    assert _accepted(DefiniteIntegral(1 / (1 + x**2), atan(x), x, -oo, oo, pi))
    assert _accepted(Inequality(S(0), x**2 + x + 1, strict=True))
    assert _accepted(Definition(f(p**2), p))
    inside = Piecewise((x, x > 0), (2 * x, True))
    assert _accepted(Identity(inside + inside, 2 * inside))
    whole = Integral(inside, (x, 0, 1))
    assert _accepted(Identity((whole + 1) ** 2 - 1, whole**2 + 2 * whole))
    assert _accepted(Supremum(top, sympy.Lt(q, p), q, p))


# --- capture of bound variables -------------------------------------------------------------------


def test_a_composition_does_not_catch_the_variable_of_an_integral() -> None:
    # int_0^1 dp/(q (1 + p)^2) -> 0 as q -> oo; with q = p r it is infinite for every r.
    integrand = 1 / (q * (1 + p) ** 2)
    limit, bound = LimitStatement(integrand, S(0), q, oo), Bound(integrand, 1 / (1 + p) ** 2)
    steps = (
        LimitCheck(integrand, S(0), q, oo),
        Inequality(integrand, bound.rhs, {q: (S(1), oo)}),
        DominatedConvergence(limit, bound, (p, S(0), S(1))),
    )
    outer = steps[-1].establishes()[0]
    assert isinstance(outer, LimitStatement)
    grows, other = (LimitCheck(inner, oo, r, oo) for inner in (p * r, 2 * r))
    assert not _accepted(*steps, grows, Composition(outer, LimitStatement(p * r, oo, r, oo)))
    assert _accepted(*steps, other, Composition(outer, LimitStatement(2 * r, oo, r, oo)))


def test_a_mirrored_bound_does_not_catch_the_variable_of_an_integral() -> None:
    inner = Integral(q**2 * x, (x, 0, 1))
    bound = Bound(q**2 / 3, inner)
    value = DefiniteIntegral(q**2 * x, q**2 * x**2 / 2, x, S(0), S(1), q**2 / 2)
    shown = Step("bound", bound, "", Inequality(q**2 / 3, q**2 / 2))
    caught = Integral(x**3, (x, 0, 1))
    mirrored = MonotoneIntegral(x**2 / 3, caught, (x, S(-9), S(9)), by=bound, mirror=q)
    assert _accepted(value, shown)
    assert not _accepted(value, shown, mirrored)  # 162 <= 9/2


def test_the_end_of_a_limit_moves_with_what_is_put_in() -> None:
    limit = LimitCheck(x - a, S(0), x, a)
    source = LimitStatement(x - a, S(0), x, a)
    for to, ok in ((a, False), (S(0), True)):  # x -> 0 as x -> a?
        put = Substitution(source, {a: S(0)}, LimitStatement(x, S(0), x, to))
        assert _accepted(limit, put) is ok


def test_a_parameter_of_a_limit_is_not_replaced_by_its_variable() -> None:
    limit = LimitCheck((1 + a) / p, S(0), p, oo)
    (source, *_) = limit.establishes()
    assert isinstance(source, Equality)
    result = Equality(source.lhs.subs(a, p), S(0))  # (1 + p)/p -> 0
    assert not _accepted(limit, Substitution(source, {a: p}, result))


# --- facts outside of where they were shown -------------------------------------------------------


def test_a_mirrored_bound_holds_on_the_whole_interval() -> None:
    far = Inequality(S(0), q**2 - 3, {q: (S(2), oo)})
    whole = MonotoneIntegral(
        S(0), x**2 - 3, (x, S(-1), S(1)), by=Bound(S(0), q**2 - 3), mirror=q
    )  # 0 <= -16/3
    assert not _accepted(far, whole, domain=Domain(constraints=(q > 2,)))


def test_a_bound_far_out_is_none_on_the_way_from_the_start() -> None:
    steep = Inequality(S(5), 2 * u, {u: (S(3), oo)})
    grown = TaylorPositivity(S(0), u**2 - 5 * u, u, 1, S(0), ((S(1), Bound(S(5), 2 * u)),))
    assert not _accepted(steep, grown, domain=Domain(constraints=(u > 3,)))  # -4 at u = 4


def test_an_expansion_is_shown_wherever_the_law_has_mass() -> None:
    # E x erf(x/q) is about 1/2 on (-1, 1), though x erf(x/q) = x + o(q) for x > 0.
    law = Law(x, Rational(1, 2), S(-1), S(1))
    integrand = 1 + q * x * sympy.erf(x / q)
    check = FirstTermExpansion(
        f(q), Equality(law.mean(x), S(0)), integrand, x, law, q, "it is dominated"
    )
    steps = (
        LimitCheck(check.expansion.lhs, S(0), q, S(0), given={x: (S(0), oo)}),
        DefiniteIntegral(Rational(1, 2), x / 2, x, S(-1), S(1), S(1)),
        DefiniteIntegral(x / 2, x**2 / 4, x, S(-1), S(1), S(0)),
        Definition(f(q), law.mean(integrand)),
    )
    assert _accepted(*steps)
    assert not _accepted(*steps, check, domain=Domain(constraints=(x > 0,)))


def test_the_last_step_is_not_integrated_over_values_that_it_excludes() -> None:
    inner = Integral(1 / (p + x) ** 2, (p, 0, oo))  # 1/x for x > 0, infinite for x < 0
    value = DefiniteIntegral(1 / (p + x) ** 2, -1 / (p + x), p, S(0), oo, 1 / x, {x: (S(0), oo)})
    derivation = Derivation((Step("value", value.establishes()[0], "", value),))
    assert derivation.run().ok
    assert derivation.concludes(Equality(inner, 1 / x))
    limits = (x, -1, 1)
    assert not derivation.concludes(Equality(Integral(x**2 * inner, limits), Integral(x, limits)))


# --- undefined functions are real and smooth ------------------------------------------------------


def test_a_smooth_function_is_not_replaced_by_a_pole_or_a_kink() -> None:
    match = TaylorMatch(x * f(x), S(0), x, 1)
    source = LimitStatement(x * f(x), S(0), x, S(0))
    pole = Substitution(source, {f(x): 1 / x}, LimitStatement(S(1), S(0), x, S(0)))
    fine = Substitution(source, {f(x): exp(x)}, LimitStatement(x * exp(x), S(0), x, S(0)))
    assert not _accepted(match, pole)
    assert _accepted(match, fine)
    even = TaylorMatch(f(x) + f(-x), 2 * f(S(0)), x, 2)
    (smooth,) = even.establishes()
    assert isinstance(smooth, LimitStatement)
    kink = LimitStatement(2 * Abs(x) / x, S(0), x, S(0))
    assert not _accepted(even, Substitution(smooth, {f: Abs}, kink))  # type: ignore[dict-item]


def test_a_real_function_is_not_replaced_by_an_imaginary_one() -> None:
    steps = (
        Inequality(S(0), y**2),
        Substitution(Bound(S(0), y**2), {y: f(x)}, Bound(S(0), f(x) ** 2)),
    )
    imaginary = Substitution(Bound(S(0), f(x) ** 2), {f(x): I}, Bound(S(0), S(-1)))
    assert _accepted(*steps)
    assert not _accepted(*steps, imaginary)


def test_what_an_equation_determines_was_not_taken_as_smooth_before() -> None:
    match = TaylorMatch(p * f(p), S(0), p, 1)
    solved = SolvesODE(p * f(p).diff(p) + f(p), f(p), 1 / p, ((f(1), S(1)),))
    false = _trivial(LimitStatement(S(1), S(0), p, S(0)))
    assert _accepted(solved)
    assert not _accepted(match, solved, false)


# --- names and numbers ----------------------------------------------------------------------------


def test_a_supremum_is_a_name_with_a_meaning() -> None:
    named = Supremum(top, sympy.Lt(q, p), q, p)
    five = Substitution(Equality(top, p), {top: S(5)}, Equality(S(5), p))
    assert not _accepted(named, five)
    variable = Domain({top: Range(0, 10), p: Range(0, 10)})
    assert not _accepted(named, domain=variable)


def test_a_constant_that_is_zero_is_not_divided_by() -> None:
    # atan 2 + atan 1/2 = pi/2, which no normal form sees.
    left, right = exp(atan(p) + atan(1 / p)), exp(pi / 2)
    known = LogDerivative(left, right, p, at=S(1))
    at_two = Substitution(Equality(left, right), {p: S(2)}, Equality(left.subs(p, 2), right))
    divided = Multiple(
        Equality(left.subs(p, 2), right), (p - q) / (left.subs(p, 2) - right), Equality(p, q)
    )
    assert _accepted(known, at_two)
    assert not _accepted(known, at_two, divided)
    assert not _accepted(known, _trivial(Equality(1 / (left - right), 2 / (left - right))))


def test_rounded_numbers_are_none_of_a_derivation() -> None:
    exact = Identity((1 + a) * p - p, a * p)
    tiny = sympy.Float("1e-17")
    put = Substitution(Equality(exact.lhs, exact.rhs), {a: tiny}, Equality(S(0), tiny * p))
    assert _accepted(exact)
    assert not _accepted(exact, put)


def test_evidence_beside_a_derivation_is_still_about_one_quantity(monkeypatch) -> None:
    # A claim that need only agree: what it names may not be replaced, derivation or not.
    time = Function("T")
    statement = Equality(time(p), 2 * p)
    nothing = Derivation((_trivial(Equality(x, x)),))
    body = ClaimBody(statement, Domain({p: Range(1, 2, cited=True)}), derivation=nothing)
    for demanded, ok in ((Verdict.AGREES, False), (Verdict.PROVED, True)):
        both = {"quick": demanded, "full": demanded}
        made = Claim("made/time", "", "a book", both, (), None, lambda: body, __name__)  # type: ignore[arg-type]
        monkeypatch.setitem(REGISTRY, "made/time", made)
        monkeypatch.setitem(_BODIES, "made/time", body)
        use = LemmaUse("made/time", Equality(exp(p), 2 * p), {time(p): exp(p)})
        assert use.run().ok is ok  # a derivation that is demanded holds for every T


@pytest.mark.parametrize("proved", [True, False])
def test_two_names_of_a_lemma_do_not_become_one(monkeypatch, proved: bool) -> None:
    # f = x^2 and g = x^3, or two quantities: one g for both would give g^2 = x^5, or g = 2 g.
    h = Function("h")
    named = (Definition(f(x), x**2), Definition(g(x), x**3), Identity(x**5, x**2 * x**3))
    product = Equality(f(x) * g(x), x**5)
    steps = tuple(
        Step(f"{j}", product if j == 2 else check.establishes()[0], "", check)
        for j, check in enumerate(named)
    )
    body = ClaimBody(
        product, Domain({x: Range(1, 2, cited=True)}),
        derivation=Derivation(steps) if proved else None,
    )  # fmt: skip
    verdict = Verdict.PROVED if proved else Verdict.AGREES
    both = {"quick": verdict, "full": verdict}
    made = Claim("made/two", "", "a book", both, (), None, lambda: body, __name__)  # type: ignore[arg-type]
    monkeypatch.setitem(REGISTRY, "made/two", made)
    monkeypatch.setitem(_BODIES, "made/two", body)
    for mapping, name, ok in (
        ({f(x): h(x), g(x): h(x)}, h(x) ** 2, False),
        ({f(x): g(x)}, g(x) ** 2, False),
        ({f(x): h(x)}, h(x) * g(x), True),
        ({f(x): g(x), g(x): f(x)}, f(x) * g(x), True),
    ):
        assert LemmaUse("made/two", Equality(name, x**5), mapping).run().ok is ok


# --- evidence that says little --------------------------------------------------------------------


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Verdict]:
    """The verdict on a body that is expected to agree."""

    def verdict(body: ClaimBody) -> Verdict:
        both = {"quick": Verdict.AGREES, "full": Verdict.AGREES}
        made = Claim("made/up", "", "a book", both, (), None, lambda: body, __name__)  # type: ignore[arg-type]
        monkeypatch.setitem(REGISTRY, "made/up", made)
        monkeypatch.setitem(_BODIES, "made/up", body)
        return judge(made).verdict

    return verdict


def _compared(value: sympy.Expr, points: list[dict]) -> EnclosureComparison:
    def reference(point, digits) -> Enclosure:
        return Enclosure.exact(int(value.subs(point)))

    return EnclosureComparison("exact", reference, points, digits=10)


def test_an_equality_is_compared_where_each_variable_differs(judged) -> None:
    inside = Domain({x: Range(0, 5), p: Range(0, 5)})
    alike = [{x: S(2), p: S(1)}, {x: S(2), p: S(3)}]
    apart = [{x: S(2), p: S(1)}, {x: S(3), p: S(3)}]
    for formula, points, expected in (
        (2 * x * p, alike, Verdict.UNKNOWN),  # 2 x p = x^2 p at x = 2
        (2 * x * p, apart, Verdict.REFUTED),
        (x**2 * p, apart, Verdict.AGREES),
    ):
        evidence = (_compared(x**2 * p, points),)
        assert judged(ClaimBody(Equality(g(x, p), formula), inside, evidence=evidence)) is expected
    # x^2 = 4 at the one point x = 2: the formula shows no variable.
    square = ClaimBody(
        Equality(x**2, S(4)), Domain({x: Range(0, 5)}), evidence=(_compared(x**2, [{x: S(2)}]),)
    )
    assert judged(square) is Verdict.UNKNOWN


def test_an_equality_is_compared_on_both_sides_of_0(judged) -> None:
    # |x| = x wherever x > 0.
    right: list[dict] = [{x: S(2)}, {x: S(3)}]
    for points, expected in (
        (right, Verdict.UNKNOWN),
        ([*right, {x: S(-2)}], Verdict.REFUTED),
    ):
        evidence = (_compared(Abs(x), points),)
        body = ClaimBody(Equality(g(x), x), Domain({x: Range(-5, 5)}), evidence=evidence)
        assert judged(body) is expected


@pytest.mark.parametrize(("error", "expected"), [(0.2, Verdict.UNKNOWN), (0.01, Verdict.REFUTED)])
def test_a_simulation_tells_a_factor_2_apart(judged, error: float, expected: Verdict) -> None:
    # The truth is twice the formula; neighbours 1000 times as large are told apart all the same.
    def simulate(point, context) -> Estimate:
        value = 2.0 * float(point[p])
        return Estimate(value, error * value, 0.0, "proven", 10_000, 10_000, "made", 0, 0.0)

    test = MonteCarloTest("noisy", simulate, ({p: S(2)},), ("1000",))
    mutants = tuple(Mutant(f"{size}", size * p) for size in (1000, 2000, 3000))
    body = ClaimBody(
        Equality(g(p), p), Domain({p: Range(1, 5)}), evidence=(test,), mutants=mutants,
        generate=False,
    )  # fmt: skip
    assert judged(body) is expected


def test_a_range_holds_no_values_that_the_symbol_excludes(judged) -> None:
    # sqrt(p^2) = p is built in for p > 0: it must not be claimed on [-5, 5].
    points: list[dict] = [{p: S(2)}, {p: S(3)}]
    for low, expected in ((-5, Verdict.UNKNOWN), (0, Verdict.AGREES)):
        body = ClaimBody(
            Equality(f(p), sympy.sqrt(p**2)), Domain({p: Range(low, 5)}),
            evidence=(_compared(p, points),),
        )  # fmt: skip
        assert judged(body) is expected
    context = Context(domain=Domain({p: Range(-5, 5)}))
    route = _compared(p, [{p: S(-1)}, {p: S(-2)}])
    assert route.judge(Equality(f(p), p), context).verdict is Verdict.UNKNOWN


def test_a_bound_is_not_certified_across_a_jump() -> None:
    # The slope of a step is 0 off the jump, which the middle of a box does not show.
    step = sympy.Heaviside(x - Rational(1, 3))
    route = BoundOverRegion("boxes", {x: (-1, 1)}, max_boxes=200)
    context = Context(domain=Domain({x: Range(-1, 1)}))
    for high, verdict in ((Rational(1, 2), Verdict.REFUTED), (S(1), Verdict.CERTIFIED)):
        assert route.judge(Bound(step, high + x**2 / 100), context).verdict is verdict
    with pytest.raises(ValueError, match="DiracDelta"):
        route.judge(Bound(sympy.DiracDelta(x), S(1)), context)


@pytest.mark.parametrize(
    ("source", "verdict"), [("derived here", Verdict.UNKNOWN), ("a book", Verdict.CERTIFIED)]
)
def test_a_remainder_on_a_region_shows_no_limit(monkeypatch, source: str, verdict: Verdict) -> None:
    # 1 + p/10^6 is within 1/1000 of 1 on [1, 100], and tends to oo.
    statement = LimitStatement(1 + p / 10**6, S(1), p, oo, remainder=Rational(1, 1000) + 0 * p)
    body = ClaimBody(
        statement, Domain({p: Range(1, 100)}),
        evidence=(BoundOverRegion("boxes", {p: (1, 100)}),),
        mutants=tuple(Mutant(f"{value}", S(value)) for value in (2, 3, 4)), generate=False,
    )  # fmt: skip
    both = {"quick": Verdict.CERTIFIED, "full": Verdict.CERTIFIED}
    made = Claim("made/limit", "", source, both, (), None, lambda: body, __name__)  # type: ignore[arg-type]
    monkeypatch.setitem(REGISTRY, "made/limit", made)
    result = judge(made)
    assert result.verdict is verdict
    assert (result.open_limit is None) is (verdict is Verdict.CERTIFIED)


def test_what_is_written_alike_is_one_thing(judged) -> None:
    # The formulas read f(x) = x; the evidence is about the other x, or the other f.
    points: list[dict] = [{x: S(2)}, {x: S(3)}]
    other = sympy.Dummy("x", real=True)
    for lhs in (f(x) + other - x, f(x) + Function("f", positive=True)(x) - x):
        body = ClaimBody(
            Equality(lhs, x), Domain({x: Range(0, 5)}), evidence=(_compared(x, points),)
        )
        assert judged(body) is Verdict.UNKNOWN


def test_a_statement_that_says_nothing_is_unknown(judged) -> None:
    points: list[dict] = [{x: S(2)}, {x: S(3)}]
    evidence = (_compared(x, points),)
    body = ClaimBody(Equality(x, 2 * x - x), Domain({x: Range(0, 5)}), evidence=evidence)
    assert judged(body) is Verdict.UNKNOWN


def test_a_statement_is_made_of_exact_numbers(judged) -> None:
    body = ClaimBody(
        Equality(f(x), sympy.Float(1) * x), Domain({x: Range(0, 5)}),
        evidence=(_compared(x, [{x: S(2)}, {x: S(3)}]),), mutants=(Mutant("other", x + 1),),
    )  # fmt: skip
    assert judged(body) is Verdict.UNKNOWN


HIDDEN = """
from sympy import Integer, Symbol
from exitlaw import ClaimBody, Domain, EnclosureComparison, Equality, Range, claim
from numerics.enclosure import Enclosure

p = Symbol("p", positive=True)


def body():
    square = lambda point, digits: Enclosure.exact(int(point[p]) ** 2)
    evidence = EnclosureComparison("exact", square, [{p: Integer(2)}, {p: Integer(3)}])
    return ClaimBody(Equality(Symbol("S"), p**2), Domain({p: Range(1, 9)}), evidence=(evidence,))


@claim("made/seen", title="seen", source="a book", expected="agrees")
def seen():
    return body()
"""


def test_a_claim_inside_a_loop_is_not_passed_over(tmp_path) -> None:
    loop = """
for number in range(2):
    claim(f"made/{number}", title="hidden", source="a book", expected="agrees")(lambda: body())
"""
    for name, more, verdict in (("seen", "", Verdict.AGREES), ("loop", loop, Verdict.UNKNOWN)):
        path = tmp_path / f"claims_{name}.py"
        path.write_text(HIDDEN + more, encoding="utf-8")
        try:
            (result,) = check_file(path).claims
        finally:
            forget_file(path)
        assert result.verdict is verdict, result.why()
