import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprocessor.errors import NotebookError
from nbprocessor.language import localise
from nbprocessor.model.process import JobControlOption
from nbprocessor.notebook import describe, yamltext
from tests.unit.notebook import written

FRONT = """
process:
  id: quotient
  version: 1.2.0
  title: {de: Quotient, en: Quotient}
  description: {de: Teilt., en: Divides.}
  keywords: [a, b]
  inputs:
    x:
      title: {de: Zahl, en: Number}
      description: {de: Eine Zahl, en: A number}
      schema: {type: number, minimum: 0}
    areas: {title: Areas, schema: {type: object, format: geojson-feature-collection}}
    extent: {required: false, schema: {$ref: "https://schemas.opengis.net/ogcapi/bbox.yaml"}}
  outputs:
    table: {title: {de: Tabelle, en: Table}, schema: {type: string, contentMediaType: text/csv}}
    note: {required: false}
  limits: {time: 10 min, memory: 2 GB, concurrency: 2}
  ui:
    titleShort: Q
    formula: $\\frac{I_1}{I_2}$
  additionalParameters: {parameters: [{name: other, value: [1]}]}
  jobControlOptions: [async-execute]
  outputTransmission: [value]
  schedule: {cron: 0 3 * * *}
  retry_safe: true
"""
CELL = written.parameters("x: float = 1.5\nareas: dict\nextent: dict | None = None")


def test_front_matter_and_parameters_make_a_process():
    process = written.process(written.front(FRONT), CELL)
    assert (process.id, process.version, process.keywords) == ("quotient", "1.2.0", ("a", "b"))
    assert (process.limits.time, process.limits.memory, process.limits.concurrency) == (600, 2 * 10**9, 2)
    assert process.job_control_options == (JobControlOption.ASYNC,)
    assert process.retry_safe and process.reserved == {"schedule": {"cron": "0 3 * * *"}}
    assert process.example == {"inputs": {"x": 1.5}}
    assert not process.outputs["note"].required
    assert len(process.sha256) == 64


def test_the_description_has_the_standards_members_in_all_languages():
    document = describe.description(written.process(written.front(FRONT), CELL))
    assert json.loads(json.dumps(document)) == document
    assert document["inputs"]["x"] == {
        "title": {"de": "Zahl", "en": "Number"},
        "description": {"de": "Eine Zahl", "en": "A number"},
        "schema": {"type": "number", "minimum": 0},
        "minOccurs": 1,
        "maxOccurs": 1,
    }
    assert document["inputs"]["extent"]["minOccurs"] == 0
    assert document["inputs"]["extent"]["schema"]["allOf"][0] == {"format": "ogc-bbox"}
    assert document["outputs"]["note"] == {"title": "note", "description": "note", "schema": {}}
    assert localise(document, "de")["inputs"]["x"]["title"] == "Zahl"
    names = [parameter["name"] for parameter in document["additionalParameters"]["parameters"]]
    assert names == ["other", describe.UI_PARAMETERS]
    assert document["additionalParameters"]["parameters"][1]["value"][0]["formula"] == r"$\frac{I_1}{I_2}$"


def test_each_description_is_a_document_of_its_own():
    process = written.process(written.front(FRONT), CELL)
    describe.description(process)["inputs"]["x"]["schema"]["type"] = "changed"
    assert describe.description(process)["inputs"]["x"]["schema"]["type"] == "number"


def test_a_parameters_cell_alone_is_a_process():
    process = written.process(
        written.text("# Mein *Prozess*\n\nRechnet etwas."), written.parameters("n: int = 1"),
        written.code('kit.output("result", n)\nkit.output(name_of(), 1)'), name="my_process.ipynb",
    )  # fmt: skip
    assert (process.id, process.title, process.description) == ("my_process", "Mein Prozess", "Rechnet etwas.")
    assert list(process.outputs) == ["result"] and not process.outputs["result"].required


def test_a_bare_cell_has_the_files_name_as_title():
    process = written.process(written.parameters("n: int = 1"), name="bare.ipynb")
    assert (process.title, process.description, process.version) == ("bare", "bare", "0.0.0")


def test_a_notebook_that_declares_nothing_is_no_process(tmp_path):
    path = written.saved(tmp_path, written.text("# A"), written.code("1"))
    assert describe.read_if_process(path) is None
    with pytest.raises(NotebookError, match="declares no process"):
        describe.read(path)


def test_a_template_drops_the_underline_of_its_name():
    assert written.process(written.parameters("n: int = 1"), name="_template.ipynb").id == "template"


