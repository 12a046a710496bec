"""Double precision in bulk: exit times and stationary integrals over arrays of parameters.

One compiled loop per model (`numerics.bulk_kernels` with the model's formulas), cached on disk; the
parameters, η and θ among them where the model leaves them free, are run-time arguments. Each value
comes with an estimate of its relative error, calibrated against certified values.
Anything near a decision belongs to the certified functions of `numerics.first_passage`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from numerics.errors import ComputationError
from numerics.evaluators import load_source, scalar_source
from numerics.lowering import Model
from numerics.program import combined

Values = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
ArrayLike = float | Values
"""A number, or one per parameter set."""

STATUS = (
    "good",
    "C is not positive, or a formula not finite, on the interval that is used",
    "no convergence (a kink or singularity)",
    "infinite",
)


@dataclass(frozen=True)
class BulkResult:
    """Positive values `mantissa · 2^exponent`, and estimates of their relative errors.

    `status` indexes `STATUS`; where it is not 0 the value is nan (inf for status 3).
    """

    mantissa: Values
    exponent: Integers
    relative_error: Values
    status: Integers

    @property
    def value(self) -> Values:
        """The values themselves; inf beyond the range of doubles."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.mantissa, np.clip(self.exponent, -4000, 4000).astype(np.int32))

    @property
    def log_value(self) -> Values:
        """Natural logarithms: finite even where `value` overflows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(self.mantissa) + self.exponent * np.log(2.0)


def mean_exit_time(
    model: Model,
    start: ArrayLike,
    *,
    exit_above: ArrayLike | None = None,
    exit_below: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E[τ] of the first exit for each parameter set; an end not given must be inaccessible.

    Parameters
    ----------
    model : its free parameters (`model.parameters`) are the keys of `parameters`
    start, exit_above, exit_below : in units of the state; scalars or one per parameter set
    parameters : scalars or arrays of one length

    Raises
    ------
    ComputationError : no exit, a missing parameter, lengths that differ.
    """
    table, (x,) = _table(model, parameters, start)
    count = len(table)
    out = _Output(count)
    kernel = _kernel(model)
    above = None if exit_above is None else _column(exit_above, count)
    below = None if exit_below is None else _column(exit_below, count)
    if above is not None and below is not None:
        _require(bool(np.all((below < x) & (x < above))), "a start strictly between the exits")
        chances = np.empty(count)
        kernel.two_sided_times(x, below, above, table, *out.arrays, chances)
        return out.result()
    exits = above if above is not None else below
    if exits is None:
        raise ComputationError("an exit", "none", "give exit_above, exit_below or both")
    inside = x < exits if above is not None else x > exits
    _require(bool(np.all(inside)), "a start strictly inside the exit")
    kernel.one_sided_times(x, exits, table, *out.arrays)
    return out.result()


