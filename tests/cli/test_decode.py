"""Bytes and frames for people, and the tables behind them."""

import json
import re

import pytest
from rich.console import Console

from ecrlan import model as m
from ecrlan.cli.decode import print_frame, print_frame_line
from ecrlan.wire.codec import build_request, build_response
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader, build_ack, build_frame
from ecrlan.wire.lrc import LrcReading

ACK = "06037A"
STATUS = "0233373130353035313073303030303030303030303331303732363231323232535953454D5620203230340338"
FIELDS = {"terminal_id": "37105051", "terminal_time": "2026-07-31T21:22:00", "terminal_status": 2, "software_release": "SYSEMV  204"}


def messages(run, *arguments):
    result = run("decode", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_published_dialogue(run):
    ack, status = messages(run, ACK + STATUS)
    assert ack == {"frame": "ack", "hex": ACK, "lrc": "ok", "message": None, "error": None}
    assert (status["frame"], status["hex"], status["lrc"], status["error"]) == ("application", STATUS, "ok", None)
    assert status["message"]["code"] == "s"
    assert status["message"]["direction"] == "response"
    assert FIELDS.items() <= status["message"]["fields"].items()


@pytest.mark.parametrize("arguments", [(ACK + STATUS,), (ACK, STATUS), ("06 03 7a " + STATUS.lower(),), ("06", "03", "7A", STATUS)])
def test_spaces_and_case_do_not_matter(run, arguments):
    assert messages(run, *arguments) == messages(run, ACK + STATUS)


def test_doubled_and_behind_noise(run):
    assert messages(run, (ACK + STATUS) * 2) == messages(run, ACK + STATUS) * 2
    noise, *rest = messages(run, "FFFE" + ACK + STATUS)
    assert noise["frame"] == "noise"
    assert rest == messages(run, ACK + STATUS)


@pytest.mark.parametrize("suffix", ["raw", "hex", "dump", "arrows", "capture"])
def test_files(run, home, suffix):
    data = bytes.fromhex(ACK + STATUS)
    dump = " ".join(f"{byte:02x}" for byte in data)
    contents = {
        "raw": data,
        "hex": f"# status\n{ACK}\n{STATUS}\n".encode(),
        "dump": f"0000: {dump[:47]}  .7\n0010: {dump[48:]}  z\n".encode(),
        "arrows": f"< {dump[:60]}\n< {dump[60:]}\n".replace("\n\n", "\n").encode(),
        "capture": f"# status\nI 2026-07-31T21:22:00.000001Z\n000000  {dump[:47]}\n000010  {dump[48:]}\n".encode(),
    }
    (home / f"status.{suffix}").write_bytes(contents[suffix])
    decoded = messages(run, f"status.{suffix}")
    assert [item["frame"] for item in decoded] == ["ack", "application"]
    assert FIELDS.items() <= decoded[1]["message"]["fields"].items()


def test_a_capture_knows_its_directions(run, home):
    request = build_frame(b"000000000s")
    status = bytes.fromhex(STATUS).hex(" ")
    text = f"O 2026-07-31T21:22:00Z\n000000  {request.hex(' ')}\n\nI 2026-07-31T21:22:00.2Z\n000000  06 03 7a\n000003  {status}\n"
    (home / "x.txt").write_text(text)
    decoded = messages(run, "x.txt")
    assert [item["message"]["direction"] for item in decoded if item["message"]] == ["request", "response"]
    shown = run("decode", "x.txt").stdout
    assert "> s status request" in shown
    assert "< s status" in shown


def test_a_broken_capture_file_is_refused_with_its_line(run, home):
    (home / "x.txt").write_text("I 2026-07-31T21:22:00Z\n000001  06\n")
    result = run("decode", "x.txt")
    assert result.exit_code == 2
    assert "x.txt line 2: '000001' is not allowed" in result.stderr


def test_a_file_that_is_too_large_is_refused(run, home, monkeypatch):
    monkeypatch.setattr("ecrlan.cli.decode.LARGEST_INPUT", 10)
    (home / "x.bin").write_bytes(b"\x02" * 11)
    assert "at most 10 bytes" in run("decode", "x.bin").stderr


def test_standard_input(run):
    from click.testing import CliRunner

    from ecrlan.cli import cli

    result = CliRunner().invoke(cli, ["decode", "--json", "-"], input=bytes.fromhex(ACK))
    assert json.loads(result.stdout)[0]["frame"] == "ack"


def test_another_reading_is_named(run):
    frame = build_frame(b"000000000s", LrcReading.PAYLOAD_ETX).hex()
    assert messages(run, frame)[0]["lrc"] == "reading:payload-etx"
    assert "LRC fits reading payload-etx" in run("decode", frame).stdout
    assert messages(run, "--lrc", "payload-etx", frame)[0]["lrc"] == "ok"
    assert "LRC is wrong" in run("decode", (build_ack()[:2] + b"\x00").hex()).stdout


def test_people_see_every_field(run):
    text = run("decode", ACK + STATUS).stdout
    for word in ("ACK", "37105051", "software_release", "SYSEMV  204", "terminal_status"):
        assert word in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_what_fits_no_table_says_why(run):
    frame = build_frame(b"371050510s00").hex()
    (item,) = messages(run, frame)
    assert item["message"] is None
    assert "12 bytes" in item["error"]
    assert "no table" in run("decode", frame).stdout


@pytest.mark.parametrize("what", ["zz", "ABC", "missing.txt", "", "."])
def test_what_is_neither_hex_nor_file_is_refused(run, what):
    result = run("decode", what or " ")
    if what:
        assert result.exit_code == 2
        assert "HEX|FILE" in result.stderr


def test_a_wrong_line_of_a_file_is_named(run, home):
    (home / "x.txt").write_text("06 03 7A\nhello\n")
    result = run("decode", "x.txt")
    assert result.exit_code == 2
    assert "x.txt line 2: 'hello' is not allowed" in result.stderr


def test_no_escape_sequence_and_no_card_number_reaches_the_screen(run):
    receipt = build_frame(b"371050510S\x1b[31m 4012888888881881\x07").hex()
    for arguments in ((receipt,), (receipt, "--json"), ("02" + "1B5B33316D" + "0300",)):
        text = run("decode", *arguments).stdout
        assert not set(text) & {"\x1b", "\x07"}
        assert "4012888888881881" not in text
        assert b"4012888888881881".hex().upper() not in text.replace(" ", "")


APPROVAL = {"terminal_id": "37105051", "result": "00", "pan": "1234", "stan": "000042"}


def shown(message, direction=None):
    (frame,) = dissect(FrameReader().feed(build_frame(message)), direction)
    return frame


def printed(how, message, direction=None):
    screen = Console(width=200, force_terminal=False)
    with screen.capture() as capture:
        how(screen, shown(message, direction), direction)
    return capture.get()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            build_response(m.StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=0, software_release="")),
            "terminal_status=0 not_configured",
        ),
        (build_request(m.PrintingRequest(enabled=0)), "enabled=0"),
        (build_request(m.ReprintRequest(to_ecr=0)), "to_ecr=0"),
        (build_response(m.TotalsResponse(terminal_id="37105051", result="00", terminal_total=0)), "terminal_total=0.00"),
        (
            build_response(m.CloseSessionResponse(terminal_id="37105051", result="00", terminal_total=0, host_total=0)),
            "terminal_total=0.00  host_total=0.00",
        ),
    ],
)
def test_one_line_shows_zeros_that_mean_something(message, told):
    assert told in printed(print_frame_line, message)


