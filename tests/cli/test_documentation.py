"""The documentation names the commands, quantities and options that exist, and no others."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from exitlaw.cli import app
from exitlaw.command_options import EVALUATE, INFER, OPTIONS, SIMULATE

DOCS = Path(__file__).resolve().parents[2] / "docs"
README = DOCS.parent / "README.md"
COMMANDS = (DOCS / "commands.md").read_text("utf-8")


def _commands():
    return typer.main.get_command(app).commands  # type: ignore[attr-defined]


def _real_options() -> set[str]:
    found = {flag for option in OPTIONS.values() for flag in option.flags}
    for command in _commands().values():
        found |= {flag for parameter in command.params for flag in parameter.opts}
    return {flag for flag in found if flag.startswith("-")} | {"--help", "--version"}


def test_every_command_is_documented():
    for name in _commands():
        assert re.search(rf"^    exitlaw {name}\b", COMMANDS, re.M), name


def test_every_quantity_is_documented_with_its_options():
    sections = COMMANDS.split("## Quantities of ")
    for section, quantities in zip(sections[1:], (EVALUATE, SIMULATE, INFER), strict=True):
        rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (?:[^|]|\\\|)*\|$", section, re.M))
        assert rows.keys() == quantities.keys()
        for name, quantity in quantities.items():
            documented = set(re.findall(r"`(--[a-z-]+)", rows[name]))
            own = {OPTIONS[option].flags[0] for option in quantity.options}
            assert documented == own - {"--set"}, name


def test_documented_options_exist():
    pages = [COMMANDS, *(path.read_text("utf-8") for path in DOCS.glob("*.md"))]
    if README.exists():
        pages.append(README.read_text("utf-8"))
    known = _real_options() | {"-e", "-m", "--import-mode", "--claims-profile", "--claims-seed"}
    for page in pages:
        for flag in re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w-])", page):
            assert flag in known, flag


def test_every_option_is_documented():
    for flag in _real_options() - {"--help"}:
        assert flag in COMMANDS, flag


@pytest.mark.parametrize(
    "file", sorted((DOCS / "examples").glob("claims_*.py")), ids=lambda f: f.stem
)
def test_example_claims_stand(file: Path, tmp_path: Path):
    """As a new user tries them: from an empty folder, in a process of their own."""
    shutil.copy(file, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "exitlaw.cli", "check", file.name, "--workers", "1", "--json"],
        cwd=tmp_path,
        env={**os.environ, "EXITLAW_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    verdicts = {claim["id"]: claim["verdict"] for claim in document["claims"]}
    assert set(verdicts.values()) <= {"proved", "refuted"}
    assert ("constant-force/as-printed" in verdicts) == (file.stem == "claims_wrong_factor")


def test_links_lead_somewhere():
    for page in [*DOCS.glob("*.md"), *([README] if README.exists() else [])]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
