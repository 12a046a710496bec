"""Whether the noise of a model in d dimensions commutes, as Milstein's scheme needs.

With `C = GGᵀ`, G Cholesky's factor, and `L^j = Σ_i G_ij ∂_i`, noise commutes where
`L^j G_k = L^k G_j` for all j, k: then the double Itô integrals of a step are products of its
increments. Constant noise does, and a diagonal one whose entries depend on their own coordinate; an
isotropic noise that depends on the state does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from numerics.errors import ComputationError

if TYPE_CHECKING:
    from numerics.simulation.multivariate import VectorKernel

_TOLERANCE = 1e-5
"""Relative to the size of the terms: slopes by central differences are good to 10⁻⁸."""


def require_commuting(kernel: VectorKernel, names: Sequence[str]) -> None:
    """Raise unless the noise commutes at points drawn around 0, as far as C is definite there.

    Points cannot prove an identity, but formulas that fail it do so almost everywhere.

    Raises
    ------
    ComputationError : a point at which it does not
    """
    if not kernel.form.mixed():
        return
    d = kernel.dimension
    scales = np.repeat([0.1, 1.0, 3.0], 8)
    points = np.random.default_rng(7).standard_normal((d, scales.size)) * scales
    factor = _factor(kernel, points)
    step = 1e-5
    slopes = np.empty((d, d, d, scales.size))
    for i in range(d):
        moved = np.zeros((d, 1))
        moved[i] = step
        slopes[i] = _factor(kernel, points + moved) - _factor(kernel, points - moved)
    slopes /= 2.0 * step
    # along[j, i, k] = L^j G_ik
    along = np.einsum("ljn,likn->jikn", factor, slopes)
    swapped = np.swapaxes(along, 0, 2)
    gap = np.abs(along - swapped).max(axis=(0, 1, 2))
    size = np.abs(along).max(axis=(0, 1, 2))
    excess = np.where(np.isfinite(gap), gap / np.maximum(size, 1.0), 0.0)
    worst = int(np.argmax(excess))
    if excess[worst] > _TOLERANCE:
        at = ", ".join(
            f"{name} = {value:.3g}" for name, value in zip(names, points[:, worst], strict=True)
        )
        raise ComputationError(
            "noise that commutes, for Milstein's scheme (constant, or diagonal with entries that "
            "depend on their own coordinate alone)",
            f"L^j G_k − L^k G_j = {gap[worst]:.3g} at {at}",
            "take euler or platen, which do without double integrals",
        )


def _factor(kernel: VectorKernel, points: np.ndarray) -> np.ndarray:
    """G (d, d, n) at points (d, n); NaN where C is not positive definite."""
    _, noise, _ = kernel.coefficients(points)
    found = np.full(noise.shape, np.nan)
    for n in range(points.shape[1]):
        try:
            found[:, :, n] = np.linalg.cholesky(noise[:, :, n] / kernel.eta)
        except np.linalg.LinAlgError:
            continue
    return found
