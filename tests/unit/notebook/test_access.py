"""The front matter's ``access``: who sees a process; a slip in it must not open it."""

import pytest

from nbprocessor.notebook import faults


@pytest.mark.parametrize(
    "access",
    ["public", "private", {"groups": ["/a/b"]}, {"users": ["cora"]}, {"groups": ["/a"], "users": ["cora", "1-2-3"]}],
)
def test_who_may_see_a_process_is_said_in_a_few_ways(access):
    block, found = faults.validated({"access": access})
    assert not found
    assert block.access == access


@pytest.mark.parametrize(
    "access",
    ["Public", "everybody", True, 1, [], {}, {"groups": []}, {"groups": "/a"}, {"groups": ["a"]}, {"groups": ["/"]},
     {"users": [""]}, {"users": [1]}, {"users": ["cora"], "group": ["/a"]}, {"groups": ["/a"], "users": None}],
)  # fmt: skip
def test_whatever_else_is_said_is_a_fault(access):
    _, found = faults.validated({"access": access})
    assert [fault for fault in found if fault.path == ("access",)]
