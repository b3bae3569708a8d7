"""Messages between the processes of the fork server."""

import json

import pytest

from nbprocessor.execution.messages import parsed


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
