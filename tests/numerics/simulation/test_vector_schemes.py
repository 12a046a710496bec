"""Orders of the schemes in d dimensions: one step without chance, and fitted slopes.

One step: the expectation over the normals of a step is a Gauss–Hermite sum, that over its signs a
sum over both; for linear drift and quadratic noise the generator maps monomials of degree n to
such, so that their exact means after a step h are those of a matrix exponential. A scheme of weak
order p has local errors O(h^(p+1)) in all of them.
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.linalg import expm

from numerics.errors import ComputationError
from numerics.lowering import lower_multivariate
from numerics.simulation.multivariate import vector_kernel
from numerics.simulation.vector_orders import coupled_ends, strong_order, weak_order

FALSE_ALARM = 1e-9
x, y, z = sympy.symbols("x y z", real=True)
PLANE = (x, y)
HALF = sympy.Rational(1, 2)
FULL = [[1 + y**2, x * y / 2], [x * y / 2, 1 + x**2]]
"""Positive definite; its columns do not commute."""
DIAGONAL = [1 + x**2, 1 + y**2 / 2]
MIXED = [1 + y**2, 1 + x**2]
"""Diagonal, and not commuting."""
FORCE = (x - y / 2, y + x / 2)
WEIGHTS = np.array([[1.0, 0.5], [0.5, 2.0]])


def plane_model(noise: Any, theta: Any = 0):
    return lower_multivariate(PLANE, FORCE, noise, eta=HALF, theta=sympy.sympify(theta))


def exact_means(noise, theta, start, h, degree=4):
    """E of every monomial of degree <= `degree` at time h, by the exponential of the generator."""
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    place: dict[tuple[int, ...], int] = {power: n for n, power in enumerate(powers)}
    C = sympy.diag(*noise) if not isinstance(noise[0], list) else sympy.Matrix(noise)
    drift = [
        -f
        + sympy.sympify(theta) * HALF / 2 * sum(sympy.diff(C[i, j], v) for j, v in enumerate(PLANE))
        for i, f in enumerate(FORCE)
    ]
    matrix = np.zeros((len(powers), len(powers)))
    for row, (i, j) in enumerate(powers):
        f = x**i * y**j
        image = sum(a * sympy.diff(f, v) for a, v in zip(drift, PLANE, strict=True))
        image += (
            HALF
            / 2
            * sum(C[a, b] * sympy.diff(f, PLANE[a], PLANE[b]) for a in (0, 1) for b in (0, 1))
        )
        for power, value in sympy.Poly(sympy.expand(image), x, y).terms():
            matrix[row, place[power]] += float(value)
    values = np.array([float(start[0]) ** i * float(start[1]) ** j for i, j in powers])
    return powers, expm(matrix * h) @ values


def one_step_means(kernel, start, h, powers):
    """E of monomials after one step of the kernel's own lines, without chance."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = weights / weights.sum()

    def coefficients(*arguments):
        states = np.stack(np.broadcast_arrays(*arguments[: kernel.dimension]))
        drift, noise, _ = kernel.coefficients(states.reshape(kernel.dimension, -1))
        factor = np.linalg.cholesky(np.moveaxis(noise / kernel.eta, -1, 0))
        shape = states.shape[1:]
        return (
            *(a.reshape(shape) for a in drift),
            *(factor[:, i, j].reshape(shape) for i, j in kernel.factor),
            False,
        )

    grid = np.array(list(itertools.product(range(12), repeat=2))).T
    chance = weights[grid[0]] * weights[grid[1]]
    total = np.zeros(len(powers))
    signs = kernel.form.signs()
    size = math.sqrt(kernel.eta * h)
    for choice in itertools.product((-1.0, 1.0), repeat=len(signs)):
        names = {
            "math": np, "coefficients": coefficients, "te": 0.0, "eta": kernel.eta, "h": h,
            "x0": np.full(grid.shape[1], start[0]), "x1": np.full(grid.shape[1], start[1]),
            "u0": size * nodes[grid[0]], "u1": size * nodes[grid[1]],
            **{f"v_{r}_{j}": s * kernel.eta * h for (r, j), s in zip(signs, choice, strict=True)},
            **dict.fromkeys(kernel.form.constants, 0.0),
        }  # fmt: skip
        exec("\n".join(kernel.step()), names)
        ends = [names["y0"], names["y1"]]
        total += [float(chance @ (ends[0] ** i * ends[1] ** j)) for i, j in powers]
    return total / 2 ** len(signs)


def local_orders(noise, theta, scheme):
    """Slopes of the local error in monomials, and the errors, from steps 1/40 and 1/80.

    Errors below a twentieth of the largest are left out: there leading terms may cancel.
    """
    kernel = vector_kernel(plane_model(noise, theta), scheme=scheme)
    start, errors = (0.7, -0.4), []
    steps = (1 / 40, 1 / 80)
    for h in steps:
        powers, exact = exact_means(noise, theta, start, h)
        errors.append(np.abs(one_step_means(kernel, start, h, powers) - exact))
    seen = errors[1] > errors[1].max() / 20.0
    return np.log2(errors[0][seen] / errors[1][seen]), errors[1]


