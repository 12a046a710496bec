"""Kramers times: each formula against an independent calculation, never against itself."""

import math

import mpmath
import pytest
import sympy
from sympy import Rational, Symbol, diff, exp, oo, pi, sqrt

from theory import kramers, landscapes


def close(left, right, rel_tol):
    """Equal as floating-point numbers up to a relative tolerance."""
    return math.isclose(float(left), float(right), rel_tol=rel_tol)


eta, sigma, sigma_H = sympy.symbols("eta sigma sigma_H", positive=True)
H_a, h, Delta_L, kappa = sympy.symbols("H_a h Delta_L kappa", positive=True)
theta = Symbol("theta", nonnegative=True)
x = Symbol("x", real=True)

INTERPRETATIONS = [0, Rational(1, 4), Rational(1, 2), 1]


def laplace_by_gaussian_moments(f, P, order=1):
    """Coefficient of eta of int f exp(-P/eta), by expanding the integrand: an independent route."""
    z, e = sympy.symbols("z e", positive=True)  # x = e z, eta = e^2
    P2 = diff(P, x, 2).subs(x, 0)
    quadratic = P2 * x**2 / 2
    integrand = f * exp(-(P - quadratic) / e**2)
    integrand = integrand.subs(x, e * z) / f.subs(x, 0)
    expansion = sympy.series(integrand, e, 0, 3).removeO()
    coefficient = sympy.expand(sympy.expand(expansion).coeff(e, 2))
    return sum(
        term * sympy.factorial2(power - 1) / P2 ** Rational(power, 2)
        for (power,), term in sympy.Poly(coefficient, z).terms()
        if power % 2 == 0
    )


def test_the_langevin_time_is_the_multiplicative_time_of_constant_noise():
    constant = kramers.multiplicative_time(
        H_a, -h, sigma, sigma, 2 * Delta_L / (eta * sigma), theta
    )
    assert constant == kramers.langevin_time(H_a, -h, Delta_L, eta, sigma)


@pytest.mark.parametrize("interpretation", INTERPRETATIONS, ids=str)
def test_the_power_law_time_is_the_multiplicative_time_over_its_factor(interpretation):
    # exponent int 2 L'/(eta C) = kappa log u, noise ratio C_b/C_a = u
    u = kramers.barrier_ratio(Delta_L, eta, sigma, kappa)
    multiplicative = kramers.multiplicative_time(
        H_a, -h, sigma, sigma * u, kappa * sympy.log(u), interpretation
    )
    power_law = kramers.power_law_time(H_a, -h, Delta_L, eta, sigma, kappa, interpretation)
    s = 1 - interpretation
    ratio = sympy.simplify(multiplicative / power_law)
    assert sympy.simplify(ratio - (1 + (s - Rational(1, 2)) / kappa)) == 0


def test_the_published_form_is_the_anti_ito_time_and_no_other():
    published = kramers.published_power_law_time(H_a, -h, Delta_L, eta, sigma, kappa)
    for interpretation in INTERPRETATIONS:
        time = kramers.power_law_time(H_a, -h, Delta_L, eta, sigma, kappa, interpretation)
        assert (sympy.simplify(published / time - 1) == 0) is (interpretation == 1)


def test_the_power_law_time_tends_to_the_langevin_time_without_state_dependent_noise():
    time = kramers.power_law_time(2, -1, Delta_L, eta, sigma, kappa, Rational(1, 4))
    langevin = kramers.langevin_time(2, -1, Delta_L, eta, sigma)
    assert sympy.simplify(sympy.limit(time, kappa, oo) / langevin) == 1


@pytest.mark.parametrize("interpretation", INTERPRETATIONS, ids=str)
def test_the_two_beta_integrals_are_the_power_law_time(interpretation):
    values = (3, -2, Rational(5, 4), Rational(1, 10), 2, Rational(7, 2), interpretation)
    product = kramers.deep_barrier_time(*values)
    assert close(product.evalf(), kramers.power_law_time(*values).evalf(), rel_tol=1e-12)


