"""Published formulas against ours: what holds, under which convention, and what does not."""

import pytest
import sympy
from sympy import Integer, Rational

from theory import kramers, literature
from theory import symbols as s
from theory.discrete import second_moment_step, stationary_variance
from theory.literature import (
    Source,
    discrete_barrier_shift,
    forman_sorensen_eigenvalue,
    hessian_noise_log_time,
    ibayashi_log_time,
    leonenko_suvak_edge,
    levy_exit_time,
    liu_ziyin_ueda_defect,
    meng_density,
    meng_time,
    mori_density_exponent,
    mori_noise,
    mori_rate,
    mori_rate_nd,
    mori_tail_index,
    stable_driftless_exit_time,
    stable_levy_density_constant,
    two_piece_time,
    xie_time,
    ziyin_tail_index,
)
from theory.normal_form import is_proportional, is_zero
from theory.spectrum import continuum_edge, eigenvalue
from theory.stationary import power_law_density, tail_parameter

h, B, L_min, share, r = sympy.symbols("h B L_min share r", positive=True)
SIGMA_G = (s.rho**2 + s.Delta**2) / s.sigma_H


def test_every_source_says_how_it_was_read() -> None:
    sources = [value for value in vars(literature).values() if isinstance(value, Source)]
    assert len(sources) >= 10
    for source in sources:
        assert source.status in ("seen", "quoted", "as recalled")
        assert source.key
        assert source.convention
        assert source.verdict


def test_the_recalled_density_is_anti_ito() -> None:
    theirs = meng_density(s.x, s.kappa, SIGMA_G, s.rho, s.sigma_H, s.Delta)
    ours = power_law_density(s.x, s.kappa, Integer(1), SIGMA_G, s.rho, s.sigma_H, s.Delta)
    ito = power_law_density(s.x, s.kappa, Integer(0), SIGMA_G, s.rho, s.sigma_H, s.Delta)
    assert is_proportional(theirs, ours, s.x) is True
    assert is_proportional(theirs, ito, s.x) is not True


@pytest.mark.parametrize(("theta", "agrees"), [(0, False), (Rational(1, 2), False), (1, True)])
def test_the_recalled_time_is_anti_ito(theta: sympy.Expr, agrees: bool) -> None:
    u = kramers.barrier_ratio(s.Delta_L, s.eta, s.sigma_g, s.kappa)
    ours = kramers.power_law_time(s.H_a, s.H_b, s.Delta_L, s.eta, s.sigma_g, s.kappa, theta)
    assert (is_zero(meng_time(s.H_a, s.H_b, u, s.kappa) - ours) is True) is agrees


def test_moris_exponent_is_ito_and_its_rate_lacks_a_factor() -> None:
    sigma_g, sigma_H = mori_noise(h, L_min, B)
    kappa = tail_parameter(h, s.eta, sigma_H)
    assert is_zero(kappa - B / (s.eta * h)) is True
    ratio = 1 + s.Delta_L / L_min
    assert is_zero(kramers.barrier_ratio(s.Delta_L, s.eta, sigma_g, kappa) - ratio) is True
    ours = kramers.power_law_time(h, s.H_b, s.Delta_L, s.eta, sigma_g, kappa, Integer(0))
    theirs = mori_rate(h, s.H_b, ratio, B, s.eta)
    assert is_zero(theirs * ours * (1 + s.eta * h / (2 * B)) - 1) is True
    assert is_zero(theirs * ours - 1) is not True
    assert is_zero(mori_density_exponent(B, s.eta, h) - (kappa + 1)) is True
    one = mori_rate_nd(1, h, -s.H_b, -s.H_b, ratio, B, s.eta, h)
    assert is_zero(one / theirs - 1) is True


def test_xies_prefactor_is_anti_ito() -> None:
    arguments = (s.H_a, s.H_b, s.Delta_L, s.eta, B, share)
    assert is_zero(two_piece_time(*arguments, Integer(1)) - xie_time(*arguments)) is True
    ito = two_piece_time(*arguments, Integer(0)) / xie_time(*arguments)
    assert is_zero(ito + s.H_b / s.H_a) is True


def test_the_matrix_equation_in_one_dimension_is_our_recursion() -> None:
    variance = stationary_variance(s.H, s.eta, s.sigma_g, s.sigma_H)
    C = s.sigma_g + s.sigma_H * variance
    Sigma, noise, H, rate = (sympy.ImmutableMatrix([[v]]) for v in (variance, C, s.H, s.eta))
    (defect,) = liu_ziyin_ueda_defect(Sigma, noise, H, rate, Integer(0))
    assert is_zero(defect) is True
    step = second_moment_step(Integer(0), variance, s.H, s.eta, s.sigma_g, s.rho, s.sigma_H)
    assert is_zero(step - variance) is True


def test_published_tail_indices() -> None:
    assert ziyin_tail_index(Rational(2, 3), Integer(1), Integer(1)) == 2
    assert ziyin_tail_index(Rational(1, 10), Integer(1), Integer(4)) == 76
    assert mori_tail_index(Rational(1, 10), Integer(1), Integer(4)) == 81


def test_hessian_noise_leaves_a_ball_independently_of_curvature() -> None:
    w = sympy.Symbol("w", positive=True)
    exponent = sympy.integrate(2 * h * w / (s.eta * h / B), (w, 0, r))
    assert is_zero(exponent - hessian_noise_log_time(B, s.eta, r)) is True
    assert is_zero(exponent - ibayashi_log_time(B, s.eta, r, h)) is not True


def test_heavy_tailed_exit_times() -> None:
    """Symmetric interval: alpha r**alpha/(2 eps**alpha); Cauchy: c_1 = 1/pi; Brownian: r**2 - x**2
    over 2, which is exp(-u**2) increments, variance 2t."""
    time = levy_exit_time(s.sigma, s.alpha, r, r)
    assert is_zero(time - s.alpha * r**s.alpha / (2 * s.sigma**s.alpha)) is True
    assert stable_levy_density_constant(Integer(1)) == 1 / sympy.pi
    assert sympy.expand(stable_driftless_exit_time(s.x, r, Integer(2)) - (r**2 - s.x**2) / 2) == 0


def test_pearson_diffusions_are_ours_at_theta_zero() -> None:
    n = sympy.Symbol("n", positive=True)
    kappa = tail_parameter(s.H, s.eta, s.sigma_H)
    ours = eigenvalue(n, s.H, s.eta, Integer(0), s.sigma_H)
    assert is_zero(forman_sorensen_eigenvalue(n, s.H, 1 / (2 * kappa)) - ours) is True
    edge = continuum_edge(s.H, s.eta, Integer(0), s.sigma_H)
    assert is_zero(leonenko_suvak_edge(s.H, 2 * kappa + 1) - edge) is True


def test_the_discrete_barrier_shift() -> None:
    assert abs(sympy.N(discrete_barrier_shift(), 15) - sympy.Float("0.5826", 10)) < 1e-4
