"""How often and how many at once Data Management is asked, and what happens when it does not answer well."""

import gc
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from nbprocessor.errors import DataError, DataUnavailable, InvalidData, ResourceNotFound
from nbprocessor.kit import datamanagement as module
from nbprocessor.kit.connection import Patience
from nbprocessor.kit.datamanagement import PARALLEL, DataManagement
from tests.servers.city import EDITOR, square
from tests.servers.datamanagement import QUICK, half

UNITS = [f"unit{number}" for number in range(6)]
POINT = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [7.01, 51.01]}, "properties": {"ID": "p"}}
SERIES = "/management/indicators/people/unit0/without-geometry"
FEATURES = "/management/spatial-units/unit0/allFeatures"
METADATA = "/management/spatial-units/unit0"


@pytest.fixture
def city(datamanagement):
    city = datamanagement.city
    for unit in UNITS:
        city.add_unit(unit, unit.capitalize(), [square("1", 7, 51), square("2", 7.02, 51)])
    values = {unit: {"1": {"2020-12-31": 1.0}, "2": {"2020-12-31": 2.0}} for unit in UNITS}
    city.add_indicator("people", "Einwohner", values)
    city.add_indicator("some", "Einige", {"unit0": values["unit0"]})
    city.add_georesource("places", "Orte", [POINT])
    return city


def read_all(source):
    people, places = source.indicator("people"), source.georesource("places")
    for unit in UNITS:
        source.spatial_unit(unit)
        source.areas(unit)
        people.values(unit)
        places.features()


def asked(stand_in):
    return Counter((request.method, request.path) for request in stand_in.requests)


def test_each_resource_is_asked_for_once_however_often_it_is_read(datamanagement, editor, city):
    read_all(editor)
    read_all(editor)
    assert set(asked(datamanagement).values()) == {1}
    assert len(datamanagement.requests) == 2 + 3 * len(UNITS) + 1


def test_each_resource_is_asked_for_once_when_it_was_prefetched(datamanagement, editor, city):
    people, places = editor.indicator("people"), editor.georesource("places")
    editor.prefetch(UNITS, [people, places])
    read_all(editor)
    editor.prefetch(UNITS, [people, places])
    assert set(asked(datamanagement).values()) == {1}


def test_each_resource_is_asked_for_once_by_many_threads(datamanagement, editor, city):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: read_all(editor), range(8)))
    assert set(asked(datamanagement).values()) == {1}


def test_prefetching_asks_several_at_once_and_never_more_than_the_bound(datamanagement, editor, city):
    people = editor.indicator("people")
    release = threading.Event()
    datamanagement.fault("unit", hold=release)
    editor.prefetch(UNITS, [people])
    datamanagement.wait_until_busy(PARALLEL)
    release.set()
    read_all(editor)
    assert datamanagement.most_at_once == PARALLEL


def test_prefetching_leaves_out_what_cannot_be_computed(datamanagement, editor, city):
    people, some = editor.indicator("people"), editor.indicator("some")
    editor.prefetch(UNITS, [people, some])
    for unit in UNITS:
        editor.areas(unit)
    people.values("unit0")
    series = [path for _, path in asked(datamanagement) if path.endswith("without-geometry")]
    assert set(series) <= {SERIES, SERIES.replace("people", "some")}


def test_what_could_not_be_prefetched_is_told_when_it_is_asked_for_and_nowhere_else(datamanagement, editor, city):
    datamanagement.fault(FEATURES, status=500)
    people = editor.indicator("people")
    editor.prefetch(UNITS, [people])
    with pytest.raises(DataUnavailable, match="spatial unit unit0") as caught:
        editor.areas("unit0")
    assert caught.value.status == 500
    assert editor.areas("unit1").index.tolist() == ["1", "2"]


def test_a_failure_is_no_answer_for_ever(datamanagement, editor, city):
    datamanagement.fault(METADATA, status=500, times=1)
    with pytest.raises(DataUnavailable):
        editor.spatial_unit("unit0")
    assert editor.spatial_unit("unit0").name == "Unit0"


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"status": 503}, {"status": 504}, {"refuse": True}, {"reset": True}]
)
@pytest.mark.parametrize("path", [METADATA, SERIES, FEATURES])
def test_what_passes_is_asked_for_again_until_it_works(datamanagement, editor, city, path, fault):
    datamanagement.fault(f"{path}$", times=3, **fault)
    assert editor.spatial_unit("unit0").name == "Unit0"
    assert len(editor.indicator("people").values("unit0")) == len(editor.areas("unit0")) == 2
    assert datamanagement.count("GET", path) == 4


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ({"status": 503}, 503, "answered 503"),
        ({"refuse": True}, None, "connection"),
        ({"reset": True}, None, "connection"),
    ],
)
def test_what_does_not_pass_is_told_after_four_attempts(datamanagement, editor, city, fault, status, says):
    datamanagement.fault(f"{METADATA}$", **fault)
    with pytest.raises(DataUnavailable, match=f"spatial unit unit0: .*{says}") as caught:
        editor.spatial_unit("unit0")
    assert caught.value.status == status and datamanagement.count("GET", METADATA) == 4


@pytest.mark.parametrize("status", [400, 401, 406, 410, 418, 500, 501])
def test_other_statuses_are_told_at_once(datamanagement, editor, city, status):
    datamanagement.fault(f"{METADATA}$", status=status)
    with pytest.raises(DataUnavailable) as caught:
        editor.spatial_unit("unit0")
    assert caught.value.status == status and datamanagement.count("GET", METADATA) == 1


