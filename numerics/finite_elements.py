"""Mean first-passage times and committors in the plane, by finite elements (scikit-fem).

`𝓛f = ∇·(D∇f) − (∇L + s∇·D)·∇f` in weak form, quadratic elements:

    ∫ D∇f·∇φ + ((∇L + s∇·D)·∇f) φ = ∫ φ        (τ, with τ = 0 on the exit region)
                                  = 0            (committor)

The plane is cut to a box with a reflecting edge, where the stationary weight is negligible. Values
are *estimates*: the error is twice the difference of the two finest of at least three meshes, plus
the effect of moving the edge of the box outward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from numerics.errors import ComputationError, InfiniteMean, PrecisionCapReached
from numerics.evaluators import evaluate_mpmath, numpy_function
from numerics.multivariate import MultivariateModel
from numerics.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
"""Doubles, or indices and flags of points."""
Point = Sequence[int | float | Fraction | Program]
Box = tuple[float, float, float, float]
"""x from, x to, y from, y to"""

_CELLS = (24, 36, 54, 81, 122, 183, 260)
"""Cells per side of successive meshes."""
_NEGLIGIBLE = 30.0
"""The box ends where the weight has fallen by e^30 ..."""
_MOVED = 1.2
"""... and again where its sides are farther from the start by this factor."""
_FARTHEST = 1e3
_BLOCK = 4096
"""Points at which formulas are evaluated at once: all that a long one computes stays in memory."""


@dataclass(frozen=True)
class MeshEstimate:
    """A value, its estimated absolute error, and what was computed for it."""

    value: float
    error: float
    convergence: float
    """Twice the difference of the two finest meshes."""
    truncation: float
    """Effect of moving the edge of the box."""
    cells: tuple[int, ...]
    box: Box
    digits_kind: str = "estimated"


def mean_exit_time(
    model: MultivariateModel,
    start: Point,
    exit_region: Program,
    *,
    tolerance: float = 1e-3,
    box: Box | None = None,
) -> MeshEstimate:
    """E τ of entering `exit_region` from `start`.

    Parameters
    ----------
    exit_region : negative inside (see `lowering.lower_region`)
    tolerance : relative error aimed at
    box : the computational domain; found by itself where not given

    Raises
    ------
    ComputationError : start inside the region, region not met, C not positive definite.
    PrecisionCapReached : the tolerance is not met on the finest mesh.
    """
    return _estimate(_Problem(model, start, exit_region, None), tolerance, box)


def committor(
    model: MultivariateModel,
    start: Point,
    from_region: Program,
    to_region: Program,
    *,
    tolerance: float = 1e-3,
    box: Box | None = None,
) -> MeshEstimate:
    """The probability of entering `to_region` before `from_region`; arguments as for times."""
    return _estimate(_Problem(model, start, from_region, to_region), tolerance, box)


def occupied_box(model: MultivariateModel, start: Point, exit_region: Program) -> Box:
    """The box around all that is reached from the start before the weight becomes negligible.

    Raises
    ------
    ComputationError : no such box, a start inside the region, C not positive definite.
    """
    return _box(_Problem(model, start, exit_region, None))


class _Problem:
    """The model's functions in doubles, the start, and the absorbing regions."""

    def __init__(
        self, model: MultivariateModel, start: Point, region: Program, target: Program | None
    ) -> None:
        if model.dimension != 2:
            raise ComputationError(
                "a model in two dimensions, for finite elements",
                f"{model.dimension} variables: {', '.join(model.variables)}",
                "simulate it (exitlaw simulate mean-exit-time)",
            )
        self.start = np.array([_number(c) for c in start])
        self.eta, self.theta = _number(model.eta), _number(model.theta)
        self._gradient = numpy_function(model.gradient)
        self._noise = numpy_function(model.noise)
        self._divergence = numpy_function(model.noise_divergence)
        self._regions = [numpy_function(r) for r in (region, target) if r is not None]
        self.is_committor = target is not None
        if not self.eta > 0:
            raise ComputationError("a positive η", str(self.eta), "give eta > 0")
        if self.level(self.start[:, None])[0] <= 0:
            raise ComputationError(
                "a start outside the exit region",
                f"start ({self.start[0]:g}, {self.start[1]:g}) inside it",
                "choose another start",
            )

    def coefficients(self, x: Array) -> Array:
        """D_xx, D_xy, D_yy and the field ∇L + s∇·D at points of shape (2, ...)."""
        flat = x.reshape(2, -1)
        blocks = [flat[:, i : i + _BLOCK] for i in range(0, flat.shape[1], _BLOCK)]
        found = np.concatenate([np.stack(self._coefficients(block)) for block in blocks], axis=1)
        return found.reshape(5, *x.shape[1:])

    def _coefficients(self, x: Array) -> tuple[Array, Array, Array, Array, Array]:
        ones = np.ones_like(x[0])
        d = [self.eta / 2 * c * ones for c in self._noise(*x)]
        if not (np.all(d[0] > 0) and np.all(d[0] * d[2] > d[1] ** 2)):
            raise ComputationError(
                "C positive definite where it is used",
                "one that is not inside the domain",
                "give a box (or an exit region) that keeps away from there",
            )
        slopes = self._divergence(*x)
        shift = (1 - self.theta) * self.eta / 2
        field = [
            g * ones + shift * e * ones for g, e in zip(self._gradient(*x), slopes, strict=True)
        ]
        return d[0], d[1], d[2], field[0], field[1]

    def level(self, x: Array) -> Array:
        """Negative inside an absorbing region, at points of shape (2, ...)."""
        return np.min([r(*x)[0] * np.ones_like(x[0]) for r in self._regions], axis=0)

    def boundary_value(self, x: Array) -> Array:
        """1 on the target region, 0 on the other."""
        if not self.is_committor:
            return np.zeros_like(x[0])
        first, second = (r(*x)[0] * np.ones_like(x[0]) for r in self._regions)
        return np.where(second < first, 1.0, 0.0)


