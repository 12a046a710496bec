"""Trajectories on disk: the law of their states, reproducibility, and files that are whole."""

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from simulation_models import model, ornstein_uhlenbeck, power_law_well

from numerics.errors import ComputationError
from numerics.lowering import lower_multivariate
from numerics.simulation import trajectories
from numerics.simulation.estimate import normal_quantile

FALSE_ALARM = 1e-9
x, y = sympy.symbols("x y", real=True)


@pytest.fixture(scope="module", params=["parquet", "zarr"])
def suffix(request) -> str:
    return f".{request.param}"


def states_of(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray, Any]:
    """States (paths, times) by variable, times, and the stored description."""
    if path.suffix == ".zarr":
        import zarr

        group: Any = zarr.open_group(str(path), mode="r")
        names = [name for name in group.array_keys() if name != "time"]
        return {n: group[n][:] for n in names}, group["time"][:], group.attrs["exitlaw"]
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    description = json.loads(file.schema_arrow.metadata[b"exitlaw"])
    table = file.read()
    shape = (description["paths"], description["samples"])
    assert np.array_equal(table["path"].to_numpy(), np.repeat(np.arange(shape[0]), shape[1]))
    times = table["time"].to_numpy().reshape(shape)
    assert np.all(times == times[0])
    names = [name for name in table.column_names if name not in ("path", "time")]
    return {n: table[n].to_numpy().reshape(shape) for n in names}, times[0], description


def contents(path: Path) -> dict[str, bytes]:
    """Every byte that was written."""
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return {str(f.relative_to(path)): f.read_bytes() for f in files}


def test_states_have_the_law_of_the_chain(seed, suffix, tmp_path):
    """Euler on dw = −w dt + √η dB: X_n is normal, of variance η h (1 − a^2n)/(1 − a²), a = 1 − h.

    H0: the variance is this one; 2·10⁴ paths give it a standard error of 1 %; false alarm 1e-9 at
    6.11 of them; a variance 15 % off, that of a stream used twice, passes with probability 1e-15.
    """
    h, paths = 0.1, 20_000
    done = trajectories.record(
        ornstein_uhlenbeck(), (1,), tmp_path / f"a{suffix}", until=2.0, dt=h, every=5, paths=paths,
        scheme="euler", seed=seed,
    )  # fmt: skip
    states, times, description = states_of(tmp_path / f"a{suffix}")
    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    assert (done.samples, done.path_steps) == (5, 20 * paths)
    assert description["scheme"] == "euler"
    assert description["dt"] == h
    assert np.all(states["w"][:, 0] == 1.0)
    a, n = 1.0 - h, 5 * np.arange(1, 5)
    variance = h * (1.0 - a ** (2 * n)) / (1.0 - a * a)
    limit = normal_quantile(1.0 - FALSE_ALARM / 16)
    found = states["w"][:, 1:]
    assert np.all(np.abs(found.mean(0) - a**n) < limit * np.sqrt(variance / paths))
    assert np.all(np.abs(found.var(0) / variance - 1.0) < limit * np.sqrt(2.0 / paths))
    # Increments of different times and of different paths are uncorrelated.
    increments = found[:, 1] - a**5 * found[:, 0]
    assert abs(np.corrcoef(increments, found[:, 0])[0, 1]) < limit / np.sqrt(paths)
    assert abs(np.corrcoef(found[1:, 3], found[:-1, 3])[0, 1]) < limit / np.sqrt(paths - 1)


