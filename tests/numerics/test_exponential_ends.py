"""Models with exponentials at their ends: true bounds, cuts that do not matter, closed forms."""

from __future__ import annotations

from fractions import Fraction

import pytest
from certified_models import model
from flint import arb, ctx
from mpmath import mp

from numerics.core import Core, core_of
from numerics.enclosure import Enclosure
from numerics.errors import InfiniteMean
from numerics.evaluators import evaluate_arb, evaluate_mpmath
from numerics.exponential_ends import ExponentialEnd, exponential_end
from numerics.first_passage import exit_time_laplace, exit_time_moment, mean_exit_time
from numerics.landscape import cover
from numerics.local import End
from numerics.stationary import cumulative, density, moment, tail_index
from numerics.sweep import EXIT_TIME, MASS, execute
from numerics.tails import analyse, lowest_exponent, power_states, scale_excess, tail_power

MODELS = {
    "logistic": ("log(1+exp(-w)) + w**2/20", "1+w**2", "1/10", 0),
    "bernoulli-noise": ("log(1+exp(w))+log(1+exp(-w))", "1+exp(w)/(1+exp(w))**2", "1/10", 0),
    "log-cosh": ("log(cosh(w))", "1+w**2", 3, 0),
    "welsch": ("1-exp(-w**2)", "1+w**2", "1/2", 0),
    "tanh": ("tanh(w)**2 + w**2", "1+w**2+tanh(w)", 1, "1/2"),
    "growing-noise": ("w**2/2", "1+cosh(w)", 1, 0),
    "vanishing-noise": ("w**2/2", "exp(w)/(1+exp(w))**2", 2, 0),
}


def end_of(name: str) -> tuple[Core, ExponentialEnd]:
    core = core_of(model(*MODELS[name]))
    found = exponential_end(core.program, End(-1))
    assert found is not None
    return core, found


@pytest.mark.parametrize("name", ["logistic", "bernoulli-noise", "log-cosh", "welsch", "tanh"])
def test_errors_of_the_limit_hold(name: str) -> None:
    """|x(q − q₀)|, |log(C/C₀)| at points beyond the cut, and ∫|q − q₀| by quadrature."""
    core, found = end_of(name)
    for cut in (15, 30):
        errors = found.errors(1 / cut)
        with ctx.workprec(25_000):
            for x in (-cut, -cut - Fraction(1, 3), -3 * cut):
                at = arb(Fraction(x).numerator) / Fraction(x).denominator
                noise, q = evaluate_arb(core.program, at)
                limit_noise, limit_q = evaluate_arb(found.limit, at)
                wrong = abs(at * (q - limit_q))
                assert wrong <= arb(errors.exponent).exp()
                assert not abs((noise / limit_noise).log()) > arb(errors.noise).exp()
                if x == -cut:
                    # Not a bound that says nothing.
                    assert wrong > arb(errors.exponent - 4).exp()
        with mp.workdps(900):

            def difference(y):
                return abs(evaluate_mpmath(core.program, y)[1] - evaluate_mpmath(found.limit, y)[1])

            unit = mp.mpf(1) / (2 * cut) if name == "welsch" else mp.mpf(1)
            points = [-cut - k * unit for k in (60, 20, 8, 3, 1, 0)]
            total = mp.quad(difference, points, maxdegree=5)
            assert mp.log(total) <= errors.integral + 1e-6
            assert mp.log(total) > errors.integral - 4


@pytest.mark.parametrize("name", sorted(MODELS))
def test_slopes_beyond_a_cut_are_above_their_bound(name: str) -> None:
    core, found = end_of(name)
    tail = analyse(core.program, End(-1))
    assert tail.exponentials is found
    t = arb(1) / 30
    lowest = lowest_exponent(tail, t)
    assert lowest is not None
    e_low, noise_low, noise_order = lowest
    with ctx.workprec(800):
        for x in (-30, -31, -70):
            noise, q = evaluate_arb(core.program, arb(x))
            assert x * q >= e_low * (1 - 1e-6)
            if found.noise_growth >= 0:
                assert (noise * arb(-x) ** arb(noise_order)).log() >= noise_low


@pytest.mark.parametrize("name", ["log-cosh", "welsch"])
def test_moving_the_cut_changes_nothing(name: str) -> None:
    """∫p and the two integrals of a mean time, from heavy tails: beyond −45, −60, −90 the limit."""
    core, _ = end_of(name)
    found = []
    with ctx.workprec(200):
        tail = analyse(core.program, End(-1))
        assert tail.expanded
        for cut in (45, 60, 90):
            states = power_states(tail, MASS, 1, core, arb(1) / cut, 50.0)
            start = arb(-cut)
            panels = [*cover(core, start, arb(0)), *cover(core, arb(0), arb(1))]
            active = [1 if p.right <= 0 else 2 for p in panels]
            states = execute(core, panels, active, EXIT_TIME, [*states, arb(0)], 50.0).states
            found.append(states)
    for one in found:
        for other in found:
            assert all(a.overlaps(b) for a, b in zip(one, other, strict=True))
        assert all(s.rad() < abs(s) * 1e-13 for s in one)


