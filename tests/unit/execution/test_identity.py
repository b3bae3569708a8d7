import subprocess
import sys

from nbprocessor.execution import identity

OTHER = "import nbprocessor.execution.identity as i, sys; print(i.own(), flush=True); sys.stdin.read()"


def test_this_process_lives():
    assert identity.is_alive(identity.own()) is True
    assert identity.own() == identity.own()


def test_another_process_lives_until_it_has_ended_and_not_as_a_zombie():
    command = [sys.executable, "-c", OTHER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        other = process.stdout.readline().strip()
        assert identity.is_alive(other) is True
        process.kill()
        assert process.stdout.read() == ""
        process.wait()
        assert identity.is_alive(other) is False


def test_a_number_that_another_process_has_now_is_not_the_same_process():
    boot, namespace, pid, start = identity.own().split("/")
    assert identity.is_alive(f"{boot}/{namespace}/{pid}/{int(start) + 1}") is False
    assert identity.is_alive(f"{boot}/{namespace}/{pid}/") is False


def test_of_another_machine_or_container_nothing_can_be_told():
    boot, namespace, pid, start = identity.own().split("/")
    assert identity.is_alive(f"0-another-boot/{namespace}/{pid}/{start}") is None
    assert identity.is_alive(f"{boot}/1/{pid}/{start}") is None


def test_what_is_no_identity_is_nobody_alive():
    for text in ("", "worker", "a/b/c", "a/b/c/d/e", "a/b/not-a-number/1"):
        assert identity.is_alive(text) is False
