import pytest

from nbprocessor.notebook import frontmatter
from tests.unit.notebook import written

CELL = written.parameters("a: int = 1")


def read(*cells, shared: bytes | None = None):
    return frontmatter.read(written.document(*cells), shared)


def test_it_is_the_first_cell_raw_between_two_lines():
    front, findings = read(written.front("title: A\nprocess:\n  id: a\n  version: 1.2.3"), CELL)
    assert not findings
    assert (front.process.id, front.process.version, front.title, front.cell) == ("a", "1.2.3", "A", "front-matter")
    assert front.declares


def test_a_notebook_without_it_declares_nothing():
    front, findings = read(CELL)
    assert not front.declares and not findings and front.cell == ""


def test_windows_line_ends_blanks_and_dots_are_no_harm():
    front, findings = read(written.raw("\n---  \r\nprocess:\r\n  id: a\r\n...\r\n"))
    assert not findings and front.process.id == "a"


def test_every_path_knows_its_line_in_the_cell():
    front, _ = read(written.raw("\n\n---\nprocess:\n  id: a\n  inputs:\n    x: {title: X}\n---"))
    assert (front.line("id"), front.line("inputs", "x"), front.line("inputs", "x", "schema")) == (5, 7, 7)
    assert front.line("outputs") == front.line() == 4


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([written.text("---\nprocess:\n  id: a\n---")], "stands in a markdown cell"),
        ([written.code("---\nprocess:\n  id: a\n---")], "stands in a code cell"),
        ([written.raw("process:\n  id: a")], "two lines ---"),
        ([written.raw("---\nprocess:\n  id: a")], "two lines ---"),
        ([written.text("# A"), written.front("process:\n  id: a")], "has to be the first cell"),
        ([written.front("- a")], "has to be a map"),
        ([written.front("process: a")], "has to be a map with keys"),
        ([written.front("process: [a]")], "has to be a map with keys"),
        ([written.front("process:\n  id: a\n  id: b")], '"id" stands twice'),
        ([written.front("process:\n  id: !x a")], "not allowed"),
    ],
)
def test_what_no_tool_would_see_or_understand_is_an_error(cells, said):
    _, findings = read(*cells)
    assert [finding.rule for finding in findings] == ["NB01"] and said in findings[0].sentence
    assert findings[0].severity == "error"


def test_rules_between_text_are_no_front_matter():
    assert read(written.text("---\nEin Text: mit: Doppelpunkten\n---"))[1] == []
    assert read(written.raw("plain text"))[1] == []


