"""Audited table of exact answers: models whose quantities have a closed form or a known reference.

Each reference is computed by mpmath from the closed form named in `source`, never by the project.
The table is audited, and each line run by both routes, in `test_problems.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import mpmath
from mpmath import mpf, pi, sqrt

Difficulty = Literal["easy", "moderate", "hard"]
DigitsKind = Literal["relative", "absolute"]


@dataclass(frozen=True)
class Problem:
    """A quantity of a model, its exact answer, and where the answer comes from."""

    slug: str
    quantity: str
    options: dict[str, str | bool]
    answer: Callable[[], Any]
    """The exact value in mpmath's working precision; a list for a spectrum."""
    source: str
    difficulty: Difficulty = "easy"
    digits: int = 30
    digits_kind: DigitsKind = "relative"
    continuum_edge: Callable[[], Any] | None = None


def _model(loss: str, noise: str, eta: str, interpretation: str, **options: str | bool):
    return {
        "loss": loss, "noise": noise, "eta": eta, "interpretation": interpretation, **options,
    }  # fmt: skip


def _normal(**options: str | bool) -> dict[str, str | bool]:
    """Ornstein-Uhlenbeck with D = 1, dx = -x dt + √2 dB: its law is standard normal."""
    return _model("w**2/2", "1", "2", "ito", **options)


def _unit(loss: str, **options: str | bool) -> dict[str, str | bool]:
    """Any loss with D = 1."""
    return _model(loss, "1", "2", "ito", **options)


def _student(kappa: str, theta: str, **options: str | bool) -> dict[str, str | bool]:
    """L = κw², C = 1 + w², η = 2: the law is (1 + w²)^-(κ+s)/B(1/2, κ+s-1/2)."""
    return _model(f"({kappa})*w**2", "1+w**2", "2", theta, **options)


def _pearson(theta: str, **options: str | bool) -> dict[str, str | bool]:
    """L = 3w²/2, C = 1 + w + w², η = 1: κ = 3, ρ = 1/2, σ_g = σ_H = 1."""
    return _model("3*w**2/2", "1+w+w**2", "1", theta, **options)


_LOGISTIC = "log(1+exp(w)) + log(1+exp(-w))"
"""2 log 2cosh(w/2): with D = 1 the logistic law, F = 1/(1+e^-w)."""


def _siegert(start: int, end: int) -> Any:
    """Σ_{n≥1} ((√2 b)^n - (√2 x)^n) Γ(n/2)/(2 n!), the passage of dx = -x dt + √2 dB upwards."""
    low, high = sqrt(2) * start, sqrt(2) * end
    total, n = mpf(0), 1
    while True:
        weight = mpmath.gamma(mpf(n) / 2) / (2 * mpmath.factorial(n))
        largest = weight * max(abs(low), abs(high)) ** n
        total += weight * (high**n - low**n)
        if n > 2 * high**2 and largest < mpmath.eps * abs(total) / 1000:
            return total
        n += 1


def _cauchy_upwards(end: int) -> Any:
    """∫_0^B (atan y + π/2) dy."""
    return end * mpmath.atan(end) - mpmath.log(1 + end**2) / 2 + pi * end / 2


