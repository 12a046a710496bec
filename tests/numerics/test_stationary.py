"""Stationary laws against Student, Pearson IV, Gaussian and inverse gamma laws, every θ."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy
from certified_models import brownian, from_gradient, model, ornstein_uhlenbeck, w
from mpmath import mp

from numerics.enclosure import Enclosure
from numerics.errors import ComputationError, InfiniteAtZero, InfiniteMean
from numerics.routes import Method
from numerics.stationary import cumulative, density, moment, normaliser, quantile, tail_index

HALF = Fraction(1, 2)


def holds(enclosure: Enclosure, value: object, digits: int = 15) -> bool:
    """Whether an enclosure of that many digits holds the value (mpmath: good to 10^-40)."""
    if enclosure.certain_digits() < digits:
        return False
    exact = value if isinstance(value, Fraction) else Fraction(str(mp.nstr(value, 45)))
    slack = Fraction(0) if isinstance(value, Fraction) else abs(exact) / 10**40
    return enclosure.lower - slack <= exact <= enclosure.upper + slack


def power_law(kappa: Fraction, theta: object = 0, rho: object = 0):
    """H = σ_g = σ_H = 1, η = 1/κ."""
    return model(w**2 / 2, 1 + 2 * sympy.Rational(rho) * w + w**2, 1 / kappa, theta)


@pytest.mark.parametrize("theta", [0, "1/4", "1/2", 1])
@pytest.mark.parametrize("kappa", [Fraction(6, 10), Fraction(3), Fraction(40)])
def test_student_density_and_tail(kappa: Fraction, theta: str) -> None:
    """ρ = 0: p(x) = Γ(m)/(√π Γ(m−1/2)) (1+x²)^(−m), m = κ + 1 − θ; tail index 2m − 1."""
    law = power_law(kappa, theta)
    m = kappa + 1 - Fraction(str(theta))
    with mp.workdps(60):
        mm = mp.mpf(m.numerator) / m.denominator
        constant = mp.gamma(mm) / (mp.sqrt(mp.pi) * mp.gamma(mm - mp.mpf(1) / 2))
        assert holds(density(law, 0, method="arb", digits=20), constant, 20)
        assert holds(density(law, 3, method="arb", digits=20), constant * mp.mpf(10) ** (-mm), 20)
    assert holds(tail_index(law, method="arb"), 2 * m - 1)


@pytest.mark.parametrize("theta", [0, "1/2", 1])
@pytest.mark.parametrize("rho", ["1/3", "-9/10"])
def test_pearson_four(theta: object, rho: str) -> None:
    """Normaliser k = 2^(2m−2)|Γ(m+iν/2)|²/(πα Γ(2m−1)), mean θρ/(σ_H(κ−θ)), at the origin."""
    kappa = Fraction(7, 2)
    law = power_law(kappa, theta, rho)
    t, r = Fraction(str(theta)), Fraction(rho)
    m = kappa + 1 - t
    with mp.workdps(60):
        delta = mp.sqrt(1 - mp.mpf(r.numerator) ** 2 / mp.mpf(r.denominator) ** 2)
        rr, mm = mp.mpf(r.numerator) / r.denominator, mp.mpf(m.numerator) / m.denominator
        nu = -2 * (mp.mpf(7) / 2) * rr / delta
        k = mp.mpf(2) ** (2 * mm - 2) * abs(mp.gamma(mm + 1j * nu / 2)) ** 2
        k /= mp.pi * delta * mp.gamma(2 * mm - 1)
        z = rr / delta  # (x − λ)/α at x = 0
        exact = k * (1 + z**2) ** (-mm) * mp.exp(-nu * mp.atan(z))
        assert holds(density(law, 0, method="arb", digits=25), exact, 25)
    mean = moment(law, 1, method="arb", digits=20)
    exact_mean = t * r / (kappa - t)
    if exact_mean:
        assert holds(mean, exact_mean, 20)
    else:
        assert mean.lower <= 0 <= mean.upper
        assert mean.upper - mean.lower < Fraction(1, 10**20)
    if t == 0:
        # Variance η σ_g/(2H − η σ_H) for any ρ.
        assert holds(moment(law, 2, method="arb", digits=20), 1 / (2 * kappa - 1), 20)


def test_gaussian_moments_and_tails() -> None:
    law = ornstein_uhlenbeck()
    for order, exact in ((0, 1), (2, 1), (4, 3), (6, 15), (20, 654729075)):
        assert holds(moment(law, order, method="arb"), Fraction(exact))
    assert moment(law, 3, method="arb").is_zero
    with mp.workdps(60):
        assert holds(normaliser(law, method="arb"), mp.sqrt(2 * mp.pi))
        far = cumulative(law, -40, method="arb", digits=20)
        assert holds(far, mp.erfc(40 / mp.sqrt(2)) / 2, 20)
        assert holds(cumulative(law, 40, upper=True, method="arb", digits=20), far.middle, 15)
        first = moment(law, 1, absolute=True, method="arb", digits=20)
        assert holds(first, mp.sqrt(2 / mp.pi), 20)
        half = moment(law, HALF, absolute=True, method="arb", digits=20)
        assert holds(half, mp.mpf(2) ** 0.25 * mp.gamma(mp.mpf(3) / 4) / mp.sqrt(mp.pi), 20)
    assert tail_index(law, method="arb").infinite == 1


@pytest.mark.parametrize("excess", [Fraction(1, 100), Fraction(1, 10**6)])
@pytest.mark.parametrize("digits", [15, 60])
def test_heavy_tails_lose_nothing(excess: Fraction, digits: int) -> None:
    """2m − 1 as small as 10^-6: quadrature to any cut would miss nearly all of the mass."""
    kappa = (1 + excess) / 2
    with mp.workdps(digits + 30):
        mm = mp.mpf(kappa.numerator) / kappa.denominator
        exact = mp.gamma(mm) / (mp.sqrt(mp.pi) * mp.gamma(mm - mp.mpf(1) / 2))
        value = density(power_law(kappa, 1), 0, digits=digits, method="arb")
        assert value.certain_digits() >= digits
        low, high = value.lower, value.upper
        inside = Fraction(str(mp.nstr(exact, digits + 20)))
        slack = inside / 10 ** (digits + 10)
        assert low - slack <= inside <= high + slack


def test_heavy_moment_near_its_limit() -> None:
    """E|X|^r with r = 2m − 1 − 1/100, against the Beta function."""
    m, r = Fraction(2), Fraction(299, 100)
    law = power_law(Fraction(1), 0)
    value = moment(law, r, absolute=True, digits=20, method="arb")
    with mp.workdps(60):
        a, b = (mp.mpf(r.numerator) / r.denominator + 1) / 2, mp.mpf(int(m))
        exact = mp.beta(a, b - a) / mp.beta(mp.mpf(1) / 2, b - mp.mpf(1) / 2)
        assert holds(value, exact, 20)
    with pytest.raises(InfiniteMean, match="a moment of order 3 that exists"):
        moment(law, 3, absolute=True, method="arb")


def test_laws_that_cannot_be_normalised() -> None:
    for law in (brownian(), power_law(HALF, 1), model("w**2/2 - w**3/3", 1, 1)):
        with pytest.raises(InfiniteMean, match="mass is infinite"):
            density(law, 0, method="arb")


def test_inverse_gamma_lives_on_one_side() -> None:
    """C = (1+w)², κ = 2, Ito: z = 1 + w is inverse gamma of shape 5 and scale 4."""
    law = model("w**2/2", "(1+w)**2", HALF)
    with mp.workdps(60):
        assert holds(density(law, 0, method="arb"), mp.mpf(4) ** 5 / 24 * mp.exp(-4))
    assert holds(moment(law, 2, method="arb"), Fraction(1, 3))
    assert holds(tail_index(law, method="arb"), Fraction(5))
    with pytest.raises(ComputationError):
        density(law, -2, method="arb")
    with pytest.raises(ComputationError, match="zero of C at 0"):
        density(model("w**2/2", "w**2", HALF), 0, method="arb")


def test_a_law_between_two_zeros_of_the_noise() -> None:
    """C = 1 − w², η = 1/2, Ito: p ∝ (1 − w²) on (−1, 1)."""
    law = model("w**2/2", "1 - w**2", HALF)
    assert holds(density(law, 0, method="arb"), Fraction(3, 4))
    assert holds(moment(law, 2, method="arb"), Fraction(1, 5))
    assert holds(cumulative(law, HALF, method="arb"), Fraction(27, 32))


def test_total_mass_is_one_for_a_law_without_closed_form() -> None:
    law = model("(w**2-1)**2/4 + sin(3*w)/10", "1 + w**2/3 + cos(w)/4", "1/2", "1/3")
    below = cumulative(law, HALF, digits=20, method="arb")
    above = cumulative(law, HALF, upper=True, digits=20, method="arb")
    assert below.lower + above.lower <= 1 <= below.upper + above.upper
    assert holds(moment(law, 0, digits=20, method="arb"), Fraction(1), 20)


def test_jump_of_the_noise() -> None:
    """C = 1 left of 0, 4 right of it, Ito, L = |w|: p ∝ C^(−1) e^(−2|w|/(ηC)), by hand."""
    law = from_gradient(
        sympy.Piecewise((-1, w < 0), (1, True)), sympy.Piecewise((1, w < 0), (4, True)), 2
    )
    # Left mass ∫ e^w = 1, right mass (1/4)∫ e^(−w/4) = 1.
    assert holds(cumulative(law, 0, method="arb"), HALF)
    assert holds(moment(law, 1, method="arb"), Fraction(3, 2))


def test_quantiles_invert_the_distribution_function() -> None:
    law = ornstein_uhlenbeck()
    with mp.workdps(60):
        value = quantile(law, Fraction(9, 10), digits=30, method="arb")
        assert holds(value, mp.sqrt(2) * mp.erfinv(mp.mpf(8) / 10), 30)
    assert quantile(law, HALF, method="arb").is_zero
    heavy = power_law(Fraction(6, 10), 1, "1/2")
    level = Fraction(1, 1000)
    point = quantile(heavy, level, digits=15, method="arb")
    assert cumulative(heavy, point.lower, method="arb").lower <= level
    assert cumulative(heavy, point.upper, method="arb").upper >= level
    with pytest.raises(ComputationError, match="strictly between 0 and 1"):
        quantile(law, 1, method="arb")


@pytest.mark.parametrize("point", [0, 5, -30])
def test_twice_the_digits_lie_inside(point: int) -> None:
    law = model("w**2/2 + w**4/8", "1 + w**2 + w/2", "1/3", "3/4")
    rough = density(law, point, digits=12, method="arb")
    fine = density(law, point, digits=24, method="arb")
    assert rough.contains(fine)
    assert fine.certain_digits() >= 24


# --- zeros of C ----------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [15, 50, 200])
def test_a_law_between_irrational_zeros(digits: int) -> None:
    """Ito, L = w²/2, C = 2 − w²: E w² = 2η/(2 + η), from the stationary moment equation."""
    between = model("w**2/2", "2 - w**2", "1/10")
    value = moment(between, 2, digits=digits, method="arb")
    assert value.lower <= Fraction(2, 21) <= value.upper
    assert value.certain_digits() >= digits


def test_zeros_of_a_cubic() -> None:
    """C = 1 − 3w + w³ is positive from −2 cos 20° to 2 cos 80°: the law lies there; E w = 0."""
    cubic = model("w**2/2", "1 - 3*w + w**3", "1/10")
    assert moment(cubic, 1, digits=15).arb.contains(0)
    assert moment(cubic, 2, digits=15).certain_digits() >= 15
    assert density(cubic, Fraction(1, 4), digits=15).certain_digits() >= 15
    with pytest.raises(ComputationError, match="C is a variance"):
        density(cubic, Fraction(1, 2), digits=15, method="arb")


@pytest.mark.parametrize("method", ["arb", "mpmath"])
def test_a_population_with_noise_at_the_origin(method: Method) -> None:
    """Anti-Ito, L' = w² − w, C = w: a normal law of mean 1 and variance η/2 cut off at 0."""
    population = model("w**3/3 - w**2/2", "w", "1/10", 1)
    with mp.workdps(40):
        sigma = mp.sqrt(mp.mpf(1) / 20)
        mean = 1 + sigma * mp.npdf(1 / sigma) / mp.ncdf(1 / sigma)
        # E (w − 1)² = σ² − (mean − 1)
        second = sigma**2 - (mean - 1) + 2 * mean - 1
    for order, exact in ((1, mean), (2, second)):
        value = moment(population, order, method=method)
        assert abs(mp.mpf(float(value)) - exact) < 1e-14
        assert value.certain_digits() >= 15
    assert moment(population, Fraction(-1, 2), absolute=True, digits=15).certain_digits() >= 15
    assert tail_index(population, method=method).infinite == 1


