import dataclasses
import json

import pytest

from nbprocessor.model.process import Process
from nbprocessor.notebook import describe, record
from tests.unit.notebook import written

FRONT = """
process:
  id: a
  version: 1.0.0
  title: {de: A, en: B}
  inputs:
    day: {title: {de: Tag, en: Day}, required: false}
    many: {maxOccurs: unbounded, byReference: true}
  outputs:
    o: {required: false, schema: {type: string}}
  limits: {time: 1 min}
  executor: bubblewrap
  retry_safe: true
  secrets: [TOKEN]
"""
PROCESS = written.process(
    written.front(FRONT),
    written.parameters(
        "from datetime import date\nday: date = date(2020, 1, 31)\nmany: list[int] = [1]\nn: int | None = None"
    ),
)
KEPT = [
    "id", "version", "title", "description", "outputs", "notebook", "sha256", "path", "limits", "kernel", "language",
    "retry_safe", "executor", "reserved",
]  # fmt: skip


def test_a_record_gives_back_all_a_run_needs():
    loaded = record.load(record.dump(PROCESS), PROCESS.notebook)
    assert isinstance(loaded, Process)
    for name in KEPT:
        assert getattr(loaded, name) == getattr(PROCESS, name), name
    for name, declared in PROCESS.inputs.items():
        kept = dataclasses.replace(declared, keywords=(), example=loaded.inputs[name].example)
        assert loaded.inputs[name] == kept


def test_a_record_is_the_description_clients_saw():
    document = json.loads(record.dump(PROCESS))
    document.pop(record.RUN)
    assert document == describe.description(PROCESS)


def test_dumping_what_was_loaded_changes_nothing_a_run_needs():
    content = record.dump(PROCESS)
    again = json.loads(record.dump(record.load(content, PROCESS.notebook)))
    assert again[record.RUN] == json.loads(content)[record.RUN]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"5", b'{"nbprocessor": 5}', b'{"nbprocessor": {}}', b"\xff"])
def test_something_else_is_refused(content):
    with pytest.raises(ValueError, match=r"\w"):
        record.load(content, b"")
