"""The real server in a browser: one walk from the home page to the report, and the turns a person may take."""

import re
import time
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from nbprocessor.web.headers import PAGE_HEADERS
from nbprocessor.web.report import REPORT_HEADERS
from tests.unit.web.notebooks import attacking

BASICS = Path(__file__).with_name("basics.js").read_text()
JOB_PAGE = re.compile(r"/jobs/[0-9a-f-]{36}(\?.*)?$")
UNTIL_ENDED = 120_000


def offered(server, process):
    """Wait until the server has read a notebook that was put into its folder."""
    for _ in range(100):
        if server.get(f"/processes/{process}").ok:
            return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())


def sealed(tab):
    """Every page this tab was shown came with the headers that seal it, a report with its stricter ones."""
    for response in tab.documents:
        wanted = REPORT_HEADERS if response.url.partition("?")[0].endswith("/report") else PAGE_HEADERS
        sent = response.headers
        assert {name: sent.get(name.lower()) for name in wanted} == dict(wanted), response.url
    return bool(tab.documents)


@pytest.mark.kernel
def test_a_person_finds_a_process_runs_it_and_reads_results_and_report(tab, server):
    page = tab.open(f"{server.url}/")
    page.locator("main").get_by_role("link", name="Prozesse").click()
    page.get_by_label("Suchen").fill("indikator division")
    page.get_by_role("link", name="Division zweier Indikatoren").click()
    expect(page.locator(".formula math").first).to_be_visible()
    assert page.evaluate(BASICS) == []
    page.get_by_role("button", name="Lauf starten").click()

    expect(page).to_have_url(JOB_PAGE)
    expect(page.locator("#job-status")).to_have_text("✓ erfolgreich", timeout=UNTIL_ENDED)
    assert page.evaluate(BASICS) == []
    job = page.url

    page.get_by_role("link", name="Ergebnisse", exact=True).click()
    expect(page.get_by_role("img", name="Karte: Ergebnis als Karte")).to_be_visible()
    expect(page.get_by_role("cell", name="Innenstadt")).to_be_visible()
    assert page.evaluate(BASICS) == []

    page.goto(job)
    page.get_by_role("link", name=re.compile("^Bericht")).click()
    expect(page.locator("h1")).to_have_text("Division zweier Indikatoren")
    expect(page.locator("math").first).to_be_visible()
    assert page.locator("img").evaluate_all("(all) => all.length && all.every((image) => image.naturalWidth > 0)")
    expect(page.get_by_text("kit.choropleth(")).to_be_hidden()
    expect(page.locator("script")).to_have_count(0)
    assert tab.complaints == []
    # From here on the sandbox complains of the tool that clicks: its listeners are scripts.
    page.get_by_label("Allen Code zeigen").check()
    expect(page.get_by_text("kit.choropleth(")).to_be_visible()
    page.get_by_role("link", name=re.compile("^[0-9a-f-]{36}$")).click()
    expect(page).to_have_url(JOB_PAGE)

    assert sealed(tab)
    assert tab.strangers(server.url) == []


@pytest.mark.kernel
def test_who_waits_for_the_result_is_led_to_it(tab, server):
    page = tab.open(f"{server.url}/processes/hello_world?lang=en")
    page.get_by_label("Name").fill("Ada <b>")
    page.get_by_label("Wait for the result").check()
    page.get_by_role("button", name="Start job").click()
    expect(page).to_have_url(re.compile(r"/results\?lang=en$"), timeout=UNTIL_ENDED)
    expect(page.locator(".value")).to_have_text("Hello Ada <b>")
    assert tab.complaints == []


@pytest.mark.kernel
def test_progress_is_seen_and_a_running_job_can_be_dismissed(tab, server):
    page = tab.open(f"{server.url}/processes/slow")
    page.get_by_role("button", name="Lauf starten").click()
    expect(page.locator("#job-message")).to_have_text("2 Wait", timeout=UNTIL_ENDED)
    expect(page.locator(".steps .done")).to_have_text(re.compile("1 Begin"))
    expect(page.locator(".steps .running")).to_have_text(re.compile("2 Wait"))
    expect(page.get_by_role("link", name=re.compile("^Bericht"))).to_be_visible()
    assert 0 < page.get_by_role("progressbar").evaluate("(bar) => bar.value") < 100
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Abbrechen").click()
    expect(page.locator("#job-status")).to_have_text("⊘ abgebrochen", timeout=UNTIL_ENDED)
    expect(page.locator(".steps .stopped")).to_have_text(re.compile("2 Wait"))
    assert page.evaluate(BASICS) == []
    assert tab.complaints == []


@pytest.mark.kernel
def test_a_failed_job_says_where_and_its_report_shows_the_cell(tab, server):
    job = server.job("fails")
    page = tab.open(f"{server.url}/jobs/{job['jobID']}")
    expect(page.locator("#job-message")).to_have_text("cell \"compute\": KeyError 'AGS'")
    page.get_by_role("link", name=re.compile("^Bericht")).click()
    page.get_by_role("link", name="compute").click()
    expect(page.get_by_text("row[column]").first).to_be_in_viewport()
    expect(page.get_by_text("papermill")).to_have_count(0)
    page.goto(f"{server.url}/jobs/{job['jobID']}/results")
    expect(page.get_by_role("heading", level=1)).to_have_text("Der Lauf ist fehlgeschlagen")
    page.get_by_role("link", name="Zum Lauf").click()
    expect(page).to_have_url(JOB_PAGE)
    assert sealed(tab)