def exit_probability(
    model: Model,
    start: ArrayLike,
    *,
    exit_above: ArrayLike,
    exit_below: ArrayLike,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """The probability of leaving through `exit_above` first, for each parameter set."""
    table, (x,) = _table(model, parameters, start)
    count = len(table)
    above, below = _column(exit_above, count), _column(exit_below, count)
    _require(bool(np.all((below < x) & (x < above))), "a start strictly between the exits")
    out = _Output(count)
    chances = np.empty(count)
    _kernel(model).two_sided_times(x, below, above, table, *out.arrays, chances)
    return BulkResult(chances, np.zeros_like(out.status), out.errors, out.status)


def normaliser(
    model: Model, *, reference: ArrayLike = 0.0, parameters: Mapping[str, ArrayLike] | None = None
) -> BulkResult:
    """∫ C^(−s) exp(−∫_reference^w 2L'/(ηC)) dw over the whole line, for each parameter set."""
    return _mass(model, reference, 0.0, parameters)


def absolute_moment(
    model: Model,
    order: float,
    *,
    parameters: Mapping[str, ArrayLike] | None = None,
) -> BulkResult:
    """E|w|^order of the stationary law; `order` an integer from 0 on, or at least 4."""
    if not (order >= 0 and (float(order).is_integer() or order >= 4)):
        raise ComputationError(
            "an integer order from 0 on, or one of at least 4",
            str(order),
            "use the certified moment for other orders",
        )
    above = _mass(model, 0.0, float(order), parameters)
    total = _mass(model, 0.0, 0.0, parameters)
    return BulkResult(
        above.mantissa / total.mantissa,
        above.exponent - total.exponent,
        above.relative_error + total.relative_error,
        np.maximum(above.status, total.status),
    )


def _mass(
    model: Model, origin: ArrayLike, order: float, parameters: Mapping[str, ArrayLike] | None
) -> BulkResult:
    table, (reference,) = _table(model, parameters, origin)
    count = len(table)
    out = _Output(count)
    _kernel(model).whole_line_masses(reference, order, table, *out.arrays)
    return out.result()


class _Output:
    """What the kernels fill in."""

    def __init__(self, count: int) -> None:
        self.values, self.errors = np.empty(count), np.empty(count)
        self.scales = np.zeros(count, dtype=np.int64)
        self.status = np.zeros(count, dtype=np.int64)

    @property
    def arrays(self) -> tuple[Values, Integers, Values, Integers]:
        return self.values, self.scales, self.errors, self.status

    def result(self) -> BulkResult:
        values = np.where(self.status == 3, np.inf, self.values)
        return BulkResult(values, self.scales, self.errors, self.status)


def _table(
    model: Model, parameters: Mapping[str, ArrayLike] | None, *columns: ArrayLike
) -> tuple[Values, list[Values]]:
    """Parameter sets as rows in the model's order, and further columns of the same length."""
    given = dict(parameters or {})
    missing = [name for name in model.parameters if name not in given]
    unknown = [name for name in given if name not in model.parameters]
    if missing or unknown:
        raise ComputationError(
            f"values for the parameters {', '.join(model.parameters) or '(none)'}",
            f"{', '.join(given) or 'none'}",
            "give each free parameter of the model, and no other",
        )
    arrays = [given[name] for name in model.parameters]
    lengths = {np.size(a) for a in (*arrays, *columns) if np.ndim(a)}
    if len(lengths) > 1:
        raise ComputationError(
            "parameters, starts and exits of one length",
            f"lengths {sorted(lengths)}",
            "repeat scalars, not arrays",
        )
    count = lengths.pop() if lengths else 1
    table = np.empty((count, len(arrays)))
    for i, a in enumerate(arrays):
        table[:, i] = a
    return table, [_column(c, count) for c in columns]


def _column(value: ArrayLike, count: int) -> Values:
    return np.array(np.broadcast_to(np.asarray(value, dtype=float), (count,)))


def _require(condition: bool, expected: str) -> None:
    if not condition:
        raise ComputationError(
            f"{expected}, for every parameter set", "another order", "check start and exits"
        )


# --- compilation ----------------------------------------------------------------------------------

_BEGIN, _END = "# --- model -", "# --- kernel -"


@lru_cache(maxsize=64)
def _kernel(model: Model) -> ModuleType:
    """The kernels compiled for a model: a copy of the template with its formulas."""
    from numerics import bulk_kernels

    template = inspect.getsource(bulk_kernels)
    before, rest = template.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    source = f"{before}{_BEGIN}\n\n{_formulas(model)}\n\n{_END}{after}"
    return load_source(source, "bulk")


def _formulas(model: Model) -> str:
    decorator = '@njit(cache=True, error_model="numpy", inline="always")\n'
    both = combined(model.inputs, (model.gradient, model.noise))
    rates = combined(model.parameters, (model.eta, model.theta))
    unpacked = [f"k[{i}]" for i in range(len(model.parameters))]
    state, constants = ", ".join(["w", *unpacked]), ", ".join(unpacked)
    return "\n\n".join(
        [
            decorator + scalar_source(both, "_both"),
            decorator + scalar_source(model.noise_slope, "_noise_slope"),
            decorator + scalar_source(rates, "_rates"),
            f"{decorator}def gradient_and_noise(w, k):\n    return _both({state})",
            f"{decorator}def noise_slope(w, k):\n    return _noise_slope({state})",
            f"{decorator}def eta_and_theta(k):\n    return _rates({constants})",
        ]
    )
