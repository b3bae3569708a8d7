"""Secrets by handle: a run finds what its notebook names, and nothing that is kept of it has the value."""

import os
import stat
from pathlib import Path

import pytest

from nbprocessor.errors import SecretUnavailable
from nbprocessor.execution import secrets
from nbprocessor.model.job import JobStatus
from tests.unit.execution.test_redaction import TOKEN
from tests.unit.execution.workshop import await_end_of, workshop
from tests.unit.notebook.written import code

VALUE = 'k"ey-of-a-weather-service'
DECLARED = "  secrets: [WEATHER_KEY]\n  outputs: {said: {title: A}}"
READ = "from nbprocessor import kit\nkey = kit.secret('WEATHER_KEY')"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "weather").write_text(f"{VALUE}\n")
    with workshop(folder, data={"secrets": {"WEATHER_KEY": folder / "weather"}}) as opened, opened.working():
        yield opened


def everything(shop, job) -> dict[str, str]:
    folder = shop.results.folder(job.id)
    return {
        str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()
    }


def test_a_run_reads_its_secret_from_a_file_of_its_own(shop):
    look = "import os, pathlib\nplace = os.environ['NBPROCESSOR_SECRET_WEATHER_KEY_FILE']"
    tell = "mode = oct(os.stat(place).st_mode & 0o777)\nkit.output('said', f'{len(key)} {mode} {place}')"
    job = shop.run(code(READ), code(look), code(tell), facts=DECLARED)
    assert job.status is JobStatus.SUCCESSFUL, job.message
    length, mode, place = shop.results.read(job.id, "outputs/said.txt").decode().split(" ", 2)
    assert (int(length), mode) == (len(VALUE), "0o600")
    await_end_of(Path(place))
    assert shop.results.manifest(job.id).redacted == {}


def test_nothing_that_is_kept_has_the_value_and_the_manifest_says_where_it_was(shop):
    spill = code(
        "import sys, pathlib, os\nprint(key)\nprint(repr(key), file=sys.stderr)\nkit.output('said', key)\n"
        "pathlib.Path('mine.txt').write_text(key)\nos.system('echo ' + repr(key))\nkit.progress(1, 2, key)\n"
        f"print('{TOKEN}')\nraise ValueError(key)"
    )
    job = shop.run(code(READ), spill, facts=DECLARED)
    assert job.status is JobStatus.FAILED
    assert "ValueError" in job.message and VALUE not in job.message and "***" in job.message
    kept = everything(shop, job)
    assert {name for name, text in kept.items() if "of-a-weather" in text} == set()
    assert {name for name, text in kept.items() if TOKEN in text} == {"notebook.ipynb"}, "its author wrote it there"
    redacted = shop.results.manifest(job.id).redacted
    assert {"executed.ipynb", "outputs/said.txt", "work/mine.txt"} <= set(redacted)
    assert shop.results.verify(job.id) == [], "digests are those of what is kept"


def test_a_secret_that_was_handed_over_is_masked_in_the_output_and_its_digest_is_that_of_the_file(shop):
    job = shop.run(code(READ), code("kit.output('said', key)"), facts=DECLARED)
    assert job.status is JobStatus.SUCCESSFUL, job.message
    assert shop.results.read(job.id, "outputs/said.txt").decode() == "*" * len(VALUE)
    (output,) = shop.results.manifest(job.id).outputs
    (listed,) = [file for file in shop.results.manifest(job.id).files if file.path == output.file]
    assert output.sha256 == listed.sha256


def test_a_job_whose_secret_the_server_does_not_have_fails_before_its_first_cell(shop):
    job = shop.run(code("1"), facts="  secrets: [OTHER]")
    assert (job.status, job.message) == (
        JobStatus.FAILED,
        'secret "OTHER": this server does not have it (data.secrets)',
    )


def test_a_run_is_given_no_secret_its_notebook_does_not_name(shop):
    job = shop.run(code(READ))
    assert job.status is JobStatus.FAILED
    assert 'The secret "WEATHER_KEY" is not there; list it under secrets:' in job.message
    assert not any(VALUE in text for text in everything(shop, job).values())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"short", "8 to 8192 characters"),
        (b"x" * 9000, "8 to 8192"),
        (b"\xff" * 9, "not UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_without_its_content(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(SecretUnavailable, match=reason) as caught:
        secrets.read(["A"], {"A": tmp_path / "file"})
    assert caught.value.secret == "A" and "short" not in str(caught.value)
    assert secrets.known(["A"], {"A": tmp_path / "file"}) == {}


def test_files_of_a_run_are_for_its_user_alone(tmp_path):
    told = secrets.hand_over({"A": "value-of-a", "B_2": "value-of-b"}, tmp_path)
    assert set(told) == {"NBPROCESSOR_SECRET_A_FILE", "NBPROCESSOR_SECRET_B_2_FILE"}
    for path in map(Path, told.values()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_run_without_secrets_has_no_folder_for_them(tmp_path):
    assert secrets.hand_over({}, tmp_path) == {} and list(tmp_path.iterdir()) == []
