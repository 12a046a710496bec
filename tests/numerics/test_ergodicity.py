"""Existence of stationary laws and of their moments in d dimensions, against known laws."""

from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from numerics import ergodicity
from numerics.errors import InfiniteMean
from numerics.lowering import lower, lower_diffusion, lower_multivariate
from numerics.polynomials import terms_of
from numerics.stationary import tail_index

x, y, z = sympy.symbols("x y z", real=True)
PLANE, SPACE = (x, y), (x, y, z)
HALF = Rational(1, 2)
NEAR = Fraction(1, 1000)


def model(drift, noise, variables=PLANE, *, eta: Any = HALF, theta: Any = 0):
    return lower_multivariate(
        variables,
        [-component for component in drift],
        noise,
        eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
    )


def descent(loss, noise, variables=PLANE, **more):
    return model([-sympy.diff(loss, v) for v in variables], noise, variables, **more)


def law(made):
    found = ergodicity.stationary_law(made)
    return found.verdict, found.support


def moment(made, observable, power, variables=PLANE):
    found = ergodicity.moment(made, lower(sympy.sympify(observable), variables), Fraction(power))
    return found.verdict, found.support


FINITE, INFINITE, UNDECIDED = ("finite", "proved"), ("infinite", "proved"), ("undecided", None)


def power_law_well(kappa, theta, variables, *, turning=0, eta=HALF):
    """L = r²/2, C = 1 + r²/(ηκ): p ∝ C^(−κ−s), of radial tail index 2(κ+s) − d; turning or not."""
    squared = sum(v**2 for v in variables)
    drift = [-v for v in variables]
    drift[0] += turning * variables[1]
    drift[1] -= turning * variables[0]
    noise = 1 + squared / (eta * kappa)
    return model(drift, noise, variables, eta=eta, theta=theta)


@given(
    kappa=st.fractions(Fraction(1, 4), 6, max_denominator=20),
    theta=st.fractions(0, 1, max_denominator=4),
    variables=st.sampled_from([PLANE, SPACE]),
    turning=st.integers(-3, 3),
    order=st.fractions(Fraction(1, 8), 12, max_denominator=8),
)
def test_power_law_wells(kappa, theta, variables, turning, order):
    """r^(d−1) (1 + r²)^(−κ−s) has a mass for κ + s > d/2, and E|x|^q for q < 2(κ+s) − d.

    A drift along the circles changes nothing.
    """
    index = 2 * (kappa + 1 - theta) - len(variables)
    strength, rule = (Rational(n.numerator, n.denominator) for n in (kappa, theta))
    made = power_law_well(strength, rule, variables, turning=turning)
    if index == 0:
        assert law(made)[0] == "undecided"
        return
    assert law(made) == (FINITE if index > 0 else INFINITE)
    if index > 0:
        assert moment(made, x, order, variables) == (FINITE if order < index else INFINITE)
        assert moment(made, x, index, variables) == INFINITE
        assert moment(made, x, index - NEAR * index, variables) == FINITE
        found = ergodicity.moment(made, lower(variables[0] * variables[1], variables), index)
        assert found.index == index


@pytest.mark.parametrize("theta", [0, HALF, 1])
def test_anisotropic_wells_are_bracketed(theta):
    """H = diag(1, 2), Σ_g = diag(2, 1), κ = 8: |x| of tail index 2(κ+s) − 2.

    With Q = xᵀHΣ_g⁻¹x the criterion holds up to 1 below it, and fails from 1/2 above it on.
    """
    eta, kappa = HALF, 8
    bowl = 1 + (x**2 / 2 + 2 * y**2) / (eta * kappa)
    made = model([-x, -2 * y], [2 * bowl, bowl], eta=eta, theta=theta)
    index = Fraction(2 * kappa) + 2 * (1 - Fraction(str(theta))) - 2
    assert law(made) == FINITE
    verdicts = [moment(made, x, index + Fraction(n, 4)) for n in range(-12, 20)]
    finite = [v == FINITE for v in verdicts]
    infinite = [v == INFINITE for v in verdicts]
    assert finite == sorted(finite, reverse=True)
    assert infinite == sorted(infinite)
    assert finite.count(True) <= 12  # none from the index on
    assert infinite.index(True) >= 12  # none below it
    assert moment(made, x, index - 2) == FINITE


