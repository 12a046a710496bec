"""Eigenvalues of −𝓛 from panels, compiled: what `numerics.bulk_spectra` does for any model.

`−𝓛u = λu` as `u' = S f`, `f' = −λ p u` over the panels of `numerics.bulk_panels`. The transfer of
(u, f) across a panel is a power series in λ, made once for all eigenvalues; each λ then costs a few
multiplications a panel. The zeros of u count the eigenvalues below λ (Sturm), which brackets the
n-th one; what is left over at the last end is then brought to 0.

No eigenvalue loses digits, however small: relative errors α of p (and so −α of S) change λ by

    δλ/λ = ∫ S f² α / ∫ S f² − ∫ p u² α / ∫ p u²,

never by more than their spread, and the rounding of a sweep is that of p and S panel by panel. This
formula, with the eigenfunction from both ends, also makes the estimated errors: an error of Φ in a
panel counts as the two shares that lie beyond it differ.

An open end is cut where little is left of p u² (`numerics.bulk_spectra`): there `f = z p u` out,
per unit of t = log|w|, with `m z² − d z + λ = 0`, the decay d of p and `m = (dw/dt)²/D`. So λ must
be below `d²/(4m)`, the Schrödinger potential, from there on.

(u, f) are kept as mantissas and binary exponents, λ as `mantissa · 2^exponent`.
Status of a result: as in `numerics.bulk`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from numerics.bulk_kernels import INTEGRAL, LAST, LOWEST, OVERSTATED, ROUNDING, WEIGHTS, N
from numerics.bulk_panels import DRIFT, ERROR, RISE, SCALE, SPEED, TOP, WIDTH

OPEN, EXIT, WALL = 0, 1, 2
"""Kinds of ends."""
MOST_TERMS = 40
MOST_STEPS = 200
RESOLVED, LEAST_RESOLVED = 1e-12, 1e-10
"""To this panels should resolve p u and S f, and to this they must, if narrower ones are no better.
"""
CLOSE = 1e-9
"""Eigenvalues whose relative distance is less are not told apart: the largest error holds."""
LARGEST = 1e-3
"""A larger estimated error is no value."""
FIXED, VARIATION, EACH = 6.0, 1.5, 1.0
"""Rounding errors, in units of 2^−52: of a value, of Φ, and of a panel.

