"""A real browser for the pages: the system's Chromium, which must not speak to any other host."""

import os
import shutil
import socket
import threading
from dataclasses import dataclass, field

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from tests.browser.sample import sample_app

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    """Closed after each file: while it is open, Playwright keeps an event loop running in this thread."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "There is no Chromium here: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    # On a busy machine pages take their time; what never comes is missed all the same.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page of the browser and all it did."""

    page: object
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    documents: list = field(default_factory=list)
    """Responses that were pages."""

    def open(self, url):
        self.page.goto(url, wait_until="load")
        return self.page

    def strangers(self, url):
        """Addresses that were asked for and are not the server's."""
        return [asked for asked in self.requests if not asked.startswith((url, "data:", "blob:"))]


@pytest.fixture
def new_tab(chromium):
    contexts = []

    def make(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        tab = Tab(context.new_page())
        tab.page.set_default_timeout(20_000)
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.on(
            "response",
            lambda answer: tab.documents.append(answer) if answer.request.is_navigation_request() else None,
        )
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on(
            "console",
            lambda said: tab.complaints.append(said.text) if said.type in {"error", "warning"} else None,
        )
        return tab

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def tab(new_tab):
    return new_tab(locale="de-DE", timezone_id="Europe/Berlin")


@pytest.fixture(scope="session")
def sample_url():
    """The pages over sample documents, with a job that really changes."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(sample_app(), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield url
    server.should_exit = True
    server.force_exit = True
    thread.join(20)
