import json

import jsonschema
import pytest

from nbprocessor.notebook import declaration, yamltext

SCHEMA = declaration.schema()


def test_the_schema_for_editors_is_a_json_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.dumps(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "title: A",
        "process:\n  title: {de: A, en: B}\n  limits: {time: 10 min, memory: 2 GB}",
        "process:\n  inputs:\n    a: {schema: {type: integer}, required: false, maxOccurs: unbounded}",
        "process:\n  outputs:\n    a: {title: A}\n  jobControlOptions: [async-execute]",
    ],
)
def test_what_is_read_here_satisfies_it(text):
    value = yamltext.read(text).value
    jsonschema.validate(value, SCHEMA)
    declaration.FrontMatterFile.model_validate(value)


@pytest.mark.parametrize(
    "text",
    ["process: a", "process: {titel: A}", "process:\n  inputs:\n    a: {required: 1}", "process: {title: {fr: A}}"],
)
def test_what_is_refused_here_does_not_satisfy_it(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yamltext.read(text).value, SCHEMA)


def test_every_key_an_author_may_write_is_explained_or_obvious():
    silent = {
        f"{name}.{key}"
        for name, block in SCHEMA["$defs"].items()
        for key, part in block.get("properties", {}).items()
        if "description" not in part
    }
    obvious = {"keywords", "outputs", "description", "jobControlOptions", "outputTransmission", "limits"}
    assert {entry.partition(".")[2] for entry in silent} <= obvious
