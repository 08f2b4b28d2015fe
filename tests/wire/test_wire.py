"""The public names of ecrlan.wire, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from ecrlan import wire


def test_every_public_name_is_there():
    for name in wire.__all__:
        assert getattr(wire, name) is getattr(import_module(f"ecrlan.wire.{wire._MODULES[name]}"), name)
    assert sorted(wire._MODULES) == sorted(wire.__all__ + ["Frame"] * ("Frame" not in wire.__all__))


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wire.nothing  # noqa: B018 - the access is the test


def test_frames_need_no_tables():
    code = "import sys, ecrlan.wire; from ecrlan.wire import FrameReader, build_ack; sys.exit('ecrlan.wire.layout' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_that_runs_imports_construct():
    code = """
import sys
from ecrlan.model import PurchaseRequest
from ecrlan.wire import build_request, describe_layouts, mask_message, parse_request
message = build_request(PurchaseRequest(amount=650))
assert parse_request(message).amount == 650
assert mask_message(message) == message
assert describe_layouts()
sys.exit("construct" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_of_construct_leaves_wire():
    from ecrlan.wire.requests import STATUS

    assert type(STATUS.parse(b"000000000s")) is dict
    assert type(STATUS.build({"terminal_id": "00000000"})) is bytes
