"""Every file under captures/ is read, cut, parsed, rebuilt and performed again, and holds no card number."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ecrlan.model import PaymentResult, ReceiptPart, StatusResponse
from ecrlan.net.capture import Packet, read_capture, replay
from ecrlan.protocol.step import Ending
from ecrlan.wire.codec import build_request, build_response, parse_request, parse_response
from ecrlan.wire.frames import ApplicationFrame, FrameReader
from ecrlan.wire.mask import mask_frames, mask_message, mask_text
from ecrlan.wire.receipt import is_complete
from tests.record_captures import FOLDER, RECORDERS
from tests.vectors import ACK, STATUS_REQUEST, STATUS_RESPONSE, feed_all_ways

FILES = sorted(FOLDER.glob("*.txt"))
WAYS = {">": "request", "<": "response"}
STOPS_BEFORE_LAST_ACK = {"smartpos-status.txt"}
"""Recordings that end with the terminal's result."""

each_file = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


def messages(packets: list[Packet]) -> list[tuple[str, bytes]]:
    cut = [(packet.direction, FrameReader().feed(packet.data)) for packet in packets]
    return [(direction, frame.message) for direction, frames in cut for frame in frames if isinstance(frame, ApplicationFrame)]


def test_the_files_are_there() -> None:
    assert {path.name for path in FILES} >= set(RECORDERS)


@pytest.mark.parametrize("name", RECORDERS)
def test_file_is_what_the_recorder_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == RECORDERS[name](), "run `python -m tests.record_captures` and look at the diff"


def test_published_dialogue_is_exact() -> None:
    packets = read_capture(FOLDER / "smartpos-status.txt")
    assert [(packet.direction, packet.data) for packet in packets] == [(">", STATUS_REQUEST), ("<", ACK), ("<", STATUS_RESPONSE)]
    (exchange,) = replay(packets)
    assert isinstance(exchange.answer, StatusResponse)
    assert exchange.answer.terminal_id == "37105051"


def test_purchase_shows_progress_and_receipt() -> None:
    last_result, printing, purchase = replay(read_capture(FOLDER / "emulator-purchase.txt"))
    assert [each.request.code for each in (last_result, printing, purchase)] == ["G", "E", "X"]
    assert purchase.progress == ["INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE PREGO"]
    assert isinstance(purchase.answer, PaymentResult)
    assert purchase.answer.amount == 650
    assert b"GRAZIE E ARRIVEDERCI" in purchase.receipt


@each_file
def test_reader_cuts_it(path: Path) -> None:
    packets = read_capture(path)
    for direction in "><":
        recorded = [packet.data for packet in packets if packet.direction == direction]
        frames, noise, pending = feed_all_ways(FrameReader, b"".join(recorded))
        assert [frame.raw for frame in frames] == recorded, "one packet a frame"
        assert all(frame.ok for frame in frames)
        assert (noise, pending) == (b"", b"")


@each_file
def test_codec_reads_and_rebuilds_it(path: Path) -> None:
    code = ""
    for direction, message in messages(read_capture(path)):
        if direction == ">":
            request = parse_request(message)
            code = request.code
            assert build_request(request) == message
        else:
            assert build_response(parse_response(message, answers=code)) == message


@each_file
def test_exchange_ends_as_it_did(path: Path) -> None:
    packets = read_capture(path)
    exchanges = replay(packets)
    assert exchanges
    for exchange in exchanges:
        assert exchange.ending is (Ending.ACKNOWLEDGED if exchange.request.code == "E" else Ending.ANSWERED)
        ours = exchange.sent
        if path.name in STOPS_BEFORE_LAST_ACK and exchange is exchanges[-1]:
            assert ours.pop() == ACK
        assert exchange.recorded == ours
    recorded = [packet.data for packet in packets if packet.direction == ">"]
    assert [data for exchange in exchanges for data in exchange.recorded] == recorded
    parts = [parse_response(message) for direction, message in messages(packets) if direction == "<" and message[9:10] == b"S"]
    receipt = b"".join(part.receipt_text for part in parts if isinstance(part, ReceiptPart))
    assert exchanges[-1].receipt == receipt
    assert is_complete(receipt) == bool(parts)


@each_file
def test_exchange_ends_as_it_did_byte_by_byte(path: Path) -> None:
    whole = read_capture(path)
    bytewise = [
        Packet(packet.direction, packet.time, piece)
        for packet in whole
        for piece in ([packet.data] if packet.direction == ">" else [bytes((byte,)) for byte in packet.data])
    ]
    assert replay(bytewise) == replay(whole)


@each_file
def test_no_card_number(path: Path) -> None:
    packets = read_capture(path)
    raw = [packet.data for packet in packets]
    assert mask_frames(raw, [WAYS[packet.direction] for packet in packets]) == raw
    for direction, message in messages(packets):
        assert mask_message(message, WAYS[direction]) == message
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            assert mask_text(line) == line
    receipts = b"".join(message[10:] for direction, message in messages(packets) if direction == "<" and message[9:10] == b"S")
    # whatever stands between the digits: blanks, hyphens, the control characters of receipts
    assert all(
        run.startswith(b"0" * 8) for run in re.findall(rb"[0-9]{12,}", re.sub(rb"[ \-\x00-\x1f\x5e\x7b-\x7f]", b"", _values(receipts)))
    )


def _values(receipt: bytes) -> bytes:
    """Leave out the lines whose numbers are none of a card (labels of the emulator's receipts), so that what is left can be joined."""
    return re.sub(
        rb"(?:TML|STAN|AIIC|OPER\.|AUT\.) +[0-9]+|[0-9]{2}/[0-9]{2}/[0-9]{2} +[0-9]{2}:[0-9]{2}|IMPORTO EUR +[0-9.]+,[0-9]{2}",
        b"|",
        receipt,
    )


@pytest.mark.debian
@each_file
def test_text2pcap_takes_it(path: Path, tmp_path: Path) -> None:
    program = shutil.which("text2pcap")
    if program is None:
        if os.environ.get("ECRLAN_TESTS_NEED_DEBIAN") == "1":
            pytest.fail("text2pcap is not installed: apt-get install wireshark-common")
        pytest.skip("text2pcap is not installed (Debian package wireshark-common)")
    target = tmp_path / "capture.pcap"
    # a plain pcap file is easily read: 24 bytes of head, then 16 bytes (seconds, microseconds, length, length) before each packet
    done = subprocess.run(
        [program, "-D", "-t", "ISO", "-F", "pcap", "-l", "147", str(path), str(target)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    packets = read_capture(path)
    assert f"wrote {len(packets)} packets" in done.stderr
    assert _read_pcap(target.read_bytes()) == [(packet.time.timestamp(), packet.data) for packet in packets]


def _read_pcap(content: bytes) -> list[tuple[float, bytes]]:
    order = "little" if content[0] in (0xD4, 0x4D) else "big"
    unit = 1e9 if content[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e6
    packets = []
    place = 24
    while place < len(content):
        seconds, fraction, length, _ = (int.from_bytes(content[place + at : place + at + 4], order) for at in range(0, 16, 4))  # type: ignore[arg-type]
        packets.append((round(seconds + fraction / unit, 6), content[place + 16 : place + 16 + length]))
        place += 16 + length
    return packets
