"""Writing to Data Management: one PUT per spatial unit, in the words the server knows, checked before it is sent."""

import json
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from nbprocessor.errors import DataUnavailable, InvalidData, ResourceNotFound
from nbprocessor.kit.datamanagement import DataManagement
from tests.servers.city import EDITOR, ORGANISATION, STRANGER, square
from tests.servers.datamanagement import QUICK

PEOPLE = "/management/indicators/people"
VALUES = pd.DataFrame({"2020-12-31": [1 / 3, np.nan], "2021-12-31": [0.0, 2.0]}, index=["1", "2"])


@pytest.fixture
def city(datamanagement):
    city = datamanagement.city
    city.add_unit("quarters", "Stadtteile", [square("1", 7, 51), square("2", 7.02, 51)])
    city.add_unit("districts", "Bezirke", [square("1", 7, 51), square("2", 7.02, 51)])
    city.add_indicator("people", "Einwohner", {"quarters": {"1": {"2020-12-31": 5.0, "2019-12-31": 4.0}}})
    return city


def sent(stand_in):
    """Return the only PUT body."""
    (body,) = stand_in.bodies("PUT")
    return json.loads(body)


def test_values_are_written_and_read_back_as_32_bit_floats(editor, city):
    receipt = editor.write(editor.indicator("people"), "quarters", VALUES)
    assert receipt.resource == f"{editor.base}{PEOPLE}/quarters"
    back = editor.indicator("people").values("quarters")
    assert back.at["1", "2019-12-31"] == 4 and np.isnan(back.at["2", "2020-12-31"])
    assert back[["2020-12-31", "2021-12-31"]].loc["1"].tolist() == [0.33333334, 0.0]


def test_a_put_names_the_unit_and_repeats_who_may_see_it(datamanagement, editor, city):
    join = city.overviews["indicators"]["people"]["applicableSpatialUnits"][0]
    join |= {"permissions": ["p-1"], "isPublic": True, "ownerId": "org-2"}
    editor.write(editor.indicator("people"), "quarters", VALUES)
    body = sent(datamanagement)
    rows = body.pop("indicatorValues")
    assert body == {
        "applicableSpatialUnit": "Stadtteile", "permissions": ["p-1"], "isPublic": True, "ownerId": "org-2",
    }  # fmt: skip
    assert rows[1] == {
        "spatialReferenceKey": "2",
        "valueMapping": [
            {"indicatorValue": None, "timestamp": "2020-12-31"},
            {"indicatorValue": 2.0, "timestamp": "2021-12-31"},
        ],
    }


@pytest.mark.parametrize("join", [{}, {"permissions": None, "isPublic": None, "ownerId": None}])
def test_access_that_the_unit_does_not_say_is_the_indicators_and_the_receipt_has_what_was_sent(
    datamanagement, editor, city, join
):
    overview = city.overviews["indicators"]["people"]
    overview |= {"permissions": ["p-2"], "isPublic": True, "ownerId": "org-3"}
    for key in ("permissions", "isPublic", "ownerId"):
        overview["applicableSpatialUnits"][0].pop(key, None)
    overview["applicableSpatialUnits"][0].update(join)
    receipt = editor.write(editor.indicator("people"), "quarters", VALUES)
    body = sent(datamanagement)
    assert body == receipt.body
    assert (body["permissions"], body["isPublic"], body["ownerId"]) == (["p-2"], True, "org-3")


def test_a_unit_that_is_not_joined_yet_takes_access_from_the_indicator_and_is_joined(datamanagement, editor, city):
    editor.write(editor.indicator("people"), "districts", VALUES)
    body = sent(datamanagement)
    assert (body["permissions"], body["isPublic"], body["ownerId"]) == ([], False, ORGANISATION)
    assert editor.indicator("people").spatial_units == ["quarters", "districts"]


def test_an_older_server_gets_allowed_roles_and_nothing_it_does_not_know(datamanagement, editor, city):
    city.older = True
    editor.write(editor.indicator("people"), "quarters", VALUES)
    body = sent(datamanagement)
    assert set(body) == {"applicableSpatialUnit", "allowedRoles", "indicatorValues"} and body["allowedRoles"] == []


@pytest.mark.parametrize(
    "fault", [{"status": 403}, {"status": 404}, {"body": b"<html>"}, {"body": b'{"paths": {}}'}, {"body": b"[]"}]
)
def test_a_server_that_does_not_describe_itself_gets_both_dialects(datamanagement, editor, city, fault):
    datamanagement.fault("/v3/api-docs", **fault)
    editor.write(editor.indicator("people"), "quarters", VALUES)
    assert {"permissions", "isPublic", "ownerId", "allowedRoles"} < set(sent(datamanagement))


