"""What splitting goes by: a function that rises on the way to the exit region.

Splitting is unbiased whatever the function; the nearer it is to one of the committor's, the
probability to enter the region before coming back, the less its results scatter. Three are offered:

- `function`: any given program of the variables, as the loss;
- `region`: minus the region's function, which is zero on its edge;
- `committor`, in the plane: its logarithm on a grid, from drift and noise by a scheme of positive
  rates (exponential fitting along the axes, diagonal neighbours for mixed derivatives), so that the
  smallest probabilities keep their digits; bilinear between the points, rounded to 2⁻¹⁰ so that no
  library's last bit decides a path.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from numerics.errors import ComputationError
from numerics.program import Program

if TYPE_CHECKING:
    from numerics.simulation.multivariate import VectorKernel

Kind = Literal["function", "region", "committor"]

CELLS = 160
"""Cells per side of the committor's grid."""

_ROUNDING = 2.0**10
_FLOOR = -650.0
"""Logarithm that stands for probabilities below the range of doubles."""


@dataclass(frozen=True)
class Importance:
    """The choice of a function, and the table behind a committor."""

    kind: Kind
    table: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)), repr=False, compare=False)
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """x from, x to, y from, y to"""
    digest: str = ""
    """of the table, so that a `repr` names it"""

    def arguments(self) -> tuple[np.ndarray, np.ndarray]:
        """`table` by rows, and `grid`, as kernels take them; zeros without a table."""
        if self.kind != "committor":
            return np.zeros(1), np.zeros(1)
        left, right, bottom, top = self.box
        rows, columns = self.table.shape
        cells_x, cells_y = rows - 1, columns - 1
        scales = (left, cells_x / (right - left), bottom, cells_y / (top - bottom))
        # Points beyond the box belong to the cells at its edges.
        ends = (cells_x - 1e-6, cells_y - 1e-6, columns)
        return self.table.ravel(), np.array([*scales, *ends])

    def text(self, kernel: VectorKernel) -> str:
        """Source of `importance(x0, …, table, grid, …)`."""
        names = ", ".join([*kernel.states, "table", "grid", *kernel.form.constants])
        head = f'@njit(forceinline=True, error_model="numpy")\ndef importance({names}):\n'
        if self.kind == "committor":
            return (
                _INTERPOLATION
                + head
                + "    return interpolated(*cell(x0, x1, grid), table, grid)\n"
            )
        call = kernel.passed(kernel.states)
        return head + (
            f"    return -region({call})\n"
            if self.kind == "region"
            else f"    return measure({call})\n"
        )

    def in_lanes(self) -> str:
        """Lines for `now[lane]`, ξ at `place[:, lane]`, in all lanes.

        Looking up a table keeps a loop from becoming vector instructions: where to look is found in
        a loop of its own.
        """
        return _LANES_BY_TABLE if self.kind == "committor" else _LANES_BY_FORMULA


_INTERPOLATION = '''
@njit(forceinline=True, error_model="numpy")
def cell(x, y, grid):
    """The first entry of a point's cell in the table, and where in the cell it is."""
    u = (x - grid[0]) * grid[1]
    v = (y - grid[2]) * grid[3]
    # Comparisons that NaN fails: it has to end on the grid as well.
    u = u if u > 0.0 else 0.0
    v = v if v > 0.0 else 0.0
    u = u if u < grid[4] else grid[4]
    v = v if v < grid[5] else grid[5]
    row, column = np.floor(u), np.floor(v)
    return row * grid[6] + column, u - row, v - column


@njit(forceinline=True, error_model="numpy")
def interpolated(entry, u, v, table, grid):
    """Bilinear interpolation in a cell."""
    # Without a sign, an index is not looked at for one.
    n, one = uint64(int(entry)), uint64(1)
    m = n + uint64(int(grid[6]))
    near = table[n] + v * (table[n + one] - table[n])
    far = table[m] + v * (table[m + one] - table[m])
    return near + u * (far - near)


'''

_LANES_BY_FORMULA = """for lane in range(LANES):
    now[lane] = importance(PLACE, table, grid, CONSTANTS)"""

_LANES_BY_TABLE = """for lane in range(LANES):
    entry[lane], across[lane], along[lane] = cell(PLACE, grid)
for lane in range(LANES):
    now[lane] = interpolated(entry[lane], across[lane], along[lane], table, grid)"""


def chosen_importance(given: Program | str | None) -> Importance | None:
    """The choice that an argument names; None leaves it to the splitting.

    Raises
    ------
    ComputationError : another name
    """
    if given is None:
        return None
    if isinstance(given, Program):
        return Importance("function")
    if given == "region":
        return Importance("region")
    if given == "committor":
        return Importance("committor")
    raise ComputationError(
        "an importance: a function of the variables, region or committor",
        repr(given),
        "give one, or leave it out",
    )


