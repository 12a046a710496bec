"""Chebyshev sums by halving, and 𝓛u = λu by power series: the fast parts of the mpmath route."""

from fractions import Fraction

import pytest
import sympy
from mpmath import mp

from numerics import eigenvalues, first_passage, mpmath_route, stationary
from numerics.chebyshev import ChebyshevRule, halving_count
from numerics.lowering import Model, lower_diffusion
from numerics.mpmath_panels import Resolution
from numerics.mpmath_series import Series, State, polynomials

w = sympy.Symbol("w", real=True)


def model(force: object, noise: object, eta: object, theta: object) -> Model:
    return lower_diffusion(
        variable=w,
        gradient=sympy.sympify(force),
        noise=sympy.sympify(noise),
        eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
    )


WELL = model(w**3 - w, 1 + (w**2 - 1) ** 2 / 4, "1/20", 0)


@pytest.mark.parametrize("count", [2, 5, 16, 17, 30, 33, 84, 144])
def test_sums_by_halving_are_the_sums(count: int):
    """e^x: the integrals at every node, to all the bits but those of rounding."""
    bits = 900
    rule = ChebyshevRule(count, bits)
    assert count <= rule.count <= 1.13 * count + 2
    with mp.workprec(bits + 40):
        # A polynomial of the highest degree that the nodes resolve.
        factors = [1 / mp.factorial(k) for k in range(rule.count + 1)][::-1]
        values = [mp.polyval(factors[1:], x) for x in rule.nodes]

        def integral(x: object) -> object:
            return mp.polyval(factors, x) - mp.polyval(factors, -1)

        at_nodes, whole = rule.cumulative(values)
        worst = max(abs(a - integral(x)) for a, x in zip(at_nodes, rule.nodes, strict=True))
        assert max(worst, abs(whole - integral(mp.mpf(1)))) < mp.ldexp(1, 10 - bits)


def test_counts_of_two_resolutions_differ():
    for bits in range(20, 3000):
        first, second = Resolution.pair(bits)
        assert halving_count(first.count) < halving_count(second.count)


@pytest.mark.parametrize("bits", [63, 680])
@pytest.mark.parametrize("rate", ["2", "1e-30", "-40"])
def test_brownian_motion_by_power_series(bits: int, rate: str):
    """D = 1: cosh √λ(x + 3) for λ > 0, and a cosine for λ < 0."""
    resolution = Resolution.pair(bits)[0]
    with mp.workprec(resolution.working_bits):
        series = Series(model(0, 1, 2, 0), resolution)
        root = mp.sqrt(mp.mpf(rate))
        end = series.carry(State(mp.mpf(-3), mp.mpf(1), mp.mpf(0)), mp.mpf(rate), mp.mpf(4))
        exact = mp.re(mp.cosh(7 * root)), mp.re(root * mp.sinh(7 * root))
        for found, wanted in zip((end.u, end.y), exact, strict=True):
            assert abs(found / wanted - 1) < mp.ldexp(1, 4 - bits)


def test_a_flux_that_decays_keeps_its_digits():
    """L = w²/2, D = 1: y = e^(w²/2) solves y' = wy; from −20 to 0 it loses e^200."""
    resolution = Resolution.pair(100)[0]
    with mp.workprec(resolution.working_bits):
        series = Series(model(w, 1, 2, 0), resolution)
        end = series.carry(State(mp.mpf(-20), mp.mpf(1), mp.mpf(1)), mp.mpf(0), mp.mpf(0))
        assert abs(end.y * mp.exp(200) - 1) < mp.ldexp(1, -100)


def test_a_rational_force_and_a_rational_noise():
    """Both routes, at 25 digits, with poles off the axis: force and noise have denominators."""
    made = model(w / (1 + w**2) + w, (2 + w**2) / (1 + w**2), "1/3", "1/2")
    assert polynomials(made) is not None
    options = {"exit_above": Fraction(1, 2), "digits": 25}
    found = mpmath_route.exit_time_laplace(made, Fraction(1, 3), 0, **options)
    exact = first_passage.exit_time_laplace(made, Fraction(1, 3), 0, method="arb", **options)
    assert found.overlaps(exact)
    assert found.certain_digits() >= 25


def test_other_models_have_no_polynomials():
    for force in (sympy.sin(w), sympy.Abs(w), sympy.sqrt(1 + w**2)):
        assert polynomials(model(force, 1, 1, 0)) is None


@pytest.mark.parametrize("digits", [15, 60])
def test_series_and_panels_agree(digits: int, monkeypatch: pytest.MonkeyPatch):
    """The transform without power series, by panels, is the same."""
    run = {"exit_above": 0, "digits": 15}
    by_series = mpmath_route.exit_time_laplace(WELL, 1, -1, **(run | {"digits": digits}))
    monkeypatch.setattr(mpmath_route, "polynomials", lambda model: None)
    by_panels = mpmath_route.exit_time_laplace(WELL, 1, -1, **run)
    assert by_panels.contains(by_series) or by_panels.overlaps(by_series)
    assert by_series.certain_digits() >= digits


def test_transform_and_quantile_by_both_routes():
    """Balls and estimates of forty digits overlap."""
    laplace = {"exit_above": 1, "digits": 40}
    pairs = [
        tuple(
            first_passage.exit_time_laplace(WELL, Fraction(1, 10), -1, method=method, **laplace)
            for method in ("arb", "mpmath")
        ),
        tuple(
            stationary.quantile(WELL, Fraction(3, 4), digits=40, method=method)
            for method in ("arb", "mpmath")
        ),
    ]
    for balls, estimate in pairs:
        assert balls.overlaps(estimate)
        assert estimate.certain_digits() >= 40


@pytest.mark.parametrize("exits", [{}, {"exit_above": 1}], ids=["free", "killed"])
def test_eigenvalues_by_both_routes(exits: dict[str, int]):
    """Beyond 30 digits balls prove a root that is known to all its digits."""
    count = 1 if exits else 2
    balls = eigenvalues.spectrum(WELL, count, digits=33, method="arb", **exits)
    found = eigenvalues.spectrum(WELL, count, digits=40, method="mpmath", **exits)
    for one, other in zip(balls.eigenvalues, found.eigenvalues, strict=True):
        assert one.overlaps(other)
        assert one.certain_digits() >= 33
        assert other.certain_digits() >= 40
