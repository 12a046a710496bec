"""What a user imports: every name is there, numbers are certified, bad input is explained."""

import importlib
import math

import pytest
from sympy import Rational, Symbol

import exitlaw
from exitlaw import Diffusion, InputError

WELL = Diffusion.from_loss("w**2/2", "1", eta="1/2", interpretation="ito")


@pytest.mark.parametrize("name", exitlaw.__all__)
def test_every_public_name_is_there(name):
    assert getattr(exitlaw, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        exitlaw.nothing  # noqa: B018


def test_decorator_is_callable_whatever_was_imported_before():
    module = importlib.import_module("exitlaw.claim")
    assert callable(exitlaw.claim)
    assert callable(module)
    assert callable(exitlaw.verify)
    assert callable(exitlaw.export)


def test_moment_of_the_quadratic_well():
    variance = WELL.moment(2, digits=20)
    assert variance.lower <= Rational(1, 4) <= variance.upper
    assert variance.certain_digits() >= 20


def test_density_of_the_quadratic_well():
    from flint import arb

    peak = WELL.stationary_density(0, digits=20)
    assert peak.arb.overlaps((2 / arb.pi()).sqrt())


def test_exit_time_of_free_motion():
    # dw = sqrt(eta) dB leaves (-1, 1) from x after (1 - x^2)/eta.
    free = Diffusion.from_drift("0", "1", eta="1/2", interpretation="ito")
    time = free.mean_exit_time(start="1/2", exit=1, exit_below=-1, digits=15)
    assert time.lower <= Rational(3, 2) <= time.upper
    chance = free.exit_probability(start="1/2", exit=1, exit_below=-1)
    assert chance.lower <= Rational(3, 4) <= chance.upper


def test_formulas_may_be_text_sympy_or_numbers():
    k = Symbol("k")
    made = [
        Diffusion.from_loss("k*w**2/2", 1, eta=Rational(1, 2), interpretation=0,
                            parameters={"k": 1}),
        Diffusion.from_loss(k * Symbol("w", real=True) ** 2 / 2, "1", eta=0.5,
                            interpretation="ito").subs({"k": 1}),
    ]  # fmt: skip
    for one in made:
        assert one.moment(2).overlaps(WELL.moment(2))


def test_free_parameters_are_named():
    free = Diffusion.from_loss("k*w**2/2", "1", eta="1/2", interpretation="ito")
    with pytest.raises(InputError, match="k without"):
        free.moment(2)


@pytest.mark.parametrize("text", ["__import__('os').system('id')", "9**9**9**9", "", "(w"])
def test_text_is_parsed_never_evaluated(text):
    with pytest.raises(InputError):
        Diffusion.from_loss(text, "1", eta="1/2", interpretation="ito")


def test_kramers_time_of_the_quartic():
    quartic = Diffusion.from_loss("(w**2-1)**2/4", "1", eta="1/10", interpretation="ito")
    # 2 pi / sqrt(2 * 1) * exp(2 * (1/4) / (1/10))
    from flint import arb

    time = quartic.kramers_time(start=-1, exit=1)
    assert time.arb.overlaps(2 * arb.pi() / arb(2).sqrt() * arb(5).exp())


def test_reflecting_walls():
    """Free motion, v = 1, y from the wall to the exit at 2: E τ = 4 − y², u'' = −2 before it."""
    free = Diffusion.from_drift("0", "1", eta=1, interpretation="ito")
    time = free.mean_exit_time(start=0, exit=1, reflect_below=-1, digits=20)
    assert time.lower <= 3 <= time.upper
    mirrored = free.mean_exit_time(start=0, exit_below=-1, reflect=1, digits=20)
    assert mirrored.lower <= 3 <= mirrored.upper
    # E e^(−sτ) = cosh(y√(2s))/cosh(2√(2s)), s = 1/2, y = 1.
    transform = free.exit_time_laplace("1/2", start=0, exit=1, reflect_below=-1)
    assert float(transform) == pytest.approx(math.cosh(1) / math.cosh(2), rel=1e-14)
    # ½u'' = −2 E τ, u'(0) = u(2) = 0: E τ² = (y⁴ − 24y² + 80)/3.
    square = free.exit_time_moment(2, start=0, exit=1, reflect_below=-1)
    assert square.lower <= 19 <= square.upper


def test_stationary_law_of_the_quadratic_well():
    """L = w²/2, C = 1, η = 1/2: normal of variance 1/4."""
    below = WELL.cumulative("1/2", digits=15)
    assert float(below) == pytest.approx(0.5 * math.erfc(-1 / math.sqrt(2)), rel=1e-14)
    assert float(WELL.quantile(below.decimals(15)[0], digits=12)) == pytest.approx(0.5, abs=1e-13)
    rates = WELL.spectrum(4, digits=12)
    assert [float(one) for one in rates.eigenvalues] == pytest.approx([0, 1, 2, 3], abs=1e-11)
    assert rates.continuum_edge is None


def test_stationary_law_by_paths(seed):
    """The same; 5 % off is excluded at 1e-9."""
    for found, truth in (
        (WELL.simulate_moment(2, target_error=0.02, seed=seed), 0.25),
        (WELL.simulate_stationary_density(0, target_error=0.02, seed=seed), math.sqrt(2 / math.pi)),
    ):
        assert not found.excludes(truth, 1e-9)
        assert found.relative_error <= 0.02