def committor_table(
    kernel: VectorKernel,
    box: tuple[float, float, float, float],
    centre: np.ndarray,
    spread: np.ndarray,
) -> Importance:
    """ln P(enter the region before the core) on a grid over `box`, in two dimensions.

    Parameters
    ----------
    centre, spread : mean (2) and covariance (2, 2) of the well; the core is its ellipse of one
        standard deviation

    Raises
    ------
    ComputationError : a box without a part of the region, or of the core
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import spsolve

    x, y = (np.linspace(box[i], box[i + 1], CELLS + 1) for i in (0, 2))
    points = np.array(np.meshgrid(x, y, indexing="ij")).reshape(2, -1)
    drift, noise, level = kernel.coefficients(points)
    offset = points - centre[:, np.newaxis]
    distance = np.einsum("in,ij,jn->n", offset, np.linalg.inv(spread), offset)
    target, core = ~(level > 0.0), distance <= 1.0
    core &= ~target
    if not (target.any() and core.any()):
        raise ComputationError(
            "a box that holds a part of the exit region and the start's well",
            f"{box}",
            "give another importance (region, or a function)",
        )
    rates = np.nan_to_num(_rates(drift, noise, x[1] - x[0], y[1] - y[0]), posinf=0.0, neginf=0.0)
    size, width = points.shape[1], CELLS + 1
    row, column = np.divmod(np.arange(size), width)
    fixed = target | core
    rows, columns, entries = [], [], []
    diagonal = np.zeros(size)
    for (step_x, step_y), rate in zip(_NEIGHBOURS, rates, strict=True):
        inside = (row + step_x >= 0) & (row + step_x < width)
        inside &= (column + step_y >= 0) & (column + step_y < width)
        here = np.flatnonzero(inside & ~fixed)
        rows.append(here)
        columns.append(here + step_x * width + step_y)
        entries.append(-rate[here])
        diagonal[here] += rate[here]
    stuck = ~fixed & ~(diagonal > 0.0)
    rows.append(np.arange(size))
    columns.append(np.arange(size))
    entries.append(np.where(fixed | stuck, 1.0, diagonal))
    matrix = csr_matrix(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), (size, size)
    )
    found = np.asarray(spsolve(matrix.tocsc(), target.astype(float)))
    with np.errstate(all="ignore"):
        logarithm = np.where(found > 0.0, np.log(np.minimum(found, 1.0)), _FLOOR)
    logarithm = np.maximum(np.nan_to_num(logarithm, nan=_FLOOR), _FLOOR)
    logarithm[core] = logarithm[~core].min() - 1.0 if (~core).any() else _FLOOR
    table = (np.round(logarithm * _ROUNDING) / _ROUNDING).reshape(width, width)
    digest = hashlib.blake2b(table.tobytes(), digest_size=16).hexdigest()
    return Importance("committor", table, box, digest)


_NEIGHBOURS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1))


def _bernoulli(z: np.ndarray) -> np.ndarray:
    """z/(e^z − 1)."""
    small = np.abs(z) < 1e-8
    safe = np.where(small, 1.0, np.clip(z, -700.0, 700.0))
    return np.where(small, 1.0 - 0.5 * z, safe / np.expm1(safe))


def _rates(drift: np.ndarray, noise: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Rates to the eight neighbours, none negative: `a·∇ + ½ Σ v_ij ∂_i∂_j`, v = ηC."""
    mixed = 0.5 * noise[0, 1] / (dx * dy)
    along_x, along_y = 0.5 * noise[0, 0] / dx**2, 0.5 * noise[1, 1] / dy**2
    # A mixed derivative beyond what positive rates allow is cut: the function stays admissible.
    limit = 0.9 * np.minimum(along_x, along_y)
    mixed = np.clip(mixed, -limit, limit)
    pure_x, pure_y = along_x - np.abs(mixed), along_y - np.abs(mixed)
    with np.errstate(all="ignore"):
        push_x, push_y = drift[0] / (dx * pure_x), drift[1] / (dy * pure_y)
    rising, falling = np.maximum(mixed, 0.0), np.maximum(-mixed, 0.0)
    return np.array(
        [
            pure_x * _bernoulli(-push_x),
            pure_x * _bernoulli(push_x),
            pure_y * _bernoulli(-push_y),
            pure_y * _bernoulli(push_y),
            rising,
            rising,
            falling,
            falling,
        ]
    )
