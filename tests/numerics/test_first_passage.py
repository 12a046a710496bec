"""Exit times against exact answers, against themselves at twice the digits, and under traps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy
from certified_models import (
    DOUBLE_WELL_TO_SADDLE,
    brownian,
    from_gradient,
    model,
    ornstein_uhlenbeck,
    power_law_double_well,
    w,
)
from flint import arb, ctx, fmpq
from mpmath import mp

from numerics.core import Point
from numerics.enclosure import Enclosure
from numerics.errors import (
    ComputationError,
    InfiniteAtZero,
    InfiniteMean,
    PrecisionCapReached,
)
from numerics.first_passage import (
    exit_probability,
    exit_time_laplace,
    exit_time_moment,
    mean_exit_time,
)
from numerics.lowering import lower_constant

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def holds(enclosure: Enclosure, value: object, digits: int = 15) -> bool:
    """Whether a narrow enclosure holds the value, given as a Fraction or an mpmath number.

    An mpmath number may be off by 10^-45 of itself: it is computed with 50 digits.
    """
    if enclosure.certain_digits() < digits:
        return False
    if isinstance(value, Fraction):
        return enclosure.lower <= value <= enclosure.upper
    exact = Fraction(str(mp.nstr(value, 49)))
    slack = abs(exact) / 10**45
    return enclosure.lower - slack <= exact <= enclosure.upper + slack


# --- exact answers -------------------------------------------------------------------------------


def test_brownian_exits() -> None:
    """D = 1 on (0, 1) from 1/3: τ = x(1−x)/2, E τ² = (x − 2x³ + x⁴)/12·…, P = x."""
    x = THIRD
    ends = {"exit_below": 0, "exit_above": 1, "method": "arb"}
    assert holds(mean_exit_time(brownian(), x, **ends), x * (1 - x) / 2)
    assert holds(exit_probability(brownian(), x, **ends), x)
    # m₂'' = −2 m₁, m₂(0) = m₂(1) = 0
    second = (x**4 - 2 * x**3 + x) / 12
    assert holds(exit_time_moment(brownian(), 2, x, **ends), second)


def test_brownian_with_a_wall() -> None:
    """Reflecting at 0, exit at 1: τ = (1 − x²)/2."""
    value = mean_exit_time(brownian(), THIRD, exit_above=1, reflect_below=0, method="arb")
    assert holds(value, (1 - THIRD**2) / 2)
    mirror = mean_exit_time(brownian(), -THIRD, exit_below=-1, reflect_above=0, method="arb")
    assert holds(mirror, (1 - THIRD**2) / 2)


@pytest.mark.parametrize("theta", [0, "1/3", 1])
def test_ornstein_uhlenbeck_passage(theta: object) -> None:
    """τ(0 → 1) = √(π/2) ∫₀¹ erfc(−y/√2) e^(y²/2) dy, for every θ: the noise is constant."""
    value = mean_exit_time(model("w**2/2", 1, 2, theta), 0, exit_above=1, digits=30, method="arb")
    with mp.workdps(50):
        exact = mp.sqrt(mp.pi / 2) * mp.quad(
            lambda y: mp.erfc(-y / mp.sqrt(2)) * mp.exp(y**2 / 2), [0, 1]
        )
        assert holds(value, exact, 30)


@pytest.mark.parametrize("digits", [15, 50, 120])
def test_double_well_to_the_saddle(digits: int) -> None:
    """The audited value, at every precision."""
    value = mean_exit_time(power_law_double_well(), -1, exit_above=0, digits=digits, method="arb")
    assert value.certain_digits() >= digits
    reference = Fraction(DOUBLE_WELL_TO_SADDLE)
    assert value.lower <= reference + Fraction(1, 10**33)
    assert value.upper >= reference


def test_two_sided_exit_is_the_flux_weighted_sum() -> None:
    """Mirroring the model mirrors the answer, and the two exits share the probability."""
    tilted = model("(w**2-1)**2/4 + w/5", "1 + w**2/3 + w/4", "1/5", "1/4")
    mirrored = model("(w**2-1)**2/4 - w/5", "1 + w**2/3 - w/4", "1/5", "1/4")
    there = mean_exit_time(tilted, 0, exit_below=-1, exit_above=2, method="arb")
    back = mean_exit_time(mirrored, 0, exit_below=-2, exit_above=1, method="arb")
    assert there.overlaps(back)
    above = exit_probability(tilted, 0, exit_below=-1, exit_above=2, method="arb")
    below = exit_probability(mirrored, 0, exit_below=-2, exit_above=1, method="arb")
    assert above.lower + below.lower <= 1 <= above.upper + below.upper


def test_moments_of_both_kinds_agree_with_the_transform() -> None:
    """E e^(−λτ) = 1 − λ m₁ + λ² m₂/2 − …, between two consecutive partial sums."""
    tilted = model("(w**2-1)**2/4 + w/5", "1 + w**2/3", "1/2", "1/2")
    for ends in ({"exit_above": 1}, {"exit_above": 1, "exit_below": -2}):
        rate = Fraction(1, 1000)
        transform = exit_time_laplace(tilted, rate, 0, method="arb", digits=20, **ends)
        m = [exit_time_moment(tilted, n, 0, method="arb", digits=20, **ends) for n in (1, 2, 3)]
        upper = 1 - rate * m[0].lower + rate**2 * m[1].upper / 2
        lower = 1 - rate * m[0].upper + rate**2 * m[1].lower / 2 - rate**3 * m[2].upper / 6
        assert lower <= transform.lower
        assert transform.upper <= upper
        # A false neighbour: without the factor 1/2 of the second moment the bound fails.
        assert transform.upper < 1 - rate * m[0].upper + rate**2 * m[1].lower


def test_laplace_transform_by_recurrence_and_by_neumann_series(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rational models are solved by a recurrence: the series for any model gives the same."""
    well = model(w**4 / 4 - w**2 / 2, 1 + w**2 / 2, Fraction(1, 4), Fraction(1, 3))
    options = {"exit_above": 0, "digits": 25, "method": "arb"}
    quick = exit_time_laplace(well, 2, -1, **options)  # type: ignore[arg-type]
    monkeypatch.setattr("numerics.recurrence.linear_pair", lambda _: None)
    slow = exit_time_laplace(well, 2, -1, **options)  # type: ignore[arg-type]
    assert quick.overlaps(slow)
    assert quick.certain_digits() >= 25
    other = exit_time_laplace(well, Fraction(21, 10), -1, **options)  # type: ignore[arg-type]
    assert not other.overlaps(quick)


