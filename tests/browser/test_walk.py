"""The real server in a browser: from the home page through the form and a run to its results and report."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

BASICS = Path(__file__).with_name("basics.js").read_text()


@pytest.mark.parametrize("path", ["/", "/conformance", "/openapi", "/processes", "/processes/echo", "/jobs"])
def test_every_page_of_the_server_is_accessible_and_quiet(tab, server, path):
    page = tab.open(f"{server.url}{path}")
    assert page.evaluate(BASICS) == []
    assert tab.complaints == []
    assert tab.strangers(server.url) == []


def test_every_process_has_a_page_with_a_form(tab, server):
    for process in server.get("/processes").json()["processes"]:
        page = tab.open(f"{server.url}/processes/{process['id']}")
        expect(page.get_by_role("button", name="Lauf starten")).to_be_enabled()
        assert page.evaluate(BASICS) == []
    assert tab.complaints == []


@pytest.mark.kernel
def test_a_person_runs_a_process_and_reads_its_report(tab, server):
    page = tab.open(f"{server.url}/")
    page.locator("main").get_by_role("link", name="Prozesse").click()
    page.locator("a[href*='/processes/hello_world']").first.click()
    page.get_by_role("button", name="Lauf starten").click()
    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]{36}"))
    expect(page.locator("#job-status")).to_have_text("✓ erfolgreich", timeout=120_000)
    job = page.url
    page.get_by_role("link", name="Ergebnisse", exact=True).click()
    expect(page.locator("section.result").first).to_be_visible()
    page.goto(job)
    page.get_by_role("link", name=re.compile("^Bericht")).click()
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("#show-code")).not_to_be_checked()
    assert tab.complaints == []
    assert tab.strangers(server.url) == []


def test_an_address_that_does_not_exist_is_an_error_page(tab, server):
    page = tab.open(f"{server.url}/jobs/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nicht gefunden")
    assert tab.strangers(server.url) == []
