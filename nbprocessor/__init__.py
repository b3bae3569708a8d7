"""A process is a notebook, a job is a folder, a schedule is a cron line, and everything else is derived."""

__version__ = "0.1.0"