def test_laplace_transform_of_brownian_exit() -> None:
    """cosh(√λ (x − 1/2))/cosh(√λ/2) with two exits, cosh(√λ x)/cosh √λ with a wall at 0."""
    with mp.workdps(50):
        for rate in (Fraction(1, 7), Fraction(30)):
            root, x = mp.sqrt(mp.mpf(rate.numerator) / rate.denominator), mp.mpf(1) / 3
            two = exit_time_laplace(
                brownian(), rate, THIRD, exit_above=1, exit_below=0, method="arb", digits=25
            )
            assert holds(two, mp.cosh(root * (x - mp.mpf(1) / 2)) / mp.cosh(root / 2), 25)
            wall = exit_time_laplace(
                brownian(), rate, THIRD, exit_above=1, reflect_below=0, method="arb", digits=25
            )
            assert holds(wall, mp.cosh(root * x) / mp.cosh(root), 25)


def test_inverse_gamma_law_has_a_natural_boundary() -> None:
    """C = (1+w)² has no noise at −1: only (−1, ∞) is used, and τ(0 → 1) = 6.2375 exactly."""
    degenerate = model("w**2/2", "(1+w)**2", "1/2")
    value = mean_exit_time(degenerate, 0, exit_above=1, digits=25, method="arb")
    # With z = 1 + w: ∫₁² 4 z⁴ e^(4/z) ∫₀^z z'^(−6) e^(−4/z') dz' dz, elementary term by term.
    with mp.workdps(50):
        exact = mp.quad(
            lambda z: (
                4
                * z**4
                * sum(
                    mp.factorial(4) / mp.factorial(k) * mp.mpf(4) ** (k - 5) * z ** (-k)
                    for k in range(5)
                )
            ),
            [1, 2],
        )
        assert holds(value, exact, 25)


def test_a_logarithm_at_a_zero_of_the_noise_is_no_expansion() -> None:
    """L' = log w, C = w: log-normal mass, τ(1 → 3) = 34.576180…, was certified as 45.61."""
    made = model("w*log(w) - w", "w", "1/2")
    with pytest.raises(ComputationError, match="can be decided"):
        mean_exit_time(made, 1, exit_above=3, digits=6, method="arb")
    # A quotient of series that begin with 0 ended in an internal error.
    with pytest.raises(ComputationError, match="grows without bound"):
        mean_exit_time(
            model("w - 2*log(w)", "w*log(1 + 1/w)", "1/2"), 2, exit_above=3, digits=6, method="arb"
        )


