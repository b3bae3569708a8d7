"""The service itself: representations, languages, methods, conditional requests, and addresses as people type them."""

import pytest
import requests

from tests.api.standard import EXCEPTIONS, REL, conforms, links
from tests.servers.nbprocessor import Server

RESOURCES = ("/", "/conformance", "/processes", "/processes/echo", "/jobs", "/openapi")
ORIGIN = "http://localhost:8000"


@pytest.mark.parametrize("path", RESOURCES)
def test_every_resource_is_json_unless_a_page_is_asked_for(server: Server, path: str) -> None:
    for accept in ("*/*", "application/json", "application/xml", "text/html;q=0.1, application/json"):
        answer = server.get(path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert "json" in answer.headers["Content-Type"]
    for asked in ({"headers": {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}}, {"params": {"f": "html"}}):
        answer = server.get(path, **asked)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "Accept" in answer.headers["Vary"]


def test_f_stands_above_the_accept_header(server: Server) -> None:
    answer = server.get("/processes", params={"f": "json"}, headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("query", ["f=xml", "lang=fr", "lang=", "f=JSON"])
def test_an_unknown_format_or_language_is_refused(server: Server, query: str) -> None:
    answer = server.get(f"/processes?{query}")
    assert answer.status_code == 400
    conforms(answer.json(), "exception")


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({"params": {"lang": "en"}}, "en"),
        ({"params": {"lang": "de"}, "headers": {"Accept-Language": "en"}}, "de"),
        ({"headers": {"Accept-Language": "en-GB,en;q=0.9"}}, "en"),
        ({"headers": {"Accept-Language": "fr, en;q=0.5, de;q=0.4"}}, "en"),
        ({"headers": {"Accept-Language": "de;q=0.3, en;q=0.5"}}, "en"),
        ({"headers": {"Accept-Language": "fr"}}, "de"),
        ({"headers": {"Accept-Language": "not a language,,;q=x"}}, "de"),
        ({}, "de"),
    ],
)
def test_texts_are_in_the_language_asked_for(server: Server, asked: dict, language: str) -> None:
    title = {"de": "Hallo Welt", "en": "Hello world"}[language]
    one = server.get("/processes/hello_world", **asked)
    assert one.headers["Content-Language"].partition("-")[0] == language
    assert "Accept-Language" in one.headers["Vary"]
    assert one.json()["title"] == title
    assert one.json()["inputs"]["name"]["description"] == {"de": "Wer gegrüßt wird", "en": "Who is greeted"}[language]
    listed = server.get("/processes", **asked).json()["processes"]
    assert next(process for process in listed if process["id"] == "hello_world")["title"] == title


def test_the_landing_pages_links_all_lead_somewhere(server: Server) -> None:
    for link in server.get("/").json()["links"]:
        if link["href"].startswith(server.url):
            answer = requests.get(link["href"], headers={"Accept": link["type"]}, timeout=30)
            assert answer.status_code == 200, link
            assert answer.headers["Content-Type"].partition(";")[0] == link["type"].partition(";")[0], link


def test_the_links_of_a_process_all_lead_somewhere(server: Server) -> None:
    process = server.get("/processes/echo").json()
    assert links(process, "self")
    assert links(process, "alternate")
    [execute] = links(process, f"{REL}execute")
    assert requests.post(execute["href"], json={"inputs": {"stringInput": "x"}}, timeout=60).text == "x"
    for link in process["links"]:
        if link is not execute:
            assert requests.get(link["href"], timeout=30).status_code == 200, link


# ------------------------------------------------------------------------------------------ methods


@pytest.mark.parametrize("path", [*RESOURCES, "/health", "/processes/echo/notebook", "/processes/nobody"])
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    got, headed = server.get(path), requests.head(f"{server.url}{path}", timeout=30)
    assert headed.status_code == got.status_code
    assert headed.content == b""
    for name in ("Content-Type", "Content-Language"):
        assert headed.headers.get(name) == got.headers.get(name)
    if "health" not in path:  # which tells of the moment
        assert headed.headers.get("ETag") == got.headers.get("ETag")
        assert headed.headers["Content-Length"] == str(len(got.content))


def test_options_tells_what_is_possible(server: Server, echoed: dict) -> None:
    possible = {
        "/": {"GET", "HEAD", "OPTIONS"},
        "/processes/echo/execution": {"POST", "OPTIONS"},
        f"/jobs/{echoed['jobID']}": {"GET", "HEAD", "DELETE", "OPTIONS"},
    }
    for path, methods in possible.items():
        answer = requests.options(f"{server.url}{path}", timeout=30)
        assert (answer.status_code, answer.content) == (204, b"")
        assert set(answer.headers["Allow"].split(", ")) == methods


