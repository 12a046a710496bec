"""Published formulas, each with its convention, where it was read, and what holds instead.

Status of a source:

    seen            printed so in a copy that was read
    quoted          as quoted by another work
    as recalled     from memory, the text not at hand: never to be cited as a quotation

Every formula is written in this project's notation (theta, s = 1 - theta, kappa = H/(eta sigma_H));
the docstring says how the source writes it where that differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy
from sympy import Expr, Rational, exp, gamma, pi, sin, sqrt

Status = Literal["seen", "quoted", "as recalled"]

HALF = Rational(1, 2)


@dataclass(frozen=True)
class Source:
    """Where a formula comes from.

    key : entry of references.bib
    status : how it was read
    convention : interpretation (Ito, anti-Ito, ...) or other reading the formula belongs to
    verdict : what holds of it, in one sentence
    """

    key: str
    status: Status
    convention: str
    verdict: str


# --- Meng et al., power-law dynamic (arXiv 2006.13719) -------------------------------------------

MENG_DENSITY = Source(
    "meng2020dynamic",
    "as recalled",
    "anti-Ito (theta = 1), though the equation is the continuous form of an Ito chain",
    "Equal to our density at theta = 1; under Ito the exponent is kappa + 1.",
)


def meng_density(
    x: Expr, kappa: Expr, sigma_g: Expr, rho: Expr, sigma_H: Expr, Delta: Expr
) -> Expr:
    """C**(-kappa) exp(kappa 4 rho atan(C'/R)/R), R**2 = 4 sigma_g sigma_H - 4 rho**2."""
    C = sigma_g + 2 * rho * x + sigma_H * x**2
    root = 2 * Delta
    skew = 4 * rho * sympy.atan(sympy.diff(C, x) / root) / root
    return C ** (-kappa) * exp(kappa * skew)


MENG_TIME = Source(
    "meng2020dynamic",
    "as recalled",
    "anti-Ito (theta = 1)",
    "Right for theta = 1 and C affine in L; the Ito equation that Euler-Maruyama simulates has "
    "exponent kappa + 1/2 and factor 1/(1 + 1/(2 kappa)).",
)


def meng_time(H_a: Expr, H_b: Expr, u: Expr, kappa: Expr) -> Expr:
    """2 pi/((1 - 1/(2 kappa)) sqrt(H_a |H_b|)) u**(kappa - 1/2).

    u = 1 + 2 Delta_L/(kappa eta sigma_g).
    """
    return 2 * pi / ((1 - 1 / (2 * kappa)) * sqrt(-H_a * H_b)) * u ** (kappa - HALF)


MENG_TIME_ND = Source(
    "meng2020dynamic",
    "as recalled",
    "anti-Ito (theta = 1)",
    "False for d > 1 at theta = 1 (isotropic noise): off by u**((d - 1)/2).",
)


def meng_time_nd(
    dimension: Expr | int, det_a: Expr, det_b: Expr, H_be: Expr, u: Expr, kappa: Expr
) -> Expr:
    """2 pi sqrt(|det H_b|/det H_a)/((1 - d/(2 kappa)) |H_be|) u**(kappa - 1/2)."""
    factor = 1 - sympy.sympify(dimension) / (2 * kappa)
    return 2 * pi * sqrt(det_b / det_a) / (factor * H_be) * u ** (kappa - HALF)


# --- Mori et al., logarithmic landscape (arXiv 2105.09557) ---------------------------------------

MORI_RATE = Source(
    "mori2022power",
    "seen",
    "Ito, stated; decoupling approximation C = 2 L h/B; L* > 0 at the minimum",
    "The exponent is ours at theta = 0; the rate lacks the factor 1 + eta h/(2B).",
)


def mori_rate(h_min: Expr, h_saddle: Expr, loss_ratio: Expr, batch: Expr, eta: Expr) -> Expr:
    """(1/2pi) sqrt(h* |h_s|) (L_s/L*)**(-(1/2 + B/(eta h*))), one dimension."""
    power = -(HALF + batch / (eta * h_min))
    return sqrt(-h_min * h_saddle) / (2 * pi) * loss_ratio**power


def mori_rate_nd(
    dimension: Expr | int,
    det_a: Expr,
    det_b: Expr,
    H_be: Expr,
    loss_ratio: Expr,
    batch: Expr,
    eta: Expr,
    h: Expr,
) -> Expr:
    """(|h_e|/2pi) sqrt(det H_a/|det H_b|) (L_s/L*)**(-(B/(eta h) + 1 - n/2)).

    n = `dimension`, the number of outlier directions.
    """
    power = -(batch / (eta * h) + 1 - sympy.sympify(dimension) / 2)
    return H_be / (2 * pi) * sqrt(det_a / det_b) * loss_ratio**power


def mori_density_exponent(batch: Expr, eta: Expr, h: Expr) -> Expr:
    """phi = 1 + B/(eta h): P ~ L**(-phi) (decoupled covariance; Ito)."""
    return 1 + batch / (eta * h)


def mori_noise(h: Expr, loss_min: Expr, batch: Expr) -> tuple[Expr, Expr]:
    """sigma_g = 2 L* h/B and sigma_H = h**2/B of the decoupled covariance 2 L(w) h/B, L'' = h."""
    return 2 * loss_min * h / batch, h**2 / batch


# --- Xie et al., diffusion theory (arXiv 2002.03495) ---------------------------------------------

XIE_TIME = Source(
    "xie2021diffusion",
    "quoted",
    "anti-Ito prefactor; noise frozen at eta |H|/(2B) near minimum and saddle",
    "The exponent follows for piecewise constant noise proportional to |H|; the Ito prefactor is "
    "2 pi/H_a.",
)


def xie_time(H_a: Expr, H_b: Expr, Delta_L: Expr, eta: Expr, batch: Expr, share: Expr) -> Expr:
    """(2 pi/|H_b|) exp[(2B/eta) Delta_L (share/H_a + (1 - share)/|H_b|)], 0 < share < 1."""
    exponent = 2 * batch / eta * Delta_L * (share / H_a + (1 - share) / (-H_b))
    return 2 * pi / (-H_b) * exp(exponent)


def two_piece_time(
    H_a: Expr, H_b: Expr, Delta_L: Expr, eta: Expr, batch: Expr, share: Expr, theta: Expr
) -> Expr:
    """Kramers time of C = H_a/B near the minimum, |H_b|/B near the saddle (derived here).

    2 pi/sqrt(H_a|H_b|) (|H_b|/H_a)**(s - 1/2) exp(...): 2 pi/|H_b| at theta = 1, 2 pi/H_a at 0.
    """
    prefactor = 2 * pi / sqrt(-H_a * H_b) * (-H_b / H_a) ** (HALF - theta)
    exponent = 2 * batch / eta * Delta_L * (share / H_a + (1 - share) / (-H_b))
    return prefactor * exp(exponent)


# --- Discrete time -------------------------------------------------------------------------------

LIU_ZIYIN_UEDA = Source(
    "liu2021noise",
    "quoted",
    "discrete time; quadratic loss; noise covariance C; matrix rate Lambda, momentum mu",
    "In one dimension without momentum it is our recursion.",
)


def liu_ziyin_ueda_defect(
    Sigma: sympy.MatrixBase,
    C: sympy.MatrixBase,
    H: sympy.MatrixBase,
    Lambda: sympy.MatrixBase,
    mu: Expr,
) -> sympy.MatrixBase:
    """Left minus right side of the equation for the stationary covariance Sigma:

    (1-mu)(LHS + SHL) - (1+mu**2)/(1-mu**2) LHSHL + mu/(1-mu**2) (LHLHS + SHLHL) = L C L.
    """
    LH, HL = Lambda * H, H * Lambda
    return (
        (LH * Sigma + Sigma * HL) * (1 - mu)
        - LH * Sigma * HL * ((1 + mu**2) / (1 - mu**2))
        + (LH * LH * Sigma + Sigma * HL * HL) * (mu / (1 - mu**2))
        - Lambda * C * Lambda
    )


ZIYIN_TAIL = Source(
    "ziyin2022strength",
    "seen",
    "discrete time, online least squares, x ~ N(0, a), rate lambda, batch S",
    "Exact only at beta = 2; 11 % high at a lambda = 0.02, S = 1.",
)


def ziyin_tail_index(rate: Expr, a: Expr, batch: Expr) -> Expr:
    """beta = 2S/(a lambda) - S."""
    return 2 * batch / (a * rate) - batch


MORI_TAIL = Source(
    "mori2022power",
    "quoted",
    "Ito diffusion with the decoupled covariance",
    "Not the tail index of the recursion, and not that of the exact-covariance diffusion either.",
)


def mori_tail_index(rate: Expr, a: Expr, batch: Expr) -> Expr:
    """2S/(a lambda) + 1."""
    return 2 * batch / (a * rate) + 1


# --- Freidlin-Wentzell exits (arXiv 2111.04004) --------------------------------------------------

IBAYASHI_TIME = Source(
    "ibayashi2021exponential",
    "seen",
    "small noise, quadratic basin, ball of radius r, C = H",
    "False: the quasi-potential is |theta|**2, so the time is exp[(B/eta) r**2] to log accuracy, "
    "independent of the curvature.",
)


def ibayashi_log_time(batch: Expr, eta: Expr, radius: Expr, curvature: Expr) -> Expr:
    """2 (B/eta) r**2 sqrt(lambda)."""
    return 2 * batch / eta * radius**2 * sqrt(curvature)


def hessian_noise_log_time(batch: Expr, eta: Expr, radius: Expr) -> Expr:
    """(B/eta) r**2: int_0^r 2 L'/(eta C) with L' = h w, C = h/B (derived here)."""
    return batch / eta * radius**2


# --- Heavy-tailed exits --------------------------------------------------------------------------

IMKELLER_PAVLYUKEVICH = Source(
    "imkeller2006first",
    "as recalled",
    "dX = -U' dt + eps dL, Levy density |y|**(-1-alpha); exit from (-b, a)",
    "Independent of the barrier height; divide by c_alpha for exp(-|u|**alpha) increments.",
)


def levy_exit_time(epsilon: Expr, alpha: Expr, below: Expr, above: Expr) -> Expr:
    """eps**(-alpha) alpha/(above**(-alpha) + below**(-alpha)), leading order as eps -> 0."""
    return epsilon ** (-alpha) * alpha / (above ** (-alpha) + below ** (-alpha))


def stable_levy_density_constant(alpha: Expr) -> Expr:
    """c_alpha = Gamma(1 + alpha) sin(pi alpha/2)/pi: the Levy density of exp(-|u|**alpha) laws."""
    return gamma(1 + alpha) * sin(pi * alpha / 2) / pi


def stable_driftless_exit_time(x: Expr, radius: Expr, alpha: Expr) -> Expr:
    """(r**2 - x**2)**(alpha/2)/Gamma(1 + alpha): the symmetric stable process leaves (-r, r)."""
    return (radius**2 - x**2) ** (alpha / 2) / gamma(1 + alpha)


# --- Pearson diffusions --------------------------------------------------------------------------

FORMAN_SORENSEN = Source(
    "forman2008pearson",
    "as recalled",
    "Ito; dX = -v(X - mu) dt + sqrt(2 v (a X**2 + b X + c)) dB",
    "Ours at theta = 0 with v = H and a = 1/(2 kappa).",
)


def forman_sorensen_eigenvalue(n: Expr | int, rate: Expr, a: Expr) -> Expr:
    """n v (1 - (n - 1) a)."""
    return n * rate * (1 - (n - 1) * a)


def leonenko_suvak_edge(rate: Expr, degrees: Expr) -> Expr:
    """v nu**2/(4 (nu - 1)): edge of the continuum of the Student diffusion, a = 1/(nu - 1)."""
    return rate * degrees**2 / (4 * (degrees - 1))


# --- Kramers and numerics ------------------------------------------------------------------------


def discrete_barrier_shift() -> Expr:
    """-zeta(1/2)/sqrt(2 pi) = 0.5826...: shift of a boundary watched on a grid, in sigma sqrt(h).

    Gobet and Menozzi 2010 (abstract seen; the constant as recalled).
    """
    return -sympy.zeta(HALF) / sqrt(2 * pi)
