"""Bounds over boxes: certified where true, refuted by an exact point, unknown where undecided."""

import pytest
from sympy import Rational, S, Symbol, exp, sin

from exitlaw.claim import Bound, Domain, Equality, LimitStatement, Range
from exitlaw.evidence import BoundOverRegion, Context
from exitlaw.verdict import Verdict

x = Symbol("x", real=True)
y = Symbol("y", real=True)
CONTEXT = Context(domain=Domain({x: Range(0, 1), y: Range(0, 1)}))
BOX = BoundOverRegion("box", {x: (0, 1), y: (0, 1)})


def verdict(statement, evidence=BOX, context=CONTEXT) -> Verdict:
    return evidence.judge(statement, context).verdict


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (Bound(sin(x) * sin(y), x + y + Rational(1, 1000)), "certified"),
        (Bound(x * y, S(1) + Rational(1, 10**6)), "certified"),
        (Bound(x * y, Rational(99, 100)), "refuted"),
        (Bound(x + y, 2 * x + 2 * y, strict=True), "unknown"),  # equal at the corner
        (Equality(x, x), "unknown"),
        (LimitStatement(exp(x), 1 + x, x, S(0), remainder=Rational(2, 5)), "certified"),
        (LimitStatement(exp(x), 1 + x, x, S(0), remainder=Rational(1, 5)), "refuted"),
        (LimitStatement(exp(x), 1 + x, x, S(0)), "unknown"),
    ],
)
def test_decision(statement, expected):
    small = BoundOverRegion("box", {x: (0, 1), y: (0, 1)}, max_boxes=2000)
    assert verdict(statement, small) == expected


def test_a_domain_without_range_is_not_covered():
    context = Context(domain=Domain({x: Range(0, 1)}))
    assert verdict(Bound(x * y, S(2)), BOX, context) == "unknown"


def test_counterexample_is_an_exact_point_of_the_domain():
    found = BOX.judge(Bound(x * y, Rational(99, 100)), CONTEXT)
    assert found.point is not None
    product = Rational(found.point["x"]) * Rational(found.point["y"])
    assert product > Rational(99, 100)


def test_region_must_cover_the_domain():
    part = BoundOverRegion("part", {x: (0, Rational(1, 2)), y: (0, 1)})
    found = part.judge(Bound(x * y, S(2)), CONTEXT)
    assert found.verdict is Verdict.UNKNOWN
    assert "cover" in found.detail


def test_what_violates_outside_the_constraints_counts_for_nothing():
    above = Context(domain=Domain({x: Range(0, 1), y: Range(0, 1)}, (x >= y + Rational(1, 10),)))
    statement = Bound(y, x)
    assert verdict(statement) == "refuted"
    assert verdict(statement, context=above) == "certified"


def test_left_side_may_be_an_enclosure_of_its_own():
    def square(box):
        return box[x] * box[x]

    given = BoundOverRegion("own", {x: (0, 1), y: (0, 1)}, lhs=square)
    quantity = Symbol("Q")
    assert verdict(Bound(quantity, x + Rational(1, 100)), given) == "certified"
    assert verdict(Bound(quantity, x / 2), given) == "refuted"


def test_symbol_without_interval_is_unknown():
    assert verdict(Bound(x, Symbol("z"))) == "unknown"