# --- scale ---------------------------------------------------------------------------------------


def test_enormous_barriers_keep_their_digits() -> None:
    """η → η/10⁴ raises τ to e^(10⁵): Kramers' time agrees to its own first order, O(η)."""
    value = mean_exit_time(model("(w**2-1)**2/4", 1, "1/200000"), -1, exit_above=1, method="arb")
    assert value.certain_digits() >= 15
    with mp.workdps(60):
        kramers = 2 * mp.pi / mp.sqrt(2) * mp.exp(mp.mpf(100000))
        ratio = mp.mpf(value.lower.numerator) / value.lower.denominator / kramers
        assert 0 < ratio - 1 < mp.mpf("1e-4")


@pytest.mark.parametrize("eta", ["1/20", "1/2000"])
def test_twice_the_digits_lie_inside(eta: str) -> None:
    tilted = model("(w**2-1)**2/4 + w/10", "1 + w**2/3", eta, "1/4")
    rough = mean_exit_time(tilted, -1, exit_above=1, digits=12, method="arb")
    fine = mean_exit_time(tilted, -1, exit_above=1, digits=40, method="arb")
    assert rough.contains(fine)
    assert fine.certain_digits() >= 40


# --- traps ---------------------------------------------------------------------------------------

SMOOTH_TRAPS = {
    "pole-near-the-path": ("(w**2-1)**2/4", "1/10000 + (w-1/3)**2", "1/2", 0, 1),
    "branch-point-near-the-path": ("w**2/2", "sqrt(1/100 + w**2)", "1/2", -1, 1),
    "exponential-noise": ("w**2/2", "1 + exp(-w**2)/2", "1/5", -1, 1),
    "oscillating-noise": ("(w**2-1)**2/4", "1 + sin(w)**2", "1/5", -1, 1),
    "no-closed-exponent": ("(w**2-1)**2/4 + sin(5*w)/20", "2 + tanh(w)", "1/4", -1, 1),
    "fast-growing-loss": ("cosh(w)", "1", "1/2", 0, 1),
}


@pytest.mark.parametrize("name", SMOOTH_TRAPS)
def test_smooth_traps_against_nested_quadrature(name: str) -> None:
    """The double integral by quadrature of a general program, split where it is hard."""
    loss, noise, eta, start, stop = SMOOTH_TRAPS[name]
    trap = model(loss, noise, eta)
    value = mean_exit_time(trap, start, exit_above=stop, digits=15, method="arb")
    reference = _nested(trap, start, stop)
    assert value.certain_digits() >= 15
    # The reference is good to 9 digits or better in each case.
    assert abs(float(value) / reference - 1) < 1e-8


def _nested(trap, start: float, stop: float) -> float:
    """τ by an ODE for (Φ, P, T) in double precision: SciPy, nothing of ours but the formulas."""
    import numpy as np
    from scipy.integrate import solve_ivp

    from numerics.evaluators import numpy_function

    gradient, noise = numpy_function(trap.gradient), numpy_function(trap.noise)
    slope = numpy_function(trap.noise_slope)
    eta = float(numpy_function(trap.eta)()[0])
    theta = float(numpy_function(trap.theta)()[0])

    # v = dτ/dx to the right: D v' + (−L' + θD')v = 1, started far left where it hardly matters.
    def right_side(x, y):
        c = float(np.asarray(noise(x)[0]))
        drift = (
            -float(np.asarray(gradient(x)[0])) + theta * eta * float(np.asarray(slope(x)[0])) / 2
        )
        return [2 / (eta * c) * (1 - drift * y[0]), y[0]]

    left = -6.0
    options = {"rtol": 1e-11, "atol": 1e-13, "method": "LSODA"}
    first = solve_ivp(right_side, (left, start), [0.0, 0.0], **options)
    second = solve_ivp(right_side, (start, stop), [first.y[0, -1], 0.0], **options)
    return float(second.y[1, -1])


SWITCHING = {
    "abs": (sympy.Abs(w), 1, "1/2", Fraction(-1, 2), 1),
    "kink-at-an-unmarked-point": (sympy.Abs(w - sympy.Rational(1, 3)), 1, "1/2", 0, 1),
    "irrational-kink": (sympy.Abs(w**2 - 2) + w**4, 1, "1/2", 0, 2),
    "abs-in-the-noise": (w**2 / 2, 1 + sympy.Abs(w), "1/2", Fraction(-1, 2), 1),
    "nested-abs": (w**2 / 2 + sympy.Abs(sympy.Abs(w) - 1) / 2, 1, "1/2", 0, 2),
    "piecewise-loss": (
        sympy.Piecewise((w**2 / 2, w < 0), (w**2, True)),
        1,
        "1/2",
        Fraction(-1, 2),
        1,
    ),
}