def test_the_server_says_how_long_to_wait_and_is_heard_within_bounds(datamanagement, city):
    datamanagement.fault(f"{METADATA}$", status=503, headers={"Retry-After": "3600"}, times=1)
    with closing(DataManagement(datamanagement.url, token=EDITOR, patience=QUICK)) as source:
        assert source.spatial_unit("unit0").name == "Unit0"


@pytest.mark.parametrize("body", [b"", b"<html>Anmelden</html>", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}}'])
@pytest.mark.parametrize("path", [METADATA, SERIES, FEATURES])
def test_whatever_is_no_whole_answer_is_told_as_a_fault_of_the_data(datamanagement, editor, city, path, body):
    datamanagement.fault(f"{path}$", body=body)
    with pytest.raises((DataUnavailable, InvalidData), match="unit0"):
        read_all(editor)


@pytest.mark.parametrize("path", [METADATA, SERIES, FEATURES])
def test_half_an_answer_is_never_taken_for_the_whole(datamanagement, editor, city, path):
    datamanagement.fault(f"{path}$", rewrite=half)
    with pytest.raises((DataUnavailable, InvalidData), match="unit0"):
        read_all(editor)


def test_every_cut_of_a_feature_collection_is_noticed(datamanagement, editor, city):
    whole = json.dumps({"type": "FeatureCollection", "features": city.features["unit0"]}).encode()
    fault = datamanagement.fault(FEATURES, body=b"")
    for length in range(0, len(whole), 7):
        fault.body = whole[:length]
        with pytest.raises(DataError):
            editor.areas("unit0")
    fault.body = whole
    assert len(editor.areas("unit0")) == 2


def test_redirects_in_a_circle_end_with_a_sentence(datamanagement, editor, city):
    datamanagement.fault(METADATA, status=302, headers={"Location": METADATA})
    with pytest.raises(DataUnavailable, match="redirects in a circle"):
        editor.spatial_unit("unit0")


def test_a_redirect_is_followed_but_the_token_stays_with_its_server(datamanagement, editor, city):
    elsewhere = datamanagement.url.replace("127.0.0.1", "localhost")
    datamanagement.fault(METADATA, status=307, headers={"Location": f"{elsewhere}{METADATA}?again"}, times=1)
    with pytest.raises(DataUnavailable) as caught:  # there it is a request without a token
        editor.spatial_unit("unit0")
    assert caught.value.status == 401
    assert [request.authorization for request in datamanagement.requests] == [f"Bearer {EDITOR}", ""]


def test_a_server_that_does_not_answer_is_given_up(datamanagement, city):
    release = threading.Event()
    datamanagement.fault(METADATA, hold=release)
    with (
        closing(DataManagement(datamanagement.url, token=EDITOR, patience=Patience(read=0.05))) as source,
        pytest.raises(DataUnavailable, match=r"did not answer within 0.05 seconds"),
    ):
        source.spatial_unit("unit0")
    release.set()
    assert datamanagement.count("GET", METADATA) == 1


def test_a_server_that_is_not_there_is_told_by_its_address():
    with (
        closing(DataManagement("http://127.0.0.1:9/management", patience=QUICK)) as source,
        pytest.raises(DataUnavailable, match=r"the connection to http://127.0.0.1:9 failed: Connection refused"),
    ):
        source.spatial_unit("unit0")


@pytest.mark.parametrize("path", [METADATA, FEATURES])
def test_an_answer_that_never_ends_is_cut_off_with_a_sentence(datamanagement, editor, city, path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_DOCUMENT", 1000)
    monkeypatch.setattr(module, "LARGEST_FEATURES", 1000)
    datamanagement.fault(f"{path}$", body=b"x" * 5000)
    with pytest.raises(DataUnavailable, match="the answer is larger than"):
        read_all(editor)


def test_a_list_that_cannot_be_read_takes_nothing_from_the_error(datamanagement, editor, city):
    datamanagement.fault("/management/indicators$", status=500)
    with pytest.raises(ResourceNotFound, match=r"no permission to see it\.$"):
        editor.indicator("peple")


def test_nothing_is_left_on_disk_by_a_source_that_is_no_longer_used(datamanagement, city):
    source = DataManagement(datamanagement.url, token=EDITOR, patience=QUICK)
    folder, threads = source._downloads._folder, source._downloads._threads
    people = source.indicator("people")
    source.prefetch(UNITS, [people])
    source.areas("unit0")
    assert folder.is_dir()
    del source, people
    gc.collect()
    threads.shutdown()
    assert not folder.exists()


@pytest.mark.parametrize(("status", "times"), [(403, 1), (504, 1), (413, 1), (502, QUICK.attempts)])
def test_what_the_gateway_says_itself_is_told_in_its_words(datamanagement, editor, city, status, times):
    problem = json.dumps({"title": "No", "status": status, "detail": "PUT of x does not pass."}).encode()
    datamanagement.fault(METADATA, status=status, body=problem, headers={"Content-Type": "application/problem+json"})
    with pytest.raises(DataUnavailable, match=r"spatial unit unit0: PUT of x does not pass\.$") as caught:
        editor.spatial_unit("unit0")
    assert caught.value.status == status
    assert datamanagement.count("GET", METADATA) == times, "only what may pass is asked for again"