def _number(value: int | float | Fraction | Program) -> float:
    return float(evaluate_mpmath(value)[0]) if isinstance(value, Program) else float(value)


# --- the box --------------------------------------------------------------------------------------


def _box(problem: _Problem) -> Box:
    """The box around all that is reached from the start before the weight becomes negligible."""
    reach = 1.0
    while reach < _FARTHEST:
        found = _occupied(problem, reach)
        if found is not None:
            return found
        reach *= 1.5
    raise InfiniteMean(
        "a stationary weight that becomes negligible",
        f"one that does not within {_FARTHEST:g} of the start",
        "give a box (box=...), or an exit region on that side",
    )


def _occupied(problem: _Problem, reach: float) -> Box | None:
    """The bounding box on a grid of the given reach; None if it touches the grid's edge.

    The weight is e^−W, W the integral of D⁻¹·field from the start along two paths (along x first,
    along y first), averaged: exact for a gradient, and a rotation cancels.
    """
    from scipy.ndimage import label

    half = 60
    offsets = np.linspace(-reach, reach, 2 * half + 1)
    points = np.array(
        np.meshgrid(problem.start[0] + offsets, problem.start[1] + offsets, indexing="ij")
    )
    outside = problem.level(points) > 0
    # Coefficients inside the regions are never used: the start stands in for them.
    safe = np.where(outside, points, problem.start[:, None, None])
    d_xx, d_xy, d_yy, c_x, c_y = problem.coefficients(safe)
    determinant = d_xx * d_yy - d_xy**2
    force = (
        (d_yy * c_x - d_xy * c_y) / determinant,
        (d_xx * c_y - d_xy * c_x) / determinant,
    )
    step = offsets[1] - offsets[0]
    along_x, along_y = (_integrated(f, axis, half, step) for axis, f in enumerate(force))
    x_first = along_x[:, half : half + 1] + along_y
    y_first = along_y[half : half + 1, :] + along_x
    rise = (x_first + y_first) / 2
    lowest = np.min(rise[outside & (np.abs(offsets)[:, None] < reach)])
    parts: Any = label(outside & (rise < lowest + _NEGLIGIBLE))[0]  # type: ignore[index]
    occupied = parts == parts[half, half]
    if parts[half, half] == 0:
        return None
    rows, columns = np.flatnonzero(occupied.any(axis=1)), np.flatnonzero(occupied.any(axis=0))
    ends = (rows[0], rows[-1], columns[0], columns[-1])
    if min(ends) == 0 or max(ends) == 2 * half:
        return None
    x, y = problem.start
    margin = 1.5 * step
    return (
        float(x + offsets[ends[0]] - margin),
        float(x + offsets[ends[1]] + margin),
        float(y + offsets[ends[2]] - margin),
        float(y + offsets[ends[3]] + margin),
    )