Calibrated by experiments/bulk_errors.py.
"""


class End(NamedTuple):
    """One end of the line."""

    kind: int
    value: float
    """p dw/dt at the cut of an open end, in units of 2^exponent"""
    exponent: np.int64
    decay: float
    mobility: float
    unknown: float
    """Relative error of z"""
    least: float
    """The least d²/(4m) found from the cut on"""
    edge: float
    """Its limit: inf, a number where a continuum begins, or nan where that is not told"""
    edge_error: float


@njit(cache=True, error_model="numpy")
def closed(kind):
    return End(kind, 0.0, np.int64(0), 1.0, 0.0, 0.0, math.inf, math.inf, 0.0)


# --- a first guess --------------------------------------------------------------------------------


POWERS = 2.0 ** np.arange(-1000, 1001)


@njit(cache=True, error_model="numpy")
def _power(exponent):
    """2^exponent for exponent <= 1000, 0 below the range of doubles."""
    return POWERS[min(exponent, 1000) + 1000] if exponent > -1000 else 0.0


@njit(cache=True, error_model="numpy")
def _added(a, a_exponent, b, b_exponent):
    """`a 2^i + b 2^j` as a mantissa of moderate size and its exponent."""
    if b == 0.0:
        total, common = a, a_exponent
    elif a == 0.0:
        total, common = b, b_exponent
    elif a_exponent >= b_exponent:
        total, common = a + b * _power(b_exponent - a_exponent), a_exponent
    else:
        total, common = b + a * _power(a_exponent - b_exponent), b_exponent
    if 1e-60 < abs(total) < 1e60:
        return total, common
    if total == 0.0:
        return 0.0, np.int64(LOWEST)
    mantissa, shift = math.frexp(total)
    return mantissa, common + np.int64(shift)


@njit(cache=True, error_model="numpy")
def _rough_count(facts, nodes, left, right, level):
    """The eigenvalues below 2^level, with the mass of p and S lumped at the nodes."""
    exponent = np.int64(math.floor(level))
    rate = 2.0 ** (level - exponent)
    u, u_exponent, f, f_exponent = 1.0, np.int64(0), 0.0, np.int64(LOWEST)
    if left.kind == EXIT:
        u, u_exponent, f, f_exponent = 0.0, np.int64(LOWEST), 1.0, np.int64(0)
    zeros, positive = 0, True
    for i in range(facts.shape[0]):
        top = np.int64(facts[i, TOP])
        # Units of f and u such that neither step overflows
        unit = f_exponent if f != 0.0 else np.int64(LOWEST)
        if u != 0.0:
            unit = max(unit, u_exponent + top + exponent)
        own = unit - top
        if u != 0.0:
            own = max(own, u_exponent)
        x, y = u * _power(u_exponent - own), f * _power(f_exponent - unit)
        scale, speed = 0.5 * _power(unit - top - own), rate * _power(top + exponent + own - unit)
        for n in range(N):
            step = scale * WEIGHTS[n] * nodes[i, SCALE, n]
            x += step * y
            zeros += (x > 0.0) != positive and x != 0.0
            positive = x > 0.0 if x != 0.0 else positive
            y -= speed * WEIGHTS[n] * nodes[i, SPEED, n] * x
            x += step * y
            zeros += (x > 0.0) != positive and x != 0.0
            positive = x > 0.0 if x != 0.0 else positive
        u, u_exponent = _added(x, own, 0.0, own)
        f, f_exponent = _added(y, unit, 0.0, unit)
    if right.kind != EXIT:
        zeros += f != 0.0 and (f > 0.0) != positive
    return zeros


@njit(cache=True, error_model="numpy")
def rough_level(facts, nodes, left, right, n):
    """log2 of the n-th eigenvalue, roughly; nan if there is none of that size."""
    low, high, step = 0.0, 0.0, 2.0
    if _rough_count(facts, nodes, left, right, 0.0) > n:
        while _rough_count(facts, nodes, left, right, low) > n:
            high, low, step = low, low - step, 2.0 * step
            if low < -1e9:
                return math.nan
    else:
        while _rough_count(facts, nodes, left, right, high) <= n:
            low, high, step = high, high + step, 2.0 * step
            if high > 1000.0:
                return math.nan
    while high - low > 0.05:
        middle = 0.5 * (low + high)
        if _rough_count(facts, nodes, left, right, middle) > n:
            high = middle
        else:
            low = middle
    return high


# --- transfers ------------------------------------------------------------------------------------

COLUMNS = np.ascontiguousarray(INTEGRAL.T)
FROM_U, FROM_F, GAIN, KEPT = range(4)
"""u from u; u from f, in units of 2^−TOP; f from u over λ, in units of 2^TOP; f from f."""


@njit(cache=True, error_model="numpy")
def _last(values, largest):
    """The last two Chebyshev coefficients relative to the largest value."""
    a, b = 0.0, 0.0
    for n in range(N):
        a += LAST[0, n] * values[n]
        b += LAST[1, n] * values[n]
    return (abs(a) + abs(b)) / largest


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _integral(factor, values, result):
    """The antiderivative of factor · values at the nodes; returns the whole integral."""
    whole = 0.0
    for n in range(N):
        result[n] = 0.0
    for j in range(N):
        value = factor[j] * values[j]
        whole += WEIGHTS[j] * value
        for n in range(N):
            result[n] += COLUMNS[j, n] * value
    return whole


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _transfers(facts, nodes, level, resolved, series, terms):
    """Coefficients of powers of x = rate/level in the transfers across panels; a status.

    2 where a panel may hold two zeros, or does not resolve u or f: the last coefficients of p u and
    S f, relative to the largest value, must be below `resolved`. The errors of panels are added to
    their facts.
    """
    u, f, values = np.empty(N), np.empty(N), np.empty(N)
    whole_u, whole_f, source, sink = np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    for i in range(facts.shape[0]):
        p, q = nodes[i, SPEED], nodes[i, SCALE]
        series[i] = 0.0
        number = 1
        for column in range(2):
            # Alternately u ← level ∫S f and f ← −∫p u; the level belongs to f's start 1 below.
            from_u = column == 0
            for n in range(N):
                u[n], f[n] = (1.0, 0.0) if from_u else (0.0, 1.0)
                whole_u[n], whole_f[n] = u[n], f[n]
                source[n] = level * q[n] if from_u else q[n]
                sink[n] = -p[n] if from_u else -level * p[n]
            series[i, 0, FROM_U if from_u else KEPT] = 1.0
            most_u, most_f = (1.0, 0.0) if from_u else (0.0, 1.0)
            for j in range(MOST_TERMS):
                if j == MOST_TERMS - 1:
                    return 2
                if from_u:
                    f_end = _integral(sink, u, f)
                    u_end = _integral(source, f, u)
                    series[i, j, GAIN], series[i, j + 1, FROM_U] = f_end, u_end
                else:
                    u_end = _integral(source, f, u)
                    f_end = _integral(sink, u, f)
                    series[i, j, FROM_F], series[i, j + 1, KEPT] = u_end, f_end
                for n in range(N):
                    whole_u[n] += u[n]
                    whole_f[n] += f[n]
                number = max(number, j + 2)
                small = abs(u_end) <= 1e-18 * most_u and abs(f_end) <= 1e-18 * most_f
                most_u, most_f = max(most_u, abs(u_end)), max(most_f, abs(f_end))
                if small:
                    break
            largest = 0.0
            for n in range(N):
                values[n] = p[n] * whole_u[n]
                largest = max(largest, abs(values[n]))
            error = _last(values, largest)
            largest = 0.0
            for n in range(N):
                values[n] = q[n] * whole_f[n]
                largest = max(largest, abs(values[n]))
                if not from_u and not whole_u[n] > 0.0:
                    return 2
            if level > 0.0 and largest > 0.0:
                error = max(error, _last(values, largest))
            if not error < resolved:
                return 2
            facts[i, ERROR] = max(facts[i, ERROR], OVERSTATED * error)
        terms[i] = number
    return 0


@njit(cache=True, error_model="numpy")
def _boundary(end, rate, exponent):
    """f/u (outward) at an end and its exponent; λ times its derivative; λ = rate · 2^exponent."""
    if end.kind != OPEN:
        return 0.0, np.int64(0), 0.0
    plain = math.ldexp(rate, exponent) if exponent > -1000 else 0.0
    root = math.sqrt(end.decay * end.decay - 4.0 * plain * end.mobility)
    z = 2.0 * rate / (end.decay + root)
    return z * end.value, end.exponent + exponent, rate / root * end.value


@njit(cache=True, error_model="numpy")
def _series_at(series, terms, x, result):
    """The four entries of a transfer at x."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for j in range(terms - 1, -1, -1):
        a, b = a * x + series[j, 0], b * x + series[j, 1]
        c, d = c * x + series[j, 2], d * x + series[j, 3]
    result[0], result[1], result[2], result[3] = a, b, c, d


