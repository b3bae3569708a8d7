"""The notebooks that come with the package: in a wheel inside it, in a checkout beside it."""

from pathlib import Path

from nbprocessor.errors import SettingsError

TEMPLATE = "_template.ipynb"
_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "notebooks_included", _PACKAGE.parent / "notebooks")


def examples() -> Path:
    """Return their folder.

    Raises:
        SettingsError: This installation has none.
    """
    for folder in _PLACES:
        if (folder / TEMPLATE).is_file():
            return folder
    raise SettingsError("This installation has no example notebooks; install nbprocessor again.")
