"""Pearson IV and Student laws: normaliser and moments against quadrature and recurrences."""

from typing import Any

import pytest
import sympy
from mpmath import mp
from sympy import Integer, Rational

from theory import symbols as s
from theory.normal_form import is_proportional, is_zero, logarithmic_derivative
from theory.pearson import (
    PearsonIV,
    central_moment_about_location,
    cosine_integral,
    density,
    mean,
    moment_exists,
    moment_step,
    normaliser,
    normaliser_integrand,
    power_law_mean,
    power_law_parameters,
    power_law_variance,
    q_gaussian,
    q_gaussian_index,
    q_gaussian_precision,
    raw_moment,
    student_absolute_moment,
    student_normaliser,
    tail_index,
    unnormalised_density,
    variance,
)
from theory.stationary import power_law_density

LAW = PearsonIV()
CASES = [
    PearsonIV(Integer(3), Integer(1), Integer(2), Rational(1, 2)),
    PearsonIV(Rational(7, 4), Integer(-3), Rational(1, 3), Integer(-1)),
    PearsonIV(Rational(21, 2), Rational(5, 2), Integer(1), Integer(0)),
]


def _quadrature(integrand: sympy.Expr, variable: sympy.Symbol, ends: list[object]) -> Any:
    with mp.workdps(30):
        return mp.quad(sympy.lambdify(variable, integrand, "mpmath"), ends)


@pytest.mark.parametrize("law", CASES)
def test_normaliser_against_quadrature(law: PearsonIV) -> None:
    # x = lambda + alpha tan(phi) turns the heavy tails into a bounded interval.
    phi = sympy.Symbol("phi", real=True)
    mass = _quadrature(normaliser_integrand(phi, law), phi, [-mp.pi / 2, 0, mp.pi / 2])
    assert abs(mass * mp.mpmathify(sympy.N(normaliser(law), 30)) - 1) < mp.mpf("1e-15")


def test_the_substitution_of_the_normaliser_integrand() -> None:
    phi = sympy.Symbol("phi", real=True)
    x = LAW.location + LAW.alpha * sympy.tan(phi)
    jacobian = sympy.diff(x, phi)
    direct = (1 + sympy.tan(phi) ** 2) ** (-LAW.m) * sympy.exp(-LAW.nu * phi) * jacobian
    assert is_proportional(direct, normaliser_integrand(phi, LAW), phi) is True
    assert is_zero((direct - normaliser_integrand(phi, LAW)).subs(phi, 0)) is True


def test_normaliser_is_the_cosine_integral() -> None:
    integral = LAW.alpha * cosine_integral(2 * LAW.m - 1, sympy.I * LAW.nu)
    assert is_zero(normaliser(LAW) * integral - 1) is True


@pytest.mark.parametrize(("a", "b"), [(3, 1), (Rational(5, 2), Rational(1, 3)), (7, 2)])
def test_the_cosine_integral_against_quadrature(a: sympy.Expr, b: sympy.Expr) -> None:
    t = sympy.Symbol("t", real=True)
    a, b = sympy.sympify(a), sympy.sympify(b)
    value = _quadrature(sympy.cos(t) ** (a - 1) * sympy.cos(b * t), t, [-mp.pi / 2, 0, mp.pi / 2])
    assert abs(value - mp.mpmathify(sympy.N(cosine_integral(a, b), 30))) < mp.mpf("1e-12")


def test_student_is_the_symmetric_case() -> None:
    assert is_zero(normaliser(PearsonIV(nu=Integer(0))) - student_normaliser(s.m, s.alpha)) is True


def test_moment_recurrence_comes_from_a_total_derivative() -> None:
    """d/dz [z**n (z**2 + alpha**2) p] = p times the recurrence's integrand, for every n."""
    z = sympy.Symbol("z", positive=True)
    n = sympy.Symbol("n", positive=True)
    law = PearsonIV(location=Integer(0))
    p = unnormalised_density(z, law)
    slope = logarithmic_derivative(z**n * (z**2 + law.alpha**2), z) + logarithmic_derivative(p, z)
    total = slope * z**n * (z**2 + law.alpha**2)
    integrand = (
        n * law.alpha**2 * z ** (n - 1)
        - law.nu * law.alpha * z**n
        - (2 * law.m - 2 - n) * z ** (n + 1)
    )
    assert is_zero(total - integrand) is True


