"""When: schedules that make jobs, each fire once, whatever is killed, locked or set back meanwhile."""