@pytest.mark.parametrize("name", SWITCHING)
def test_switching_models_against_the_equation(name: str) -> None:
    loss, noise, eta, start, stop = SWITCHING[name]
    trap = model(loss, noise, eta)
    value = mean_exit_time(trap, start, exit_above=stop, digits=15, method="arb")
    assert value.certain_digits() >= 15
    assert abs(float(value) / _nested(trap, float(start), float(stop)) - 1) < 1e-6


def test_a_jump_of_the_noise_follows_the_interpretation() -> None:
    """C = 1 below 0, 2 above, no drift, walls at ∓1: p ∝ C^(−s) on each side, in closed form."""
    for theta in (0, HALF, 1):
        jump = from_gradient(0, sympy.Piecewise((1, w < 0), (2, True)), 2, theta)
        value = mean_exit_time(jump, -HALF, exit_above=1, reflect_below=-1, digits=15, method="arb")
        s = 1 - theta
        # P(y) = y + 1 below 0, 1 + 2^(−s) y above; the scale density is C^(s−1).
        with mp.workdps(50):
            two = mp.mpf(2)
            below = mp.quad(lambda y: y + 1, [-0.5, 0])
            power = two ** (-mp.mpf(s.numerator) / s.denominator) if s else mp.mpf(1)
            above = mp.quad(lambda y, power=power: (1 + power * y) / (2 * power), [0, 1])
            assert holds(value, below + above)


def test_endpoint_singularity_is_right_or_an_honest_error() -> None:
    """C = √(1 + w) vanishes at the wall: refused by name; away from it the branch point is seen."""
    cut = model("w**2/2", "sqrt(1 + w)", "1/2")
    with pytest.raises(ComputationError, match="zero of C at -1"):
        mean_exit_time(cut, 0, exit_above=1, reflect_below=-1, method="arb")
    near = Fraction(-99, 100)
    value = mean_exit_time(cut, 0, exit_above=1, reflect_below=near, method="arb")
    assert value.certain_digits() >= 15


# --- what does not exist -------------------------------------------------------------------------


def test_infinite_means_are_decided_with_their_reason() -> None:
    with pytest.raises(InfiniteMean, match="mass is infinite"):
        mean_exit_time(brownian(), 0, exit_above=1, method="arb")
    cubic = model("w**2/2 - w**3/3", 1, "1/10")
    with pytest.raises(InfiniteMean):
        mean_exit_time(cubic, 0, exit_below=-2, method="arb")
    # dτ = ∞ at an end that is reached: C = 1 + w⁴ in Ito's sense, without drift, has finite mass
    # and divergent scale; pushed outward the scale converges.
    assert mean_exit_time(from_gradient(0, "1 + w**4", 2), 0, exit_above=1, method="arb")
    with pytest.raises(InfiniteMean, match="cannot reach"):
        mean_exit_time(from_gradient("-2*w*(1+w**2)", "1 + w**4", 2), 0, exit_above=1, method="arb")


def test_cubic_loss_has_a_time_over_its_saddle() -> None:
    """L = w²/2 − w³/3 has no normalisable law, yet a good exit time."""
    cubic = model("w**2/2 - w**3/3", 1, "1/10")
    value = mean_exit_time(cubic, 0, exit_above=2, digits=15, method="arb")
    assert str(value.decimals(15)[0]).startswith("196.061729826974")


@pytest.mark.parametrize(
    ("arguments", "ends", "message"),
    [
        (("w**2/2", "w**2", 1), {"start": -1, "exit_above": 1}, "zero of C at 0"),
        (("w**2/2", "1 - w**2", 1), {"start": 0, "exit_above": 2}, "zero of C at 1"),
        (("w**2/2", "-1", 1), {"start": 0, "exit_above": 2}, "C = -1"),
        (("w**2/2", "1", 1), {"start": 2, "exit_above": 1}, "strictly inside"),
        (("w**2/2", "1", 1), {"start": 1, "exit_above": 1}, "strictly inside"),
        (("w**2/2", "1", 1), {"start": 1}, "at least one exit"),
        (("w**2/2", "1", -1), {"start": 0, "exit_above": 1}, "positive finite η"),
        (("w**2/2", "1", 0), {"start": 0, "exit_above": 1}, "positive finite η"),
        (("w**2/2", "1", 1, 2), {"start": 0, "exit_above": 1}, "interpretation θ"),
        (("1/w**2 + w**2", "1", 1), {"start": -1, "exit_above": 1}, "singularity near|zero"),
        (("w**2/2", "1 + sqrt(1 - w)", 1), {"start": 0, "exit_above": 1}, "the end 1 itself"),
        (
            ("w**2/2 - sqrt(w)", "1", 1),
            {"start": 1, "reflect_below": 0, "exit_above": 2},
            "the end 0",
        ),
    ],
)
def test_bad_input_is_named(arguments: tuple, ends: dict, message: str) -> None:
    start = ends.pop("start")
    with pytest.raises(ComputationError, match=message):
        mean_exit_time(model(*arguments), start, method="arb", **ends)


