"""Notices: tells people and programs of schedules that fail, recover or are paused, by e-mail and webhook."""
