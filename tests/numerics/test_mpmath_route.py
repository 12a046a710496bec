"""The mpmath route against closed forms: values, error estimates, tails, kinks and refusals."""

import math
from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy
from mpmath import mp

from numerics import first_passage as certified
from numerics import mpmath_route
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteMean
from numerics.lowering import Model, lower_constant, lower_diffusion
from theory.diffusion import as_expression

w = sympy.Symbol("w", real=True)


def model(loss: object, noise: object, eta: object, theta: object) -> Model:
    expression = sympy.sympify(loss)
    return lower_diffusion(
        variable=w,
        gradient=sympy.diff(expression, w),
        noise=sympy.sympify(noise),
        eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
        loss=expression,
    )


def encloses(found: Enclosure, exact: object, digits: int) -> bool:
    """Whether the exact value lies in an enclosure of that many digits."""
    number = mpmath.mpf(exact)
    value = Fraction(int(number.man)) * Fraction(2) ** int(number.exp)
    return found.lower <= value <= found.upper and found.certain_digits() >= digits


NORMAL = model(w**2 / 2, 1, 2, 0)
"""Stationary law N(0, 1), unit diffusion."""


@pytest.fixture(autouse=True)
def precise():
    with mp.workdps(80):
        yield


@pytest.mark.parametrize("digits", [15, 30, 50])
def test_normal_law(digits: int):
    assert encloses(mpmath_route.density(NORMAL, 1, digits=digits), mp.npdf(1), digits)
    assert encloses(mpmath_route.cumulative(NORMAL, 1, digits=digits), mp.ncdf(1), digits)
    assert encloses(mpmath_route.moment(NORMAL, 4, digits=digits), 3, digits)


def test_normal_quantile():
    found = mpmath_route.quantile(NORMAL, Fraction(3, 4), digits=20)
    assert encloses(found, mp.sqrt(2) * mp.erfinv(mp.mpf(1) / 2), 20)


def test_normal_quantile_far_out_in_the_tail():
    found = mpmath_route.quantile(NORMAL, Fraction(1, 10**40), digits=12)
    with mp.workdps(60):
        low, high = (
            mp.ncdf(mp.mpf(x.numerator) / x.denominator) for x in (found.lower, found.upper)
        )
        assert low <= mp.mpf(10) ** -40 <= high
    assert found.certain_digits() >= 12


@pytest.mark.parametrize("order", [Fraction(-1, 2), Fraction(1, 2), 1, 3, Fraction(7, 2)], ids=str)
def test_absolute_moments_of_any_order(order: int | Fraction):
    r = mp.mpf(Fraction(order).numerator) / Fraction(order).denominator
    exact = 2 ** (r / 2) * mp.gamma((r + 1) / 2) / mp.sqrt(mp.pi)
    assert encloses(mpmath_route.moment(NORMAL, order, absolute=True, digits=20), exact, 20)


@pytest.mark.parametrize("excess", ["1/100", "1/3", "5"])
def test_heavy_tails(excess: str):
    """Student's t with 2m − 1 degrees of freedom, down to 0.01."""
    index = Fraction(excess)
    m = (1 + index) / 2
    law = model(w**2 / 2, 1 + w**2, sympy.Rational(m.denominator, m.numerator), 1)
    x = mp.mpf(m.numerator) / m.denominator
    exact = mp.sqrt(mp.pi) * mp.gamma(x - mp.mpf(1) / 2) / mp.gamma(x)
    assert encloses(mpmath_route.normaliser(law, digits=25), exact, 25)
    found = mpmath_route.tail_index(law, digits=25)
    assert found.lower <= index <= found.upper


def test_light_tails_have_an_infinite_index():
    assert mpmath_route.tail_index(NORMAL).infinite == 1


@pytest.mark.parametrize("exponent", [40, 200])
def test_a_force_that_sets_in_far_out_is_found(exponent: int):
    # Lengths in units of 10^k: C = 10^2k, the same times, the same tails.
    unit, wide = model(w**2 / 2, 1, 1, 0), model(w**2 / 2, 10 ** (2 * exponent), 1, 0)
    assert mpmath_route.tail_index(wide, digits=15).infinite > 0
    if exponent == 40:
        near = mpmath_route.mean_exit_time(unit, 0, exit_above=1, digits=15)
        far = mpmath_route.mean_exit_time(wide, 0, exit_above=10**exponent, digits=15)
        assert near.overlaps(far)


def test_power_law_double_well():
    """The reference of fifty digits was computed by three independent programs."""
    law = model((w**2 - 1) ** 2 / 4, 1 + sympy.Rational(19, 40) * (w**2 - 1) ** 2, "1/20", 0)
    exact = mp.mpf("9936.06697909333604910772387634135077770169023402537514535")
    assert encloses(mpmath_route.mean_exit_time(law, -1, exit_above=0, digits=40), exact, 40)


