"""Hypothesis strategies for ergodic diffusions over the whole admissible domain.

The family is the power-law well L = Hx²/2, C = σ_g + 2ρx + σ_H x², in every interpretation, and
double wells with a noise of their own. Everything is exact: κ, the noise ratio and the correlation
are rational, drawn on logarithmic grids that shrink towards 1, 1 and 0, and θ shrinks towards 0; so
a counterexample is the simplest of its kind.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, isqrt, log10
from typing import Any

import sympy
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from theory.diffusion import Diffusion

w = sympy.Symbol("w", real=True)

KAPPA = (Fraction(3, 5), Fraction(1000))
"""Range of κ = H/(ησ_H)."""
RATIO = (Fraction(1, 1000), Fraction(1000))
"""Range of σ_H/σ_g: six decades."""
MAX_CORRELATION = Fraction(999, 1000)
"""Of |ρ|/√(σ_g σ_H), whose bound is 1."""


@dataclass(frozen=True)
class PowerLawModel:
    """One power-law well, by its exact parameters."""

    kappa: Fraction
    sigma_g: Fraction
    sigma_H: Fraction
    rho: Fraction
    theta: Fraction
    eta: Fraction

    @property
    def H(self) -> Fraction:
        """Curvature of the loss, H = κησ_H."""
        return self.kappa * self.eta * self.sigma_H

    @property
    def m(self) -> Fraction:
        """Exponent of the stationary law, m = κ + 1 − θ."""
        return self.kappa + 1 - self.theta

    @property
    def correlation(self) -> float:
        """ρ in units of its bound."""
        return float(self.rho) / float(self.sigma_g * self.sigma_H) ** 0.5

    @property
    def scale(self) -> Fraction:
        """A rational near the width √(σ_g/σ_H/(2m)) of the law, for points that matter."""
        return _rational_root(self.sigma_g / self.sigma_H / (2 * self.m))

    def diffusion(self) -> Diffusion:
        """The model as the theory knows it."""
        g, r, h = (sympy.Rational(v) for v in (self.sigma_g, self.rho, self.sigma_H))
        return Diffusion.from_loss(
            sympy.Rational(self.H) * w**2 / 2,
            g + 2 * r * w + h * w**2,
            eta=sympy.Rational(self.eta),
            interpretation=sympy.Rational(self.theta),
            variable=w,
        )


def _rational_root(value: Fraction, digits: int = 12) -> Fraction:
    """√value from below, with `digits` correct digits whatever its size."""
    scale = 10**digits
    shift = 1
    while value * shift * shift < 1:
        shift *= 10
    return Fraction(isqrt(int(value * shift * shift * scale * scale)), scale * shift)


def _rounded(value: float) -> Fraction:
    """A power of ten rounded to three digits, as an exact rational."""
    return Fraction(f"{value:.3g}")


@st.composite
def log_grid(draw: st.DrawFn, low: Fraction, high: Fraction) -> Fraction:
    """A rational between two powers, even on the logarithmic scale; shrinks to 1 (or the end)."""
    first, last = round(200 * log10(low)), round(200 * log10(high))
    step = draw(st.one_of(st.integers(first, last), st.sampled_from([last, first])))
    return min(max(_rounded(10 ** (step / 200)), low), high)


def thetas() -> st.SearchStrategy[Fraction]:
    """The named interpretations, and any other rational one; shrinks to 0 (Ito)."""
    named = st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2), Fraction(1, 4)])
    return st.one_of(named, st.fractions(0, 1, max_denominator=20))


def correlations() -> st.SearchStrategy[Fraction]:
    """ρ/√(σ_gσ_H) up to ±0.999 of its bound; shrinks to 0."""
    extreme = st.sampled_from([999, -999, 990, -990, 950, -950])
    return st.one_of(st.integers(-999, 999), extreme).map(lambda n: Fraction(n, 1000))


@st.composite
def power_law_models(
    draw: st.DrawFn,
    *,
    kappa: tuple[Fraction, Fraction] = KAPPA,
    correlated: bool = True,
) -> PowerLawModel:
    """Power-law wells that have a stationary law: all of them, by construction."""
    k = draw(log_grid(*kappa))
    ratio = draw(log_grid(*RATIO))
    theta = draw(thetas())
    sigma_g = draw(log_grid(Fraction(1, 10), Fraction(10)))
    eta = draw(log_grid(Fraction(1, 100), Fraction(1)))
    sigma_H = sigma_g * ratio
    part = draw(correlations()) if correlated else Fraction(0)
    rho = part * _rational_root(sigma_g * sigma_H)
    model = PowerLawModel(k, sigma_g, sigma_H, rho, theta, eta)
    COVERAGE.draw(model)
    return model


def points_of(model: PowerLawModel) -> st.SearchStrategy[Fraction]:
    """Points within six widths of the law; shrinks to its minimum."""
    return st.integers(-60, 60).map(lambda n: Fraction(n, 10) * model.scale)


@st.composite
def double_wells(draw: st.DrawFn) -> Diffusion:
    """Tilted quartic wells with a positive noise that need not match the loss."""
    tilt = Fraction(draw(st.integers(-8, 8)), 40)
    slope = Fraction(draw(st.integers(-9, 9)), 10)
    curvature = Fraction(draw(st.integers(0, 20)), 10)
    theta, eta = draw(thetas()), draw(log_grid(Fraction(1, 20), Fraction(1)))
    t, a, b = (sympy.Rational(v) for v in (tilt, slope, curvature))
    return Diffusion.from_loss(
        (w**2 - 1) ** 2 / 4 + t * w,
        1 + a * w / (1 + w**2) + b * w**2,
        eta=sympy.Rational(eta),
        interpretation=sympy.Rational(theta),
        variable=w,
    )


# --- coverage -----------------------------------------------------------------------------------


@dataclass
class Coverage:
    """What the strategies drew in this run, and how many draws a test refused."""

    drawn: int = 0
    kappa: Counter[int] = field(default_factory=Counter)
    theta: Counter[str] = field(default_factory=Counter)
    correlation: Counter[int] = field(default_factory=Counter)
    ratio: Counter[int] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def draw(self, model: PowerLawModel) -> None:
        """Count one model."""
        self.drawn += 1
        self.kappa[min(2, floor(log10(model.kappa)))] += 1
        named = {Fraction(0): "0", Fraction(1, 4): "1/4", Fraction(1, 2): "1/2", Fraction(1): "1"}
        self.theta[named.get(model.theta, "other")] += 1
        self.correlation[_correlation_bin(model.correlation)] += 1
        self.ratio[round(log10(model.sigma_H / model.sigma_g))] += 1

    def rejection_rate(self, test: str) -> float:
        """Share of the draws that a test refused."""
        return self.rejected[test] / max(1, self.attempts[test])

    def lines(self) -> list[str]:
        """The coverage in words."""
        kappas = {-1: "0.6 to 1", 0: "1 to 10", 1: "10 to 100", 2: "100 to 1000"}
        signs = {-2: "-0.999 to -0.9", -1: "-0.9 to 0", 0: "0", 1: "0 to 0.9", 2: "0.9 to 0.999"}
        attempts, rejected = sum(self.attempts.values()), sum(self.rejected.values())
        return [
            f"{self.drawn} power-law models; {rejected} of {attempts} draws rejected",
            "kappa: " + _shares({kappas[key]: n for key, n in sorted(self.kappa.items())}),
            "theta: " + _shares(dict(sorted(self.theta.items()))),
            "rho/bound: " + _shares({signs[key]: n for key, n in sorted(self.correlation.items())}),
            "sigma_H/sigma_g: " + _shares({f"1e{key}": n for key, n in sorted(self.ratio.items())}),
        ]


def _correlation_bin(correlation: float) -> int:
    if correlation == 0:
        return 0
    sign = 1 if correlation > 0 else -1
    return sign * (2 if abs(correlation) > 0.9 else 1)


def _shares(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


COVERAGE = Coverage()


def counted(test: Callable[..., None]) -> Callable[..., None]:
    """Count a property's draws and those it refuses by `assume`; stands below `@given`."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        COVERAGE.attempts[test.__name__] += 1
        try:
            test(*args, **kwargs)
        except UnsatisfiedAssumption:
            COVERAGE.rejected[test.__name__] += 1
            raise

    return run