def test_the_dialect_is_found_out_once(datamanagement, editor, city):
    for unit in ("quarters", "districts", "quarters"):
        editor.write(editor.indicator("people"), unit, VALUES)
    assert datamanagement.count("GET", "/v3/api-docs") == 1 and datamanagement.count("PUT", PEOPLE) == 3


def test_areas_the_unit_does_not_have_are_refused_and_nothing_is_sent(datamanagement, editor, city):
    with pytest.raises(InvalidData, match='"99" is no area of spatial unit quarters'):
        editor.write(editor.indicator("people"), "quarters", VALUES.rename(index={"2": "99"}))
    assert not datamanagement.bodies("PUT")


def test_values_too_large_for_32_bits_are_refused_and_named(datamanagement, editor, city):
    values = pd.DataFrame({"2020-12-31": [1e39]}, index=["1"])
    with pytest.raises(InvalidData, match=r'1e\+39 \(area "1", 2020-12-31\) is too large'):
        editor.write(editor.indicator("people"), "quarters", values)
    assert not datamanagement.bodies("PUT")


def test_no_values_are_refused_because_the_server_would_fail(datamanagement, editor, city):
    with pytest.raises(InvalidData, match="no values to write"):
        editor.write(editor.indicator("people"), "quarters", VALUES.iloc[:0])
    assert not datamanagement.bodies("PUT")


def test_writing_without_permission_is_told_as_such(datamanagement, city):
    for overview in (*city.overviews["spatial-units"].values(), city.overviews["indicators"]["people"]):
        overview["isPublic"] = True
    with closing(DataManagement(datamanagement.url, token=STRANGER, patience=QUICK)) as source:
        with pytest.raises(ResourceNotFound, match="no permission to change it") as caught:
            source.write(source.indicator("people"), "quarters", VALUES)
        assert caught.value.status == 403


def test_nobody_signed_in_writes_nothing(datamanagement, city):
    for overview in (*city.overviews["spatial-units"].values(), city.overviews["indicators"]["people"]):
        overview["isPublic"] = True
    with closing(DataManagement(datamanagement.url, patience=QUICK)) as source:
        with pytest.raises(DataUnavailable, match="nobody is signed in"):
            source.write(source.indicator("people"), "quarters", VALUES)
        assert not datamanagement.bodies("PUT")


def test_a_put_whose_answer_was_lost_is_sent_again_and_stores_the_same(datamanagement, editor, city):
    datamanagement.fault(PEOPLE, method="PUT", refuse=True, after=True, times=2)
    editor.write(editor.indicator("people"), "quarters", VALUES)
    first, *others = datamanagement.bodies("PUT")
    assert others == [first, first]
    assert editor.indicator("people").values("quarters").at["2", "2021-12-31"] == 2


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_put_to_a_busy_server_is_sent_again(datamanagement, editor, city, status):
    datamanagement.fault(PEOPLE, method="PUT", status=status, times=1)
    editor.write(editor.indicator("people"), "quarters", VALUES)
    assert datamanagement.count("PUT", PEOPLE) == 2


def test_a_put_the_server_fails_at_is_told_with_its_words_and_status_and_not_repeated(datamanagement, editor, city):
    body = b'{"type":"NullPointerException","label":"java.lang.NullPointerException","message":"is null"}'
    datamanagement.fault(PEOPLE, method="PUT", status=500, body=body)
    with pytest.raises(DataUnavailable, match=r"people.* answered 500: NullPointerException: is null") as caught:
        editor.write(editor.indicator("people"), "quarters", VALUES)
    assert caught.value.status == 500 and datamanagement.count("PUT", PEOPLE) == 1


def test_a_put_is_never_redirected(datamanagement, editor, city):
    datamanagement.fault(PEOPLE, method="PUT", status=302, headers={"Location": "/elsewhere"})
    with pytest.raises(DataUnavailable, match="points elsewhere") as caught:
        editor.write(editor.indicator("people"), "quarters", VALUES)
    assert caught.value.status == 302 and datamanagement.count("PUT", PEOPLE) == 1


def test_a_refused_put_leaves_what_was_read_as_it_was(datamanagement, editor, city):
    people = editor.indicator("people")
    before = people.values("quarters")
    datamanagement.fault(PEOPLE, method="PUT", status=500)
    with pytest.raises(DataUnavailable):
        editor.write(people, "quarters", VALUES)
    pd.testing.assert_frame_equal(people.values("quarters"), before)
    assert EDITOR not in str(before)