def test_well_mass_and_cap_resistance_are_their_integrals():
    curvature, step, noise, index, interpretation, u = 3, 0.1, 2, 3.5, 0.25, 4
    m = index + 1 - interpretation
    width = index * step * noise
    mass = mpmath.quad(
        lambda w: (1 + curvature * w**2 / width) ** -m, [-mpmath.inf, -1, 0, 1, mpmath.inf]
    )
    edge = mpmath.sqrt(u * width / 2)
    resistance = mpmath.quad(
        lambda y: 2 / (step * noise) * (u - 2 * y**2 / width) ** (m - 1), [-edge, 0, edge]
    )
    arguments = [sympy.nsimplify(v) for v in (step, noise, index, interpretation)]
    assert close(kramers.well_mass(curvature, *arguments).evalf(), mass, rel_tol=1e-8)
    cap = kramers.cap_resistance(-2, u, *arguments)
    assert close(cap.evalf(), resistance, rel_tol=1e-8)


def test_the_laplace_coefficient_is_that_of_gaussian_moments():
    f1, f2, P3, P4 = sympy.symbols("f1 f2 P3 P4", real=True)
    P2 = Symbol("P2", positive=True)
    f = 1 + f1 * x + f2 * x**2 / 2
    P = P2 * x**2 / 2 + P3 * x**3 / 6 + P4 * x**4 / 24
    expected = laplace_by_gaussian_moments(f, P)
    assert sympy.simplify(kramers.laplace_coefficient((f1, f2), (P2, P3, P4)) - expected) == 0


def test_the_laplace_coefficient_gives_stirlings_first_correction():
    # Gamma(n + 1) = int exp(-n (t - log t)) n^(n + 1) dt: P'' = 1, P''' = -2, P'''' = 6
    assert kramers.laplace_coefficient((0, 0), (1, -2, 6)) == Rational(1, 12)


def test_jets_are_the_derivatives_of_exponent_and_powers():
    loss = 3 * x**2 / 2 - x**3 + 2 * x**4
    noise = 2 + x + x**2 / 3
    slope = 2 * diff(loss, x) / noise
    jet = kramers.exponent_jet(
        [diff(loss, x, n).subs(x, 0) for n in (2, 3, 4)],
        [diff(noise, x, n).subs(x, 0) for n in (0, 1, 2)],
    )
    assert jet == tuple(diff(slope, x, n).subs(x, 0) for n in (1, 2, 3))
    power = noise**theta
    first, second = kramers.power_jet([noise.subs(x, 0), 1, Rational(2, 3)], theta)
    assert sympy.simplify(first - (diff(power, x) / power).subs(x, 0)) == 0
    assert sympy.simplify(second - (diff(power, x, 2) / power).subs(x, 0)) == 0


def test_the_second_order_is_the_same_for_every_interpretation_where_noise_is_affine_in_loss():
    L3, L4, M3, M4 = sympy.symbols("L3 L4 M3 M4", real=True)
    C_a, C_b = sympy.symbols("C_a C_b", positive=True)
    slope = 2 * sigma_H / H_a
    general = kramers.second_order_coefficient(
        ((H_a, L3, L4), (C_a, 0, slope * H_a)), ((-h, M3, M4), (C_b, 0, -slope * h)), theta
    )
    affine = kramers.second_order_coefficient_affine(C_a, C_b, (H_a, L3, L4), (-h, M3, M4))
    # the multiplicative time lacks the factor 1/(1 + (s - 1/2) eta sigma_H/H_a)
    shift = (1 - theta - Rational(1, 2)) * sigma_H / H_a
    assert sympy.simplify(general - affine + shift) == 0


def test_the_quartic_constant_is_its_path_integral():
    m = Symbol("m", positive=True)
    path = mpmath.quad(lambda w: (1 - w**2) ** 5, [-1, 1])
    assert close(kramers.quartic_path(Rational(7, 2)).evalf(), path, rel_tol=1e-12)
    general = kramers.fixed_kappa_constant(m, -1, Rational(1, 4), kramers.quartic_path(m))
    assert sympy.simplify(general / kramers.quartic_constant(m)) == 1
    assert close(kramers.quartic_constant(20).evalf(), 1.00966, rel_tol=1e-5)
    large = Rational(10**4) + Rational(1, 3)
    excess = ((kramers.quartic_constant(large) - 1) * large).evalf(20)
    assert close(excess, 3 / 16, rel_tol=1e-3)


