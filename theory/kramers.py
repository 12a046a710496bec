"""Kramers escape times of one-dimensional dynamics, their corrections and their limits.

Equation and convention: `dw = -L'(w) dt + sqrt(eta C(w)) o_theta dB` with `theta` = 0 (Ito), 1/2
(Stratonovich), 1 (anti-Ito) or anything between; `s = 1 - theta`, `D = eta C / 2`.

Notation (all arguments are SymPy expressions or numbers):

    a, b       minimum and saddle (the highest point between the start and the exit)
    H_a, H_b   L''(a) > 0 and L''(b) < 0
    Delta_L    L(b) - L(a) > 0
    C_a, C_b   C(a), C(b)
    sigma_g    C(a), the noise at the minimum of the power-law dynamic
    kappa      H_a/(eta sigma_H); the power-law dynamic has C = sigma_g + (2 sigma_H/H_a)(L - L(a))
    u          1 + 2 Delta_L/(kappa eta sigma_g), the ratio C(b)/C(a) of the power-law dynamic
    m          kappa + s

A time counts the passage from the minimum to the far side of the saddle. Every function returns
an expression; nothing is simplified and nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy import Rational, exp, gamma, pi, sqrt
from sympy.core.expr import Expr

Value = Expr | int

HALF = Rational(1, 2)


# --- leading order ------------------------------------------------------------------------------


def prefactor(H_a: Value, H_b: Value) -> Expr:
    """`2 pi / sqrt(H_a |H_b|)` for `H_a > 0 > H_b`."""
    return 2 * pi / sqrt(-sympy.sympify(H_a) * H_b)


def noise_per_loss(noise: Expr, gradient: Expr, variable: sympy.Symbol) -> Expr | None:
    """dC/dL where C is an affine function of L (0: constant noise), else None.

    A piecewise C is taken for none: where it jumps, its derivative does not tell.
    """
    if noise.has(sympy.Piecewise):
        return None
    slope = sympy.cancel(sympy.diff(noise, variable) / gradient)
    return None if slope.has(variable) else slope


def langevin_time(H_a: Value, H_b: Value, Delta_L: Value, eta: Value, sigma: Value) -> Expr:
    """Kramers time of constant noise `C = sigma`: `2 pi/sqrt(H_a|H_b|) exp(2 Delta_L/(eta sigma))`.

    The same for every interpretation.
    """
    return prefactor(H_a, H_b) * exp(2 * sympy.sympify(Delta_L) / (sympy.sympify(eta) * sigma))


def multiplicative_time(
    H_a: Value, H_b: Value, C_a: Value, C_b: Value, exponent: Value, theta: Value
) -> Expr:
    """Kramers time of any positive noise, `exponent` being `int_a^b 2 L'/(eta C) dw`.

    `2 pi/sqrt(H_a|H_b|) (C_b/C_a)^(1/2 - theta) exp(exponent)`; relative error O(eta).
    """
    ratio = sympy.sympify(C_b) / C_a
    return prefactor(H_a, H_b) * ratio ** (HALF - theta) * exp(exponent)


def barrier_ratio(Delta_L: Value, eta: Value, sigma_g: Value, kappa: Value) -> Expr:
    """`u = 1 + 2 Delta_L/(kappa eta sigma_g)`."""
    return 1 + 2 * sympy.sympify(Delta_L) / (sympy.sympify(kappa) * eta * sigma_g)


def power_law_exponent(kappa: Value, theta: Value) -> Expr:
    """The power of `u` in the escape time: `kappa + s - 1/2 = kappa + 1/2 - theta`."""
    return sympy.sympify(kappa) + HALF - theta


def power_law_factor(kappa: Value, theta: Value) -> Expr:
    """`1 + (s - 1/2)/kappa`, the denominator of the escape time."""
    shift = -sympy.sympify(theta) + HALF
    return 1 + shift / kappa


def power_law_time(
    H_a: Value,
    H_b: Value,
    Delta_L: Value,
    eta: Value,
    sigma_g: Value,
    kappa: Value,
    theta: Value,
) -> Expr:
    """Escape time of the power-law dynamic, `C = sigma_g + (2 sigma_H/H_a)(L - L(a))`.

    `2 pi / ((1 + (s - 1/2)/kappa) sqrt(H_a|H_b|)) u^(kappa + s - 1/2)`, for `kappa + s > 1/2`.
    """
    u = barrier_ratio(Delta_L, eta, sigma_g, kappa)
    power = u ** power_law_exponent(kappa, theta)
    return prefactor(H_a, H_b) * power / power_law_factor(kappa, theta)


def published_power_law_time(
    H_a: Value, H_b: Value, Delta_L: Value, eta: Value, sigma_g: Value, kappa: Value
) -> Expr:
    """The form published for the power-law dynamic, as recalled: exponent `kappa - 1/2`.

    `2 pi / ((1 - 1/(2 kappa)) sqrt(H_a|H_b|)) (1 + 2 Delta_L/(kappa eta sigma_g))^(kappa - 1/2)`,
    written down as its authors have it, without reference to an interpretation.
    """
    base = 1 + 2 * sympy.sympify(Delta_L) / (sympy.sympify(kappa) * eta * sigma_g)
    factor = 1 - 1 / (2 * sympy.sympify(kappa))
    return prefactor(H_a, H_b) * base ** (sympy.sympify(kappa) - HALF) / factor


# --- the exponent of the stationary law ---------------------------------------------------------


def power_law_potential(phi: Value, eta: Value, kappa: Value) -> Expr:
    """`Psi = int_a 2 L'/C dw` of the power-law dynamic, as a function of `phi = C/sigma_g`.

    `Psi = eta kappa log(phi)`: `p ~ C^(-s) exp(-Psi/eta) ~ phi^(-kappa - s)`.
    """
    return sympy.sympify(eta) * kappa * sympy.log(phi)


def exponent_jet(loss: Sequence[Value], noise: Sequence[Value]) -> tuple[Expr, Expr, Expr]:
    """Second to fourth derivative of `Psi`, `Psi' = 2 L'/C`, at a critical point of L.

    `loss` = (L'', L''', L''''), `noise` = (C, C', C'') there.
    """
    L2, L3, L4 = (sympy.sympify(value) for value in loss)
    C0, C1, C2 = (sympy.sympify(value) for value in noise)
    inverse1 = -C1 / C0**2
    inverse2 = 2 * C1**2 / C0**3 - C2 / C0**2
    return (
        2 * L2 / C0,
        2 * (L3 / C0 + 2 * L2 * inverse1),
        2 * (L4 / C0 + 3 * L3 * inverse1 + 3 * L2 * inverse2),
    )


def power_jet(noise: Sequence[Value], power: Value) -> tuple[Expr, Expr]:
    """First and second derivative of `C^power`, divided by `C^power`."""
    C0, C1, C2 = (sympy.sympify(value) for value in noise)
    power = sympy.sympify(power)
    return power * C1 / C0, power * C2 / C0 + power * (power - 1) * C1**2 / C0**2


# --- second order -------------------------------------------------------------------------------


def laplace_leading(f: Value, P: Value, P2: Value, eta: Value) -> Expr:
    """`f exp(-P/eta) sqrt(2 pi eta/P'')`: leading term of `int f exp(-P/eta)` at a minimum of P."""
    eta = sympy.sympify(eta)
    return f * exp(-P / eta) * sqrt(2 * pi * eta / P2)


def laplace_coefficient(amplitude: Sequence[Value], phase: Sequence[Value]) -> Expr:
    """Coefficient of eta in the Laplace expansion of `int f exp(-P/eta)` at a minimum of P.

    `amplitude` = (f'/f, f''/f), `phase` = (P'', P''', P'''') at the minimum. The integral is
    `f exp(-P/eta) sqrt(2 pi eta/P'') (1 + coefficient eta + O(eta^2))`.
    """
    f1, f2 = (sympy.sympify(value) for value in amplitude)
    P2, P3, P4 = (sympy.sympify(value) for value in phase)
    return f2 / (2 * P2) - f1 * P3 / (2 * P2**2) - P4 / (8 * P2**2) + 5 * P3**2 / (24 * P2**3)


def minimum_coefficient(loss: Sequence[Value], noise: Sequence[Value], theta: Value) -> Expr:
    """O(eta) coefficient of the mass of the well, `int C^(-s) exp(-Psi/eta)` at the minimum.

    `loss` = (L'', L''', L''''), `noise` = (C, C', C'') at the minimum.
    """
    return laplace_coefficient(power_jet(noise, theta - 1), exponent_jet(loss, noise))


def saddle_coefficient(loss: Sequence[Value], noise: Sequence[Value], theta: Value) -> Expr:
    """O(eta) coefficient of the resistance of the barrier, `int C^(s-1) exp(Psi/eta)`.

    `loss` = (L'', L''', L''''), `noise` = (C, C', C'') at the saddle.
    """
    P2, P3, P4 = exponent_jet(loss, noise)
    return laplace_coefficient(power_jet(noise, -sympy.sympify(theta)), (-P2, -P3, -P4))


def second_order_coefficient(
    minimum: tuple[Sequence[Value], Sequence[Value]],
    saddle: tuple[Sequence[Value], Sequence[Value]],
    theta: Value,
) -> Expr:
    """`c` of `tau = multiplicative_time (1 + c eta + O(eta^2))`, any noise.

    `minimum` and `saddle` are pairs of jets: (L'', L''', L'''') and (C, C', C'').
    """
    return minimum_coefficient(*minimum, theta) + saddle_coefficient(*saddle, theta)


def second_order_coefficient_affine(
    C_a: Value,
    C_b: Value,
    minimum: Sequence[Value],
    saddle: Sequence[Value],
) -> Expr:
    """`c_1` of `tau = power_law_time (1 + c_1 eta + O(eta^2))` where C is affine in L.

    `minimum`, `saddle` = (L'', L''', L'''') there. The same for every interpretation, and for
    constant noise relative to `langevin_time`.
    """
    H_a, L3_a, L4_a = (sympy.sympify(value) for value in minimum)
    H_b, L3_b, L4_b = (sympy.sympify(value) for value in saddle)
    return (C_a * HALF) * (5 * L3_a**2 / (24 * H_a**3) - L4_a / (8 * H_a**2)) + (C_b * HALF) * (
        5 * L3_b**2 / (24 * (-H_b) ** 3) + L4_b / (8 * H_b**2)
    )


# --- the saddle itself --------------------------------------------------------------------------


def half_laplace_coefficient(amplitude: Value, phase: Sequence[Value]) -> Expr:
    """Coefficient of sqrt(eta) of the half `int_{z<0} f exp(-P/eta)` against half the whole.

    `amplitude` = f'/f, `phase` = (P'', P''') at the minimum z = 0 of P. The half is
    `(whole/2)(1 + coefficient sqrt(eta) + O(eta^(3/2)))`.
    """
    P2, P3 = (sympy.sympify(value) for value in phase)
    return sqrt(2 / (pi * P2)) * (P3 / (3 * P2) - amplitude)


def saddle_half_coefficient(loss: Sequence[Value], noise: Sequence[Value], theta: Value) -> Expr:
    """Coefficient of sqrt(eta) in `tau(to the saddle) = (tau/2)(1 + coefficient sqrt(eta) + ...)`.

    For a < b; `loss` = (L'', L'''), `noise` = (C, C') at the saddle:
    `sqrt(C/(pi |H_b|)) (-L'''/(3|H_b|) + (1/3 - s) C'/C)`. The second term vanishes where C is
    affine in L, leaving `-(L'''/3) sqrt(C/(pi |H_b|^3))`.
    """
    L2, L3 = (sympy.sympify(value) for value in loss)
    C0, C1 = (sympy.sympify(value) for value in noise)
    return sqrt(C0 / (pi * -L2)) * (L3 / (3 * L2) + (theta - Rational(2, 3)) * C1 / C0)


# --- deep barrier at fixed kappa ----------------------------------------------------------------


def beta(x: Value, y: Value) -> Expr:
    """Euler's Beta function as Gamma functions."""
    return gamma(x) * gamma(y) / gamma(sympy.sympify(x) + y)


def well_mass(H_a: Value, eta: Value, sigma_g: Value, kappa: Value, theta: Value) -> Expr:
    """Mass `int phi^(-m) dw` of a parabolic well, `phi = 1 + H_a w^2/(kappa eta sigma_g)`.

    `sqrt(kappa eta sigma_g/H_a) B(1/2, m - 1/2)`.
    """
    m = sympy.sympify(kappa) + 1 - theta
    return sqrt(sympy.sympify(kappa) * eta * sigma_g / H_a) * beta(HALF, m - HALF)


def cap_resistance(
    H_b: Value, u: Value, eta: Value, sigma_g: Value, kappa: Value, theta: Value
) -> Expr:
    """Resistance `int phi^m dw/D` of a parabolic cap, `phi = u - |H_b| y^2/(kappa eta sigma_g)`.

    `(2/(eta sigma_g)) u^(m - 1/2) sqrt(kappa eta sigma_g/|H_b|) B(1/2, m)`.
    """
    m = sympy.sympify(kappa) + 1 - theta
    width = sqrt(sympy.sympify(kappa) * eta * sigma_g / -sympy.sympify(H_b))
    return 2 / (sympy.sympify(eta) * sigma_g) * u ** (m - HALF) * width * beta(HALF, m)


def deep_barrier_time(
    H_a: Value,
    H_b: Value,
    Delta_L: Value,
    eta: Value,
    sigma_g: Value,
    kappa: Value,
    theta: Value,
) -> Expr:
    """Mass of a parabolic well times resistance of a parabolic cap: two Beta integrals."""
    u = barrier_ratio(Delta_L, eta, sigma_g, kappa)
    return well_mass(H_a, eta, sigma_g, kappa, theta) * cap_resistance(
        H_b, u, eta, sigma_g, kappa, theta
    )


def fixed_kappa_constant(m: Value, H_b: Value, Delta_L: Value, path: Value) -> Expr:
    """Limit of exact time/`power_law_time` for `u -> oo` at fixed kappa.

    `Gamma(m + 1/2)/Gamma(m) sqrt(|H_b|/(2 pi Delta_L)) path`, `path` being
    `int_a^B ((L - L(a))/Delta_L)^(m - 1) dw`.
    """
    m = sympy.sympify(m)
    return gamma(m + HALF) / gamma(m) * sqrt(-H_b / (2 * pi * sympy.sympify(Delta_L))) * path


def quartic_path(m: Value) -> Expr:
    """`int_{-1}^{1} (1 - w^2)^(2m - 2) dw`, the path of the quartic well between its minima."""
    return beta(HALF, 2 * sympy.sympify(m) - 1)


def quartic_constant(m: Value) -> Expr:
    """`fixed_kappa_constant` of `L = (w^2 - 1)^2/4` from minimum to minimum, in Gamma functions.

    `sqrt(2) Gamma(2m - 1) Gamma(m + 1/2)/(Gamma(m) Gamma(2m - 1/2)) = 1 + 3/(16 m) + O(1/m^2)`.
    """
    m = sympy.sympify(m)
    return sqrt(2) * gamma(2 * m - 1) * gamma(m + HALF) / (gamma(m) * gamma(2 * m - HALF))


def joined_parabolas_constant(m: Value, q: Value) -> Expr:
    """`fixed_kappa_constant` of a parabolic well joined to a parabolic cap, minus the tail term.

    The joint lies at height `q Delta_L`, `q = |H_b|/(H_a + |H_b|)`; the exit where the far side of
    the cap has come down to the height of the minimum. The limit lies between 1 and
    `1 + q^m/((2m - 1) sqrt(1 - q) B(1/2, m))`; this is the upper end minus 1.
    """
    m, q = sympy.sympify(m), sympy.sympify(q)
    return q**m / ((2 * m - 1) * sqrt(1 - q) * beta(HALF, m))
