"""The command group, and the door at which errors become sentences and exit codes."""

import os
import sys
from pathlib import Path

import click

from nbprocessor import __version__, faultpoints
from nbprocessor.cli.doctor import doctor
from nbprocessor.cli.inspect import check, describe
from nbprocessor.cli.jobs import jobs
from nbprocessor.cli.logs import logs
from nbprocessor.cli.new import init
from nbprocessor.cli.recover import recover
from nbprocessor.cli.results import results
from nbprocessor.cli.run import run
from nbprocessor.cli.schedules import schedules
from nbprocessor.cli.serve import serve
from nbprocessor.cli.signin import login, logout, token, whoami
from nbprocessor.cli.tour import tour
from nbprocessor.cli.worker import worker
from nbprocessor.errors import (
    ExecutionError,
    InvalidRequest,
    NbprocessorError,
    QueueFull,
    SignInUnavailable,
    StoreUnavailable,
)

FAILED = 1
WRONG = 3
UNAVAILABLE = 4
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="nbprocessor")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file [config/nbprocessor.yml].",
)
@click.pass_context
def nbprocessor(context: click.Context, config_file: Path | None) -> None:
    """Jupyter notebooks as OGC API processes.

    Put a notebook into notebooks/ and it is a process; each job leaves its executed notebook in results/.

    \b
    Exit codes:
      0    done
      1    the job failed or was dismissed, or the check found errors
      2    the command line is wrong
      3    a setting, notebook, input or id is wrong
      4    a database, folder, file or port cannot be used
      130  interrupted

    \b
    Completion in bash (zsh, fish alike):
      eval "$(_NBPROCESSOR_COMPLETE=bash_source nbprocessor)"
    """
    context.obj = config_file
    faultpoints.arm(os.environ.get(faultpoints.VARIABLE, ""))


COMMANDS = (
    serve, worker, run, check, describe, jobs, logs, results, schedules, recover, init, doctor, tour,
    login, logout, whoami, token,
)  # fmt: skip
for command in COMMANDS:
    nbprocessor.add_command(command)


def main() -> None:
    """Run the command line; what goes wrong is a sentence on standard error, never a traceback."""
    arguments = sys.argv[1:]
    if Path(sys.argv[0]).name == "jupyter-nbprocessor" and arguments[:1] == ["nbprocessor"]:
        arguments = arguments[1:]
    try:
        status = nbprocessor(arguments, prog_name="nbprocessor", standalone_mode=False) or 0
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        status = _said("Interrupted.", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except BrokenPipeError:
        # Who read the output has gone. Python would try to write the rest once more, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except OSError as error:
        status = _said(f"{error.filename or 'the system'}: {error.strerror or error}.", UNAVAILABLE)
    except NbprocessorError as error:
        status = _said(_sentences(error), _code(error))
    sys.exit(status)


def _said(sentences: str, code: int) -> int:
    for sentence in sentences.splitlines():
        click.echo(f"nbprocessor: {sentence}", err=True)
    return code


def _sentences(error: NbprocessorError) -> str:
    """Return what is wrong, a line for each fault of a request."""
    return "\n".join(map(str, error.problems)) if isinstance(error, InvalidRequest) else str(error)


def _code(error: NbprocessorError) -> int:
    if isinstance(error, StoreUnavailable | QueueFull | SignInUnavailable):
        return UNAVAILABLE
    return FAILED if isinstance(error, ExecutionError) else WRONG


if __name__ == "__main__":
    main()
