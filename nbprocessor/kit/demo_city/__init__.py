"""Erlenfurt, an invented city: the data a notebook finds when no other source is named.

The folder beside this file is what ``python -m nbprocessor.kit.demo_city.generate`` writes.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "erlenfurt"
"""The city as a folder source; never written to."""
