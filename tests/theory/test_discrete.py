"""The discrete recursion: exact variance, stability, and the equation of the tail index."""

import mpmath
import pytest
import sympy
from mpmath import mp
from sympy import Integer, Rational

from theory import symbols as s
from theory.discrete import (
    kesten_equation,
    kesten_moment,
    kesten_moment_chi_squared,
    kesten_moment_normal,
    largest_stable_rate,
    regression_tail_index_diffusion,
    second_kesten_moment,
    second_moment_step,
    small_rate_index_equation,
    stability_margin,
    stationary_variance,
)
from theory.normal_form import is_zero
from theory.pearson import power_law_variance


def test_the_variance_is_the_fixed_point_of_the_recursion() -> None:
    v = stationary_variance(s.H, s.eta, s.sigma_g, s.sigma_H)
    step = second_moment_step(Integer(0), v, s.H, s.eta, s.sigma_g, s.rho, s.sigma_H)
    assert is_zero(step - v) is True
    diffusion = power_law_variance(s.H, s.eta, Integer(0), s.sigma_g, s.sigma_H)
    wrong = second_moment_step(Integer(0), diffusion, s.H, s.eta, s.sigma_g, s.rho, s.sigma_H)
    assert is_zero(wrong - diffusion) is not True


def test_the_contraction_factor_is_one_at_the_edge_of_stability() -> None:
    growth = sympy.diff(
        second_moment_step(Integer(0), s.u, s.H, s.eta, s.sigma_g, s.rho, s.sigma_H), s.u
    )
    assert is_zero(growth - 1 + s.eta * stability_margin(s.H, s.eta, s.sigma_H)) is True
    assert is_zero(growth.subs(s.eta, largest_stable_rate(s.H, s.sigma_H)) - 1) is True
    assert is_zero(growth - second_kesten_moment(s.eta, s.H, s.sigma_H)) is True


def test_finite_data_agree_with_the_exact_recursion() -> None:
    """Two samples, batch 1: E x'**2 by enumeration equals the step with 1/N moments."""
    g, h = (Rational(-1), Rational(1)), (Rational(1), Rational(3))
    step, second = Rational(1, 10), s.u
    enumerated = sum(
        ((1 - step * hi) ** 2 * second + step**2 * gi**2) / 2 for gi, hi in zip(g, h, strict=True)
    )
    ours = second_moment_step(
        Integer(0), second, Integer(2), step, Integer(1), Integer(1), Integer(1)
    )
    assert is_zero(enumerated - ours) is True


@pytest.mark.parametrize(("beta", "eta"), [("2.5", "0.3"), ("1.25", "0.9"), ("7", "0.1")])
def test_the_normal_kesten_moment_against_quadrature(beta: str, eta: str) -> None:
    b, e, mean, deviation = (Rational(v) for v in (beta, eta, "1", "0.5"))
    with mp.workdps(25):
        closed = sympy.lambdify((), kesten_moment_normal(b, e, mean, deviation), "mpmath")()
        split = 1 / mp.mpf(eta)
        quadrature = mp.quad(
            lambda h: abs(1 - mp.mpf(eta) * h) ** mp.mpf(beta) * mpmath.npdf(h, 1, mp.mpf("0.5")),
            sorted([mp.mpf(-12), mp.mpf(1), split, mp.mpf(14)]),
        )
        assert abs(closed - quadrature) < mp.mpf("1e-15")


@pytest.mark.parametrize(
    ("rate", "batch", "beta"),
    [("2/3", 1, "2"), ("1", 1, "1.09082647"), ("1/2", 1, "2.90396623"), ("1/10", 4, "65.7239548")],
)
def test_the_tail_index_of_online_least_squares(rate: str, batch: int, beta: str) -> None:
    """E|1 - rate chi2_S/S|**beta = 1 at the audited roots (eight digits or more)."""
    moment = kesten_moment_chi_squared(
        Rational(beta), Rational(rate), Rational(1, batch), Integer(batch)
    )
    integrand, limits = moment.args
    h, lower, upper = limits.args
    with mp.workdps(20):
        split = mp.mpf(batch) / mp.mpmathify(Rational(rate))
        value = mp.quad(
            sympy.lambdify(h, integrand, "mpmath"), [0, split, 3 * split, 40 * split + 100]
        )
        assert (lower, upper) == (0, sympy.oo)
        assert mp.almosteq(value, 1, abs_eps=mp.mpf("1e-6"))
    assert kesten_equation(moment).args == (moment, 1)


def test_beta_two_is_the_edge_of_mean_square_stability() -> None:
    """Gaussian curvatures: E|1 - eta h|**2 in closed form equals (1 - eta mu)**2 + eta**2 v."""
    closed = kesten_moment_normal(Integer(2), s.eta, s.H, s.sigma_g)
    assert (
        sympy.simplify(sympy.hyperexpand(closed) - second_kesten_moment(s.eta, s.H, s.sigma_g**2))
        == 0
    )


def test_a_degenerate_density_gives_the_deterministic_factor() -> None:
    h = sympy.Symbol("h", real=True)
    moment = kesten_moment(Integer(2), Rational(1, 10), sympy.DiracDelta(h - 3), h)
    assert moment.doit() == Rational(49, 100)


def test_the_small_rate_index() -> None:
    b = sympy.Symbol("b", positive=True)
    assert small_rate_index_equation(sympy.E) < 0
    below, above = 2 * Rational("1.79556073"), 2 * Rational("1.79556074")
    assert small_rate_index_equation(b).subs(b, below).evalf() < 0
    assert small_rate_index_equation(b).subs(b, above).evalf() > 0


def test_the_diffusion_misses_the_tail_of_the_recursion() -> None:
    assert regression_tail_index_diffusion(Rational(1, 10), Integer(1), Integer(1)) == 11