@pytest.mark.parametrize("digits", [0, -3, 10**7])
def test_hopeless_digits_are_refused_early(digits: int) -> None:
    with pytest.raises(ComputationError, match="digits"):
        mean_exit_time(ornstein_uhlenbeck(), 0, exit_above=1, digits=digits, method="arb")


def test_an_essential_singularity_on_the_path_is_refused() -> None:
    trap = from_gradient(w * sympy.sin(1 / w), 1, 1)
    with pytest.raises((ComputationError, PrecisionCapReached)):
        mean_exit_time(trap, -1, exit_above=1, reflect_below=-2, method="arb")


def test_a_start_that_doubles_do_not_tell_from_its_exit_is_named() -> None:
    start = Fraction(10**40 - 1, 10**40)
    with pytest.raises(ComputationError, match="at the distance 1e-40"):
        mean_exit_time(brownian(), start, exit_above=1, exit_below=-1)


def test_irrational_points_are_exact() -> None:
    """From 1/√2 between ±√2: τ = (2 − x²)/2 = 3/4 for D = 1."""
    start, end = lower_constant(1 / sympy.sqrt(2)), lower_constant(sympy.sqrt(2))
    below = lower_constant(-sympy.sqrt(2))
    value = mean_exit_time(
        brownian(), start, exit_below=below, exit_above=end, digits=40, method="arb"
    )
    assert holds(value, Fraction(3, 4), 40)


@pytest.mark.parametrize("digits", [15, 30, 60])
def test_a_second_moment_with_an_eta_that_is_no_binary_fraction(digits: int) -> None:
    """Time in units of 63/250: η becomes 2, the stiffness 5/9, and E τ² is divided by (250/63)²."""
    unit = Fraction(250, 63)
    decimal = model("7*w**2/100", 1, "63/125", 1)
    binary = model("5*w**2/18", 1, 2, 1)
    values = [
        exit_time_moment(m, 2, -1, exit_above=1, digits=digits, method="arb")
        for m in (decimal, binary)
    ]
    assert min(v.certain_digits() for v in values) >= digits
    assert values[0].lower <= unit**2 * values[1].upper
    assert unit**2 * values[1].lower <= values[0].upper


@pytest.mark.parametrize("theta", [0, "49/250"])
def test_a_second_moment_under_a_quartic_noise(theta: object) -> None:
    quartic = model("429*w**2/1000", "1097*(w**2 - 1)**2/4000 + 1", "34/125", theta)
    coarse, fine = (
        exit_time_moment(quartic, 2, -1, exit_above=1, digits=d, method="arb") for d in (15, 30)
    )
    assert coarse.contains(fine)
    other = exit_time_moment(quartic, 2, -1, exit_above=1, digits=15, method="mpmath")
    assert not fine.excludes(other)


def test_an_astronomic_barrier_keeps_its_digits() -> None:
    """η = 10^-12: τ is Kramers' 2π/√2 e^(2ΔL/η) (1 + c₁η + …), a number of 2·10^11 figures."""
    eta = Fraction(1, 10**12)
    value = mean_exit_time(model("(w**2-1)**2/4", 1, eta), -1, exit_above=1, method="arb")
    with ctx.workprec(200):
        kramers = arb.pi() * arb(2).sqrt() * arb(fmpq(1, 2) * 10**12).exp()
        # The well: 5·36/(24·8) − 6/(8·4) = 3/4, halved by C(a)/2; the saddle: 6/8, likewise.
        predicted = arb(3) / 4 * arb(fmpq(1, 10**12))
        assert abs(value.arb / kramers - 1 - predicted) < 1e-14
    assert value.certain_digits() >= 15
    assert value.decimals(15)[0].endswith("e217147240952")