def test_brownian_motion_between_two_exits():
    """E τ = (1 − x²)/2, E τ² = (5 − 6x² + x⁴)/12, E e^(−λτ) = cosh(√λ x)/cosh √λ for D = 1."""
    free = model(sympy.Integer(0), 1, 2, 0)
    x = Fraction(1, 3)
    exits = {"exit_below": -1, "exit_above": 1, "digits": 25}
    assert encloses(mpmath_route.mean_exit_time(free, x, **exits), mp.mpf(4) / 9, 25)
    exact = (5 - 6 * mp.mpf(1) / 9 + mp.mpf(1) / 81) / 12
    assert encloses(mpmath_route.exit_time_moment(free, 2, x, **exits), exact, 25)
    laplace = mp.cosh(mp.sqrt(2) / 3) / mp.cosh(mp.sqrt(2))
    assert encloses(mpmath_route.exit_time_laplace(free, 2, x, **exits), laplace, 25)
    assert encloses(mpmath_route.exit_probability(free, x, **exits), mp.mpf(2) / 3, 25)


def test_laplace_transform_of_the_ornstein_uhlenbeck_exit():
    """E e^(−λτ) = He_(−λ)(−x)/He_(−λ)(−b), the parabolic cylinder function of the growing kind."""
    found = mpmath_route.exit_time_laplace(NORMAL, Fraction(1, 2), 0, exit_above=1, digits=20)
    grow = [mp.hermite(-mp.mpf(1) / 2, -x / mp.sqrt(2)) for x in (mp.mpf(0), mp.mpf(1))]
    assert encloses(found, grow[0] / grow[1], 20)


def test_downward_exit_mirrors_upward_exit():
    tilted = model((w**2 - 1) ** 2 / 4 + w / 10, 1 + w**2 / 5, "1/3", "1/2")
    mirrored = model((w**2 - 1) ** 2 / 4 - w / 10, 1 + w**2 / 5, "1/3", "1/2")
    down = mpmath_route.mean_exit_time(tilted, 1, exit_below=0, digits=20)
    up = mpmath_route.mean_exit_time(mirrored, -1, exit_above=0, digits=20)
    assert down.overlaps(up)


def test_kinks_inside_the_path():
    """L = |w|, D = 1: 2(e^b − 1) − b from 0 to b, and 1 more from −1 to 0."""
    vee = model(sympy.Abs(w), 1, 2, 0)
    # ∫_0^b e^y (1 + (1 − e^(−y))) dy
    exact = 2 * (mp.exp(2) - 1) - 2
    assert encloses(mpmath_route.mean_exit_time(vee, 0, exit_above=2, digits=25), exact, 25)
    assert encloses(mpmath_route.mean_exit_time(vee, -1, exit_above=2, digits=25), exact + 1, 25)


def test_barriers_beyond_double_range_cost_little():
    """Langevin's formula with its O(η) correction at ΔL = 1/4, η = 1/20000: τ ≈ e^10000."""
    eta = sympy.Rational(1, 20000)
    law = model((w**2 - 1) ** 2 / 4, 1, eta, 0)
    found = mpmath_route.mean_exit_time(law, -1, exit_above=1, digits=15)
    kramers = 2 * mp.pi / mp.sqrt(2) * mp.exp(10000)
    # L''' = ∓6, L'''' = 6 at the minimum (H = 2), L''' = 0, L'''' = 6 at the saddle (|H| = 1).
    first = (mp.mpf(5 * 36) / (24 * 8) - mp.mpf(6) / 32) / 2 + mp.mpf(6) / 16
    ratio = mp.mpf(found.middle.numerator) / found.middle.denominator / kramers
    assert abs(ratio - 1 - first / 20000) < 20 * mp.mpf(1) / 20000**2


def test_infinite_means_are_refused():
    with pytest.raises(InfiniteMean, match="finite mass at the open end"):
        mpmath_route.mean_exit_time(model(w, 1, 1, 0), 0, exit_above=1)
    with pytest.raises(InfiniteMean, match="finite moment of order 3"):
        mpmath_route.moment(model(w**2 / 2, 1 + w**2, 1, 0), 3)
    with pytest.raises(InfiniteMean, match="diverging scale"):
        mpmath_route.mean_exit_time(model(w**2 / 2, 1 + w**4, 1, "1/2"), 0, exit_above=1)


def test_start_outside_and_vanishing_noise_are_refused():
    with pytest.raises(ComputationError, match="a start between the exits"):
        mpmath_route.mean_exit_time(NORMAL, 2, exit_above=1)
    with pytest.raises(ComputationError, match="near w ="):
        mpmath_route.mean_exit_time(model(w**2 / 2, w**2, 1, 0), -1, exit_above=1)
    with pytest.raises(ComputationError, match="C > 0"):
        mpmath_route.mean_exit_time(model(w**2 / 2, 1 - w, 1, 0), 0, exit_above=2)


