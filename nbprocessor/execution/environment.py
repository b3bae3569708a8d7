"""The environment of a job's processes: a few of the server's variables, none of its secrets, what the kit needs."""

import os
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from nbprocessor import contract
from nbprocessor.config import Settings

PASSED = frozenset(
    {
        "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TZ", "USER",
        "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONUTF8",
        "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "JUPYTER_PATH",
        "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_DATA", "PROJ_LIB",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "MPLCONFIGDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    }
)  # fmt: skip
"""Names of the server's variables a job sees, besides ``LC_*``; what is not named here may be a secret."""


def passed(server: Mapping[str, str]) -> dict[str, str]:
    """Return those of the server's variables that a job may see."""
    return {name: value for name, value in server.items() if name in PASSED or name.startswith("LC_")}


def job_environment(
    job_id: UUID, folder: Path, settings: Settings, server: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the whole environment of a job's processes.

    Args:
        job_id: The job.
        folder: Its folder.
        settings: Data source and language.
        server: The server's own environment.
    """
    source = settings.data.source
    own = {
        contract.JOB_ID: str(job_id),
        contract.JOB_OUTPUTS: str(folder / contract.FOLDER_OUTPUTS),
        contract.SOURCE: source,
        contract.LANGUAGE: settings.server.language,
    }
    if source == "demo":
        own[contract.SOURCE_WRITES] = str(folder / contract.FOLDER_WRITES)
    return passed(server) | own


def way_to_data(socket: Path, signed_in: bool) -> dict[str, str]:
    """Return what tells the kit of a job of its gateway, and whether there is a token behind it."""
    return {contract.SOURCE_SOCKET: str(socket)} | ({} if signed_in else {contract.SOURCE_PUBLIC: "1"})