@pytest.mark.parametrize("eta", ["1/10**21", "1/10**300"])
def test_a_barrier_beyond_doubles_is_named(eta: str) -> None:
    with pytest.raises(ComputationError, match="larger η"):
        mean_exit_time(model("(w**2-1)**2/4", 1, eta), -1, exit_above=1, method="arb")


@pytest.mark.parametrize("flatness", [10**5, 6 * 10**9, 10**30])
def test_a_nearly_constant_noise_costs_no_more_than_a_constant_one(flatness: int) -> None:
    """The power law begins at |w| = √flatness, where a Gaussian has long decayed."""
    flat = model("w**2/2", 1 + w**2 / flatness, "1/10")
    value = mean_exit_time(flat, 0, exit_above=1, method="arb")
    limit = mean_exit_time(model("w**2/2", 1, "1/10"), 0, exit_above=1, method="arb")
    assert value.lower < limit.upper
    assert abs(value.middle / limit.middle - 1) < Fraction(40, flatness) + Fraction(1, 10**14)


def test_a_steep_loss_over_a_slowly_growing_noise() -> None:
    """The tail's expansion begins at |w| = 12; the density is e^-1000 at 3."""
    steep = model("149*w**6/1000 - 133*w**2/2000", "7*w**2/500 + w/10 + 1", "39/200", "133/3000")
    value = mean_exit_time(steep, -1, exit_above=1)
    assert value.certain_digits() >= 15


@pytest.mark.parametrize("digits", [15, 60])
def test_an_irrational_zero_that_is_just_out_of_reach(digits: int) -> None:
    """L = 0, C = 2 − w², anti-Ito: the scale diverges like a logarithm, exponent 0 exactly.

    τ(0 → 1) = (2/η) ∫_0^1 dy/(√2 − y) = (2/η) log(√2/(√2 − 1)).
    """
    value = mean_exit_time(
        model("0", "2 - w**2", "1/10", 1), 0, exit_above=1, digits=digits, method="arb"
    )
    with mp.workdps(80):
        exact = 20 * mp.log(mp.sqrt(2) / (mp.sqrt(2) - 1))
    assert holds(value, exact, digits)


def test_zeros_of_the_noise_by_both_routes() -> None:
    for loss, noise, theta, start, end in (
        ("w**2/2", "2 - w**2", 0, 0, 1),
        ("w**3/3 - w**2/2", "w", 1, 1, 2),
        ("w**3/3 - w**2/2", "w**2", "1/2", 1, 2),
        ("w - log(w)", "w**2", 0, 1, 2),
    ):
        value = mean_exit_time(model(loss, noise, "1/10", theta), start, exit_above=end)
        assert value.certain_digits() >= 15


def test_a_reached_or_absorbing_zero_has_no_exit_time() -> None:
    population = ("w**3/3 - w**2/2", "w", "1/10")
    with pytest.raises(InfiniteAtZero, match="zero 0 of C"):
        mean_exit_time(model(*population, 0), 1, exit_above=2, method="arb")
    for method in ("arb", "mpmath"):
        with pytest.raises(ComputationError, match="cannot reach"):
            mean_exit_time(model(*population, "1/2"), 1, exit_above=2, method=method)


def test_an_end_next_to_a_branch_point() -> None:
    """What the error advises works, and converges: √(1 + w) from −1 + 10^-7 and 10^-9 on."""
    rooted = model("w**2/2 + sqrt(1 + w)", 1, "1/2")
    times = [
        mean_exit_time(
            rooted, 0, exit_below=Fraction(1, 10**k) - 1, exit_above=1, digits=15, method="arb"
        )
        for k in (7, 9)
    ]
    assert abs(times[0].middle / times[1].middle - 1) < Fraction(1, 10**6)
    assert times[0].upper < times[1].lower


# --- switches and zeros at the ends --------------------------------------------------------------


ROOT_TWO = lower_constant(sympy.sqrt(2))