@pytest.mark.parametrize(
    ("method", "path", "possible"),
    [
        ("PUT", "/processes/echo", "GET"),
        ("DELETE", "/processes/echo", "GET"),
        ("POST", "/jobs", "GET"),
        ("GET", "/processes/echo/execution", "POST"),
        ("PATCH", "/jobs/1b4e28ba-2fa1-11d2-883f-0016d3cca427", "DELETE"),
        ("TRACE", "/", "GET"),
        ("BREW", "/health", "GET"),
    ],
)
def test_another_method_is_a_405_that_names_those_there_are(
    server: Server, method: str, path: str, possible: str
) -> None:
    answer = requests.request(method, f"{server.url}{path}", timeout=30)
    assert answer.status_code == 405
    conforms(answer.json(), "exception")
    assert possible in answer.headers["Allow"].split(", ")


def test_a_browser_on_an_allowed_page_may_ask_read_and_change(server: Server) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "content-type,prefer,if-none-match",
    }
    preflight = requests.options(f"{server.url}/jobs/x", headers=asked, timeout=30)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    answer = server.get("/processes", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    assert all(name in exposed for name in ("location", "link", "preference-applied", "etag"))


def test_a_foreign_pages_browser_is_told_nothing_it_may_read(server: Server) -> None:
    answer = server.get("/processes", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://localhost:8000.elsewhere.example"])
def test_a_foreign_page_may_change_nothing(server: Server, origin: str) -> None:
    for method, path in (("POST", "/processes/echo/execution"), ("DELETE", "/jobs/x"), ("PUT", "/")):
        answer = requests.request(method, f"{server.url}{path}", json={}, headers={"Origin": origin}, timeout=30)
        assert answer.status_code == 403
        conforms(answer.json(), "exception")
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{server.url}/processes/echo/execution", headers=preflight, timeout=30)
    assert answer.status_code == 403
    conforms(answer.json(), "exception")


def test_a_page_of_the_server_itself_may_change_things(server: Server) -> None:
    answer = server.post("/processes/hello_world/execution", json={}, headers={"Origin": server.url})
    assert answer.status_code == 400  # read, and found without its input


@pytest.mark.parametrize(
    "host", ["evil.example", "a@127.0.0.1", "127.0.0.1.evil.example", "[::1", "127.0.0.1:99999x", "", "\xff"]
)
def test_a_name_that_is_not_the_servers_is_refused(server: Server, host: str) -> None:
    answer = server.get("/processes", headers={"Host": host.encode("latin-1")})
    assert answer.status_code in {400, 421}
    if answer.status_code == 421:
        conforms(answer.json(), "exception")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8099", "[::1]:8099", "127.0.0.1"])
def test_every_name_of_this_machine_is_the_servers(server: Server, host: str) -> None:
    assert server.get("/conformance", headers={"Host": host}).status_code == 200


# ------------------------------------------------------------------------------------------ addresses


@pytest.mark.parametrize("path", ["/processes/", "/processes/echo/", "/jobs/", "/conformance/?f=json"])
def test_a_trailing_slash_leads_to_the_resource(server: Server, path: str) -> None:
    answer = server.get(path)
    assert [step.status_code for step in answer.history] == [307]
    assert answer.status_code == 200


def test_a_request_to_execute_keeps_its_body_past_a_trailing_slash(server: Server) -> None:
    answer = server.post("/processes/echo/execution/", json={"inputs": {"stringInput": "kept"}})
    assert answer.text == "kept"


def test_percent_encoded_ids_are_the_ids_they_spell(server: Server, echoed: dict) -> None:
    assert server.get("/processes/%65cho").json()["id"] == "echo"
    encoded = "%" + f"{ord(echoed['jobID'][0]):x}" + echoed["jobID"][1:]
    assert server.get(f"/jobs/{encoded}").json()["jobID"] == echoed["jobID"]
    assert server.get(f"/jobs/{echoed['jobID']}/results/string%49nput").text == "teststring"


@pytest.mark.parametrize("process", ["nobody", "%00", "%ff%fe", "%E2%82%AC", "..%2f..%2fetc", "e" * 3000, "%0d%0aX: y"])
def test_an_id_that_names_no_process_is_a_404(server: Server, process: str) -> None:
    for method, path in (("GET", ""), ("POST", "/execution"), ("GET", "/notebook"), ("GET", "/check")):
        answer = requests.request(method, f"{server.url}/processes/{process}{path}", json={}, timeout=30)
        assert answer.status_code == 404
        conforms(answer.json(), "exception")
        if "2f" not in process:
            assert answer.json()["type"] == f"{EXCEPTIONS}no-such-process"


@pytest.mark.parametrize(
    "job",
    ["nobody", "%00", "%ff", "..%2f..", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "1b4e28ba2fa111d2883f0016d3cca427"],
)
def test_an_id_that_names_no_job_is_a_404(server: Server, job: str) -> None:
    parts = ("", "/results", "/results/x", "/notebook", "/report", "/log", "/inputs", "/manifest", "/events")
    for method, path in [("DELETE", ""), *(("GET", part) for part in parts)]:
        answer = requests.request(method, f"{server.url}/jobs/{job}{path}", timeout=30)
        assert answer.status_code == 404, path
        conforms(answer.json(), "exception")
        if "2f" not in job[:8]:
            assert answer.json()["type"] == f"{EXCEPTIONS}no-such-job"


@pytest.mark.parametrize(
    "path", ["/static/../nbprocessor.db", "/static/%2e%2e/%2e%2e/errors.py", "/results/x", "//etc/passwd"]
)
def test_there_is_nothing_beside_the_resources(server: Server, path: str) -> None:
    session = requests.Session()
    request = requests.Request("GET", server.url).prepare()
    request.url = f"{server.url}{path}"
    answer = session.send(request, timeout=30)
    assert answer.status_code == 404
    conforms(answer.json(), "exception")


# ---------------------------------------------------------------------------------- conditional requests


@pytest.mark.parametrize("path", [*RESOURCES, "/processes?f=html", "/processes/echo/notebook"])
def test_what_a_client_has_already_is_not_sent_again(server: Server, echoed: dict, path: str) -> None:
    first = server.get(path)
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = server.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert again.headers.get("Vary") == first.headers.get("Vary")
    for unknown in ('"other"', "", '"', "W/"):
        assert server.get(path, headers={"If-None-Match": unknown}).status_code == 200


def test_languages_and_representations_have_tags_of_their_own(server: Server) -> None:
    asked = [{"lang": "de"}, {"lang": "en"}, {"f": "html", "lang": "de"}, {"f": "html", "lang": "en"}]
    tags = {server.get("/processes/echo", params=query).headers["ETag"] for query in asked}
    assert len(tags) == len(asked)


def test_a_fault_is_not_kept_by_caches(server: Server) -> None:
    answer = server.get("/processes/nobody")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


# --------------------------------------------------------------------------------------- media types


def test_a_problem_is_json_unless_it_is_asked_for_by_its_name(server: Server) -> None:
    plain = server.get("/processes/nobody")
    assert plain.headers["Content-Type"] == "application/json"
    named = server.get("/processes/nobody", headers={"Accept": "application/problem+json, application/json;q=0.9"})
    assert named.headers["Content-Type"] == "application/problem+json"
    assert named.json() == plain.json()
    less = server.get("/processes/nobody", headers={"Accept": "application/json, application/problem+json;q=0.5"})
    assert less.headers["Content-Type"] == "application/json"
    page = server.get("/processes/nobody", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.status_code == 404


def test_a_problem_has_the_members_of_a_problem_document(server: Server) -> None:
    problem = server.get("/processes/nobody").json()
    assert problem["status"] == 404
    assert problem["title"] == "NoSuchProcess"
    assert "nobody" in problem["detail"]


def test_health_says_that_all_is_well_and_what_there_is_to_do(server: Server) -> None:
    answer = server.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "ok"
    assert health["faults"] == {}
    assert health["processes"]["onOffer"] >= 20
    assert health["jobs"].keys() == {"waiting", "running", "oldestWaiting"}
    assert health["workers"] == {"known": 1, "alive": 1}
    assert health["execution"]["slots"] >= 1


# ------------------------------------------------------------------------------------- paging processes


def test_pages_of_processes_lead_from_one_to_the_next_and_back(narrow: Server) -> None:
    everything = []
    address = f"{narrow.url}/processes?limit=2&lang=en"
    pages = 0
    while address:
        page = requests.get(address, timeout=30).json()
        conforms(page, "processList")
        assert len(page["processes"]) <= 2
        everything += [process["id"] for process in page["processes"]]
        assert {link["href"] for link in links(page, "self")} != {link["href"] for link in links(page, "alternate")}
        if pages:
            [before] = links(page, "prev")
            assert requests.get(before["href"], timeout=30).json()["processes"][0]["id"] == everything[2 * (pages - 1)]
        pages += 1
        address = next((link["href"] for link in links(page, "next")), "")
        assert not address or "lang=en" in address
    assert everything == sorted(set(everything))
    assert len(everything) == narrow.get("/health").json()["processes"]["onOffer"]


def test_a_limit_beyond_the_servers_own_is_cut_to_it(narrow: Server) -> None:
    page = narrow.get("/processes?limit=1000").json()
    assert len(page["processes"]) == 3
    [after] = links(page, "next")
    assert "offset=3" in after["href"]


def test_an_offset_past_the_end_is_an_empty_page(server: Server) -> None:
    page = server.get("/processes?offset=5000").json()
    assert page["processes"] == []
    assert not links(page, "next")


@pytest.mark.parametrize("path", ["/processes", "/jobs"])
@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=ten", "limit=1.5", "limit=", "offset=-1", "offset=²"])
def test_a_limit_or_offset_that_is_no_count_is_refused(server: Server, path: str, query: str) -> None:
    answer = server.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == query.partition("=")[0]
