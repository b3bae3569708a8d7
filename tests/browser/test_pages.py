"""The pages in a browser: they look after themselves, follow a job, and ask no other host for anything."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.unit.web.documents import JOB, PAGES

BASICS = Path(__file__).with_name("basics.js").read_text()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_quiet_and_asks_no_other_host(tab, sample_url, path):
    page = tab.open(f"{sample_url}{path}")
    for width in (1200, 400):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert page.evaluate(BASICS) == [], (width, scheme)
    assert tab.complaints == []
    assert tab.strangers(sample_url) == []


def test_the_first_tab_stop_leads_to_the_content(tab, sample_url):
    page = tab.open(f"{sample_url}/processes")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_language_switch_stays_on_the_page(tab, sample_url):
    page = tab.open(f"{sample_url}/jobs?status=failed")
    page.get_by_role("link", name="EN", exact=True).click()
    expect(page).to_have_url(f"{sample_url}/jobs?status=failed&lang=en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


def test_the_search_box_filters_without_reloading(tab, sample_url):
    page = tab.open(f"{sample_url}/processes")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_label("Suchen").fill("div quot zweier")
    expect(page.locator(".card:visible")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("1 Prozess")
    page.get_by_label("Suchen").fill("nirgends")
    expect(page.get_by_role("status")).to_have_text("Kein Prozess passt zur Suche.")
    expect(page.locator("body")).to_have_attribute("data-kept", "yes")


def test_times_are_told_in_the_readers_zone(tab, sample_url):
    page = tab.open(f"{sample_url}/jobs")
    expect(page.locator("time").first).to_have_text("31.01.2026, 13:00:00")


def test_the_form_sends_what_its_controls_hold_and_leads_to_the_job(tab, sample_url):
    page = tab.open(f"{sample_url}/processes/km_indicator_divide")
    page.get_by_label("Dividend").fill("einwohner")
    page.get_by_label("Raumebenen").fill("quartiere\n\n stadtteile ")
    page.get_by_label("Nachkommastellen").fill("7")
    page.get_by_label("2021").check()
    page.get_by_label("2020").uncheck()
    page.get_by_label("Streng").select_option("nein")
    page.get_by_label("Stichtag").fill("2025-12-31")
    for name, value in {"West": "7", "Süd": "51", "Ost": "7.5", "Nord": "51.5"}.items():
        page.get_by_label(name).fill(value)
    page.get_by_label("Bild").set_input_files({"name": "x.tif", "mimeType": "image/tiff", "buffer": b"II*\x00"})
    page.get_by_label("Gemischt").fill("einfach Text")
    expect(page.locator("[data-request=shell]")).to_contain_text('"digits":7')
    expect(page.locator("[data-request=python]")).to_contain_text('"strict": False')
    page.get_by_role("button", name="Lauf starten").click()
    expect(page).to_have_url(f"{sample_url}/jobs/{JOB}")
    sent = page.request.get(f"{sample_url}/received").json()[-1]
    assert sent["prefer"] == "respond-async"
    assert sent["body"] == {
        "inputs": {
            "numerator": "einwohner",
            "denominator": "it's",
            "units": ["quartiere", "stadtteile"],
            "digits": 7,
            "method": "mean",
            "years": [2021, 2022],
            "strict": False,
            "day": "2025-12-31",
            "box": {"bbox": [7, 51, 7.5, 51.5]},
            "time": {"mode": "ALL"},
            "image": {"value": "SUkqAA==", "encoding": "base64", "mediaType": "image/tiff"},
            "mixed": "einfach Text",
        }
    }
    assert tab.complaints == []


def test_faults_of_the_server_are_shown_at_the_fields_and_summed_up(tab, sample_url):
    page = tab.open(f"{sample_url}/processes/km_indicator_divide")
    page.get_by_label("Nachkommastellen").fill("99")
    page.get_by_role("button", name="Lauf starten").click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems li")).to_have_count(2)
    digits = page.get_by_label("Nachkommastellen")
    expect(digits).to_have_attribute("aria-invalid", "true")
    expect(digits).to_have_accessible_description("digits · ganze Zahl 0 … 12 99 is greater than 12. Give 0 to 12.")
    page.get_by_role("link", name="Nachkommastellen").click()
    expect(digits).to_be_focused()


def test_what_is_missing_or_no_json_is_told_before_anything_is_sent(tab, sample_url):
    page = tab.open(f"{sample_url}/processes/km_indicator_divide")
    before = len(page.request.get(f"{sample_url}/received").json())
    page.get_by_label("Dividend").fill("")
    page.get_by_label("Zeitauswahl").fill("{")
    page.get_by_label("West").fill("7")
    page.get_by_role("button", name="Lauf starten").click()
    expect(page.locator("#in-numerator-error")).to_have_text("Diese Eingabe fehlt.")
    expect(page.locator("#in-time-error")).to_have_text("Das ist kein gültiges JSON.")
    expect(page.locator("#in-box-error")).to_have_text("Ein Rechteck braucht alle vier Zahlen.")
    assert len(page.request.get(f"{sample_url}/received").json()) == before


def test_a_job_is_followed_to_its_end_and_then_shows_its_results(tab, sample_url):
    page = tab.open(f"{sample_url}/processes/km_indicator_divide")
    page.get_by_role("button", name="Lauf starten").click()
    expect(page.locator("#job-message")).to_have_text("3 Ansehen")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "70")
    expect(page.locator("#job-left")).to_have_text("noch etwa 5 min")
    page.request.post(f"{sample_url}/end")
    expect(page.get_by_role("link", name="Ergebnisse")).to_be_visible()
    expect(page.locator("#job-status")).to_have_text("✓ erfolgreich")
    assert tab.complaints == []
    assert tab.strangers(sample_url) == []


def test_a_running_job_can_be_dismissed(tab, sample_url):
    page = tab.open(f"{sample_url}/processes/km_indicator_divide")
    page.get_by_role("button", name="Lauf starten").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Abbrechen").click()
    expect(page.locator("#job-status")).to_have_text("⊘ abgebrochen")
    expect(page.get_by_role("button", name="Abbrechen")).to_have_count(0)


def test_without_scripts_the_page_shows_the_command_and_the_form_cannot_be_sent_by_mistake(new_tab, sample_url):
    page = new_tab(java_script_enabled=False).open(f"{sample_url}/processes/km_indicator_divide")
    expect(page.get_by_role("button", name="Lauf starten")).to_be_disabled()
    expect(page.get_by_text("curl -i -X POST")).to_be_visible()


def test_the_job_filter_asks_as_the_standard_has_it(tab, sample_url):
    page = tab.open(f"{sample_url}/jobs?status=failed")
    page.get_by_label("Angenommen ab").fill("2026-01-01")
    page.get_by_label("Mindestdauer").fill("5")
    page.get_by_role("button", name="Filtern").click()
    expect(page).to_have_url(f"{sample_url}/jobs?status=failed&minDuration=5&datetime=2026-01-01T00%3A00%3A00Z%2F..")
    expect(page.get_by_label("Angenommen ab")).to_have_value("2026-01-01")