PROBLEMS: tuple[Problem, ...] = (
    # --- stationary laws ---
    Problem(
        "normal-density", "stationary-density", _normal(at="1/2"),
        lambda: mpmath.exp(-mpf(1) / 8) / sqrt(2 * pi),
        "normal density",
    ),
    Problem(
        "normal-cumulative", "cumulative", _normal(at="-3"),
        lambda: mpmath.erfc(3 / sqrt(2)) / 2,
        "normal distribution function",
    ),
    Problem(
        "normal-quantile", "quantile", _normal(probability="9/10"),
        lambda: sqrt(2) * mpmath.erfinv(mpf(4) / 5),
        "normal quantile",
        "moderate",
    ),
    Problem("normal-fourth-moment", "moment", _normal(order="4"), lambda: mpf(3), "normal moments"),
    Problem(
        "normal-odd-moment", "moment", _normal(order="3"), lambda: mpf(0),
        "symmetry: an exact zero",
    ),
    Problem(
        "normal-absolute-third-moment", "moment", _normal(order="3", absolute=True),
        lambda: 2 * sqrt(2 / pi),
        "E|X|^r = 2^(r/2) Γ((r+1)/2)/√π",
    ),
    Problem("normal-tail-index", "tail-index", _normal(), lambda: mpmath.inf, "Gaussian tails"),
    Problem(
        "laplace-density", "stationary-density", _unit("abs(w)", at="1/3"),
        lambda: mpmath.exp(-mpf(1) / 3) / 2,
        "p = exp(-|w|)/2 for L = |w|, D = 1",
        "moderate",
    ),
    Problem(
        "laplace-second-moment", "moment", _unit("abs(w)", order="2"), lambda: mpf(2),
        "the variance of exp(-|w|)/2 is 2",
        "moderate",
    ),
    Problem(
        "quartic-second-moment", "moment", _unit("w**4/4", order="2"),
        lambda: 2 * mpmath.gamma(mpf(3) / 4) / mpmath.gamma(mpf(1) / 4),
        "∫w² exp(-w⁴/4) dw over ∫exp(-w⁴/4) dw, by t = w⁴/4",
        "moderate",
    ),
    Problem(
        "student-density", "stationary-density", _student("2", "1/4", at="1"),
        lambda: 2 ** (-mpf(11) / 4) / mpmath.beta(mpf(1) / 2, mpf(9) / 4),
        "(1+w²)^-m/B(1/2, m-1/2), m = 11/4",
    ),
    Problem(
        "student-tail-index", "tail-index", _student("2", "1/4"), lambda: mpf(9) / 2,
        "2m - 1, m = 11/4",
    ),
    Problem(
        "student-absolute-moment-near-its-limit", "moment",
        _student("0.6", "anti-ito", order="0.19", absolute=True),
        lambda: mpmath.beta(mpf(595) / 1000, mpf(5) / 1000) / mpmath.beta(mpf("0.5"), mpf(1) / 10),
        "B((r+1)/2, m-(r+1)/2)/B(1/2, m-1/2); r = 0.19 is 0.01 below the limit 2m - 1 = 0.2",
        "hard",
    ),
    Problem(
        "cauchy-cumulative", "cumulative", _student("1", "anti-ito", at="3"),
        lambda: mpf(1) / 2 + mpmath.atan(3) / pi,
        "m = 1: Cauchy",
        "moderate",
    ),
    Problem(
        "cauchy-quantile", "quantile", _student("1", "anti-ito", probability="3/4"),
        lambda: mpf(1),
        "m = 1: Cauchy, upper quartile",
        "moderate",
    ),
    Problem(
        "pearson-mean", "moment", _pearson("1/2", order="1"), lambda: mpf(1) / 10,
        "θρ/(σ_H(κ-θ)) = (1/2)(1/2)/(5/2)",
    ),
    Problem(
        "pearson-variance", "moment", _pearson("ito", order="2"), lambda: mpf(1) / 5,
        "ησ_g/(2H - ησ_H); at θ = 0 the mean is 0 for any ρ",
    ),
    Problem(
        "pearson-tail-index", "tail-index", _pearson("stratonovich"), lambda: mpf(6),
        "2m - 1, m = 7/2",
    ),
    Problem(
        "logistic-density", "stationary-density", _unit(_LOGISTIC, at="1"),
        lambda: mpmath.sech(mpf(1) / 2) ** 2 / 4,
        "logistic law: softplus losses on both sides",
        "moderate",
    ),
    Problem(
        "logistic-second-moment", "moment", _unit(_LOGISTIC, order="2"),
        lambda: pi**2 / 3,
        "logistic variance",
        "moderate",
    ),
    Problem(
        "sech-density", "stationary-density",
        _model("log(cosh(w))", "1", "3/5", "ito", at="0"),
        lambda: 1 / mpmath.beta(mpf(5) / 3, mpf(1) / 2),
        "∫cosh(w)^(-10/3) dw = B(5/3, 1/2), by sinh",
        "moderate",
    ),
    Problem(
        "student-from-saturating-loss", "stationary-density",
        _model("-log(1/(1+w**2) + exp(w)/(1+exp(w))**2)", "1", "2", "anti-ito", at="2"),
        lambda: (mpf(1) / 5 + mpmath.sech(mpf(1)) ** 2 / 4) / (pi + 1),
        "p = (Cauchy + logistic)/(π + 1): a heavy tail beside an exponential",
        "hard",
    ),
    # --- spectra ---
    Problem(
        "normal-spectrum", "spectrum", _normal(count="4"),
        lambda: [mpf(n) for n in range(4)],
        "Hermite polynomials: λ_n = n, no continuum",
        "moderate",
        digits=12,
        continuum_edge=lambda: mpmath.inf,
    ),
    Problem(
        "student-spectrum", "spectrum", _student("3", "ito", count="9"),
        lambda: [mpf(n) * 6 - n * (n - 1) for n in range(4)],
        "λ_n = n(H - θησ_H) - n(n-1)ησ_H/2 for n < m - 1/2 = 7/2; edge ησ_H(m-1/2)²/2",
        "hard",
        digits=12,
        continuum_edge=lambda: mpf(49) / 4,
    ),
    Problem(
        "logistic-spectrum", "spectrum", _unit(f"3*({_LOGISTIC})", count="3"),
        lambda: [(9 - (3 - mpf(n)) ** 2) / 4 for n in range(3)],
        "L = 3·2 log 2cosh(w/2), V = 9/4 - 3 sech²(w/2) (Pöschl-Teller): (9 - (3-n)²)/4, n < 3",
        "hard",
        digits=12,
        continuum_edge=lambda: mpf(9) / 4,
    ),
    # --- exits ---
    Problem(
        "logistic-upwards", "mean-exit-time", _unit(_LOGISTIC, start="0", exit="3"),
        lambda: 2 + mpmath.e**3,
        "τ = ∫F/F' = ∫1/(1-F) = B + e^B - 1",
        "moderate",
    ),
    Problem(
        "logistic-with-vanishing-noise", "mean-exit-time",
        _model(
            "-exp(w)/(1+exp(w))**2", "exp(w)/(1+exp(w))**2", "2", "anti-ito", start="0", exit="1",
        ),
        lambda: 3 + 3 * mpmath.expm1(1) + mpmath.expm1(2) / 2 - mpmath.expm1(-1),
        "D = F(1-F), again the logistic law: τ = ∫F/(F(1-F))² = ∫(1+e^y)²(1+e^-y) dy",
        "moderate",
    ),
    Problem(
        "brownian-two-sided", "mean-exit-time", _unit("0", start="1/3", exit="1", exit_below="-1"),
        lambda: mpf(4) / 9,
        "(1 - x²)/(2D)",
    ),
    Problem(
        "drifted-two-sided", "mean-exit-time", _unit("w", start="0", exit="1", exit_below="-1"),
        lambda: (mpmath.e - 1) / (mpmath.e + 1),
        "Wald: E T = -E X_T = 1 - 2P, P = 1/(1+e)",
    ),
    Problem(
        "drifted-one-sided", "mean-exit-time", _unit("-3*w", start="-2", exit="5"),
        lambda: mpf(7) / 3,
        "Wald: distance over drift; no stationary law",
    ),
    Problem(
        "normal-upwards", "mean-exit-time", _normal(start="-1", exit="2"),
        lambda: _siegert(-1, 2),
        "Siegert's series",
        "moderate",
    ),
    Problem(
        "normal-far-upwards", "mean-exit-time", _normal(start="0", exit="6"),
        lambda: _siegert(0, 6),
        "Siegert's series",
        "moderate",
    ),
    Problem(
        "normal-downwards", "mean-exit-time", _normal(start="1", exit_below="-2"),
        lambda: _siegert(-1, 2),
        "Siegert's series, mirrored",
        "moderate",
    ),
    Problem(
        "cauchy-upwards", "mean-exit-time", _student("1", "anti-ito", start="0", exit="2"),
        lambda: _cauchy_upwards(2),
        "m = 1, θ = 1: scale is Lebesgue, speed is Cauchy",
        "hard",
    ),
    Problem(
        "cauchy-two-sided", "mean-exit-time",
        _student("1", "anti-ito", start="0", exit="1", exit_below="-1"),
        lambda: pi / 4 - mpmath.log(2) / 2,
        "m = 1, θ = 1: ∫_0^1 (1-y)/(1+y²) dy",
        "moderate",
    ),
    Problem(
        "power-law-double-well", "mean-exit-time",
        _model(
            "(w**2-1)**2/4", "1+19*(w**2-1)**2/40", "0.05", "ito", start="-1", exit="0",
        ),
        lambda: mpf("9936.066979093336049107723876341350777"),
        "nested quadrature of the double integral, stored digits",
        "hard",
    ),
    Problem(
        "brownian-second-moment", "exit-time-moment",
        _unit("0", order="2", start="0", exit="1", exit_below="-1"),
        lambda: mpf(5) / 12,
        "second derivative of 1/cosh√s at 0",
        "moderate",
    ),
    Problem(
        "drifted-second-moment", "exit-time-moment", _unit("-w", order="2", start="0", exit="1"),
        lambda: mpf(3),
        "inverse Gaussian: mean 1, variance 2DB/μ³ = 2",
        "moderate",
    ),
    Problem(
        "brownian-laplace", "exit-time-laplace",
        _unit("0", rate="3", start="0", exit="1", exit_below="-1"),
        lambda: 1 / mpmath.cosh(sqrt(mpf(3))),
        "1/cosh√(s/D)",
        "moderate",
    ),
    Problem(
        "brownian-exit-probability", "exit-probability",
        _unit("0", start="1/4", exit="1", exit_below="-1"),
        lambda: mpf(5) / 8,
        "linear scale",
    ),
    Problem(
        "drifted-exit-probability", "exit-probability",
        _unit("w", start="0", exit="1", exit_below="-1"),
        lambda: 1 / (1 + mpmath.e),
        "scale e^w",
    ),
    Problem(
        "normal-exit-probability", "exit-probability",
        _normal(start="0", exit="2", exit_below="-1"),
        lambda: mpmath.erfi(1 / sqrt(2)) / (mpmath.erfi(1 / sqrt(2)) + mpmath.erfi(sqrt(2))),
        "scale ∫exp(y²/2) dy",
        "moderate",
    ),
    # --- escape ---
    Problem(
        "langevin-kramers", "kramers-time",
        _model("(w**2-1)**2/4", "1", "0.05", "ito", start="-1", exit="1"),
        lambda: sqrt(2) * pi * mpmath.exp(10),
        "2π/√(H_a|H_b|)·exp(2ΔL/(ησ)), H_a = 2, H_b = -1, ΔL = 1/4",
        "moderate",
    ),
    Problem(
        "power-law-kramers", "kramers-time",
        _model("(w**2-1)**2/4", "1+(w**2-1)**2/4", "0.05", "anti-ito", start="-1", exit="1"),
        lambda: 2 * pi / ((1 - mpf(1) / 80) * sqrt(2)) * mpf("1.25") ** mpf("39.5"),
        "2π/((1+(s-1/2)/κ)√(H_a|H_b|))·u^(κ+s-1/2), κ = 40, u = 5/4",
        "moderate",
    ),
    Problem(
        "langevin-rate", "escape-rate",
        _model("(w**2-1)**2/4", "1", "0.05", "ito", start="-1", exit="1"),
        lambda: mpmath.exp(-10) / (sqrt(2) * pi),
        "one over the line above",
        "moderate",
    ),
    Problem(
        "langevin-sharpness", "sharpness-ratio",
        _model(
            "4*(w**2-1)**2/4", "1", "1", "ito", start="-1", exit="1", of="kramers",
            flatter="4*(w**2/4-1)**2/4", flatter_start="-2", flatter_exit="2",
        ),
        lambda: mpf(4),
        "R = r for constant noise and equal barriers",
        "moderate",
    ),
    # --- discrete time ---
    Problem(
        "kesten-gaussian-data", "kesten-index", {"hessian": "chi2(1)", "eta": "2/3"},
        lambda: mpf(2),
        "E(1 - ηx²)² = 1 - 2η + 3η² = 1 at η = 2/3",
        "moderate",
        digits=12,
    ),
    Problem(
        "kesten-normal-hessian", "kesten-index", {"hessian": "normal(1, 1)", "eta": "1"},
        lambda: mpf(2),
        "1 - ηh is standard normal: E|A|² = 1",
        "moderate",
        digits=12,
    ),
)  # fmt: skip