def test_one_line_leaves_out_what_was_not_used():
    line = printed(print_frame_line, build_request(m.PurchaseRequest(amount=650)))
    assert "amount=6.50" in line
    assert "card_present" not in line
    assert "receipt_text" not in line


def test_a_status_with_a_word():
    state = m.StatusResponse(
        terminal_id="37105051", terminal_time=None, terminal_status=None, status_word="NOTREADY", software_release="1.0"
    )
    line = printed(print_frame_line, build_response(state))
    assert "status_word=NOTREADY  software_release=1.0" in line
    assert "terminal_status" not in line


@pytest.mark.parametrize("how", [print_frame, print_frame_line])
def test_the_exchange_rate_has_four_decimals(how):
    rate = m.CurrencyExchange(exchange_rate=3_849_299, currency="HUF", currency_amount=250_204, currency_decimals=2)
    message = build_response(m.PaymentResult(**APPROVAL, code="V", length=117, amount=650, currency_exchange=rate))
    assert "384.9299" in printed(how, message)
    assert shown(message)["message"]["fields"]["exchange_rate"] == 3_849_299


def test_what_stands_in_a_reserved_run_is_told():
    message = build_response(m.PaymentResult(**APPROVAL, code="E", length=84))
    text = printed(print_frame, message[:74] + b"4200000000", "response")
    assert "position 75: '4200000000' in place of '0000000000'" in text
    assert "unexpected" not in printed(print_frame, message, "response")


def test_every_message_has_its_table(run):
    text = run("layouts").stdout
    for name in ("terminal_id", "preauthorization_code", "receipt_text", "software_release", "exchange_rate"):
        assert name in text


def test_types_are_those_of_the_protocol(run):
    rows = [line.split() for line in run("layouts").stdout.splitlines()]
    types = {(row[3], row[2]) for row in rows if len(row) > 3 and re.fullmatch(r"\d+", row[0])}
    assert {("software_release", "A"), ("data", "A"), ("contents", "V"), ("xml", "V"), ("amount", "N")} <= types
    assert not {("software_release", "V"), ("data", "V")} & types


def test_states_are_mermaid_diagrams(run):
    assert run("layouts", "--states").stdout.count("stateDiagram-v2") == 2


def test_tables_as_markdown(run):
    text = run("layouts", "--markdown").stdout
    assert "### `C` close session request" in text
    assert "| 24 | 8 | N | `amount` | cents |" in text
