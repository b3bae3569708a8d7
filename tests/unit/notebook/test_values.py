from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.errors import InvalidRequest
from nbprocessor.notebook import values
from tests.unit.notebook import written

LINK = {"href": "https://a.example/b.json", "type": "application/json"}
INPUTS = """
process:
  inputs:
    n: {schema: {type: integer, minimum: 0}}
    text: {required: false}
    many: {required: false, maxOccurs: 3, schema: {type: integer}}
    thing: {required: false, schema: {type: object}}
    picture: {required: false, schema: {type: string, contentEncoding: binary, contentMediaType: image/tiff}}
    refers: {required: false, schema: {type: object, properties: {href: {type: string}}, required: [href]}}
"""
CELL = """
n: int
text: str | None = None
many: list[int] = [7]
thing: dict | None = None
picture: str | None = None
refers: dict | None = None
"""
PROCESS = written.process(written.front(INPUTS), written.parameters(CELL))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "href", "mediaType", "format", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def complete(**given):
    return values.complete(PROCESS, {"n": 1, **given})


def refused(**given) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        values.complete(PROCESS, given)
    return [(problem.pointer, problem.detail) for problem in caught.value.problems]


def test_what_is_not_sent_has_its_default():
    assert complete() == {"n": 1, "text": None, "many": [7], "thing": None, "picture": None, "refers": None}


def test_defaults_are_copies():
    complete()["many"].append(8)
    assert complete()["many"] == [7]


def test_a_missing_and_an_unknown_input_are_faults():
    assert refused() == [("/inputs", 'The input "n" is missing.')]
    found = refused(n=1, **{"txt/": 1})
    assert found == [("/inputs/txt~1", 'The process has no input "txt/".')]


def test_every_fault_is_named_with_its_pointer():
    assert [pointer for pointer, _ in refused(n=-1, text=5, many=[1, "a"])] == [
        "/inputs/n",
        "/inputs/text",
        "/inputs/many/1",
    ]


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("n", {"value": 5}, 5),
        ("n", {"value": 5, "mediaType": "application/json"}, 5),
        ("many", 5, [5]),
        ("many", [1, {"value": 2}], [1, 2]),
        ("thing", {"value": {"a": 1}}, {"a": 1}),
        ("thing", {"value": "teststring"}, {"value": "teststring"}),
        ("thing", {"value": 1, "other": 2}, {"value": 1, "other": 2}),
        ("thing", LINK, LINK),
        ("refers", {"href": "a"}, {"href": "a"}),
        ("picture", {"value": "aGk=", "format": {"mediaType": "image/tiff"}}, "aGk="),
        ("picture", {"value": "aGk=", "mediaType": "image/tiff; application=geotiff"}, "aGk="),
        ("picture", "aGk=\n", "aGk=\n"),
        ("text", None, None),
    ],
)
def test_every_form_of_a_value_is_read(name, given, kept):
    assert complete(**{name: given})[name] == kept


@pytest.mark.parametrize(
    ("name", "given", "pointer"),
    [
        ("n", None, "/inputs/n"),
        ("n", {"value": -1}, "/inputs/n/value"),
        ("n", {"value": 1, "valu": 2}, "/inputs/n/valu"),
        ("n", [1], "/inputs/n"),
        ("many", [1, 2, 3, 4], "/inputs/many"),
        ("many", {"href": "ftp://a.example/b"}, "/inputs/many/href"),
        ("thing", {"href": "file:///etc/passwd"}, "/inputs/thing/href"),
        ("picture", "not base64!", "/inputs/picture"),
        ("picture", {"value": "aGk=", "mediaType": "image/png"}, "/inputs/picture/mediaType"),
        ("picture", {"value": "aGk=", "format": {"mediaType": "image/png"}}, "/inputs/picture/format/mediaType"),
        ("text", "\ud800", "/inputs/text"),
        ("thing", {"a": 1e999}, "/inputs/thing/a"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_with_its_pointer(name, given, pointer):
    assert [place for place, _ in refused(**{"n": 1, name: given})] == [pointer]


@given(st.dictionaries(st.sampled_from([*PROCESS.inputs, "unknown"]), JSON))
def test_whatever_is_sent_it_is_refused_or_can_be_sent_again(sent):
    try:
        kept = values.complete(PROCESS, sent)
    except InvalidRequest as fault:
        assert fault.problems  # noqa: PT017 - either way is right
        return
    assert values.complete(PROCESS, {name: value for name, value in kept.items() if value is not None}) == kept
    assert values.problems(PROCESS, kept) == []


def test_dates_become_dates_wherever_they_stand():
    cell = "day: date\nmoment: datetime\ndays: list[date | None]\nperhaps: date | None = None\ntext: str"
    process = written.process(written.parameters(cell))
    sent = {
        "day": "2020-01-31", "moment": "2020-01-31t12:00:00z", "days": ["2020-01-31", None], "text": "2020-01-31",
    }  # fmt: skip
    assert values.typed(process, values.complete(process, sent)) == {
        "day": date(2020, 1, 31),
        "moment": datetime(2020, 1, 31, 12, tzinfo=UTC),
        "days": [date(2020, 1, 31), None],
        "perhaps": None,
        "text": "2020-01-31",
    }


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_every_time_comes_back(moment):
    process = written.process(written.parameters("moment: datetime"))
    assert values.typed(process, values.complete(process, {"moment": moment.isoformat()})) == {"moment": moment}