@pytest.mark.parametrize(
    ("noise", "theta"), [(FULL, 0), (FULL, HALF), (DIAGONAL, 1), (MIXED, HALF), ([2, 1], 0)],
    ids=["full", "full Stratonovich", "diagonal", "mixed", "constant"],
)  # fmt: skip
def test_platen_has_weak_order_two_in_one_step(noise, theta):
    """Local errors O(h³) in all moments up to the fourth; Euler's are O(h²) and 20 times larger."""
    slopes, errors = local_orders(noise, theta, "platen")
    assert len(slopes) >= 5
    assert np.all(slopes > 2.7)
    euler_slopes, euler_errors = local_orders(noise, theta, "euler")
    assert np.median(euler_slopes) == pytest.approx(2.0, abs=0.2)
    assert euler_errors.max() > 20.0 * errors.max()


def test_without_its_signs_platen_loses_its_order(monkeypatch):
    """The mixed integrals have variance h²/2: the products of increments alone have half of it."""
    import numerics.simulation.vector_schemes as schemes

    monkeypatch.setattr(schemes.Form, "signs", lambda self: [])
    found = local_orders(FULL, 0, "euler")
    assert found[0].size
    kernel = vector_kernel(plane_model(FULL), scheme="platen")
    lines = [line.replace("v_0_1", "0.0") for line in kernel.step()]
    monkeypatch.setattr(type(kernel), "step", lambda self: lines)
    slopes, _ = local_orders(FULL, 0, "platen")
    assert slopes.min() < 2.3


@pytest.mark.parametrize(
    ("noise", "scheme", "order"),
    [
        pytest.param(FULL, "euler", 0.5, id="euler"),
        pytest.param(DIAGONAL, "milstein", 1.0, id="milstein"),
    ],
)
def test_strong_orders(seed, noise, scheme, order):
    """H0: |slope − order| <= 0.15, the curvature at these steps; false-alarm rate 1e-9.

    The other of 1/2 and 1 is rejected by more than 20 standard errors (power above 1 − 1e-9).
    """
    ends = coupled_ends(
        plane_model(noise, HALF), scheme, (1, -1), until=1.0, counts=(16, 32, 64), fine=1024,
        paths=4000, seed=seed,
    )  # fmt: skip
    found = strong_order(ends)
    assert not found.excludes(order, 0.15, FALSE_ALARM)
    assert found.excludes(1.5 - order, 0.15, FALSE_ALARM)


@pytest.mark.slow
def test_weak_orders(seed):
    """H0: |slope − 2| <= 0.35 for platen; order 1 is rejected (8 standard errors beyond 0.35)."""
    ends = coupled_ends(
        plane_model(FULL), "platen", (1, -1), until=2.0, counts=(4, 8, 16), fine=64,
        paths=400_000, seed=seed,
    )  # fmt: skip
    found = weak_order(ends, WEIGHTS)
    assert not found.excludes(2.0, 0.35, FALSE_ALARM)
    assert found.excludes(1.0, 0.35, FALSE_ALARM)


def test_schemes_leave_out_what_vanishes_by_form():
    """Constant noise: Milstein's scheme is Euler's, Platen's has two evaluations (Heun's)."""
    constant = lower_multivariate(PLANE, FORCE, [[2, 1], [1, 2]], eta=HALF, theta=HALF)
    assert (
        vector_kernel(constant, scheme="milstein").step()[-2:]
        == (vector_kernel(constant, scheme="euler").step()[-2:])
    )
    heun = "\n".join(vector_kernel(constant, scheme="platen").step())
    assert heun.count("coefficients(") == 2
    own = vector_kernel(plane_model(DIAGONAL), scheme="platen")
    assert own.form.signs() == []
    assert vector_kernel(plane_model(FULL), scheme="platen").form.signs() == [(0, 1)]


@pytest.mark.parametrize(
    "noise", [FULL, MIXED, 1 + x**2 + y**2], ids=["full", "mixed", "isotropic"]
)
def test_milstein_refuses_noise_that_does_not_commute(noise):
    with pytest.raises(ComputationError, match="noise that commutes"):
        vector_kernel(plane_model(noise), scheme="milstein")


def test_milstein_takes_full_noise_that_commutes():
    """G = ((1, 0), (x, 1)) sends x to itself: L^1 G_2 = L^2 G_1 = 0, though C is full."""
    noise = [[1, x], [x, 1 + x**2]]
    made = plane_model(noise)
    assert vector_kernel(made, scheme="milstein").scheme.name == "milstein"


def test_bad_input_is_named():
    with pytest.raises(ComputationError, match="euler, milstein, platen"):
        vector_kernel(plane_model(FULL), scheme="heun")
    with pytest.raises(ComputationError, match="divide"):
        coupled_ends(plane_model(FULL), "euler", (0, 0), until=1.0, counts=(3,), fine=16, paths=2)
