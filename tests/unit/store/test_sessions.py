"""Sessions in both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbprocessor.store.sessions import SessionStore, StoredSession

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CORA = StoredSession("d1", "issuer#cora", "k1", "sealed", NOW, NOW)
SECOND = timedelta(seconds=1)


@pytest.fixture
def sessions(engine) -> SessionStore:
    store = SessionStore(engine)
    store.add(CORA)
    return store


def test_a_session_is_found_by_the_digest_of_its_id_alone(sessions):
    assert sessions.get("d1") == CORA
    assert sessions.get("d2") is None


def test_a_session_that_replaces_another_ends_it(sessions):
    sessions.add(replace(CORA, digest="d2"), in_place_of="d1")
    assert sessions.get("d1") is None
    assert sessions.get("d2") is not None


def test_one_renews_until_it_says_so_or_was_too_long_about_it(sessions):
    assert sessions.begin_renewal("d1", NOW, NOW + 10 * SECOND)
    assert not sessions.begin_renewal("d1", NOW + SECOND, NOW + 11 * SECOND)
    sessions.end_renewal("d1", "new")
    assert sessions.get("d1").content == "new"
    assert sessions.begin_renewal("d1", NOW + SECOND, NOW + 10 * SECOND)
    # Whoever had it was killed.
    assert sessions.begin_renewal("d1", NOW + 11 * SECOND, NOW + 20 * SECOND)
    sessions.end_renewal("d1", None)
    assert sessions.get("d1").content == "new"


def test_a_session_that_ended_while_it_was_renewed_stays_ended(sessions):
    sessions.begin_renewal("d1", NOW, NOW + 10 * SECOND)
    sessions.remove("d1")
    sessions.end_renewal("d1", "new")
    sessions.touch("d1", NOW)
    assert sessions.get("d1") is None


def test_one_sign_in_ends_or_all_of_a_person_and_nobody_elses(sessions):
    sessions.add(replace(CORA, digest="d2", keycloak_session="k2"))
    sessions.add(replace(CORA, digest="d3", owner="issuer#paul", keycloak_session="k3"))
    assert sessions.remove_of("issuer#cora", "k3") == 0
    assert sessions.remove_of() == 0
    assert sessions.remove_of("issuer#cora", "k1") == 1
    assert sessions.remove_of("issuer#cora") == 1
    assert sessions.get("d3") is not None


def test_what_was_not_used_or_is_too_old_is_swept(sessions):
    sessions.add(replace(CORA, digest="idle", used=NOW - 10 * SECOND))
    sessions.add(replace(CORA, digest="old", created=NOW - 100 * SECOND))
    assert sessions.sweep(used_before=NOW - 5 * SECOND, created_before=NOW - 50 * SECOND) == 2
    assert sessions.get("d1") is not None