def test_multiplicative_noise_chooses_the_side_with_a_law() -> None:
    """Ito, L' = w² − w, C = w²: E w = 1 − η/2 on w > 0; left of 0 there is no law."""
    logistic = model("w**3/3 - w**2/2", "w**2", "1/10")
    value = moment(logistic, 1, digits=30)
    assert value.lower <= Fraction(19, 20) <= value.upper
    middle = quantile(logistic, Fraction(1, 2), method="arb")
    half = cumulative(logistic, middle.middle, method="arb")
    assert abs(half.middle - Fraction(1, 2)) < Fraction(1, 10**13)


def test_extinction_and_a_zero_that_is_reached_are_named() -> None:
    for theta, error, message in (
        (0, InfiniteAtZero, "extinction"),
        ("1/2", ComputationError, "cannot reach"),
    ):
        with pytest.raises(error, match=message):
            moment(model("w**3/3 - w**2/2", "w", "1/10", theta), 1, method="arb")
    with pytest.raises(ComputationError, match="which is meant"):
        moment(model("w**4/4 - w**2/2", "w**2", "1/10"), 1, method="arb")


def test_a_quantile_behind_a_barrier():
    """From the middle of a barrier of 60 units of noise the masses seem infinitely far."""
    loss = (w**2 - 1) ** 2 * (w**2 + 1) / 4 + w**3 / 10
    wells = from_gradient(sympy.diff(loss, w), 1 + w**2 / 4, sympy.Rational(1, 100))
    found = quantile(wells, Fraction(1, 256), digits=12)
    below, above = (cumulative(wells, end, digits=15) for end in (found.lower, found.upper))
    assert below.lower < Fraction(1, 256) < above.upper
    assert above.upper - below.lower < Fraction(1, 10**10)


