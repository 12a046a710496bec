"""Models that the tests of the simulator share."""

from fractions import Fraction
from typing import Any

import sympy

from numerics.lowering import Model, lower_diffusion
from theory.expressions import parse_expression

w = sympy.Symbol("w", real=True)


def model(gradient: str, noise: str, eta: Any, theta: Any = 0) -> Model:
    """A model of fixed text; `w` is the state."""
    return lower_diffusion(
        variable=w,
        gradient=parse_expression(gradient, {"w": w}),
        noise=parse_expression(noise, {"w": w}),
        eta=sympy.Rational(str(eta)),
        theta=sympy.Rational(str(theta)),
    )


def ornstein_uhlenbeck(eta: str = "1") -> Model:
    """dw = −w dt + √η dB: stationary variance η/2."""
    return model("w", "1", eta)


def power_law_well(theta: Any = 0, eta: str = "1/10") -> Model:
    """H = σ_g = 1, σ_H = 1/2."""
    return model("w", "1 + w**2/2", eta, theta)


def double_well(theta: Any = 0, eta: str = "1/2") -> Model:
    """(w² − 1)²/4 with a noise that grows with the loss."""
    return model("w**3 - w", "1 + (w**2 - 1)**2/4", eta, theta)


def exact_exit_above(made: Model, start: Fraction | int, exit_above: Fraction | int) -> float:
    """The certified one-sided mean exit time."""
    from numerics.first_passage import mean_exit_time

    return float(mean_exit_time(made, start, exit_above=exit_above, digits=10, method="arb"))
