"""Rational functions of several variables, and polynomials that are positive far out."""

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from numerics import polynomials
from numerics.lowering import lower
from numerics.polynomials import NotRational, dominates, quotients, without_real_zeros

x, y, z = sympy.symbols("x y z", real=True)
PLANE, SPACE = (x, y), (x, y, z)


def decided(large, small=1, variables=PLANE):
    ring, (f, g) = quotients(lower([sympy.sympify(large), sympy.sympify(small)], variables))
    assert f.below.is_constant()
    return dominates(
        ring, range(len(variables)), f.above, g.above, [ring.squared_radius(range(len(variables)))]
    )


PROVED = {
    "powers of different height": (x**4 + y**2 - 50 * x * y - 9 * x**2, x**2 + y**2),
    "weights in one": (3 * x**4 - 3 * x**2 * y + y**2, x**4),
    "light terms of odd degree": (x**4 + y**2 - 7 * x**3 - 5 * y, 1),
    "a heavy even term": (x**2 + y**2 + x**6 * y**4, x * y),
    "a form": (x**2 - x * y + y**2, x**2),
    "quartic below its threshold": (x**4 - sympy.Rational(199, 100) * x**2 * y**2 + y**4, x**4),
    "times the squared radius": ((x**2 + y**2) * (x**2 - x * y + y**2), x**4),
    "a bounded factor": (x**4 + y**2 + x**3 * sympy.sin(y) + y * sympy.tanh(x), 1),
}
UNDECIDED = {
    "semidefinite": ((x - y) ** 2, 1),
    "negative": (-(x**2) - y**2, 1),
    "a saddle": (x**2 - y**2, 1),
    "odd": (x**3 + y**2, 1),
    "no power of y": (x**2, 1),
    "quartic at its threshold": (x**4 - 2 * x**2 * y**2 + y**4, 1),
    "weights at their threshold": (x**4 - 2 * x**2 * y + y**2, 1),
    "negative beside": (x**4 + y**4 + 9 * x**3 * y, 1),
    "a heavy odd term": (x**2 + y**2 + x**3 * y**3, 1),
    "less than what it should exceed": (x**2 + y**2, x**2 * y),
    "a bounded factor of the leading term": (x**2 * (2 + sympy.sin(x)) + y**2, 1),
}


@pytest.mark.parametrize("name", PROVED)
def test_positive_far_out(name):
    assert decided(*PROVED[name]) == "proved"


@pytest.mark.parametrize("name", UNDECIDED)
def test_not_positive_far_out_or_not_known(name):
    assert decided(*UNDECIDED[name]) is None


@pytest.mark.parametrize(
    ("share", "support"),
    [("19/10", "proved"), ("5/2", "numerical"), ("3", None)],
    ids=["outweighed", "positive", "negative"],
)
def test_forms_in_space(share, support):
    """x⁴ + y⁴ + z⁴ − c x²yz is positive for c < 2√2 (y = z); its powers outweigh it for c < 2."""
    form = x**4 + y**4 + z**4 - sympy.Rational(share) * x**2 * y * z
    assert decided(form, x**4 + y**4, SPACE) == support
    assert decided(form, x**4 * y, SPACE) is None


@given(st.lists(st.integers(-4, 4), min_size=6, max_size=6))
def test_quadratic_forms_in_space_against_eigenvalues(entries):
    a, b, c, d, e, f = entries
    matrix = sympy.Matrix([[a, d, e], [d, b, f], [e, f, c]])
    form = sympy.expand((sympy.Matrix([SPACE]) * matrix * sympy.Matrix(SPACE))[0])
    assert (decided(form, 1, SPACE) == "proved") == bool(matrix.is_positive_definite)


@given(st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_quartic_forms_in_the_plane_against_real_roots(numbers):
    """Positive if and only if x⁴ and y⁴ have positive coefficients, and no line has a zero."""
    form = sum(c * x ** (4 - n) * y**n for n, c in enumerate(numbers))
    line = sympy.Poly(numbers[::-1], y)
    positive = numbers[0] > 0 and numbers[4] > 0 and line.count_roots() == 0
    assert decided(form) == ("proved" if positive else None)


def test_rational_functions_are_in_lowest_terms():
    ring, (f, g) = quotients(lower([(x**2 - y**2) / (x + y), 1 / (1 + x**2) ** 2], PLANE))
    assert f.below.is_constant()
    assert ring.degree(f.above) == 1
    assert (ring.degree(g.above), ring.degree(g.below)) == (0, 4)
    assert ring.depends(g) == {0}


def test_what_a_bounded_function_depends_on_is_known():
    ring, (f,) = quotients(lower([x + sympy.sin(sympy.exp(y))], PLANE))
    assert ring.depends(f) == {0, 1}


@pytest.mark.parametrize(
    "formula", [sympy.exp(x), sympy.sqrt(1 + x**2), sympy.Abs(x), x * sympy.pi, (x + y) ** 70]
)
def test_other_functions_are_not_taken(formula):
    with pytest.raises(NotRational):
        quotients(lower([formula], PLANE))


def test_large_products_are_not_taken():
    variables = sympy.symbols("a:z", real=True)
    with pytest.raises(NotRational):
        quotients(lower([sum(variables) ** 30], variables))
    assert polynomials.MAX_TERMS == 20_000


@pytest.mark.parametrize(
    ("polynomial", "answer"), [(1 + x**2, True), (2, True), (x - 3, False), (x * y, False)]
)
def test_real_zeros(polynomial, answer):
    ring, (f,) = quotients(lower([sympy.sympify(polynomial)], PLANE))
    assert ring.size == 2
    assert without_real_zeros(f.above, 0) is answer
