import pytest

from nbprocessor.notebook import faults


def test_what_is_right_has_no_faults():
    block, found = faults.validated({"id": "a", "inputs": {"x": {"required": False}}})
    assert not found and block.id == "a" and block.inputs["x"].required is False


@pytest.mark.parametrize(
    ("process", "sentence", "mend"),
    [
        ({"id": 5}, "process.id is 5; it has to be a text; put it in quotes.", ""),
        ({"titel": "A"}, "There is no key process.titel.", "Did you mean title?"),
        (
            {"limits": {"zeit": 1}},
            "There is no key process.limits.zeit.",
            "Known here: time, cellTime, cpu, memory, processes, fileSize, outputSize, temporarySize, logSize, "
            "cellOutputs, cellOutputSize, concurrency.",
        ),
        ({"inputs": {"x": 5}}, "process.inputs.x is 5; it has to be a map (key: value).", ""),
        ({"keywords": "a" * 100}, f"process.keywords is '{'a' * 56}…; it has to be a list ([a, b]).", ""),
    ],
)
def test_a_fault_names_its_place_its_value_and_what_is_wanted(process, sentence, mend):
    _, found = faults.validated(process)
    assert [(fault.sentence, fault.mend) for fault in found] == [(sentence, mend)]


def test_what_is_right_beside_a_fault_is_kept():
    block, found = faults.validated({"id": "a", "version": 1, "inputs": {"x": 5, "y": {"title": "Y"}}})
    assert {fault.path for fault in found} == {("version",), ("inputs", "x")}
    assert (block.id, block.version, block.inputs["y"].title) == ("a", "0.0.0", "Y")


def test_a_union_of_which_nothing_fits_is_one_fault():
    _, found = faults.validated({"inputs": {"x": {"maxOccurs": "many"}}})
    assert [fault.path for fault in found] == [("inputs", "x", "maxOccurs")]
