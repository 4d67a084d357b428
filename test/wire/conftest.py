"""Fixtures of the wire tests. The binary is OLLA_BINARY, default build/dev/olla."""

import pytest

from harness import environment
from harness.world import World

TIMEOUT_SECONDS = 60


def pytest_collection_modifyitems(items):
    """A hung gateway must fail its test, not the run."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(environment.scaled(TIMEOUT_SECONDS)))


def pytest_report_header():
    if not environment.binary().exists():
        return f"olla: {environment.binary()} is missing: set OLLA_BINARY"
    kind = "sanitized" if environment.sanitized() else "plain"
    return f"olla: {environment.binary()} ({kind}), slow factor {environment.SLOW:g}"


@pytest.fixture
def world(tmp_path):
    """What one test starts; ended with it."""
    with_all = World(tmp_path)
    yield with_all
    with_all.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What the tests of one file share: for tables of many small cases."""
    with_all = World(tmp_path_factory.mktemp("shared"))
    yield with_all
    with_all.close()
