"""The command line: ``nbprocessor`` and ``jupyter nbprocessor``; each command is a thin wrapper of one function.

Exit codes: 0 done; 1 the job failed, or the check found faults; 2 the command line is wrong; 3 a setting, notebook,
input or id is wrong; 4 the database, the results folder or the port cannot be used; 130 interrupted.
"""

from nbprocessor.cli.main import main

__all__ = ["main"]
