"""Results as tables: rows of a JSON list, properties of features, lines of a CSV file; bounded."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from nbprocessor.model import Json
from nbprocessor.web import formats
from nbprocessor.web.schemas import shown
from nbprocessor.web.texts import translate

MAX_ROWS = 200
MAX_COLUMNS = 20
MAX_DEPTH = 3
"""Tables within tables; deeper values are JSON."""
MAX_CELLS = 20_000
"""Cells of a table and those within it; when they are used up, inner lists are told by their length."""
MAX_CELL = 300
"""Characters of one cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: a text, or a table within the table."""

    text: str = ""
    is_number: bool = False
    table: "Table | None" = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0


def table(rows: Sequence[Mapping[str, Json]], language: str) -> Table:
    """Put rows under the columns they have, in the order these are met."""
    return _Tables(language).table(rows, MAX_DEPTH)


def csv_table(text: str) -> Table | None:
    """Read a CSV text with a line of names; None when it is not one."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    if not first.count(separator):
        return None
    reader = csv.reader(text.splitlines(), delimiter=separator)
    try:
        columns = next(reader)[:MAX_COLUMNS]
        rows = [[Cell(_cut(value)) for value in row[:MAX_COLUMNS]] for row in islice(reader, MAX_ROWS)]
        return Table(columns, rows, sum(1 for _ in reader))
    except csv.Error:
        return None


def is_rows(value: Json) -> bool:
    """Tell whether a value is a list of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


class _Tables:
    """Makes one table and those within it, of no more than MAX_CELLS cells together."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._text = translate(language)
        self._left = MAX_CELLS

    def table(self, rows: Sequence[Mapping[str, Json]], depth: int) -> Table:
        seen = rows[:MAX_ROWS]
        columns = list(dict.fromkeys(str(name) for row in seen for name in row))[:MAX_COLUMNS]
        self._left -= len(seen) * len(columns)
        cells = [[self._cell(row.get(column), depth) for column in columns] for row in seen]
        return Table(columns, cells, len(rows) - len(seen))

    def _cell(self, value: Json, depth: int) -> Cell:
        if value is None:
            return Cell()
        if isinstance(value, bool):
            return Cell(self._text("yes" if value else "no"))
        if isinstance(value, float):
            return Cell(formats.number(value, self._language), is_number=True)
        if isinstance(value, int):
            # Without separators: it may be a year or a key.
            return Cell(_cut(str(value)), is_number=True)
        if is_rows(value):
            count = self._text("entries", count=formats.number(len(value), self._language))
            if depth <= 1 or self._left < len(value):
                return Cell(count)
            return Cell(count, table=self.table(value, depth - 1))
        if isinstance(value, list) and not any(isinstance(item, list | Mapping) for item in value):
            return Cell(_cut(", ".join(shown(item) for item in value)))
        return Cell(_cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[:MAX_CELL] + " …"
