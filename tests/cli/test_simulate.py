"""`exitlaw simulate`: exact JSON, reproducible, and right within its own error budget."""

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

from exitlaw import cli

MODEL = ["--loss", "(w**2-1)**2/4", "--noise", "1+(w**2-1)**2/4", "--eta", "0.5"]
ANTI = ["--interpretation", "anti-ito"]
EXIT = ["--start", "-1", "--exit", "1"]
TIME = ["mean-exit-time", *MODEL, *ANTI, *EXIT]

FALSE_ALARM = 1e-9
"""Of each comparison below: 6.1 standard errors beyond the bias bound."""
QUANTILE = 6.11


@pytest.mark.parametrize(
    "quantity",
    [TIME, ["moment", "--order", "2", *MODEL, *ANTI], ["stationary-density", "--at", "0.5", *MODEL,
                                                      *ANTI]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_estimate_meets_the_certified_value(run, valid, seed, quantity):
    simulated = run("simulate", *quantity, "--target-error", "0.05", "--seed", str(seed), "--json")
    assert simulated.status == 0, simulated.err
    document = simulated.document
    valid("simulate", document)
    exact = float(run("evaluate", *quantity, "--method", "arb", "--json").document["value"])
    distance = abs(document["estimate"] - exact) - document["bias_bound"]
    assert distance <= QUANTILE * document["standard_error"]
    low, high = document["interval"]
    budget = (high - low) / 2 + document["bias_bound"]
    assert budget <= 0.05 * abs(document["estimate"])


def test_workers_change_no_bit(run):
    one, two = (
        run("simulate", *TIME, "--paths", "2000", "--workers", workers, "--json").document
        for workers in ("1", "2")
    )
    for key in ("estimate", "standard_error", "bias_bound", "paths", "path_steps"):
        assert one[key] == two[key]


def test_seed_changes_the_estimate(run):
    values = {
        run("simulate", *TIME, "--paths", "2000", "--seed", seed, "--json").document["estimate"]
        for seed in ("1", "2")
    }
    assert len(values) == 2


CUBIC = ["--loss", "w**2/2-w**3/3", "--noise", "1", "--eta", "1", "--interpretation", "ito"]
WAVES = ["--variables", "x,y", "--drift", "[-x, -y]", "--noise", "[1+x**2*(2+cos(x))/50, 1]",
         "--eta", "1/2", "--interpretation", "ito"]  # fmt: skip


@pytest.mark.parametrize("quantity", [["moment", "--order", "2"], ["stationary-density", "--at=0"]])
def test_a_law_that_does_not_exist_is_refused(run, quantity):
    outcome = run("simulate", *quantity, *CUBIC, "--json")
    assert (outcome.status, outcome.out) == (2, "")
    assert "grows without bound at infinity" in outcome.err.splitlines()[-1]


def test_what_is_not_proved_is_said_beside_the_estimate(run, valid):
    """No key where all is proved; the notes, for people and in JSON, where it is not."""
    words = ["moment", "--order", "2", "--observable", "x", *WAVES, "--paths", "100"]
    document = run("simulate", *words, "--json").document
    valid("simulate", document)
    assert [note.partition(" (")[0] for note in document["notes"]] == [
        "it is not proved that there is a stationary law",
        "it is not proved that E|f|^4 is finite; if it is not, averages have no standard error and "
        "the interval means nothing",
    ]
    seen = run("simulate", *words).out
    assert [line.split()[0] for line in seen.splitlines() if "it is not proved" in line] == [
        "note",
        "note",
    ]
    light = [word.replace("(2+cos(x))/50", "0+1") for word in words]
    assert "notes" not in run("simulate", *light, "--json").document


def test_a_law_that_does_not_exist_in_the_plane_is_refused(run):
    hill = ["--variables", "x,y", "--loss", "-x**2-y**2", "--noise", "1", "--eta", "1"]
    outcome = run("simulate", "stationary-density", "--at=0,0", *hill, "--interpretation", "ito")
    assert outcome.status == 2
    assert "there is no stationary law" in outcome.err.splitlines()[-1]


def test_people_see_the_budget(run):
    outcome = run("simulate", *TIME, "--paths", "2000")
    assert outcome.status == 0
    assert "95 % interval" in outcome.out
    assert "bias  at most" in outcome.out


def test_a_run_killed_in_the_middle_continues_in_its_store(run, tmp_path):
    """kill -9 once a chunk is stored; the second run finds it, and gives the bits of a third."""
    store = tmp_path / "chunks"
    question = ["simulate", *TIME, "--paths", "150000", "--workers", "1", "--json"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "exitlaw.cli", *question, "--store", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    while killed.poll() is None and _finished_chunks(store) < 3:
        time.sleep(0.02)
    killed.kill()
    out, _ = killed.communicate()
    assert (killed.returncode, out) == (-signal.SIGKILL, b"")
    kept = _finished_chunks(store)
    assert kept >= 3
    continued = run(*question, "--store", str(store))
    assert continued.status == 0, continued.err
    fresh = run(*question)
    for key in ("estimate", "standard_error", "bias_bound", "paths", "path_steps"):
        assert continued.document[key] == fresh.document[key]
    assert _finished_chunks(store) > kept
    assert continued.document["inputs"]["store"] == str(store)


def test_ctrl_c_does_not_wait_for_the_chunks_of_threads(tmp_path):
    """The signal comes while two threads are in long chunks: the process ends, with one word."""
    store = tmp_path / "chunks"
    question = ["simulate", *TIME[:5], "--eta", "1/14", *ANTI, *EXIT, "--paths", "60000"]
    running = subprocess.Popen(
        [sys.executable, "-m", "exitlaw.cli", *question, "--workers", "2", "--store", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while running.poll() is None and _finished_chunks(store) < 1:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")
    assert err.splitlines()[-1] == b"exitlaw: interrupted"


def _finished_chunks(store: Path) -> int:
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM chunk").fetchone()[0]
    except sqlite3.OperationalError:  # its table is not there yet
        return 0


def test_a_terminal_shows_rate_and_remaining_time(monkeypatch):
    """A stage begins when the count of finished chunks falls back; its rate is its own."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with cli._ChunkProgress() as progress:
        for done, total in [(0, 4), (4, 4), (0, 8), (1, 8)]:
            progress(done, total)
        time.sleep(0.3)
    assert "simulating" in screen.getvalue() or "stage 1" in screen.getvalue()
    for words in ("stage 2", "1/8", "chunks/s", "remaining"):
        assert words in screen.getvalue()


def test_nothing_is_drawn_where_no_one_watches(run):
    outcome = run("simulate", *TIME, "--paths", "2000")
    assert "stage" not in outcome.err


RATIO = ["sharpness-ratio", *MODEL, *ANTI, *EXIT, "--flatter", "(w**2-1)**2/8"]


def test_a_ratio_meets_its_target_whatever_the_errors_are_made_of(run, valid, monkeypatch):
    """Both times all bias: half of the target each made 2/3 of the ratio where 1/2 was asked."""
    from exitlaw import unit_noise
    from numerics.simulation import Estimate

    def all_bias(*_, target_error: float, seed: int, **__):
        return Estimate(2.0, 0.0, 2.0 * target_error, "estimated", 10, 10, "none", seed, 0.0)

    monkeypatch.setattr(unit_noise, "simulated_exit_time", all_bias)
    document = run("simulate", *RATIO, "--target-error", "0.5", "--json").document
    valid("simulate", document)
    assert 0.49 < document["bias_bound"] / document["estimate"] <= 0.5


def test_a_ratio_whose_bound_is_infinite_is_refused(run, monkeypatch):
    """Infinity is no number of JSON."""
    from exitlaw import unit_noise
    from numerics.simulation import Estimate

    def unknown(*_, seed: int, **__):
        return Estimate(2.0, 0.0, 2.0, "estimated", 10, 10, "none", seed, 0.0)

    monkeypatch.setattr(unit_noise, "simulated_exit_time", unknown)
    outcome = run("simulate", *RATIO, "--paths", "2", "--json")
    assert (outcome.status, outcome.out) == (2, "")
    assert "above its own bias bound" in outcome.err


def test_a_seed_that_two_times_do_not_share_is_named(run):
    outcome = run("simulate", *RATIO, "--paths", "2", "--seed", str(2**63))
    assert outcome.status == 2
    assert f"received {2**63};" in outcome.err


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("quantity", [TIME, ["moment", "--order", "2", *MODEL, *ANTI]])
def test_a_cluster_changes_no_bit(run, quantity):
    distributed = import_module("distributed")
    question = ["simulate", *quantity, "--paths", "2000", "--json"]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        there = run(*question, "--scheduler", cluster.scheduler_address)
    assert there.status == 0, there.err
    here = run(*question)
    for key in ("estimate", "standard_error", "bias_bound", "paths", "path_steps"):
        assert there.document[key] == here.document[key]


def test_exact_simulation_has_no_step(run, valid, seed):
    """Certified, within the statistical error alone (false alarm 1e-9); 8 % off is rejected."""
    words = ["mean-exit-time", "--loss", "(w**2-1)**2/4", "--noise", "1+w**2", "--eta", "0.3",
             "--interpretation", "stratonovich", *EXIT, "--json"]  # fmt: skip
    found = run("simulate", *words, "--scheme", "exact", "--target-error", "0.02",
                "--seed", str(seed))  # fmt: skip
    assert found.status == 0, found.err
    valid("simulate", found.document)
    assert found.document["bias_kind"] == "estimated"
    assert found.document["scheme"] == "exact"
    certified = float(run("evaluate", *words, "--method", "arb").document["value"])
    assert found.document["bias_bound"] < 1e-9 * certified
    error = 6.11 * found.document["standard_error"]
    assert abs(found.document["estimate"] - certified) <= error
    assert 1.2 * error < 0.08 * certified
    stepped = run("simulate", *words, "--scheme", "exact", "--dt", "0.1")
    assert stepped.status == 2
    assert "no time step" in stepped.err


def test_an_interruption_is_named(run, monkeypatch):
    """Ctrl-C in the middle of a run: status 130, and a word that says why."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    module = import_module("numerics.simulation.mean_exit")
    monkeypatch.setattr(module, "coarse_step", interrupted)
    outcome = run("simulate", *TIME, "--paths", "100")
    assert (outcome.status, outcome.out, outcome.err) == (130, "", "exitlaw: interrupted\n")
