"""What the tests of execution share: workshops, and a server at addresses clients name."""

import pytest

from tests.unit.execution.workshop import workshop
from tests.unit.outbound.strangers import strangers


@pytest.fixture
def shop(tmp_path):
    """A workshop whose worker does not run unless the test lets it."""
    with workshop(tmp_path, outbound={"allow_hosts": ("127.0.0.1",)}, executor="subprocess") as opened:
        yield opened


@pytest.fixture
def stranger():
    with strangers() as server:
        yield server