@pytest.mark.parametrize(
    ("loss", "noise", "start", "end", "same"),
    [
        ("abs(w - 1/3)", 1, 0, THIRD, "1/3 - w"),
        ("abs(w - sqrt(2))", 1, 0, ROOT_TWO, "sqrt(2) - w"),
        ("abs(w**2 - 2) + w**4/9", 1, ROOT_TWO, 2, None),
        ("piecewise(w**2/2, w < sqrt(2), 1 + sqrt(2)*(w - sqrt(2)))", 1, 0, ROOT_TWO, "w**2/2"),
        ("w**2/2", "piecewise(1, w < 1/3, 2)", 0, THIRD, None),
        ("w**2/2 + abs(exp(w) - 1)", 1, -1, 0, "w**2/2 + 1 - exp(w)"),
        ("w**2/2 + abs(log(1 + w**2) - log(2))", 1, 0, 1, None),
    ],
)
def test_a_switch_at_an_end(loss: str, noise: object, start: Point, end: Point, same: str | None):
    """The model goes on as it began, as far as the passage can tell; more digits lie inside."""
    values = [
        mean_exit_time(model(loss, noise, "1/2"), start, exit_above=end, digits=digits)
        for digits in (15, 30)
    ]
    assert values[0].contains(values[1])
    if same is not None:
        other = mean_exit_time(
            model(same, noise, "1/2"), start, exit_above=end, digits=20, method="arb"
        )
        assert values[0].overlaps(other)


def test_a_piecewise_noise_that_jumps_at_the_exit():
    jumping = model("w**2/2", "piecewise(1, w < 1/3, 2)", "1/2")
    plain = model("w**2/2", 1, "1/2")
    one, other = (
        mean_exit_time(law, 0, exit_above=THIRD, digits=25, method="arb")
        for law in (jumping, plain)
    )
    assert one.overlaps(other)


@pytest.mark.parametrize(
    ("noise", "zero"),
    [
        ("1 - cos(w) + w**2", "near 0"),
        ("sin(w)", "near 0"),
        ("abs(w)", "near 0"),
        ("exp(w) - 1", "near 0"),
        ("(exp(w) - 2)**2", "near 0.693147"),
    ],
)
def test_a_zero_of_a_noise_that_is_not_rational_is_named(noise: str, zero: str):
    with pytest.raises(ComputationError, match=zero):
        mean_exit_time(model("w**2/2", noise, "1/2"), 1, exit_above=2)
    inside = mean_exit_time(
        model("w**2/2", noise, "1/2"), 1, exit_above=2, reflect_below=Fraction(9, 10), digits=10
    )
    assert inside.certain_digits() >= 10


def test_a_noise_below_all_doubles_is_no_zero():
    value = mean_exit_time(
        model("w**2/2", "1/10**9 + exp(-w**2)", "1/2"), 0, exit_above=1, digits=10, method="arb"
    )
    assert value.certain_digits() >= 10


def _power_of_half(drift: float) -> Any:
    """2^−a of the exit at 1 from 1/2 under `dw = μw dt + w/2 dB`: a(a − 1)/8 + μa = 1, a > 0."""
    b = 8 * mp.mpf(drift) - 1
    return mp.mpf(2) ** -((-b + mp.sqrt(b**2 + 32)) / 2)


@pytest.mark.parametrize("method", ["arb", "mpmath"])
@pytest.mark.parametrize(
    ("loss", "noise", "exact"),
    [
        ("0", "1", lambda: mp.exp(-mp.sqrt(2))),
        ("w", "1", lambda: mp.exp(-2 * (1 + mp.sqrt(1.5)))),
        ("-w", "1", lambda: mp.exp(-2 * (mp.sqrt(1.5) - 1))),
        ("w**2/4", "w**2", lambda: _power_of_half(-0.5)),
        ("-w**2/4", "w**2", lambda: _power_of_half(0.5)),
    ],
    ids=["brownian", "away", "towards", "geometric", "geometric-upwards"],
)
def test_laplace_transform_of_paths_that_may_never_leave(loss, noise, exact, method):
    """η = 1/4, from 1/2 to 1 at rate 1: Brownian and geometric Brownian motion, closed forms."""
    made = model(loss, noise, "1/4")
    found = exit_time_laplace(made, 1, HALF, exit_above=1, digits=20, method=method)
    with mp.workdps(60):
        assert holds(found, exact(), 20)


def test_laplace_transform_where_what_happens_far_out_decides():
    """Noise like w⁴, Stratonovich: infinity is reached and left again in finite time."""
    made = model("0", "1 + w**4", "1/4", "1/2")
    with pytest.raises(ComputationError, match="ever longer to reach"):
        exit_time_laplace(made, 1, Fraction(1, 2), exit_above=1, method="arb")


@pytest.mark.parametrize(
    ("loss", "noise", "theta", "eta"),
    [("-abs(w)**3/2", "1 + log(1 + w**2)", 0, 2), ("w**2/2 + abs(w)", "1", 0, "1/2")],
    ids=["explosive", "returning"],
)
def test_laplace_transforms_by_both_routes_through_a_kink(loss, noise, theta, eta) -> None:
    """Where paths explode on the far side, those count as 0, by both routes."""
    made = model(loss, noise, eta, theta)
    assert exit_time_laplace(made, 1, HALF, exit_above=1).certain_digits() >= 15


