"""What clients are told of errors they cannot meet while sign-in is off."""

from http import HTTPStatus

from nbprocessor.api.problems import problem
from nbprocessor.errors import QueueFull, UserQueueFull


def test_whose_own_queue_is_full_asks_too_much_and_whom_the_servers_queue_meets_does_not():
    own, servers = problem(UserQueueFull(20)), problem(QueueFull(200))
    assert (own.status, servers.status) == (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    assert int(own.headers["Retry-After"]) > 0
    assert "20 jobs of yours" in own.detail
