"""Jobs from their acceptance to their record, in both ways to run them."""

import time
from contextlib import suppress

import psutil
import pytest

from nbprocessor import contract
from nbprocessor.model.job import JobStatus
from tests.unit.execution.workshop import workshop
from tests.unit.notebook.written import code, parameters, text

pytestmark = pytest.mark.kernel

HERE = "open('here', 'a').write('began')"
SLEEP = "import time\ntime.sleep(600)"
IGNORES = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{HERE}\n{SLEEP}"


def opened(tmp_path_factory, executor):
    folder = tmp_path_factory.mktemp(executor)
    with workshop(folder, executor=executor, dismiss_grace=1, limits={"log_size": 20_000}) as shop, shop.working():
        yield shop


@pytest.fixture(scope="module")
def direct(tmp_path_factory):
    yield from opened(tmp_path_factory, "direct")


@pytest.fixture(scope="module")
def subprocesses(tmp_path_factory):
    yield from opened(tmp_path_factory, "subprocess")


@pytest.fixture(params=["direct", "subprocesses"])
def at_work(request):
    """Both ways to run: what differs between them has a test here."""
    return request.getfixturevalue(request.param)


def processes_of(job):
    """Living processes that have to do with a job, by their environment or their folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            marked = process.environ().get(contract.JOB_ID) == str(job.id)
            if (marked or str(job.id) in process.cwd()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def assert_complete(shop, job):
    """The record of a job that ended is whole, and nothing of it lives on."""
    assert shop.store.get(job.id) == job
    assert shop.results.verify(job.id) == []
    facts = shop.results.manifest(job.id).job
    assert (facts["status"], facts["message"], facts["attempt"]) == (job.status, job.message, job.attempt)
    assert processes_of(job) == []
    assert not list(shop.results.folder(job.id).glob(".*"))


def test_a_notebook_runs_with_its_inputs_and_leaves_its_record(at_work):
    facts = "  outputs:\n    result: {title: Result, schema: {type: number}}"
    job = at_work.run(
        parameters("import datetime\nday: datetime.date = datetime.date(2024, 1, 1)\nfactor: float = 1.0"),
        text("# Compute"),
        code("from nbprocessor import kit\nkit.output('result', day.year * factor)\nprint(type(day))"),
        facts=facts,
        inputs={"day": "2026-03-01", "factor": 2.0},
    )
    assert (job.status, job.message, job.progress) == (JobStatus.SUCCESSFUL, "", 100)
    assert_complete(at_work, job)
    (output,) = at_work.results.manifest(job.id).outputs
    assert (output.id, at_work.results.read(job.id, output.file)) == ("result", b"4052.0")
    assert "datetime.date'>" in str(at_work.executed(job)["cells"])
    environment = at_work.results.manifest(job.id).environment
    assert environment["executor"] == at_work.settings.execution.executor
    assert "papermill" in environment["packages"]


def test_a_failing_cell_is_named_with_its_error(at_work):
    job = at_work.run(code("row = {}", "load"), code("row['AGS']"), code("print('never')", "after"))
    assert job.status is JobStatus.FAILED
    assert job.message == "cell \"compute\": KeyError 'AGS'"
    assert_complete(at_work, job)
    cells = {cell["id"]: cell for cell in at_work.executed(job)["cells"]}
    assert cells["compute"]["outputs"][0]["ename"] == "KeyError"
    assert cells["after"]["outputs"] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(7)", 'the kernel died in cell "compute" (exit code 7)'),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
            'the kernel died in cell "compute" (exit code -11)',
        ),
        ("input('name?')", 'cell "compute": StdinNotImplementedError'),
        ("raise SystemExit(3)", 'cell "compute": SystemExit 3'),
        ("raise ValueError('x' * 1_000_000)", 'cell "compute": ValueError xxx'),
        ("1 +", 'cell "compute": SyntaxError'),
    ],
)
def test_whatever_ends_a_kernel_ends_its_job_with_a_reason(direct, source, said):
    job = direct.run(code("print('before')", "before"), code(source))
    assert (job.status, said in job.message) == (JobStatus.FAILED, True), job.message
    assert len(job.message) < 11_000
    assert "before" in str(direct.executed(job)["cells"])
    assert_complete(direct, job)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nos._exit(7)", 'the kernel died in cell "compute" (exit code 7)'),
        ("input('name?')", 'cell "compute": StdinNotImplementedError'),
    ],
)
def test_a_kernel_of_jupyter_ends_with_the_same_reasons(subprocesses, source, said):
    job = subprocesses.run(code(source))
    assert (job.status, said in job.message) == (JobStatus.FAILED, True), job.message
    assert_complete(subprocesses, job)


def test_a_declared_output_that_is_missing_fails_the_job(direct):
    facts = "  outputs:\n    a: {schema: {}}\n    b: {schema: {}}\n    c: {schema: {}, required: false}"
    job = direct.run(code("from nbprocessor import kit\nkit.output('a', 1)"), facts=facts)
    assert job.status is JobStatus.FAILED
    assert job.message == 'the notebook ended without handing over its declared output "b"'
    assert_complete(direct, job)


def test_outputs_of_scrapbook_become_files(direct):
    source = (
        "from IPython.display import publish_display_data\n"
        "publish_display_data({'application/scrapbook.scrap.json+json': {'name': 'glued', 'data': [1, 2]}})"
    )
    job = direct.run(code(source))
    (output,) = direct.results.manifest(job.id).outputs
    assert (output.id, direct.results.read(job.id, output.file)) == ("glued", b"[1, 2]")


def test_links_and_pipes_a_notebook_leaves_are_not_followed(direct):
    source = (
        "import os\n"
        "os.symlink('/etc/passwd', '../outputs/secret.json')\n"
        "open('../outputs/own.json', 'w').close(); os.link('../outputs/own.json', '../outputs/linked.json')\n"
        "os.mkfifo('../outputs/pipe.json')\n"
        "os.symlink('/etc', '../outputs/etc')\n"
        "try:\n    os.remove('../inputs.json'); os.symlink('/etc/hostname', '../inputs.json')\n"
        "except OSError:\n    pass  # where the run is sealed\n"
        "from IPython.display import publish_display_data\n"
        "for name in ('secret', 'linked', 'pipe'):\n"
        "    facts = {'output': name, 'mediaType': 'application/json', 'href': name + '.json'}\n"
        "    publish_display_data({'text/plain': ''}, {'nbprocessor': facts})\n"
    )
    job = direct.run(code(source))
    assert job.status is JobStatus.SUCCESSFUL, job.message
    assert direct.results.manifest(job.id).outputs == ()
    assert {path.name for path in direct.results.folder(job.id).iterdir()} <= {
        "notebook.ipynb", "inputs.json", "process.json", "job.json", "executed.ipynb", "log.txt", "manifest.json",
        "outputs", "work",
    }  # fmt: skip
    assert b"inputs" in direct.results.read(job.id, contract.FILE_INPUTS)
    assert [path.name for path in (direct.results.folder(job.id) / "outputs").iterdir()] in ([], ["own.json"])


def test_a_folder_as_deep_as_can_be_ends_the_job_all_the_same(direct):
    source = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\nopen('file', 'w').close()"
    job = direct.run(code(source))
    assert (job.status, job.message[:18]) == (JobStatus.FAILED, "folder depth limit")
    assert_complete(direct, job)


def test_a_dismissed_run_ends_at_once_with_its_notebook_so_far(at_work):
    job = at_work.submit(code("print('first')", "first"), code(f"{HERE}\n{SLEEP}", "wait"))
    at_work.wait_for(job, "began")
    began = time.monotonic()
    at_work.dismiss(job)
    ended = at_work.ended(job)
    assert time.monotonic() - began < 5
    assert (ended.status, ended.message) == (JobStatus.DISMISSED, 'dismissed in cell "wait"')
    cells = {cell["id"]: cell for cell in at_work.executed(job)["cells"]}
    assert "first" in str(cells["first"]["outputs"])
    assert_complete(at_work, ended)


def test_a_run_that_does_not_obey_is_killed_with_all_it_started(at_work):
    source = f"import subprocess, sys\nsubprocess.Popen(['setsid', 'sleep', '600'])\n{IGNORES}"
    job = at_work.submit(code(source))
    at_work.wait_for(job, "began")
    began = time.monotonic()
    at_work.dismiss(job)
    ended = at_work.ended(job)
    assert time.monotonic() - began < 5
    assert ended.status is JobStatus.DISMISSED
    assert_complete(at_work, ended)


def test_what_a_successful_run_leaves_in_the_background_ends_with_it(at_work):
    job = at_work.run(code("import subprocess\nsubprocess.Popen('setsid sleep 600 & setsid sleep 600 &', shell=True)"))
    assert job.status is JobStatus.SUCCESSFUL
    assert_complete(at_work, job)


def test_the_time_limit_of_the_process_ends_the_run(direct):
    job = direct.run(code(SLEEP, "wait"), facts="  limits: {time: 3}")
    assert job.status is JobStatus.FAILED
    assert job.message.startswith("time limit of 3 s reached")
    assert_complete(direct, job)


def test_the_time_limit_of_a_cell_ends_the_run_in_this_cell(at_work):
    job = at_work.run(code("print('quick')", "quick"), code(SLEEP, "wait"), facts="  limits: {cellTime: 1}")
    assert (job.status, job.message) == (JobStatus.FAILED, 'cell time limit of 1 s reached in cell "wait"')
    cells = {cell["id"]: cell for cell in at_work.executed(job)["cells"]}
    assert cells["wait"]["outputs"][-1]["evalue"] == job.message
    assert_complete(at_work, job)


@pytest.mark.parametrize("place", ["", "../outputs/"])
def test_a_run_that_fills_the_disk_is_ended_while_it_runs_and_its_files_go(direct, place):
    facts = "  limits: {outputSize: 1 MB}"
    fill = (
        "import itertools, time\nfor number in itertools.count():\n"
        f"    open('{place}' + str(number), 'wb').write(bytes(100_000))\n    time.sleep(0.05)"
    )
    job = direct.run(code("print('kept')", "first"), code(fill, "fill"), facts=facts)
    assert (job.status, job.message) == (JobStatus.FAILED, 'output size limit of 1 MB reached in cell "fill"')
    assert not any((direct.results.folder(job.id) / name).exists() for name in ("work", "outputs"))
    cells = {cell["id"]: cell for cell in direct.executed(job)["cells"]}
    assert "kept" in str(cells["first"]["outputs"])
    assert_complete(direct, job)


def test_a_run_that_leaves_more_than_it_may_fails_at_its_end(at_work):
    job = at_work.run(code("open('large', 'wb').write(bytes(2_000_000))"), facts="  limits: {outputSize: 1 MB}")
    assert job.status is JobStatus.FAILED
    assert job.message.startswith("output size limit of 1 MB reached")
    assert_complete(at_work, job)


def test_temporary_files_without_end_are_a_reason_of_their_own(direct):
    fill = "import tempfile\nwhile True:\n    tempfile.mkdtemp()"
    job = direct.run(code(fill, "fill"), facts="  limits: {temporarySize: 3 MB}")
    assert job.message == 'temporary size limit of 3 MB reached in cell "fill"'
    assert_complete(direct, job)


def test_the_log_is_kept_up_to_its_limit(at_work):
    job = at_work.run(code("import os\nfor _ in range(3000):\n    print('x' * 99)"))
    assert job.status is JobStatus.SUCCESSFUL
    log = at_work.log(job)
    assert "log limit of 20 kB reached" in log
    assert len(log) < 21_000


def test_a_large_output_arrives_whole(at_work):
    facts = "  outputs:\n    result: {schema: {type: string}}"
    source = "from nbprocessor import kit\nkit.output('result', 'x' * 20_000_000)\nprint('y' * 5_000_000)"
    job = at_work.run(code(source), facts=facts)
    assert job.status is JobStatus.SUCCESSFUL, job.message
    (output,) = at_work.results.manifest(job.id).outputs
    assert output.bytes >= 20_000_000
    assert len("".join(at_work.executed(job)["cells"][1]["outputs"][-1]["text"])) >= 5_000_000


def test_no_secret_of_the_server_is_in_a_jobs_environment(direct, monkeypatch):
    monkeypatch.setenv("NBPROCESSOR_SECRET", "geheim")
    monkeypatch.setenv("KC_CLIENT_SECRET", "geheim")
    job = direct.run(code("import os\nprint(sorted(os.environ.items()))"))
    assert "geheim" not in str(direct.executed(job))


def test_a_kernel_that_is_not_installed_is_named(at_work):
    from tests.unit.execution.workshop import process

    kernel = {"display_name": "R", "language": "R", "name": "ir"}
    found = process(at_work.folder / "other", code("1"), kernel=kernel)
    from nbprocessor.execution.submission import submit
    from nbprocessor.model.job import Execution

    job = submit(found, Execution("trial", {}), store=at_work.store, results=at_work.results, queue_limit=10)
    at_work.worker.wake()
    ended = at_work.ended(job)
    assert ended.status is JobStatus.FAILED
    assert ended.message.startswith('kernel "ir" is not installed here (installed: ')
    assert_complete(at_work, ended)


def test_progress_that_makes_no_sense_harms_nobody(at_work):
    """A cell that writes the messages itself, without the kit, as wrong and as often as it likes."""
    source = (
        "from IPython.display import publish_display_data as publish\n"
        f"kind = {contract.PROGRESS_MEDIA_TYPE!r}\n"
        "for done, of in [(10**400, 3), (float('nan'), 1), (1, 0), ('1', []), (-5, 1), (None, None)]:\n"
        "    publish({kind: {'done': done, 'of': of, 'text': [1]}})\n"
        "publish({kind: 7})\n"
        "for step in range(5000):\n"
        "    publish({kind: {'done': 9, 'of': 1, 'text': 'x' * 1000}})\n"
    )
    job = at_work.run(code(source))
    assert (job.status, job.message, job.progress) == (JobStatus.SUCCESSFUL, "", 100)
    # The kernel itself warns of NaN in a message.
    assert [output["output_type"] for output in at_work.executed(job)["cells"][-1]["outputs"]] in ([], ["stream"])
