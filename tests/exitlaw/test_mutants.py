"""Generated mutants: systematic, without repetition, none that says the same."""

import pytest
from sympy import Add, Integral, Rational, Symbol, oo, pi, sqrt

from exitlaw.claim import Bound, Equality, Equivalence, LimitStatement
from exitlaw.mutants import MAX_GENERATED, generate, is_equivalent

u, kappa, H_a, H_b, s, theta = (
    Symbol(name, positive=True) for name in ("u", "kappa", "H_a", "H_b", "s", "theta")
)
tau = Symbol("tau", positive=True)
TIME = 2 * pi / sqrt(H_a * H_b) * u ** (kappa + s - Rational(1, 2))


def formulas(statement) -> set:
    return {mutant.formula for mutant in generate(statement)}


def test_each_kind_of_change_is_there():
    found = formulas(Equality(tau, TIME))
    assert 2 * TIME in found
    assert TIME / 2 in found
    assert -TIME in found
    assert TIME.subs(s, 1 - s) in found
    assert 2 * pi / sqrt(H_a * H_b) * u ** (kappa + s) in found
    assert TIME.subs(kappa, -kappa) in found
    assert 2 / sqrt(H_a * H_b) * u ** (kappa + s - Rational(1, 2)) in found  # pi dropped


def test_minimum_and_saddle_are_exchanged():
    lopsided = H_a * u / H_b**2
    assert H_b * u / H_a**2 in formulas(Equality(tau, lopsided))


def test_theta_is_reversed():
    assert u ** (1 - theta) in formulas(Equality(tau, u**theta))


def test_none_is_the_formula_itself_and_none_occurs_twice():
    mutants = generate(Equality(tau, TIME))
    assert TIME not in {m.formula for m in mutants}
    assert len({m.formula for m in mutants}) == len(mutants)
    assert len({m.name for m in mutants}) == len(mutants)


def test_number_is_bounded_and_deterministic():
    long = Add(*(Symbol(f"x{k}") ** k * k for k in range(1, 60)))
    first, second = generate(Equality(tau, long)), generate(Equality(tau, long))
    assert len(first) == MAX_GENERATED
    assert first == second


def test_bounds_get_none():
    assert generate(Bound(tau, u)) == ()


def test_criteria_are_changed_and_reversed():
    criterion = kappa + s > Rational(1, 2)
    found = formulas(Equivalence(Symbol("normalisable"), criterion))
    assert (kappa + s < Rational(1, 2)) in found
    assert (kappa + s > 1) in found
    assert criterion not in found


def test_limits_of_an_integral_stay():
    x = Symbol("x")
    changed = formulas(Equality(tau, Integral(2 * x, (x, 0, u))))
    assert all(f.atoms(Integral) for f in changed)
    assert {i.limits for f in changed for i in f.atoms(Integral)} == {((x, 0, u),)}


@pytest.mark.parametrize(
    ("formula", "other", "same"),
    [
        ((u + 1) ** 2, u**2 + 2 * u + 1, True),
        (u**kappa * u, u ** (kappa + 1), True),
        (u, u + u / 10**30, False),
        (sqrt(u**2), u, True),
        (u > 1, u > 1, True),
        (u > 1, u >= 1, False),
        (u > 1, 2 * u > 2, False),  # the same set, but not by normal form of the difference
    ],
)
def test_equivalence_is_by_normal_form(formula, other, same):
    statement = (Equality if hasattr(formula, "is_Add") and formula.is_Relational is False
                 else Equivalence)(tau, formula)  # fmt: skip
    assert is_equivalent(statement, other) is same


def test_same_asymptotic_form_is_the_same_limit():
    statement = LimitStatement(tau, u**2 + u, u, oo)
    assert is_equivalent(statement, u**2 + 3 * u)
    assert not is_equivalent(statement, 2 * u**2)


def test_remainder_distinguishes_forms_with_the_same_limit():
    statement = LimitStatement(tau, u**2 + u, u, oo, remainder=1 / u**2)
    assert not is_equivalent(statement, u**2 + 3 * u)