def test_two_dimensions_have_the_covariance_of_the_noise(seed, suffix, tmp_path):
    """One step from 0 with a full C: covariance ηhC to 6.11 standard errors, about 5 %."""
    C = np.array([[1.0, 0.5], [0.5, 2.0]])
    made = lower_multivariate(
        (x, y), (x, y), [[1, sympy.Rational(1, 2)], [sympy.Rational(1, 2), 2]],
        eta=sympy.Integer(1), theta=sympy.Integer(0),
    )  # fmt: skip
    paths = 30_000
    done = trajectories.record(
        made, (0, 0), tmp_path / f"a{suffix}", until=0.1, dt=0.1, paths=paths, seed=seed
    )
    assert done.variables == ("x", "y")
    states, _, _ = states_of(tmp_path / f"a{suffix}")
    found = np.cov(states["x"][:, 1], states["y"][:, 1]) / 0.1
    error = np.sqrt((C**2 + np.outer(np.diag(C), np.diag(C))) / paths)
    assert np.all(np.abs(found - C) < normal_quantile(1.0 - FALSE_ALARM / 8) * error)


@pytest.mark.parametrize("delta", [0.1, 1.5])
def test_exact_states_have_the_law_of_the_process(seed, suffix, tmp_path, monkeypatch, delta):
    """dw = −w dt + √η dB: variance η(1 − e^(−2t))/2, whatever the times; and blocks change no bit.

    False-alarm rate 1e-9; the variance of Euler's chain at h = 0.1, 5 % larger at the last time, is
    10 standard errors away.
    """
    made, path = ornstein_uhlenbeck("1/2"), tmp_path / f"exact{suffix}"
    given = {"until": 3.0, "dt": delta, "paths": 80_000, "scheme": "exact", "seed": seed}
    done = trajectories.record(made, [1], path, **given, workers=2)
    assert done.scheme == "exact"
    found, times, _ = states_of(path)
    states = found["w"]
    np.testing.assert_allclose(states[:, 0], 1.0, rtol=1e-14)
    quantile = normal_quantile(1 - FALSE_ALARM / 2 / 2)
    last, t = states[:, -1], float(times[-1])
    variance = 0.25 * (1 - np.exp(-2 * t))
    assert abs(last.mean() - np.exp(-t)) < quantile * last.std() / 80_000**0.5
    spread = quantile * variance * (2 / 80_000) ** 0.5
    assert abs(last.var() - variance) < spread
    assert 0.05 * variance > 1.6 * spread
    monkeypatch.setattr(trajectories, "BLOCK", 4)
    few = tmp_path / f"few{suffix}"
    trajectories.record(made, [1], few, **{**given, "paths": 3}, workers=1)
    np.testing.assert_array_equal(states_of(few)[0]["w"], states[:3])


@pytest.mark.parametrize("block", [7, 60, 2**18])
def test_files_do_not_depend_on_threads_and_states_not_on_blocks(
    suffix, tmp_path, monkeypatch, block
):
    """Blocks of a part of a path, of few paths, of all: the same bits; two threads: each byte."""
    monkeypatch.setattr(trajectories, "BLOCK", block)
    made = power_law_well()
    for name, workers in (("one", 1), ("two", 2)):
        trajectories.record(
            made, (0,), tmp_path / f"{name}{suffix}", until=0.2, dt=0.01, paths=50, seed=3,
            workers=workers,
        )  # fmt: skip
    assert contents(tmp_path / f"one{suffix}") == contents(tmp_path / f"two{suffix}")
    monkeypatch.setattr(trajectories, "BLOCK", 2**18)
    trajectories.record(
        made, (0,), tmp_path / f"whole{suffix}", until=0.2, dt=0.01, paths=50, seed=3
    )
    one, _, _ = states_of(tmp_path / f"one{suffix}")
    whole, _, _ = states_of(tmp_path / f"whole{suffix}")
    assert np.array_equal(one["w"], whole["w"])


def test_recording_less_often_changes_no_state(suffix, tmp_path):
    for every in (1, 4):
        trajectories.record(
            power_law_well(), (0,), tmp_path / f"{every}{suffix}", until=0.2, dt=0.01, every=every,
            paths=9,
        )  # fmt: skip
    fine, _, _ = states_of(tmp_path / f"1{suffix}")
    coarse, times, _ = states_of(tmp_path / f"4{suffix}")
    assert np.array_equal(fine["w"][:, ::4], coarse["w"])
    assert times[-1] == pytest.approx(0.2)


