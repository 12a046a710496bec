"""Models from data in several dimensions: exact means and covariances, and SGD itself.

False-alarm rate of each statistical comparison: 1e-9.
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from exitlaw import DiffusionND, InputError, SampleLosses, SampleLossesND
from numerics.errors import ComputationError
from numerics.evaluators import evaluate_mpmath
from numerics.multivariate import upper_triangle
from numerics.simulation.estimate import normal_quantile
from theory.diffusion import as_expression

FALSE_ALARM = 1e-9
LINE = "(y-a*x-b)**2/2"
ROBUST = "(y-a*x-b)**2/(1+(y-a*x-b)**2)"
TRIPLE = {"x": [1, -1, 2], "y": ["0.5", "0.5", -1]}
hundredths = st.integers(-300, 300).map(lambda n: Fraction(n, 100))


def at_values(formula: Any, values: dict[sympy.Symbol, sympy.Expr]) -> Any:
    """A formula with its symbols set."""
    return formula.subs(list(values.items()))


def batch_gradients(losses: SampleLossesND, at, batch: int, replacement: bool) -> list[list]:
    """The mean gradient of every possible batch, one by one."""
    fields = [sympy.Symbol(name, real=True) for name in losses.columns]
    values = []
    for row in losses.rows:
        known = dict(
            zip((*losses.variables, *fields), map(as_expression, (*at, *row)), strict=True)
        )
        values.append([at_values(sympy.diff(losses.loss, v), known) for v in losses.variables])
    draw = (
        itertools.product(values, repeat=batch)
        if replacement
        else itertools.combinations(values, batch)
    )
    return [[sympy.Add(*parts) / batch for parts in zip(*chosen, strict=True)] for chosen in draw]


def mean_and_covariance(gradients: list[list]) -> tuple[list, list[list]]:
    """By their definitions, over a list of equally likely vectors."""
    count, size = len(gradients), len(gradients[0])
    middle = [sympy.Add(*(g[i] for g in gradients)) / count for i in range(size)]
    covariance = [
        [
            sympy.Add(*((g[i] - middle[i]) * (g[j] - middle[j]) for g in gradients)) / count
            for j in range(size)
        ]
        for i in range(size)
    ]
    return middle, covariance


def assert_equal(found, exact, *, exactly: bool) -> None:
    if exactly:
        assert sympy.expand(found - exact) == 0
    else:
        scale = max(1, abs(sympy.N(exact, 40)))
        assert abs(sympy.N(found - exact, 40, chop=True)) < sympy.Float("1e-30") * scale


samples = st.lists(st.tuples(hundredths, hundredths), min_size=2, max_size=4)


def assert_batches(loss, variables, replacement, rows, at, *, exactly: bool) -> None:
    columns = {"x": [x for x, _ in rows], "y": [y for _, y in rows]}
    losses = SampleLossesND.from_columns(loss, columns, variables=variables)
    assert losses.is_polynomial == exactly
    place = at[: losses.dimension]
    mean, noise = losses.mean_loss_and_noise(batch=2, replacement=replacement)
    drift, covariance = mean_and_covariance(batch_gradients(losses, place, 2, replacement))
    values = dict(zip(losses.variables, map(as_expression, place), strict=True))
    for i, v in enumerate(losses.variables):
        assert_equal(at_values(sympy.diff(mean, v), values), drift[i], exactly=exactly)
        for j in range(losses.dimension):
            assert_equal(at_values(noise[i, j], values), covariance[i][j], exactly=exactly)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(
    ("loss", "variables"),
    [
        (LINE, "a,b"),
        ("x*a**2*b/3 - y*a*b + x*b**3 + a", "a,b"),
        ("(y-a*x-b-c*x**2)**2/2", "a,b,c"),
    ],
)
@settings(max_examples=25)
@given(rows=samples, at=st.tuples(hundredths, hundredths, hundredths))
def test_drift_and_noise_are_those_of_the_batches(loss, variables, replacement, rows, at):
    """Mean and covariance over all batches of two; rational numbers to the last digit."""
    assert_batches(loss, variables, replacement, rows, at, exactly=True)


@pytest.mark.parametrize("replacement", [True, False])
@settings(max_examples=5)
@given(rows=samples, at=st.tuples(hundredths, hundredths))
def test_losses_that_are_no_polynomials(replacement, rows, at):
    """The same to 30 digits."""
    loss = "log(1+exp(-y*(a+b*x)))+a*x"
    assert_batches(loss, "a,b", replacement, rows, at, exactly=False)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("loss", [LINE, ROBUST, "exp(a*x)*y+b*sin(b*x)"])
def test_programs_are_those_of_the_formulas(loss, replacement):
    """∇L, C and ∇·C as the numerics take them, beside derivatives of the symbolic C."""
    data = {"x": [1, -1, 2, "0.5", 3], "y": ["0.5", "0.5", -1, 2, "0.25"]}
    losses = SampleLossesND.from_columns(loss, data, variables="a,b")
    made = losses.diffusion(eta="1/10", interpretation="ito", batch=3, replacement=replacement)
    lowered, (a, b) = made.lowered(), made.variables
    divergence = [sympy.diff(made.noise[i, 0], a) + sympy.diff(made.noise[i, 1], b) for i in (0, 1)]
    pairs = [
        (lowered.gradient, list(made.gradient)),
        (lowered.noise, [made.noise[i, j] for i, j in upper_triangle(2)]),
        (lowered.noise_divergence, divergence),
    ]
    with mpmath.workdps(40):
        for program, formulas in pairs:
            found = evaluate_mpmath(program, mpmath.mpf("0.3"), mpmath.mpf("-0.7"))
            exact = [
                f.subs({a: sympy.Rational(3, 10), b: -sympy.Rational(7, 10)}) for f in formulas
            ]
            for one, other in zip(found, exact, strict=True):
                assert abs(one - mpmath.mpmathify(str(sympy.N(other, 40)))) < mpmath.mpf("1e-35")


def test_one_variable_is_the_case_of_one_dimension():
    one = SampleLosses.from_columns("(y-x*w)**2/2", TRIPLE)
    same = SampleLossesND.from_columns("(y-x*w)**2/2", TRIPLE, variables="w")
    loss, noise = one.mean_loss_and_noise(batch=2, replacement=False)
    mean, matrix = same.mean_loss_and_noise(batch=2, replacement=False)
    assert (mean, matrix[0, 0]) == (loss, noise)


def test_irrational_coefficients_stay_exact():
    losses = SampleLossesND.from_columns("sqrt(2)*x*a**2+pi*x*b", {"x": [1, 2]}, variables="a,b")
    a = losses.variables[0]
    _, noise = losses.mean_loss_and_noise()
    assert noise[0, 0] == 2 * a**2
    assert sympy.expand(noise[0, 1] - sympy.sqrt(2) * sympy.pi * a / 2) == 0


def test_plain_symbols_are_the_variables():
    """A symbol without assumptions is another symbol to SymPy: its derivative would be lost."""
    a, b, x, y = sympy.symbols("a b x y")
    made = SampleLossesND.from_columns((y - a * x - b) ** 2 / 2, TRIPLE, variables="a,b")
    read = SampleLossesND.from_columns(LINE, TRIPLE, variables=["a", "b"])
    assert made == read


def test_independent_coordinates_have_the_certified_time_of_one():
    """All pairs of samples: a regression in a beside one in b, C diagonal; exit by a alone."""
    pairs = list(itertools.product([(1, "0.5"), (-1, "0.5"), (2, -1)], [-1, 1, 2]))
    columns = {
        "x": [p[0][0] for p in pairs],
        "y": [p[0][1] for p in pairs],
        "z": [p[1] for p in pairs],
    }
    plane = SampleLossesND.from_columns("(y-a*x)**2/2+(b-z)**2/2", columns, variables="a,b")
    made = plane.diffusion(eta="1/10", interpretation="ito", batch=2)
    assert made.noise[0, 1] == 0
    found = made.mean_exit_time(start=("-1/3", 0), exit_region="a >= 0")
    one = SampleLosses.from_columns("(y-x*w)**2/2", TRIPLE).diffusion(
        eta="1/10", interpretation="ito", batch=2
    )
    exact = one.mean_exit_time(start="-1/3", exit=0)
    assert abs(found.value - float(exact)) <= found.error
    assert found.error < 1e-3 * found.value


def test_a_loss_that_is_no_polynomial_has_the_numbers_of_its_formulas():
    """Finite elements on the programs of the samples, and on C written out."""
    data = {"x": [1, -1, 2, "0.5", 3], "y": ["0.5", "0.5", -1, 2, "0.25"]}
    losses = SampleLossesND.from_columns(ROBUST, data, variables="a,b")
    made = losses.diffusion(eta="2", interpretation="ito")
    written = DiffusionND.from_loss(
        made.loss or 0, made.noise, variables=made.variables, eta="2", interpretation="ito"
    )
    start, region = (0, "0.5"), "a**2+(b-1/2)**2 >= 1/4"
    found, same = (one.mean_exit_time(start=start, exit_region=region) for one in (made, written))
    assert found.value == pytest.approx(same.value, rel=1e-9)


# --- SGD itself ----------------------------------------------------------------------------------


def walks(signs=((1, 1), (1, -1), (-1, 1), (-1, -1))) -> SampleLossesND:
    """Losses −ua − vb: an update adds η(u, v); all four signs make two independent walks."""
    columns = {"u": [u for u, _ in signs], "v": [v for _, v in signs]}
    return SampleLossesND.from_columns("-u*a-v*b", columns, variables="a,b")


def test_a_walk_in_the_plane_leaves_a_strip_when_it_must(seed):
    """The edge belongs to >= and not to >: 64 and 81 updates; 5 % off is excluded."""
    for region, updates in (("a >= 1 or a <= -1", 64), ("a > 1 or a < -1", 81)):
        found = walks().simulate_mean_exit_time(
            eta="1/8", start=(0, 0), exit_region=region, paths=40_000, seed=seed
        )
        assert not found.excludes(updates / 8, FALSE_ALARM)
        assert found.excludes(1.05 * updates / 8, FALSE_ALARM)
        assert (found.bias_bound, found.scheme) == (0.0, "sgd")


def square_exit_time(half: int) -> float:
    """Mean updates until one of two independent walks of steps ±1 is at ±half, from 0.

    E min(T_a, T_b) = Σ P(T > n)², P(T > n) by powers of the matrix of one walk; error below 1e-9.
    """
    inside = np.eye(2 * half - 1)[half - 1]
    step = 0.5 * (np.eye(inside.size, k=1) + np.eye(inside.size, k=-1))
    total = 0.0
    while inside.sum() > 1e-8:
        total += inside.sum() ** 2
        inside = step @ inside
    return total


def test_two_walks_leave_a_square_when_they_must(seed):
    """Both coordinates move at each update, independently; 5 % off is excluded."""
    found = walks().simulate_mean_exit_time(
        eta="1/4", start=(0, 0), exit_region="a**2 >= 1 or b**2 >= 1", paths=40_000, seed=seed
    )
    exact = square_exit_time(4) / 4
    assert not found.excludes(exact, FALSE_ALARM)
    assert found.excludes(1.05 * exact, FALSE_ALARM)


@pytest.mark.parametrize("replacement", [True, False])
def test_independent_coordinates_leave_as_one_does(seed, replacement):
    """Every sample of a regression in w twice, for z = ±1: a follows the same SGD, b another.

    With replacement the law of a is that of w. Without, batches of one are the same draw. Two
    independent estimates of 3 %: their difference is within 6.11 of its standard errors, and 20 %
    between the means would be 4.6 times as far as that bound allows.
    """
    rows = list(zip(TRIPLE["x"], TRIPLE["y"], strict=True))
    pairs = list(itertools.product(rows, [-1, 1]))
    columns = {
        "x": [p[0][0] for p in pairs],
        "y": [p[0][1] for p in pairs],
        "z": [p[1] for p in pairs],
    }
    plane = SampleLossesND.from_columns("(y-a*x)**2/2+(b-z)**2/2", columns, variables="a,b")
    line = SampleLosses.from_columns("(y-x*w)**2/2", TRIPLE)
    size, paths = 2 if replacement else 1, 20_000
    found = plane.simulate_mean_exit_time(
        start=("-1/3", 0), exit_region="a >= 0", eta="1/10", batch=size, replacement=replacement,
        paths=paths, seed=seed,
    )  # fmt: skip
    known = line.simulate_mean_exit_time(
        start="-1/3", exit=0, eta="1/10", batch=size, replacement=replacement, paths=paths,
        seed=seed + 1,
    )  # fmt: skip
    error = math.hypot(found.standard_error, known.standard_error)
    reach = normal_quantile(1 - FALSE_ALARM / 2) * error
    assert abs(found.estimate - known.estimate) <= reach
    assert 2 * reach < 0.2 * known.estimate


def test_bad_descents_are_named():
    def leave(start, region, **options):
        return walks().simulate_mean_exit_time(
            eta="1/8", start=start, exit_region=region, paths=100, **options
        )

    with pytest.raises(ComputationError, match="a start of 2 coordinates; received 1"):
        leave((0,), "a >= 1")
    with pytest.raises(InputError, match="2 coordinates"):
        leave("0,0", "a >= 1")
    with pytest.raises(ComputationError, match="a start outside the exit region"):
        leave((1, 0), "a >= 1")
    with pytest.raises(InputError, match="c has no value"):
        leave((0, 0), "c >= 1")
    with pytest.raises(InputError, match="a condition"):
        leave((0, 0), "a+b")
    with pytest.raises(ComputationError, match="have a value at the start"):
        leave((0, 0), "log(a-1) >= 1")
    with pytest.raises(ComputationError, match="have a value wherever paths come"):
        leave((0, 0), "log(a+1/2) >= 1")
    steep = SampleLossesND.from_columns("x*a**4+b", {"x": [1, 2]}, variables="a,b")
    with pytest.raises(ComputationError, match="paths that stay finite numbers"):
        steep.simulate_mean_exit_time(eta=10, start=(1, 0), exit_region="b >= 1", paths=100)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "columns", "variables", "message"),
    [
        (LINE, {"x": [1, 2], "y": [1, 2]}, "a", "with b"),
        (LINE, {"x": [1, 2]}, "a,b", "with y"),
        (LINE, TRIPLE, "a,b,c", "without c"),
        (LINE, TRIPLE, "a,b,a", "different names"),
        (LINE, TRIPLE, "a,x", "from a, x; received 'x'"),
        (LINE, TRIPLE, "a,", "names of variables"),
        (LINE, {"x": [], "y": []}, "a,b", "of one sample at least"),
        (LINE, {"x": ["one"], "y": [1]}, "a,b", "a finite number in column x"),
    ],
)
def test_bad_samples_are_named(loss, columns, variables, message):
    with pytest.raises(InputError, match=message):
        SampleLossesND.from_columns(loss, columns, variables=variables)


@pytest.mark.parametrize(
    ("loss", "columns", "options", "message"),
    [
        (LINE, {"x": [1, 2], "y": [1, 3]}, {}, "a C of rank 1 at every state tried, of 2 samples"),
        (LINE, {"x": [2, 2, 2], "y": [1, 3, 4]}, {}, "rank 1"),
        ("(y-a*x-2*b*x)**2/2", TRIPLE, {}, "rank 1"),
        (ROBUST, {"x": [2, 2, 2], "y": [1, 3, 4]}, {}, "rank 1"),
        (LINE, TRIPLE, {"batch": 3, "replacement": False}, "rank 0.*a smaller batch"),
        (LINE, TRIPLE, {"batch": 4, "replacement": False}, "a batch of at most N = 3"),
        (LINE, TRIPLE, {"batch": 0}, "a batch size"),
    ],
)
def test_a_singular_covariance_is_named(loss, columns, options, message):
    losses = SampleLossesND.from_columns(loss, columns, variables="a,b")
    with pytest.raises(InputError, match=message):
        losses.diffusion(eta="1/10", interpretation="ito", **options)


def test_sgd_needs_no_covariance(seed):
    """Collinear data leave a direction without noise; SGD runs on them all the same."""
    losses = SampleLossesND.from_columns("-u*(a+2*b)", {"u": [1, -1]}, variables="a,b")
    found = losses.simulate_mean_exit_time(
        eta="1/8", start=(0, 0), exit_region="a >= 1 or a <= -1", paths=40_000, seed=seed
    )
    assert not found.excludes(8.0, FALSE_ALARM)
    assert found.excludes(8.4, FALSE_ALARM)


def test_many_samples_of_no_polynomial_are_refused():
    many = SampleLossesND.from_columns("exp(a*x)+b*x", {"x": range(201)}, variables="a,b")
    with pytest.raises(InputError, match="at most 200 samples"):
        many.diffusion(eta=1, interpretation="ito")
