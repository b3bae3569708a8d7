"""The socket a server listens on."""

import asyncio
import socket

import pytest

from nbprocessor.cli.serve import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_part_of_an_answer_waits_until_another_is_acknowledged(host):
    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen(host, 0)
        async with await asyncio.start_server(connected, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            no_delay = await found
            writer.close()
            await writer.wait_closed()
        return no_delay

    assert asyncio.run(accepted()) != 0
