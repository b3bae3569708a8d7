"""Signatures of shared links."""

from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from nbprocessor.auth.shares import Shares
from nbprocessor.errors import Unauthenticated

DAY = 86_400


def refused(shares: Shares, token: str, job) -> bool:
    try:
        shares.check(token, str(job))
    except Unauthenticated:
        return True
    return False


def test_a_link_is_good_until_its_day_and_not_longer():
    now, job = [1_800_000_000.0], uuid4()
    shares = Shares("secret", 30, lambda: now[0])
    token, expires = shares.make(job, 2)
    assert expires.timestamp() == now[0] + 2 * DAY
    now[0] += 2 * DAY - 1
    assert not refused(shares, token, job)
    now[0] += 2
    assert refused(shares, token, job)


def test_a_link_is_for_its_job_only():
    shares = Shares("secret", 30)
    token, _ = shares.make(uuid4(), 1)
    assert refused(shares, token, uuid4())


def test_a_new_secret_ends_every_link():
    job = uuid4()
    token, _ = Shares("secret", 30).make(job, 1)
    assert refused(Shares("another", 30), token, job)


def test_where_nothing_is_shared_any_more_old_links_end_too():
    job = uuid4()
    token, _ = Shares("secret", 30).make(job, 1)
    assert refused(Shares("secret", 0), token, job)


def test_without_a_secret_nothing_can_be_shared():
    job = uuid4()
    shares = Shares("", 30)
    assert shares.days == 0
    token, _ = shares.make(job, 1)
    assert refused(shares, token, job)


@pytest.mark.parametrize("header", [{"alg": "HS256", "typ": "JWT"}, {"alg": "HS256"}])
def test_the_clients_secret_itself_signs_no_link(header):
    job = uuid4()
    claims = {"sub": str(job), "exp": 4_000_000_000}
    key = OctKey.import_key("secret-of-the-client-that-is-long")
    token = jwt.encode(header, claims, key, algorithms=["HS256"])
    assert refused(Shares("secret-of-the-client-that-is-long", 30), token, job)
