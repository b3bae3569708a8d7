"""Pages of schedules: what they say of them, in both languages."""

import pytest

from nbprocessor.model.schedule import FireOutcome
from nbprocessor.web.pages import Pages
from tests.unit.web import documents
from tests.unit.web.html_facts import facts


def shown(page: str, document: dict, language: str = "de") -> str:
    html = Pages().render(page, document, language=language, url=f"/{page}?lang={language}", base_url="")
    return facts(html).one("main").text


def test_the_list_tells_state_next_and_last_run_of_each():
    text = shown("schedules", {"schedules": [documents.SCHEDULE, documents.PAUSED]})
    for word in ("aktiv", "angehalten", "0 3 1 * *", "01.02.2026, 03:00", "fehlgeschlagen", "Monatlich <b>neu</b>"):
        assert word in text


def test_a_schedule_tells_its_runs_to_come_and_what_became_of_the_others():
    text = shown("schedule", documents.PAGES[f"/schedules/{documents.SCHEDULE['scheduleID']}"][1], "en")
    for word in ("2026-03-01 03:00", "cell broke", "skipped", "{{ last_month_end }}", "Missed fires"):
        assert word in text


@pytest.mark.parametrize(("language", "words"), [("de", "wenn er angehalten wird"), ("en", "when it is paused")])
def test_a_schedule_names_who_is_told_of_what(language, words):
    text = shown("schedule", documents.SCHEDULE, language)
    assert f"https://example.org/<b>x: {words}" in text
    assert "a@example.org: " in text


def test_a_schedule_of_which_nobody_is_told_does_not_speak_of_it():
    nobody = {name: value for name, value in documents.SCHEDULE.items() if name != "notify"}
    assert "Benachrichtigt" not in shown("schedule", nobody)


def test_a_paused_schedule_says_why():
    assert "Das Recht fehlt." in shown("schedule", documents.PAUSED)


@pytest.mark.parametrize("outcome", list(FireOutcome))
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_outcome_has_a_word(outcome, language):
    fire = {"fireTime": "2026-01-01T00:00:00Z", "outcome": str(outcome)}
    assert f"outcome-{outcome}" not in shown("schedule", documents.SCHEDULE | {"lastRuns": [fire]}, language)
