"""The compiled loops of `numerics.bulk` that go over panels more than once: a template.

A line is cut into adaptive Chebyshev panels, kept with the speed density `p = C^(−s) e^(−Φ)`,
`Φ(start) = 0`, and the scale density `S = 2/(ηCp)` at their nodes. Exit-time moments, Laplace
transforms and stationary laws are passes over these panels, each a sum of positive terms.
`numerics.bulk` writes a copy of this file that imports the loop of a given model.

Errors are carried beside the values, in units of the local p: going on by ΔΦ multiplies a mass by
`e^ΔΦ`, and its relative error grows by the rounding of ΔΦ.
Status of a result: as in `numerics.bulk_kernels`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from numerics.bulk_kernels import (
    FARTHEST,
    INTEGRAL,
    LOG2,
    LOWEST,
    NARROWEST,
    NODES,
    OVERSTATED,
    ROUNDING,
    SLOWEST,
    TOLERANCE,
    WEIGHTS,
    N,
    _decay,
    _decays_beyond,
    _last_coefficients,
    _power,
    abutting,
    eta_and_theta,
    gradient_and_noise,
    noise_slope,
    position_error,
    reached,
    switches_within,
)

NEGLIGIBLE = 1e-26
"""A light tail is cut where this part of the mass is left."""
MOST_PANELS = 20000
WIDEST = 1.5
"""Largest `√(rate/D)` times the width of a panel: solutions grow by no more than e^WIDEST."""
FORGOTTEN = 45.0
"""Solutions forget what lies further than this many e-folds of growth."""
EXIT_FIXED, EXIT_VARIATION = 4.0, 2.0
LAW_FIXED, LAW_VARIATION = 5.0, 1.5
LAPLACE_FIXED, LAPLACE_VARIATION = 5.0, 1.5
"""Rounding errors, in units of 2^−52, as calibrated by experiments/bulk_errors.py."""


def _transform():
    angles = (2 * np.arange(N)[::-1] + 1) * np.pi / (2 * N)
    transform = 2.0 / N * np.cos(np.arange(N)[:, None] * angles[None, :])
    transform[0] /= 2
    return transform


TRANSFORM = _transform()
"""Chebyshev coefficients from values at the nodes."""


LEFT, WIDTH, TOP, ERROR, RISE, DRIFT = range(6)
"""Facts of a panel: where it begins, its width, its unit, the relative error of interpolation, |ΔΦ|
and the error of ΔΦ by interpolation and by rounded positions.