LIGHT = {
    "turning": model([-x + 2 * y, -2 * x - 3 * y / 2], [[2, HALF], [HALF, 1]]),
    "shear": model([-x + 20 * y, -y], 1),
    "double well": descent((x**2 - 1) ** 2 / 4 + y**2 / 2, 1),
    "curved valley": descent(
        (x**2 - 1) ** 2 / 4 + (y - x**2) ** 2 / 2,
        [[1 + y**2 / 4, Rational(1, 4)], [Rational(1, 4), 1]],
        eta=Rational(1, 20),
        theta=HALF,
    ),
    "mixed square": descent(x**2 * y**2 / 2 + (x**2 + y**2) / 2, 1),
    "ripples": descent((x**2 + y**2) / 2 + sympy.cos(3 * x), 2 + sympy.sin(y)),
    "chain": model([-x, x - y], 1),
    "product": model([-(x**3), -y], [1 + x**2, 2]),
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_tails(name):
    """The noise is bounded, or the drift outgrows it: all moments (or all but very high ones)."""
    assert law(LIGHT[name]) == FINITE
    for observable, power in ((x, 2), (y, "1/2"), (x * y, 4)):
        assert moment(LIGHT[name], observable, power) == FINITE


def test_light_tails_in_space():
    drift = [y - 2 * x, x - 2 * y, y - 2 * z]
    made = model(drift, [[1, HALF, 0], [HALF, 1 + x**2, 0], [0, 0, 1]], SPACE, theta=1)
    assert law(made) == FINITE
    assert moment(made, x + z, 4, SPACE) == FINITE
    made = model([-x + 20 * y, -y + 5 * z, -z], 1, SPACE)
    assert law(made) == FINITE
    loss = (x**4 + y**4 + z**4) / 4 - Rational(1, 5) * x**2 * y * z
    assert law(descent(loss, 1, SPACE)) == FINITE


NONE = {
    "free": model([0, 0], 1),
    "saddle": model([x, -y], 1),
    "a cubic side": model([-x, -(y**2)], 1),
    "a bounded force": model([-x / (1 + x**2) / 8, -y], 1),
    "a turning repeller": model([x + y, y - x], [[2, HALF], [HALF, 1]]),
}


@pytest.mark.parametrize("name", NONE)
def test_no_law(name):
    """Null recurrent in the plane; transient in a coordinate, or on one side; a divergent mass."""
    assert law(NONE[name]) == INFINITE


def test_logarithmic_losses():
    """L = a log(1 + r²), C = 1, d = 2: p ∝ (1 + r²)^(−2a/η), of index 4a/η − 2."""
    made = descent(sympy.log(1 + x**2 + y**2), 1)
    assert law(made) == FINITE
    assert moment(made, x, "599/100") == FINITE
    assert moment(made, x, 6) == INFINITE
    assert law(descent(sympy.log(1 + x**2 + y**2) / 5, 1)) == INFINITE


def test_noises_that_grow_faster_than_squares():
    """C = (1+r²)², Itô, drift −cx(1+r²): 𝓛r^k = ½ k r^(k+2) (k − 4c) at η = 1: index 4c + 2."""
    r = 1 + x**2 + y**2
    made = model([-x * r, -y * r], r**2, eta=1)
    assert law(made) == FINITE
    assert moment(made, x, "399/100") == FINITE
    assert moment(made, y, 4) == INFINITE
    assert law(model([x * r, y * r], r**2, eta=1)) == INFINITE


def test_products_have_the_tails_of_their_factors():
    """L' = x, 2y with C = 1 + x², 1 + y², η = 1, Itô: indices 3 and 5; E|xy|^q is left open."""
    made = model([-x, -2 * y], [1 + x**2, 1 + y**2], eta=1)
    assert law(made) == FINITE
    assert [moment(made, x, q) for q in ("299/100", 3)] == [FINITE, INFINITE]
    assert [moment(made, y, q) for q in ("499/100", 5)] == [FINITE, INFINITE]
    assert moment(made, x * y, 2) == UNDECIDED


@given(
    stiffness=st.fractions(Fraction(1, 4), 4, max_denominator=8),
    slope=st.integers(-1, 1),
    spread=st.fractions(Fraction(1, 4), 2, max_denominator=8),
    quartic=st.booleans(),
    theta=st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1)]),
    order=st.fractions(Fraction(1, 8), 8, max_denominator=8),
)
def test_coordinates_of_their_own_against_certified_tails(
    stiffness, slope, spread, quartic, theta, order
):
    """x beside an Ornstein-Uhlenbeck y: the certified tail index decides E|x|^q.

    Noise like x⁴ is Itô's here: with another θ its paths may explode, whatever the zero-flux law.
    """
    if quartic:
        theta = Fraction(0)
    a, b, t = (Rational(n.numerator, n.denominator) for n in (stiffness, spread, theta))
    force = a * x + slope + (a * x**3 if quartic else 0)
    noise = 1 + x * b / 2 + b * x**2 + (b * x**4 / 2 if quartic else 0)
    joint = model([-force, -y], [noise, 1], eta=1, theta=t)
    alone = lower_diffusion(variable=x, gradient=force, noise=noise, eta=sympy.Integer(1), theta=t)
    try:
        index = tail_index(alone, digits=6, method="arb")
    except InfiniteMean:
        assert law(joint)[0] != "finite"
        return
    assert law(joint)[0] != "infinite"
    verdict = moment(joint, x, order)[0]
    if index.infinite or index.lower > order:
        assert verdict == "finite"
    elif index.upper < order:
        assert verdict == "infinite"


