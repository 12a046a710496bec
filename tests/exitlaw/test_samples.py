"""Models from data: exact means and covariances, and SGD itself."""

import itertools
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exitlaw import Diffusion, InputError, SampleLosses
from numerics.errors import ComputationError
from theory.diffusion import as_expression

w = sympy.Symbol("w", real=True)
FALSE_ALARM = 1e-9
hundredths = st.integers(-300, 300).map(lambda n: Fraction(n, 100))


def batch_gradients(losses: SampleLosses, at: Fraction, batch: int, replacement: bool):
    """The mean gradient of every possible batch."""
    names = [sympy.Symbol(name, real=True) for name in ("w", *losses.columns)]
    gradient = sympy.diff(losses.loss, losses.variable)
    values = [
        gradient.subs([(s, as_expression(v)) for s, v in zip(names, (at, *row), strict=True)])
        for row in losses.rows
    ]
    draw = (
        itertools.product(values, repeat=batch)
        if replacement
        else itertools.combinations(values, batch)
    )
    return [sympy.Add(*chosen) / batch for chosen in draw]


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(
    "loss", ["(y-x*w)**2/2", "y*w**4/4 - x*y*w**2 + w/3", "log(1+exp(-y*w))+x*w**2"]
)
@given(rows=st.lists(st.tuples(hundredths, hundredths), min_size=2, max_size=4), at=hundredths)
def test_drift_and_noise_are_those_of_the_batches(loss, replacement, rows, at):
    """Mean and variance over all batches of two, one by one."""
    columns = {"x": [x for x, _ in rows], "y": [y for _, y in rows]}
    losses = SampleLosses.from_columns(loss, columns)
    mean, noise = losses.mean_loss_and_noise(batch=2, replacement=replacement)
    gradients = batch_gradients(losses, at, 2, replacement)
    count = len(gradients)
    expected = sympy.Add(*gradients) / count
    variance = sympy.Add(*((one - expected) ** 2 for one in gradients)) / count
    for found, exact in (
        (sympy.diff(mean, w).subs(w, at), expected),
        (noise.subs(w, at), variance),
    ):
        gap = sympy.N(found - exact, 30, chop=True)
        assert abs(gap) < 1e-25 * max(1, abs(sympy.N(exact, 30)))
    if "exp" not in loss:
        assert sympy.simplify(noise.subs(w, at) - variance) == 0


def test_numbers_are_exact():
    losses = SampleLosses.from_columns("x*w", {"x": [0.1, "0.1", 1, Fraction(1, 3)]})
    assert losses.rows == ((Fraction(1, 10),), (Fraction(1, 10),), (1,), (Fraction(1, 3),))