The unit of p in a panel is 2^TOP, that of S is 2^−TOP.
"""
STATE, SPEED, SCALE = range(3)
"""Values at the nodes: the state w, p dw and S dw, so that `WEIGHTS · (p dw)` is the mass."""


class Panels(NamedTuple):
    """Panels outward from a start."""

    number: int
    facts: np.ndarray
    nodes: np.ndarray
    phi: float
    """Φ where they end."""
    end: float
    """Where they end: t on an infinite side, with w = start ± (e^t − 1)."""
    status: int


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def collect(origin, direction, length, eta, s, k, order, rate, power):
    """Panels outward from `origin` over `length` (inf: until the tail of |w|^order p is spent).

    With a `rate` they are narrow enough for solutions of 𝓛u = rate·u, and end where these forget;
    those of a negative rate oscillate, and nothing is forgotten, and |w|^order only ends the tail.
    They resolve p and S^power: moments of order n integrate n factors S.
    """
    infinite = math.isinf(length)
    end = FARTHEST if infinite else length
    capacity = 32
    facts, nodes = np.empty((capacity, 6)), np.empty((capacity, 3, N))
    slope, noise, stretch = np.empty(N), np.empty(N), np.empty(N)
    logs, states, weighted = np.empty(N), np.empty(N), np.empty(N)
    phi, t, h = 0.0, 0.0, 0.5 if infinite else length / 2
    count, status, mass, mass_scale, forgotten = 0, 2, 0.0, LOWEST, 0.0
    if infinite:
        far = math.exp(FARTHEST)
        w = origin + direction * (far - 1.0)
        if gradient_and_noise(w, k)[1] <= 0.0:
            status = 1
        elif _decay(direction, w, far, eta, s, k, order) <= SLOWEST:
            status = 3
    before_kink = 0.0
    while status == 2 and count < MOST_PANELS:
        h = abutting(t, min(h, end - t))
        half = 0.5 * h
        switches = switches_within(origin, direction, infinite, t, h, k)
        if switches and h > NARROWEST * (1.0 + t):
            before_kink = max(before_kink, h)
            h *= 0.5
            continue
        fastest = 0.0
        steep, positive = 0.0, True
        for i in range(N):
            u = t + half * (1.0 + NODES[i])
            if infinite:
                grown = math.exp(u)
                w = origin + direction * (grown - 1.0)
                stretch[i] = half * grown
            else:
                w = origin + direction * u
                stretch[i] = half
            g, c = gradient_and_noise(w, k)
            states[i] = w
            slope[i] = direction * 2.0 * g / (eta * c) * stretch[i]
            noise[i] = c
            positive = positive and c > 0.0 and math.isfinite(slope[i])
            steep = max(steep, abs(slope[i]))
            fastest = max(fastest, abs(rate) * 8.0 / (eta * c) * stretch[i] * stretch[i])
        if not positive:
            status = 1
            break
        smallest = h < 1e-12 * (1.0 + t)
        if fastest > WIDEST * WIDEST and not smallest:
            h *= max(0.1, 0.95 * WIDEST / math.sqrt(fastest))
            continue
        error = _last_coefficients(slope, 1.0 + steep) if steep > 0.0 else 0.0
        highest, lowest = -math.inf, math.inf
        for i in range(N):
            rise = 0.0
            for j in range(N):
                rise += INTEGRAL[i, j] * slope[j]
            logs[i] = -rise - (s * math.log(noise[i]) if s != 0.0 else 0.0)
            highest, lowest = max(highest, logs[i]), min(lowest, logs[i])
        if not highest - lowest < 25.0:
            h *= 0.5
            if h < 1e-13 * (1.0 + t):
                break
            continue
        top = np.int64(np.ceil((highest - phi) / LOG2))
        shift = math.exp(highest - phi - top * LOG2)
        if count == capacity:
            capacity *= 2
            more_facts, more_nodes = np.empty((capacity, 6)), np.empty((capacity, 3, N))
            more_facts[:count], more_nodes[:count] = facts, nodes
            facts, nodes = more_facts, more_nodes
        largest_speed, largest_scale, largest_weighted = 0.0, 0.0, 0.0
        for i in range(N):
            p = shift * math.exp(logs[i] - highest)
            nodes[count, SPEED, i] = p * stretch[i]
            nodes[count, SCALE, i] = 2.0 * stretch[i] / (eta * noise[i] * p)
            weighted[i] = nodes[count, SPEED, i] * abs(states[i]) ** order
            largest_speed = max(largest_speed, nodes[count, SPEED, i])
            largest_scale = max(largest_scale, nodes[count, SCALE, i])
            largest_weighted = max(largest_weighted, weighted[i])
        error = max(error, _last_coefficients(nodes[count, SPEED], largest_speed))
        error = max(error, _last_coefficients(nodes[count, SCALE], largest_scale))
        if order != 0.0 and rate >= 0.0 and largest_weighted > 0.0:
            error = max(error, _last_coefficients(weighted, largest_weighted))
        if power > 1 and not infinite:
            for i in range(N):
                logs[i] = (nodes[count, SCALE, i] / largest_scale) ** power
            error = max(error, _last_coefficients(logs, 1.0))
        growth = 0.9 * (TOLERANCE / max(error, 1e-18)) ** (1.0 / (N - 1))
        if error > TOLERANCE and not smallest:
            h *= max(0.25, min(growth, 0.8))
            continue
        if not error < 1e-3:
            break
        rise = 0.0
        gain = 0.0
        for i in range(N):
            rise += WEIGHTS[i] * slope[i]
            gain += WEIGHTS[i] * weighted[i]
            nodes[count, STATE, i] = states[i]
        facts[count, LEFT], facts[count, WIDTH], facts[count, TOP] = t, h, top
        error *= 1.0 if smallest else OVERSTATED
        facts[count, ERROR] = error
        bend = abs(slope[N - 1] - slope[0]) / half
        positions = ROUNDING * bend * position_error(origin, t, infinite)
        facts[count, RISE], facts[count, DRIFT] = abs(rise), error * steep + positions
        if switches:
            facts[count, DRIFT] += np.max(slope) - np.min(slope)
        count += 1
        phi += rise
        t += h
        if top > mass_scale:
            mass, mass_scale = mass * _power(mass_scale - top), top
        mass += gain * _power(top - mass_scale)
        forgotten += math.sqrt(fastest) if rate > 0.0 else 0.0
        if infinite:
            if t >= FARTHEST or forgotten > 2.0 * FORGOTTEN:
                status = 0
                break
            wide = math.exp(t)
            w = origin + direction * (wide - 1.0)
            decay = _decay(direction, w, wide, eta, s, k, order)
            c = gradient_and_noise(w, k)[1]
            rest = math.exp(-phi - s * math.log(c) - mass_scale * LOG2) * wide / decay
            rest *= abs(w) ** order
            spent = decay > 0.0 and rest < NEGLIGIBLE * mass
            if spent and _decays_beyond(direction, origin, t, eta, s, k, order):
                status = 0
                break
        elif t >= end * (1.0 - 1e-15):
            status = 0
            break
        if switches:
            h, before_kink = before_kink, 0.0
        else:
            h *= max(0.5, min(growth, 2.0))
    return Panels(count, facts, nodes, phi, t, status)


class Line(NamedTuple):
    """Panels from the end behind, through the start before panel `split`, to the end ahead."""

    split: int
    facts: np.ndarray
    nodes: np.ndarray


@njit(cache=True, error_model="numpy")
def joined(behind, ahead):
    """One line from two sides of a start, in the order in which it is travelled."""
    first, count = behind.number, behind.number + ahead.number
    facts, nodes = np.empty((count, 6)), np.empty((count, 3, N))
    for i in range(count):
        for j in range(6):
            facts[i, j] = behind.facts[first - 1 - i, j] if i < first else ahead.facts[i - first, j]
        for j in range(3):
            for n in range(N):
                nodes[i, j, n] = (
                    behind.nodes[first - 1 - i, j, N - 1 - n]
                    if i < first
                    else ahead.nodes[i - first, j, n]
                )
    return Line(first, facts, nodes)


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _integrate(values, result):
    """Antiderivative at the nodes, 0 at the left end; returns the whole integral."""
    whole = 0.0
    for i in range(N):
        total = 0.0
        for j in range(N):
            total += INTEGRAL[i, j] * values[j]
        result[i] = total
        whole += WEIGHTS[i] * values[i]
    return whole


class Far(NamedTuple):
    """An infinite end: p dw/dt there as mantissa and exponent, and decay rates in t = log|w|."""

    value: float
    exponent: np.int64
    decay: float
    growth: float
    """d log C/dt"""
    mobility: float
    """(dw/dt)²/D"""
    change: float
    """How much the decay changes over one e-fold, relative to it, at most 1."""
    error: float
    """Relative rounding error of the rest beyond."""


@njit(cache=True, error_model="numpy")
def far_end(origin, direction, panels, eta, s, k, order):
    """What the tail beyond the last panel is like."""
    t = panels.end
    stretch = math.exp(t)
    w = origin + direction * (stretch - 1.0)
    decay = _decay(direction, w, stretch, eta, s, k, order)
    nearer = math.exp(t - 1.0)
    v = origin + direction * (nearer - 1.0)
    change = min(abs(_decay(direction, v, nearer, eta, s, k, order) / decay - 1.0), 1.0)
    c = gradient_and_noise(w, k)[1]
    log = -panels.phi - s * math.log(c) + t
    if order != 0.0:
        log += order * math.log(abs(w))
    exponent = np.int64(np.ceil(log / LOG2))
    growth = direction * noise_slope(w, k) / c * stretch
    variation = 0.0
    for i in range(panels.number):
        variation += panels.facts[i, RISE]
    return Far(
        math.exp(log - exponent * LOG2),
        exponent,
        decay,
        growth,
        2.0 * stretch * stretch / (eta * c),
        change,
        ROUNDING * (variation + 20.0 / decay),
    )


# --- exit times: one exit -------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def _normalised(mantissa, error, exponent):
    if mantissa == 0.0 or not math.isfinite(mantissa):
        return mantissa, error, exponent
    reduced, shift = math.frexp(mantissa)
    return reduced, math.ldexp(error, -shift), exponent + shift


@njit(cache=True, error_model="numpy")
def _far_ratios(far, order, eta, r, errors, scales):
    """The r_j of `cumulants` at an infinite end, whose tail is a power there. Returns a status."""
    rates = np.zeros(order + 1)
    stretch_scale = far.mobility
    for j in range(1, order + 1):
        if j == 1:
            rates[1] = far.decay
            if not rates[1] > 0.0:
                return 2
            r[1], scales[1] = far.value / rates[1], far.exponent
        else:
            rates[j] = rates[1] + rates[j - 1] - far.decay - 2.0 + far.growth
            if not rates[j] > SLOWEST:
                return 3
            total = 0.0
            for a in range(1, j):
                unit = scales[a] + scales[j - a] - far.exponent
                total += r[a] * r[j - a] * math.ldexp(1.0, unit - scales[j - 1])
            # S r_a r_b dw/dt, where S dw/dt = (dw/dt)²/D over p dw/dt
            r[j], scales[j] = total * stretch_scale / far.value / rates[j], scales[j - 1]
        spread = far.change + far.error + ROUNDING * 40.0 / rates[j]
        r[j], errors[j], scales[j] = _normalised(r[j], r[j] * spread, scales[j])
    return 0


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def cumulants(line, order, r, errors, scales, c, c_errors, c_scales):
    """`c_j = ∫ S r_j` from the start to the exit: the j-th cumulant of the exit time over j!.

    `r_1 = ∫p`, `r_j = Σ_a ∫ S r_a r_(j−a)` from the end behind, where they are given.
    """
    nodes, partial = np.empty((order + 1, N)), np.empty(N)
    integrand = np.empty(N)
    for i in range(line.facts.shape[0]):
        top = np.int64(line.facts[i, TOP])
        rounding = ROUNDING * EXIT_VARIATION * line.facts[i, RISE] + line.facts[i, DRIFT]
        for j in range(1, order + 1):
            relative = line.facts[i, ERROR]
            if j == 1:
                unit = top
                for n in range(N):
                    integrand[n] = line.nodes[i, SPEED, n]
            else:
                unit = LOWEST
                for a in range(1, j):
                    unit = max(unit, scales[a] + scales[j - a] - top)
                integrand[:] = 0.0
                for a in range(1, j):
                    b = j - a
                    factor = _power(scales[a] + scales[b] - top - unit)
                    for n in range(N):
                        integrand[n] += factor * nodes[a, n] * nodes[b, n] * line.nodes[i, SCALE, n]
                    if r[a] > 0.0 and r[b] > 0.0:
                        spread = errors[a] / r[a] + errors[b] / r[b]
                        relative = max(relative, line.facts[i, ERROR] + spread)
            whole = _integrate(integrand, partial)
            common = max(unit, scales[j])
            before, gained = _power(scales[j] - common), _power(unit - common)
            for n in range(N):
                nodes[j, n] = before * r[j] + gained * partial[n]
            total = before * r[j] + gained * whole
            spread = before * errors[j] + gained * whole * relative + total * rounding
            # The nodes are in the units of this panel's start.
            r[j], errors[j], scales[j] = total, spread, common
            if i >= line.split:
                added = 0.0
                for n in range(N):
                    added += WEIGHTS[n] * line.nodes[i, SCALE, n] * nodes[j, n]
                unit = common - top
                common = max(unit, c_scales[j])
                before, gained = _power(c_scales[j] - common), _power(unit - common)
                relative = line.facts[i, ERROR] + (spread / total if total > 0.0 else 0.0)
                c_errors[j] = before * c_errors[j] + gained * added * relative
                c[j], c_scales[j] = before * c[j] + gained * added, common
        for j in range(1, order + 1):
            r[j], errors[j], scales[j] = _normalised(r[j], errors[j], scales[j])
            c[j], c_errors[j], c_scales[j] = _normalised(c[j], c_errors[j], c_scales[j])


@njit(cache=True, error_model="numpy")
def one_sided_moment(start, exit, wall, order, eta, s, k):
    """E τ^order as mantissa and exponent, relative error, status.

    `wall`: where a reflecting end opposite the exit is; inf: an open end.
    """
    direction = 1.0 if exit > start else -1.0
    open_end = math.isinf(wall)
    escaping = reached(start, -direction, eta, s, k) if open_end else 0
    if escaping != 0:
        return math.nan, 0, math.nan, escaping
    length = math.inf if open_end else abs(wall - start)
    behind = collect(start, -direction, length, eta, s, k, 0.0, 0.0, order)
    if behind.status != 0:
        return math.nan, 0, math.nan, behind.status
    ahead = collect(start, direction, abs(exit - start), eta, s, k, 0.0, 0.0, order)
    if ahead.status != 0:
        return math.nan, 0, math.nan, ahead.status
    r, errors = np.zeros(order + 1), np.zeros(order + 1)
    c, c_errors = np.zeros(order + 1), np.zeros(order + 1)
    scales, c_scales = np.full(order + 1, LOWEST), np.full(order + 1, LOWEST)
    if open_end:
        far = far_end(start, -direction, behind, eta, s, k, 0.0)
        status = _far_ratios(far, order, eta, r, errors, scales)
        if status != 0:
            farthest = behind.end >= FARTHEST
            return math.nan, 0, math.nan, 3 if status == 3 and farthest else 2
    cumulants(joined(behind, ahead), order, r, errors, scales, c, c_errors, c_scales)
    # Moments from cumulants: m_n = Σ binomial(n − 1, j − 1) κ_j m_(n−j), all terms positive.
    m, m_scales = np.zeros(order + 1), np.zeros(order + 1, np.int64)
    m[0] = 1.0
    relative = np.zeros(order + 1)
    for n in range(1, order + 1):
        common = LOWEST
        for j in range(1, n + 1):
            common = max(common, c_scales[j] + m_scales[n - j])
        weight, total = 1.0, 0.0
        for j in range(1, n + 1):
            # binomial(n − 1, j − 1) j! = j (n − 1)!/(n − j)!
            term = weight * j * c[j] * m[n - j] * _power(c_scales[j] + m_scales[n - j] - common)
            total += term
            relative[n] += term * (c_errors[j] / c[j] + relative[n - j])
            weight *= n - j
        relative[n] /= total
        m[n], _, m_scales[n] = _normalised(total, 0.0, common)
    uphill = _last_stretch(ahead, abs(exit - start), start, exit)
    error = relative[order] + ROUNDING * EXIT_FIXED * order + uphill
    return m[order], m_scales[order], error, 0


@njit(cache=True, error_model="numpy")
def _last_stretch(panels, length, start, exit):
    """Uphill to an exit the last stretch decides: the rounding of its position counts."""
    if panels.number == 0:
        return 0.0
    i = panels.number - 1
    steepness = (
        math.log(panels.nodes[i, SCALE, N - 1] / panels.nodes[i, SCALE, 0]) / panels.facts[i, WIDTH]
    )
    return 2.0 * ROUNDING * max(steepness, 1.0 / length) * max(abs(start), abs(exit))


# --- exit times: two exits ------------------------------------------------------------------------


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _from_one_exit(line, backward, moment, moment_scales, at_nodes, products, node_scales):
    """`s = ∫S` and `∫ s p g` from one exit on, at the nodes and (returned) at the start.

    g is a function given at the nodes. Returns s, its error and scale, the product with its error
    and scale; the latter is that of the product over s, so that a common error of s counts once.
    """
    count = line.facts.shape[0]
    s, s_error, s_scale = 0.0, 0.0, LOWEST
    v, v_error, v_scale = 0.0, 0.0, LOWEST
    at_start = (0.0, 0.0, LOWEST, 0.0, 0.0, LOWEST)
    values, partial = np.empty(N), np.empty(N)
    for step in range(count):
        i = count - 1 - step if backward else step
        if i == (line.split - 1 if backward else line.split):
            at_start = (s, s_error, s_scale, v, v_error, v_scale)
        top = np.int64(line.facts[i, TOP])
        for n in range(N):
            values[n] = line.nodes[i, SCALE, N - 1 - n if backward else n]
        whole = _integrate(values, partial)
        common = max(-top, s_scale)
        before, gained = _power(s_scale - common), _power(-top - common)
        for n in range(N):
            partial[n] = before * s + gained * partial[n]
        for n in range(N):
            at_nodes[i, N - 1 - n if backward else n] = partial[n]
        node_scales[0, i] = common
        total = before * s + gained * whole
        rounding = ROUNDING * EXIT_VARIATION * line.facts[i, RISE] + line.facts[i, DRIFT]
        kept, doubt = before * s / total, s_error / s if s > 0.0 else 0.0
        s_error = before * s_error + gained * whole * line.facts[i, ERROR] + total * rounding
        s, s_scale = total, common
        for n in range(N):
            j = N - 1 - n if backward else n
            values[n] = partial[n] * line.nodes[i, SPEED, j] * moment[i, j]
        unit = common + top + moment_scales[i]
        whole = _integrate(values, partial)
        common = max(unit, v_scale)
        before, gained = _power(v_scale - common), _power(unit - common)
        for n in range(N):
            products[i, N - 1 - n if backward else n] = before * v + gained * partial[n]
        node_scales[1, i] = common
        v_error *= before
        v_error += (before * v + gained * whole) * ((1.0 - kept) * doubt + rounding)
        v_error += gained * whole * line.facts[i, ERROR]
        v, v_scale = before * v + gained * whole, common
        s, s_error, s_scale = _normalised(s, s_error, s_scale)
        v, v_error, v_scale = _normalised(v, v_error, v_scale)
    return at_start


@njit(cache=True, error_model="numpy")
def _share_error(other, spread):
    """Relative error of the share a/(a + b), where `other` = b/(a + b) and b/a is uncertain."""
    # A share that rounds to 1 is wrong by `other` alone.
    return 1.5 * other if other < ROUNDING / 4 else other * spread + 0.75 * ROUNDING


@njit(cache=True, error_model="numpy")
def two_sided_moment(start, below, above, order, eta, s, k):
    """E τ^order and P(leave above), each as mantissa, exponent, relative error; status.

    `g_n = ∫ G p g_(n−1)`, `g_0 = 1`, with Green's function G of the interval; E τⁿ = n! g_n.
    """
    behind = collect(start, -1.0, start - below, eta, s, k, 0.0, 0.0, 1)
    ahead = collect(start, 1.0, above - start, eta, s, k, 0.0, 0.0, 1)
    status = max(behind.status, ahead.status)
    if status != 0:
        return math.nan, 0, math.nan, math.nan, 0, math.nan, status
    line = joined(behind, ahead)
    count = line.facts.shape[0]
    g, g_scales = np.ones((count, N)), np.zeros(count, np.int64)
    lower, upper = np.empty((count, N)), np.empty((count, N))
    first, second = np.empty((count, N)), np.empty((count, N))
    lower_scales = np.empty((2, count), np.int64)
    upper_scales = np.empty((2, count), np.int64)
    value, exponent, relative = 1.0, 0, 0.0
    share, share_scale, chance_error = math.nan, 0, math.nan
    low_end = _last_stretch(behind, start - below, start, below)
    high_end = _last_stretch(ahead, above - start, start, above)
    for n in range(1, order + 1):
        left = _from_one_exit(line, False, g, g_scales, lower, first, lower_scales)
        right = _from_one_exit(line, True, g, g_scales, upper, second, upper_scales)
        # s_left/(s_left + s_right) at the start
        common = max(left[2], right[2])
        s_left, s_right = left[0] * _power(left[2] - common), right[0] * _power(right[2] - common)
        chance, other = s_left / (s_left + s_right), s_right / (s_left + s_right)
        share, _, share_scale = _normalised(left[0] / (s_left + s_right), 0.0, left[2] - common)
        spread = left[1] / left[0] + right[1] / right[0] + low_end + high_end
        chance_error = _share_error(other, spread + ROUNDING * EXIT_FIXED)
        # (s_right P + s_left Q)/(s_left + s_right), where P and Q may be out of all proportion
        first_unit, second_unit = right[2] + left[5], left[2] + right[5]
        unit = max(first_unit, second_unit)
        scaled_first = right[0] * _power(first_unit - unit)
        scaled_second = left[0] * _power(second_unit - unit)
        one, two = scaled_first * left[3], scaled_second * right[3]
        total = one + two
        relative += (scaled_first * left[4] + scaled_second * right[4]) / total
        # The resistance of the two sides in parallel
        relative += other * (left[1] / left[0] + low_end)
        relative += chance * (right[1] / right[0] + high_end)
        value, _, exponent = _normalised(n * total / (s_left + s_right), 0.0, unit - common)
        if n < order:
            for i in range(count):
                a, b = lower_scales[0, i], upper_scales[0, i]
                c, d = lower_scales[1, i], upper_scales[1, i]
                # (upper·first + lower·second)/(lower + upper)
                units, whole = max(a, b), max(b + c, a + d)
                low, high = _power(a - units), _power(b - units)
                one, two = _power(b + c - whole), _power(a + d - whole)
                for j in range(N):
                    x, y = lower[i, j], upper[i, j]
                    total = one * y * first[i, j] + two * x * second[i, j]
                    g[i, j] = n * total / (low * x + high * y)
                g_scales[i] = whole - units
                largest = 0.0
                for j in range(N):
                    largest = max(largest, g[i, j])
                _, shift = math.frexp(largest)
                for j in range(N):
                    g[i, j] = math.ldexp(g[i, j], -shift)
                g_scales[i] += shift
    rounding = ROUNDING * EXIT_FIXED
    return value, exponent, relative + rounding * order, share, share_scale, chance_error, 0


# --- Laplace transform ----------------------------------------------------------------------------


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _cross(speed, scale, rate, u0, f0):
    """u and f behind a panel: `u = u0 + ∫Sf`, `f = f0 + rate ∫pu`, by iteration."""
    u, f, partial, values = np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    u[:] = u0
    u_end, f_end = u0, f0
    for _ in range(80):
        for n in range(N):
            values[n] = rate * speed[n] * u[n]
        f_end = f0 + _integrate(values, partial)
        for n in range(N):
            f[n] = f0 + partial[n]
            values[n] = scale[n] * f[n]
        new = u0 + _integrate(values, partial)
        for n in range(N):
            u[n] = u0 + partial[n]
        converged = abs(new - u_end) <= ROUNDING * new
        u_end = new
        if converged:
            return u_end, f_end, 0
    return u_end, f_end, 2


@njit(cache=True, error_model="numpy")
def _carry(line, first, last, rate, u0, ratio, ratio_scale):
    """log u and f/u carried over panels from u0 (1, or 0 with f = 1 in the unit of `ratio`).

    Returns log u (over that at the beginning, or absolute for u0 = 0), f/u as mantissa and
    exponent, the variation of Φ, the error of log u by interpolation, and the status.
    """
    log_u, variation, error = 0.0, 0.0, 0.0
    for i in range(first, last):
        top = np.int64(line.facts[i, TOP])
        f0 = math.ldexp(ratio, ratio_scale - top) if abs(ratio_scale - top) < 2000 else (
            0.0 if ratio_scale < top else math.inf
        )  # fmt: skip
        if u0 == 0.0:
            u, f, status = _cross(line.nodes[i, SPEED], line.nodes[i, SCALE], rate, 0.0, 1.0)
            # f = 1 in units of 2^ratio_scale, so u in units of 2^(ratio_scale − top)
            log_u = math.log(u) + (ratio_scale - top) * LOG2
            u0 = 1.0
        else:
            u, f, status = _cross(line.nodes[i, SPEED], line.nodes[i, SCALE], rate, 1.0, f0)
            log_u += math.log(u)
            error += math.log(u) * line.facts[i, ERROR]
        if status != 0 or not math.isfinite(u):
            return math.nan, math.nan, 0, math.nan, math.nan, 2
        ratio, _, ratio_scale = _normalised(f / u, 0.0, top)
        variation += line.facts[i, RISE] + line.facts[i, DRIFT] / ROUNDING
    return log_u, ratio, ratio_scale, variation, error, 0


@njit(cache=True, error_model="numpy")
def _laplace_error(log_value, variation, error):
    """A change of p or S by a factor 1 + δ changes −log E e^(−rate·τ) by at most that factor."""
    size = abs(log_value)
    rounding = ROUNDING * (LAPLACE_FIXED + LAPLACE_VARIATION * variation * min(size, 1.0))
    return rounding + 2.0 * error + size * ROUNDING * LAPLACE_FIXED


@njit(cache=True, error_model="numpy")
def one_sided_laplace(start, exit, wall, rate, eta, s, k):
    """log E e^(−rate·τ), relative error of E e^(−rate·τ), status."""
    direction = 1.0 if exit > start else -1.0
    open_end = math.isinf(wall)
    escaping = reached(start, -direction, eta, s, k) if open_end else 0
    if escaping != 0:
        return math.nan, math.nan, escaping
    length = math.inf if open_end else abs(wall - start)
    behind = collect(start, -direction, length, eta, s, k, 0.0, rate, 1)
    if behind.status != 0:
        return math.nan, math.nan, behind.status
    ahead = collect(start, direction, abs(exit - start), eta, s, k, 0.0, rate, 1)
    if ahead.status != 0:
        return math.nan, math.nan, ahead.status
    line = joined(behind, ahead)
    ratio, ratio_scale, unknown = 0.0, np.int64(0), 0.0
    if open_end:
        far = far_end(start, -direction, behind, eta, s, k, 0.0)
        # f/u = q p dw/dt in the pure power: decay·q = rate − q²·mobility
        root = math.sqrt(far.decay * far.decay + 4.0 * rate * far.mobility)
        ratio, ratio_scale = 2.0 * rate / (far.decay + root) * far.value, far.exponent
        unknown = far.change + far.error
        if not far.decay > 0.0:
            return math.nan, math.nan, 2
    inner = _carry(line, 0, line.split, rate, 1.0, ratio, ratio_scale)
    if inner[5] != 0:
        return math.nan, math.nan, inner[5]
    outer = _carry(line, line.split, line.facts.shape[0], rate, 1.0, inner[1], inner[2])
    if outer[5] != 0:
        return math.nan, math.nan, outer[5]
    # Two solutions of the Riccati equation approach each other like u^−2.
    doubt = unknown * ratio * math.exp(
        (ratio_scale - inner[2]) * LOG2 - 2.0 * inner[0]
    ) / inner[1] if inner[1] > 0.0 else 0.0  # fmt: skip
    error = _laplace_error(outer[0], outer[3] + min(inner[3], 10.0), inner[4] + outer[4])
    error += min(doubt, 1.0) * outer[0]
    return -outer[0], error + min(outer[0], 1.0) * _last_stretch(
        ahead, abs(exit - start), start, exit
    ), 0  # fmt: skip


@njit(cache=True, error_model="numpy")
def two_sided_laplace(start, below, above, rate, eta, s, k):
    """log E e^(−rate·τ), relative error of E e^(−rate·τ), status.

    `(1/ψ + 1/χ)/(ψ'/ψ + χ'/χ)` with solutions ψ, χ of unit flux that vanish at one exit.
    """
    behind = collect(start, -1.0, start - below, eta, s, k, 0.0, rate, 1)
    ahead = collect(start, 1.0, above - start, eta, s, k, 0.0, rate, 1)
    status = max(behind.status, ahead.status)
    if status != 0:
        return math.nan, math.nan, status
    line, other = joined(behind, ahead), joined(ahead, behind)
    left = _carry(line, 0, line.split, rate, 0.0, 1.0, np.int64(0))
    right = _carry(other, 0, other.split, rate, 0.0, 1.0, np.int64(0))
    if max(left[5], right[5]) != 0:
        return math.nan, math.nan, 2
    # log (1/ψ + 1/χ), and log of the sum of ratios
    small, large = min(left[0], right[0]), max(left[0], right[0])
    above_line = -small + math.log1p(math.exp(small - large))
    unit = max(left[2], right[2])
    ratios = left[1] * _power(left[2] - unit) + right[1] * _power(right[2] - unit)
    value = above_line - math.log(ratios) - unit * LOG2
    error = _laplace_error(value, left[3] + right[3], left[4] + right[4])
    error += ROUNDING * min(max(abs(left[0]), abs(right[0])), 1e4)
    return value, error, 0


# --- the stationary law ---------------------------------------------------------------------------


class Law(NamedTuple):
    """Masses of both tails, of all panels between, and how uncertain each one is."""

    line: Line
    mass: np.ndarray
    """In units of 2^unit; the first and the last are the tails beyond the panels."""
    unit: np.int64
    error: np.ndarray
    """Relative errors of the masses by themselves."""
    path: np.ndarray
    """Error of Φ that adds up from the left end of the line to the middle of each panel."""
    left: Panels
    right: Panels
    status: int


@njit(cache=True, error_model="numpy")
def law_around(origin, eta, s, k, order):
    """The law of density `|w|^order p`, its panels around `origin`."""
    left = collect(origin, -1.0, math.inf, eta, s, k, order, 0.0, 1)
    right = collect(origin, 1.0, math.inf, eta, s, k, order, 0.0, 1)
    line = joined(left, right)
    count = line.facts.shape[0]
    mass, error, path = np.zeros(count + 2), np.zeros(count + 2), np.zeros(count + 2)
    status = max(left.status, right.status)
    if status != 0:
        return Law(line, mass, np.int64(0), error, path, left, right, status)
    unit = np.int64(LOWEST)
    for i in range(count):
        unit = max(unit, np.int64(line.facts[i, TOP]))
    doubt = 0.0
    for i in range(count):
        gain = 0.0
        for n in range(N):
            gain += WEIGHTS[n] * line.nodes[i, SPEED, n]
        mass[i + 1] = gain * _power(np.int64(line.facts[i, TOP]) - unit)
        error[i + 1] = line.facts[i, ERROR]
        drift = ROUNDING * LAW_VARIATION * line.facts[i, RISE] + line.facts[i, DRIFT]
        path[i + 1] = doubt + drift / 2
        doubt += drift
    path[count + 1] = doubt
    return Law(line, mass, unit, error, path, left, right, 0)


@njit(cache=True, error_model="numpy")
def _tails(law, origin, eta, s, k, order, far_mass, far_error, far_scale):
    """`∫|w|^order p` beyond the panels on both sides. Returns a status."""
    for side in range(2):
        panels = law.left if side == 0 else law.right
        far = far_end(origin, 2.0 * side - 1.0, panels, eta, s, k, order)
        if not far.decay > 0.0:
            return 2
        far_mass[side], far_scale[side] = far.value / far.decay, far.exponent
        far_error[side] = far.change + far.error
    return 0


@njit(cache=True, error_model="numpy")
def density(at, eta, s, k):
    """The stationary density as mantissa and exponent, relative error, status."""
    law = law_around(at, eta, s, k, 0.0)
    if law.status != 0:
        return math.nan, 0, math.nan, law.status
    far, spread, scale = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    status = _tails(law, at, eta, s, k, 0.0, far, spread, scale)
    if status != 0:
        return math.nan, 0, math.nan, status
    total, error = _total(law, far, spread, scale, law.path[law.line.split + 1])
    c = gradient_and_noise(at, k)[1]
    steepness = abs(2.0 * gradient_and_noise(at, k)[0] / (eta * c) + s * noise_slope(at, k) / c)
    value, _, exponent = _normalised(math.exp(-s * math.log(c)) / total, 0.0, -law.unit)
    near = ROUNDING * (LAW_FIXED + abs(s * math.log(c)) + steepness * abs(at))
    return value, exponent, error / total + near, 0


@njit(cache=True, error_model="numpy")
def _total(law, far, spread, scale, reference):
    """The whole mass in units of 2^unit, and its error if log p is exact where path = reference."""
    total, error = 0.0, 0.0
    count = law.mass.shape[0]
    for side in range(2):
        i = 0 if side == 0 else count - 1
        law.mass[i] = far[side] * _power(scale[side] - law.unit)
        law.error[i] = spread[side]
    for i in range(count):
        total += law.mass[i]
        away = abs(law.path[i] - reference)
        error += law.mass[i] * (law.error[i] + away)
    return total, error


@njit(cache=True, error_model="numpy")
def _heaviest(law):
    """The path of the heaviest panel: where the law is."""
    best = 0
    for i in range(law.mass.shape[0]):
        if law.mass[i] > law.mass[best]:
            best = i
    return law.path[best]


@njit(cache=True, error_model="numpy")
def cumulative(at, upper, eta, s, k):
    """P(X <= at), or P(X > at), as mantissa and exponent, relative error, status."""
    law = law_around(at, eta, s, k, 0.0)
    if law.status != 0:
        return math.nan, 0, math.nan, law.status
    far, spread, scale = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    status = _tails(law, at, eta, s, k, 0.0, far, spread, scale)
    if status != 0:
        return math.nan, 0, math.nan, status
    _total(law, far, spread, scale, 0.0)
    count = law.mass.shape[0]
    split = law.line.split + 1
    sides, units = np.zeros(2), np.full(2, LOWEST)
    scaled = np.zeros(count)
    for i in range(1, count - 1):
        side = 0 if i < split else 1
        units[side] = max(units[side], np.int64(law.line.facts[i - 1, TOP]))
    for i in range(count):
        side = 0 if i < split else 1
        if i == 0 or i == count - 1:
            scaled[i] = far[side] * _power(scale[side] - units[side])
        else:
            gain = 0.0
            for n in range(N):
                gain += WEIGHTS[n] * law.line.nodes[i - 1, SPEED, n]
            scaled[i] = gain * _power(np.int64(law.line.facts[i - 1, TOP]) - units[side])
        sides[side] += scaled[i]
    here = 1 if upper else 0
    there = 1 - here
    common = max(units[0], units[1])
    a, b = sides[here] * _power(units[here] - common), sides[there] * _power(units[there] - common)
    part = b / (a + b)
    # log p is taken as exact at the heaviest panel of the side that is asked for
    best = 0
    for i in range(count):
        mine = (i < split) != upper
        if mine and ((best < split) == upper or scaled[i] > scaled[best]):
            best = i
    error = 0.0
    for i in range(count):
        side = 0 if i < split else 1
        away = abs(law.path[i] - law.path[best])
        error += scaled[i] / sides[side] * (law.error[i] + away)
    c = gradient_and_noise(at, k)[1]
    steepness = 1.0 / sides[here] * math.exp(-s * math.log(c) - units[here] * LOG2) if (
        units[here] > -1000
    ) else abs(2.0 * gradient_and_noise(at, k)[0] / (eta * c))  # fmt: skip
    value, _, exponent = _normalised(sides[here], 0.0, units[here] - common)
    rounding = ROUNDING * (LAW_FIXED + steepness * abs(at))
    total = a + b
    value, _, exponent = _normalised(value / total, 0.0, exponent)
    return value, exponent, _share_error(part, error + rounding), 0


@njit(cache=True, error_model="numpy")
def signed_moment(order, signed, eta, s, k):
    """E w^order, or E|w|^order, relative error, status."""
    law = law_around(0.0, eta, s, k, order)
    if law.status != 0:
        return math.nan, 0, math.nan, law.status
    far, spread, scale = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    far_r, spread_r, scale_r = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    status = max(
        _tails(law, 0.0, eta, s, k, 0.0, far, spread, scale),
        _tails(law, 0.0, eta, s, k, order, far_r, spread_r, scale_r),
    )
    if status != 0:
        return math.nan, 0, math.nan, status
    total, _ = _total(law, far, spread, scale, 0.0)
    count = law.mass.shape[0]
    parts = np.zeros(count)
    value = 0.0
    for i in range(count):
        sign = -1.0 if signed and i < law.line.split + 1 else 1.0
        if i == 0 or i == count - 1:
            side = 0 if i == 0 else 1
            parts[i] = sign * far_r[side] * _power(scale_r[side] - law.unit)
        else:
            gain = 0.0
            for n in range(N):
                gain += (
                    WEIGHTS[n]
                    * law.line.nodes[i - 1, SPEED, n]
                    * abs(law.line.nodes[i - 1, STATE, n]) ** order
                )
            parts[i] = sign * gain * _power(np.int64(law.line.facts[i - 1, TOP]) - law.unit)
        value += parts[i]
    mean = value / total
    if not math.isfinite(mean):
        return math.nan, 0, math.nan, 2
    reference = _heaviest(law)
    error = 0.0
    for i in range(count):
        away = abs(law.path[i] - reference)
        difference = abs(parts[i] - mean * law.mass[i])
        own = law.error[i] if 0 < i < count - 1 else spread_r[0 if i == 0 else 1] + law.error[i]
        error += difference * away
        error += (abs(parts[i]) + abs(mean) * law.mass[i]) * own
        error += abs(parts[i]) * ROUNDING * LAW_FIXED / 2
    error = error / total / abs(mean) + ROUNDING * LAW_FIXED / 2
    mantissa, _, exponent = _normalised(mean, 0.0, 0)
    return mantissa, exponent, error, 0


@njit(cache=True, error_model="numpy")
def total_mass(origin, eta, s, k):
    """∫ C^−s e^−Φ, Φ(origin) = 0, as mantissa and exponent, relative error, status."""
    law = law_around(origin, eta, s, k, 0.0)
    if law.status != 0:
        return math.nan, 0, math.nan, law.status
    far, spread, scale = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    status = _tails(law, origin, eta, s, k, 0.0, far, spread, scale)
    if status != 0:
        return math.nan, 0, math.nan, status
    total, error = _total(law, far, spread, scale, law.path[law.line.split + 1])
    value, relative, exponent = _normalised(total, error, law.unit)
    return value, exponent, relative / value + ROUNDING * LAW_FIXED, 0


@njit(cache=True, error_model="numpy")
def _series(coefficients, x):
    """A Chebyshev series by Clenshaw's rule."""
    a, b = 0.0, 0.0
    for j in range(coefficients.shape[0] - 1, 0, -1):
        a, b = 2.0 * x * a - b + coefficients[j], a
    return x * a - b + coefficients[0]


