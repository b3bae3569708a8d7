import time

import pytest

from nbprocessor.notebook import patterns


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        (r"^\d{4}$", "2020", True),
        (r"^\d{4}$", "2020\n", False),
        ("^ä+$", "ää", True),
    ],
)
def test_a_pattern_is_found_anywhere_unless_it_is_anchored(pattern, text, found):
    assert patterns.matches(pattern, text) is found


def test_a_pattern_made_to_take_for_ever_is_matched_at_once():
    begin = time.perf_counter()
    assert not patterns.matches("^(a+)+$", "a" * 10_000 + "!")
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "(a", "[", "a{1000}{1000}{1000}", "*"])
def test_what_cannot_be_matched_in_bounded_time_is_refused(pattern):
    with pytest.raises(ValueError, match=r"\w"):
        patterns.compiled(pattern)
