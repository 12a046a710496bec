"""Fixtures of the engine's tests."""

import pytest

from exitlaw.claim import REGISTRY


@pytest.fixture
def registry():
    """The registry, emptied for the test and restored after it."""
    before = dict(REGISTRY)
    REGISTRY.clear()
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(before)