def _integrated(force: Array, axis: int, half: int, step: float) -> Array:
    """∫ force along an axis from the middle of the grid."""
    moved = np.moveaxis(force, axis, 0)
    rises = (moved[1:] + moved[:-1]) / 2 * step
    total = np.concatenate([np.zeros_like(moved[:1]), np.cumsum(rises, axis=0)])
    return np.moveaxis(total - total[half : half + 1], 0, axis)


def _moved(problem: _Problem, box: Box) -> Box:
    x, y = problem.start
    return (
        x + _MOVED * (box[0] - x),
        x + _MOVED * (box[1] - x),
        y + _MOVED * (box[2] - y),
        y + _MOVED * (box[3] - y),
    )


# --- meshes ---------------------------------------------------------------------------------------


def _mesh(problem: _Problem, box: Box, cells: int) -> tuple[Any, Array]:
    """Triangles outside the regions, cut along their edge; flags of the points on that edge."""
    from skfem import MeshTri

    x = np.linspace(box[0], box[1], cells + 1)
    y = np.linspace(box[2], box[3], cells + 1)
    mesh = MeshTri.init_tensor(x, y)
    points, signs = _snapped(problem, mesh)
    points, triangles, on_edge = _cut(problem, points, mesh.t, signs)
    if not on_edge.any() or not triangles.size:
        raise ComputationError(
            "an exit region that cuts the domain",
            "one that misses it (or covers it)",
            "give a box that reaches into the region",
        )
    used = np.unique(triangles)
    index = np.full(points.shape[1], -1)
    index[used] = np.arange(len(used))
    kept = np.ascontiguousarray(index[triangles])
    return MeshTri(np.ascontiguousarray(points[:, used]), kept), on_edge[used]


def _crossings(problem: _Problem, points: Array, first: Array, second: Array) -> Array:
    """Where the region's edge crosses segments, as shares from their first ends."""
    a, b = points[:, first], points[:, second]
    positive = problem.level(a) > 0
    low, high = np.zeros(len(first)), np.ones(len(first))
    for _ in range(45):
        middle = (low + high) / 2
        same = (problem.level(a + middle * (b - a)) > 0) == positive
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (low + high) / 2


_NEAR = 0.2
"""Grid points nearer to the region's edge than this share of a grid edge are moved onto it."""


def _snapped(problem: _Problem, mesh: Any) -> tuple[Array, Array]:
    """Points, those near the region's edge moved onto it, and signs (0 on the edge)."""
    points = mesh.p.copy()
    levels = problem.level(points)
    signs = np.sign(levels).astype(int)
    signs[np.abs(levels) <= 1e-12 * (1 + np.abs(levels).max())] = 0
    first, second = mesh.facets
    cross = signs[first] * signs[second] < 0
    first, second = first[cross], second[cross]
    share = _crossings(problem, points, first, second)
    near = np.minimum(share, 1 - share) < _NEAR
    mover = np.where(share <= 0.5, first, second)[near]
    target = (points[:, first] + share * (points[:, second] - points[:, first]))[:, near]
    # The shortest move of each point is done last, and stays.
    for i in np.argsort(-np.minimum(share, 1 - share)[near]):
        points[:, mover[i]] = target[:, i]
        signs[mover[i]] = 0
    return points, signs


def _cut(
    problem: _Problem, points: Array, triangles: Array, signs: Array
) -> tuple[Array, Array, Array]:
    """The part of every triangle where the sign is not negative, and flags of edge points."""
    corner_signs = signs[triangles]
    whole = (corner_signs >= 0).all(axis=0) & (corner_signs > 0).any(axis=0)
    mixed = np.flatnonzero((corner_signs > 0).any(axis=0) & (corner_signs < 0).any(axis=0))
    pairs = sorted(
        {
            (min(i, j), max(i, j))
            for t in triangles[:, mixed].T
            for i, j in ((t[0], t[1]), (t[1], t[2]), (t[0], t[2]))
            if signs[i] * signs[j] < 0
        }
    )
    new = {pair: points.shape[1] + k for k, pair in enumerate(pairs)}
    made: list[tuple[int, int, int]] = []
    if pairs:
        first, second = np.array(pairs).T
        share = _crossings(problem, points, first, second)
        added = points[:, first] + share * (points[:, second] - points[:, first])
        points = np.hstack([points, added])
    for t in triangles[:, mixed].T:
        made += _positive_part([int(v) for v in t], signs, new)
    flags = np.concatenate([signs == 0, np.ones(len(pairs), dtype=bool)])
    parts = np.array(made, dtype=triangles.dtype).reshape(-1, 3).T
    return points, np.hstack([triangles[:, whole], parts]), flags