def _symmetric_brownian(noise: str) -> Any:
    """No drift, Ito, D = 1 on the left of 0 and 2 on its right, at 0 as the text says."""
    return model(0, noise, 2)


@pytest.mark.parametrize("noise", ["piecewise(1, w < 0, 2)", "piecewise(1, w <= 0, 2)"])
def test_a_start_at_a_jump_of_c_between_two_exits(noise: str) -> None:
    """The two sides measure p in other units there; Ito without drift: u is C¹ at 0."""
    law = _symmetric_brownian(noise)
    ends: dict[str, Any] = {"exit_below": -1, "exit_above": 1}
    assert holds(exit_probability(law, 0, **ends), HALF)
    assert holds(mean_exit_time(law, 0, **ends), Fraction(3, 8))
    # E τ² = 2 ∫ G T, G = (1 ∓ y)/(2D), T = 3/8 − y/8 − y²/(2D)
    t = sympy.Symbol("t")
    mean = sympy.Rational(3, 8) - t / 8
    second = sympy.integrate((1 + t) * (mean - t**2 / 2), (t, -1, 0))
    second += sympy.integrate((1 - t) * (mean - t**2 / 4) / 2, (t, 0, 1))
    assert holds(exit_time_moment(law, 2, 0, **ends), Fraction(str(second)))
    with mp.workdps(60):
        k, j = mp.sqrt(3), mp.sqrt(mp.mpf(3) / 2)
        exact = (k / mp.sinh(k) + j / mp.sinh(j)) / (k * mp.coth(k) + j * mp.coth(j))
        assert holds(exit_time_laplace(law, 3, 0, **ends), exact)


def test_an_essential_singularity_of_an_exponential_is_no_recursion() -> None:
    """exp(−1/w²) holds no exponential of a polynomial: it is analytic at infinity."""
    far = model("w**2/2 + exp(-1/w**2)", 1, HALF)
    assert mean_exit_time(far, 1, exit_above=2, exit_below=Fraction(1, 10)).lower > 0
    bounded = model("w**2/2 + exp(-1/(1+w**2))", "1 + exp(-1/(1+w**2))", HALF)
    assert mean_exit_time(bounded, -1, exit_above=1).certain_digits() >= 15


def test_messages_name_points_of_the_model() -> None:
    """What lies above the start is found on the mirrored model, and named as it is."""
    with pytest.raises(ComputationError, match=r"near 1\.5707"):
        mean_exit_time(model("w**2/2 + tan(w)", 1, HALF), 0, exit_above=2, exit_below=-1)
    with pytest.raises(ComputationError, match="zero of C near 1;"):
        mean_exit_time(model("w**2/2", "1-abs(w)", HALF), 0, exit_below=-HALF)
    with pytest.raises(ComputationError, match="the zero 1 of C, which is reached"):
        mean_exit_time(from_gradient("w-1/2", "w*(1-w)", 4), HALF, exit_below=Fraction(1, 4))
    with pytest.raises(ComputationError, match="C without such a value at -2"):
        mean_exit_time(model("w**2/2", "1+sqrt(w+1)", HALF), 0, exit_above=1, exit_below=-2)


def test_ends_close_to_a_zero_of_c() -> None:
    """Neutral genes, D = w(1 − w)/2, up to 10^-13 of both ends: E τ = −2[x log x + …], nearly."""
    near = Fraction(1, 10**13)
    law = model(0, "w*(1-w)", 1)
    ends: dict[str, Any] = {"exit_below": near, "exit_above": 1 - near}
    assert holds(exit_probability(law, THIRD, **ends), (THIRD - near) / (1 - 2 * near))
    found = mean_exit_time(law, THIRD, **ends)
    with mp.workdps(60):

        def entropy(x: Fraction) -> Any:
            y = mp.mpf(x.numerator) / x.denominator
            return -2 * (y * mp.log(y) + (1 - y) * mp.log(1 - y))

        assert holds(found, entropy(THIRD) - entropy(near))


def test_hopeless_laplace_rates_are_refused_at_once() -> None:
    with pytest.raises(ComputationError, match="a smaller rate"):
        exit_time_laplace(ornstein_uhlenbeck(), 10**12, 0, exit_above=1, exit_below=-2)
