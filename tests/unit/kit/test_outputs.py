import hashlib
import json

import geopandas as gpd
import nbformat
import pandas as pd
import pytest
import shapely
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from nbprocessor import contract
from nbprocessor.kit.outputs import output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(contract.JOB_OUTPUTS, str(tmp_path / "outputs"))
    return tmp_path / "outputs"


@pytest.fixture
def shell():
    """A running IPython, as in a kernel; what it displays can be looked at."""
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


def displayed(call, *arguments, **named):
    with capture_output() as captured:
        call(*arguments, **named)
    return [(shown.data, shown.metadata) for shown in captured.outputs]


def test_an_output_is_a_file_and_a_display_that_names_it_with_its_digest(folder, shell):
    ((data, metadata),) = displayed(output, "greeting", "Hallo Ö")
    content = (folder / "greeting.txt").read_bytes()
    assert content == "Hallo Ö".encode()
    assert metadata == {
        contract.METADATA_KEY: {
            "output": "greeting",
            "mediaType": "text/plain",
            "href": "greeting.txt",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    }
    assert data["text/plain"] == "greeting · text/plain · 8 B → greeting.txt\nHallo Ö"


def test_without_a_job_a_value_is_only_shown(monkeypatch, shell, tmp_path):
    monkeypatch.delenv(contract.JOB_OUTPUTS, raising=False)
    monkeypatch.chdir(tmp_path)
    ((data, metadata),) = displayed(output, "x", {"a": 1})
    assert metadata == {}
    assert "kein Job: in einem Lauf entsteht outputs/x.json" in data["text/plain"]
    assert list(tmp_path.iterdir()) == []


def test_in_plain_python_the_text_is_printed(folder, capsys):
    output("x", [1, 2])
    assert capsys.readouterr().out == "x · application/json · 6 B → x.json\n[1, 2]\n"


def test_the_last_value_of_a_name_counts_and_no_former_file_is_left(folder):
    output("x", "text")
    output("x", {"a": 1})
    assert [file.name for file in folder.iterdir()] == ["x.json"]


def test_a_file_is_handed_over_as_it_is(folder, tmp_path, shell):
    source = tmp_path / "karte.tif"
    source.write_bytes(b"II*\0" + bytes(3_000_000))
    ((_, metadata),) = displayed(output, "karte", source)
    assert (folder / "karte.tif").read_bytes() == source.read_bytes()
    facts = metadata[contract.METADATA_KEY]
    assert (facts["mediaType"], facts["bytes"]) == ("image/tiff", source.stat().st_size)
    assert facts["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()


def test_a_file_that_is_not_there_is_an_error_and_nothing_is_left(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="output 'x': there is no file"):
        output("x", tmp_path / "fehlt.tif")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "1x", "a b", "ä", "x" * 101, ".x"])
def test_a_name_that_is_no_file_name_is_refused(folder, name):
    with pytest.raises(ValueError, match="an output cannot be called"):
        output(name, 1)
    assert not folder.exists()


def test_a_value_without_a_written_form_leaves_no_file(folder):
    with pytest.raises(TypeError, match="a object has no form in JSON"):
        output("x", [object()])
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_table_is_shown_with_its_first_rows_and_gaps_as_dashes(folder, shell):
    table = pd.DataFrame({"a": [1.5, None] * 5, "<b>": ["x"] * 10}, index=pd.Index(range(10), name="ID"))
    ((data, _),) = displayed(output, "x", table)
    assert "1,50" in data["text/plain"] and "–" in data["text/plain"] and "10 Zeilen × 2 Spalten" in data["text/plain"]
    assert "&lt;b&gt;" in data["text/html"] and "<td>–</td>" in data["text/html"]


def test_geodata_is_shown_without_its_geometries(folder, shell):
    frame = gpd.GeoDataFrame({"NAME": ["a"]}, geometry=[shapely.Point(7, 51)], crs=4326)
    ((data, metadata),) = displayed(output, "x", frame)
    assert metadata[contract.METADATA_KEY]["mediaType"] == "application/geo+json"
    assert "POINT" not in data["text/plain"] and "POINT" not in data["text/html"]


def test_long_json_is_shown_as_an_excerpt(folder, shell):
    ((data, _),) = displayed(output, "x", {"a": list(range(10_000))})
    assert len(data["text/plain"]) < 600 and data["text/plain"].endswith("…")


def test_what_is_displayed_is_a_notebook_output(folder, shell):
    for data, metadata in displayed(output, "x", pd.DataFrame({"a": [1]})):
        shown = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        cell = nbformat.v4.new_code_cell(outputs=[shown])
        nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_half_a_file_is_never_seen(folder, monkeypatch):
    """A value that fails while it is written leaves what was there before."""
    output("x", {"a": 1})
    with pytest.raises(TypeError):
        output("x", {"a": object()})
    assert json.loads((folder / "x.json").read_bytes()) == {"a": 1}
    assert len(list(folder.iterdir())) == 1
