"""Models in d dimensions: `dw = −∇L dt + √(ηC(w)) ∘_θ dB` as programs of d variables.

With `D = ηC/2`, `s = 1 − θ` the flux is `J = −[p∇L + s p∇·D + D∇p]` and the backward operator
`𝓛f = ∇·(D∇f) − (∇L + s∇·D)·∇f`. The force need not be a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from numerics.program import Program


@dataclass(frozen=True)
class MultivariateModel:
    """Programs of the d variables; picklable. A region's program is negative inside it."""

    variables: tuple[str, ...]
    gradient: Program
    """∇L, or minus the drift: d outputs"""
    noise: Program
    """C: the upper triangle by rows (C_11, C_12, …, C_1d, C_22, …), d(d+1)/2 outputs"""
    noise_divergence: Program
    """∇·C: (∇·C)_i = Σ_j ∂_j C_ij, d outputs"""
    eta: Program
    theta: Program

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.variables)


def upper_triangle(dimension: int) -> Iterator[tuple[int, int]]:
    """Rows and columns (i, j), i <= j, in the order in which a noise program gives them."""
    return ((i, j) for i in range(dimension) for j in range(i, dimension))
