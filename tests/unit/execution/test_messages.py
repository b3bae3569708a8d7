"""Messages between the processes of the fork server."""

import json

import pytest

from nbprocessor.execution.messages import PLACE, crowded, parsed


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Stra\udcdfe.shp", "Stra\ufffde.shp"),
        ("\ud834", "\ufffd"),
        ("ä 𝄞 ☃", "ä 𝄞 ☃"),
        ("𝄞\udd1e", "𝄞\ufffd"),
        ("\\udcdf", "\\udcdf"),
    ],
)
def test_halves_of_letters_become_the_letter_that_stands_for_none(said: str, read: str):
    assert parsed(json.dumps({said: [said]}).encode()) == {read: [read]}


def test_bytes_that_are_no_text_become_it_too():
    assert "\udcdf" not in parsed(json.dumps(["Stra\udcdfe"], ensure_ascii=False).encode("utf-8", "surrogatepass"))[0]


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ([[]] * 5000, 10_000),
        ([{"": 0}] * 5000, 10_000),
        ([1] * 5000, 5000),
        (['",[{\\'] * 5000, 5000),
        ([""] * 5000, 5000),
    ],
)
def test_values_are_counted_without_being_read(value: object, values: int):
    text = json.dumps(value, separators=(",", ":")).encode()
    assert crowded(text, (values - 1) * PLACE)
    assert not crowded(text, (values + 1) * PLACE)


@pytest.mark.parametrize("said", ["1,2,3\n" * 5000, '\\",[' * 5000, '"[' * 5000, "\\" * 5001 + "," * 5000])
def test_what_is_in_a_string_is_one_value(said: str):
    assert not crowded(json.dumps([said]).encode(), 8 * PLACE)


@pytest.mark.parametrize("text", [b'"' + b"," * 5000, b"\\" * 5001, b'"\\' * 5000, b'"' * 5001])
def test_what_is_no_json_can_be_counted_too(text: bytes):
    assert crowded(text, 8) in {True, False}
