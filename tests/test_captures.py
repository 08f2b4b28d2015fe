"""Every file under captures/ is read, cut, parsed, rebuilt and performed again, and holds no card number."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ecrlan.model import PaymentResult, PrintingRequest, ReceiptPart, StatusResponse
from ecrlan.net.capture import Packet, read_capture, replay
from ecrlan.protocol.step import Ending
from ecrlan.wire.cards import LONGEST_CARD, mask_cards
from ecrlan.wire.codec import build_request, build_response, parse_request, parse_response
from ecrlan.wire.dissect import dissect_conversation
from ecrlan.wire.frames import ApplicationFrame, FrameReader
from ecrlan.wire.mask import MaskedReceipt, mask_frames, mask_message, mask_receipt
from ecrlan.wire.receipt import is_complete, parse_receipt, render_text
from tests.record_captures import FOLDER, RECORDERS
from tests.vectors import ACK, STATUS_REQUEST, STATUS_RESPONSE, feed_all_ways

FILES = sorted(FOLDER.glob("*.txt"))
WAYS = {">": "request", "<": "response"}
STOPS_BEFORE_LAST_ACK = {"smartpos-status.txt"}
"""Recordings that end with the terminal's result."""
NAMED_ONLY = {"ingenico-extended-status.txt"}
"""Recordings of requests that ecrlan never sends."""

each_file = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
OURS = [path for path in FILES if path.name not in NAMED_ONLY]
each_of_ours = pytest.mark.parametrize("path", OURS, ids=[path.stem for path in OURS])


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


LINES = [
    "       MASTERCARD",
    "         MCCHIP",
    "        PAGAMENTO",
    "       THANK YOU",
    "       WORLDLINE",
    "",
    "Eserc.   56785678",
    "A.I.I.C.     88105100004",
    "Data 08/07/25  Ora 11:21",
    "TML 12345678 STAN 000004",
    "Mod. Online     CTLS ICC",
    "AUT. 48294  OPER. 000040",
    "AUTH.RESP.CODE        00",
    "PAN     ************4242",
    "SCAD                ****",
    "A.ID      A0000000041010",
    "APPL            MC DEBIT",
    "ATC 00B7  TCC 380  TT 00",
    "TrCC 978     UN 7AFB2DB5",
    "TVR           0000008001",
    "ARQC    4A7E1C857A1F9086",
    "IAD  0110A04203A40000000",
    "     000000000000300FF00",
    "          000000000300FF",
    "CVM No CVM",
    "",
    "IMPORTO EUR         0,05",
    "",
    "  TRANSACTION APPROVED",
    "",
    "  ARRIVEDERCI E GRAZIE",
]
COLUMNS = [
    "          VISA",
    "          VISA",
    "        ACQUISTO",
    "       THANK YOU",
    "       WORLDLINE",
    "",
    "Eserc.          56785678",
    "A.I.I.C.     88105100003",
    "Data 08/07/25  Ora 12:28",
    "TML 12345678 STAN 000003",
    "Mod. Online     CTLS ICC",
    "AUT. 52658  OPER. 000039",
    "AUTH.RESP.CODE        00",
    "VISA CONTACTLESS",
    "PAN     400000******1111",
    "SCAD                ****",
    "A.ID      A0000000031010",
    "APPL         VISA CREDIT",
    "ATC 03DD  TCC 380  TT 00",
    "TrCC 978     UN E01A0C00",
    "TVR           0000000000",
    "ARQC    A23BB1F8A9ED8341",
    "IAD       06010A03A00000",
    "CVM No CVM",
    "",
    "IMPORTO EUR         0,05",
    "",
    "  TRANSACTION APPROVED",
    "",
    "  ARRIVEDERCI E GRAZIE",
    "CONTRATTO #A1B2C",
]


@pytest.mark.parametrize(("name", "lines"), [("ingenico-receipt-lines.txt", LINES), ("ingenico-receipt-columns.txt", COLUMNS)])
def test_receipts_of_real_terminals_line_by_line(name: str, lines: list[str]) -> None:
    packets = read_capture(FOLDER / name)
    printing, purchase = replay(packets)
    assert (printing.request.code, purchase.request.code) == ("E", "X")
    assert render_text(parse_receipt(purchase.receipt)) == lines
    assert is_complete(purchase.receipt)
    assert mask_receipt(purchase.receipt) == MaskedReceipt(purchase.receipt, 0)