def test_a_file_is_read(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("\ufeffx, y\n1,0.5\n\n-1,1e-1\n", "utf-8")
    losses = SampleLosses.from_csv("(y-x*w)**2/2", path)
    assert losses.columns == ("x", "y")
    assert losses.rows == ((1, Fraction(1, 2)), (-1, Fraction(1, 10)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n", "then a line for each sample"),
        ("x,y\n1,2\n3\n", "2 numbers on every line.*1 on line 3"),
        ("x,y\n1,two\n", "a finite number in column y"),
        ("x,y\n1,nan\n", "a finite number in column y"),
        ("x,x\n1,2\n", "names of columns that differ"),
        ("w,y\n1,2\n", "names of columns that differ from each other and from w"),
        ("x,z\n1,2\n", "with y"),
    ],
)
def test_bad_files_are_named(tmp_path, text, message):
    path = tmp_path / "samples.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        SampleLosses.from_csv("(y-x*w)**2/2", path)


def test_bad_requests_are_named(tmp_path):
    with pytest.raises(InputError, match="that can be read"):
        SampleLosses.from_csv("x*w", tmp_path / "none.csv")
    with pytest.raises(InputError, match="columns of one length"):
        SampleLosses.from_columns("x*w", {"x": [1], "y": [1, 2]})
    losses = SampleLosses.from_columns("x*w", {"x": [1, 2]})
    with pytest.raises(InputError, match="a batch of at most N = 2"):
        losses.mean_loss_and_noise(batch=3, replacement=False)
    many = SampleLosses.from_columns("exp(x*w)", {"x": range(201)})
    with pytest.raises(InputError, match="at most 200 samples"):
        many.mean_loss_and_noise()


def test_the_diffusion_of_linear_regression():
    """Its exit time is that of the formulas written out."""
    losses = SampleLosses.from_columns("(y-x*w)**2/2", {"x": [1, -1, 2], "y": ["0.5", "0.5", -1]})
    made = losses.diffusion(eta="1/10", interpretation="ito")
    written = Diffusion.from_drift(
        "-(2*w+2/3)", "2*w**2+8*w/3+19/18", eta="1/10", interpretation="ito"
    )
    times = [one.mean_exit_time(start="-1/3", exit="1/4", digits=12) for one in (made, written)]
    assert times[0].overlaps(times[1])
    assert times[0].relative_width() < 1e-12


def test_sgd_is_confined_where_its_diffusion_is_not():
    """Each step moves w towards some y/x in {1/2, −1/2}: it never passes 1/2."""
    losses = SampleLosses.from_columns("(y-x*w)**2/2", {"x": [1, -1, 2], "y": ["0.5", "0.5", -1]})
    run = losses.descent(eta="1/10").run((1, 2, 3, 4), 0, 200, start=0.0, updates=2000)
    assert abs(run.states).max() <= 0.5
    far = losses.diffusion(eta="1/10", interpretation="ito").mean_exit_time(start=0, exit=1)
    assert far.lower > 0


def test_a_walk_leaves_when_it_must(seed):
    """Losses −zw, z = ±1: 64 updates in the mean from (−8η, 8η); 5 % off is excluded."""
    losses = SampleLosses.from_columns("-z*w", {"z": [1, -1]})
    found = losses.simulate_mean_exit_time(
        eta="1/8", start=0, exit=1, exit_below=-1, paths=40_000, seed=seed
    )
    assert not found.excludes(8.0, FALSE_ALARM)
    assert found.excludes(8.4, FALSE_ALARM)
    with pytest.raises(ComputationError, match="strictly inside"):
        losses.simulate_mean_exit_time(eta="1/8", start=2, exit=1)


LOGISTIC = "log(1+exp(-y*x*w)) + w**2/20"
LABELLED = {"x": ["0.5", "1.2", "-0.7", "2"], "y": [1, 1, -1, -1]}


def test_logistic_regression_from_its_samples_and_from_its_formula():
    """Programs sample by sample and one long formula are the same model."""
    losses = SampleLosses.from_columns(LOGISTIC, LABELLED)
    sampled = losses.diffusion(eta="1/2", interpretation="stratonovich")
    assert sampled.loss is not None
    whole = Diffusion.from_loss(
        sampled.loss, sampled.noise, eta="1/2", interpretation="stratonovich"
    )
    ends: dict[str, Any] = {"start": 0, "exit": 1, "exit_below": -1}
    one = sampled.mean_exit_time(**ends, digits=12, method="arb")
    other = whole.mean_exit_time(**ends, digits=12, method="arb")
    assert one.overlaps(other)


@pytest.mark.slow
def test_logistic_regression_leaves_on_one_side():
    """Both routes, with the bounds of decaying exponentials beyond the last panel."""
    losses = SampleLosses.from_columns(LOGISTIC, LABELLED)
    well = losses.diffusion(eta="1/2", interpretation="ito")
    ends: dict[str, Any] = {"start": 0, "exit": 2}
    assert well.mean_exit_time(**ends, digits=15).relative_width() < 1e-14
    below = well.mean_exit_time(**ends, exit_below=-2, digits=15, method="arb")
    assert below.upper < well.mean_exit_time(**ends, digits=15, method="arb").lower
