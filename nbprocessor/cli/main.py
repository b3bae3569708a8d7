"""The command group, and the door at which errors become sentences and exit codes."""

import sys
from pathlib import Path

import click

from nbprocessor import __version__
from nbprocessor.cli.inspect import check, describe
from nbprocessor.cli.jobs import jobs, logs, results
from nbprocessor.cli.new import init
from nbprocessor.cli.run import run
from nbprocessor.cli.serve import serve
from nbprocessor.cli.tour import tour
from nbprocessor.errors import NbprocessorError, StoreUnavailable

WRONG = 3
UNAVAILABLE = 4


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
    Exit codes: 0 done · 1 the job failed or the check found faults · 2 wrong command line
                3 wrong setting, notebook, input or id · 4 database, results folder or port cannot be used
    """
    context.obj = config_file


for command in (serve, run, check, describe, jobs, logs, results, init, tour):
    nbprocessor.add_command(command)


def main() -> None:
    """Run the command line; errors of ours are sentences on standard error, never tracebacks."""
    arguments = sys.argv[1:]
    if Path(sys.argv[0]).name == "jupyter-nbprocessor" and arguments[:1] == ["nbprocessor"]:
        arguments = arguments[1:]
    try:
        sys.exit(nbprocessor(arguments, standalone_mode=False) or 0)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except StoreUnavailable as error:
        click.echo(f"nbprocessor: {error}", err=True)
        sys.exit(UNAVAILABLE)
    except NbprocessorError as error:
        click.echo(f"nbprocessor: {error}", err=True)
        sys.exit(WRONG)


if __name__ == "__main__":
    main()