def test_start_on_an_exit_takes_no_time():
    root = lower_constant(sympy.sqrt(2))
    found = mpmath_route.mean_exit_time(NORMAL, root, exit_above=root)
    assert found.is_zero


def test_error_estimates_cover_the_truth():
    """Each estimate at 12 digits contains the value at 30, for models of every kind of tail."""
    models = [
        model(w**2 / 2, 1 + w**2 / 3 + w / 4, "1/2", "1/4"),
        model(w**4 / 4 - w**2, 1 + sympy.exp(-(w**2)), "1/3", 1),
        model(sympy.sqrt(1 + w**2), 1, "1/2", "1/2"),
        model(sympy.cosh(w), 2 + sympy.sin(w), 1, 0),
    ]
    for each in models:
        coarse = mpmath_route.mean_exit_time(each, -1, exit_above=1, digits=12)
        fine = mpmath_route.mean_exit_time(each, -1, exit_above=1, digits=30)
        assert coarse.contains(fine)


def test_start_on_a_reflecting_end():
    """Brownian motion, D = 1, reflected at its start 0: E τ = b²/2."""
    free = model(sympy.Integer(0), 1, 2, 0)
    found = mpmath_route.mean_exit_time(free, 0, exit_above=3, reflect_below=0, digits=20)
    assert encloses(found, mp.mpf(9) / 2, 20)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_moments_over_a_high_barrier(order: int, mirrored: bool) -> None:
    """τ ≈ e^1000 is nearly exponential: E τⁿ ≈ n! (E τ)ⁿ, and both routes agree."""
    barrier = model((w**2 - 1) ** 2 / 4, 1, "1/2000", 0)
    ends = {"exit_below": -1} if mirrored else {"exit_above": 1}
    start = 1 if mirrored else -1
    value = mpmath_route.exit_time_moment(barrier, order, start, digits=12, **ends)
    balls = certified.exit_time_moment(barrier, order, start, digits=20, method="arb", **ends)
    mean = certified.mean_exit_time(barrier, start, digits=20, method="arb", **ends).middle
    assert value.overlaps(balls)
    assert abs(balls.middle / (math.factorial(order) * mean**order) - 1) < Fraction(1, 10**12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_is_left_out_does_not_count(order: int) -> None:
    """Without any panel left out a moment is the same."""
    barrier = model((w**2 - 1) ** 2 / 4 + w / 20, 1 + w**2 / 9, "1/60", "1/2")
    one = mpmath_route.exit_time_moment(barrier, order, -1, exit_above=1, digits=15)
    other = certified.exit_time_moment(barrier, order, -1, exit_above=1, digits=20, method="arb")
    assert one.overlaps(other)
    assert one.certain_digits() >= 15


def test_a_switch_at_0_that_no_sample_hits():
    """Bisection towards 0 needs an absolute tolerance: a relative one is never met."""
    made = model(w**2 / 2 + sympy.Abs(w), 1, Fraction(1, 2), 0)
    ends = {"exit_below": Fraction(-7, 10), "exit_above": 1}
    found = mpmath_route.mean_exit_time(made, Fraction(1, 10), **ends)
    exact = certified.mean_exit_time(made, Fraction(1, 10), method="arb", **ends)
    assert found.overlaps(exact)
    assert found.certain_digits() >= 15


@pytest.mark.parametrize(
    ("loss", "noise", "ends"),
    [
        # Two switches closer together than any samples, nested or the zeros of a polynomial.
        ("w**2/2", "piecewise(1, abs(w - 3/10) < 1/10000, 2)", (None, 1)),
        ("w**2/2 + abs(w**2 - 1/10**8)", "piecewise(1, w**2 < 1/10**8, 2)", (None, 1)),
        ("(w**2-1)**2/4 + abs(abs(w + 1/2) - 1/1000)/10", "1+w**2", (None, 1)),
        # One between the last sample and the exit.
        ("w**2/2 + abs(w - 999/1000)", "1", (-1, 1)),
        ("w**2/2 + abs(w - 99999999/10**8)", "1", (-1, 1)),
        # A scale that is largest beside the start, on a wall so steep that no grid sees it.
        ("w**2/2 + 1/w", "1", (Fraction(1, 10**4), 1)),
    ],
)
def test_switches_and_walls_between_samples(loss: str, noise: str, ends: tuple[Any, Any]) -> None:
    """Both routes agree, or the call raises."""
    start = Fraction(1, 1000) if ends[0] == Fraction(1, 10**4) else 0
    law = model(as_expression(loss), as_expression(noise), 1, 0)
    found = certified.mean_exit_time(law, start, exit_below=ends[0], exit_above=ends[1])
    assert found.certain_digits() >= 15
