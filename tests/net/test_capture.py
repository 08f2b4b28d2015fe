from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ecrlan.errors import InvalidValueError
from ecrlan.model import AdditionalDataRequest, AdditionalDataResponse, ExtendedPurchaseRequest, PaymentResult, ReceiptPart, StatusRequest
from ecrlan.net import capture
from ecrlan.net.capture import CaptureWriter, Packet, format_packets, parse_capture, read_capture, replay
from ecrlan.protocol.step import Ending
from ecrlan.wire.codec import build_request, build_response
from ecrlan.wire.frames import build_ack, build_frame, build_nak, build_progress
from ecrlan.wire.lrc import LrcReading
from tests.vectors import ACK, NAK, STATUS_REQUEST, STATUS_RESPONSE

TIME = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
TID = "37105051"
CARD = b"4539578763621486"
PURCHASE = ExtendedPurchaseRequest(terminal_id=TID, cash_register_id="00000001", amount=650, additional_data=True)
REQUEST = build_frame(build_request(PURCHASE))
ADDITIONAL = build_frame(build_request(AdditionalDataRequest(terminal_id=TID, contents=((1, "BTD123"),), iso_field="62")))
HOST_DATA = build_frame(build_response(AdditionalDataResponse(terminal_id=TID, data="TOKEN")))


def result(pan: str = "4242") -> bytes:
    return build_frame(
        build_response(
            PaymentResult(
                terminal_id=TID,
                code="E",
                length=92,
                result="00",
                pan=pan,
                entry_mode="CLI",
                authorization_code="007919",
                stan="000001",
                online_id="000001",
                action_code="000",
                amount=650,
            )
        )
    )


def receipt(text: bytes) -> bytes:
    return build_frame(build_response(ReceiptPart(terminal_id=TID, receipt_text=text)))


def record(*frames: tuple[str, bytes], reading: LrcReading = LrcReading.STANDARD) -> str:
    text = io.StringIO()
    with CaptureWriter(text, lambda: TIME, reading=reading) as writer:
        for direction, raw in frames:
            writer(direction, raw)  # type: ignore[arg-type]
    return text.getvalue()


def at(*frames: tuple[str, bytes, float]) -> list[Packet]:
    return [Packet(direction, TIME + timedelta(seconds=seconds), raw) for direction, raw, seconds in frames]  # type: ignore[arg-type]


# --- recording ------------------------------------------------------------------------------------------------------------------------


def test_the_format() -> None:
    assert record((">", STATUS_REQUEST), ("<", ACK)).splitlines()[2:] == [
        "",
        "# register: s status request",
        "#   terminal_id 00000000",
        "O 2026-11-23T17:44:00.000000Z",
        "000000  02 30 30 30 30 30 30 30 30 30 73 03 3D",
        "",
        "# terminal: ACK",
        "I 2026-11-23T17:44:00.000000Z",
        "000000  06 03 7A",
    ]


def test_what_is_written_is_read_again() -> None:
    frames = [(">", STATUS_REQUEST), ("<", ACK), ("<", STATUS_RESPONSE), (">", ACK), ("<", build_progress("ATTENDERE")), ("<", b"zz")]
    assert parse_capture(record(*frames)) == [Packet(direction, TIME, raw) for direction, raw in frames]  # type: ignore[arg-type]


def test_other_time_zones_become_utc() -> None:
    rome = datetime(2026, 11, 23, 18, 44, tzinfo=timezone(timedelta(hours=1)))
    assert parse_capture("\n".join(format_packets([Packet(">", rome, ACK)]))) == [Packet(">", TIME, ACK)]


def test_a_clock_without_zone_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="time zone"):
        CaptureWriter(io.StringIO(), lambda: datetime(2026, 11, 23))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (NAK, "NAK"),
        (b"\x06\x03\x00", "ACK, LRC bad"),
        (build_ack(LrcReading.PAYLOAD), "ACK, LRC reading:payload"),
        (build_nak(LrcReading.PAYLOAD), "NAK, LRC reading:payload"),
        (build_progress("INSERIRE CARTA"), "progress 'INSERIRE CARTA'"),
        (b"\x00\xff", "noise of 2 bytes"),
        (b"\x06\x06\x06", "noise of 3 bytes"),
    ],
)
def test_comment(raw: bytes, words: str) -> None:
    assert f"# terminal: {words}\n" in record(("<", raw))


