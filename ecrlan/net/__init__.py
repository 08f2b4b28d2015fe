"""Lines to terminals with asyncio: one TCP stream and the open exchange, dialled or taken from a terminal that dials in."""
