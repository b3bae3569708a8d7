"""Short views of outputs, as they stand in the executed notebook where they are handed over."""

import html
import json
from collections.abc import Callable

from nbprocessor.kit import wording
from nbprocessor.kit.encoding import GEOJSON, JSON, Encoded
from nbprocessor.kit.jsonvalues import Table, Value

TEXT_LENGTH = 400
LINE = 100
ROWS = 5
COLUMNS = 8


def bundle(caption: str, value: Value, encoded: Encoded | None) -> dict[str, str]:
    """Return a MIME bundle: plain text always, HTML where a table or JSON gains by it.

    An object may say how it is shown: by ``to_preview()``, which returns a view with HTML (see `views`).
    """
    if hasattr(value, "to_preview"):
        view = value.to_preview()
        return {
            "text/plain": f"{caption}\n{view!r}",
            "text/html": f"<p>{html.escape(caption)}</p>\n{view._repr_html_()}",
        }
    table = _table(value)
    shown = table if table is not None else _excerpt(encoded)
    data = {"text/plain": "\n".join(part for part in (caption, shown) if part)}
    if table is not None:
        data["text/html"] = f"<p>{html.escape(caption)}</p>\n{_html_table(value)}"
    elif shown and encoded is not None and encoded.media_type in (JSON, GEOJSON):
        data["text/html"] = f"<p>{html.escape(caption)}</p>\n<pre>{html.escape(shown)}</pre>"
    return data


def _excerpt(encoded: Encoded | None) -> str:
    """Return the beginning of a text; nothing of what is no text."""
    if encoded is None or not (encoded.media_type.startswith("text/") or encoded.media_type in (JSON, GEOJSON)):
        return ""
    text = encoded.content[: TEXT_LENGTH * 20].decode(errors="replace")
    if encoded.media_type == JSON and len(encoded.content) <= TEXT_LENGTH * 20:
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=None if len(text) < LINE else 1)
    return text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH].rstrip() + " …"


def _head(value: Value) -> Table:
    """Return the first rows and columns of a table, without geometries; None for anything else."""
    if not (hasattr(value, "columns") and hasattr(value, "head")):
        return None
    geometry = getattr(value, "_geometry_column_name", None)
    return value.drop(columns=[geometry] if geometry in value.columns else []).iloc[:ROWS, :COLUMNS]


def _table(value: Value) -> str | None:
    head = _head(value)
    if head is None:
        return None
    return f"{head.to_string(na_rep=wording.MISSING, float_format=_number_format(head))}\n{_extent(value)}"


def _html_table(value: Value) -> str:
    head = _head(value)
    table = head.to_html(border=0, na_rep=wording.MISSING, float_format=_number_format(head))
    return f"{table}\n<p>{html.escape(_extent(value))}</p>"


def _number_format(head: Table) -> Callable[[float], str]:
    """Return how the numbers of a table are written: all with as many decimals as suit them."""
    numbers = head.select_dtypes("float").to_numpy().ravel().tolist()
    digits = wording.fitting_digits(numbers)
    return lambda value: wording.number(value, digits)


def _extent(value: Value) -> str:
    rows, columns = value.shape
    return wording.choose(f"{rows} Zeilen × {columns} Spalten", f"{rows} rows × {columns} columns")
