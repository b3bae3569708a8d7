import math

import pytest

from nbprocessor.kit import wording


@pytest.mark.parametrize(
    ("value", "digits", "german", "english"),
    [
        (1234567.891, 2, "1.234.567,89", "1,234,567.89"),
        (-0.5, 1, "−0,5", "−0.5"),
        (-0.001, 1, "0,0", "0.0"),
        (3.0, None, "3", "3"),
        (0.12904, None, "0,129", "0.129"),
        (1234.5, None, "1.234", "1,234"),
        (-1.5e37, 0, "−1,500e+37", "−1.500e+37"),
        (2e-30, None, "2,000e−30", "2.000e−30"),
        (0.0, 40, "0,000000000000000", "0.000000000000000"),
        (math.nan, None, "–", "–"),
        (None, 2, "–", "–"),
    ],
)
def test_numbers_are_written_as_the_reader_writes_them(monkeypatch, value, digits, german, english):
    assert wording.number(value, digits) == german
    monkeypatch.setenv("NBPROCESSOR_LANGUAGE", "en")
    assert wording.number(value, digits) == english


def test_german_is_spoken_unless_english_is_asked_for(monkeypatch):
    assert wording.choose("ja", "yes") == "ja"
    for language, expected in [("en", "yes"), ("en-GB", "yes"), ("de", "ja"), ("fr", "ja"), ("", "ja")]:
        monkeypatch.setenv("NBPROCESSOR_LANGUAGE", language)
        assert wording.choose("ja", "yes") == expected


def test_sizes_are_written_for_people():
    assert [wording.size(count) for count in (0, 999, 1500, 2_500_000)] == ["0 B", "999 B", "1,5 kB", "2,5 MB"]