@pytest.mark.parametrize(
    ("yaml", "line", "said"),
    [
        ("tittle: A", 3, "There is no key process.tittle."),
        ("id: 1a", 3, "letters, digits"),
        ("id: ../a", 3, "letters, digits"),
        ("id: 5", 3, "has to be a text"),
        ("version: 1.0", 3, "has to be a text"),
        ("title: 5", 3, "quote it if it looks like a number"),
        ("title: {de: A, fr: B}", 3, '"fr" is no language here'),
        ("title: {}", 3, "text each for de and en"),
        ("keywords: a", 3, "a list"),
        ("keywords: [1]", 3, "a text"),
        ("inputs: [a]", 3, "a map"),
        ("inputs:\n    a: text", 4, "a map"),
        ("inputs:\n    a: {required: no}", 4, "true or false"),
        ("inputs:\n    a: {minOccurs: -1}", 4, "at least 0"),
        ("inputs:\n    a: {maxOccurs: 0}", 4, "at least 1"),
        ("inputs:\n    a: {maxOccurs: many}", 4, "process.inputs.a.maxOccurs"),
        (f"inputs:\n    a: {{minOccurs: {'9' * 300}}}", 4, "at most"),
        ("outputs:\n    a/b: {}", 4, "letters, digits"),
        ("limits: {time: 10 parsecs}", 3, '"parsecs" is no unit'),
        ("limits: {time: 0}", 3, "more than nothing"),
        ("limits: {time: -5 s}", 3, "more than nothing"),
        ("limits: {memory: true}", 3, "more than nothing"),
        (f"limits: {{memory: {'9' * 399}}}", 3, "less than a machine has"),
        (f"limits: {{concurrency: {'9' * 399}}}", 3, "at most"),
        ("jobControlOptions: [async]", 3, "process.jobControlOptions"),
        ("jobControlOptions: []", 3, "not empty"),
        ("jobControlOptions: [dismiss]", 3, "sync-execute or async-execute"),
        ("outputTransmission: [carrier-pigeon]", 3, "'value' or 'reference'"),
        ("links: [{rel: about}]", 3, "a link needs href"),
        ("links: [{href: 'javascript:alert(1)'}]", 3, "href has to be an address"),
        ("links: [{href: \" javascript:alert(1)\"}]", 3, "href has to be an address"),
        ("metadata: [{href: 'data:text/html,x'}]", 3, "href has to be an address"),
        ("additionalParameters: {parameters: 5}", 3, "has to be a list"),
        ("additionalParameters: {parameters: [{name: a, value: 5}]}", 3, "has to be a list"),
        ("ui: text", 3, "a map"),
        ("kernel: ''", 3, "not empty"),
        ("retry_safe: maybe", 3, "true or false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(yaml, line, said):
    _, findings = read(written.front(f"process:\n  {yaml}"))
    assert [finding.rule for finding in findings] == ["NB01"]
    assert findings[0].line == line and said in findings[0].sentence


def test_a_misspelt_key_is_answered_with_the_right_one():
    _, findings = read(written.front("process:\n  discription: A\n  inputs:\n    a: {shema: {}}"))
    assert {finding.mend for finding in findings} == {"Did you mean description?", "Did you mean schema?"}


def test_one_fault_does_not_hide_what_is_right():
    front, findings = read(
        written.front("process:\n  id: a\n  version: 1\n  inputs:\n    a: {titel: A}\n    b: {title: B}")
    )
    assert len(findings) == 2
    assert front.process.id == "a" and front.process.inputs["b"].title == "B" and "a" in front.process.inputs


@pytest.mark.parametrize(
    ("written_as", "seconds"),
    [("10 min", 600), ("90 s", 90), ("1 h 30 min", 5400), ("1.5 h", 5400), ("45", None), ("2 d", 172_800)],
)
def test_times_are_written_with_their_unit(written_as, seconds):
    front, findings = read(written.front(f'process:\n  limits: {{time: "{written_as}"}}'))
    assert front.process.limits.time == seconds and bool(findings) == (seconds is None)


@pytest.mark.parametrize(("written_as", "size"), [("2 GB", 2 * 10**9), ("512 MiB", 512 * 2**20), ("1000", 1000)])
def test_sizes_are_written_with_their_unit(written_as, size):
    assert read(written.front(f"process:\n  limits: {{memory: {written_as}}}"))[0].process.limits.memory == size


@pytest.mark.parametrize(
    "yaml", ["ui: {x: {de: {a: 1}, en: {a: 2}}}", "inputs:\n    a:\n      schema: {properties: {de: {type: string}}}"]
)
def test_a_map_that_reads_as_a_text_is_an_error(yaml):
    _, findings = read(written.front(f"process:\n  {yaml}"))
    assert [finding.rule for finding in findings] == ["NB12"]


def test_texts_per_language_are_texts_everywhere():
    assert not read(written.front("process:\n  ui: {legend: {de: A, en: B}}"))[1]


SHARED = b"""process:
  version: 2.0.0
  title: {de: Oben, en: Above}
  limits: {time: 1 min, memory: 1 GB}
  inputs: {a: {title: A}, z: {}}"""


def test_what_the_folder_shares_lies_under_the_notebooks_own():
    front, findings = read(written.front("process:\n  title: {de: Unten}\n  limits: {time: 2 min}"), shared=SHARED)
    assert not findings
    assert front.process.version == "2.0.0"
    assert front.process.title == {"de": "Unten"}, "a text stays whole"
    assert (front.process.limits.time, front.process.limits.memory) == (120, 10**9)
    assert front.inherited_inputs == {"a", "z"}


def test_null_takes_away_what_is_inherited():
    front, _ = read(written.front("process:\n  limits: null\n  inputs: {a: null}"), shared=SHARED)
    assert front.process.limits.time is None and list(front.process.inputs) == ["z"]


def test_a_shared_file_alone_makes_no_process():
    front, findings = read(written.text("# A"), shared=SHARED)
    assert not front.declares and not findings


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        (b"\xff", "not UTF-8"),
        (b"- a", "has to be a map"),
        (b"process: [a]", "has to be a map"),
        (b"a: 1\na: 2", "_metadata.yml, line 2"),
        (b"process:\n  nonsense: 1", "_metadata.yml: There is no key process.nonsense"),
    ],
)
def test_faults_of_the_shared_file_name_it(shared, said):
    _, findings = read(written.front("process:\n  id: a"), shared=shared)
    assert said in findings[0].sentence
    assert (findings[0].rule, findings[0].cell, findings[0].line) == ("NB01", "", 0)


def test_a_megabyte_of_blanks_is_no_front_matter():
    assert read(written.raw("---\n---" + " " * 1_000_000 + "x"))[0].cell == ""


def test_an_output_taken_away_where_nothing_is_inherited_is_no_output():
    front, findings = read(written.front("process:\n  outputs:\n    jobSummary: null\n    own: {title: Own}"), CELL)
    assert list(front.process.outputs) == ["own"] and not findings
