"""The Jinja environment of pages and reports: everything is escaped, whatever is missing is an error."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from nbprocessor.web import formats
from nbprocessor.web.formulas import with_formulas
from nbprocessor.web.texts import translate

_HERE = Path(__file__).parent


@cache
def environment() -> Environment:
    """Return the one environment; templates are compiled once and may be rendered from any thread."""
    jinja = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["with_formulas"] = with_formulas
    jinja.filters["bytes"] = formats.size
    jinja.filters["seconds"] = formats.duration
    return jinja


def render(template: str, *, language: str, **context: object) -> str:
    """Render ``templates/<template>.html`` with the texts of ``language`` as ``t(key, …)``."""
    text = translate(language)
    return environment().get_template(f"{template}.html").render(t=text, language=language, **context)


def static_folder() -> Path:
    """Return the folder that is served under ``/static``."""
    return _HERE / "static"
