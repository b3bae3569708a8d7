"""The command line: ``nbprocessor`` and ``jupyter nbprocessor``; each command is a thin wrapper of one function.

Exit codes: 0 done; 1 the job failed or was dismissed, the check found errors, or nobody reads the output; 2 the command
line is wrong; 3 a setting, notebook, input or id is wrong; 4 a database, folder, file or port cannot be used;
130 interrupted. Modules below import what takes long where it is used: ``--help`` must not wait for it.
"""

from nbprocessor.cli.main import main

__all__ = ["main"]
