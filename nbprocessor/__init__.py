"""A process is a notebook, a job is a folder, a schedule is a cron line, and everything else is derived."""
