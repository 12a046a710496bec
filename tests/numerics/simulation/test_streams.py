"""Streams and normals: exactness of the maps by mpmath, statistics with stated false-alarm rates.

Each statistical test rejects a correct generator with probability at most FALSE_ALARM; seeds are
derived from the run's seed and the test's label by `stream_key`.
"""

import math

import mpmath
import numpy as np
import pytest
from numba import njit
from scipy import special, stats

from numerics.errors import ComputationError
from numerics.simulation import streams

FALSE_ALARM = 1e-9
Z_LIMIT = float(stats.norm.isf(FALSE_ALARM / 2))


def words(seed: int, label: int) -> np.ndarray:
    return np.array(streams.stream_key(seed, 1, label), dtype=np.uint64)


@njit
def _xoshiro(s0, s1, s2, s3, count):
    out = np.empty(count, np.uint64)
    for i in range(count):
        out[i], s0, s1, s2, s3 = streams.next_word(s0, s1, s2, s3)
    return out


@njit
def _first_words(key, paths):
    out = np.empty((paths.shape[0], 4), np.uint64)
    for i in range(paths.shape[0]):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = streams.initial_state(key, paths[i])
    return out


@njit
def _map_logarithm(u):
    out = np.empty_like(u)
    for i in range(u.shape[0]):
        out[i] = streams.minus_two_log(u[i])
    return out


@njit
def _map_circle(bits):
    out = np.empty((bits.shape[0], 2))
    for i in range(bits.shape[0]):
        _, out[i, 0], out[i, 1] = streams.polar(np.uint64(0), bits[i])
    return out


def test_xoshiro_matches_its_definition_on_integers():
    """The generator equals the published recurrence, evaluated on Python integers."""
    mask = 2**64 - 1

    def rotate(x: int, k: int) -> int:
        return ((x << k) | (x >> (64 - k))) & mask

    s = [1, 2, 3, 4]
    expected = []
    for _ in range(1000):
        expected.append((rotate((s[0] + s[3]) & mask, 23) + s[0]) & mask)
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
    assert expected[:4] == [41943041, 58720359, 3588806011781223, 3591011842654386]
    a, b, c, d = (np.uint64(i) for i in (1, 2, 3, 4))
    assert [int(x) for x in _xoshiro(a, b, c, d, 1000)] == expected


def test_paths_of_one_key_start_in_different_states():
    """n ↦ s₀(n) is a bijection: neighbours, and indices that differ in high bits only, differ."""
    low = np.arange(200_000, dtype=np.int64)
    paths = np.concatenate([low, low[1:] << 40])
    states = _first_words(words(0, 0), paths)
    assert np.unique(states[:, 0]).size == paths.size
    bits = np.unpackbits(states[: low.size].view(np.uint8)).mean()
    assert abs(bits - 0.5) < Z_LIMIT * 0.5 / math.sqrt(low.size * 256)


def test_keys_depend_on_seed_and_on_every_label():
    keys = [streams.stream_key(*labels) for labels in [(0,), (1,), (0, 0), (0, 1), (0, 0, 0)]]
    flat = [word for key in keys for word in key]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "0"])
def test_a_seed_outside_its_range_is_refused(seed):
    with pytest.raises(ComputationError, match="seed that is an integer from 0"):
        streams.stream_key(seed)


def test_logarithm_is_accurate_from_one_down_to_the_smallest_uniform():
    """Relative error of −2 ln u below 1e-15 (measured 7e-16)."""
    ulp = 2.0**-52
    grid = np.arange(1, 400)
    spread = np.random.default_rng(5).random(2000)
    u = np.concatenate([grid * ulp, 1.0 - grid * ulp, 2.0 ** -np.arange(1.0, 53.0), spread])
    values = _map_logarithm(u)
    with mpmath.workdps(40):
        errors = [abs(mpmath.mpf(float(v)) / (-2 * mpmath.log(mpmath.mpf(float(x)))) - 1)
                  for x, v in zip(u, values, strict=True)]  # fmt: skip
    assert max(errors) < 1e-15
    assert _map_logarithm(np.array([1.0]))[0] == 0.0


