"""Bounds at the ends of the domain: true where sampled, and the same wherever the cut is put."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy
from certified_models import model, w
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from numerics.core import core_of
from numerics.evaluators import evaluate_arb
from numerics.landscape import cover
from numerics.local import End, NotLocal
from numerics.lowering import lower
from numerics.spans import spans
from numerics.sweep import MASS, execute
from numerics.tails import (
    analyse,
    decay_states,
    mass_excess,
    power_states,
    scale_excess,
    tail_power,
)

FORMULAS = {
    "polynomial": w**3 - 5 * w + 1,
    "bounded": sympy.sin(w) + 2,
    "growing": sympy.exp(w) - w**4,
    "decaying": w**2 * sympy.exp(-(w**2)),
    "saturating": sympy.tanh(w) * w + sympy.atan(w),
    "logarithmic": w * sympy.log(2 + w**2),
    "root": sympy.sqrt(1 + w**2) + w / 3,
    "mixed": (w**2 + sympy.cos(3 * w)) / (1 + w**4),
    "branches": sympy.Abs(w - 1) + sympy.Piecewise((w, w < 0), (w**2, True)),
}


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.sampled_from([-1, 1]),
    st.floats(0.001, 0.2),
    st.floats(0.01, 1.0),
)
def test_spans_hold_every_value(name: str, side: int, top: float, share: float) -> None:
    program, end = lower(FORMULAS[name], [w]), End(side)
    try:
        (span,) = spans(program, end, top)
    except NotLocal:
        return
    t = share * top
    with ctx.workprec(200):
        value = evaluate_arb(program, arb(side) / arb(t))[0]
        factor = value / arb(t) ** arb(str(span.order))
        assert not factor < arb(span.low) - 1e-300
        if math.isfinite(span.high):
            assert not factor > arb(span.high) + 1e-300


def test_most_formulas_have_bounds() -> None:
    """The test above must not pass by refusals."""
    bounded = 0
    for formula in FORMULAS.values():
        for side in (-1, 1):
            try:
                spans(lower(formula, [w]), End(side), 0.05)
                bounded += 1
            except NotLocal:
                pass
    assert bounded >= 2 * len(FORMULAS) - 2


@pytest.mark.parametrize("cut", [3, 10, 200])
def test_moving_the_cut_changes_nothing(cut: int) -> None:
    """∫_{−∞}^0 p from a power series beyond −cut and panels up to 0: one value for every cut."""
    core = core_of(model(w**2 / 2, 1 + w / 3 + w**2, sympy.Rational(20, 11), 1))
    end, accuracy = End(-1), 60.0
    with ctx.workprec(200):
        tail = analyse(core.program, end)
        start = arb(-cut)
        states = power_states(tail, MASS, 1, core, end.parameter(start), accuracy)
        panels = cover(core, start, arb(0))
        mass = execute(core, panels, [1] * len(panels), MASS, states, accuracy).states[0]
        # m = κ = 11/20, so that 2m − 1 = 1/10.
        with mp.workdps(40):
            density = lambda x: mp.exp(  # noqa: E731
                -mp.mpf(11) / 20 * mp.log(1 + x / 3 + x * x)
                + 2
                * mp.mpf(11)
                / 20
                / 6
                / (mp.sqrt(35) / 6)
                * (mp.atan((x + mp.mpf(1) / 6) / (mp.sqrt(35) / 6)) - mp.atan(1 / mp.sqrt(35)))
            )
            # x = −y^(−10) makes |x|^(−1.1) dx integrable by ordinary quadrature.
            exact = mp.quad(lambda y: 10 * y**-11 * density(-(y**-10)), [0, 0.5, 1]) + mp.quad(
                density, [-1, 0]
            )
            assert abs(mass - arb(str(mp.nstr(exact, 30)))) < 1e-15
        assert mass.rad() < mass * 1e-20


def test_bounds_beyond_a_cut_hold_the_mass() -> None:
    """Gaussian: the bound beyond −x is at least the mass there, and at most 1.3 times it."""
    core = core_of(model("w**2/2", 1, 2))
    with ctx.workprec(100):
        for x in (4, 9, 30):
            tail = analyse(core.program, End(-1))
            states = decay_states(tail, MASS, 1, core.rate, arb(1) / x)
            assert states is not None
            with mp.workdps(30):
                exact = mp.sqrt(mp.pi / 2) * mp.erfc(x / mp.sqrt(2)) * mp.exp(mp.mpf(x) ** 2 / 2)
            assert states[0].contains(arb(str(mp.nstr(exact, 25))))
            assert float(states[0].upper()) < 1.3 * float(exact)


@pytest.mark.parametrize(
    ("loss", "noise", "eta", "theta", "power", "returning"),
    [
        ("w**2/2", "1 + w**2", 1, 0, 4, True),
        ("w**2/2", "1 + w**2", 4, 1, "1/2", False),
        ("w**2/2", 1, 1, 0, "inf", True),
        ("w**4/4", "1 + w**2", 1, 0, "inf", True),
        ("-w**4/4", "1 + w**2", 1, 0, "-inf", False),
        ("0", 1, 1, 0, 0, True),
    ],
)
def test_what_the_ends_allow(loss, noise, eta, theta, power, returning) -> None:
    program = core_of(model(loss, noise, eta, theta)).program
    found = tail_power(program, End(-1))
    if power in ("inf", "-inf"):
        assert not found.is_finite()
        assert (found > 0) == (power == "inf")
    else:
        exact = Fraction(power)
        assert found.contains(arb(exact.numerator) / exact.denominator)
        assert (mass_excess(program, End(-1)) > 0) == (exact > 1)
    assert bool(scale_excess(program, End(-1)) >= 0) == returning


def test_bounds_decide_where_there_is_no_expansion() -> None:
    """Sines in the noise: no power series at infinity, yet the mass is known to be finite."""
    program = core_of(model("w**2/2", "1 + w**2 + sin(w)", "1/2")).program
    assert not analyse(program, End(-1)).expanded
    assert mass_excess(program, End(-1)) > 0