def test_half_a_laplace_integral():
    # int_{-oo}^0 (1 + f1 x) exp(-(x^2/2 + P3 x^3/6 + x^4)/eta) against half the whole
    f1, P3 = Rational(1, 3), Rational(-1, 2)
    coefficient = kramers.half_laplace_coefficient(f1, (1, P3))
    measured = []
    for step in (mpmath.mpf("1e-4"), mpmath.mpf("1e-6")):

        def integrand(z, step=step):
            w = z * mpmath.sqrt(step)
            return (1 + w / 3) * mpmath.exp(-(w**2 / 2 - w**3 / 12 + w**4) / step)

        left = mpmath.mpf(mpmath.quad(integrand, [-12, -6, -3, 0]))  # type: ignore[arg-type]
        right = mpmath.mpf(mpmath.quad(integrand, [0, 3, 6, 12]))  # type: ignore[arg-type]
        measured.append((2 * left / (left + right) - 1) / mpmath.sqrt(step))
    assert close(measured[-1], coefficient.evalf(), rel_tol=1e-3)
    assert abs(measured[1] - coefficient) < abs(measured[0] - coefficient) / 50


def test_the_saddle_half_reduces_where_the_noise_is_stationary_at_the_saddle():
    L3 = Symbol("L3", real=True)
    C_b = Symbol("C_b", positive=True)
    coefficient = kramers.saddle_half_coefficient((-h, L3), (C_b, 0), theta)
    assert sympy.simplify(coefficient + L3 / 3 * sqrt(C_b / (pi * h**3))) == 0


def test_the_saddle_half_is_the_half_of_its_laplace_integral():
    L3, C1 = sympy.symbols("L3 C1", real=True)
    C_b = Symbol("C_b", positive=True)
    P2, P3, _ = kramers.exponent_jet((-h, L3, 0), (C_b, C1, 0))
    amplitude, _ = kramers.power_jet((C_b, C1, 0), -theta)  # C^(s - 1)
    half = kramers.half_laplace_coefficient(amplitude, (-P2, -P3))
    direct = kramers.saddle_half_coefficient((-h, L3), (C_b, C1), theta)
    assert sympy.simplify(half - direct) == 0


@pytest.mark.parametrize("family", [landscapes.quartic, landscapes.joined_parabolas])
def test_landscapes_have_the_curvatures_and_the_barrier_they_promise(family):
    curvature, saddle, barrier = Rational(3), Rational(-5, 4), Rational(7, 3)
    made = family(x, curvature, saddle, barrier, Rational(1, 2), Rational(2, 5))
    second = diff(made.gradient, x)
    assert second.subs(x, made.minimum) == curvature
    assert second.subs(x, made.saddle) == saddle
    assert made.gradient.subs(x, made.minimum) == 0
    assert made.gradient.subs(x, made.saddle) == 0
    # the barrier in the original coordinate is that of x times the length unit squared, which is
    # the ratio of the noise at the minimum, sigma_g, to its scaled value
    length_squared = Rational(1, 2) / made.noise.subs(x, made.minimum)
    scaled = sympy.integrate(made.gradient, (x, made.minimum, made.saddle))
    assert sympy.simplify(scaled * length_squared) == barrier
    # the noise is affine in the loss with slope 2 sigma_H/H_a
    rise = made.noise.subs(x, made.saddle) - made.noise.subs(x, made.minimum)
    assert sympy.simplify(rise / scaled) == 2 * Rational(2, 5) / curvature


def test_quartic_jets_are_the_derivatives_of_the_loss():
    curvature, saddle, barrier = Rational(3), Rational(-1), Rational(2)
    made = landscapes.quartic(x, curvature, saddle, barrier, 1, 1)
    length = sqrt(landscapes.quartic_length_squared(curvature, saddle, barrier))
    minimum, top = landscapes.quartic_jets(curvature, saddle, barrier)
    for point, jet in ((made.minimum, minimum), (made.saddle, top)):
        for order, value in enumerate(jet):
            # L(w) = length^2 * (loss in x), d/dw = (1/length) d/dx
            derivative = diff(made.gradient, x, order + 1).subs(x, point) / length**order
            assert sympy.simplify(value - derivative) == 0


def test_noise_per_loss_needs_a_c_without_jumps():
    """The derivative of a C that jumps is 0 nearly everywhere, and C is not constant."""
    loss = (x**2 - 1) ** 2 / 4
    jump = sympy.Piecewise((1, x < 0), (2, True))
    assert kramers.noise_per_loss(sympy.Integer(3), diff(loss, x), x) == 0
    assert kramers.noise_per_loss(1 + 2 * loss, diff(loss, x), x) == 2
    assert kramers.noise_per_loss(1 + x**2, diff(loss, x), x) is None
    assert kramers.noise_per_loss(jump, diff(loss, x), x) is None
    assert kramers.noise_per_loss(jump + 2 * loss, diff(loss, x), x) is None