@njit(cache=True, error_model="numpy")
def quantile(probability, eta, s, k):
    """The x with P(X <= x) = probability, relative error, status."""
    if not 0.0 < probability < 1.0:
        return math.nan, math.nan, 1
    law = law_around(0.0, eta, s, k, 0.0)
    if law.status != 0:
        return math.nan, math.nan, law.status
    far, spread, scale = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    status = _tails(law, 0.0, eta, s, k, 0.0, far, spread, scale)
    if status != 0:
        return math.nan, math.nan, status
    total, _ = _total(law, far, spread, scale, 0.0)
    count = law.mass.shape[0]
    # From the nearer tail on, so that small probabilities keep their digits
    low = probability <= 0.5
    wanted = (probability if low else 1.0 - probability) * total
    passed, i = 0.0, 0 if low else count - 1
    while passed + law.mass[i] < wanted and 0 <= i < count:
        passed += law.mass[i]
        i += 1 if low else -1
    if i <= 0 or i >= count - 1:
        return math.nan, math.nan, 2
    rest = math.ldexp(wanted - passed, int(law.unit - np.int64(law.line.facts[i - 1, TOP])))
    values, partial = np.empty(N), np.empty(N)
    for n in range(N):
        values[n] = law.line.nodes[i - 1, SPEED, n if low else N - 1 - n]
    whole = _integrate(values, partial)
    inside, height = np.zeros(N), np.zeros(N)
    for j in range(N):
        for n in range(N):
            inside[j] += TRANSFORM[j, n] * partial[n]
            height[j] += TRANSFORM[j, n] * values[n]
    below, above, x = -1.0, 1.0, 2.0 * rest / whole - 1.0
    for _ in range(100):
        excess = _series(inside, x) - rest
        if excess > 0.0:
            above = x
        else:
            below = x
        step = x - excess / _series(height, x)
        if not below < step < above:
            step = 0.5 * (below + above)
        if abs(step - x) < 1e-16:
            x = step
            break
        x = step
    slope = _series(height, x)
    # Position: panels of the left side run towards the origin.
    j = i - 1
    if j < law.line.split:
        panels, index, direction = law.left, law.line.split - 1 - j, -1.0
    else:
        panels, index, direction = law.right, j - law.line.split, 1.0
    outward = x if (direction > 0.0) == low else -x
    t = panels.facts[index, LEFT] + 0.5 * panels.facts[index, WIDTH] * (1.0 + outward)
    value = direction * math.expm1(t)
    # dw per unit of x, and the error of the distribution function there
    per_unit = 0.5 * panels.facts[index, WIDTH] * math.exp(t)
    reference, fraction = _heaviest(law), wanted / total
    error = 0.0
    for n in range(count):
        before = (n < i) if low else (n > i)
        away = abs(law.path[n] - reference)
        factor = 1.0 - fraction if before or n == i else fraction
        error += law.mass[n] * factor * (law.error[n] + away)
    error += wanted * ROUNDING * LAW_FIXED + ROUNDING * total * (0.0 if low else 0.5)
    error = math.ldexp(error, int(law.unit - np.int64(law.line.facts[j, TOP]))) / slope * per_unit
    error += ROUNDING * 2.0 * math.exp(t) * (abs(t) + 1.0) * (0.5 if index else 0.1)
    return value, error / abs(value) + ROUNDING, 0


