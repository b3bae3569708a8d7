"""Signing in by Keycloak's own form, in a real browser: run a process, follow the job, sign out."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.keycloak.conftest import Guarded, guarded
from tests.keycloak.notebooks import write_slow
from tests.servers.keycloak import Keycloak


@pytest.fixture(scope="module")
def signed(keycloak: Keycloak, tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("pages")
    write_slow(folder / "notebooks")
    yield from guarded(folder, keycloak)


def fill_in(page, name: str) -> None:
    page.fill("#username", name)
    page.fill("#password", name)
    page.click("#kc-login")


def running_job(signed: Guarded, new_tab, name: str):
    """The page of a job that runs, with a person who has signed in and started it there."""
    url = signed.server.url
    page = new_tab(locale="en-GB").open(f"{url}/sign-in?to=/processes/slow")
    fill_in(page, name)
    page.wait_for_url(f"{url}/processes/slow")
    page.click("text=Start job")
    page.wait_for_url(f"{url}/jobs/*")
    expect(page.locator("#job-status")).to_contain_text("running")
    return page


def dismiss(page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#job-dismiss")
    expect(page.locator("#job-status")).to_contain_text("dismissed")


def test_a_person_signs_in_runs_a_process_follows_it_and_signs_out(signed: Guarded, new_tab):
    url = signed.server.url
    tab = new_tab(locale="de-DE")
    page = tab.open(f"{url}/processes/echo_text")
    fill_in(page, "cora")
    page.wait_for_url(f"{url}/processes/echo_text")
    expect(page.locator(".person")).to_have_text("cora")
    page.click("text=Lauf starten")
    page.wait_for_url(f"{url}/jobs/*")
    expect(page.locator("#job-status")).to_contain_text("erfolgreich")
    job = page.url
    page.goto(f"{url}/jobs")
    assert page.locator("table.jobs tbody tr").count() == 1
    page.click("text=Abmelden")
    page.wait_for_url(f"{url}/")
    expect(page.locator(".visitor a")).to_have_text("Anmelden")
    # Somebody else at the same browser is asked for a password, and sees nothing of it.
    page.goto(job)
    fill_in(page, "paul")
    page.wait_for_url(job)
    assert "Nicht gefunden" in page.content()
    expect(page.locator(".person")).to_have_text("paul")
    assert all(asked.startswith(signed.keycloak.url) for asked in tab.strangers(url))


def test_a_running_job_is_live_and_dismissed_from_its_page(signed: Guarded, new_tab):
    dismiss(running_job(signed, new_tab, "edda"))


def test_a_page_left_open_leads_to_the_form_when_its_person_was_signed_out(signed: Guarded, new_tab):
    page = running_job(signed, new_tab, "anna")
    place = page.url
    page.context.clear_cookies()  # here and at Keycloak
    page.reload()
    fill_in(page, "anna")
    page.wait_for_url(place)
    dismiss(page)


def test_somebody_without_a_role_gets_a_page_that_says_so(signed: Guarded, new_tab):
    tab = new_tab(locale="de-DE")
    page = tab.open(f"{signed.server.url}/jobs")
    fill_in(page, "nora")
    page.wait_for_url(f"{signed.server.url}/jobs")
    expect(page.locator(".problems")).to_contain_text("Sie sind als nora angemeldet")


def test_a_form_says_that_the_sign_in_has_ended_and_the_page_leads_to_it(signed: Guarded, new_tab):
    url = signed.server.url
    tab = new_tab(locale="en-GB")
    page = tab.open(f"{url}/processes/echo_text")
    fill_in(page, "paul")
    page.wait_for_url(f"{url}/processes/echo_text")
    page.context.clear_cookies()
    page.click("text=Start job")
    expect(page.locator("#problems")).to_contain_text("Your sign-in has ended")
    page.reload()
    fill_in(page, "paul")
    page.wait_for_url(f"{url}/processes/echo_text")
    expect(page.locator(".person")).to_have_text("paul")