def test_what_real_terminals_answered() -> None:
    def answers(name: str) -> list[object]:
        return [exchange.answer for exchange in replay(read_capture(FOLDER / name)) if not isinstance(exchange.request, PrintingRequest)]

    words = answers("ingenico-status-word.txt")
    assert [isinstance(each, StatusResponse) and (each.status_word, each.operative, each.software_release) for each in words] == [
        ("OPERATIVE", True, "01.00.14_B2807_2807"),
        ("OPERATIVE", True, "01.00.14_B2827_2827"),
    ]
    told = {
        "ingenico-refusal.txt": [(71, "01", "ABORTED_MANUALLY", "000005", None)] * 2,
        "ingenico-purchase-71.txt": [(71, "00", None, "000002", None)],
        "ingenico-purchase-74.txt": [(74, "00", None, "000002", "000")],
        "ingenico-extended-purchase.txt": [(92, "00", None, "000003", "000"), (92, "00", None, "000004", "000")],
    }
    for name, expected in told.items():
        results = [each for each in answers(name) if isinstance(each, PaymentResult)]
        assert [(each.length, each.result, each.reason, each.stan, each.action_code) for each in results] == expected


@each_file
def test_reader_cuts_it(path: Path) -> None:
    packets = read_capture(path)
    for direction in "><":
        recorded = [packet.data for packet in packets if packet.direction == direction]
        frames, noise, pending = feed_all_ways(FrameReader, b"".join(recorded))
        assert [frame.raw for frame in frames] == recorded, "one packet a frame"
        assert all(frame.ok for frame in frames)
        assert (noise, pending) == (b"", b"")


@each_of_ours
def test_codec_reads_and_rebuilds_it(path: Path) -> None:
    code = ""
    for direction, message in messages(read_capture(path)):
        if direction == ">":
            request = parse_request(message)
            code = request.code
            assert build_request(request) == message
        else:
            assert build_response(parse_response(message, answers=code)) == _with_zeros_before_the_pan(message)


def _with_zeros_before_the_pan(message: bytes) -> bytes:
    """Return a result as we would write it: some terminals fill the PAN with `*`."""
    return message[:12] + message[12:27].replace(b"*", b"0") + message[27:] if message[9:12] == b"E00" else message


@each_file
def test_decode_reads_it(path: Path) -> None:
    packets = read_capture(path)
    frames = [(frame, WAYS[packet.direction]) for packet in packets for frame in FrameReader().feed(packet.data)]
    for shown in dissect_conversation(frames):
        assert shown["frame"] != "noise"
        assert shown["lrc"] in {"ok", None}
        assert shown["error"] is None
        assert "unexpected" not in (shown["message"] or {})


@each_of_ours
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


@each_of_ours
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
        if (direction, message[9:10]) != ("<", b"S"):  # receipts are masked as on paper
            assert mask_message(message, WAYS[direction]) == message
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            assert mask_cards(line) == line
    receipts = b"".join(message[10:] for direction, message in messages(packets) if direction == "<" and message[9:10] == b"S")
    # whatever stands between the digits: blanks, hyphens, the control characters of receipts
    runs = re.findall(rb"[0-9]{12,}", re.sub(rb"[ \-\x00-\x1f\x5e\x7b-\x7f]", b"", _values(receipts)))
    assert all(run.startswith(b"0" * 8) or len(run) > LONGEST_CARD for run in runs)


def _values(receipt: bytes) -> bytes:
    """Leave out the lines whose numbers are none of a card (labels of the emulator's receipts), so that what is left can be joined."""
    return re.sub(
        rb"(?:TML|STAN|AIIC|A\.I\.I\.C\.|Eserc\.|OPER\.|AUT\.|TCC|TT|TVR|AUTH\.RESP\.CODE) +[0-9]+|"
        rb"[0-9]{2}/[0-9]{2}/[0-9]{2} +(?:Ora )?[0-9]{2}:[0-9]{2}|IMPORTO EUR +[0-9.]+,[0-9]{2}",
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
