"""Signing in and out on the pages, as a browser and as an attacker would."""

import re
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.keycloak.conftest import Guarded
from tests.keycloak.visitors import PAGE, Visitor, query


@pytest.fixture
def visitor(signed: Guarded) -> Visitor:
    return Visitor(signed.server)


@pytest.fixture(scope="module")
def cora(signed: Guarded) -> Visitor:
    """Somebody who has signed in, and stays so."""
    visitor = Visitor(signed.server)
    visitor.sign_in("cora")
    return visitor


def with_query(address: str, **changed: str | None) -> str:
    """Return an address with other parameters; None: without."""
    parameters = {name: value for name, value in (query(address) | changed).items() if value is not None}
    return f"{address.partition('?')[0]}?{urlencode(parameters)}"


def test_a_page_leads_to_keycloak_and_back_to_where_one_was(visitor: Visitor):
    sent = visitor.open("/jobs?status=failed")
    assert sent.status_code == 303
    done = visitor.sign_in("cora", to="/jobs%3Fstatus%3Dfailed")
    assert done.status_code == 303
    assert done.headers["Location"] == f"{visitor.server.url}/jobs?status=failed"
    assert visitor.open("/jobs?status=failed").status_code == 200
    assert visitor.who() == "cora"


def test_a_client_of_the_api_is_told_to_send_a_token(signed: Guarded):
    refused = requests.get(f"{signed.server.url}/jobs", timeout=60, allow_redirects=False)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Authorization": "Bearer no.good.token"},
    ],
)
def test_what_cannot_sign_in_is_not_sent_to_keycloak(visitor: Visitor, headers):
    assert visitor.open("/jobs", headers=headers).status_code == 401


def test_the_request_has_a_challenge_a_state_and_a_nonce_and_never_the_same_ones(visitor: Visitor):
    first, second = (query(visitor.open("/sign-in").headers["Location"]) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == f"{visitor.server.url}/sign-in/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


def test_the_cookie_is_an_id_that_scripts_cannot_read(visitor: Visitor):
    done = visitor.sign_in("cora")
    (cookie,) = [line for line in done.headers["Set-Cookie"].split(", nb") if "-session-" in line]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert re.fullmatch(r"[\w-]{43}", visitor.session)


def test_neither_cookie_nor_database_holds_a_token_or_the_id(signed: Guarded, visitor: Visitor):
    visitor.sign_in("cora")
    files = [file.read_bytes() for file in signed.server.results.glob("nbprocessor.db*")]
    kept = b"".join([*files, repr(visitor.browser.cookies).encode()])
    assert files
    assert b"eyJhbGciOiJSUzI1NiIs" not in kept  # how every token of the realm begins
    assert visitor.session.encode() not in b"".join(files)


def test_jobs_of_a_session_are_ones_own_and_those_of_ones_token(signed: Guarded, cora: Visitor):
    done = cora.execute()
    assert done.status_code == 200, done.text
    job = done.headers["Location"].rpartition("/")[2]
    assert signed.person("cora").get(f"/jobs/{job}").status_code == 200
    paul = Visitor(signed.server)
    paul.sign_in("paul")
    assert cora.open(f"/jobs/{job}").status_code == 200
    assert paul.open(f"/jobs/{job}").status_code == 404


def test_somebody_without_a_role_is_told_so_on_a_page(visitor: Visitor):
    visitor.sign_in("nora")
    refused = visitor.open("/jobs?lang=de")
    assert refused.status_code == 403
    assert "Sie sind als nora angemeldet" in refused.text
    assert "Abmelden" in refused.text


def test_a_bearer_token_says_who_asks_whatever_the_cookie_says(signed: Guarded, cora: Visitor):
    token = signed.keycloak.token("vera")
    answer = cora.open("/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert "vera" in answer.text
    broken = cora.open("/jobs", headers={"Authorization": "Bearer no.good.token"})
    assert broken.status_code == 401


# Attacks on the way back


def test_the_way_back_is_good_once(visitor: Visitor):
    back = visitor.way_back("cora")
    assert visitor.open(back).status_code == 303
    assert visitor.open(back).status_code == 400


def test_the_way_back_of_another_browser_signs_nobody_in(signed: Guarded, visitor: Visitor):
    stolen = Visitor(signed.server).way_back("paul")
    assert visitor.open(stolen).status_code == 400
    visitor.begin()
    assert visitor.open(stolen).status_code == 400
    assert visitor.who() == ""


def test_the_code_of_another_browser_is_not_taken_with_ones_own_state(signed: Guarded, visitor: Visitor):
    code = query(Visitor(signed.server).way_back("paul"))["code"]
    own = visitor.way_back("cora")
    assert visitor.open(with_query(own, code=code)).status_code == 400
    assert visitor.who() == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "forged"},
        {"state": None},
        {"iss": "https://elsewhere.example/realms/kommonitor"},
        {"iss": None},
        {"code": "forged"},
        {"code": None},
        {"error": "access_denied"},
    ],
)
def test_a_way_back_that_was_changed_signs_nobody_in(visitor: Visitor, changed):
    refused = visitor.open(with_query(visitor.way_back("cora"), **changed))
    assert refused.status_code in {400, 403}
    assert visitor.who() == ""