OPEN = {
    "a drift along the circles": model([y, -x], 1),
    "a banana": descent((1 - x) ** 2 + 100 * (y - x**2) ** 2, 1),
    "exponentials": descent(sympy.cosh(x) + y**2, 1),
    "an irrational rate": model([-x, -y], 1, eta=sympy.sqrt(2)),
    "a noise that waves": model([-x, -y], [1 + x**2 * (2 + sympy.cos(x)), 1]),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_undecided_is_said(name):
    assert law(OPEN[name]) == UNDECIDED
    assert ergodicity.stationary_law(OPEN[name]).reason
    assert moment(OPEN[name], x, 2) == UNDECIDED


def test_a_half_line_is_not_refused_for_its_other_side():
    """A population x(1 − x) with noise x: it never comes to x < 0, where the drift goes outward."""
    made = model([x - x**2, -y], [x, 1], theta=1)
    assert law(made)[0] == "undecided"


def test_observables_without_a_known_growth():
    made = power_law_well(Rational(3), 0, PLANE)
    assert moment(made, sympy.exp(x), 2) == UNDECIDED
    assert moment(made, sympy.tanh(x), 100) == FINITE
    assert moment(made, x * sympy.tanh(x), 5) == FINITE
    assert moment(made, x * sympy.tanh(x), 7) == UNDECIDED
    assert moment(made, sympy.sqrt(1 + x**2 + y**2), 5) == FINITE
    assert moment(made, sympy.Piecewise((1, x > 1), (0, True)), 2) == FINITE


def test_a_minimum_in_doubles_is_called_so():
    """−x·∇L = x⁴ + y⁴ + z⁴ − (5/2)x²yz: positive (2√2 > 5/2), though not outweighed (2 < 5/2)."""
    loss = (x**4 + y**4 + z**4 - sympy.Rational(5, 2) * x**2 * y * z) / 4
    made = descent(loss, 1, SPACE)
    assert law(made) == ("finite", "numerical")
    assert moment(made, z, 4, SPACE) == ("finite", "numerical")


def test_the_generator_of_powers_of_quadratic_forms():
    """𝓛Q^(k/2) by SymPy, a = −∇L + θ∇·D, against T, for P = 1 and both solutions of Lyapunov's."""
    eta, theta, k = Rational(2, 5), Rational(1, 4), Rational(7, 3)
    drift = (3 * y - x + 1, -2 * y - x)
    noise = [[2 + x**2, x * y / 3], [x * y / 3, 1 + x**2 / 2 + y**2]]
    made = model(drift, noise, eta=eta, theta=theta)
    coefficients = ergodicity._system(made).coefficients(frozenset({0, 1}))
    forms = list(coefficients.forms())
    assert len(forms) == 3
    v: Any = eta * sympy.Matrix(noise)
    a = [
        drift[i] + theta / 2 * sum(sympy.diff(v[i, j], PLANE[j]) for j in range(2))
        for i in range(2)
    ]
    point = {x: Rational(3, 7), y: Rational(-5, 4)}
    for form in forms:
        p = sympy.Matrix(2, 2, lambda i, j, rows=form.rows: Rational(str(rows[i][j])))
        q = sympy.expand((sympy.Matrix([PLANE]) * p * sympy.Matrix(PLANE))[0])
        power = q ** (k / 2)
        generator = (
            sum(a[i] * sympy.diff(power, PLANE[i]) for i in range(2))
            + sum(
                v[i, j] * sympy.diff(power, PLANE[i], PLANE[j]) for i in range(2) for j in range(2)
            )
            / 2
        )
        order = Fraction(str(k))
        t, bound = (
            sum(
                Rational(str(c)) * point[x] ** e[0] * point[y] ** e[1]
                for e, c in terms_of(part(order, form)).items()
            )
            for part in (coefficients.numerator, coefficients.bound)
        )
        share = (generator / power).subs(point) * q.subs(point) ** 2 * 2 / k
        assert sympy.simplify(share - t) == 0
        assert bound * q.subs(point) >= t