@njit(cache=True, error_model="numpy")
def _slopes_at(series, terms, x, result):
    """x times the derivatives of the four entries at x."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for j in range(terms - 1, 0, -1):
        a, b = a * x + j * series[j, 0], b * x + j * series[j, 1]
        c, d = c * x + j * series[j, 2], d * x + j * series[j, 3]
    result[0], result[1], result[2], result[3] = a * x, b * x, c * x, d * x


class Work(NamedTuple):
    """What every λ shares."""

    facts: np.ndarray
    nodes: np.ndarray
    left: End
    right: End
    series: np.ndarray
    terms: np.ndarray
    level: float
    level_exponent: np.int64
    """The largest λ, at which x = 1, as mantissa and exponent"""


@njit(cache=True, error_model="numpy")
def shoot(work, rate, exponent):
    """The eigenvalues below λ, and what vanishes at them, as mantissa and exponent."""
    x = rate / work.level * 2.0 ** min(exponent - work.level_exponent, 8)
    entries = np.empty(4)
    u, u_exponent, f, f_exponent = 1.0, np.int64(0), 0.0, np.int64(LOWEST)
    if work.left.kind == EXIT:
        u, u_exponent, f, f_exponent = 0.0, np.int64(LOWEST), 1.0, np.int64(0)
    elif work.left.kind == OPEN:
        ratio, unit, _ = _boundary(work.left, rate, exponent)
        f, f_exponent = _added(-ratio, unit, 0.0, unit)
    zeros, positive = 0, True
    for i in range(work.terms.shape[0]):
        top = np.int64(work.facts[i, TOP])
        _series_at(work.series[i], work.terms[i], x, entries)
        new, new_exponent = _added(
            entries[FROM_U] * u, u_exponent, entries[FROM_F] * f, f_exponent - top
        )
        f, f_exponent = _added(
            entries[GAIN] * rate * u, u_exponent + top + exponent, entries[KEPT] * f, f_exponent
        )
        u, u_exponent = new, new_exponent
        zeros += u != 0.0 and (u > 0.0) != positive
        positive = u > 0.0 if u != 0.0 else positive
    if work.right.kind == EXIT:
        return zeros, u, u_exponent
    ratio, unit, _ = _boundary(work.right, rate, exponent)
    left_over, unit = _added(f, f_exponent, -ratio * u, unit + u_exponent)
    zeros += left_over != 0.0 and (left_over > 0.0) != positive
    return zeros, left_over, unit


# --- roots ----------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def split(level):
    """2^level as mantissa and exponent."""
    exponent = np.int64(math.floor(level))
    return 2.0 ** (level - exponent), exponent


@njit(cache=True, error_model="numpy")
def _isolate(work, n, low, high, lows, highs):
    """log2 of bounds between which λ_n is, and no other if they can be told apart.

    Every count also narrows the bounds of the others.
    """
    below, above = -1, -1
    for _ in range(MOST_STEPS):
        if above == n + 1 and below == n and high - low < 2.0:
            break
        if high - low < 1e-13 * max(1.0, abs(high)):
            break
        middle = 0.5 * (low + high)
        rate, exponent = split(middle)
        count = shoot(work, rate, exponent)[0]
        for j in range(lows.shape[0]):
            if j < count:
                highs[j] = min(highs[j], middle)
            else:
                lows[j] = max(lows[j], middle)
        if count > n:
            high, above = middle, count
        else:
            low, below = middle, count
    return low, high


@njit(cache=True, error_model="numpy")
def _root(work, n, low, high):
    """λ_n between the bounds, as mantissa and exponent: false position, stagnant ends halved."""
    exponent = np.int64(math.floor(high))
    a, b = 2.0 ** (low - exponent), 2.0 ** (high - exponent)
    count, at_a, a_exponent = shoot(work, a, exponent)
    if count > n:
        return a, exponent
    count, at_b, b_exponent = shoot(work, b, exponent)
    if count <= n:
        return b, exponent
    side, slow, width = 0, 0, b - a
    for _ in range(MOST_STEPS):
        if b - a <= 2.0 * ROUNDING * b:
            break
        slow = 0 if b - a < 0.5 * width else slow + 1
        width = b - a if slow == 0 else width
        common = max(a_exponent, b_exponent)
        x, y = at_a * _power(a_exponent - common), at_b * _power(b_exponent - common)
        c = 0.5 * (a + b)
        if slow < 3 and (x > 0.0) != (y > 0.0):
            # Beyond the root by the least step, so that both ends close in on it
            c = min(max((a * y - b * x) / (y - x), a + ROUNDING * b), b - ROUNDING * b)
        count, value, unit = shoot(work, c, exponent)
        if value == 0.0:
            return c, exponent
        if count > n:
            b, at_b, b_exponent = c, value, unit
            if side == -1:
                a_exponent -= 1
            side = -1
        else:
            a, at_a, a_exponent = c, value, unit
            if side == 1:
                b_exponent -= 1
            side = 1
    return 0.5 * (a + b), exponent


# --- errors ---------------------------------------------------------------------------------------


class Sweep(NamedTuple):
    """(u, f) before each panel and behind the last, and λ∫p u² and ∫S f² of each panel.

    The first and the last entry of the latter are those of the ends.
    """

    u: np.ndarray
    f: np.ndarray
    u_exponents: np.ndarray
    f_exponents: np.ndarray
    mass: np.ndarray
    flow: np.ndarray
    exponents: np.ndarray


@njit(cache=True, error_model="numpy")
def _sweep(work, rate, exponent, backward):
    """The solution from one end; from the right one −f is carried, so that it looks the same."""
    x = rate / work.level * 2.0 ** min(exponent - work.level_exponent, 8)
    count = work.terms.shape[0]
    end = work.right if backward else work.left
    entries, slopes = np.empty(4), np.empty(4)
    us, fs = np.empty(count + 1), np.empty(count + 1)
    u_exponents, f_exponents = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    mass, flow = np.zeros(count + 2), np.zeros(count + 2)
    exponents = np.full(count + 2, LOWEST)
    u, u_exponent, f, f_exponent = 1.0, np.int64(0), 0.0, np.int64(LOWEST)
    if end.kind == EXIT:
        u, u_exponent, f, f_exponent = 0.0, np.int64(LOWEST), 1.0, np.int64(0)
    elif end.kind == OPEN:
        ratio, unit, slope = _boundary(end, rate, exponent)
        f, f_exponent = _added(-ratio, unit, 0.0, unit)
        outer = count + 1 if backward else 0
        # ∫p u² = u² dz/dλ p dw/dt beyond the cut, and ∫S f² = λ∫p u² − u f
        mass[outer], flow[outer], exponents[outer] = slope, slope - ratio, unit
    start = count if backward else 0
    us[start], fs[start], u_exponents[start], f_exponents[start] = u, f, u_exponent, f_exponent
    for step in range(count):
        i = count - 1 - step if backward else step
        top = np.int64(work.facts[i, TOP])
        _series_at(work.series[i], work.terms[i], x, entries)
        _slopes_at(work.series[i], work.terms[i], x, slopes)
        if backward:
            entries[FROM_U], entries[KEPT] = entries[KEPT], entries[FROM_U]
            slopes[FROM_U], slopes[KEPT] = slopes[KEPT], slopes[FROM_U]
        gained = u_exponent + top + exponent
        new, new_exponent = _added(
            entries[FROM_U] * u, u_exponent, entries[FROM_F] * f, f_exponent - top
        )
        turned, turned_exponent = _added(
            slopes[FROM_U] * u, u_exponent, slopes[FROM_F] * f, f_exponent - top
        )
        into, into_exponent = _added(
            entries[GAIN] * rate * u, gained, entries[KEPT] * f, f_exponent
        )
        bent, bent_exponent = _added(
            (entries[GAIN] + slopes[GAIN]) * rate * u, gained, slopes[KEPT] * f, f_exponent
        )
        # ∫p u² = f du/dλ − u df/dλ, and u f grows by ∫S f² − λ∫p u²
        value, unit = _added(
            into * turned,
            into_exponent + turned_exponent,
            -new * bent,
            new_exponent + bent_exponent,
        )
        grown, grown_unit = _added(
            new * into, new_exponent + into_exponent, -u * f, u_exponent + f_exponent
        )
        common = max(unit, grown_unit)
        mass[i + 1] = max(value, 0.0) * _power(unit - common)
        flow[i + 1] = max(mass[i + 1] + grown * _power(grown_unit - common), 0.0)
        exponents[i + 1] = common
        u, u_exponent, f, f_exponent = new, new_exponent, into, into_exponent
        at = i if backward else i + 1
        us[at], fs[at], u_exponents[at], f_exponents[at] = u, f, u_exponent, f_exponent
    return Sweep(us, fs, u_exponents, f_exponents, mass, flow, exponents)


@njit(cache=True, error_model="numpy")
def _running(sweep, backward):
    """Sums of λ∫p u² from the beginning of a sweep to each of its states."""
    count = sweep.u.shape[0]
    sums, units = np.zeros(count), np.full(count, LOWEST)
    total, unit = 0.0, np.int64(LOWEST)
    for step in range(count):
        at = count - 1 - step if backward else step
        part = at + 1 if backward else at
        total, unit = _added(total, unit, sweep.mass[part], sweep.exponents[part])
        sums[at], units[at] = total, unit
    return sums, units


@njit(cache=True, error_model="numpy")
def _log2(mantissa, exponent):
    return math.log2(abs(mantissa)) + exponent if mantissa != 0.0 else -math.inf


@njit(cache=True, error_model="numpy")
def _share(value, exponent, reference):
    """value · 2^(exponent − reference) for a reference that is not whole."""
    power = exponent - reference
    return value * 2.0**power if power > -1000.0 else 0.0


@njit(cache=True, error_model="numpy")
def _error(work, rate, exponent, alone, low_point, high_point, shares, flows):
    """The relative error of an eigenvalue; `alone`: its eigenfunction is told from others.

    Left in `shares` and `flows`: the parts of ∫p u² and ∫S f² that lie in each panel.
    """
    left, right = _sweep(work, rate, exponent, False), _sweep(work, rate, exponent, True)
    from_left, from_right = _running(left, False), _running(right, True)
    count = work.terms.shape[0]
    # Both solutions meet where the correction of λ that is left over is least.
    best, gap, log_ratio = -1, math.inf, 0.0
    for i in range(count + 1):
        u, f = _log2(left.u[i], left.u_exponents[i]), _log2(left.f[i], left.f_exponents[i])
        v, g = _log2(right.u[i], right.u_exponents[i]), _log2(right.f[i], right.f_exponents[i])
        # What f weighs beside u
        panel = min(i, count - 1)
        weight = (
            0.5
            * (
                math.log2(work.series[panel, 0, FROM_F])
                - math.log2(-work.series[panel, 0, GAIN] * rate)
                - exponent
            )
            - work.facts[panel, TOP]
        )
        a, b = max(u, f + weight), max(v, g + weight)
        ratio = b - a
        wronskian, unit = _added(
            -left.u[i] * right.f[i],
            left.u_exponents[i] + right.f_exponents[i],
            -left.f[i] * right.u[i],
            left.f_exponents[i] + right.u_exponents[i],
        )
        size = _share(from_left[0][i], from_left[1][i], unit - ratio) + _share(
            from_right[0][i], from_right[1][i], unit + ratio
        )
        found = abs(wronskian) / size
        if found < gap:
            best, gap, log_ratio = i, found, ratio
    if best < 0:
        return math.inf
    whole, whole_flow, most = 0.0, 0.0, -math.inf
    for i in range(count + 2):
        sweep, shift = (left, log_ratio) if i <= best else (right, -log_ratio)
        if sweep.mass[i] > 0.0 or sweep.flow[i] > 0.0:
            most = max(most, sweep.exponents[i] + shift)
    for i in range(count + 2):
        sweep, shift = (left, log_ratio) if i <= best else (right, -log_ratio)
        shares[i] = _share(sweep.mass[i], sweep.exponents[i], most - shift)
        flows[i] = _share(sweep.flow[i], sweep.exponents[i], most - shift)
        whole += shares[i]
        whole_flow += flows[i]
    error, ahead = ROUNDING * FIXED + 2.0 * gap, 0.0
    largest, path = 0.0, 0.0
    for i in range(count + 2):
        mass, flow = shares[i] / whole, flows[i] / whole_flow
        if 0 < i < count + 1:
            panel = work.facts[i - 1]
            drift = ROUNDING * (VARIATION * panel[RISE] + EACH) + panel[DRIFT]
            # An error of Φ on the way through: half of the panel's own share lies behind it.
            ahead += mass - flow
            error += drift * max(abs(ahead), 0.5 * (mass + flow)) + panel[ERROR] * (mass + flow)
            path += drift
            largest = max(largest, panel[ERROR])
        else:
            ahead += mass - flow
            end = work.left if i == 0 else work.right
            error += end.unknown * mass
    if not abs(whole_flow / whole - 1.0) < 1e-3:
        return math.inf
    if not alone:
        error = max(error, ROUNDING * FIXED + path + 2.0 * largest + 2.0 * gap)
    # An exit that moves by δ changes λ by S f² δ over ∫S f², a wall by p u² over ∫p u².
    for side in range(2):
        end, point = (work.left, low_point) if side == 0 else (work.right, high_point)
        if end.kind == OPEN:
            continue
        i, n = (0, 0) if side == 0 else (count - 1, N - 1)
        kind = SCALE if end.kind == EXIT else SPEED
        total = 0.0
        for j in range(N):
            total += WEIGHTS[j] * work.nodes[i, kind, j]
        part = flows[1 if side == 0 else count] / whole_flow if end.kind == EXIT else (
            shares[1 if side == 0 else count] / whole
        )  # fmt: skip
        steep = work.nodes[i, kind, n] * 2.0 / total
        span = max(abs(low_point), abs(high_point)) if not (
            math.isinf(low_point) or math.isinf(high_point)
        ) else abs(point)  # fmt: skip
        error += ROUNDING * part * max(steep, 1.0) * span / work.facts[i, WIDTH]
    return error


# --- one model ------------------------------------------------------------------------------------


# --- the eigenvalues of one model -----------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def prepared(facts, nodes, left, right, level, resolved):
    """What serves every λ up to 2^level, and a status: 2 where the panels are too wide for it."""
    panels = facts.shape[0]
    series, terms = np.empty((panels, MOST_TERMS, 4)), np.empty(panels, np.int64)
    status = _transfers(facts, nodes, 2.0**level, resolved, series, terms)
    mantissa, exponent = split(level)
    return Work(facts, nodes, left, right, series, terms, mantissa, exponent), status


@njit(cache=True, error_model="numpy")
def solve(work, first, found, low, high, values, scales, errors, status):
    """The eigenvalues from number `first` up to `found`, all below the largest λ."""
    count, panels = values.shape[0], work.terms.shape[0]
    lows = np.full(count, -math.inf)
    highs = np.full(count, math.log2(work.level) + work.level_exponent)
    shares, flows = np.empty(panels + 2), np.empty(panels + 2)
    for n in range(found - 1, first - 1, -1):
        upper, lower, step = highs[n], lows[n], 2.0
        while math.isinf(lower) and step < 1e9:
            lower = upper - step
            mantissa, exponent = split(lower)
            if shoot(work, mantissa, exponent)[0] > n:
                upper, lower, step = lower, -math.inf, 2.0 * step
        if math.isinf(lower):
            continue
        lower, upper = _isolate(work, n, lower, upper, lows, highs)
        rate, exponent = _root(work, n, lower, upper)
        alone = (
            shoot(work, rate * (1.0 - CLOSE), exponent)[0] == n
            and shoot(work, rate * (1.0 + CLOSE), exponent)[0] == n + 1
        )
        error = _error(work, rate, exponent, alone, low, high, shares, flows)
        if error < LARGEST:
            mantissa, shift = math.frexp(rate)
            values[n], scales[n], errors[n], status[n] = mantissa, exponent + shift, error, 0
