import time

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shown():
    from click.testing import CliRunner

    from ecrlan.cli import cli

    begun = time.monotonic()
    result = CliRunner().invoke(cli, ["demo"])
    assert time.monotonic() - begun < 15
    assert result.exit_code == 0, result.output
    return result.stdout


def test_both_ways_and_all_six_operations(shown):
    first, second = shown.split("Part 3:")[0].split("Part 2:")
    assert "the terminal dials the register" in first
    assert "the register dials the terminal" in second
    for part in (first, second):
        for name in ("status request", "extended purchase request", "void request", "pre-authorization request"):
            assert name in part
        for name in ("incremental authorization request", "capture request"):
            assert name in part
        assert part.count("   approved") == 5
        assert part.count("   done") == 1


def test_frames_are_sent_and_received_with_their_fields(shown):
    lines = shown.splitlines()
    assert " >   13   s status request  terminal_id=00000000" in lines
    assert " <    3   ACK" in lines
    assert any(line.startswith(" <   95   E extended purchase result") for line in lines)
    assert "pan=…4242" in shown


def test_receipt_and_ledger_are_shown(shown):
    assert shown.split("Part 3:")[0].count("IMPORTO EUR         6,50") == 2
    assert shown.count("the terminal's own ledger") == 2
    assert shown.count("purchase (reversed)") == 2


def test_part_of_real_firmware(shown):
    part = shown.split("Part 3:")[1]
    assert "Done." in part
    assert part.count("   approved") == 1
    assert part.count("   declined: OPERAZIONE ANNULLATA") == 2
    assert part.count("   done") == 1
    assert "receipt, as on paper" in part
    assert "IMPORTO EUR         6,50" in part
    assert part.count("progress  text=Attesa carta") == 2
    assert "and 22 more progress texts" in part
    assert len(part.splitlines()) < 120


def test_firmware_of_the_last_part_sends_what_real_terminals_sent():
    """Word as status, 24 progress texts, receipt of full lines, the same refusal twice: on the emulator's bytes."""
    from ecrlan.cli.demo import FIRMWARE, PLAYED, PURCHASE, RED_KEY, _emulated
    from ecrlan.emulator import Manners
    from ecrlan.model import ExtendedPurchaseRequest, PrintingRequest, StatusRequest
    from ecrlan.wire.codec import build_request
    from ecrlan.wire.frames import ApplicationFrame, FrameReader, ProgressFrame, build_ack, build_frame

    assert set(PLAYED) <= set(FIRMWARE)
    terminal = _emulated(manners=Manners(*FIRMWARE))
    terminal.connected(0.0)

    def ask(request):
        reader, frames = FrameReader(), []
        actions = terminal.received(build_frame(build_request(request)), 0.0)
        while actions.send or actions.wake_at is not None:
            new = [frame for piece in actions.send for frame in reader.feed(piece)]
            frames += new
            if any(isinstance(frame, ApplicationFrame) for frame in new):
                actions = terminal.received(build_ack(), 0.0)
            elif actions.wake_at is not None:
                actions = terminal.wake(actions.wake_at)
            else:
                break
        return frames

    def messages(frames):
        return [frame.message for frame in frames if isinstance(frame, ApplicationFrame)]

    (status,) = messages(ask(StatusRequest()))
    assert status[30:] == b"OPERATIVE01.00.14_B2827_2827"
    ask(PrintingRequest())
    frames = ask(ExtendedPurchaseRequest(amount=PURCHASE))
    assert sum(isinstance(frame, ProgressFrame) for frame in frames) == 24
    result, *parts = messages(frames)
    receipt = b"".join(part[10:] for part in parts)
    assert (len(result), result[10:12]) == (92, b"00")
    assert len(receipt) % 25 == 1
    assert {receipt[place : place + 1] for place in range(0, len(receipt) - 1, 25)} == {b"}", b"~"}
    assert receipt.endswith(b" " * 24 + b"\x1b")
    terminal.manners.clear("many_progress")
    refusals = [messages(ask(ExtendedPurchaseRequest(amount=RED_KEY)))[0] for _ in range(2)]
    assert refusals[0] == refusals[1]
    assert refusals[0][10:30] == b"01OPERAZIONE ANNULLA"
    assert set(terminal.manners.shown) == set(FIRMWARE)


def test_the_terminal_is_called_as_the_text_says():
    from pathlib import Path

    import ecrlan.cli.demo

    assert "till-2" not in Path(ecrlan.cli.demo.__file__).read_text(encoding="utf-8")


def test_it_fits_100_columns_and_has_no_colours_when_piped(shown):
    assert max(map(len, shown.splitlines())) <= 100
    assert "\x1b" not in shown
