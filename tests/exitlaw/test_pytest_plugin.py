"""The pytest plugin, in an author's repository, in processes of their own."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import claim_files
import pytest

from exitlaw.new_claims import write_starting_file
from theory.errors import InputError

BROKEN = """

@claim("sums/broken", title="A derivation that breaks")
def broken():
    step = Step("square", Equality(S(n), n**2), "wrong algebra", Identity(n * n, n + n))
    return body(n * (n + 1) / 2, derivation=Derivation((step,)))
"""

OWN_FORMULA = """

from mysums import formula


@claim("sums/own", title="With a formula from the author's module", expected="agrees")
def own():
    return body(formula(n))
"""

TEST_OWN = """import derivations, numerics, sys, theory

def test_own_packages():
    for package in (theory, numerics, derivations):
        assert package.OWNER == f"the author of {package.__name__}"

def test_nothing_heavy_was_imported():
    heavy = {"sympy", "flint", "numba", "scipy", "matplotlib"}
    assert not heavy & {name.split(".")[0] for name in sys.modules}
"""


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    """`pytest` as an author runs it; the plugin named, in case the package is not installed."""
    call = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    if not any(e.value == "exitlaw.pytest_plugin" for e in entry_points(group="pytest11")):
        call += ["-p", "exitlaw.pytest_plugin"]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    """What pytest prints in a repository with claims, and with packages of our names."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("theory", "numerics", "derivations"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"OWNER = 'the author of {name}'\n")
    (folder / "mysums.py").write_text("def formula(n):\n    return n * (n + 1) / 2\n")
    (folder / "test_own.py").write_text(TEST_OWN)
    claim_files.write(folder, claim_files.TRUE, claim_files.FALSE, BROKEN, OWN_FORMULA)
    write_starting_file("my_model", folder)
    done = run_pytest(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_each_claim_is_a_test(run):
    assert "2 failed, 5 passed" in run
    for passed in ("sums/arithmetic", "sums/own", "my_model/variance", "test_own_packages"):
        assert any(line.startswith("PASSED") and passed in line for line in run.splitlines())


def test_false_claim_fails_with_its_counterexample(run):
    assert "refuted, expected agrees" in run
    assert "counterexample: n = 3" in run
    assert "reference  6" in run
    assert "formula    3" in run
    assert "Traceback" not in run


def test_step_that_broke_is_named(run):
    assert "broken step 'square' (wrong algebra)" in run


def test_author_s_packages_stay_the_author_s(run):
    for test in ("test_own_packages", "test_nothing_heavy_was_imported"):
        assert f"PASSED test_own.py::{test}" in run


def test_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "claims_bad.py").write_text("def (:\n")
    done = run_pytest(tmp_path)
    assert done.returncode != 0
    assert "expected a Python file of claims" in done.stdout


def test_starting_file_is_never_overwritten(tmp_path):
    path = write_starting_file("mine", tmp_path)
    path.write_text("work of days")
    with pytest.raises(InputError, match="another name"):
        write_starting_file("mine", tmp_path)
    assert path.read_text() == "work of days"


@pytest.mark.parametrize("name", ["", "two words", "../up", "3d", "a/b", "naïve"])
def test_bad_names_of_a_starting_file_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="letters, digits and underscores"):
        write_starting_file(name, tmp_path)
    assert not list(tmp_path.iterdir())