def test_memory_does_not_grow_with_paths_or_times(suffix, tmp_path, monkeypatch):
    """Peak of Python's and NumPy's memory for 10 and for 100 blocks: the same to a factor of 1.5.

    The larger runs record 2·10⁶ states, 16 megabytes; the peak of the small one is about 1.2. What
    other threads of the process allocate meanwhile counts too: of three peaks the least is that of
    the recording.
    """
    monkeypatch.setattr(trajectories, "BLOCK", 20_000)
    made, peaks = power_law_well(), []
    for name, paths, until in (
        ("warm", 2000, 1.0), ("few", 2000, 1.0), ("paths", 20_000, 1.0), ("times", 2, 10_000.0)
    ):  # fmt: skip
        repeated = []
        for n in range(3):
            tracemalloc.start()
            trajectories.record(
                made, (0,), tmp_path / f"{name}{n}{suffix}", until=until, dt=0.01, paths=paths,
                workers=2,
            )  # fmt: skip
            repeated.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        peaks.append(min(repeated))
    assert max(peaks[2:]) < 1.5 * peaks[1], peaks


def test_a_run_that_is_killed_leaves_no_file_of_that_name(suffix, tmp_path):
    """kill -9 while blocks are written: a hidden partial file at most, and the name is free."""
    path = tmp_path / f"a{suffix}"
    script = f"""
from pathlib import Path
from simulation_models import power_law_well
from numerics.simulation.trajectories import record
record(power_law_well(), (0,), Path({str(path)!r}), until=1e6, dt=0.01,
       progress=lambda done, total: print(done, flush=True))
"""
    tests = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)])},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "1\n"
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not path.exists()
    assert all(".partial" in left.name for left in tmp_path.iterdir())
    trajectories.record(power_law_well(), (0,), path, until=1, dt=0.1)
    assert path.exists()


def test_nothing_is_left_of_a_run_that_fails(suffix, tmp_path, monkeypatch):
    """An explosion and a full disk in the middle: one message, an empty folder."""
    path = tmp_path / f"a{suffix}"
    with pytest.raises(ComputationError, match=r"exploded or became NaN at dt = 0\.5"):
        trajectories.record(
            model("-w**3", "1", "1"), (2,), path, until=50, dt=0.5, scheme="euler", paths=1000
        )
    assert list(tmp_path.iterdir()) == []

    def full(self, block):
        raise OSError(28, "No space left on device")

    kind = trajectories.FORMATS[suffix]
    monkeypatch.setattr(trajectories._SINKS[kind], "write", full)
    with pytest.raises(ComputationError, match="No space left"):
        trajectories.record(power_law_well(), (0,), path, until=1, dt=0.1)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(suffix, tmp_path, monkeypatch):
    package = {".parquet": "pyarrow", ".zarr": "zarr"}[suffix]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ComputationError, match=r"exitlaw\[trajectories\]") as caught:
        trajectories.record(power_law_well(), (0,), tmp_path / f"a{suffix}", until=1, dt=0.1)
    assert package in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output": "a.csv"}, r"ends in .parquet or .zarr"),
        ({"output": "no/such/folder/a.parquet"}, "a place where"),
        ({"start": (0, 0)}, "1 coordinates"),
        ({"until": 0.0}, "end of the trajectories"),
        ({"dt": -1.0}, "dt"),
        ({"every": 0}, "every"),
        ({"paths": 0}, "paths"),
        ({"scheme": "heun"}, "euler, milstein, platen"),
    ],
)
def test_bad_input_is_named(tmp_path, changes, words):
    given = {"output": "a.parquet", "start": (0,), "until": 1.0, "dt": 0.1, **changes}
    output = tmp_path / given.pop("output")
    with pytest.raises(ComputationError, match=words):
        trajectories.record(power_law_well(), given.pop("start"), output, **given)


def test_a_file_that_exists_is_kept(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("mine")
    with pytest.raises(ComputationError, match="does not exist yet"):
        trajectories.record(power_law_well(), (0,), path, until=1, dt=0.1)
    assert path.read_text() == "mine"
