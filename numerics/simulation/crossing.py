"""Within a step: crossings of the exits, and small steps where a whole one would be unstable.

Source text for kernels (`schemes.kernel_function`). `NEAR[watch]` decides, from the ends x, y of a
step, whether a path may have crossed; paths that are near draw a uniform u, and `SETTLE[watch]`
defines `settle`, which decides the crossing (with `may_cross`, a cheap necessary condition that
runs in all lanes at once). `CAREFUL` defines `careful`, a step made of small ones whose size
follows the state.
"""

from __future__ import annotations

REACH = 9.0
"""Crossings of probability below exp(−2·9) = 1.5·10⁻⁸ in one step are left out."""

NEAR = {
    "bridge": "(not ((upper - {x}) * (upper - {y}) > reach * noise_only({x}, CONSTANTS)\n"
    "                and ({x} - lower) * ({y} - lower) > reach * noise_only({x}, CONSTANTS)))",
    "grid": "(not ({y} < upper and {y} > lower))",
}

CALM = "({x} > calm_low and {x} < calm_high)"

SETTLE = {
    "bridge": '''
@njit(forceinline=True, error_model="numpy")
def distance(x, y, eta, CONSTANTS):
    """Lamperti distance between two states, by Simpson's rule."""
    ends = 1.0 / math.sqrt(noise_only(x, CONSTANTS)) + 1.0 / math.sqrt(noise_only(y, CONSTANTS))
    middle = 4.0 / math.sqrt(noise_only(0.5 * (x + y), CONSTANTS))
    return abs(y - x) * (ends + middle) / (6.0 * math.sqrt(eta))


@njit(forceinline=True, error_model="numpy")
def may_cross(x, y, u, lower, upper, h, eta, CONSTANTS):
    """Whether u lets the bridge cross: a bound by the largest noise, without square roots.

    A crossing needs 2 d₀ d₁ / h <= −ln u; distances in units of the largest noise on the way are
    the shortest, and a quarter is added for noise that peaks between the three points.
    """
    c = max(noise_only(x, CONSTANTS), noise_only(y, CONSTANTS))
    allowance = 0.3125 * eta * h * minus_two_log(u)
    # An infinite bound has an infinite distance: its noise must not be looked at.
    at_upper = noise_only(upper if upper < math.inf else x, CONSTANTS)
    at_lower = noise_only(lower if lower > -math.inf else x, CONSTANTS)
    over = (upper - x) * (upper - y) <= allowance * max(c, at_upper)
    under = (x - lower) * (y - lower) <= allowance * max(c, at_lower)
    return over | under | (not (x - x == y - y))


@njit(error_model="numpy")
def first_touch(near, far, h, s0, s1, s2, s3):
    """Time at which a bridge that crosses does so, and the stream after it."""
    first, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    second, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    third, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
    square, cosine, _ = polar(first, second)
    chi = square * cosine * cosine
    shape = near * near / h
    if far > 1e-6 * near:
        mean = near / far
        root = math.sqrt(4.0 * mean * shape * chi + mean * mean * chi * chi)
        ratio = 2.0 * mean * shape / (2.0 * shape + mean * chi + root)
        if uniform(third) * (mean + ratio) > mean:
            ratio = mean * mean / ratio
    else:
        ratio = shape / max(chi, 1e-300)
    return h * ratio / (1.0 + ratio), s0, s1, s2, s3


@njit(error_model="numpy")
def settle(x, y, u, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS):
    """Side and time of a crossing between the ends of one step, and the stream after it."""
    if not (x > -math.inf and y > -math.inf and x < math.inf and y < math.inf):
        return 2, 0.0, s0, s1, s2, s3
    side = 0
    near = far = above = 0.0
    if upper < math.inf:
        near = distance(x, upper, eta, CONSTANTS)
        far = distance(y, upper, eta, CONSTANTS)
        above = 1.0 if y >= upper else math.exp(-2.0 * near * far / h)
        if u <= above:
            side = 1
    if side == 0 and lower > -math.inf:
        near = distance(x, lower, eta, CONSTANTS)
        far = distance(y, lower, eta, CONSTANTS)
        below = 1.0 if y <= lower else math.exp(-2.0 * near * far / h)
        if u <= above + below:
            side = -1
    if side == 0:
        return 0, 0.0, s0, s1, s2, s3
    when, s0, s1, s2, s3 = first_touch(near, far, h, s0, s1, s2, s3)
    return side, when, s0, s1, s2, s3
''',
    "grid": '''
@njit(error_model="numpy")
def settle(x, y, u, lower, upper, h, eta, s0, s1, s2, s3, CONSTANTS):
    """Side of a grid point outside, its time within the step (the end), the stream unchanged."""
    if y < upper and y > lower:
        return 0, 0.0, s0, s1, s2, s3
    side = 2
    if y > -math.inf and y < math.inf:
        side = 1 if y >= upper else -1
    return side, h, s0, s1, s2, s3
''',
}

CAREFUL = '''@njit(error_model="numpy")
def calm_step(x, ARGUMENTS):
    """A step size at which the linearised drift and noise at x are far from instability."""
    d = 1e-5 * (1.0 + abs(x))
    g_up, c_up, s_up = model(x + d, CONSTANTS)
    g_down, c_down, s_down = model(x - d, CONSTANTS)
    drift = abs(te * (s_up - s_down) - (g_up - g_down)) / (2.0 * d)
    slope = (c_up - c_down) / (2.0 * d)
    rate = drift + 0.25 * eta * slope * slope / noise_only(x, CONSTANTS)
    return 0.25 / rate if rate > 0.0 else math.inf

@njit(error_model="numpy")
def careful(x, lower, upper, h, s0, s1, s2, s3, ARGUMENTS):
    """One step where drift and noise are steep: small steps whose size follows the state."""
    elapsed = 0.0
    while elapsed < h:
        dt = max(calm_step(x, ARGUMENTS), 1e-9 * h)
        if elapsed + dt >= h * (1.0 - 1e-9):
            dt = h - elapsed
        one, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        two, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        square, cosine, _ = polar(one, two)
        y = step(x, dt, square, cosine, ARGUMENTS)
        third, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        u = uniform(third)
        side, when, s0, s1, s2, s3 = settle(
            x, y, u, lower, upper, dt, eta, s0, s1, s2, s3, CONSTANTS
        )
        if side != 0:
            return y, side, elapsed + when, s0, s1, s2, s3
        x = y
        elapsed += dt
    return x, 0, h, s0, s1, s2, s3


'''
