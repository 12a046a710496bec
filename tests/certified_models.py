"""Models for the tests of certified numbers, and their exact answers."""

from __future__ import annotations

from typing import Any

import sympy

from numerics.lowering import Model, lower_diffusion
from theory.diffusion import as_expression

w = sympy.Symbol("w", real=True)


def model(loss: Any, noise: Any, eta: Any, theta: Any = 0) -> Model:
    """A model from SymPy expressions or text of the test itself."""
    return lower_diffusion(
        variable=w,
        loss=as_expression(loss),
        noise=as_expression(noise),
        eta=as_expression(eta),
        theta=as_expression(theta),
    )


def from_gradient(gradient: Any, noise: Any, eta: Any, theta: Any = 0) -> Model:
    """A model from L' where L has no closed form."""
    return lower_diffusion(
        variable=w,
        gradient=as_expression(gradient),
        noise=as_expression(noise),
        eta=as_expression(eta),
        theta=as_expression(theta),
    )


def brownian() -> Model:
    """dw = √2 dB: D = 1, generator u''."""
    return model(0, 1, 2)


def ornstein_uhlenbeck() -> Model:
    """dw = −w dt + √2 dB: stationary law N(0, 1)."""
    return model("w**2/2", 1, 2)


def power_law_double_well() -> Model:
    """The benchmark: L = (w²−1)²/4, C affine in L, η = 1/20, κ = 400/19, Ito."""
    return model("(w**2-1)**2/4", "1 + 19*(w**2-1)**2/40", "1/20")


DOUBLE_WELL_TO_SADDLE = "9936.066979093336049107723876341350777"
"""τ from −1 to 0 of that model, truncated, by three independent programs."""
