"""What all tests share: the real servers, one per session."""

pytest_plugins = ["tests.servers.nbprocessor", "tests.servers.datamanagement"]
