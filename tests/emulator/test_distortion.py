from ecrlan.emulator.distortion import NOISE, distort_message, distort_response, hostile, spoil_lrc
from ecrlan.model import StatusResponse
from ecrlan.wire.frames import FrameReader, NoiseFrame, build_ack, build_frame
from ecrlan.wire.lrc import readings_that_fit

STATUS = StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=2, software_release="")


def test_spoilt_lrc_fits_no_reading():
    for frame in (build_ack(), build_frame(b"000000000s")):
        assert readings_that_fit(spoil_lrc(frame)) == ()


def test_noise_is_noise_at_once():
    reader = FrameReader()
    assert all(isinstance(frame, NoiseFrame) for frame in reader.feed(NOISE))
    assert reader.pending == b""


def test_nothing_changes_without_a_fault():
    assert distort_response(STATUS, frozenset()) is STATUS
    assert distort_response(STATUS, frozenset({"wrong_amount", "wrong_code"})) is STATUS
    assert distort_message(b"abc", frozenset({"wrong_tid"})) == b"abc"
    assert hostile(b"abc", b"") == b"abc"


def test_hostile_reason_keeps_the_length():
    message = b"371050510E01" + b"x" * 59
    assert len(hostile(message, b"\x1b[2J")) == len(hostile(message, b"y" * 99)) == 71