def test_an_id_token_for_another_nonce_signs_nobody_in(visitor: Visitor):
    begun = visitor.open("/sign-in").headers["Location"]
    back = visitor.fill_in(visitor.open(with_query(begun, nonce="of-another-sign-in")), "cora")
    refused = visitor.open(back)
    assert refused.status_code == 400
    assert "ID token" in refused.text
    assert visitor.who() == ""


def test_a_code_without_the_challenge_of_this_server_signs_nobody_in(visitor: Visitor):
    other = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    begun = visitor.open("/sign-in").headers["Location"]
    back = visitor.fill_in(visitor.open(with_query(begun, code_challenge=other)), "cora")
    assert visitor.open(back).status_code == 400
    assert visitor.who() == ""


def test_an_id_that_somebody_else_chose_never_becomes_a_session(visitor: Visitor):
    chosen = "A" * 43
    visitor.browser.cookies.set(visitor.cookie, chosen, domain="127.0.0.1", path="/")
    visitor.sign_in("cora")
    assert visitor.session != chosen


def test_signing_in_anew_ends_the_session_before(signed: Guarded, visitor: Visitor):
    visitor.sign_in("cora")
    before = visitor.session
    visitor.open(visitor.begin().headers["Location"])  # known at Keycloak, without a form
    assert visitor.session != before
    thief = Visitor(signed.server)
    thief.browser.cookies.set(thief.cookie, before)
    assert thief.open("/jobs").status_code == 303


@pytest.mark.parametrize(
    "to",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "/%0d%0aLocation:%20https://elsewhere.example",
        "javascript:alert(1)",
        "/sign-in?to=/jobs",
        "@elsewhere.example",
    ],
)
def test_one_never_comes_back_to_another_place_than_this_server(signed: Guarded, to):
    visitor = Visitor(signed.server)
    done = visitor.open(Visitor.way_back(visitor, "cora", requests.utils.quote(to, safe="%")))
    assert done.headers["Location"] == f"{signed.server.url}/"


def test_another_name_of_this_server_leads_to_the_one_that_keycloak_knows(signed: Guarded, visitor: Visitor):
    port = urlsplit(signed.server.url).port
    sent = visitor.open(f"http://localhost:{port}/sign-in?to=/jobs")
    assert sent.headers["Location"] == f"{signed.server.url}/sign-in?to=/jobs"


# Changes that another site's page causes


