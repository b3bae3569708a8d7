"""An open gateway before the stand-in for Data Management, and clients that a kernel might be."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from nbprocessor.config import Data
from nbprocessor.execution.gateway.door import Door, Gateway
from nbprocessor.execution.gateway.tokens import TokenSource
from nbprocessor.model.job import Job
from tests.servers.city import EDITOR
from tests.unit.store.samples import a_job


@dataclass
class Tokens(TokenSource):
    """Tokens one after the other; a refused one is followed by the next."""

    values: list[str] = field(default_factory=lambda: [EDITOR])
    asked: int = 0

    def signs_in(self, job: Job) -> bool:
        return bool(self.values)

    async def token(self, job: Job, refused: str | None = None) -> str | None:
        self.asked += 1
        if refused is not None and len(self.values) > 1:
            self.values.pop(0)
        return self.values[0] if self.values else None


@dataclass
class Opened:
    """A gateway with the door of one job."""

    gateway: Gateway
    door: Door
    path: Path
    client: httpx.AsyncClient

    async def raw(self, content: bytes) -> bytes:
        """Send bytes as they are; return what comes until the other side closes."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(content)
        try:
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()


@asynccontextmanager
async def opened(
    folder: Path,
    source: str,
    writable: Collection[str] = (),
    tokens: TokenSource | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Opened]:
    """Open a gateway with one door."""
    gateway = Gateway(Data(source=source, **(settings or {})), tokens or Tokens())
    path = folder / "data.sock"
    door = await gateway.open(a_job(), writable, path)
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    accept = {"Accept": "application/json"}  # without it Data Management answers 500
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=accept, timeout=30
    ) as client:
        try:
            yield Opened(gateway, door, path, client)
        finally:
            await door.close()
            await gateway.close()
