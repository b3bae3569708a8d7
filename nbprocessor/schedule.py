"""Schedules become jobs at their fire times."""
