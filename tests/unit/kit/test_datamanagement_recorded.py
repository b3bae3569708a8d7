"""The stand-in answers as the real server did: recorded answers of version 5.2.6, replayed in their order."""

import json
from typing import Any

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis.strategies import floats

from tests.servers.answers import float_text
from tests.servers.city import EDITOR, ORGANISATION, RECORDED, STRANGER, City
from tests.servers.datamanagement import StandIn

PEOPLE, CHILDREN, SUM = (
    "d9d9112e-610f-4dd1-b286-fec848949f03",
    "fbe45fd4-5455-48a0-ab70-4616326d70dd",
    "2398dc79-25e7-4d1c-9040-6f2b8d7734a3",
)
YEARS = ["2020-01-01", "2021-01-01", "2022-01-01", "2023-01-01"]
ACCESS = {"permissions": [], "isPublic": False, "ownerId": ORGANISATION}
CHANGING = {"timestamp", "lastUpdate"}
"""Properties that hold the time of the request."""


def body(unit: str, values: dict[str, dict[str, float | None]], **access: Any) -> dict[str, Any]:
    rows = [
        {"spatialReferenceKey": area, "valueMapping": [{"timestamp": d, "indicatorValue": v} for d, v in row.items()]}
        for area, row in values.items()
    ]
    return {"applicableSpatialUnit": unit, **(access or ACCESS), "indicatorValues": rows}


def table(start: int, step: int) -> dict[str, dict[str, float | None]]:
    return {str(area): {day: area * start + i * step for i, day in enumerate(YEARS)} for area in range(1, 5)}


WITH_GAP = table(100, 1) | {"3": table(100, 1)["3"] | {"2021-01-01": None}}
SENT = {
    "40_put_indicator_values": body("Stadtbezirke", table(1000, 10)),
    "41_put_indicator_values_with_null": body("Stadtbezirke", WITH_GAP),
    "42_put_indicator_values_2nd_unit": body("Gesamtstadt", {"1": dict.fromkeys(YEARS, 1.0)}),
    "43_put_indicator_values_seed_form_allowedroles": body("Stadtbezirke", table(1, 1), allowedRoles=[]),
    "44_put_indicator_values_unknown_spatial_unit": body("Stadtteile", table(1, 1)),
    "45_put_indicator_values_unknown_feature": body(
        "Stadtbezirke", dict.fromkeys(("1", "99"), dict.fromkeys(YEARS, 1))
    ),
    "46_after_partial_put_without_geometry": body("Stadtbezirke", {"1": {"2022-01-01": 7.5, "2024-06-30": 1.25}}),
}
"""The bodies of the recorded PUTs, which were not recorded themselves."""
AFTER = "46_after_partial_put_without_geometry"
TOKENS = {"no_token": None, "garbage_token": "eyJ.garbage", "nora": STRANGER, "vera": STRANGER}


def recordings() -> list[str]:
    """Return the names of what is replayed, in order; what filled the server at the beginning is not."""
    names = sorted(path.stem for path in RECORDED.glob("[4-9]*.json") if path.stem != AFTER)
    return [*names, AFTER]


def ask(stand_in: StandIn, name: str) -> requests.Response:
    recording = json.loads((RECORDED / f"{name}.json").read_text())
    default = f"GET /management/indicators/{PEOPLE}/f24531e5-fd37-42bc-9062-6085d1003c43/without-geometry"
    method, path = recording.get("request", default).split(" ", 1)
    accept = None if "no_accept" in name else recording.get("accept", "application/json")
    token = next((token for key, token in TOKENS.items() if name.endswith(key)), EDITOR)
    headers = {"Accept": accept, "Authorization": f"Bearer {token}" if token else None}
    sent = SENT.get(name, body("Stadtbezirke", {"1": {"2020-01-01": 1}})) if method == "PUT" else None
    if name == AFTER:
        requests.put(f"{stand_in.url}/management/indicators/{PEOPLE}", json=SENT[AFTER], headers=headers, timeout=20)
    return requests.request(method, f"{stand_in.url}{path}", json=sent, headers=headers, timeout=20)


def settled(value: Any) -> Any:
    """Return a document with its times taken out."""
    if isinstance(value, dict):
        return {key: "…" if key in CHANGING and item else settled(item) for key, item in value.items()}
    return [settled(item) for item in value] if isinstance(value, list) else value


def test_the_stand_in_answers_every_recorded_request_as_the_real_server_did(datamanagement):
    differing = {}
    for name in recordings():
        recording = json.loads((RECORDED / f"{name}.json").read_text())
        answer = ask(datamanagement, name)
        got = (answer.status_code, answer.headers.get("Content-Type"), answer.json() if answer.content else "")
        expected = (
            recording.get("status", 200),
            recording.get("content_type", "application/json"),
            recording["body"],
        )
        if settled(list(got)) != settled(list(expected)):
            differing[name] = (got, expected)
    assert not differing
    assert len(recordings()) == len(datamanagement.requests) - 1 > 40


def test_a_put_names_the_indicator_as_its_location(datamanagement):
    answer = ask(datamanagement, "40_put_indicator_values")
    assert answer.headers["Location"] == PEOPLE and answer.content == b""


def test_feature_collections_come_as_attachments(datamanagement):
    answer = ask(datamanagement, "62_get_spatial_unit_all_features")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize("accept", ["application/json", "application/geo+json"])
def test_dated_features_are_refused_unless_anything_is_accepted(datamanagement, accept):
    url = f"{datamanagement.url}/management/georesources/7f036bc2-785e-48ae-a241-8895831aab03/2022/1/1"
    headers = {"Accept": accept, "Authorization": f"Bearer {EDITOR}"}
    assert requests.get(url, headers=headers, timeout=20).status_code == 406


def test_a_day_without_features_is_an_error_and_not_an_empty_collection(datamanagement):
    url = f"{datamanagement.url}/management/georesources/7f036bc2-785e-48ae-a241-8895831aab03/1999/1/1"
    answer = requests.get(url, headers={"Accept": "*/*", "Authorization": f"Bearer {EDITOR}"}, timeout=20)
    assert answer.status_code == 500 and answer.json()["message"].startswith("No valid features could be retrieved")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1030, "1030"), (7.5, "7.5"), (1 / 3, "0.33333334"), (1e6, "1e+06"), (1234567.0, "1.234567e+06"), (1e-5, "1e-05"),
     (0.0001, "0.0001"), (-0.25, "-0.25"), (123456.7, "123456.7"), (float("nan"), "NaN"), (None, None)],
)  # fmt: skip
def test_values_are_text_of_32_bit_floats_as_postgresql_writes_them(value, text):
    assert float_text(value) == text


@given(floats(width=32, allow_nan=False, allow_infinity=False))
def test_text_of_a_32_bit_float_is_that_float(value):
    assert np.float32(float_text(value)) == np.float32(value)


def test_the_recorded_city_is_the_same_for_every_test():
    one, other = City.recorded(), City.recorded()
    one.overviews["indicators"][PEOPLE]["applicableDates"].append("2099-01-01")
    assert other.overviews["indicators"][PEOPLE]["applicableDates"] == []