def test_circle_is_accurate_and_covers_every_quadrant():
    """Absolute error of cosine and sine below 3e-15 (measured 2.0e-15)."""
    bits = np.random.default_rng(6).integers(0, 2**64, 4000, dtype=np.uint64)
    bits[:4] = [0, 2**64 - 1, 2**63, 1]
    values = _map_circle(bits)
    with mpmath.workdps(40):
        for word, (cosine, sine) in zip(bits.tolist(), values, strict=True):
            v = mpmath.mpf(word >> 12) / 2**52 - mpmath.mpf(1) / 2
            sign = -1 if word & 1 else 1
            assert abs(sign * mpmath.cospi(v) - mpmath.mpf(float(cosine))) < 3e-15
            assert abs(mpmath.sinpi(v) - mpmath.mpf(float(sine))) < 3e-15
    quadrants = {(bool(c > 0), bool(s > 0)) for c, s in values}
    assert len(quadrants) == 4


def chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """The p-value of the observed counts."""
    expected = probabilities * counts.sum()
    return float(stats.chi2.sf(np.sum((counts - expected) ** 2 / expected), counts.size - 1))


def normal_bins() -> tuple[np.ndarray, np.ndarray]:
    """Edges with 62 cells of equal mass inside ±2.5, and tail cells out to 4.75."""
    inner = special.ndtri(np.linspace(special.ndtr(-2.5), special.ndtr(2.5), 63))  # 0 is an edge
    tail = np.array([2.8, 3.1, 3.5, 4.0, 4.75])
    edges = np.concatenate([-tail[::-1], inner, tail])
    # By symmetry the mass of the upper half is that of the lower one, without cancellation.
    lower = np.diff(np.concatenate([[0.0], special.ndtr(edges[edges <= 1e-9])]))
    mass = np.concatenate([lower, lower[::-1]])
    return edges, mass


@pytest.mark.parametrize(("paths", "length"), [(4_000_000, 2), (20, 400_000)])
def test_normals_have_their_law_across_and_along_streams(seed, paths, length):
    """Chi-square on 73 cells with tails to 4.75σ; H0 rejected with probability 1e-9.

    Power: a relative error of 1 % in the standard deviation shifts the statistic by over 600.
    """
    out = np.empty((paths, length))
    streams.normals(words(seed, 2), 0, out)
    edges, mass = normal_bins()
    assert np.isclose(mass.sum(), 1.0, rtol=1e-12)
    counts = np.bincount(np.searchsorted(edges, out.ravel()), minlength=mass.size)
    assert chi_square(counts, mass) > FALSE_ALARM
    scaled = np.bincount(np.searchsorted(edges, 1.01 * out.ravel()), minlength=mass.size)
    assert chi_square(scaled, mass) < FALSE_ALARM


def test_neighbouring_streams_and_draws_are_uncorrelated(seed):
    """Products of z, z² over neighbouring paths and successive draws; 8 tests at 1e-9 each."""
    out = np.empty((500_000, 4))
    streams.normals(words(seed, 3), 10**12, out)
    centred = (out**2 - 1.0) / math.sqrt(2.0)
    for values in (out, centred):
        for left, right in (
            (values[:-1], values[1:]),
            (values[:-64], values[64:]),
            (values[:, :-1], values[:, 1:]),
            (values[:, :-2], values[:, 2:]),
        ):
            product = left * right
            # Fourth moments of z² are heavy: the spread is measured, the count makes it accurate.
            z = product.mean() / product.std() * math.sqrt(product.size)
            assert abs(z) < Z_LIMIT


@pytest.mark.slow
def test_far_tails(seed):
    """Counts beyond 4, 5 and 5.5σ among 4·10⁸ normals are Poisson; false alarm 1e-9 each."""
    total, limits = 0, np.array([4.0, 5.0, 5.5])
    counts = np.zeros(3)
    out = np.empty((4000, 1000))
    key = words(seed, 4)
    for block in range(100):
        streams.normals(key, 4000 * block, out)
        total += out.size
        counts += [(np.abs(out) > limit).sum() for limit in limits]
    expected = 2.0 * total * special.ndtr(-limits)
    for count, mean in zip(counts, expected, strict=True):
        assert stats.poisson.cdf(count, mean) > FALSE_ALARM / 2
        assert stats.poisson.sf(count - 1, mean) > FALSE_ALARM / 2