def holds(enclosure: Enclosure, value: object, digits: int = 15) -> bool:
    exact = Fraction(str(mp.nstr(value, 40)))
    slack = abs(exact) / 10**35
    inside = enclosure.lower - slack <= exact <= enclosure.upper + slack
    return inside and enclosure.certain_digits() >= digits


def test_logistic_law() -> None:
    """C = 1, η = 2, L = 2 log 2cosh(w/2): the logistic law, and τ(0 → B) = B + e^B − 1."""
    law = model("log(1+exp(w))+log(1+exp(-w))", 1, 2)
    with mp.workdps(50):
        assert holds(density(law, 0), mp.mpf(1) / 4)
        assert holds(cumulative(law, -20), 1 / (1 + mp.exp(20)))
        assert holds(moment(law, 2), mp.pi**2 / 3)
        assert holds(moment(law, 1, absolute=True), 2 * mp.log(2))
        assert holds(mean_exit_time(law, 0, exit_above=3), 2 + mp.exp(3))
    assert tail_index(law).infinite


def test_noise_that_vanishes_exponentially() -> None:
    """C = F(1 − F), F logistic, θ = 1 and L' = C tanh(w/2): again the logistic law, η = 2."""
    variance = "exp(w)/(1+exp(w))**2"
    law = model(f"-{variance}", variance, 2, 1)
    with mp.workdps(50):
        assert holds(cumulative(law, 2), 1 / (1 + mp.exp(-2)))
        for end in (1, 3):
            b = mp.mpf(end)
            time = 3 * b + 3 * mp.expm1(b) + mp.expm1(2 * b) / 2 - mp.expm1(-b)
            assert holds(mean_exit_time(law, 0, exit_above=end), time)


def test_heavy_tail_beside_an_exponential() -> None:
    """p ∝ 1/(1+w²) + logistic density, C = 1, η = 2: mass π + 1, and no mean."""
    law = model("-log(1/(1+w**2) + exp(w)/(1+exp(w))**2)", 1, 2, 1)
    with mp.workdps(50):
        assert holds(density(law, 0), (1 + mp.mpf(1) / 4) / (mp.pi + 1))
        below = mp.atan(-7) + mp.pi / 2 + 1 / (1 + mp.exp(7))
        assert holds(cumulative(law, -7), below / (mp.pi + 1))
    assert holds(tail_index(law), mp.mpf(1))
    with pytest.raises(InfiniteMean, match=r"order 1 .* falls only like \|x\|\^\(-2\) .* below 1 "):
        moment(law, 1, absolute=True)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_both_routes_agree(name: str) -> None:
    """`both` raises where they exclude each other."""
    law = model(*MODELS[name])
    assert mean_exit_time(law, 0, exit_above=1).certain_digits() >= 15
    assert moment(law, Fraction(1, 3), absolute=True).certain_digits() >= 15


def test_more_digits_lie_within_fewer() -> None:
    for name in ("logistic", "log-cosh"):
        law = model(*MODELS[name])
        for quantity in (
            lambda d, law=law: mean_exit_time(law, -1, exit_above=1, digits=d, method="arb"),
            lambda d, law=law: exit_time_moment(law, 2, -1, exit_above=1, digits=d, method="arb"),
            lambda d, law=law: exit_time_laplace(law, 1, -1, exit_above=1, digits=d, method="arb"),
        ):
            coarse, fine = quantity(15), quantity(40)
            assert coarse.overlaps(fine)
            assert fine.certain_digits() >= 40


@pytest.mark.parametrize(
    ("loss", "noise", "eta", "theta", "power", "returning"),
    [
        ("log(cosh(w))", "1+w**2", 1, 0, 2, True),
        ("log(cosh(w))", 1, 1, 0, "inf", True),
        ("-log(cosh(w))", 1, 1, 0, "-inf", False),
        ("1-exp(-w**2)", 1, 1, 0, 0, True),
        ("exp(-w**2)", 1, 1, 0, 0, True),
        ("w**2/2", "exp(w)/(1+exp(w))**2", 1, 0, "inf", True),
        ("log(cosh(w))", "cosh(w)**2", 1, 1, 0, False),
        ("log(cosh(w))", "cosh(w)**2", 1, 0, "inf", True),
        ("-log(cosh(w))", "cosh(w)", 1, "1/2", "inf", False),
        ("log(cosh(w))", "cosh(w)", 1, "1/2", "inf", False),
    ],
)
def test_what_the_ends_allow(loss, noise, eta, theta, power, returning) -> None:
    program = core_of(model(loss, noise, eta, theta)).program
    found = tail_power(program, End(-1))
    if power in ("inf", "-inf"):
        assert not found.is_finite()
        assert (found > 0) == (power == "inf")
    else:
        assert found == power
    assert bool(scale_excess(program, End(-1)) >= 0) == returning
