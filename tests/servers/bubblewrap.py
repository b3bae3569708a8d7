"""bubblewrap, as far as tests need it: there, or the test says what to install."""

import os

import pytest

from nbprocessor.execution.sandbox import bubblewrap
from nbprocessor.execution.sandbox.isolation import Isolation
from nbprocessor.execution.sandbox.room import BubblewrapIsolation


def require() -> None:
    """Skip the test where bubblewrap is not installed; fail it if CI=true."""
    if bubblewrap.program() is None:
        reason = "bubblewrap is not installed; Debian and Ubuntu: apt-get install bubblewrap"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def require_for(isolation: type[Isolation]) -> None:
    """Do so if the isolation needs it."""
    if issubclass(isolation, BubblewrapIsolation):
        require()
