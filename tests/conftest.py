"""What all tests share: the real servers, one per session."""

import signal

pytest_plugins = ["tests.servers.nbprocessor", "tests.servers.datamanagement", "tests.servers.keycloak"]


def pytest_configure() -> None:
    """Take Ctrl-C as a terminal's programs do: what is started in the background inherits that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
