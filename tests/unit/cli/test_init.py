"""`nbprocessor init` makes a place to work in and never overwrites."""


def test_a_folder_with_the_examples_is_made(call, tmp_path):
    done = call("init")
    assert done.code == 0
    assert "Next: nbprocessor serve" in done.out
    assert (tmp_path / "notebooks" / "_template.ipynb").is_file()
    assert (tmp_path / "notebooks" / "kommonitor" / "hello_world.ipynb").is_file()


def test_a_folder_that_is_there_stays_as_it_is(call, tmp_path):
    (tmp_path / "notebooks").mkdir()
    done = call("init")
    assert done.code == 3
    assert "notebooks is there already" in done.err
    assert list((tmp_path / "notebooks").iterdir()) == []


def test_a_new_notebook_is_a_process_at_once(call, tmp_path):
    done = call("init", "my_process", "--notebooks", "mine")
    assert done.code == 0
    assert "nbprocessor check mine/my_process.ipynb" in done.out
    described = call("describe", "mine/my_process.ipynb")
    assert described.code == 0
    assert '"id": "my_process"' in described.out


def test_a_notebook_that_is_there_stays_as_it_is(call, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "mine.ipynb").write_text("kept")
    done = call("init", "mine")
    assert done.code == 3
    assert "mine.ipynb is there already; choose another id." in done.err
    assert (tmp_path / "notebooks" / "mine.ipynb").read_text() == "kept"