def test_a_wrong_input_shows_its_fault_at_its_field(tab, server):
    page = tab.open(f"{server.url}/processes/echo")
    page.get_by_label("Pause").fill("900")
    page.get_by_label("Liste").fill("1\n2.5")
    page.get_by_role("button", name="Lauf starten").click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems li")).to_have_count(2)
    expect(page.locator("#in-pause-error")).to_contain_text("900")
    expect(page.locator("#in-arrayInput-error")).to_contain_text("2.5")
    expect(page.get_by_label("Pause")).to_have_attribute("aria-invalid", "true")
    assert page.evaluate(BASICS) == []
    assert server.get("/jobs", params={"status": "accepted,running", "processID": "echo"}).json()["jobs"] == []


@pytest.mark.kernel
def test_nothing_a_notebook_writes_runs_in_a_readers_browser(new_tab, server):
    (server.notebooks / "attacking.ipynb").write_bytes(attacking())
    offered(server, "attacking")
    job = server.job("attacking")
    assert job["status"] == "successful", job["message"]
    address = f"{server.url}/jobs/{job['jobID']}"

    tab = new_tab(locale="de-DE")
    tab.page.add_init_script("window.alert = () => { document.title = 'ran'; };")
    for place in ("/processes", "/processes/attacking", f"/jobs/{job['jobID']}", "/jobs"):
        page = tab.open(f"{server.url}{place}")
        assert page.evaluate(BASICS) == []
    for place in ("results", "report?lang=de"):
        page = tab.open(f"{address}/{place}")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.wait_for_load_state("networkidle")
        assert page.title() != "ran"
        assert page.locator("main :is(script, iframe, object, embed, form, [onload], [onerror])").count() == 0
        for link in page.locator("main a[href]").all():
            assert link.get_attribute("href").startswith(("#", "http", "mailto:", "/"))
    assert tab.complaints == []
    assert tab.strangers(server.url) == []
    assert sealed(tab)

    for output in ("page", "drawing"):
        raw = requests.get(f"{address}/results/{output}", headers={"Accept": "text/html"}, timeout=60)
        assert "<script" in raw.text or "onload" in raw.text
        assert raw.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in raw.headers["Content-Security-Policy"]
        assert raw.headers["X-Content-Type-Options"] == "nosniff"


def test_every_process_has_a_page_with_a_form(tab, server):
    for process in server.get("/processes").json()["processes"]:
        page = tab.open(f"{server.url}/processes/{process['id']}")
        expect(page.get_by_role("button", name="Lauf starten")).to_be_enabled()
        assert page.evaluate(BASICS) == []
    assert tab.complaints == []
    assert tab.strangers(server.url) == []


@pytest.mark.kernel
def test_every_page_has_a_json_twin_at_its_address_and_both_languages(tab, server):
    job = server.job("outputs")["jobID"]
    places = [
        "/",
        "/health",
        "/conformance",
        "/openapi",
        "/processes",
        "/processes/outputs",
        "/processes/outputs/check",
    ]
    for place in [*places, "/jobs", f"/jobs/{job}", f"/jobs/{job}/results"]:
        page = tab.open(f"{server.url}{place}")
        assert page.evaluate(BASICS) == []
        twin = page.locator("link[rel=alternate]").get_attribute("href")
        assert isinstance(server.get(twin).json(), dict)
        # Results without a wish are sent as the execute request asked for them.
        assert "json" in server.get(place).headers["Content-Type"] or place.endswith("/results")
        page.get_by_role("link", name="EN", exact=True).click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("link", name="Jobs", exact=True).first).to_be_visible()
        assert page.url.startswith(f"{server.url}{place}")
    assert sealed(tab)
    assert tab.complaints == []
    assert tab.strangers(server.url) == []


def test_pages_speak_the_language_of_the_browser(new_tab, server):
    page = new_tab(locale="en-GB").open(f"{server.url}/processes/echo")
    expect(page.get_by_role("button", name="Start job")).to_be_visible()
    page.goto(f"{server.url}/nowhere?lang=de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nicht gefunden")
    page.get_by_role("link", name="EN", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")


@pytest.mark.kernel
def test_the_job_list_filters_and_leafs(tab, server):
    for _ in range(2):
        server.job("hello_world", {"name": "Ada"})
    page = tab.open(f"{server.url}/jobs?limit=1&processID=hello_world")
    first = page.locator("table.jobs tbody th").text_content()
    page.get_by_role("link", name="Ältere").click()
    expect(page.locator("table.jobs tbody tr")).to_have_count(1)
    expect(page.locator("table.jobs tbody th")).not_to_have_text(first)
    page.get_by_role("link", name="Neuere").click()
    expect(page.locator("table.jobs tbody th")).to_have_text(first)
    page.get_by_role("link", name="fehlgeschlagen").click()
    expect(page.get_by_text("Hier ist kein Lauf.")).to_be_visible()
    assert tab.complaints == []


@pytest.mark.kernel
def test_without_scripts_a_job_can_still_be_followed_and_read(new_tab, server):
    accepted = server.execute("slow", prefer="respond-async").json()["jobID"]
    page = new_tab(java_script_enabled=False, locale="de-DE").open(f"{server.url}/jobs/{accepted}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lauf von slow")
    assert server.delete(f"/jobs/{accepted}").ok
    # The page asks for itself anew; Chromium under remote control shows no <noscript>.
    server.ended(accepted)
    page.reload()
    expect(page.locator("#job-status")).to_have_text("⊘ abgebrochen")
    page.get_by_role("link", name=re.compile("^Bericht")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Slow")
