"""What a user imports: every name is there, numbers are certified, bad input is explained."""

import importlib

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
