"""Damage in SQLite's write-ahead log, which SQLite itself takes for its end.

At the first frame that does not fit, SQLite stops reading, as it must after a power cut: the last transaction may be torn. Whatever was
committed behind a damaged frame would be overwritten without a word. Since every commit is synchronized before the next begins, a power cut
leaves at most one commit behind the first bad frame; two are damage. (Format: https://www.sqlite.org/walformat.html)
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

HEADER = struct.Struct(">8I")  # magic, version, page size, checkpoint, salt, salt, checksum, checksum
FRAME = struct.Struct(">6I")  # page, pages after commit (0: no commit), salt, salt, checksum, checksum
MAGIC = 0x377F0682  # its last bit: checksums over big-endian words
FRAMES_READ_AT = 16
"""Where the shared-memory index keeps the number of frames that SQLite takes as valid, in the machine's byte order."""


def log_damage(log: Path, index: Path) -> str | None:
    """Tell what is damaged in `log`, or None. `index` is the shared-memory file, which an open connection has filled."""
    try:
        with log.open("rb") as file:
            header = file.read(HEADER.size)
            size = file.seek(0, 2)
            if size <= HEADER.size or not any(header):
                return None
            fields = HEADER.unpack(header)
            if fields[0] & ~1 != MAGIC or _checksum(header[:24], big=bool(fields[0] & 1)) != fields[6:]:
                return "its header is damaged"
            with index.open("rb") as shared:
                shared.seek(FRAMES_READ_AT)
                valid = int.from_bytes(shared.read(4), sys.byteorder)
            step = FRAME.size + fields[2]
            commits = 0
            for start in range(HEADER.size + valid * step, size - FRAME.size + 1, step):
                file.seek(start)
                _, pages, *salts = FRAME.unpack(file.read(FRAME.size))[:4]
                commits += pages > 0 and tuple(salts) == fields[4:6]
    except FileNotFoundError:
        return None
    return f"{commits} commits stand behind a damaged frame (number {valid + 1})" if commits > 1 else None


def _checksum(data: bytes, *, big: bool) -> tuple[int, int]:
    first = second = 0
    words = struct.unpack(f"{'>' if big else '<'}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
