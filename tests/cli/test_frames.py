"""Frames for people."""

import pytest
from rich.console import Console

from ecrlan import model as m
from ecrlan.cli.frames import print_frame, print_frame_line
from ecrlan.wire.codec import build_request, build_response
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader, build_frame

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
