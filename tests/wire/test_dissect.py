"""What `ecrlan decode --json` and `ecrlan layouts` print (interfaces.md, "Decoded frames")."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan import model as m
from ecrlan.wire.codec import build_request, build_response
from ecrlan.wire.dissect import describe_layouts, dissect, dissect_conversation, list_layouts
from ecrlan.wire.frames import FrameReader, build_ack, build_frame, build_nak, build_progress
from ecrlan.wire.lrc import LrcReading
from tests.vectors import ACK, NOISE, STATUS_RESPONSE

STATUS = {
    "frame": "application",
    "hex": STATUS_RESPONSE.hex().upper(),
    "lrc": "ok",
    "message": {
        "code": "s",
        "name": "status",
        "direction": "response",
        "fields": {
            "terminal_id": "37105051",
            "terminal_time": "2026-07-31T21:22:00",
            "terminal_status": 2,
            "terminal_status_name": "operative",
            "software_release": "SYSEMV  204",
        },
    },
    "error": None,
}
ACKED = {"frame": "ack", "hex": "06037A", "lrc": "ok", "message": None, "error": None}
RESULT = m.PaymentResult(
    terminal_id="37105051",
    code="E",
    length=71,
    result="00",
    pan="1234",
    entry_mode="CLI",
    host_time=m.HostTime(7, 8, 4),
    card_type=1,
    acquirer_id="00000000034",
    stan="000042",
)


def explain(data, direction=None):
    reader = FrameReader()
    return dissect(reader.feed(data) + reader.finish(), direction)


def fields_of(message, direction=None):
    (shown,) = explain(build_frame(message), direction)
    assert shown["error"] is None
    return shown["message"]["fields"]


def test_the_published_dialogue():
    assert explain(ACK + STATUS_RESPONSE) == [ACKED, STATUS]


def test_the_same_bytes_doubled_behind_noise_and_cut_at_every_place():
    noise = {"frame": "noise", "hex": NOISE.hex().upper(), "lrc": None, "message": None, "error": None}
    assert explain(NOISE + ACK + STATUS_RESPONSE + ACK + STATUS_RESPONSE) == [noise, ACKED, STATUS, ACKED, STATUS]
    data = NOISE + ACK + STATUS_RESPONSE
    for place in range(len(data)):
        reader = FrameReader()
        assert dissect(reader.feed(data[:place]) + reader.feed(data[place:])) == [noise, ACKED, STATUS]


def test_other_frames():
    nak, progress = explain(build_nak() + build_progress("INSERIRE CARTA"))
    assert (nak["frame"], nak["lrc"], nak["message"]) == ("nak", "ok", None)
    assert (progress["frame"], progress["lrc"]) == ("progress", None)
    assert progress["message"] == {"code": None, "name": "progress", "direction": "response", "fields": {"text": "INSERIRE CARTA"}}
    assert explain(build_ack(LrcReading.PAYLOAD))[0]["lrc"] == "reading:payload"
    assert explain(b"\x06\x03\x00")[0]["lrc"] == "bad"


def test_a_result():
    fields = fields_of(build_response(RESULT))
    assert fields == {
        "terminal_id": "37105051",
        "result": "00",
        "pan": "…1234",
        "entry_mode": "CLI",
        "authorization_code": None,
        "host_time": "0070804",
        "card_type": "debit",
        "acquirer_id": "00000000034",
        "stan": "000042",
        "online_id": "000000",
    }
    assert fields_of(build_response(replace(RESULT, card_type=None))) == fields | {"card_type": None}
    unreadable = bytearray(build_response(RESULT))
    unreadable[30] = 0x2A
    assert fields_of(bytes(unreadable)) == fields | {"pan": None}
    assert fields_of(build_response(replace(RESULT, card_type=9)))["card_type"] == 9


def test_requests_receipts_and_unknown_states():
    assert fields_of(build_request(m.PurchaseRequest(amount=650)))["amount"] == 650
    assert fields_of(build_request(m.AdditionalDataRequest(contents=((1, "a"), (5, "b")))))["contents"] == ["a", "b"]
    receipt = m.ReceiptPart(terminal_id="37105051", receipt_text=b"\x7fTOTALE}PAN 4111111111111111\x1b[2J}\x1b")
    assert fields_of(build_response(receipt))["receipt_text"] == "TOTALE\nPAN ************1111[2J"
    state = m.StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=9, software_release="")
    fields = fields_of(build_response(state))
    assert (fields["terminal_time"], fields["terminal_status"], fields["terminal_status_name"]) == (None, 9, None)


def test_a_status_with_a_word():
    state = m.StatusResponse(
        terminal_id="37105051", terminal_time=None, terminal_status=None, status_word="NOTREADY", software_release="1.0"
    )
    assert fields_of(build_response(state)) == {
        "terminal_id": "37105051",
        "terminal_time": None,
        "terminal_status": None,
        "status_word": "NOTREADY",
        "software_release": "1.0",
    }


def test_reserved_runs_that_hold_something_else():
    expected = build_response(replace(RESULT, length=92, amount=650))
    assert "unexpected" not in explain(build_frame(expected))[0]["message"]
    (shown,) = explain(build_frame(b"371050517" + expected[9:82] + b"42000000\x1b0"))
    assert shown["message"]["fields"]["amount"] == 650
    assert shown["message"]["unexpected"] == [
        {"position": 9, "expected": "0", "found": "7"},
        {"position": 83, "expected": "0000000000", "found": "42000000?0"},
    ]
    # what means nothing with a result is not told
    assert "unexpected" not in explain(build_frame(expected[:10] + b"05" + expected[12:]))[0]["message"]
    (shown,) = explain(build_frame(build_request(m.ReprintRequest())[:-10] + b"4111111111"), "request")
    assert shown["message"]["unexpected"] == [{"position": 13, "expected": "0000000000", "found": "4111111111"}]


def test_messages_that_are_only_named():
    (shown,) = explain(bytes.fromhex("0230303030303030303074033A"))
    assert (shown["message"]["code"], shown["message"]["name"], shown["error"]) == ("t", "extended status request", None)
    answer = b"123456780t" + b"0" * 10 + b"0807251128" + b"P".ljust(33) + b"S".ljust(18) + b"R 4111111111111111".ljust(80)
    answer += b"192168001050" + b"192168001001" + b"  " + b"C".ljust(13) + b"BAR".ljust(24) + b"2"
    fields = fields_of(answer)
    assert fields == {
        "terminal_id": "12345678",
        "terminal_time": "2025-07-08T11:28:00",
        "part_number": "P",
        "serial_number": "S",
        "software_release": "R 0000000000001111",
        "ip_address": "192168001050",
        "gateway": "192168001001",
        "contract": "C",
        "merchant": "BAR",
        "terminal_status": 2,
        "terminal_status_name": "operative",
    }
    for code, name in (("A", "refund"), ("D", "DLL"), ("Q", "retroactive reversal")):
        (request,) = explain(build_frame(b"000000000" + code.encode() + b"abc"), "request")
        assert (request["message"]["name"], request["message"]["fields"]["content"]) == (f"{name} request", "abc")
        (answer,) = explain(build_frame(b"123456780" + code.encode() + b"0" * 48), "response")
        assert answer["message"]["name"] == f"{name} result"


def test_one_letter_both_ways():
    void = build_frame(build_request(m.VoidRequest(stan="000042")))
    names = [explain(void, direction)[0]["message"]["name"] for direction in (None, "request", "response")]
    assert names == ["void request", "void request", "receipt"]
    (request_way, response_way) = dissect_conversation(
        [(frame, way) for way in ("request", "response") for frame in FrameReader().feed(void)]
    )
    assert (request_way["message"]["direction"], response_way["message"]["direction"]) == ("request", "response")


@pytest.mark.parametrize(
    ("message", "direction", "error"),
    [
        (
            b"371050510E00",
            None,
            "request takes 11 bytes; as a response: a result takes 71, 74, 84 or 92 bytes",
        ),
        (b"371050510E00", "response", "as a response: a result takes"),
        (b"371050510E00", "request", "as a request: receipt printing request takes 11 bytes"),
        (b"371050510Z", None, "no response has this code"),
        (b"", None, "message of 0 bytes fits no table"),
        (b"37105051xs"[:8] + b"0s" + b"0" * 20, None, "status takes 31 to 256 bytes"),
        (build_response(RESULT) + b"000000", None, "a result takes 71, 74, 84 or 92 bytes (see tolerate_lengths)"),
        (build_request(m.PurchaseRequest(amount=1)).replace(b"00000001", b"00000000"), None, "amount is not whole cents"),
        (b"371050510C", "response", "close session result takes 44 bytes"),
    ],
)
def test_messages_that_fit_no_table(message, direction, error):
    (shown,) = explain(build_frame(message), direction)
    assert shown["message"] is None
    assert error in shown["error"]


def test_everything_is_masked():
    receipt = m.ReceiptPart(terminal_id="37105051", receipt_text=b"4111111111111111")
    (shown,) = explain(build_frame(build_response(receipt)), "response")
    assert shown["lrc"] == "ok"
    assert FrameReader().feed(bytes.fromhex(shown["hex"]))[0].ok
    assert "41111111" not in json.dumps(explain(b"4111111111111111" + build_progress("4111111111111111") + b"\x024111111111111111"))


@given(st.binary(max_size=120), st.sampled_from([None, "request", "response"]))
def test_any_bytes_become_json(data, direction):
    shown = explain(data + build_frame(data.replace(b"\x02", b"").replace(b"\x03", b"")), direction)
    assert json.loads(json.dumps(shown)) == shown
    assert all(list(each) == ["frame", "hex", "lrc", "message", "error"] for each in shown)


def test_the_tables_as_text():
    text = describe_layouts()
    assert "P  purchase request - request, 167 bytes" in text
    assert "E  purchase result (OK) - response, 71 bytes" in text
    assert "  24     8  N     amount                  cents" in text
    assert "U  additional data from the host - response, variable length" in text
    assert all(line == line.rstrip() for line in text.split("\n"))


def test_the_tables_as_json():
    tables = list_layouts()
    assert json.loads(json.dumps(tables)) == tables
    assert {(table["code"], table["direction"]) for table in tables} == {(code, "request") for code in "sPXpSicHCTGERUKtADQ"} | {
        (code, "response") for code in "sEVeicvCTUSKtADQ"
    }
    for table in tables:
        place = 1
        for row in table["rows"]:
            assert row["position"] in {place, None}
            place += row["length"] or 0
        assert table["length"] in {place - 1, None}