def test_a_file_name_that_can_be_no_id_is_an_error():
    reading = written.examined(written.parameters("n: int = 1"), name="mein prozess.ipynb")
    assert written.rules(reading.errors) == ["NB01"]


def test_two_parameters_cells_are_an_error():
    reading = written.examined(written.parameters("a: int = 1"), written.code("b = 1", "more", "parameters"))
    assert [(finding.rule, finding.cell) for finding in reading.errors] == [("NB02", "more")]


def test_every_fault_is_named_not_the_first(tmp_path):
    front = "process:\n  id: 1\n  inputs:\n    a: {schema: {type: strng}}\n    b: {}"
    path = written.saved(tmp_path, written.front(front), written.parameters("a: int = 1\nc: int = f()"))
    with pytest.raises(NotebookError) as caught:
        describe.read(path)
    places = [problem.pointer for problem in caught.value.problems]
    assert places == ['cell "front-matter", line 3', 'cell "parameters", line 2', 'cell "front-matter", line 5']


@pytest.mark.parametrize(
    ("yaml", "cell", "severity"),
    [
        ("inputs: {de: {}, en: {}}", "de: int = 1\nen: int = 2", "error"),
        ("id: a", "de: int = 1", "error"),
        ("outputs: {en: {}}", "n: int = 1", "error"),
        ("id: a", 'labels: dict = {"de": "Ja", "en": "Yes"}', "warning"),
    ],
)
def test_what_clients_would_get_as_one_text_is_found(yaml, cell, severity):
    reading = written.examined(written.front(f"process:\n  {yaml}"), written.parameters(cell))
    assert [(f.rule, f.severity) for f in reading.findings if f.rule == "NB12"] == [("NB12", severity)]


def test_a_wrong_schema_of_an_output_is_an_error_with_its_line():
    reading = written.examined(written.front("process:\n  outputs:\n    a:\n      schema: {type: text}"))
    assert [(f.rule, f.line) for f in reading.errors] == [("NB04", 5)]


def test_an_unreadable_shared_file_is_an_error(tmp_path):
    path = written.saved(tmp_path, CELL)
    (tmp_path / "_metadata.yml").mkdir()
    with pytest.raises(NotebookError, match=r"_metadata\.yml beside it cannot be read"):
        describe.read(path)


def test_a_pipe_in_the_place_of_the_shared_file_keeps_nobody_waiting(tmp_path):
    path = written.saved(tmp_path, CELL)
    os.mkfifo(tmp_path / "_metadata.yml")
    with pytest.raises(NotebookError, match="cannot be read"):
        describe.read(path)


def test_the_folders_file_is_read_beside_the_notebook(tmp_path):
    path = written.saved(tmp_path, written.parameters("n: int = 1"))
    (tmp_path / "_metadata.yml").write_text("process:\n  version: 3.0.0\n")
    assert describe.read(path).version == "3.0.0"


def test_reading_runs_nothing(tmp_path):
    trap = tmp_path / "ran"
    touch = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    cells = [
        written.front(f'process:\n  id: a\n  title: !!python/object/apply:eval ["{touch}"]'),
        written.parameters(
            f"a: int = {touch}\nb: {touch} = 1\nc: '{touch}' = 1\nd: Annotated[int, {touch}] = 1\n{touch}"
        ),
        written.code(touch),
    ]
    assert written.examined(*cells).errors
    assert not trap.exists()


YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab{}[]:-$", max_size=6)
    | st.sampled_from(["string", "integer", "10 min", "unbounded", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "id", "title", "inputs", "outputs", "schema", "type", "x", "y", "de", "en", "limits", "ui", "minOccurs",
            "maxOccurs", "required", "default", "example", "additionalParameters", "parameters", "enum", "items",
            "metadata", "links",
        ]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip
SOURCE = st.text(st.sampled_from("xy:=[]{}()'\"#, \n|.@*-+1intdateNoneLiteral"), max_size=40)


@settings(max_examples=150)
@given(
    st.dictionaries(st.sampled_from(["id", "inputs", "outputs", "ui", "additionalParameters", "limits"]), YAML), SOURCE
)
def test_whatever_an_author_writes_it_is_a_process_or_has_errors(process, source):
    yaml = json.dumps({"process": process}, ensure_ascii=False)
    assert yamltext.read(yaml).value == {"process": process}
    reading = written.examined(written.front(yaml), written.parameters(source), written.code(source))
    assert (reading.process is None) == bool(reading.errors)
    if reading.process is not None:
        json.dumps(describe.description(reading.process))
