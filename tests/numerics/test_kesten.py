"""Tail index of affine recursions: exact cases, published values, both routes."""

from fractions import Fraction

import pytest

from numerics.errors import ComputationError
from numerics.kesten import ChiSquared, Normal, tail_index


@pytest.mark.parametrize("method", ["arb", "mpmath"])
@pytest.mark.parametrize(
    ("curvature", "eta"),
    [
        # E(1 - ηh)² = (1 - η E h)² + η² Var h = 1 at these rates
        (ChiSquared(1, 1), Fraction(2, 3)),
        (ChiSquared(Fraction(1, 2), 2), 1),
        (Normal(1, 1), 1),
        (Normal(2, Fraction(1, 2)), Fraction(16, 17)),
    ],
)
def test_index_two_where_the_second_moment_is_one(curvature, eta, method):
    found = tail_index(curvature, eta, digits=20, method=method)
    assert found.lower <= 2 <= found.upper
    assert found.relative_width() <= 1e-20


@pytest.mark.parametrize(
    ("curvature", "eta", "index"),
    [
        # Gaussian data: h = x², or the mean of four of them; eight and more digits as published.
        (ChiSquared(1, 1), 1, "1.09082647"),
        (ChiSquared(1, 1), Fraction(1, 2), "2.90396623"),
        (ChiSquared(1, 1), Fraction(1, 10), "17.2845857"),
        (ChiSquared(Fraction(1, 4), 4), Fraction(1, 10), "65.7239548"),
        (ChiSquared(1, 1), Fraction(1, 50), "89.1104244"),
    ],
)
def test_published_values(curvature, eta, index):
    found = tail_index(curvature, eta, digits=15, method="arb")
    assert abs(float(found) - float(index)) < 0.6 * 10.0 ** -len(index.partition(".")[2])


def test_routes_agree_at_many_digits():
    certified = tail_index(ChiSquared(1, 3), Fraction(1, 5), digits=40, method="arb")
    estimated = tail_index(ChiSquared(1, 3), Fraction(1, 5), digits=40, method="mpmath")
    assert certified.overlaps(estimated)


def test_more_digits_lie_inside_fewer():
    coarse = tail_index(Normal(1, Fraction(1, 2)), 1, digits=10, method="arb")
    fine = tail_index(Normal(1, Fraction(1, 2)), 1, digits=60, method="arb")
    assert coarse.contains(fine)


@pytest.mark.parametrize(("curvature", "eta"), [(ChiSquared(1, 1), 5), (Normal(1, 1), 3)])
def test_unstable_recursions_have_no_index(curvature, eta):
    with pytest.raises(ComputationError, match="smaller learning rate"):
        tail_index(curvature, eta, method="arb")
