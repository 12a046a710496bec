"""The compiled loop of `numerics.bulk`: one parameter set at a time, adaptive Chebyshev panels.

This file is both a module and a template: `numerics.bulk` writes a copy of it in which the section
`model` holds the compiled formulas of a given model. As it stands the model is the
Ornstein-Uhlenbeck process of unit noise, with its rate and η as parameters.

Binary scales: a quantity is kept as `mantissa · 2^exponent`, so that e^100000 is no overflow and
scaling is exact.
Status of a result: 0 good, 1 C is not positive or not finite, 2 no convergence, 3 infinite.
"""

import math

import numpy as np
from numba import njit, prange

# --- model ---------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def gradient_and_noise(w, k):
    """`(L', C)` at w for the parameters k."""
    return k[0] * w, 1.0


@njit(cache=True, error_model="numpy")
def noise_slope(w, k):
    """`C'` at w."""
    return 0.0


@njit(cache=True, error_model="numpy")
def eta_and_theta(k):
    """η and θ."""
    return k[1], 0.0


SWITCHES = 0
"""How many functions of w decide a branch of L' or C by their sign."""


@njit(cache=True, error_model="numpy")
def switches_between(v, w, k):
    """Whether one of them has opposite signs at v and w."""
    return False


# --- kernel --------------------------------------------------------------------------------------

N = 16


def _tables():
    """Chebyshev nodes, integration matrix and weights, and the rows of the last coefficients."""
    angles = (2 * np.arange(N)[::-1] + 1) * np.pi / (2 * N)
    nodes = np.cos(angles)
    orders = np.arange(N)[:, None]
    transform = 2.0 / N * np.cos(orders * angles[None, :])
    transform[0] /= 2
    # Antiderivatives of T_j that vanish at -1, at the nodes and (last row) at 1.
    at = np.append(nodes, 1.0)
    antiderivative = np.zeros((N + 1, N))
    for j in range(N):
        series = np.polynomial.chebyshev.chebint(np.eye(N)[j], lbnd=-1)
        antiderivative[:, j] = np.polynomial.chebyshev.chebval(at, series)
    matrix = antiderivative @ transform
    return nodes, np.ascontiguousarray(matrix[:N]), matrix[N].copy(), transform[N - 2 :].copy()


NODES, INTEGRAL, WEIGHTS, LAST = _tables()
TOLERANCE = 2e-13
"""Last two Chebyshev coefficients, relative to the largest value, of an accepted panel."""
OVERSTATED = 0.006
"""True errors of integrals over the last coefficients: at most 1/N and one or two more orders."""
STEEPEST = 25.0
"""Largest change of log p in a panel."""
FARTHEST = 34.0
"""Infinite sides run to start ± e^34 ≈ 6·10^14; beyond it the tail is a pure power."""
SLOWEST = 1e-9
"""A density that decays no faster than |w|^−(1 + this) has infinite mass."""
LOG2 = 0.6931471805599453
LOWEST = -(2**60)
"""The binary exponent of 0."""
MOST_PANELS = 200000
NARROWEST = 4e-15
"""Relative width of a panel that holds a kink: what its place is known to."""
ROUNDING = 2.220446049250313e-16
FIXED_ROUNDING, VARIATION_ROUNDING = 4.0, 1.5
"""Calibrated by experiments/bulk_errors.py on 1500 models, none above half its estimate.

On 2976 other models (seed 21) none was above its estimate, the nearest at 1/1.7 of it, and 95 % of
the estimates were within 625 times the error.
"""


@njit(cache=True, error_model="numpy")
def _last_coefficients(values, largest):
    """|c_(N-2)| + |c_(N-1)| relative to the largest value."""
    a, b = 0.0, 0.0
    for i in range(N):
        a += LAST[0, i] * values[i]
        b += LAST[1, i] * values[i]
    return (abs(a) + abs(b)) / largest


@njit(cache=True, error_model="numpy")
def _decay(direction, w, stretch, eta, s, k, order):
    """−d/dt log(|w|^order p dw/dt) on an infinite side, where dw/dt = e^t."""
    g, c = gradient_and_noise(w, k)
    rate = -(2.0 * g / eta + s * noise_slope(w, k)) / c
    if order != 0.0:
        rate += order / w
    return -(direction * rate * stretch + 1.0)


@njit(cache=True, error_model="numpy")
def _decays_beyond(direction, origin, t, eta, s, k, order):
    """Sampled outward, near by densely: else a second well lies there."""
    for i in range(1, 325):
        if i <= 300:
            u = t + 0.02 * i
        else:
            near, step = t + 6.0, float(i - 300)
            u = near + (28.0 - near) * step / 24.0 if near < 27.0 else near + step / 24.0
        stretch = math.exp(u)
        w = origin + direction * (stretch - 1.0)
        if not _decay(direction, w, stretch, eta, s, k, order) > 0.0:
            return False
    return True


