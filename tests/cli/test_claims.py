"""`exitlaw list|verify|derive|export|check|new`: exact JSON, exit statuses, streams."""

import os
import subprocess
import sys

import pytest

from exitlaw.discovery import all_metadata
from exitlaw.verdict import Verdict, as_expected

SMALL = "noise/linear-regression"


def test_list(run, valid):
    outcome = run("list", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    valid("list", outcome.document)
    ids = [claim["id"] for claim in outcome.document["claims"]]
    assert SMALL in ids
    assert len(set(ids)) == len(ids)


def test_list_for_people(run):
    outcome = run("list")
    assert outcome.status == 0
    assert SMALL in outcome.out
    assert f"{len(all_metadata())} claims" in outcome.out


def test_verify(run, valid):
    outcome = run("verify", SMALL, "--no-cache", "--workers", "1", "--json")
    document = outcome.document
    valid("verify", document)
    assert outcome.status == 0, outcome.out
    assert (document["profile"], document["seed"]) == ("quick", 0)
    (claim,) = document["claims"]
    assert claim["id"] == SMALL
    assert as_expected(Verdict(claim["verdict"]), Verdict(claim["expected"]))
    refuted = [mutant for mutant in claim["mutants"] if mutant["status"] == "refuted"]
    assert len(refuted) >= 3
    assert all(mutant["refuted_by"] and mutant["point"] for mutant in refuted)
    assert document["summary"]["as_expected"] == 1


def test_verify_for_people(run):
    outcome = run("verify", SMALL, "--no-cache", "--workers", "1")
    assert outcome.status == 0
    assert "1 of 1 claims as expected" in outcome.out
    # The claim it depends on is judged as well.
    assert f"2/2 {SMALL}: proved" in outcome.err


def test_verify_remembers(run, tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    arguments = ("verify", SMALL, "--workers", "1", "--ledger", str(ledger), "--json")
    first, second = run(*arguments).document, run(*arguments).document
    assert (first["summary"]["cached"], second["summary"]["cached"]) == (0, 1)
    assert first["claims"] == second["claims"]


def test_verify_by_prefix_and_glob(run):
    for pattern in ("noise", "noise/*"):
        document = run("verify", pattern, "--workers", "1", "--json").document
        assert {claim["id"].partition("/")[0] for claim in document["claims"]} == {"noise"}


@pytest.mark.parametrize("ledger", ["garbage", "folder"])
def test_a_ledger_that_is_none_is_refused(run, tmp_path, ledger):
    path = tmp_path / "ledger.sqlite"
    if ledger == "folder":
        path.mkdir()
    else:
        path.write_text("this is no database")
    outcome = run("verify", SMALL, "--ledger", str(path))
    assert outcome.status == 2
    assert outcome.out == ""
    assert "ledger" in outcome.err
    assert ledger == "folder" or path.read_text() == "this is no database"


def test_derive(run, valid):
    outcome = run("derive", SMALL, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    valid("derive", outcome.document)
    assert outcome.document["ok"]
    assert outcome.document["concludes"]
    assert len(outcome.document["steps"]) >= 3


def test_derive_for_people(run):
    outcome = run("derive", SMALL)
    assert outcome.status == 0
    assert "every step checked" in outcome.out


def test_derive_several(run, valid):
    outcome = run("derive", "noise", "--json")
    valid("derive", outcome.document)
    assert len(outcome.document["claims"]) == 2


def test_export_json(run, valid):
    outcome = run("export", "noise", "--format", "json")
    valid("export", outcome.document)


def test_export_to_a_file(run, tmp_path):
    file = tmp_path / "claims.tex"
    outcome = run("export", "noise", "-o", str(file))
    assert (outcome.status, outcome.out) == (0, "")
    assert file.read_text().startswith(r"\documentclass")


def test_export_fragment_has_no_preamble(run):
    assert r"\documentclass" not in run("export", SMALL, "--fragment").out


def test_export_into_a_missing_folder(run):
    outcome = run("export", SMALL, "-o", "/nowhere/claims.tex")
    assert outcome.status == 2
    assert "/nowhere/claims.tex" in outcome.err


def test_version(run):
    from importlib.metadata import version

    outcome = run("--version")
    assert (outcome.status, outcome.out.strip(), outcome.err) == (0, version("exitlaw"), "")


def test_help_names_every_command(run):
    outcome = run("--help")
    assert outcome.status == 0
    for command in (
        "list", "verify", "derive", "evaluate", "simulate", "export", "report", "check", "new",
    ):  # fmt: skip
        assert command in outcome.out


def test_no_command_shows_the_help(run):
    assert run().out == run("--help").out


def test_closed_pipe_is_no_error():
    code = "import sys; from exitlaw.cli import main; sys.exit(main(['list', '--json']))"
    reader = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reader.stdout is not None
    reader.stdout.close()
    _, err = reader.communicate()
    assert err == b""


def test_commands_leave_the_folder_as_it_is(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "exitlaw.cli", "verify", SMALL, "--workers", "1"],
        cwd=tmp_path,
        env={**os.environ, "EXITLAW_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        check=True,
    )
    assert b"1 of 1 claims" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_new_file_is_checked_and_stands(run, tmp_path, valid):
    written = run("new", "mine", "-o", str(tmp_path))
    assert written.status == 0
    file = tmp_path / "claims_mine.py"
    assert f"exitlaw check {file}" in written.out
    outcome = run("check", str(file), "--no-cache", "--workers", "1", "--json")
    assert outcome.status == 0, outcome.out
    valid("verify", outcome.document)
    (claim,) = outcome.document["claims"]
    assert (claim["id"], claim["verdict"]) == ("mine/variance", "proved")


def test_new_never_overwrites(run, tmp_path):
    assert run("new", "mine", "-o", str(tmp_path)).status == 0
    second = run("new", "mine", "-o", str(tmp_path))
    assert second.status == 2
    assert "does not exist yet" in second.err


@pytest.mark.parametrize("name", ["my-claims", "", "1st"])
def test_new_needs_a_name(run, tmp_path, name):
    outcome = run("new", name, "-o", str(tmp_path))
    assert outcome.status == 2
    assert list(tmp_path.iterdir()) == []
