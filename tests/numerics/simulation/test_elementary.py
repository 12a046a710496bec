"""Elementary functions of the kernels against mpmath, and where they are put into source text."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf

from numerics.simulation import elementary

DRAWS = 4000


def points(low: float, high: float, logarithmic: bool = False) -> np.ndarray:
    drawn = np.random.default_rng(7).random(DRAWS)
    if logarithmic:
        return np.exp(np.log(low) + drawn * (np.log(high) - np.log(low)))
    return low + drawn * (high - low)


def largest_error(name: str, x: np.ndarray, scale: str) -> float:
    """Largest error, absolute or in units of the exact value or of cosh x."""
    function = getattr(elementary, name)
    worst = 0.0
    with mp.workdps(40):
        for value in x:
            exact = getattr(mp, name)(mpf(float(value)))
            unit = {"absolute": mpf(1), "relative": abs(exact), "cosh": mp.cosh(float(value))}[
                scale
            ]
            worst = max(worst, float(abs(mpf(float(function(value))) - exact) / unit))
    return worst


@pytest.mark.parametrize(
    ("name", "x", "scale", "bound"),
    [
        ("exp", points(-708, 709), "relative", 4e-16),
        ("exp", points(-1, 1), "relative", 4e-16),
        ("log", points(1e-300, 1e300, logarithmic=True), "relative", 1e-15),
        ("log", points(0.5, 2), "relative", 1e-15),
        ("sin", points(-10, 10), "absolute", 3e-15),
        ("sin", points(-1e9, 1e9), "absolute", 3e-15),
        ("cos", points(-10, 10), "absolute", 3e-15),
        ("cos", points(-1e9, 1e9), "absolute", 3e-15),
        ("tanh", points(-30, 30), "absolute", 4e-16),
        ("cosh", points(-100, 100), "relative", 8e-16),
        ("sinh", points(-100, 100), "cosh", 8e-16),
    ],
)
def test_errors(name: str, x: np.ndarray, scale: str, bound: float):
    assert largest_error(name, x, scale) <= bound


def test_powers():
    worst = 0.0
    with mp.workdps(40):
        for x in points(1e-3, 1e3, logarithmic=True)[:1000]:
            for y in (0.5, -1.25, 1 / 3, 7.7):
                exact = mpf(float(x)) ** mpf(y)
                error = float(abs(mpf(float(elementary.power(x, y))) / exact - 1))
                worst = max(worst, error / (abs(y * math.log(x)) + 4))
    assert worst <= 4e-15
    assert elementary.power(0.0, 0.5) == 0.0
    assert elementary.power(0.0, -0.5) == math.inf
    assert math.isnan(elementary.power(-1.0, 0.5))


@pytest.mark.parametrize("name", elementary.FUNCTIONS)
def test_what_is_not_a_number_comes_back(name: str):
    """An exploded state must never look like a finite one."""
    assert math.isnan(getattr(elementary, name)(math.nan))


def test_outside_the_domain():
    assert math.isnan(elementary.log(-1.0))
    assert math.isnan(elementary.log(0.0))
    assert not math.isfinite(elementary.log(math.inf))
    assert math.isnan(elementary.sin(math.inf))


def test_what_overflows_is_infinite():
    """A path that exploded must not come back with a finite state."""
    for x in (709.0, 1e4, 1e300, math.inf):
        assert elementary.exp(x) == math.inf
        assert elementary.cosh(x) == elementary.cosh(-x) == math.inf
        assert elementary.sinh(x) == -elementary.sinh(-x) == math.inf
        assert elementary.tanh(x) == -elementary.tanh(-x) == 1.0
        assert elementary.exp(-x) == 0.0
    assert elementary.power(1e300, 2.0) == math.inf


def test_source_text():
    text = "t1 = math.exp(t0)\nt2 = t1 ** 0.25\nt3 = math.sqrt(t2)\n"
    assert elementary.vectorisable(text) == (
        "t1 = elementary.exp(t0)\nt2 = elementary.power(t1, 0.25)\nt3 = math.sqrt(t2)\n"
    )
