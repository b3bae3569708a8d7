"""bubblewrap, as far as tests need it: there, or the test says what to install."""

import os

import pytest

from nbprocessor.execution.sandbox import bubblewrap


def require() -> None:
    """Skip the test where bubblewrap is not installed; fail it if CI=true."""
    if bubblewrap.program() is None:
        reason = "bubblewrap is not installed; Debian and Ubuntu: apt-get install bubblewrap"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
