"""What cookies are called, how they are sent, and what they count for."""

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response

from nbprocessor.api.cookies import Cookies
from nbprocessor.api.signin import own_page
from nbprocessor.auth.sessions import csrf_token
from nbprocessor.errors import Forbidden

HTTPS = Cookies("https://nbprocessor.example/processes")
LOCAL = Cookies("http://127.0.0.1:8099")


def sent(cookies: Cookies) -> str:
    response = Response()
    cookies.give(response, cookies.session, "id")
    return response.headers["set-cookie"]


def test_with_https_a_cookie_is_bound_to_this_host_and_never_sent_without():
    assert sent(HTTPS).startswith("__Host-nbprocessor-session=id;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(sent(HTTPS).split("; "))
    assert "Domain" not in sent(HTTPS)


def test_on_this_machine_itself_it_has_the_name_of_its_port():
    assert sent(LOCAL).startswith("nbprocessor-session-8099=id;")
    assert "Secure" not in sent(LOCAL)


def test_where_others_could_read_it_there_is_none():
    assert HTTPS.usable
    assert LOCAL.usable
    assert not Cookies("http://nbprocessor.example").usable
    assert not Cookies("http://0.0.0.0:8099").usable


@pytest.mark.parametrize("origin", ["http://nbprocessor.example", "https://nbprocessor.example:8443", "null", ""])
def test_a_change_from_another_scheme_or_port_is_refused(origin):
    token = csrf_token("id")
    HTTPS.check_change(Headers({"origin": "https://nbprocessor.example"}), "id", token)
    with pytest.raises(Forbidden):
        HTTPS.check_change(Headers({"origin": origin}), "id", token)


def test_the_token_of_another_session_is_refused():
    with pytest.raises(Forbidden):
        HTTPS.check_change(Headers({"origin": HTTPS.origin}), "id", csrf_token("another"))
    with pytest.raises(Forbidden):
        HTTPS.check_change(Headers({"origin": HTTPS.origin}), "id", "ß")


@pytest.mark.parametrize("page", ["/", "/jobs?status=failed&lang=de", "/processes/echo"])
def test_a_page_of_this_server_is_come_back_to(page):
    assert own_page(page) == page


@pytest.mark.parametrize("page", [None, "jobs", "//x", "/\\x", "https://x", "/a\nb", "/a b", "/ä", "/" + "a" * 3000])
def test_whatever_else_leads_to_the_landing_page(page):
    assert own_page(page) == "/"
