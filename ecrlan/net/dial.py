"""Dial a terminal that listens (exchange.md §1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ecrlan.errors import ConnectError
from ecrlan.net.line import Line


async def dial(address: str, port: int, timeout: float, make_line: Callable[[], Line]) -> Line:  # noqa: ASYNC109  # a setting's value
    """Open a line to `address`:`port` within `timeout` seconds. Raises `ConnectError`; nothing was sent then."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            _, line = await loop.create_connection(make_line, address, port)
    except TimeoutError:
        problem = f"no answer within {timeout:g} s; is the terminal switched on and in this network?"
        raise ConnectError(address, port, problem, ("connection_silent", {"address": address, "port": port, "seconds": timeout})) from None
    except ConnectionRefusedError as error:
        problem = "nothing listens there; is PosConnector open on its idle screen, is the port right?"
        raise ConnectError(address, port, problem, ("connection_refused", {"address": address, "port": port})) from error
    except OSError as error:
        raise ConnectError(address, port, error.strerror or str(error) or type(error).__name__) from error
    return line
