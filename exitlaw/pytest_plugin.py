"""Pytest plugin: `claims_*.py` files are proof checks, one test per claim.

Claims are judged in a process of their own, started when the first of a file's claims is run. So
nothing of Exitlaw's theory, numerics or derivations is ever imported into the author's test
process, and packages of these names in the author's repository stay the author's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

PATTERN = "claims_*.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("exitlaw", "claims checked by Exitlaw")
    group.addoption(
        "--claims-profile",
        choices=("quick", "full"),
        default="quick",
        help="strength of the evidence that claims are judged by",
    )
    group.addoption(
        "--claims-seed", type=int, default=0, metavar="N", help="seed of the claims' simulations"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ClaimFile | None:
    if file_path.match(PATTERN):
        return ClaimFile.from_parent(parent, path=file_path)
    return None


class ClaimFile(pytest.File):
    """A file of claims; collected from its source, without being imported."""

    _results: Mapping[str, Any] | None = None

    def collect(self) -> Iterator[ClaimItem]:
        for claim in _ask("list", self.path)["claims"]:
            yield ClaimItem.from_parent(self, name=claim["id"])

    def result(self, id: str) -> Mapping[str, Any]:
        """The judgement of one claim; the whole file is judged at the first request."""
        if self._results is None:
            profile = str(self.config.getoption("claims_profile"))
            seed = str(self.config.getoption("claims_seed"))
            document = _ask("check", self.path, "--profile", profile, "--seed", seed)
            self._results = {claim["id"]: claim for claim in document["claims"]}
        return self._results[id]


class ClaimItem(pytest.Item):
    """One claim: passes when its verdict is as expected."""

    def runtest(self) -> None:
        assert isinstance(self.parent, ClaimFile)
        result = self.parent.result(self.name)
        if result["skipped"] is not None:
            pytest.skip(result["skipped"])
        if not result["as_expected"]:
            raise ClaimFailure(result)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | Any:
        if isinstance(excinfo.value, ClaimFailure):
            return str(excinfo.value)
        if isinstance(excinfo.value, ClaimProcessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"claim {self.name}"


class ClaimProcessError(Exception):
    """The file could not be judged at all: Exitlaw's own message."""


class ClaimFailure(Exception):
    """A verdict that is not as expected, told so that the author can act on it."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__("\n".join(_explained(result)))


def _explained(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"claim    {result['id']}: {result['title']}"
    yield f"verdict  {result['verdict']}, expected {result['expected']}"
    if result["statement"]:
        yield f"states   {result['statement']}"
    for step in result["steps"]:
        if not step["ok"]:
            yield f"broken step '{step['name']}' ({step['rule']})"
            yield f"    {step['detail']}"
            break
    for row in result["evidence"]:
        if row["verdict"] in ("proved", "certified", "agrees", "consistent"):
            yield f"{row['verdict']:11}{row['kind']}: {row['route']}"
            continue
        if row["kind"] == "derivation" and any(not step["ok"] for step in result["steps"]):
            continue
        yield f"{row['verdict']:11}{row['kind']}: {row['route']}"
        yield f"    {row['detail']}"
        if row["point"]:
            at = ", ".join(f"{name} = {value}" for name, value in row["point"].items())
            where = "counterexample" if row["verdict"] == "refuted" else "point"
            yield f"    {where}: {at}"
        for name, value in (row["enclosures"] or {}).items():
            yield f"    {name:10} {value}"
    if result["verdict"] != "unknown":
        return
    survivors = [m for m in result["mutants"] if m["status"] == "survived"]
    for mutant in survivors:
        yield f"mutant survived: {mutant['name']}"
        yield f"    {mutant['detail']}"


def _ask(command: str, path: Path, *options: str) -> dict[str, Any]:
    """Run `exitlaw.claim_process` on a file and read its answer.

    `-P` keeps the author's folder out of the module search of that process; its standard output
    carries the answer alone.
    """
    call = [sys.executable, "-P", "-m", "exitlaw.claim_process", command, str(path), *options]
    # The package must be found where this one was, even where it is not installed.
    home = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        call, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": search}
    )
    if done.returncode != 0:
        message = done.stderr.strip() or f"the process ended with status {done.returncode}"
        raise ClaimProcessError(f"{path}: {message}")
    return json.loads(done.stdout)
