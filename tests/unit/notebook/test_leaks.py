import time

import pytest

from nbprocessor.notebook import leaks
from tests.unit.notebook import written

# Put together, so that nobody's scanner takes this file for a leak.
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"
TOKEN = "ghp" + "_" + "a1B2" * 6


def found(cell):
    return [(f.rule, f.severity, f.line) for f in leaks.findings(written.document(cell).cells)]


@pytest.mark.parametrize(
    "line",
    [JWT, f"token {JWT}.", TOKEN, "AKIA" + "A1" * 8, "-----BEGIN RSA PRIVATE " + "KEY-----",
     "Bearer " + "abcDEF123456" * 2,
     "https://user:pass" + "word@a.example/"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_an_error_in_every_kind_of_cell(line):
    for cell in (written.code(f"1\n# {line}"), written.text(f"A\n{line}"), written.raw(f"a\n# {line}")):
        assert found(cell) == [("NB07", "error", 2)]


@pytest.mark.parametrize(
    "source",
    ['password = "geheim123"', 'api_key: str = "abcdef"', 'connect(token="abcdef")', '{"client_secret": "abcdef"}',
     'os.environ["API_TOKEN"] = "abcdef"', 'self.accessToken = "abcdef"', 'apiKey = "abcdef"'],
)  # fmt: skip
def test_the_value_of_a_name_like_password_is_a_warning(source):
    assert found(written.code(source)) == [("NB07", "warning", 1)]


@pytest.mark.parametrize(
    "source",
    ['token = ""', 'token = os.environ["TOKEN"]', 'token = "MY_TOKEN"', 'password = "<password>"', 'password = "…"',
     'tokens = 5', 'tokenizer = "abcdef"', 'secretary = "abcdef"', 'token = "a text with blanks"', 'password = None'],
)  # fmt: skip
def test_placeholders_and_other_names_are_no_secrets(source):
    assert found(written.code(source)) == []


def test_secrets_in_front_matter_are_found_and_inputs_of_that_name_are_not():
    assert found(written.front("process:\n  secrets:\n    password: geheim123")) == [("NB07", "warning", 4)]
    assert found(written.front("process:\n  inputs:\n    token: {title: A}\n    password:\n      title: B")) == []


def test_a_secret_is_not_written_out_again():
    for cell in (written.code(f'password = "geheim123"\nx = "{TOKEN}"'), written.text(JWT)):
        for finding in leaks.findings(written.document(cell).cells):
            said = finding.sentence + finding.mend
            assert "geheim" not in said and TOKEN not in said and JWT not in said


@pytest.mark.parametrize(
    "source",
    ['open("/home/nbprocessor/a.csv")', 'x = "C:\\\\Users\\\\a.csv"', 'x = "D:/daten"', "x = '~/a.csv'", 'x = "file:///a"',
     'x = "/tmp/a"', 'f"/data/{name}.csv"', "%cd /home/nbprocessor", "!ls /etc/ssl", "%%bash\nls /home/nbprocessor"],
)  # fmt: skip
def test_an_absolute_path_is_a_warning(source):
    assert [(rule, severity) for rule, severity, _ in found(written.code(source))] == [("NB07", "warning")]


@pytest.mark.parametrize(
    "source",
    ['x = "data/a.csv"', 'x = "https://a.example/home/b"', 'x = "/processes/echo"', 'x = "a/b"', 'x = "/"', "1 / 2",
     'x = "s:"',
     '"""Liest /etc/passwd nicht."""'],
)  # fmt: skip
def test_other_texts_are_no_paths(source):
    assert found(written.code(source)) == []


@pytest.mark.parametrize(
    "text", ["eyJ" * 300_000, "Bearer " * 150_000, "a://" * 250_000, "token: " * 150_000, "ghp_" * 250_000]
)
def test_a_megabyte_is_looked_through_at_once(text):
    begin = time.perf_counter()
    for cell in (written.text(text), written.raw(text), written.code(f"'{text}'")):
        found(cell)
    assert time.perf_counter() - begin < 5
