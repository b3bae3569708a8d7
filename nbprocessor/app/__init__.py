"""Puts the house together, once: settings → services → one ASGI application."""

from nbprocessor.app.application import create_app
from nbprocessor.app.house import House, build
from nbprocessor.app.jobs import dismiss_job, submit_job

__all__ = ["House", "build", "create_app", "dismiss_job", "submit_job"]
