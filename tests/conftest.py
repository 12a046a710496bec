"""Settings of the whole suite: Hypothesis profiles, seeds, and the coverage of drawn models."""

import os
import tempfile

# A run of the tests neither reads nor fills the user's cache.
os.environ.setdefault("EXITLAW_CACHE", tempfile.mkdtemp(prefix="exitlaw-tests-"))

import pytest
import strategies
from hypothesis import HealthCheck, settings

SEED = int(os.environ.get("EXITLAW_SEED", "0"))
"""Seed of the statistical tests; continuous integration derives it from the commit."""

# No deadline: the first call of a kernel compiles it. In continuous integration the same examples
# are drawn each time, so that a failure belongs to the change that caused it.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("local", settings(**_COMMON))
settings.register_profile("ci", settings(derandomize=True, database=None, **_COMMON))
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of this run's statistical tests."""
    return SEED


def pytest_report_header() -> str:
    profile = "ci (derandomised)" if os.environ.get("CI") == "true" else "local"
    return f"exitlaw: seed {SEED} (EXITLAW_SEED), hypothesis profile {profile}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if strategies.COVERAGE.drawn:
        terminalreporter.section("models drawn by Hypothesis")
        for line in strategies.COVERAGE.lines():
            terminalreporter.write_line(line)
