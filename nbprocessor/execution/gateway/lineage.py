"""The data lineage of a job: what its notebook asked of Data Management, in order, and what came back."""

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbprocessor.model.manifest import DataRequest

MOST = 10_000
"""Requests kept one by one; further ones are counted."""


class Lineage:
    """Grows while the job runs; kept whole in its manifest."""

    def __init__(self) -> None:
        self._requests: list[DataRequest] = []
        self.left_out = 0
        """Requests beyond those that are kept."""

    @property
    def requests(self) -> tuple[DataRequest, ...]:
        """Return the requests that ended, by the time of their end."""
        return tuple(self._requests)

    def add(self, request: DataRequest) -> None:
        """Note a request that has ended."""
        if len(self._requests) < MOST:
            self._requests.append(request)
        else:
            self.left_out += 1


@dataclass(slots=True)
class Note:
    """What is known so far of a request under way."""

    method: str
    path: str
    status: int = 0
    received: int = 0
    received_digest: Any = field(default_factory=hashlib.sha256)
    sent: int = 0
    sent_sha256: str = ""
    problem: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    def request(self) -> DataRequest:
        """Return the entry of the lineage."""
        return DataRequest(
            method=self.method,
            path=self.path,
            status=self.status,
            bytes=self.received,
            sha256=self.received_digest.hexdigest() if self.received else "",
            sent_bytes=self.sent,
            sent_sha256=self.sent_sha256,
            started=self.started.isoformat(),
            seconds=round(time.monotonic() - self.began, 4),
            problem=self.problem,
        )