def test_a_quantile_of_a_bimodal_law() -> None:
    """Newton's last step falls out of the bracket by rounding: the point reached is kept."""
    wells = model("w**4/4 - w**2/2", "w**2 + 1/100", "1/4")
    found = quantile(wells, Fraction(1, 4))
    assert cumulative(wells, found.lower).lower < Fraction(1, 4)
    assert cumulative(wells, found.upper).upper > Fraction(1, 4)


@pytest.mark.parametrize(("loss", "noise"), [("w", "1"), ("-w**2/4", "1 + w**2")])
def test_no_tail_index_without_a_law(loss, noise) -> None:
    with pytest.raises(InfiniteMean, match="mass is infinite"):
        tail_index(model(loss, noise, "1/4"), method="arb")


@pytest.mark.parametrize(("at", "condition"), [(HALF, "w {} 1/2"), (Fraction(1, 3), "3*w {} 1")])
def test_density_at_a_jump_of_c_is_the_formula_there(at: Fraction, condition: str) -> None:
    """One law, and at the jump itself p = C^(−1) e^(−Φ) with the C of the formula: 1 or 2."""
    strict = model("w**2/2", f"piecewise(1, {condition.format('<')}, 2)", 1)
    closed = model("w**2/2", f"piecewise(1, {condition.format('<=')}, 2)", 1)
    ratio = density(closed, at).middle / density(strict, at).middle
    assert abs(ratio - 2) < Fraction(1, 10**14)


