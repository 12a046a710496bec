"""Two-dimensional models: `dw = −∇L dt + √(ηC(w)) ∘_θ dB` as programs of two variables.

With `D = ηC/2`, `s = 1 − θ` the flux is `J = −[p∇L + s p∇·D + D∇p]` and the backward operator
`𝓛f = ∇·(D∇f) − (∇L + s∇·D)·∇f`. The force need not be a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

from numerics.program import Program


@dataclass(frozen=True)
class PlanarModel:
    """Programs of the two variables; picklable. A region's program is negative inside it."""

    variables: tuple[str, str]
    gradient: Program
    """(∂L/∂x, ∂L/∂y), or minus the drift"""
    noise: Program
    """(C_xx, C_xy, C_yy)"""
    noise_divergence: Program
    """(∂_x C_xx + ∂_y C_xy, ∂_x C_xy + ∂_y C_yy)"""
    eta: Program
    theta: Program
