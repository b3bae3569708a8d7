"""A timetable on a database of its own."""

import pytest

from tests.unit.schedule.timetable import timetable


@pytest.fixture
def table(tmp_path):
    with timetable(tmp_path) as opened:
        yield opened