def test_a_change_without_the_sessions_token_is_refused(cora: Visitor):
    for token in (None, "", "0" * 64):
        refused = cora.execute(**{"X-CSRF-Token": token})
        assert refused.status_code == 403, refused.text
        assert "X-CSRF-Token" in refused.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Origin": "http://localhost:8000", "Sec-Fetch-Site": None},
    ],
)
def test_a_change_from_another_origin_is_refused_even_with_the_token(cora: Visitor, headers):
    assert cora.execute(**headers).status_code in {401, 403}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"]
)
def test_a_form_of_another_site_runs_nothing(signed: Guarded, cora: Visitor, kind):
    before = len(signed.person("cora").get("/jobs").json()["jobs"])
    for headers in ({"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}, {}):
        sent = cora.change(
            "POST", "/processes/echo_text/execution", data='{"inputs": {}}', headers={"Content-Type": kind} | headers
        )
        assert sent.status_code in {401, 403}
    assert len(signed.person("cora").get("/jobs").json()["jobs"]) == before


def test_a_job_is_not_dismissed_by_another_sites_page(cora: Visitor):
    job = cora.execute().headers["Location"].rpartition("/")[2]
    assert cora.change("DELETE", f"/jobs/{job}").status_code == 403
    kept = cora.change("DELETE", f"/jobs/{job}", headers={"X-CSRF-Token": cora.csrf_token()})
    assert kept.status_code == 409  # it was let through, and has ended by itself


def test_a_cookie_counts_for_a_followed_link_and_not_for_what_another_page_loads(cora: Visitor):
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert cora.open("/jobs", headers=foreign).status_code == 200
    loaded = cora.open("/jobs", headers=foreign | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"})
    assert loaded.status_code == 401


def test_two_cookies_of_one_name_count_as_none(signed: Guarded, cora: Visitor):
    twice = f"{cora.cookie}={'A' * 43}; {cora.cookie}={cora.session}"
    answer = requests.get(
        f"{signed.server.url}/jobs", headers=PAGE | {"Cookie": twice}, timeout=60, allow_redirects=False
    )
    assert answer.status_code == 303


# Signing out


def test_signing_out_ends_the_session_here_and_at_keycloak(signed: Guarded, visitor: Visitor):
    visitor.sign_in("cora")
    stolen = visitor.session
    page = visitor.sign_out()
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    gone = visitor.open(page.headers["Refresh"].partition("url=")[2])
    assert gone.status_code == 302
    assert gone.headers["Location"] == f"{signed.server.url}/"
    assert "<form" in visitor.begin().text  # a password is asked for
    thief = Visitor(signed.server)
    thief.browser.cookies.set(thief.cookie, stolen)
    assert thief.open("/jobs").status_code == 303


def test_another_site_signs_nobody_out(visitor: Visitor):
    visitor.sign_in("cora")
    for headers, token in (
        ({"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}, visitor.csrf_token()),
        ({}, ""),
        ({}, "0" * 64),
    ):
        refused = visitor.change("POST", "/sign-out", data={"csrf": token}, headers=headers)
        assert refused.status_code == 403
    assert visitor.open("/sign-out").status_code == 405
    assert visitor.who() == "cora"


def test_two_people_after_one_another_at_one_browser_see_their_own(visitor: Visitor):
    visitor.sign_in("cora")
    job = visitor.execute().headers["Location"].rpartition("/")[2]
    page = visitor.open(f"/jobs/{job}")
    assert page.headers["Cache-Control"] == "no-store"
    out = visitor.sign_out()
    visitor.open(out.headers["Refresh"].partition("url=")[2])
    visitor.sign_in("paul")
    assert visitor.who() == "paul"
    assert visitor.open(f"/jobs/{job}").status_code == 404


def test_what_is_no_session_signs_out_nobody_and_harms_nothing(visitor: Visitor):
    assert visitor.change("POST", "/sign-out", data={"csrf": ""}).status_code == 403
    assert visitor.change("POST", "/sign-out", data=b"\xff" * 30_000).status_code in {403, 413, 415}


def test_the_security_log_tells_of_sessions_without_ids_or_tokens(signed: Guarded, visitor: Visitor):
    visitor.sign_in("edda")
    session_id = visitor.session
    visitor.sign_out()
    own = [line["event"] for line in signed.lines() if line.get("user") == "edda"]
    assert own == ["sign-in", "sign-out"]
    assert session_id not in signed.log.read_text()
    assert "eyJ" not in signed.log.read_text()