def test_comment_of_a_message_that_fits_no_table() -> None:
    assert "fits no table" in record(("<", build_frame(b"37105051?")))


def test_comment_in_another_reading() -> None:
    assert "# terminal: ACK\n" in record(("<", build_ack(LrcReading.PAYLOAD)), reading=LrcReading.PAYLOAD)


def test_comments_hold_no_control_characters() -> None:
    text = record(("<", receipt(b"\x1b[2JTOTALE\x7d\x9b31m\x7d\x1b")), ("<", b"\x01\x80\x9bevil\x04"))
    assert all(character == "\n" or " " <= character <= "~" for character in text)


def test_card_numbers_are_masked() -> None:
    text = record((">", STATUS_REQUEST), ("<", receipt(b"PAN " + CARD + b"\x7d\x1b")), ("<", CARD))
    assert CARD.decode() not in text
    packets = parse_capture(text)
    assert b"************" + CARD[-4:] in packets[1].data
    assert packets[2].data == b"000000000000" + CARD[-4:]


@pytest.mark.parametrize("place", range(1, 16))
def test_card_number_over_two_receipt_parts_is_masked(place: int) -> None:
    text = record(("<", receipt(b"PAN " + CARD[:place])), (">", ACK), ("<", receipt(CARD[place:] + b"\x7d\x1b")), (">", ACK))
    parts = [packet.data for packet in parse_capture(text) if packet.direction == "<"]
    assert parts[0][11:-2] + parts[1][11:-2] == b"PAN ************" + CARD[-4:] + b"\x7d\x1b"


def test_frames_are_held_until_the_next_request() -> None:
    text = io.StringIO()
    writer = CaptureWriter(text, lambda: TIME)
    head = text.getvalue()
    writer(">", STATUS_REQUEST)
    writer("<", ACK)
    assert text.getvalue() == head
    writer(">", STATUS_REQUEST)
    assert len(parse_capture(text.getvalue())) == 2
    writer.flush()
    assert len(parse_capture(text.getvalue())) == 3


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_HELD_FRAMES", 3)
    text = record(*[("<", ACK)] * 5, ("<", b"x" * 70_000))
    assert len(parse_capture(text)) == 3
    assert "# 3 frames left out" in text


def test_bytes_held_are_bounded() -> None:
    text = record(*[("<", b"x" * 60_000)] * 6)
    assert len(parse_capture(text)) == 4
    assert "# 2 frames left out" in text


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_recording_never_disturbs_a_payment() -> None:
    with CaptureWriter(FullDisk(), lambda: TIME) as writer:
        writer(">", STATUS_REQUEST)
    assert "No space left" in (writer.failure or "")
    closed = io.StringIO()
    writer = CaptureWriter(closed, lambda: TIME)
    closed.close()
    writer(">", STATUS_REQUEST)
    writer(">", STATUS_REQUEST)
    assert writer.failure


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(some.sampled_from("><"), some.binary(min_size=1, max_size=60)), max_size=8))
def test_any_bytes_can_be_recorded(frames: list[tuple[str, bytes]]) -> None:
    packets = parse_capture(record(*frames))
    assert [(packet.direction, len(packet.data)) for packet in packets] == [(direction, len(raw)) for direction, raw in frames]


# --- reading --------------------------------------------------------------------------------------------------------------------------

HEAD = "O 2026-11-23T17:44:00.000000Z\n"


def test_reading_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_bytes(b"# remark\r\n\r\nI 2026-11-23T18:44:00+01:00\r\n000000  06 03 7a  \r\n")
    assert read_capture(path) == [Packet("<", TIME, ACK)]
    path.write_text("rubbish", encoding="utf-8")
    with pytest.raises(InvalidValueError, match=r"one\.txt line 1: 'rubbish' is not allowed"):
        read_capture(path)


