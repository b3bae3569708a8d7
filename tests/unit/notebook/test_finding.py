from nbprocessor.notebook.finding import RULES, error, warning


def test_the_rules_are_numbered_without_gaps():
    assert list(RULES) == [f"NB{number:02}" for number in range(16)]


def test_a_finding_is_a_problem_with_its_place():
    assert (
        str(error("NB02", "parameters", 3, "Wrong.", "Mend it.").problem)
        == 'cell "parameters", line 3: Wrong. Mend it.'
    )
    assert str(warning("NB02", "", 0, "Wrong.").problem) == "Wrong."
