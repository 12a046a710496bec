"""The compiled loop of `numerics.bulk` over spectra: a template, as `numerics.bulk_panels` is.

Panels and ends of a model; `numerics.bulk_spectrum` does the rest. An open end is cut where the
tail of |w|^(2n) p is spent; where the decay d of p, per unit of t = log|w|, gives the Schrödinger
potential `d²/(4m)`, `m = (dw/dt)²/D`, a limit, a continuum begins there.
"""

import math

import numpy as np
from numba import njit

from numerics.bulk_kernels import (
    FARTHEST,
    ROUNDING,
    N,
    _decay,
    eta_and_theta,
    gradient_and_noise,
    noise_slope,
    reached,
)
from numerics.bulk_panels import LEFT, SCALE, SPEED, WIDTH, Panels, collect, far_end, joined
from numerics.bulk_spectrum import (
    EXIT,
    LEAST_RESOLVED,
    OPEN,
    RESOLVED,
    End,
    closed,
    prepared,
    rough_level,
    shoot,
    solve,
)

MOST_ATTEMPTS = 8
SAME_LIMIT = 1e-6
"""Relative change of d²/(4m) far out over one e-fold of |w|, where it has reached its limit."""
RISING = 1.05
"""Its growth over one e-fold far out, where it tends to infinity."""
STEEPEST_FALL = -30.0
"""The least d log C/d log|w| at the cut of an open end."""
NEAREST = 1e-6
"""Relative distance to the continuum within which no eigenvalue is given."""


@njit(cache=True, error_model="numpy")
def _potential(origin, direction, t, eta, s, k):
    """`d²/(4m)` at `origin ± (e^t − 1)`, the decay d and m; negative where p rises."""
    stretch = math.exp(t)
    w = origin + direction * (stretch - 1.0)
    decay = _decay(direction, w, stretch, eta, s, k, 0.0)
    mobility = 2.0 * stretch * stretch / (eta * gradient_and_noise(w, k)[1])
    return math.copysign(decay * decay / (4.0 * mobility), decay), decay, mobility


@njit(cache=True, error_model="numpy")
def _limit(origin, direction, t, eta, s, k):
    """Where the continuum of an open end begins, and its relative error."""
    far = FARTHEST
    while far > t and not math.isfinite(_potential(origin, direction, far, eta, s, k)[0]):
        far -= 0.25
    if far <= t:
        # Formulas overflow right behind the cut: they were finite up to there.
        far = t
    here, decay, _ = _potential(origin, direction, far, eta, s, k)
    before = _potential(origin, direction, far - 1.0, eta, s, k)[0]
    earlier = _potential(origin, direction, far - 2.0, eta, s, k)[0]
    if not (here > 0.0 and before > 0.0 and earlier > 0.0):
        return math.nan, 0.0
    if here > RISING * before and before > RISING * earlier:
        return math.inf, 0.0
    if before > RISING * here and earlier > RISING * before:
        return 0.0, 0.0
    change = max(abs(here / before - 1.0), abs(before / earlier - 1.0))
    if change < SAME_LIMIT:
        return here, change + ROUNDING * (20.0 + 40.0 / decay)
    return math.nan, 0.0


@njit(cache=True, error_model="numpy")
def _opened(origin, direction, panels, eta, s, k):
    """An open end behind the last panel."""
    far = far_end(origin, direction, panels, eta, s, k, 0.0)
    t = panels.end
    least, decay, mobility = _potential(origin, direction, t, eta, s, k)
    for i in range(1, 301):
        u = t + 0.02 * i if i <= 200 else t + 4.0 + (FARTHEST - t - 4.0) * (i - 200) / 100.0
        if u > FARTHEST:
            break
        value = _potential(origin, direction, u, eta, s, k)[0]
        if not math.isfinite(value):
            break
        least = min(least, value)
    # The equation for z leaves out how d and m change over one e-fold.
    unknown = 2.0 * far.change + abs(2.0 - far.growth) / decay + far.error
    edge, edge_error = _limit(origin, direction, t, eta, s, k)
    return End(
        OPEN, far.value, far.exponent, decay, mobility, min(unknown, 1.0), least, edge, edge_error
    )


@njit(cache=True, error_model="numpy")
def _most_power(origin, direction, wanted, eta, s, k):
    """The even power of |w| under which the tail of p is still normalisable, at most `wanted`."""
    decay = _potential(origin, direction, FARTHEST, eta, s, k)[1]
    if not math.isfinite(decay):
        return float(wanted)
    return float(max(min(wanted, 2 * int(0.47 * min(decay, 1e6))), 0))


@njit(cache=True, error_model="numpy")
def _dips(origin, direction, t, k):
    """Whether C falls steeply at the cut of an open end, or falls and rises behind it.

    The process may then end at a zero of C between the points that are looked at.
    """
    stretch = math.exp(t)
    w = origin + direction * (stretch - 1.0)
    start = gradient_and_noise(w, k)[1]
    if not direction * noise_slope(w, k) / start * stretch > STEEPEST_FALL:
        return True
    least = start
    for i in range(1, 301):
        u = t + 0.02 * i if i <= 200 else t + 4.0 + (FARTHEST - t - 4.0) * (i - 200) / 100.0
        c = gradient_and_noise(origin + direction * (math.exp(u) - 1.0), k)[1]
        if u > FARTHEST or not math.isfinite(c):
            break
        least = min(least, c)
        if least < 0.5 * start and c > 10.0 * least:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _jumped(line):
    """Whether a panel that is no wider than rounding lies across a zero or pole of C.

    Nodes miss it. A kink is resolved by such panels too, but C hardly changes over them.
    """
    for i in range(line.facts.shape[0]):
        if line.facts[i, WIDTH] < 1e-11 * (1.0 + line.facts[i, LEFT]):
            least, most = math.inf, 0.0
            for n in range(N):
                # (dw/dx)²/D
                product = line.nodes[i, SPEED, n] * line.nodes[i, SCALE, n]
                least, most = min(least, product), max(most, product)
            if not most < 1.01 * least:
                return True
    return False


