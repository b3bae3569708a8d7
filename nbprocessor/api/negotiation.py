"""Which representation a client wants: ``f=`` first, then ``Accept``; JSON when it does not say."""

from collections.abc import Mapping
from http import HTTPStatus

from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from nbprocessor.api.problems import RequestRefused
from nbprocessor.language import LANGUAGES

JSON = "application/json"
HTML = "text/html"
PROBLEM_JSON = "application/problem+json"
FORMATS = {"json": JSON, "html": HTML}


def wanted(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return ``json`` or ``html``.

    Raises:
        RequestRefused: 400 for an unknown ``f``.
    """
    asked = query.get("f")
    if asked:
        if asked not in FORMATS:
            raise RequestRefused(HTTPStatus.BAD_REQUEST, f"f={asked} is no format here; use {' or '.join(FORMATS)}.")
        return asked
    accept = parse_accept_header(headers.get("accept"), MIMEAccept)
    return "html" if accept.best_match([JSON, HTML], JSON) == HTML else "json"


def refuse_unknown_language(query: Mapping[str, str]) -> None:
    """Refuse ``lang=`` when it names no language; ``Accept-Language`` is a wish, and never refused.

    Raises:
        RequestRefused: 400.
    """
    language = query.get("lang")
    if language is not None and language not in LANGUAGES:
        known = " or ".join(LANGUAGES)
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"lang={language} is no language here; use {known}.")


def language(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return the language of an answer that pygeoapi has no part in: ``lang=`` first, then ``Accept-Language``."""
    asked = query.get("lang")
    if asked in LANGUAGES:
        return asked
    accept = parse_accept_header(headers.get("accept-language"), LanguageAccept)
    return accept.best_match(LANGUAGES, LANGUAGES[0])


def problem_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a problem document: ``application/problem+json`` for those who ask for it by name."""
    accept = parse_accept_header(headers.get("accept"), MIMEAccept)
    named = any(value == PROBLEM_JSON for value, _ in accept)
    return PROBLEM_JSON if named and accept.best_match([PROBLEM_JSON, JSON]) == PROBLEM_JSON else JSON
