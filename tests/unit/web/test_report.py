"""The report: a reader sees what ran, and nothing of a notebook runs in the reader's browser."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from nbprocessor.errors import NotebookError
from nbprocessor.web import outputs
from nbprocessor.web.report import MAX_CODE, REPORT_HEADERS, render_report
from tests.unit.web.documents import JOB, job
from tests.unit.web.html_facts import facts, live_parts
from tests.unit.web.notebooks import PAYLOADS, PICTURE, hostile, ordinary, written


def report(notebook, language="de", title="Division", run=None):
    return render_report(notebook, title=title, language=language, run=run or {})


def test_the_page_has_one_heading_a_language_and_the_facts_of_the_run():
    run = job("failed", message="cell compute: KeyError", processVersion="1.0.0", notebookSha256="ab12")
    page = facts(report(ordinary(), run=run))
    assert page.one("html").attributes["lang"] == "de"
    assert page.one("h1").text == "Division"
    told = [dd.text for dd in page.all("dd")]
    assert told == [
        JOB,
        "km_indicator_divide 1.0.0",
        "fehlgeschlagen: cell compute: KeyError",
        "31.01.2026, 12:00:01 UTC",
        "12 s",
        "ab12",
    ]
    assert page.one("a", href=f"../{JOB}?lang=de").text == JOB


REQUEST = {
    "method": "GET",
    "path": "/management/indicators/a",
    "status": 200,
    "bytes": 1500,
    "sha256": "ab" * 32,
    "sent_bytes": 0,
    "sent_sha256": "",
    "started": "2026-01-31T12:00:00+00:00",
    "seconds": 0.2,
    "problem": "",
}


def test_what_was_asked_of_data_management_is_told_in_both_languages():
    put = REQUEST | {"method": "PUT", "sent_bytes": 7, "sent_sha256": "cd" * 32, "status": 0, "problem": "<b>over</b>"}
    run = job("successful", data=[REQUEST, put], data_left_out=3)
    german, english = (facts(report(ordinary(), language=language, run=run)) for language in ("de", "en"))
    assert "Datenherkunft: 5 Anfragen an die Datenhaltung" in german.one("main").text
    assert "Data lineage: 5 requests to Data Management" in english.one("main").text
    assert "3 more requests; see the manifest." in english.one("main").text
    cells = [cell.text for cell in english.all("td")]
    first = cells.index("GET /management/indicators/a")
    assert cells[first + 1 : first + 5] == ["200", "1.5 kB", "ab" * 6, "0.2 s"]
    assert cells[first + 5].endswith("<b>over</b>")
    assert cells[first + 6 : first + 10] == ["–", "7 B", "cd" * 6, "0.2 s"]


def test_a_run_without_requests_has_no_lineage():
    assert "Data lineage" not in report(ordinary(), language="en", run=job("successful", data=[]))


def test_a_notebook_that_no_job_ran_has_no_facts():
    assert not facts(report(ordinary())).all("dl")


def test_formulas_are_mathml_and_dollars_in_code_stay():
    html = report(ordinary())
    assert [m.attributes["display"] for m in facts(html).all("math")] == ["inline", "block"]
    assert facts(html).one("mfrac").text == "I1I2"
    assert "<code>$kein$</code>" in html


def test_declared_and_used_parameters_stand_side_by_side_and_the_replaced_one_is_marked():
    page = facts(report(ordinary()))
    assert [row.text for row in page.all("tr", class_="replaced")] == ["target'anteil''dichte'"]
    assert "units[1][1]" in [row.text for row in page.all("tr")]


def test_code_is_folded_and_the_failing_cell_is_open_and_linked():
    page = facts(report(ordinary()))
    assert [(d.text, "open" in d.attributes) for d in page.all("details", class_="code")] == [
        ("Code · parameters · nicht gelaufen", False),
        ("Eingesetzte Werte", False),
        ("Code [3] · load · 1,2 s", False),
        ("Code [4] · compute", True),
        ("Code · after · nicht gelaufen", False),
    ]
    assert page.one("a", href="#cell-id=compute").text == "compute"
    assert page.one("input", id="show-code").attributes["type"] == "checkbox"
    assert "nicht gelaufen" in facts(report(ordinary())).all("section", id="cell-id=after")[0].text


def test_outputs_are_shown_streams_joined_pictures_embedded_and_results_named():
    page = facts(report(ordinary()))
    text = page.one("section", id="cell-id=load").text
    assert "geladen\nbereit" in text
    assert "resultData · application/json · 1,5 kB" in text
    assert "td{}" not in text
    assert page.one("img").attributes == {
        "src": f"data:image/png;base64,{PICTURE}",
        "alt": "Abbildung aus Zelle load",
    }
    assert page.one("span", class_="ansi-red-fg").text == "KeyError"


def test_nothing_of_a_hostile_notebook_is_live():
    run = job("failed", message="<img src=x onerror=alert(1)>")
    live = live_parts(report(hostile(), title="<script>alert(1)</script>", run=run))
    assert [part.attributes for part in live] == [{"href": f"../{JOB}?lang=de"}]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_each_payload_alone_is_harmless_in_markdown_and_html(payload):
    cells = [
        new_markdown_cell(payload),
        new_code_cell("", outputs=[new_output("display_data", data={"text/html": payload})]),
    ]
    assert live_parts(report(written(*cells))) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([*PAYLOADS, "$", "$$", "`", "```\n", "<", "</", "\n\n", "|", "[x](", ")", "![", "\\", "&", '"'])
    )
)
def test_no_mixture_of_payloads_becomes_live(parts):
    assert live_parts(report(written(new_markdown_cell("".join(parts))))) == []


def test_the_headers_forbid_what_would_get_through():
    policy = REPORT_HEADERS["Content-Security-Policy"]
    assert policy == "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
    assert REPORT_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert REPORT_HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"


def test_huge_outputs_are_cut_and_the_report_says_so():
    cell = new_code_cell(
        "",
        id="loud",
        outputs=[
            new_output("stream", name="stdout", text="x" * (outputs.MAX_TEXT + 7)),
            new_output("display_data", data={"text/html": "<p>" + "y" * (outputs.MAX_HTML + 9)}),
            new_output("display_data", data={"image/png": "A" * (outputs.MAX_IMAGE + 1)}),
            *[new_output("display_data", data={"text/plain": "z"})] * (outputs.MAX_OUTPUTS + 1),
        ],
    )
    html = report(written(cell), language="en")
    assert len(html) < outputs.MAX_TEXT + outputs.MAX_HTML + 50_000
    assert "Cut: 7 characters" in html
    assert "A figure (8.0 MB) is too large" in html
    assert "4 further outputs" in html


def test_a_report_that_grows_too_large_stops_showing_outputs(monkeypatch):
    monkeypatch.setattr(outputs, "MAX_REPORT", 1000)
    cells = [new_code_cell("", outputs=[new_output("stream", name="stdout", text="x" * 600)]) for _ in range(3)]
    assert report(written(*cells), language="en").count("too large for the report") == 2


def test_a_huge_cell_is_cut_and_the_report_says_so():
    html = report(written(new_code_cell("#" * (MAX_CODE + 5))), language="en")
    assert len(html) < MAX_CODE + 20_000
    assert "Cut: 5 characters" in html


def test_types_that_cannot_be_shown_are_named():
    cell = new_code_cell("", outputs=[new_output("display_data", data={"application/javascript": "alert(1)"})])
    assert "application/javascript wird im Bericht nicht gezeigt" in report(written(cell))


def test_a_notebook_without_ids_or_of_an_older_format_is_read():
    old = {
        "nbformat": 4,
        "nbformat_minor": 2,
        "metadata": {},
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": ["## alt\n", "x"]}],
    }
    assert "<h3>alt</h3>" in report(json.dumps(old).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"nbformat": 4}', b'{"nbformat": 99}',
        b'{"nbformat": 3}',
        b'{"nbformat": true, "cells": []}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": "x"}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        b'{"nbformat": 4, "nbformat_minor": [], "metadata": [], "cells": []}',
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_with_a_sentence(content):
    with pytest.raises(NotebookError, match="notebook"):
        report(content)


def test_a_kernel_of_another_language_is_shown_without_parameters():
    cell = new_code_cell("x <- 1", metadata={"tags": ["parameters"]})
    html = report(written(cell, language_info={"name": "R"}))
    assert facts(html).all("table") == []
    assert facts(html).one("pre").text.strip() == "x <- 1"
