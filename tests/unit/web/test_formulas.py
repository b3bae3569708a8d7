"""Formulas as MathML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprocessor.web.formulas import bare, mathml, with_formulas
from tests.unit.web.html_facts import facts


def test_a_formula_becomes_mathml():
    page = facts(mathml(r"\frac{a}{b}", block=True))
    assert page.one("math").attributes == {"display": "block"}
    assert page.one("mfrac").text == "ab"


def test_aligned_lines_become_a_table():
    assert len(facts(mathml(r"\begin{aligned}a&=b\\c&=d\end{aligned}")).all("mtr")) == 2


@pytest.mark.parametrize(
    "latex", ["", "x_", r"\frac{", "{" * 3000, "^", r"\left(", "x" * 5000, r"\newcommand{\a}{xx}\a"]
)
def test_what_cannot_be_read_is_shown_as_its_source(latex):
    assert facts(mathml(latex)).one("code", class_="formula").text == latex


@given(st.text(alphabet=r"\{}[]^_&<>$'abx1 %#~", max_size=60))
def test_no_formula_is_more_than_mathml(latex):
    tags = {element.tag for element in facts(mathml(latex)).elements}
    assert tags <= {"math", "code"} or (tags - {"math"} and all(tag.startswith("m") for tag in tags))
    assert tags.isdisjoint({"meta", "main", "map", "mark", "marquee", "menu"})


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
        r"\color{red\" onload=\"alert(1)}{y}",
        r"\class{x\" onclick=\"y}{z}\style{background:url(https://evil.example)}{z}",
    ],
)
def test_commands_that_carry_markup_are_disarmed(latex):
    page = facts(mathml(latex))
    assert not page.all("script")
    for element in page.elements:
        assert set(element.attributes) <= {"display", "class", "mathvariant", "stretchy"}


def test_money_is_no_formula():
    assert (
        with_formulas("5 $ und 10 $, aber $x$")
        == '5 $ und 10 $, aber <math display="inline"><mrow><mi>x</mi></mrow></math>'
    )
    assert "<math" not in with_formulas("$5 und $10")


def test_text_around_formulas_is_escaped():
    assert with_formulas("<b> $x$").startswith("&lt;b&gt; <math")


def test_dollars_are_taken_off():
    assert bare("$$x$$") == ("x", True)
    assert bare(" $x$ ") == ("x", False)
    assert bare("x") == ("x", False)
