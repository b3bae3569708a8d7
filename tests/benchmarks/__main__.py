"""``make bench``: runs the measurements and prints their table; 1 when a promise is broken."""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measurement import Measurement

PREFIX = "bench_"


def main(wanted: Sequence[str]) -> int:
    known = sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))
    if unknown := sorted(set(wanted) - set(known)):
        there = ", ".join(known) or "none"
        print(f"There is no measurement {', '.join(unknown)}; known: {there}.", file=sys.stderr)
        return 2
    rows: list[Measurement] = []
    try:
        for name in wanted or known:
            print(f"{name} ...", file=sys.stderr, flush=True)
            measured: Iterable[Measurement] = import_module(f"tests.benchmarks.{PREFIX}{name}").measure()
            rows.extend(measured)
    finally:  # what took minutes is shown even if a later measurement breaks
        Console(width=None if sys.stdout.isatty() else 160).print(table(rows))
    return 0 if all(row.kept for row in rows) else 1


def table(rows: Iterable[Measurement]) -> Table:
    drawn = Table("measured", "value", "compared with", "value there", "ratio", "promised", "", box=None)
    for row in rows:
        drawn.add_row(
            row.what,
            f"{row.value:,.4g} {row.unit}",
            row.compared_with,
            "" if row.reference is None else f"{row.reference:,.4g} {row.unit}",
            "" if row.ratio is None else f"{row.ratio:.3g}",
            "" if row.at_most is None else f"≤ {row.at_most:g}",
            "" if row.at_most is None else ("kept" if row.kept else "BROKEN"),
        )
    return drawn


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