@njit(cache=True, error_model="numpy")
def _lined(low, high, low_kind, high_kind, count, rate, eta, s, k):
    """The panels between two ends that are narrow enough for λ = rate, the ends, and a status."""
    behind = Panels(0, np.empty((0, 6)), np.empty((0, 3, N)), 0.0, 0.0, 0)
    ahead = behind
    left, right = closed(low_kind), closed(high_kind)
    origin = 0.0 if low_kind == OPEN and high_kind == OPEN else low if low_kind != OPEN else high
    status, narrow = 0, -max(rate, 1e-300)
    if low_kind == OPEN:
        status = max(status, reached(origin, -1.0, eta, s, k))
        order = _most_power(origin, -1.0, 2 * count + 2, eta, s, k)
        behind = collect(origin, -1.0, math.inf, eta, s, k, order, narrow, 1)
        status = max(status, behind.status)
    if high_kind == OPEN:
        status = max(status, reached(origin, 1.0, eta, s, k))
        order = _most_power(origin, 1.0, 2 * count + 2, eta, s, k)
        ahead = collect(origin, 1.0, math.inf, eta, s, k, order, narrow, 1)
        status = max(status, ahead.status)
    elif low_kind != OPEN:
        ahead = collect(origin, 1.0, high - low, eta, s, k, 0.0, narrow, 1)
        status = max(status, ahead.status)
    line = joined(behind, ahead)
    if status == 0 and (
        _jumped(line)
        or (low_kind == OPEN and _dips(origin, -1.0, behind.end, k))
        or (high_kind == OPEN and _dips(origin, 1.0, ahead.end, k))
    ):
        status = 2
    if status == 0:
        if low_kind == OPEN:
            left = _opened(origin, -1.0, behind, eta, s, k)
        if high_kind == OPEN:
            right = _opened(origin, 1.0, ahead, eta, s, k)
    return line, left, right, status


@njit(cache=True, error_model="numpy")
def spectrum(low, high, low_kind, high_kind, eta, s, k, values, scales, errors, status):
    """The lowest eigenvalues; returns the edge of the continuum, its relative error and status."""
    count = values.shape[0]
    values[:], scales[:], errors[:] = math.nan, 0, math.nan
    first = 1 if low_kind != EXIT and high_kind != EXIT else 0
    line, left, right, failed = _lined(low, high, low_kind, high_kind, count, 0.0, eta, s, k)
    if failed != 0:
        status[:] = failed
        return math.nan, math.nan, failed
    edge, edge_error, edge_status = min(left.edge, right.edge), 0.0, 0
    if math.isnan(left.edge) or math.isnan(right.edge):
        edge, edge_status = math.nan, 2
    elif math.isfinite(edge):
        edge_error = left.edge_error if left.edge <= right.edge else right.edge_error
    status[:] = 2
    if first == 1:
        values[0], scales[0], errors[0], status[0] = 0.0, 0, 0.0, 0
    if count <= first or edge_status != 0:
        return edge, edge_error, edge_status
    if edge == 0.0:
        status[first:] = 4
        return edge, edge_error, edge_status
    # λ can be followed up to where V exceeds it beyond both cuts.
    within = math.log2(edge) + math.log2(1.0 - NEAREST - 2.0 * edge_error)
    ceiling = _below(within, left, right)
    level = rough_level(line.facts, line.nodes, left, right, count - 1) + 0.3
    finer = 1.0
    for attempt in range(MOST_ATTEMPTS):
        reaching = min(level, ceiling)
        if not math.isfinite(reaching):
            break
        # Panels that resolve p mostly resolve u as well.
        if attempt > 0:
            rate = finer * 2.0**reaching
            line, left, right, failed = _lined(
                low, high, low_kind, high_kind, count, rate, eta, s, k
            )
            if failed != 0:
                break
            ceiling = _below(within, left, right)
            reaching = min(level, ceiling)
            if not math.isfinite(reaching):
                break
        resolved = RESOLVED if attempt < 2 else LEAST_RESOLVED
        work, wide = prepared(line.facts, line.nodes, left, right, reaching, resolved)
        if wide != 0:
            finer *= 1.0 if attempt == 0 else 4.0
            continue
        last = shoot(work, work.level, work.level_exponent)[0]
        if last < count and reaching < ceiling:
            level += 1.0
            continue
        if last < count:
            status[max(last, first) :] = 4 if ceiling > math.log2(edge) - 1e-2 else 2
        solve(work, first, min(last, count), low, high, values, scales, errors, status)
        break
    return edge, edge_error, edge_status


@njit(cache=True, error_model="numpy")
def _below(within, left, right):
    """log2 of the λ below both potentials; nan where p rises beyond a cut."""
    least = min(left.least, right.least)
    return min(within, math.log2(least)) if least > 0.0 else math.nan


@njit(cache=True, nogil=True, error_model="numpy")
def spectra(
    low, high, low_kind, high_kind, parameters, values, scales, errors, status,
    edges, edge_errors, edge_status,
):  # fmt: skip
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        edges[i], edge_errors[i], edge_status[i] = spectrum(
            low[i], high[i], low_kind, high_kind, eta, 1.0 - theta, k,
            values[i], scales[i], errors[i], status[i],
        )  # fmt: skip
