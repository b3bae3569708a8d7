import pytest

from nbprocessor.notebook import wording
from tests.unit.notebook import written

TEXTS = "title: {de: A, en: B}\n  description: {de: A, en: B}"
INPUT = written.parameters("n: int = 1")


def texts(yaml: str, **options):
    return wording.texts(written.examined(written.front(f"process:\n  {yaml}"), INPUT, **options).front)


def outputs(declared: str, *sources: str):
    cells = [written.code(source, f"c{number}") for number, source in enumerate(sources)]
    return wording.outputs(written.examined(written.front(f"process:\n  outputs: {declared}"), INPUT, *cells))


def purpose(*cells):
    return wording.purpose(written.document(*cells))


def test_texts_in_both_languages_are_no_finding():
    full = f"{TEXTS}\n  inputs:\n    n: {{title: {{de: A, en: B}}, description: {{de: A, en: B}}}}"
    assert texts(full) == []


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("id: a", ["process has neither title nor description."]),
        ("title: A\n  description: {de: A, en: B}", ["process.title is in one language only."]),
        ("title: {de: A, en: B}\n  description: {en: B}", ["process.description is not there in German."]),
        ('title: {de: A, en: " "}\n  description: {de: A, en: B}', ["process.title is not there in English."]),
        (f"{TEXTS}\n  inputs: {{n: {{title: {{de: A, en: B}}}}}}", ["process.inputs.n has no description."]),
        (f"{TEXTS}\n  outputs: {{o: {{description: {{de: A, en: B}}}}}}", ["process.outputs.o has no title."]),
    ],
)
def test_each_missing_text_is_a_warning(yaml, said):
    found = texts(yaml)
    assert [finding.sentence for finding in found] == said
    assert all(finding.rule == "NB05" and finding.severity == "warning" and finding.line for finding in found)


def test_without_front_matter_one_warning_says_it_all():
    found = wording.texts(written.examined(INPUT).front)
    assert written.rules(found) == ["NB05"]


def test_texts_the_folder_should_have_are_not_asked_of_each_notebook():
    assert texts(TEXTS, shared=b"process:\n  inputs:\n    z: {}") == []


def test_declared_outputs_that_are_handed_over_are_no_finding():
    assert outputs("{a: {}, b: {required: false}}", 'kit.output("a", 1)', 'if n:\n    kit.output("b", 1)') == []


@pytest.mark.parametrize(("declared", "severity"), [("{a: {}}", "error"), ("{a: {required: false}}", "warning")])
def test_a_declared_output_that_no_cell_hands_over_fails_unless_it_is_optional(declared, severity):
    found = outputs(declared, "1")
    assert [(f.rule, f.severity, f.cell, f.line) for f in found] == [("NB06", severity, "front-matter", 3)]


def test_an_output_that_is_not_declared_is_a_warning():
    found = outputs("{a: {}}", 'kit.output("a", 1)\nkit.output("b", 1)')
    assert [(f.rule, f.severity, f.cell, f.line) for f in found] == [("NB06", "warning", "c0", 2)]


def test_an_output_that_cannot_be_handed_over_is_an_error():
    found = outputs("{}", 'kit.output("a b", 1)')
    assert [(f.rule, f.severity) for f in found] == [("NB06", "error")]


@pytest.mark.parametrize(
    "source", ["for n in names:\n    kit.output(n, 1)", "%%bash\nx", "import scrapbook as s\ns.glue('a', 1)"]
)
def test_where_names_cannot_be_seen_nothing_is_missing(source):
    assert outputs("{a: {}}", source) == []


def test_a_title_and_a_sentence_above_the_code_are_no_finding():
    assert purpose(written.text("# A\n\nText."), INPUT, written.code("1")) == []
    assert purpose(written.text("# A"), written.text("Text.", "more"), INPUT) == []
    assert purpose(INPUT, written.text("# A\n\nText.")) == []


@pytest.mark.parametrize("cells", [
    [INPUT], [written.text("Text.")], [written.code("1"), written.text("# A\n\nText.")],
])  # fmt: skip
def test_no_title_above_the_code_is_a_warning(cells):
    found = purpose(*cells)
    assert [(f.rule, f.severity, f.cell) for f in found] == [("NB09", "warning", "")]


def test_a_title_alone_is_a_warning():
    assert [(f.rule, f.cell) for f in purpose(written.text("# A"), INPUT)] == [("NB09", "purpose")]


def test_boxes_of_the_user_interface_have_inputs_in_them():
    yaml = "process:\n  ui:\n    inputBoxes:\n      - {contents: [n]}\n      - {contents: [m, 5]}\n      - text"
    found = wording.boxes(written.examined(written.front(yaml), INPUT))
    assert [(f.rule, f.severity, f.line) for f in found] == [("NB13", "warning", 6), ("NB13", "warning", 6)]


@pytest.mark.parametrize("ui", ["{}", "{inputBoxes: 5}", "{inputBoxes: [{contents: 5}]}"])
def test_boxes_of_another_form_are_the_clients_business(ui):
    assert wording.boxes(written.examined(written.front(f"process:\n  ui: {ui}"), INPUT)) == []
