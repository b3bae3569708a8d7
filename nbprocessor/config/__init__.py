"""Settings: from ``config/nbprocessor.yml``, overridden by environment; says what is wrong with them.

Every key of the file can be overridden by ``NBPROCESSOR_<SECTION>__<KEY>``, for instance
``NBPROCESSOR_SERVER__PORT=8100``; lists are written ``a, b``. The names the KomMonitor platform already uses
keep their meaning; they are in :data:`PLATFORM_VARIABLES`. Secrets are taken out of the environment once they
were read, so that nothing this program starts or prints has them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nbprocessor.config.auth import Auth, with_secret
from nbprocessor.config.faults import error_of
from nbprocessor.config.notice import Notice
from nbprocessor.config.section import LOOPBACK
from nbprocessor.config.settings import (
    Data,
    Execution,
    Limits,
    Logging,
    Maximum,
    Metadata,
    Notebooks,
    Outbound,
    Results,
    Schedule,
    Server,
    Settings,
    Store,
)
from nbprocessor.config.sources import (
    DEFAULT_FILE,
    PLATFORM_VARIABLES,
    PREFIX,
    document,
    environment,
    forget_secrets,
    merged,
    settings_file,
)

__all__ = [
    "DEFAULT_FILE", "LOOPBACK", "PLATFORM_VARIABLES", "PREFIX", "Auth", "Data", "Execution", "Limits", "Logging",
    "Maximum", "Metadata", "Notebooks", "Notice", "Outbound", "Results", "Schedule", "Server", "Settings", "Store",
    "load",
]  # fmt: skip


def load(file: Path | None = None, **overrides: Mapping[str, Any]) -> Settings:
    """Load the settings: ``overrides`` (command line) over environment over file over defaults.

    Args:
        file: Settings file; None: ``config/nbprocessor.yml`` when it is there, else defaults.
        overrides: Sections with keys, as in ``load(server={"port": 8100})``; None values are left out.

    Raises:
        SettingsError: The file cannot be read, or a value is wrong; the sentence names place, key and mend.
    """
    path = settings_file(file)
    given = {name: {k: v for k, v in section.items() if v is not None} for name, section in overrides.items()}
    try:
        settings = Settings.model_validate(merged(document(path) if path else {}, environment(), given))
    except ValidationError as error:
        raise error_of(error, path, given) from None
    forget_secrets()
    return settings.model_copy(
        update={
            "auth": with_secret(settings.auth, path),
            "notebooks": settings.notebooks.model_copy(update={"folder": settings.notebooks.folder.absolute()}),
            "results": settings.results.model_copy(update={"folder": settings.results.folder.absolute()}),
        }
    )