def _positive_part(
    corners: list[int], signs: Array, new: dict[tuple[int, int], int]
) -> list[tuple[int, int, int]]:
    """The polygon of one cut triangle where the sign is positive, in triangles."""
    polygon: list[int] = []
    for i in range(3):
        here, following = corners[i], corners[(i + 1) % 3]
        if signs[here] >= 0:
            polygon.append(here)
        if signs[here] * signs[following] < 0:
            polygon.append(new[min(here, following), max(here, following)])
    return [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]


# --- solution -------------------------------------------------------------------------------------


def _solve(problem: _Problem, box: Box, cells: int) -> float:
    from skfem import Basis, BilinearForm, ElementTriP2, LinearForm, condense, solve
    from skfem.helpers import grad

    mesh, on_edge = _mesh(problem, box, cells)
    basis: Any = Basis(mesh, ElementTriP2(), intorder=5)

    # Once: the form is called for every pair of the six functions of an element.
    d_xx, d_xy, d_yy, c_x, c_y = problem.coefficients(np.asarray(basis.global_coordinates()))

    def operator(u: Any, v: Any, w: Any) -> Any:
        du: Any = grad(u)
        dv: Any = grad(v)
        diffusion = d_xx * du[0] * dv[0] + d_yy * du[1] * dv[1]
        diffusion = diffusion + d_xy * (du[0] * dv[1] + du[1] * dv[0])
        return diffusion + (c_x * du[0] + c_y * du[1]) * v

    source = 0.0 if problem.is_committor else 1.0
    matrix = BilinearForm(operator).assemble(basis)
    load = LinearForm(lambda v, w: source * v).assemble(basis)
    facets = mesh.boundary_facets()
    absorbing = facets[on_edge[mesh.facets[:, facets]].all(axis=0)]
    if not len(absorbing):
        raise ComputationError(
            "an exit region with an edge inside the domain", "none", "give a larger box"
        )
    dofs = basis.get_dofs(absorbing).all()
    values = basis.zeros()
    values[dofs] = problem.boundary_value(basis.doflocs[:, dofs])
    solution: Any = solve(*condense(matrix, load, x=values, D=dofs))
    found = basis.probes(problem.start[:, None]) @ solution
    return float(found[0])


def _estimate(problem: _Problem, tolerance: float, box: Box | None) -> MeshEstimate:
    if not 0 < tolerance < 1:
        raise ComputationError("a tolerance between 0 and 1", str(tolerance), "give 0.001")
    chosen = box or _box(problem)
    values: list[float] = []
    difference = np.inf
    for cells in _CELLS:
        values.append(_solve(problem, chosen, cells))
        if len(values) < 3:
            continue
        # Second order (curved edges) at a ratio of 1.5 leaves 0.8 of the last difference.
        steps = np.abs(np.diff(values[-3:]))
        difference = 2 * max(float(steps[1]), float(steps[0]) / 8)
        scale = 1.0 if problem.is_committor else abs(values[-1])
        if difference > tolerance * scale / 2:
            continue
        at = _CELLS[len(values) - 1]
        moved = 0.0
        if box is None:
            # The moved box gets as many cells per length: only its edge differs.
            wide = _solve(problem, _moved(problem, chosen), round(_MOVED * at))
            moved = abs(wide - values[-1])
        error = difference + moved
        if error <= tolerance * scale:
            cells_used = _CELLS[: len(values)]
            return MeshEstimate(values[-1], error, difference, moved, cells_used, chosen)
    raise PrecisionCapReached(
        f"a relative error of {tolerance:g}",
        f"{values[-1]:.8g} ± {difference:.2g} on {_CELLS[-1]} cells per side",
        "ask for a larger tolerance, or give a smaller box",
    )