def test_mean_and_variance_follow_from_the_recurrence() -> None:
    assert is_zero(raw_moment(LAW, 0) - 1) is True
    assert is_zero(raw_moment(LAW, 1) - mean(LAW)) is True
    assert is_zero(raw_moment(LAW, 2) - raw_moment(LAW, 1) ** 2 - variance(LAW)) is True
    assert is_zero(moment_step(LAW, 0, Integer(1), Integer(0)) + LAW.location - mean(LAW)) is True


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_moments_against_quadrature(order: int) -> None:
    law = CASES[0]
    phi = sympy.Symbol("phi", real=True)
    power = (law.alpha * sympy.tan(phi)) ** order
    integrand = normaliser(law) * power * normaliser_integrand(phi, law)
    # Orders below 2m - 1 = 5: the integrand is bounded by cos(phi)**(2m - 2 - order).
    value = _quadrature(integrand, phi, [-mp.pi / 2, 0, mp.pi / 2])
    exact = mp.mpmathify(sympy.N(central_moment_about_location(law, order), 30))
    assert abs(value - exact) < mp.mpf("1e-12") * (1 + abs(exact))


def test_power_law_parameters_give_its_density() -> None:
    sigma_g = (s.rho**2 + s.Delta**2) / s.sigma_H
    law = power_law_parameters(s.kappa, s.theta, s.rho, s.sigma_H, s.Delta)
    ours = power_law_density(s.x, s.kappa, s.theta, sigma_g, s.rho, s.sigma_H, s.Delta)
    assert is_proportional(ours, unnormalised_density(s.x, law), s.x) is True
    assert is_proportional(ours, density(s.x, law), s.x) is True


def test_power_law_mean_and_variance() -> None:
    law = power_law_parameters(s.kappa, s.theta, s.rho, s.sigma_H, s.Delta)
    assert is_zero(mean(law) - power_law_mean(s.kappa, s.theta, s.rho, s.sigma_H)) is True
    sigma_g = (s.rho**2 + s.Delta**2) / s.sigma_H
    H = s.kappa * s.eta * s.sigma_H
    ours = power_law_variance(H, s.eta, s.theta, sigma_g, s.sigma_H)
    assert is_zero((variance(law) - ours).subs(s.theta, 0)) is True
    assert is_zero((variance(law) - ours).subs(s.rho, 0)) is True
    assert is_zero(variance(law) - ours) is not True


def test_student_is_a_q_gaussian() -> None:
    q, beta = q_gaussian_index(s.m), q_gaussian_precision(s.m, s.alpha)
    student = unnormalised_density(s.x, PearsonIV(nu=Integer(0), location=Integer(0)))
    assert is_zero(q_gaussian(s.x, q, beta) - student) is True
    assert is_zero(q_gaussian(s.x, q + 1, beta) - student) is not True


@pytest.mark.parametrize("order", [Rational(1, 2), 1, 2, 3])
def test_absolute_moments_against_quadrature(order: sympy.Expr) -> None:
    m, alpha, order = Rational(5, 2), Integer(2), sympy.sympify(order)
    phi = sympy.Symbol("phi", positive=True)
    law = PearsonIV(m, Integer(0), alpha, Integer(0))
    integrand = 2 * normaliser(law) * (alpha * sympy.tan(phi)) ** order
    integrand = integrand * alpha * sympy.cos(phi) ** (2 * m - 2)
    value = _quadrature(integrand, phi, [0, mp.pi / 4, mp.pi / 2])
    exact = mp.mpmathify(sympy.N(student_absolute_moment(m, alpha, order), 30))
    assert abs(value - exact) < mp.mpf("1e-8") * exact


def test_moments_exist_below_the_tail_index() -> None:
    law = PearsonIV(m=Integer(3))
    assert tail_index(law) == 5
    assert moment_exists(law, Rational(49, 10)) == sympy.true
    assert moment_exists(law, Integer(5)) == sympy.false
