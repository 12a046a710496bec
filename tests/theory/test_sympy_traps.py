"""SymPy 1.14's wrong answers that the theory is built around; a new SymPy is a new audit.

Each test pins what SymPy says today next to the truth, so that a changed answer is noticed.
"""

import sympy
from sympy import Rational, Symbol

from theory.normal_form import is_antiderivative, is_zero
from theory.stationary import power_law_potential

x, rho = sympy.symbols("x rho", real=True)
sigma_g, sigma_H, H, eta, kappa, Delta = sympy.symbols(
    "sigma_g sigma_H H eta kappa Delta", positive=True
)


def test_the_exponent_integral_is_silently_zero() -> None:
    """The indefinite integral of -2Hw/(eta C) with generic coefficients comes back as 0."""
    integrand = -2 * H * x / (eta * (sigma_g + 2 * rho * x + sigma_H * x**2))
    assert sympy.integrate(integrand, x) == 0
    assert is_antiderivative(sympy.Integer(0), integrand, x) is False


def test_our_exponent_is_differentiated_back() -> None:
    """With sigma_g = (rho**2 + Delta**2)/sigma_H the antiderivative is checked, not integrated."""
    s_g = (rho**2 + Delta**2) / sigma_H
    phi = power_law_potential(x, kappa, s_g, rho, sigma_H, Delta)
    slope = 2 * kappa * sigma_H * x / (s_g + 2 * rho * x + sigma_H * x**2)
    assert is_antiderivative(phi, slope, x) is True
    assert is_antiderivative(phi, 2 * slope, x) is not True


def test_simplify_does_not_reach_zero_where_the_normal_form_does() -> None:
    """Powers with symbolic exponents: decided exactly, in any form."""
    C = sigma_g + 2 * rho * x + sigma_H * x**2
    assert is_zero((C / sigma_g) ** (kappa + 1) * sigma_g**kappa - C ** (kappa + 1) / sigma_g)
    a = Symbol("a", positive=True)
    assert is_zero(
        sympy.gamma(2 * a)
        - 2 ** (2 * a - 1) / sympy.sqrt(sympy.pi) * sympy.gamma(a) * sympy.gamma(a + Rational(1, 2))
    )
