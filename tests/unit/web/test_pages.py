"""The pages: each shows its document, in both languages, accessibly, and with nothing inline."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from nbprocessor.web.headers import PAGE_HEADERS
from nbprocessor.web.pages import PAGES, Pages, static_folder
from nbprocessor.web.texts import TEXTS
from tests.unit.web import documents
from tests.unit.web.documents import JOB, job, process
from tests.unit.web.html_facts import facts


def render(page, data, language="de", url="/", base_url=""):
    return Pages().render(page, data, language=language, url=url, base_url=base_url)


EVERY = [
    pytest.param(page, data, url, language, id=f"{page}-{language}")
    for url, (page, data) in documents.PAGES.items()
    for language in ("de", "en")
]


def test_every_page_has_a_view_a_template_and_a_document_here():
    folder = static_folder().parent
    assert {page for page, _ in documents.PAGES.values()} == set(PAGES)
    assert {path.stem for path in (folder / "views").glob("[a-z]*.py")} == set(PAGES)
    assert all((folder / "templates" / f"{page}.html").is_file() for page in PAGES)


@pytest.mark.parametrize(("page", "data", "url", "language"), EVERY)
def test_a_page_is_accessible_and_has_nothing_inline(page, data, url, language):
    html = facts(render(page, data, language, url))
    assert html.one("html").attributes["lang"] == language
    assert len(html.all("h1")) == 1
    assert html.one("title").text.strip(" –").startswith(html.one("h1").text.split(":")[0][:4])
    assert html.one("a", class_="skip").attributes["href"] == "#content"
    for element in html.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.tag == "script":
            assert element.attributes["src"].startswith("/static/")
        if element.tag in {"script", "style"}:
            assert not element.text.strip()
        if element.tag == "img":
            assert "alt" in element.attributes
        if element.tag in {"script", "img"} or (element.tag == "link" and element.attributes["rel"] == "stylesheet"):
            address = element.attributes.get("src") or element.attributes["href"]
            assert address.startswith("/")


@pytest.mark.parametrize(("page", "data", "url", "language"), EVERY)
def test_every_control_has_a_label_and_every_reference_a_target(page, data, url, language):
    html = facts(render(page, data, language, url))
    ids = [element.attributes["id"] for element in html.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    labelled = {label.attributes["for"] for label in html.all("label") if "for" in label.attributes}
    for element in html.elements:
        if element.tag in {"input", "select", "textarea", "progress"} and element.attributes.get("type") != "hidden":
            assert element.attributes.get("id") in labelled or "label" in element.path
        for name in ("aria-describedby", "aria-labelledby", "for"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)


@pytest.mark.parametrize(("page", "data", "url", "language"), EVERY)
def test_every_page_names_its_json_twin_and_the_other_language(page, data, url, language):
    html = facts(render(page, data, language, f"{url}?limit=5&lang={language}"))
    assert html.one("link", rel="alternate").attributes["href"] == f"{url}?limit=5&lang={language}&f=json"
    other = "en" if language == "de" else "de"
    assert html.one("a", hreflang=other).attributes["href"] == f"{url}?limit=5&lang={other}"


def test_the_language_goes_along_only_when_the_reader_chose_it():
    chosen = facts(render("landing", {}, "en", "/?lang=en"))
    assert chosen.all("a", href="/processes?lang=en")
    assert not facts(render("landing", {}, "en", "/")).all("a", href="/processes?lang=en")


def test_links_begin_with_the_base_url():
    html = facts(render("landing", {}, base_url="/nb"))
    assert html.all("a", href="/nb/processes")
    assert html.all("script", src="/nb/static/page.js")


def test_links_that_run_something_are_left_out():
    evil = [
        {"href": "javascript:alert(1)", "rel": "x"},
        {"href": "//evil.example", "rel": "x"},
        "x",
        {"rel": "y"},
    ]
    html = render("landing", {"links": evil})
    assert "javascript" not in html
    assert "evil.example" not in html


def test_a_page_is_never_linked_as_another_host():
    assert 'href="//evil.example' not in render("landing", {}, url="//evil.example/?x=1")


def test_the_process_page_shows_formula_form_tables_and_commands():
    html = facts(render("process", process(), url="/processes/km_indicator_divide"))
    assert html.one("mfrac").text == "I1I2"
    assert "alert" not in html.one("section", class_="formula").text
    assert html.one("form", id="execute").attributes["action"] == "/processes/km_indicator_divide/execution"
    assert html.one("input", id="in-digits").attributes["max"] == "12"
    assert html.one("span", data_request="shell").text.startswith('{"inputs": {"numerator": "unter-18"')
    assert f"{documents.HOST}/processes/km_indicator_divide/execution'" in html.all("pre")[0].text


def test_a_saved_fault_is_told_on_the_process_page():
    links = [documents.link("/processes/x/check", "status")]
    assert "Version 1.0.0" in facts(render("process", process(links=links))).all("p", class_="warning")[0].text


def test_process_cards_carry_what_the_search_box_looks_through():
    cards = facts(render("processes", documents.PAGES["/processes"][1])).all("li", class_="card")
    assert "division zweier indikatoren km_indicator_divide" in cards[0].attributes["data-sought"]
    assert cards[0].attributes["data-sought"].endswith("quotient")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("accepted", "◷ wartet"),
        ("running", "▶ läuft"),
        ("successful", "✓ erfolgreich"),
        ("failed", "✕ fehlgeschlagen"),
        ("dismissed", "⊘ abgebrochen"),
    ],
)
def test_a_status_is_a_word_and_a_symbol(status, word):
    html = facts(render("job", job(status), url=f"/jobs/{JOB}"))
    assert html.one("span", id="job-status").text.strip() == word


@pytest.mark.parametrize(("language", "text"), [("de", "noch etwa 2 min"), ("en", "about 2 min left")])
def test_a_running_job_tells_how_long_it_is_thought_to_take_yet(language, text):
    until = (datetime.now(UTC) + timedelta(seconds=100)).isoformat()
    html = facts(render("job", job(estimatedCompletion=until), url=f"/jobs/{JOB}", language=language))
    assert html.one("span", id="job-left").text == text


def test_a_job_nobody_knows_the_end_of_tells_nothing_of_it():
    left = facts(render("job", job(), url=f"/jobs/{JOB}")).one("span", id="job-left")
    assert (left.text, "hidden" in left.attributes) == ("", True)
    assert not facts(render("job", job("failed"), url=f"/jobs/{JOB}")).all("span", id="job-left")


def test_a_running_job_is_followed_and_can_be_dismissed_an_ended_one_not():
    running, ended = (facts(render("job", job(status), url=f"/jobs/{JOB}")) for status in ("running", "failed"))
    assert running.one("progress").attributes["value"] == "40"
    assert running.one("meta", http_equiv="refresh").path[-1] == "noscript"
    assert running.all("button", id="job-dismiss")
    assert running.all("script", src="/static/job.js")
    assert not [*ended.all("progress"), *ended.all("button"), *ended.all("meta", http_equiv="refresh")]
    assert not ended.all("script", src="/static/job.js")


def test_a_job_offers_what_it_left_and_results_only_after_success():
    def offered(status):
        return [
            a.attributes["href"]
            for a in facts(render("job", job(status))).all("a")
            if f"/jobs/{JOB}/" in a.attributes["href"]
        ]

    assert f"/jobs/{JOB}/report?lang=de" in offered("failed")
    assert f"/jobs/{JOB}/results?lang=de" in offered("successful")
    assert f"/jobs/{JOB}/results?lang=de" not in offered("failed")


def test_cells_are_shown_as_steps_and_what_did_not_end_says_so_after_the_end():
    cells = [
        {"id": "load", "title": "1 Laden", "state": "done", "seconds": 1.25},
        {"id": "wait", "state": "running"},
        {"id": "x", "state": "<i>"},
    ]

    def told(status):
        html = facts(render("job", job(status, cells=cells)))
        return [" ".join(step.text.split()) for step in html.all("li") if "ol" in step.path]

    assert told("running") == ["✓ 1 Laden load fertig · 1,2 s", "▶ wait läuft", "○ x offen"]
    assert told("dismissed") == ["✓ 1 Laden load fertig · 1,2 s", "⊘ wait abgebrochen", "– x nicht gelaufen"]


def test_the_job_list_filters_by_links_and_pages_keep_the_filter():
    html = facts(render("jobs", documents.PAGES["/jobs"][1], url="/jobs?status=failed&offset=10&lang=de"))
    assert html.one("a", href="/jobs?lang=de&status=running").text == "läuft"
    assert html.one("a", rel="next").attributes["href"] == "/jobs?limit=10&offset=10&status=failed&lang=de"
    assert html.one("input", type="hidden", name="status").attributes["value"] == "failed"


def test_results_are_seen_as_their_media_type_wants():
    html = facts(
        render("results", {"job": job("successful"), "results": documents.RESULTS}, url=f"/jobs/{JOB}/results")
    )
    assert html.one("img", alt="Abbildung: picture").attributes["src"] == f"/jobs/{JOB}/results/picture"
    assert [table.text.count("Quartier") for table in html.all("table")] == [0, 200, 0]
    text = html.one("main").text
    assert "250 Objekte (Polygon)" in text
    assert "50 weitere Zeilen" in text
    assert "1.234,5" in text
    assert "Hallo <b>Welt</b>" in text
    assert not html.all("a", href="javascript:alert(1)")


def test_a_problem_names_every_fault():
    html = facts(render("problem", documents.PROBLEM))
    assert html.one("h1").text == "Die Anfrage ist nicht richtig"
    assert [item.text.split(":")[0] for item in html.one("main").text and html.all("li") if "/inputs" in item.text] == [
        "/inputs/digits",
        "/inputs/units/0",
    ]


@pytest.mark.parametrize("document", [{}, {"status": 418, "detail": None, "errors": ["x"]}])
def test_a_problem_with_less_than_expected_is_still_a_page(document):
    assert facts(render("problem", document)).one("h1").text == "Das ging nicht"


def test_a_problem_of_a_jobs_part_leads_back_to_the_job():
    def links(url, **members):
        html = facts(render("problem", documents.PROBLEM | members, url=url))
        return [a for a in html.all("a", class_="button") if a.attributes["href"] == f"/jobs/{JOB}"]

    assert links(f"/jobs/{JOB}/results")
    assert not links(f"/jobs/{JOB}")
    assert not links(f"/jobs/{JOB}/results", title="NoSuchJob")
    assert not links("/processes/echo")


def test_results_have_the_titles_of_the_process_and_geojson_is_a_map():
    described = process(outputs={"map": {"title": "Ergebnis als Karte"}})
    square = {"type": "Polygon", "coordinates": [[[7, 51], [8, 51], [8, 52], [7, 51]]]}
    collection = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": square, "properties": {"NAME": "<b>Mitte", "share": 0.5}}],
    }
    data = {"job": job("successful"), "process": described, "results": {"map": {"value": collection}}}
    html = facts(render("results", data, url=f"/jobs/{JOB}/results"))
    assert html.one("h2").text == "Ergebnis als Karte"
    assert html.one("path").attributes["d"].startswith("M")
    assert html.one("g", class_="level-0").text == "<b>Mitte: 0,5"


def test_the_health_page_names_every_fault_and_what_is_to_do():
    text = facts(render("health", documents.PAGES["/health"][1])).one("main").text
    assert "Tokens carry no groups." in text
    assert "eingeschränkt" in text
    assert "The folder is full." in text


def test_the_check_page_names_every_fault_or_says_that_there_is_none():
    assert (
        "There is no id. Write one."
        in facts(render("check", documents.PAGES["/processes/echo/check"][1])).one("main").text
    )
    fine = facts(render("check", {"processID": "echo", "versionOnOffer": "2", "faults": []}))
    assert "keine Fehler" in fine.one("main").text


def test_the_openapi_document_becomes_a_list_of_operations_with_references_resolved():
    html = facts(render("api", documents.OPENAPI))
    execute, dismiss = html.all("details", class_="operation")
    assert "POST" in execute.text and "processID" in execute.text and "All results" in execute.text
    assert "DELETE" in dismiss.text


def test_the_page_headers_allow_only_this_server():
    assert "default-src 'self'" in PAGE_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in PAGE_HEADERS["Content-Security-Policy"]


def test_every_text_is_there_in_both_languages_with_the_same_placeholders():
    for key, (german, english) in TEXTS.items():
        assert german and english, key
        assert set(re.findall(r"\{\w+\}", german)) == set(re.findall(r"\{\w+\}", english)), key


def test_every_text_is_used_and_every_used_text_is_there():
    folder = static_folder().parent
    sources = "".join(
        path.read_text() for path in [*folder.rglob("*.html"), *folder.rglob("*.py")] if path.name != "texts.py"
    )
    called = set(re.findall(r"""\bt(?:ext)?\(\s*["']([\w-]+)["'](?!\s*~)""", sources))
    assert called <= set(TEXTS)
    built = ("status-", "outcome-", "step-", "link-", "problem-", "bbox-", "type-")
    quoted = set(re.findall(r"""["']([\w-]+)["']""", sources))
    assert [key for key in TEXTS if key not in quoted and not key.startswith(built)] == []


def test_static_files_name_no_other_host():
    for path in static_folder().iterdir():
        addresses = set(re.findall(r"https?://[\w.]+", path.read_text()))
        assert addresses <= {"http://www.w3.org"}, path.name
