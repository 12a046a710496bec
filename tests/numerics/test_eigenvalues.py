"""Spectra against closed forms, the two routes against each other, and what is refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp

from numerics.eigenvalues import Spectrum, spectrum
from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, Disagreement, InfiniteMean
from numerics.lowering import Model, lower_constant, lower_diffusion
from numerics.mpmath_spectrum import finite_difference_spectrum, require_agreement

w = sympy.Symbol("w", real=True)
NO_LOSS = sympy.Integer(0)


def model(loss: object, noise: object = 1, eta: object = 2, theta: object = 0) -> Model:
    expression = sympy.sympify(loss)
    return lower_diffusion(
        variable=w,
        gradient=sympy.diff(expression, w),
        noise=sympy.sympify(noise),
        eta=sympy.sympify(eta),
        theta=sympy.sympify(theta),
        loss=expression,
    )


def encloses(found: Enclosure, exact: object, digits: int) -> bool:
    number = mpmath.mpf(exact)
    value = Fraction(int(number.man)) * Fraction(2) ** int(number.exp)
    return found.lower <= value <= found.upper and found.certain_digits() >= digits


@pytest.mark.parametrize("theta", [0, "1/2", 1])
def test_quadratic_well_has_finitely_many_eigenvalues(theta: object):
    """λ_n = n(H − θησ_H) − n(n−1)ησ_H/2 for n < m − 1/2, with H = 3, ησ_H = 1, any ρ."""
    found = spectrum(model(3 * w**2 / 2, 2 + w + w**2, 1, theta), 9, method="arb", digits=20)
    s = 1 - Fraction(str(theta))
    bound = 3 + s - Fraction(1, 2)
    assert len(found.eigenvalues) == sum(n < bound for n in range(9))
    for n, value in enumerate(found.eigenvalues):
        assert value.middle == n * (3 - Fraction(str(theta))) - Fraction(n * (n - 1), 2)
    assert found.continuum_edge is not None
    assert found.continuum_edge.middle == bound**2 / 2


def test_constant_noise_has_no_continuum():
    found = spectrum(model(w**2 / 2), 5, method="arb")
    assert [value.middle for value in found.eigenvalues] == [0, 1, 2, 3, 4]
    assert found.continuum_edge is None


@pytest.mark.parametrize("method", ["arb", "mpmath", "both"])
def test_brownian_motion_killed_at_two_points(method: str):
    found = spectrum(model(NO_LOSS), 2, exit_below=0, exit_above=1, digits=12, method=method)  # type: ignore[arg-type]
    with mp.workdps(40):
        assert all(encloses(v, ((n + 1) * mp.pi) ** 2, 12) for n, v in enumerate(found.eigenvalues))


def test_ornstein_uhlenbeck_killed_at_one_point():
    """He_2 vanishes at ±1: λ = 2 is an eigenvalue of the process killed at 1 (the second)."""
    found = spectrum(model(w**2 / 2), 2, exit_above=1, digits=10, method="arb")
    assert encloses(found.eigenvalues[1], 2, 10)


def test_general_route_reproduces_the_closed_form(monkeypatch: pytest.MonkeyPatch):
    """The eigenvalue and the edge of a Student well, with the closed form switched off."""
    student = model(w**2 / 2, 1 + w**2 / 3, "1/2", 0)
    exact = spectrum(student, 2, method="arb")
    monkeypatch.setattr("numerics.eigenvalues._closed_form", lambda *_: None)
    found = spectrum(student, 2, digits=8, method="arb")
    assert found.eigenvalues[1].contains(exact.eigenvalues[1])
    assert found.continuum_edge is not None
    assert exact.continuum_edge is not None
    assert found.continuum_edge.overlaps(exact.continuum_edge)


def test_eigenvalue_near_the_continuum():
    """The third of a heavy-tailed well killed at 2 is found: its eigenfunction reaches far out."""
    well = model(w**2 / 2, 1 + w**2 / 2, "1/2", 0)
    found = spectrum(well, 3, exit_above=2, digits=10, method="arb")
    other = spectrum(well, 3, exit_above=2, digits=10, method="mpmath")
    assert len(found.eigenvalues) == len(other.eigenvalues) == 3
    assert all(a.overlaps(b) for a, b in zip(found.eigenvalues, other.eigenvalues, strict=True))


@pytest.mark.slow
def test_rare_transitions_have_small_eigenvalues():
    """A double well with barrier 20: λ_1 ≈ 1/(mean transition time), relative digits."""
    well = model((w**2 - 1) ** 2 / 4, 1, "1/40", 0)
    found = spectrum(well, 3, digits=10, method="both")
    again = spectrum(well, 3, digits=12, method="mpmath")
    for one, other in zip(found.eigenvalues, again.eigenvalues, strict=True):
        assert one.overlaps(other)
    assert float(found.eigenvalues[1]) < 1e-8


def test_second_route_notices_a_wrong_eigenvalue():
    wrong = Spectrum((Enclosure.exact(10),), None)
    with pytest.raises(Disagreement, match="eigenvalue 0"):
        require_agreement(model(NO_LOSS), wrong, 1, 0, 12)


def test_finite_volumes_guess_six_digits():
    found = finite_difference_spectrum(model(w**2 / 2), 4, None, None, None)
    assert max(abs(found[n] - n) for n in range(4)) < 1e-4


def collocated(loss: sympy.Expr, noise: float, x: float, count: int) -> list[float]:
    """The lowest eigenvalues at a constant C with η = 1: sinc collocation of `−D∂² + V`."""
    points = np.linspace(-x, x, 500)
    h, i = points[1] - points[0], np.arange(500)
    offset = i[:, None] - i[None, :]
    away = np.where(offset == 0, 1, offset)
    kinetic = np.where(offset == 0, np.pi**2 / 3, 2 * (-1.0) ** offset / away**2) / h**2
    gradient = sympy.diff(loss, w)
    slope, bend = (
        sympy.lambdify(w, e, "numpy")(points) for e in (gradient, sympy.diff(gradient, w))
    )
    d = noise / 2
    potential = slope**2 / (4 * d) - bend / 2
    return list(np.linalg.eigvalsh(d * kinetic + np.diag(potential))[:count])


@pytest.mark.parametrize(
    ("loss", "noise", "x"),
    [
        (w**2 / 2 + sympy.cos(3 * w), 0.5, 7),
        (sympy.cosh(w), 1.0, 5),
        (w**4 / 4 + w**2 * sympy.sin(w), 1.0, 5),
    ],
)
def test_ends_that_are_no_powers(loss: sympy.Expr, noise: float, x: float):
    """Waves and exponentials in the force; the first has a pair 6e-9 apart."""
    found = spectrum(model(loss, sympy.Rational(noise), 1), 4, digits=10)
    assert found.continuum_edge is None
    expected = collocated(loss, noise, x, 4)
    for value, other in zip(found.eigenvalues[1:], expected[1:], strict=True):
        assert abs(float(value) - other) < 1e-9 * max(1, other)
    finer = spectrum(model(loss, sympy.Rational(noise), 1), 4, digits=16, method="arb")
    pairs = zip(found.eigenvalues, finer.eigenvalues, strict=True)
    assert all(one.contains(other) for one, other in pairs)


def test_waves_in_a_heavy_tail_leave_the_edge():
    """The edge of the model without waves: ησ_H(m − ½)²/2 with m = 5 here."""
    well = model(w**2 / 2 + sympy.sin(w), 1 + w**2 / 2, "1/2", 0)
    found = spectrum(well, 2, digits=6, method="arb")
    assert found.continuum_edge is not None
    assert found.continuum_edge.contains(Enclosure.exact(Fraction(81, 32)))
    other = finite_difference_spectrum(well, 2, None, None, None)
    assert abs(float(found.eigenvalues[1]) / other[1] - 1) < 1e-4


def test_piecewise_force():
    """L = |w|³ + w³/4 with unit noise: a switch at 0."""
    well = model(sympy.Abs(w) ** 3 + w**3 / 4, 1, 1)
    found = spectrum(well, 3, digits=10)
    other = finite_difference_spectrum(well, 3, None, None, None)
    for value, guess in zip(found.eigenvalues[1:], other[1:], strict=True):
        assert abs(float(value) / guess - 1) < 1e-5


def test_slow_decay_is_followed_by_both_routes():
    """An eigenvalue at 94 % of the edge of L = √(1 + w²): u² p ~ e^(−0.48 |w|)."""
    found = spectrum(model(sympy.sqrt(1 + w**2), 1, 1), 2, digits=8)
    assert abs(float(found.eigenvalues[1]) - 0.4716803) < 1e-7


def test_refusals():
    with pytest.raises(InfiniteMean, match="normalised"):
        spectrum(model(-(w**2)), 2, method="arb")
    with pytest.raises(ComputationError, match="can be compared"):
        spectrum(model(w**2 / 2 + w**2 * sympy.sin(w**2) / 9, 1 + w**4), 2, method="arb")
    with pytest.raises(ComputationError, match="at least one eigenvalue"):
        spectrum(model(w**2), 0)


def test_a_zero_of_the_noise_ends_no_spectrum() -> None:
    made = model("w**2/2 - log(w)", "w", "1/4")
    for method in ("arb", "mpmath"):
        with pytest.raises(ComputationError, match="zero of C at 0"):
            spectrum(made, 2, method=method)
        with pytest.raises(ComputationError, match="zero of C at 0"):
            spectrum(made, 2, exit_above=2, method=method)
    assert spectrum(made, 1, exit_below=1, exit_above=2).eigenvalues[0].lower > 0


@pytest.mark.parametrize(
    ("loss", "noise"), [(0, (1 + w**2) ** 2), (sympy.cosh(w) ** 2 / 2, sympy.cosh(w) ** 2)]
)
@pytest.mark.parametrize("method", ["arb", "mpmath"])
def test_a_boundary_at_a_finite_distance_is_no_continuum(loss, noise, method) -> None:
    """C = (1 + w²)², L = 0, η = 2: λ_n = (n + 1)² − 1 by w = tan φ, though V tends to −1."""
    with pytest.raises(ComputationError, match="grows no faster than w²"):
        spectrum(model(loss, noise, 2, 0), 3, method=method)


def test_a_heavy_tail_without_eigenvalues_below_its_continuum() -> None:
    """p ~ |x|^(−2) by a loss that saturates: 0, and the continuum from η/8."""
    for loss in (sympy.sqrt(1 + w**2), sympy.log(sympy.cosh(w)), 1 - sympy.exp(-(w**2))):
        found = spectrum(model(loss, 1 + w**2, sympy.Rational(1, 10), 0), 2)
        assert [e.decimals(15)[0] for e in found.eigenvalues] == ["0"]
        assert found.continuum_edge is not None
        assert found.continuum_edge.lower <= Fraction(1, 80) <= found.continuum_edge.upper


@pytest.mark.parametrize(
    ("eta", "expected"), [("1/20", 1.958927299973044e-5), ("1/100", 8.61620074185610e-23)]
)
def test_rare_transitions_between_narrow_wells(eta: str, expected: float):
    """λ₁ alone is asked for: wells narrower than panels, and an eigenvalue far below doubles' ε.

    Expected: 2/τ of the mean first passage time τ of the symmetric well from −1 to 1, nearly.
    """
    law = model((w**2 - 1) ** 2 / 4, 1, eta)
    found = spectrum(law, 2).eigenvalues[1]
    assert found.certain_digits() >= 15
    assert abs(float(found) / expected - 1) < 1e-12


def test_zeros_of_eigenfunctions_at_seams():
    """Symmetry puts a zero of the second eigenfunction on the kink at 0, where two panels meet."""
    law = model(sympy.Abs(w) + w**2, 1 + sympy.Abs(w), "1/5", "1/2")
    values = spectrum(law, 4, exit_below=-2, exit_above=2).eigenvalues
    assert all(one.certain_digits() >= 15 for one in values)


def test_irrational_exits_at_many_digits():
    """Brownian motion on (0, π): n², to more digits than an exit of 128 bits has."""
    end = lower_constant(sympy.pi)
    values = spectrum(model(NO_LOSS), 6, exit_below=0, exit_above=end, digits=45, method="arb")
    for n, one in enumerate(values.eigenvalues, start=1):
        assert one.lower <= n**2 <= one.upper
        assert one.certain_digits() >= 45