def test_normaliser_with_a_jump_of_c_at_0() -> None:
    """∫ e^(−x²/C)/C: √π/2 (1 + 1/√2), whatever C is at 0 itself."""
    law = model("w**2/2", "piecewise(1, w <= 0, 2)", 1)
    with mp.workdps(60):
        assert holds(normaliser(law, method="arb"), mp.sqrt(mp.pi) / 2 * (1 + 1 / mp.sqrt(2)))


@pytest.mark.parametrize("order", [Fraction(7, 3), Fraction(-1, 3)])
def test_absolute_moment_with_a_kink_at_0(order: Fraction) -> None:
    """p = e^(−2|w|): E|X|^r = Γ(r + 1)/2^r."""
    law = model("abs(w)", 1, 1, 1)
    with mp.workdps(60):
        r = mp.mpf(order.numerator) / order.denominator
        assert holds(moment(law, order, absolute=True), mp.gamma(r + 1) / 2**r)


@pytest.mark.parametrize("switch", ["-1", "1", "1/3", "-1/2"])
def test_absolute_moment_with_a_jump_of_c(switch: str) -> None:
    """Against quadrature of p = e^(−Φ)/C, Φ = x²/C + const, on each side of the jump."""
    law = model("w**2/2", f"piecewise(1, w < {switch}, 2)", 1)
    r = Fraction(3, 2)
    with mp.workdps(40):
        at = mp.mpf(Fraction(switch).numerator) / Fraction(switch).denominator
        rise = mp.exp(-(at**2) / 2)  # e^(−Φ) is continuous at the jump

        def density_there(x: Any) -> Any:
            return mp.exp(-(x**2)) if x < at else rise * mp.exp(-(x**2) / 2) / 2

        stops = [-12, *sorted({at, mp.mpf(0)}), 16]
        weight: Any = mp.quad(lambda x: abs(x) ** 1.5 * density_there(x), stops)
        mass: Any = mp.quad(density_there, stops)
        found = moment(law, r, absolute=True)
    assert abs(float(found) - float(weight / mass)) < 1e-12


