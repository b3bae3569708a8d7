from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.errors import CellFailed, ExecutionError, KernelDied, KernelMissing, LimitReached
from nbprocessor.execution import wire
from nbprocessor.execution.executor import Progress, Run
from nbprocessor.model.process import Limits

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def a_run(**facts):
    given = {
        "job_id": uuid4(),
        "folder": Path("/a b/ü"),
        "scratch": Path("/tmp/ä"),
        "kernel": "python3",
        "language": "python",
    }
    return Run(**given | {"parameters": {}, "environment": {"LANG": "C"}} | facts)


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), VALUES, max_size=3))
def test_a_run_arrives_as_it_was_sent(parameters):
    run = a_run(parameters=parameters, limits=Limits(cell_time=1.5, memory=10))
    line = wire.encode_run(run)
    assert line.count(b"\n") == 1
    assert wire.decode_run(line) == run


def test_objects_that_look_like_the_wire_s_own_marks_stay_objects():
    day = date(2026, 1, 1)
    parameters = {"a": {"date": "2026-01-01"}, "b": {"object": 1}, "c": day, "d": datetime(2026, 1, 1, tzinfo=UTC)}
    assert wire.decode_run(wire.encode_run(a_run(parameters=parameters))).parameters == parameters


@pytest.mark.parametrize(
    "error",
    [
        CellFailed("compute", "KeyError", "'AGS'", "trace"),
        LimitReached("time", "10 min", "compute"),
        KernelMissing("ir", ("python3",)),
        KernelDied("compute", -11),
        ExecutionError("whatever"),
    ],
)
def test_an_error_arrives_with_its_facts(error):
    arrived = wire.decode(wire.encode_end(error))
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)


def test_a_good_end_is_nothing():
    assert wire.decode(wire.encode_end(None)) is None


def test_texts_as_long_as_books_are_cut():
    error = CellFailed("c", "E" * 50_000, "\N{WORLD MAP}" * 1_000_000, "t" * 10_000_000)
    assert len(wire.encode_end(error)) < 1 << 20
    progress = Progress(1, 2, "c", "h" * 10_000_000, 0.5, "t" * 10_000_000)
    assert len(wire.encode_progress(progress)) < 1 << 20
    assert wire.decode(wire.encode_progress(progress)).fraction == 0.5


def test_progress_counts_done_cells_and_leaves_the_last_percent_to_the_end():
    assert Progress(1, 4, "c").percent == 0
    assert Progress(3, 4, "c").percent == 50
    assert Progress(3, 4, "c", fraction=0.5).percent == 62
    assert Progress(4, 4, "c", fraction=1.0).percent == 99
    assert Progress(1, 0, "c").percent == 0
    assert Progress(2, 3, "c", "Load").message == "Load"
    assert Progress(2, 3, "c", "Load", text="3 of 7").message == "Load · 3 of 7"
    assert Progress(2, 3, "c").message == "2/3"


def test_an_end_that_tells_of_half_a_letter_can_be_kept():
    end = wire.decode(wire.encode_end(CellFailed("c0", "ValueError", "Stra\udcdfe.shp")))
    assert str(end).encode() == 'cell "c0": ValueError Stra\ufffde.shp'.encode()
