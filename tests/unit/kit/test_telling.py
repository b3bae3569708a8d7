"""What a cell tells of its progress, in a job and by hand."""

import time

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from nbprocessor import contract
from nbprocessor.kit import telling
from nbprocessor.kit.telling import progress


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(telling, "_allowance", telling._Allowance())


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(contract.JOB_OUTPUTS, str(tmp_path / "outputs"))


@pytest.fixture
def no_job(monkeypatch):
    monkeypatch.delenv(contract.JOB_OUTPUTS, raising=False)


@pytest.fixture
def shell():
    """A running IPython, as in a kernel."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def told(*calls):
    with capture_output() as captured:
        for call in calls:
            progress(*call)
    return [shown.data[contract.PROGRESS_MEDIA_TYPE] for shown in captured.outputs]


def test_progress_tells_how_far_a_cell_is(job, shell):
    assert told((2, 5, "Stadtteile")) == [{"done": 0.4, "of": 1, "text": "Stadtteile"}]


def test_by_hand_one_line_below_the_cell_is_changed(no_job, shell, monkeypatch):
    sent = []
    monkeypatch.setattr(shell.display_pub, "publish", lambda **message: sent.append(message))
    progress(1, 4, "reading")
    progress(2, 4, "computing")
    assert [message["data"] for message in sent] == [{"text/plain": "25 % reading"}, {"text/plain": "50 % computing"}]
    assert sent[0]["transient"] == sent[1]["transient"]
    assert [message["update"] for message in sent] == [False, True]


def test_plain_python_prints_a_line(no_job, capsys):
    progress(1, 4, "reading")
    assert capsys.readouterr().out == "25 % reading\n"


@pytest.mark.parametrize(
    ("done", "of"), [(3, 2), (-1, 2), (0, 0), (float("nan"), 2), (1, float("nan")), (1, float("inf")), (10**400, 3)]
)
def test_numbers_that_do_not_say_how_far_it_is_are_refused(done, of):
    with pytest.raises(ValueError, match="expected 0 <= done <= of"):
        progress(done, of)


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError, match="two numbers, not str and int"):
        progress("1", 2)


def test_a_book_becomes_a_line(job, shell):
    (message,) = told((1, 2, "line\n" * 2_000_000))
    assert len(message["text"]) <= telling.LONGEST
    assert "\n" not in message["text"]


def test_a_hundred_thousand_calls_are_few_messages(job, shell):
    began = time.monotonic()
    messages = told(*((i, 100_000, "areas") for i in range(100_000)))
    may_be = telling.BURST + telling.RATE * (time.monotonic() - began)
    assert telling.BURST <= len(messages) <= may_be + 1
