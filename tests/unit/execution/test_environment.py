from pathlib import Path
from uuid import uuid4

from nbprocessor import contract
from nbprocessor.config import Data, Settings
from nbprocessor.execution.environment import job_environment, passed
from nbprocessor.execution.log import JobLog

SERVER = {
    "PATH": "/bin",
    "HOME": "/srv/me",
    "LC_ALL": "C.UTF-8",
    "TZ": "Europe/Berlin",
    "NBPROCESSOR_STORE__URL": "postgresql://user:secret@host/name",
    "KC_CLIENT_SECRET": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HTTP_PROXY": "http://user:secret@proxy",
}


def test_no_variable_is_passed_that_is_not_named():
    assert passed(SERVER) == {"PATH": "/bin", "HOME": "/srv/me", "LC_ALL": "C.UTF-8", "TZ": "Europe/Berlin"}


def test_a_job_is_told_who_it_is_and_where_its_data_and_its_outputs_are():
    job_id, folder = uuid4(), Path("/results/job")
    own = job_environment(job_id, folder, Settings(), SERVER)
    assert own[contract.JOB_ID] == str(job_id)
    assert own[contract.JOB_OUTPUTS] == "/results/job/outputs"
    assert (own[contract.SOURCE], own[contract.SOURCE_WRITES]) == ("demo", "/results/job/writes")
    assert "secret" not in str(own)


def test_writes_to_a_source_of_its_own_are_not_kept_in_the_job():
    own = job_environment(uuid4(), Path("/results/job"), Settings(data=Data(source="https://data.test")), SERVER)
    assert (own[contract.SOURCE], contract.SOURCE_WRITES in own) == ("https://data.test", False)


def test_a_log_keeps_what_fits_and_says_once_that_the_rest_is_missing(tmp_path):
    path = tmp_path / "log.txt"
    with JobLog(path, 10) as log:
        for _ in range(5):
            log.write(b"12345678")
    assert path.read_bytes() == b"1234567812\n[log limit of 10 bytes reached; the rest is not kept]\n"


def test_a_log_on_a_full_disk_does_not_stop_who_writes(monkeypatch):
    with JobLog(Path("/dev/full"), 100) as log:
        log.write(b"lost")
        log.write(b"lost")
