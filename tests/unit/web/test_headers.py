"""Security headers: every page is sealed, every other answer is what it is called."""

import pytest
from starlette.responses import HTMLResponse, JSONResponse

from nbprocessor.web.headers import PAGE_HEADERS, SecurityHeaders


def headers_of(response):
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    # Nothing here waits for anything, so that it needs no event loop: the browser's tests hold this thread's.
    with pytest.raises(StopIteration):
        SecurityHeaders(response)({"type": "http", "method": "GET"}, receive, send).send(None)
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_a_page_runs_nothing_inline_and_nothing_of_another_host():
    headers = headers_of(HTMLResponse("<p>"))
    assert {name: headers[name.lower()] for name in PAGE_HEADERS} == dict(PAGE_HEADERS)


def test_what_a_response_says_for_itself_stays():
    report = HTMLResponse("<p>", headers={"Content-Security-Policy": "sandbox"})
    assert headers_of(report)["content-security-policy"] == "sandbox"


@pytest.mark.parametrize("name", ["x-content-type-options", "referrer-policy"])
def test_other_answers_are_not_guessed_at(name):
    assert headers_of(JSONResponse({}))[name] in {"nosniff", "same-origin"}
    assert "content-security-policy" not in headers_of(JSONResponse({}))
