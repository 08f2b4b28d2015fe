"""Bytes <-> messages: LRC, frames, message tables, receipts, masking, dissector. No state but a receive buffer.

The public names are imported at first use, so that a frame needs no message tables. `lrc` and `dissect` are modules here; their
functions of the same names are imported from them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecrlan.wire.cards import mask_cards
    from ecrlan.wire.codec import build_request, build_response, parse_request, parse_response
    from ecrlan.wire.dissect import describe_layouts
    from ecrlan.wire.frames import (
        AckFrame,
        ApplicationFrame,
        Frame,
        FrameReader,
        NakFrame,
        NoiseFrame,
        ProgressFrame,
        build_ack,
        build_frame,
        build_nak,
        build_progress,
    )
    from ecrlan.wire.lrc import LrcReading, readings_that_fit
    from ecrlan.wire.mask import MaskedReceipt, clean_text, mask_frame, mask_message, mask_receipt, mask_receipt_parts, mask_text
    from ecrlan.wire.receipt import ReceiptLine, ReceiptStyle, is_complete, parse_receipt, render_text

_HOMES = {
    "cards": ("mask_cards",),
    "codec": ("build_request", "build_response", "parse_request", "parse_response"),
    "dissect": ("describe_layouts",),
    "frames": (
        "AckFrame",
        "ApplicationFrame",
        "Frame",
        "FrameReader",
        "NakFrame",
        "NoiseFrame",
        "ProgressFrame",
        "build_ack",
        "build_frame",
        "build_nak",
        "build_progress",
    ),
    "lrc": ("LrcReading", "readings_that_fit"),
    "mask": ("MaskedReceipt", "clean_text", "mask_frame", "mask_message", "mask_receipt", "mask_receipt_parts", "mask_text"),
    "receipt": ("ReceiptLine", "ReceiptStyle", "is_complete", "parse_receipt", "render_text"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AckFrame",
    "ApplicationFrame",
    "Frame",
    "FrameReader",
    "LrcReading",
    "MaskedReceipt",
    "NakFrame",
    "NoiseFrame",
    "ProgressFrame",
    "ReceiptLine",
    "ReceiptStyle",
    "build_ack",
    "build_frame",
    "build_nak",
    "build_progress",
    "build_request",
    "build_response",
    "clean_text",
    "describe_layouts",
    "is_complete",
    "mask_cards",
    "mask_frame",
    "mask_message",
    "mask_receipt",
    "mask_receipt_parts",
    "mask_text",
    "parse_receipt",
    "parse_request",
    "parse_response",
    "readings_that_fit",
    "render_text",
]


def __getattr__(name: str) -> object:
    """Import a public name at its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
