"""The report in a browser: foreign code stays text, even without the headers that would stop it."""

from playwright.sync_api import expect

WATCH = "window.alert = window.confirm = window.prompt = () => { document.title = 'ran'; };"


def test_nothing_of_a_hostile_notebook_runs_or_loads_even_without_headers(tab, sample_url):
    dialogs = []
    tab.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.page.add_init_script(WATCH)
    page = tab.open(f"{sample_url}/reports/hostile?bare")
    page.locator("summary").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for link in page.locator("main a[href]").all():
        assert link.get_attribute("href").startswith(("#", "http", "mailto:"))
    page.wait_for_load_state("networkidle")
    assert page.title() == "Division – Bericht"
    assert dialogs == []
    assert tab.strangers(sample_url) == []


def test_a_report_is_sealed_by_its_headers_and_complete(tab, sample_url):
    page = tab.open(f"{sample_url}/reports/ordinary")
    expect(page.locator("math")).to_have_count(2)
    assert page.locator("img").evaluate_all("(all) => all.every((image) => image.naturalWidth > 0)")
    assert tab.complaints == []
    assert [asked for asked in tab.requests if not asked.startswith("data:")] == [
        f"{sample_url}/reports/ordinary",
        *[asked for asked in tab.requests if asked.endswith("/favicon.ico")],
    ]


def test_code_is_folded_until_asked_for_cell_by_cell_or_all_at_once(tab, sample_url):
    page = tab.open(f"{sample_url}/reports/ordinary")
    load, failed = page.get_by_text("print(1 < 2)"), page.get_by_text('row["AGS"]')
    expect(load).to_be_hidden()
    expect(failed).to_be_visible()
    page.get_by_text("Code [3] · load").click()
    expect(load).to_be_visible()
    expect(page.get_by_text("print(2)")).to_be_hidden()
    page.get_by_label("Allen Code zeigen").check()
    expect(page.get_by_text("print(2)")).to_be_visible()