def test_quantiles_far_out_in_both_tails() -> None:
    """p = e^(−2|w|): ±log(2q)/2 at q and 1 − q; a power tail against its own distribution."""
    laplace, small = model("abs(w)", 1, 1), Fraction(1, 10**30)
    with mp.workdps(60):
        exact = -mp.log(2 * mp.mpf(10) ** -30) / 2
        assert holds(quantile(laplace, small, method="arb"), -exact)
        assert holds(quantile(laplace, 1 - small, method="arb"), exact)
    heavy = model("w**2/2", "1+w**2", 100)  # m = 1.01
    for probability in (small, 1 - small):
        x = quantile(heavy, probability, method="arb", digits=25)
        upper = probability > HALF
        tail = cumulative(heavy, x.middle, upper=upper, method="arb", digits=20)
        assert abs(tail.middle / small - 1) < Fraction(1, 10**18)


def test_quantiles_close_to_zeros_of_c() -> None:
    """p = 6w(1−w): F = 3w² − 2w³, so that F(w) = 10^-30 at 10^-15/√3, by both routes."""
    law = from_gradient("w - 1/2", "w*(1-w)", "1/2")
    small = Fraction(1, 10**30)
    found = quantile(law, small)
    w = found.middle
    assert found.certain_digits() >= 15
    assert abs((3 * w**2 - 2 * w**3) / small - 1) < Fraction(1, 10**14)
    close = Fraction(1, 10**60)
    assert holds(cumulative(law, close), 3 * close**2 - 2 * close**3)


def test_points_far_out_beside_a_zero_of_c() -> None:
    """p ∝ e^(−2(w−1)²) on w > 0: no series about 0 reaches 8, where p is 10^-42."""
    law = from_gradient("w**2 - w", "w", "1/2", 1)
    with mp.workdps(60):
        exact = mp.exp(-98) / (mp.sqrt(mp.pi / 8) * (1 + mp.erf(mp.sqrt(2))))
        assert holds(density(law, 8), exact)


def test_far_points_of_a_power_tail_by_both_routes() -> None:
    """C = 1, L = log(1 + w²), η = 3: p ∝ (1 + w²)^(−2/3), at 10^30."""
    law = model("log(1+w**2)", 1, 3)
    with mp.workdps(60):
        mass = mp.beta(mp.mpf(1) / 2, mp.mpf(1) / 6)
        exact = mp.mpf(10) ** -40 / mass
        assert holds(density(law, 10**30), exact)
    assert cumulative(law, -(10**30)).certain_digits() >= 15


def test_a_moment_of_order_minus_one_diverges_at_0_without_a_zero_of_c() -> None:
    with pytest.raises(InfiniteMean, match="positive at 0"):
        moment(ornstein_uhlenbeck(), -1, absolute=True)


@pytest.mark.parametrize("far", [10**4, 10**6])
def test_far_out_in_a_tail_the_routes_agree(far: int) -> None:
    """The second route goes across what does not count: a Gaussian at 10⁶ is e^(−10¹²)."""
    law = model(w**2 / 2, 1, 1)
    with mp.workdps(60):
        mass, at = mp.erfc(far) / 2, mp.exp(-(mp.mpf(far) ** 2)) / mp.sqrt(mp.pi)
        for found, value in ((cumulative(law, -far), mass), (density(law, far), at)):
            decimal = mp.mpf(found.decimals(15)[0])
            assert abs(decimal / value - 1) < mp.mpf(10) ** -15


@pytest.mark.parametrize("loss", [sympy.log(w), w - 2 * sympy.log(w)])
def test_a_pole_of_the_drift_is_named(loss: sympy.Expr) -> None:
    with pytest.raises(ComputationError, match=r"drift that is finite .* infinite at 0;"):
        tail_index(model(loss, 1, 1), method="arb")
