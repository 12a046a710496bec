"""Remainders over learning rates: convexity certifies what holds, and nothing else."""

from fractions import Fraction

import pytest
import sympy
from flint import ctx
from sympy import Integer, Rational

from exitlaw.claim import Domain, LimitStatement, Range
from exitlaw.evaluation import enclose
from exitlaw.evidence import Context
from exitlaw.learning_rates import (
    ExpansionOverLearningRates,
    Factor,
    RemainderOverLearningRates,
)
from exitlaw.verdict import Verdict
from numerics.enclosure import Enclosure
from theory.symbols import eta

QUANTITY = (1 + 3 * eta) * sympy.exp(2 / eta) / eta
"""eta * QUANTITY = (1 + 3 eta) exp(2/eta) is log-convex in 1/eta: log(1 + 3/b) + 2 b is convex."""
NODES = tuple(Rational(1, 10) * Rational(9, 10) ** k for k in range(7))


def quantity(point, digits):
    return enclose(QUANTITY, point, digits)


SINGLE = (Factor(quantity, weight=eta),)


def evidence(factors=SINGLE, nodes=NODES):
    return RemainderOverLearningRates("test", factors, eta, nodes, ({},))


def statement(formula, remainder):
    return LimitStatement(sympy.Symbol("Q"), formula, eta, Integer(0), sympy.sympify(remainder))


def context(low=Fraction(1, 100)):
    return Context(domain=Domain(ranges={eta: Range(low, 1)}))


def test_a_remainder_that_holds_is_certified_on_the_inner_interval():
    leading = sympy.exp(2 / eta) / eta
    finding = evidence().judge(statement(leading, 4 * eta), context())
    assert finding.verdict is Verdict.CERTIFIED
    assert f"from {NODES[-2]} to {NODES[1]}" in finding.detail


@pytest.mark.parametrize(
    ("formula", "remainder"),
    [
        (sympy.exp(2 / eta) / eta, 2 * eta),
        (2 * sympy.exp(2 / eta) / eta, 4 * eta),
        (sympy.exp(2 / eta), 4 * eta),
        (sympy.exp(Rational(21, 10) / eta) / eta, 4 * eta),
    ],
)
def test_a_remainder_that_fails_at_a_node_is_refuted_there(formula, remainder):
    finding = evidence().judge(statement(formula, remainder), context())
    assert finding.verdict is Verdict.REFUTED
    assert finding.point is not None


def test_what_convexity_cannot_decide_is_unknown():
    wide = tuple(Rational(1, 10) / 3**k for k in range(4))
    exact = statement(QUANTITY, Rational(1, 10**6))
    finding = evidence(nodes=wide).judge(exact, context(Fraction(1, 1000)))
    assert finding.verdict is Verdict.UNKNOWN


def test_a_violation_between_nodes_is_never_certified():
    # agrees at the nodes' accuracy except for a narrow bump between the third and the fourth
    middle = (NODES[2] + NODES[3]) / 2
    bump = 1 + sympy.exp(-(((eta - middle) * 2000) ** 2)) / 2
    finding = evidence().judge(statement(QUANTITY * bump, Rational(1, 20)), context())
    assert finding.verdict is not Verdict.CERTIFIED


def test_quotients_use_the_opposite_bounds():
    def denominator(point, digits):
        return enclose(sympy.exp(2 / eta), point, digits)

    factors = (Factor(quantity, weight=eta), Factor(denominator, power=-1))
    finding = evidence(factors).judge(statement(1 / eta, 4 * eta), context())
    assert finding.verdict is Verdict.CERTIFIED


def test_a_factor_that_is_not_convex_certifies_nothing():
    def concave(point, digits):
        return enclose(sympy.exp(-1 / eta**2), point, digits)

    finding = evidence((Factor(concave),)).judge(
        statement(sympy.exp(-1 / eta**2), Rational(1, 100)), context()
    )
    assert finding.verdict is Verdict.UNKNOWN
    assert "log-convex" in finding.detail


@pytest.mark.parametrize(
    ("coefficient", "remainder", "verdict"),
    [
        (Integer(3), eta, "certified"),
        (Integer(3), eta / 1000, "unknown"),  # true, but finer than convexity between the nodes
        (Integer(6), eta, "refuted"),
        (Rational(31, 10), eta / 10, "refuted"),
        (Integer(-30), eta, "unknown"),  # 1 + c eta is not positive
    ],
)
def test_an_expansion_is_certified_through_the_product(coefficient, remainder, verdict):
    leading = sympy.exp(2 / eta) / eta
    claimed = LimitStatement(sympy.Symbol("q"), coefficient, eta, Integer(0), remainder)
    whole = ExpansionOverLearningRates(evidence(), leading, eta)
    assert whole.judge(claimed, context()).verdict == verdict
    assert whole.covers() == evidence().covers()


def test_nodes_outside_the_domain_certify_nothing():
    finding = evidence().judge(statement(1 / eta, 1), context(Fraction(1, 12)))
    assert finding.verdict is Verdict.UNKNOWN
    assert "outside the domain" in finding.detail


def test_fewer_than_four_nodes_certify_nothing():
    finding = evidence(nodes=NODES[:3]).judge(statement(QUANTITY, 1), context())
    assert finding.verdict is Verdict.UNKNOWN


def test_the_enclosures_are_those_of_the_quantity():
    with ctx.workprec(128):
        assert isinstance(quantity({eta: Rational(1, 10)}, 8), Enclosure)
