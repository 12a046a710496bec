"""`exitlaw simulate trajectories`: its document, its file, and its refusals."""

import json
from importlib import import_module

import pytest

WELL = ["--loss", "a*w**2/2", "--noise", "1+w**2/2", "--set", "a=1", "--eta", "1/10"]
ONE = [
    "simulate",
    "trajectories",
    *WELL,
    "--interpretation",
    "ito",
    "--start",
    "0",
    "--dt",
    "1/100",
]
PLANE = ["simulate", "trajectories", "--variables", "x,y", "--drift", "[-x, -y]", "--noise",
         "[[1, 1/2], [1/2, 1]]", "--eta", "1", "--interpretation", "ito", "--start=0,0", "--dt",
         "0.1"]  # fmt: skip


def test_a_parquet_file_holds_what_was_asked(run, valid, tmp_path):
    parquet = import_module("pyarrow.parquet")
    path = tmp_path / "paths.parquet"
    outcome = run(
        *ONE, "--until", "1", "--every", "10", "--paths", "20", "--seed", "5", "-o", str(path),
        "--json",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    document = outcome.document
    valid("trajectories", document)
    assert (document["samples"], document["path_steps"]) == (11, 2000)
    stored = parquet.read_table(path)
    assert stored.column_names == ["path", "time", "w"]
    assert stored.num_rows == 20 * 11
    description = json.loads(stored.schema.metadata[b"exitlaw"])
    assert description["inputs"]["loss"] == "a*w**2/2"
    assert description["inputs"]["set"] == {"a": "1"}
    assert (description["seed"], description["dt"]) == (5, 0.01)
    assert description["version"]


def test_a_zarr_folder_of_a_model_in_the_plane(run, valid, tmp_path):
    zarr = import_module("zarr")
    path = tmp_path / "paths.zarr"
    outcome = run(*PLANE, "--until", "1", "--paths", "3", "-o", str(path), "--json")
    assert outcome.status == 0, outcome.err
    valid("trajectories", outcome.document)
    group = zarr.open_group(str(path), mode="r")
    assert group["x"].shape == group["y"].shape == (3, 11)
    assert group.attrs["exitlaw"]["scheme"] == "euler"


def test_steps_in_unit_noise_are_recorded_in_the_state(run, tmp_path):
    """On the same noise, fine steps in either coordinate end near each other (strong order 1)."""
    parquet = import_module("pyarrow.parquet")
    states = {}
    for scheme in ("milstein", "lamperti-euler"):
        path = tmp_path / f"{scheme}.parquet"
        outcome = run(
            *ONE[:-2], "--dt", "1/1000", "--until", "1", "--every", "100", "--paths", "50",
            "--scheme", scheme, "-o", str(path), "--json",
        )  # fmt: skip
        assert outcome.status == 0, outcome.err
        assert outcome.document["scheme"] == scheme
        table = parquet.read_table(path)
        assert json.loads(table.schema.metadata[b"exitlaw"])["scheme"] == scheme
        states[scheme] = table["w"].to_numpy()
    one, other = states.values()
    assert abs(one - other).max() < 2e-3
    assert one.std() > 0.1
    assert (one != other).any()


def test_people_see_what_was_written(run, tmp_path):
    path = tmp_path / "paths.parquet"
    outcome = run(*ONE, "--until", "1", "-o", str(path))
    assert outcome.status == 0, outcome.err
    assert "101 of each path" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*ONE, "--until", "1"], "--output FILE"),
        ([*ONE, "--until", "1", "-o", "a.parquet", "-o", "b.parquet"], "one --output FILE"),
        ([*ONE, "--until", "1", "-o", "a.csv"], ".parquet or .zarr"),
        ([*ONE, "-o", "a.parquet"], "--until T"),
        ([*ONE[:-2], "--until", "1", "-o", "a.parquet"], "--dt H"),
        ([*ONE, "--until", "0", "-o", "a.parquet"], "--until"),
        ([*ONE, "--until", "1", "--every", "0", "-o", "a.parquet"], "--every"),
        ([*ONE, "--until", "1", "--target-error", "0.1", "-o", "a.parquet"], "--target-error"),
        ([*PLANE, "--until", "1", "--scheme", "heun", "-o", "a.parquet"], "platen"),
    ],
)
def test_bad_input(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert words in outcome.err
    assert "internal error" not in outcome.err
    assert list(tmp_path.iterdir()) == []
