"""Bad input: one message (expected, received, what to do next), exit status 2, no traceback."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

WELL = {"--loss": "(w**2-1)**2/4", "--noise": "1", "--eta": "0.1", "--interpretation": "ito"}
PARABOLA = {**WELL, "--loss": "w**2/2"}
EXIT = {"--start": "-1", "--exit": "1"}
POWER_LAW = {**PARABOLA, "--noise": "1+w**2"}


@dataclass(frozen=True)
class Case:
    """A command that must be refused, and words its message must hold."""

    slug: str
    arguments: tuple[str, ...]
    says: tuple[str, ...]


def _case(slug: str, *words: str | dict[str, str], says: str | tuple[str, ...]) -> Case:
    arguments: list[str] = []
    for word in words:
        if isinstance(word, dict):
            arguments += [part for pair in word.items() for part in pair]
        else:
            arguments.append(word)
    return Case(slug, tuple(arguments), (says,) if isinstance(says, str) else says)


def _without(options: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in options.items() if key != name}


TIME = ("evaluate", "mean-exit-time")
DENSITY = ("evaluate", "stationary-density")
KRAMERS = ("evaluate", "kramers-time")
SIMULATE = ("simulate", "mean-exit-time")

CASES = (
    # --- commands, quantities, options ---
    _case("unknown-command", "evalute", says=("'evalute'", "nearest: evaluate")),
    _case("no-quantity", "evaluate", says="mean-exit-time"),
    _case("unknown-quantity", "evaluate", "mean-exit-tme", says="nearest: mean-exit-time"),
    _case("unknown-simulation", "simulate", "spectrum", says="a quantity of 'exitlaw simulate'"),
    _case("unknown-option", *TIME, "--strat", "0", says=("--strat", "nearest: --start")),
    _case("option-without-value", *TIME, "--start", says="--start"),
    _case("option-eaten-as-value", *TIME, WELL, "--start", "--exit", says="--exit"),
    _case("no-start", *TIME, WELL, {"--exit": "1"}, says="--start X for mean-exit-time"),
    _case("no-exit", *TIME, WELL, {"--start": "0"}, says="exit"),
    _case("output-alone", "evaluate", "tail-index", PARABOLA, "-o", "x.csv", says="--sweep"),
    _case("unknown-claim", "verify", "kramers/langevn", says="nearest: kramers/langevin"),
    _case("unknown-claim-derive", "derive", "stationary/zero-flx", says="stationary/zero-flux"),
    _case("unknown-claim-export", "export", "escpe/exact-time", says="escape/exact-time"),
    _case("unknown-profile", "verify", "--profile", "quik", says="quick"),
    _case("bad-seed", "verify", "--seed", "x", says="--seed"),
    _case("bad-workers", "verify", "--workers", "0", says="--workers"),
    _case("unknown-format", "export", "--format", "word", says="latex"),
    _case("missing-claim-file", "check", "/nowhere/claims_x.py", says="/nowhere/claims_x.py"),
    # --- the model ---
    _case("no-loss", *TIME, _without(WELL, "--loss"), EXIT, says="--loss EXPR or --drift EXPR"),
    _case("loss-and-drift", *TIME, WELL, {"--drift": "-w"}, EXIT, says="both"),
    _case("no-noise", *TIME, _without(WELL, "--noise"), EXIT, says="--noise EXPR"),
    _case("no-eta", *TIME, _without(WELL, "--eta"), EXIT, says="--eta VALUE"),
    _case(
        "no-interpretation", *TIME, _without(WELL, "--interpretation"), EXIT,
        says="--interpretation ito, stratonovich, anti-ito",
    ),
    _case("interpretation-word", *TIME, {**WELL, "--interpretation": "itto"}, EXIT, says="ito"),
    _case("interpretation-range", *TIME, {**WELL, "--interpretation": "1.5"}, EXIT, says="[0, 1]"),
    _case("eta-zero", *TIME, {**WELL, "--eta": "0"}, EXIT, says="eta > 0"),
    _case("eta-negative", *TIME, {**WELL, "--eta": "-0.1"}, EXIT, says="eta > 0"),
    _case("eta-nan", *TIME, {**WELL, "--eta": "nan"}, EXIT, says="nan"),
    _case("eta-infinite", *TIME, {**WELL, "--eta": "inf"}, EXIT, says="inf"),
    _case("eta-word", *TIME, {**WELL, "--eta": "small"}, EXIT, says=("small", "no value")),
    _case("eta-overflow", *TIME, {**WELL, "--eta": "9**9**9"}, EXIT, says="exponent"),
    _case("unset-symbol", *TIME, {**WELL, "--noise": "1+a*w**2"}, EXIT, says=("a has", "--set a=")),
    _case("misspelt-set", *TIME, WELL, EXIT, {"--set": "et=0.1"}, says="occurs nowhere"),
    _case("malformed-set", *TIME, WELL, EXIT, {"--set": "a"}, says="NAME=VALUE"),
    _case("set-the-state", *TIME, WELL, EXIT, {"--set": "w=1"}, says="state variable"),
    _case("wrong-variable", *TIME, WELL, EXIT, {"--variable": "x"}, says=("w has no value", "x")),
    _case("bad-variable", *TIME, WELL, EXIT, {"--variable": "2w"}, says="'2w'"),
    _case("missing-model-file", *TIME, EXIT, {"--model": "/nowhere.toml"}, says="/nowhere.toml"),
    # --- the grammar ---
    _case(
        "code-in-loss", *TIME, {**WELL, "--loss": "__import__('os').system('id')"}, EXIT,
        says="position",
    ),
    _case("tower-of-powers", *TIME, {**WELL, "--loss": "9**9**9**9"}, EXIT, says="exponent"),
    _case("unbalanced", *TIME, {**WELL, "--loss": "(w**2-1"}, EXIT, says="bracket"),
    _case("empty-loss", *TIME, {**WELL, "--loss": ""}, EXIT, says="empty"),
    _case("empty-noise", *TIME, {**WELL, "--noise": " "}, EXIT, says="empty"),
    _case("nan-in-loss", *TIME, {**WELL, "--loss": "w*nan"}, EXIT, says="nan"),
    _case("caret", *TIME, {**WELL, "--loss": "w^2"}, EXIT, says="**"),
    _case("too-many-nodes", *TIME, {**WELL, "--loss": "+".join(["w"] * 300)}, EXIT, says="500"),
    _case("unknown-function", *TIME, {**WELL, "--loss": "sine(w)"}, EXIT, says=("sine", "sin")),
    # --- numbers ---
    _case("digits-zero", *TIME, WELL, EXIT, {"--digits": "0"}, says="--digits"),
    _case("digits-negative", *TIME, WELL, EXIT, {"--digits": "-5"}, says="--digits"),
    _case("digits-word", *TIME, WELL, EXIT, {"--digits": "many"}, says="--digits"),
    _case("digits-hopeless", *TIME, WELL, EXIT, {"--digits": "10000000"}, says="digits"),
    _case("method", *TIME, WELL, EXIT, {"--method": "magic"}, says="arb, mpmath, both or double"),
    _case("paths-zero", *SIMULATE, WELL, EXIT, {"--paths": "0"}, says="--paths"),
    _case("paths-negative", *SIMULATE, WELL, EXIT, {"--paths": "-1"}, says="--paths"),
    _case("paths-word", *SIMULATE, WELL, EXIT, {"--paths": "lots"}, says="--paths"),
    _case("target-error", *SIMULATE, WELL, EXIT, {"--target-error": "0"}, says="--target-error"),
    _case(
        "paths-and-target", *SIMULATE, WELL, EXIT, {"--paths": "10", "--target-error": "0.1"},
        says="--paths",
    ),
    _case(
        "workers-and-scheduler", *SIMULATE, WELL, EXIT,
        {"--workers": "2", "--scheduler": "tcp://127.0.0.1:9"}, says="both",
    ),
    _case("scheduler-absent", *SIMULATE, WELL, EXIT, {"--scheduler": "tcp://127.0.0.1:9"},
          says=("a Dask scheduler at tcp://127.0.0.1:9", "dask scheduler")),
    _case("scheduler-nonsense", *SIMULATE, WELL, EXIT, {"--scheduler": "nonsense"},
          says="a Dask scheduler at nonsense"),
    _case("verify-scheduler-absent", "verify", "interpretation/ito-published", "--no-cache",
          {"--scheduler": "tcp://127.0.0.1:9"}, says="a Dask scheduler at tcp://127.0.0.1:9"),
    _case("scheduler-of-a-moment", "simulate", "moment", WELL,
          {"--order": "2", "--scheduler": "tcp://127.0.0.1:9"}, says="a Dask scheduler at"),
    _case("scheduler-of-trajectories", "simulate", "trajectories", WELL,
          {"--scheduler": "tcp://127.0.0.1:9"}, says="--scheduler"),
    _case("store-nowhere", *SIMULATE, WELL, EXIT, {"--store": "/nowhere/chunks"},
          says="/nowhere/chunks"),
    _case("dt", *SIMULATE, WELL, EXIT, {"--dt": "-0.1"}, says="--dt"),
    _case("scheme", *SIMULATE, WELL, EXIT, {"--scheme": "eulr"}, says="euler"),
    _case("seed", *SIMULATE, WELL, EXIT, {"--seed": "-1"}, says="--seed"),
    _case("paths-drawn-to-a-pole", *SIMULATE, {**WELL, "--loss": "log(w)"},
          {"--start": "2", "--exit": "4"}, says="a drift that is finite up to the end of the "
          "interval; received one that is infinite at 0"),
    _case("average-from-a-pole", "simulate", "moment", {**WELL, "--loss": "w-2*log(w)"},
          {"--order": "1"}, says=("a drift that is finite at the start", "shift its state")),
    _case("average-from-a-zero-of-noise", "simulate", "moment", {**PARABOLA, "--noise": "w**2"},
          {"--order": "1"}, says=("η·C = 0 at 0", "shift its state")),
    _case("sweep-without-name", "evaluate", "tail-index", PARABOLA, {"--sweep": "=1:2:2"},
          says="NAME=FROM:TO:COUNT"),
    _case("empty-claim", "verify", "", says="a claim, its prefix or a glob; received ''"),
    _case("empty-claim-derive", "derive", "", says="received ''"),
    _case("report-nowhere", "report", "-o", "/dev/null/page", says="/dev/null/page"),
    _case("count-hopeless", "evaluate", "spectrum", PARABOLA, {"--count": "1000000"},
          says="a --count up to 1000"),
    _case("moment-order", "evaluate", "moment", PARABOLA, {"--order": "1/2"}, says="--absolute"),
    _case("sweep-form", "evaluate", "tail-index", PARABOLA, {"--sweep": "eta=1:2"}, says="COUNT"),
    _case(
        "double-of-tail-index", "evaluate", "tail-index", PARABOLA, {"--method": "double"},
        says="doubles estimate",
    ),
    _case(
        "sweep-log-of-negative", "evaluate", "tail-index", PARABOLA,
        {"--sweep": "eta=-1:2:3:log"}, says="positive",
    ),
    # --- what has no value ---
    _case("start-above-exit", *TIME, WELL, {"--start": "2", "--exit": "1"}, says="start"),
    _case(
        "start-below-both", *TIME, WELL, {"--start": "-3", "--exit": "1", "--exit-below": "-2"},
        says="start",
    ),
    _case("negative-noise", *TIME, {**WELL, "--noise": "w"}, EXIT, says="zero of C at 0"),
    _case(
        "indefinite-covariance", *DENSITY, {**PARABOLA, "--noise": "1+4*w+w**2"}, {"--at": "0"},
        says="covariance C = σ_g + 2ρw + σ_H w² with σ_gσ_H >= ρ²; received σ_gσ_H − ρ² = -3",
    ),
    _case(
        "noise-with-a-zero", *TIME, {**PARABOLA, "--noise": "(w-1/2)**2"}, EXIT, says="0.5",
    ),
    _case(
        "no-stationary-law", *DENSITY, {**WELL, "--loss": "w**2/2-w**3/3"}, {"--at": "0"},
        says=("normalised", "grows without bound at infinity"),
    ),
    _case(
        "too-heavy-tails", *DENSITY, {**POWER_LAW, "--loss": "-w**2/2"}, {"--at": "0"},
        says="normalis",
    ),
    _case("moment-does-not-exist", "evaluate", "moment", {**POWER_LAW, "--eta": "2"},
          {"--order": "4"}, says="moment"),
    _case(
        "never-returns", *TIME, {**WELL, "--loss": "w"}, {"--start": "0", "--exit": "1"},
        says="infinite",
    ),
    _case("no-saddle", *KRAMERS, PARABOLA, {"--start": "0", "--exit": "2"}, says="saddle"),
    _case("no-minimum", *KRAMERS, {**WELL, "--loss": "-w**2/2"}, EXIT, says="minimum"),
    _case("kramers-downwards", *KRAMERS, WELL, {"--start": "1", "--exit": "-1"}, says="exit"),
    _case(
        "hessian-law", "evaluate", "kesten-index", {"--hessian": "cauchy(1)", "--eta": "1"},
        says="normal(",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_refused_with_one_message(run, case: Case):
    outcome = run(*case.arguments)
    assert outcome.status == 2, outcome.out or outcome.err
    assert outcome.out == ""
    lines = outcome.err.rstrip("\n").split("\n")
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("exitlaw: ")
    assert "internal error" not in lines[0]
    assert "Traceback" not in lines[0]
    for words in case.says:
        assert words in lines[0]


def test_slugs_are_unique():
    assert len({case.slug for case in CASES}) == len(CASES)


@pytest.mark.parametrize("slug", ["code-in-loss", "tower-of-powers", "unknown-claim"])
def test_refused_in_a_process_of_its_own(slug: str):
    case = next(case for case in CASES if case.slug == slug)
    done = subprocess.run(
        [sys.executable, "-m", "exitlaw.cli", *case.arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("exitlaw: ")
    assert done.stderr.count("\n") == 1


def test_internal_error_asks_for_a_report(run, monkeypatch):
    from exitlaw import quantities

    def broken(*_: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(quantities, "evaluate", broken)
    outcome = run("evaluate", "tail-index")
    assert outcome.status == 2
    assert "internal error, ZeroDivisionError: by accident" in outcome.err
    assert "report" in outcome.err
    assert outcome.err.count("\n") == 1


def test_internal_error_shows_its_traceback_where_asked(run, monkeypatch):
    from exitlaw import quantities

    def broken(*_: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(quantities, "evaluate", broken)
    monkeypatch.setenv("EXITLAW_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError, match="by accident"):
        run("evaluate", "tail-index")