# --- loops over parameter sets --------------------------------------------------------------------


@njit(cache=True, nogil=True, error_model="numpy")
def one_sided_moments(start, exit, wall, order, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = one_sided_moment(
            start[i], exit[i], wall[i], order, eta, 1.0 - theta, k
        )


@njit(cache=True, nogil=True, error_model="numpy")
def two_sided_moments(
    start, below, above, order, parameters, values, scales, errors, status, shares
):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        found = two_sided_moment(start[i], below[i], above[i], order, eta, 1.0 - theta, k)
        values[i], scales[i], errors[i] = found[0], found[1], found[2]
        shares[i, 0], shares[i, 1], shares[i, 2] = found[3], found[4], found[5]
        status[i] = found[6]


@njit(cache=True, nogil=True, error_model="numpy")
def one_sided_laplaces(start, exit, wall, rate, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        log, errors[i], status[i] = one_sided_laplace(
            start[i], exit[i], wall[i], rate[i], eta, 1.0 - theta, k
        )
        if status[i] == 0:
            scales[i] = np.int64(np.ceil(log / LOG2))
            values[i] = math.exp(log - scales[i] * LOG2)
        else:
            values[i] = math.nan


@njit(cache=True, nogil=True, error_model="numpy")
def two_sided_laplaces(start, below, above, rate, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        log, errors[i], status[i] = two_sided_laplace(
            start[i], below[i], above[i], rate[i], eta, 1.0 - theta, k
        )
        if status[i] == 0:
            scales[i] = np.int64(np.ceil(log / LOG2))
            values[i] = math.exp(log - scales[i] * LOG2)
        else:
            values[i] = math.nan


@njit(cache=True, nogil=True, error_model="numpy")
def densities(at, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = density(at[i], eta, 1.0 - theta, k)


@njit(cache=True, nogil=True, error_model="numpy")
def cumulatives(at, upper, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = cumulative(at[i], upper, eta, 1.0 - theta, k)


@njit(cache=True, nogil=True, error_model="numpy")
def moments(order, signed, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = signed_moment(
            order, signed, eta, 1.0 - theta, k
        )


@njit(cache=True, nogil=True, error_model="numpy")
def total_masses(origin, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = total_mass(origin[i], eta, 1.0 - theta, k)


@njit(cache=True, nogil=True, error_model="numpy")
def quantiles(probability, parameters, values, scales, errors, status):
    for i in range(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], errors[i], status[i] = quantile(probability[i], eta, 1.0 - theta, k)
        scales[i] = 0