@njit(cache=True, error_model="numpy")
def _power(exponent):
    """2^exponent for exponent <= 0 (or small), 0 below the range of doubles."""
    return math.ldexp(1.0, exponent) if exponent > -1000 else 0.0


@njit(cache=True, error_model="numpy")
def abutting(t, h):
    """A width near h such that the next panel begins exactly where this one ends."""
    return (t + h) - t


@njit(cache=True, error_model="numpy")
def position_error(origin, t, infinite):
    """Rounding of positions, in t, in units of 2^−52."""
    return t + 1.0 + abs(origin) * math.exp(-t) if infinite else t + abs(origin)


@njit(cache=True, error_model="numpy")
def switches_within(origin, direction, infinite, t, h, k):
    """Whether a branch of the model changes on a panel: no coefficient need tell a kink."""
    if SWITCHES == 0:
        return False
    before = origin + direction * (math.exp(t) - 1.0 if infinite else t)
    for i in range(N + 1):
        u = t + 0.5 * h * (1.0 + NODES[i]) if i < N else t + h
        w = origin + direction * (math.exp(u) - 1.0 if infinite else u)
        if switches_between(before, w, k):
            return True
        before = w
    return False


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def march(origin, direction, length, eta, s, k, mass, mass_scale, mass_error):
    """Outward from `origin` over `length` (inf: to the end), with a given mass behind it.

    Returns the mass `∫p` (with the one given) and, over a finite length, `∫ q·mass`, each as
    mantissa, binary exponent, relative error; and the status. p is relative to that at the origin.
    """
    infinite = math.isinf(length)
    end = FARTHEST if infinite else length
    half = 1.0
    slope, noise, log_noise = np.zeros(N), np.empty(N), np.empty(N)
    stretch, speed, scale, logs = np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    phi, t, h = 0.0, 0.0, 0.5 if infinite else length / 2
    product, product_scale, product_error = 0.0, LOWEST, 0.0
    doubt, variation, status = 0.0, 0.0, 2
    if infinite:
        far = math.exp(FARTHEST)
        w = origin + direction * (far - 1.0)
        # Not a number where the formulas overflow, as with light tails: that is decided below.
        if gradient_and_noise(w, k)[1] <= 0.0:
            status = 1
        elif _decay(direction, w, far, eta, s, k, 0.0) <= SLOWEST:
            status = 3
    before_kink = 0.0
    for _ in range(MOST_PANELS if status == 2 else 0):
        h = abutting(t, min(h, end - t))
        half = 0.5 * h
        switches = switches_within(origin, direction, infinite, t, h, k)
        if switches and h > NARROWEST * (1.0 + t):
            before_kink = max(before_kink, h)
            h *= 0.5
            continue
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
            slope[i] = direction * 2.0 * g / (eta * c) * stretch[i]
            noise[i] = c
        steep, positive = 0.0, True
        for i in range(N):
            positive = positive and noise[i] > 0.0 and math.isfinite(slope[i])
            steep = max(steep, abs(slope[i]))
        if not positive:
            status = 1
            break
        error = _last_coefficients(slope, 1.0 + steep) if steep > 0.0 else 0.0
        if s != 0.0:
            for i in range(N):
                log_noise[i] = s * math.log(noise[i])
        else:
            log_noise[:] = 0.0
        highest, lowest = -math.inf, math.inf
        for i in range(N):
            rise = 0.0
            for j in range(N):
                rise += INTEGRAL[i, j] * slope[j]
            logs[i] = -rise - log_noise[i]
            highest, lowest = max(highest, logs[i]), min(lowest, logs[i])
        if not highest - lowest < STEEPEST + (30.0 if infinite else 0.0):
            h *= 0.5
            if h < 1e-13 * (1.0 + t):
                break
            continue
        # Φ itself enters as one factor of the panel: its rounding is no noise between nodes.
        top = np.int64(np.ceil((highest - phi) / LOG2))
        shift = math.exp(highest - phi - top * LOG2)
        largest_speed, largest_scale = 0.0, 0.0
        for i in range(N):
            p = shift * math.exp(logs[i] - highest)
            speed[i] = p * stretch[i]
            scale[i] = 2.0 * stretch[i] / (eta * noise[i] * p)
            largest_speed = max(largest_speed, speed[i])
            largest_scale = max(largest_scale, scale[i])
        error = max(error, _last_coefficients(speed, largest_speed))
        if not infinite:
            error = max(error, _last_coefficients(scale, largest_scale))
        growth = 0.9 * (TOLERANCE / max(error, 1e-18)) ** (1.0 / (N - 1))
        smallest = h < 1e-12 * (1.0 + t)
        if error > TOLERANCE and not smallest:
            h *= max(0.25, min(growth, 0.8))
            continue
        # --- the panel is good: add it ---
        if not smallest:
            error *= OVERSTATED
        if top > mass_scale:
            factor = _power(mass_scale - top)
            mass, mass_error, mass_scale = mass * factor, mass_error * factor, top
        factor = _power(top - mass_scale)
        gain = 0.0
        for i in range(N):
            gain += WEIGHTS[i] * speed[i]
        if not infinite:
            added = 0.0
            for i in range(N):
                inner = 0.0
                for j in range(N):
                    inner += INTEGRAL[i, j] * speed[j]
                added += WEIGHTS[i] * scale[i] * (mass + factor * inner)
            new_scale = mass_scale - top
            if new_scale > product_scale:
                rescale = _power(product_scale - new_scale)
                product, product_error = product * rescale, product_error * rescale
                product_scale = new_scale
            rescale = _power(new_scale - product_scale)
            product += added * rescale
            relative = error + (mass_error + factor * gain * error) / (mass + factor * gain)
            product_error += added * rescale * relative
        rise = 0.0
        for i in range(N):
            rise += WEIGHTS[i] * slope[i]
        drift = VARIATION_ROUNDING * ROUNDING * abs(rise) + error * steep
        if switches:
            drift += np.max(slope) - np.min(slope)
        bend = abs(slope[N - 1] - slope[0]) / half
        drift += ROUNDING * bend * position_error(origin, t, infinite)
        mass += factor * gain
        if infinite:
            # What lies further out is less certain relative to p at the origin.
            doubt += drift
            mass_error += factor * gain * (error + doubt)
        else:
            # Relative to p here, where the panel ends, all the mass behind is less certain.
            mass_error += factor * gain * error + mass * drift
        phi += rise
        variation += abs(rise)
        t += h
        if infinite:
            wide = math.exp(t)
            w = origin + direction * (wide - 1.0)
            rate = _decay(direction, w, wide, eta, s, k, 0.0)
            c = gradient_and_noise(w, k)[1]
            rest = math.exp(-phi - s * math.log(c) - mass_scale * LOG2) * wide / rate
            if t >= FARTHEST:
                if not rate > SLOWEST:
                    break
                mass += rest
                # The rate of a slow decay is a small difference.
                mass_error += rest * ROUNDING * (variation + 20.0 / rate)
                status = 0
                break
            negligible = rate > 0.0 and rest < 1e-18 * mass
            if negligible and _decays_beyond(direction, origin, t, eta, s, k, 0.0):
                status = 0
                break
        elif t >= end * (1.0 - 1e-15):
            status = 0
            break
        if switches:
            h, before_kink = before_kink, 0.0
        else:
            h *= max(0.5, min(growth, 2.0))
    product_relative = product_error / product if product > 0.0 else 0.0
    if not infinite:
        # Uphill to the exit the last stretch decides: the rounding of its position counts.
        uphill = max(slope[N - 1] / half, 1.0 / length)
        product_relative += 2.0 * ROUNDING * uphill * (abs(origin) + t)
    return (
        mass, mass_scale, mass_error / mass, product, product_scale, product_relative, status
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def reached(origin, direction, eta, s, k):
    """3 where the scale converges at an infinite end, so that paths escape there.

    2 where that is too near to call, else 0.
    """
    stretch = math.exp(FARTHEST)
    w = origin + direction * (stretch - 1.0)
    g, c = gradient_and_noise(w, k)
    if c <= 0.0:
        return 0  # said by what marches there
    rate = (2.0 * g / eta + (s - 1.0) * noise_slope(w, k)) / c
    # Not a number where the formulas overflow: confining there, if the mass is finite.
    growth = direction * rate * stretch + 1.0
    if growth < -SLOWEST:
        return 3
    return 2 if growth < SLOWEST and growth != 0.0 else 0


@njit(cache=True, error_model="numpy")
def one_sided(start, exit, eta, s, k):
    """E[τ] as mantissa and exponent, relative error, status: one exit, an open end opposite."""
    direction = 1.0 if exit > start else -1.0
    escaping = reached(start, -direction, eta, s, k)
    if escaping != 0:
        return math.nan, 0, math.nan, escaping
    tail = march(start, -direction, math.inf, eta, s, k, 0.0, LOWEST, 0.0)
    if tail[6] != 0:
        return math.nan, 0, math.nan, tail[6]
    known = tail[0] * tail[2]
    walk = march(start, direction, abs(exit - start), eta, s, k, tail[0], tail[1], known)
    if walk[6] != 0:
        return math.nan, 0, math.nan, walk[6]
    return walk[3], walk[4], walk[5] + ROUNDING * FIXED_ROUNDING, 0


@njit(cache=True, parallel=True, error_model="numpy")
def one_sided_times(start, exit, parameters, values, scales, errors, status):
    for i in prange(parameters.shape[0]):
        k = parameters[i]
        eta, theta = eta_and_theta(k)
        values[i], scales[i], errors[i], status[i] = one_sided(
            start[i], exit[i], eta, 1.0 - theta, k
        )
