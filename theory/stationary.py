"""Stationary densities: zero flux, the power-law dynamic, its limits and degenerate cases.

Zero flux J = 0 means d log p/dw = -s C'/C - 2 L'/(eta C), hence

    p(w) ~ C(w)**(-s) exp(-int 2 L'/(eta C) dw).

The power-law dynamic is L = H x**2/2 with C = sigma_g + 2 rho x + sigma_H x**2. With
kappa = H/(eta sigma_H), m = kappa + s, Delta**2 = sigma_g sigma_H - rho**2 > 0:

    p ~ C**(-m) exp((2 kappa rho/Delta) atan((sigma_H x + rho)/Delta)).

SymPy 1.14 integrates 2 L'/(eta C) with generic coefficients to 0, silently; no function here
asks it for an antiderivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy
from sympy import Expr, Symbol

from theory import symbols
from theory.diffusion import Diffusion
from theory.errors import InputError


def log_density_gradient(model: Diffusion) -> Expr:
    """d log p/dw = -s C'/C - 2 L'/(eta C) of the zero-flux density of any 1-D diffusion."""
    C, w = model.noise, model.variable
    return -model.s * sympy.diff(C, w) / C - model.exponent_gradient


def zero_flux_density(model: Diffusion, potential: Expr | None = None, origin: Expr = 0) -> Expr:  # type: ignore[assignment]
    """p(w) = C**(-s) exp(-Phi), Phi' = 2 L'/(eta C), not normalised.

    `potential` is an antiderivative Phi of 2 L'/(eta C), if one is known in closed form (check it
    with `theory.normal_form.is_antiderivative`); otherwise Phi is the unevaluated integral from
    `origin` to w.
    """
    w = model.variable
    if potential is None:
        y = sympy.Dummy("y", real=True)
        potential = sympy.Integral(model.exponent_gradient.subs(w, y), (y, origin, w))
    return model.noise ** (-model.s) * sympy.exp(-potential)


# --- the power-law dynamic ----------------------------------------------------------------------


def quadratic_noise(x: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr) -> Expr:
    """C(x) = sigma_g + 2 rho x + sigma_H x**2."""
    return sigma_g + 2 * rho * x + sigma_H * x**2


def power_law_model(
    *,
    H: Expr = symbols.H,
    eta: Expr = symbols.eta,
    theta: Expr = symbols.theta,
    sigma_g: Expr = symbols.sigma_g,
    rho: Expr = symbols.rho,
    sigma_H: Expr = symbols.sigma_H,
    variable: Symbol = symbols.x,
) -> Diffusion:
    """The power-law dynamic dx = -H x dt + sqrt(eta C(x)) o_theta dB, C quadratic in x.

    Give sigma_g = (rho**2 + Delta**2)/sigma_H to have Delta as the symbol that C is written with.
    """
    return Diffusion(
        gradient=H * variable,
        noise=quadratic_noise(variable, sigma_g, rho, sigma_H),
        eta=eta,
        theta=theta,
        variable=variable,
        loss=H * variable**2 / 2,
    )


def tail_parameter(H: Expr, eta: Expr, sigma_H: Expr) -> Expr:
    """kappa = H/(eta sigma_H)."""
    return H / (eta * sigma_H)


def power_law_exponent(kappa: Expr, theta: Expr) -> Expr:
    """m = kappa + s = kappa + 1 - theta: the density falls like |x|**(-2 m)."""
    return kappa + 1 - theta


def power_law_potential(
    x: Expr, kappa: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> Expr:
    """Phi(x) = kappa log C - (2 kappa rho/Delta) atan((sigma_H x + rho)/Delta), Phi' = 2Hx/(eta C).

    Delta**2 = sigma_g sigma_H - rho**2 > 0.
    """
    C = quadratic_noise(x, sigma_g, rho, sigma_H)
    return kappa * sympy.log(C) - 2 * kappa * rho / Delta * sympy.atan((sigma_H * x + rho) / Delta)


def power_law_density(
    x: Expr, kappa: Expr, theta: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> Expr:
    """C(x)**(-kappa-s) exp((2 kappa rho/Delta) atan((sigma_H x + rho)/Delta)), not normalised.

    Delta**2 = sigma_g sigma_H - rho**2 > 0; for Delta = 0 see `degenerate_law`.
    """
    C = quadratic_noise(x, sigma_g, rho, sigma_H)
    skew = 2 * kappa * rho / Delta * sympy.atan((sigma_H * x + rho) / Delta)
    return C ** (-power_law_exponent(kappa, theta)) * sympy.exp(skew)


def gaussian_variance(H: Expr, eta: Expr, sigma_g: Expr) -> Expr:
    """eta sigma_g/(2 H): the variance of the limit law as sigma_H -> 0 (then rho -> 0)."""
    return eta * sigma_g / (2 * H)


def gaussian_log_density(x: Expr, H: Expr, eta: Expr, sigma_g: Expr) -> Expr:
    """-x**2/(2 v), v = eta sigma_g/(2 H): log p/p(0) in the limit sigma_H -> 0."""
    return -(x**2) / (2 * gaussian_variance(H, eta, sigma_g))


def centred_log_density(x: Expr, H: Expr, eta: Expr, s: Expr, sigma_g: Expr, sigma_H: Expr) -> Expr:
    """log p(x)/p(0) = -(kappa + s) log(1 + sigma_H x**2/sigma_g), rho = 0."""
    return -(tail_parameter(H, eta, sigma_H) + s) * sympy.log(1 + sigma_H * x**2 / sigma_g)


# --- normalisability and degenerate covariances ---------------------------------------------------


@dataclass(frozen=True)
class PowerLawCase:
    """Which law the coefficients of C = sigma_g + 2 rho x + sigma_H x**2 lead to.

    kind
        pearson-iv      Delta > 0, rho != 0
        student         Delta > 0, rho = 0
        gaussian        sigma_H = 0 = rho < sigma_g
        inverse-gamma   Delta = 0 != rho: no noise at lambda = -rho/sigma_H
        point-mass      Delta = rho = sigma_g = 0 < sigma_H: all mass at 0
        no-noise        sigma_g = rho = sigma_H = 0
    explanation : what that means, in one sentence
    """

    kind: Literal["pearson-iv", "student", "gaussian", "inverse-gamma", "point-mass", "no-noise"]
    explanation: str


def classify_power_law(sigma_g: Expr, rho: Expr, sigma_H: Expr) -> PowerLawCase:
    """The case that numeric coefficients of C belong to.

    Raises
    ------
    InputError : a negative variance, or sigma_g sigma_H < rho**2 (no covariance at all), or
        coefficients whose signs are not known.
    """
    discriminant = sympy.sympify(sigma_g * sigma_H - rho**2)
    for name, value in (("sigma_g", sigma_g), ("sigma_H", sigma_H)):
        if value.is_negative:
            raise InputError(f"a variance {name} >= 0", str(value), "C is a covariance")
    if discriminant.is_negative:
        raise InputError(
            "sigma_g sigma_H >= rho**2 (Cauchy-Schwarz)",
            f"sigma_g sigma_H - rho**2 = {discriminant}",
            "C would be negative between its two zeros; reduce |rho|",
        )
    if sigma_H.is_zero:
        if sigma_g.is_zero:
            return PowerLawCase("no-noise", "C = 0: the state descends the loss without noise.")
        return PowerLawCase(
            "gaussian", "sigma_H = 0: constant noise, a Gaussian of variance eta sigma_g/(2H)."
        )
    if discriminant.is_zero and rho.is_zero:
        return PowerLawCase(
            "point-mass",
            "Delta = rho = 0 < sigma_H: the noise vanishes at the minimum; all mass collects there "
            "where m = kappa + s > 1/2.",
        )
    if discriminant.is_zero and rho.is_nonzero:
        return PowerLawCase(
            "inverse-gamma",
            "Delta = 0, rho != 0: the noise vanishes at lambda = -rho/sigma_H, which no path "
            "crosses from the side of the minimum; |x - lambda| follows an inverse gamma law.",
        )
    if discriminant.is_positive and rho.is_zero:
        return PowerLawCase("student", "rho = 0: Student's t with 2m - 1 degrees of freedom.")
    if discriminant.is_positive and rho.is_nonzero:
        return PowerLawCase("pearson-iv", "Delta > 0, rho != 0: a Pearson type IV law.")
    raise InputError(
        "coefficients of known sign",
        f"sigma_g = {sigma_g}, rho = {rho}, sigma_H = {sigma_H}",
        "give numbers, or symbols with assumptions",
    )


def degenerate_potential(z: Expr, kappa: Expr, rho: Expr, sigma_H: Expr) -> Expr:
    """Phi(z) = 2 kappa log z + 2 kappa |lambda|/z for Delta = 0 != rho, z = |x - lambda| > 0.

    On the side of lambda = -rho/sigma_H that holds 0, where C = sigma_H z**2 and
    x = sign(rho)(z - |lambda|).
    """
    return 2 * kappa * sympy.log(z) + 2 * kappa * sympy.Abs(rho / sigma_H) / z


def degenerate_density(z: Expr, kappa: Expr, theta: Expr, rho: Expr, sigma_H: Expr) -> Expr:
    """z**(-2m) exp(-2 kappa |lambda|/z), z = |x - lambda|, for Delta = 0 != rho; not normalised.

    An inverse gamma law of shape 2m - 1 and scale 2 kappa |lambda|, lambda = -rho/sigma_H, on the
    side of lambda that holds 0.
    """
    m = power_law_exponent(kappa, theta)
    return z ** (-2 * m) * sympy.exp(-2 * kappa * sympy.Abs(rho / sigma_H) / z)


def degenerate_normaliser(kappa: Expr, theta: Expr, rho: Expr, sigma_H: Expr) -> Expr:
    """k = (2 kappa |lambda|)**(2m-1)/Gamma(2m-1), so that k `degenerate_density` has mass 1."""
    m = power_law_exponent(kappa, theta)
    scale = 2 * kappa * sympy.Abs(rho / sigma_H)
    return scale ** (2 * m - 1) / sympy.gamma(2 * m - 1)


def is_normalisable(kappa: Expr, theta: Expr) -> sympy.Basic:
    """m > 1/2: the condition under which the power-law density (Delta > 0) has finite mass."""
    return sympy.Gt(power_law_exponent(kappa, theta), sympy.Rational(1, 2))