def test_nothing_but_remarks() -> None:
    assert parse_capture("# remark\n\n") == []


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("000000  06", 1, "a packet's head"),
        (HEAD, 1, "with its bytes"),
        (HEAD + HEAD + "000000  06", 1, "with its bytes"),
        (HEAD + "000001  06", 2, "the offset 000000"),
        (HEAD + "000000  06 03 7A\n000010  06", 3, "the offset 000003"),
        (HEAD + "000000  06 3", 2, "two hexadecimal digits"),
        (HEAD + "000000 0603", 2, "two hexadecimal digits"),
        (HEAD + "0000  06", 2, "six-digit"),
        (HEAD + "000000  06  ..", 2, "two hexadecimal digits"),
        (HEAD + "000000  \u0660\u0666", 2, "two hexadecimal digits"),
        ("X 2026-11-23T17:44:00Z\n000000  06", 1, "I or O"),
        ("O 2026-11-23T17:44:00\n000000  06", 1, "I or O"),
        ("O 17:44:00\n000000  06", 1, "I or O"),
        ("O 2026-13-23T17:44:00Z\n000000  06", 1, "a time that exists"),
        ("O 0001-01-01T00:00:00+23:00\n000000  06", 1, "a time that exists"),
    ],
)
def test_bad_line(text: str, line: int, shown: str) -> None:
    with pytest.raises(InvalidValueError, match=shown) as caught:
        parse_capture(text)
    assert caught.value.place == f"capture file line {line}"


def test_reading_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "LARGEST_PACKET", 20)
    rows = HEAD + "000000  " + " ".join(["30"] * 16) + "\n000010  " + " ".join(["30"] * 5)
    with pytest.raises(InvalidValueError, match="at most 20 bytes"):
        parse_capture(rows)
    monkeypatch.setattr(capture, "MOST_PACKETS", 1)
    with pytest.raises(InvalidValueError, match="at most 1 packets"):
        parse_capture((HEAD + "000000  06\n") * 2)
    monkeypatch.setattr(capture, "LARGEST_FILE", 10)
    with pytest.raises(InvalidValueError, match="at most 10 characters"):
        parse_capture(HEAD)


# --- replay ---------------------------------------------------------------------------------------------------------------------------


def test_replay_of_nothing() -> None:
    assert replay([]) == []
    assert replay(at(("<", ACK, 0.0), (">", ACK, 0.0), (">", b"noise", 0.0))) == []


def test_replay_of_an_unanswered_request() -> None:
    (exchange,) = replay(at((">", REQUEST, 0.0), ("<", ACK, 0.1)))
    assert exchange.ending is Ending.UNANSWERED
    assert exchange.request == PURCHASE


def test_replay_with_repeated_request() -> None:
    (exchange,) = replay(at((">", REQUEST, 0.0), ("<", NAK, 0.1), (">", REQUEST, 1.1), ("<", ACK, 1.2)))
    assert exchange.recorded == exchange.sent == [REQUEST, REQUEST]
    status = build_frame(build_request(StatusRequest(terminal_id=TID)))
    repeated = replay(at(*((">", status, seconds) for seconds in (0.0, 5.0, 10.0))))
    assert [each.sent for each in repeated] == [[status] * 3]


def test_replay_with_additional_data() -> None:
    packets = at(
        (">", REQUEST, 0.0),
        ("<", ACK, 0.1),
        (">", ADDITIONAL, 0.1),
        ("<", ACK, 0.2),
        ("<", result(), 3.0),
        (">", ACK, 3.0),
        ("<", HOST_DATA, 3.1),
        (">", ACK, 3.1),
    )
    (exchange,) = replay(packets)
    assert exchange.ending is Ending.ANSWERED
    assert exchange.recorded == exchange.sent
    assert exchange.data == ["TOKEN"]
    assert exchange.receipt == b""


def test_replay_shows_what_is_done_differently_now() -> None:
    (exchange,) = replay(at((">", STATUS_REQUEST, 0.0), ("<", ACK, 0.1), ("<", STATUS_RESPONSE, 0.2), (">", NAK, 0.2)))
    assert exchange.sent == [STATUS_REQUEST, ACK]
    assert exchange.recorded == [STATUS_REQUEST, NAK]


def test_replay_in_another_reading() -> None:
    reading = LrcReading.PAYLOAD
    request = build_frame(STATUS_REQUEST[1:-2], reading)
    answer = build_frame(STATUS_RESPONSE[1:-2], reading)
    packets = at((">", request, 0.0), ("<", build_ack(reading), 0.1), ("<", answer, 0.2), (">", build_ack(reading), 0.2))
    (exchange,) = replay(packets, reading=reading)
    assert exchange.ending is Ending.ANSWERED
    assert exchange.recorded == exchange.sent
