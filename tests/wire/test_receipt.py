"""Receipt bytes -> lines with styles (messages.md, "Receipts (`S`)")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.errors import InvalidValueError
from ecrlan.wire.mask import MaskedReceipt, mask_receipt
from ecrlan.wire.receipt import ReceiptLine, ReceiptStyle, build_receipt, is_complete, parse_receipt, render_text, split_receipt

BOLD = ReceiptStyle(bold=True, double_height=True)
HIGH = ReceiptStyle(double_height=True)
WIDE = ReceiptStyle(double_width=True)
WIDE_BOLD = ReceiptStyle(bold=True, double_width=True)
SMALL = ReceiptStyle(compressed=True)
END = b"}}}}}}\x1b"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (END, []),
        (b"A}B" + END, [ReceiptLine("A"), ReceiptLine("B")]),
        (b"}A}}B" + END, [ReceiptLine(""), ReceiptLine("A"), ReceiptLine(""), ReceiptLine("B")]),
        (b"\x7fTOTALE}EUR", [ReceiptLine("TOTALE", BOLD), ReceiptLine("EUR")]),
        (b"~a}{b}|c}^d", [ReceiptLine("a", HIGH), ReceiptLine("b", WIDE), ReceiptLine("c", WIDE_BOLD), ReceiptLine("d", SMALL)]),
        (b"a\x7fb", [ReceiptLine("a"), ReceiptLine("b", BOLD)]),
        (b"x" * 25, [ReceiptLine("x" * 24), ReceiptLine("x")]),
        (b"x" * 24 + b"}y", [ReceiptLine("x" * 24), ReceiptLine("y")]),
        (b"x" * 24 + b"}}y", [ReceiptLine("x" * 24), ReceiptLine(""), ReceiptLine("y")]),
        (b"}" + b"x" * 24 + b"~" + b"y" * 24 + b"\x1b", [ReceiptLine("x" * 24), ReceiptLine("y" * 24, HIGH)]),
        (b"~" + b"x" * 24 + b"}" + b"y" * 24, [ReceiptLine("x" * 24, HIGH), ReceiptLine("y" * 24)]),
        (b"}" + b"x" * 24 + b"}" + b"y" * 23, [ReceiptLine(""), ReceiptLine("x" * 24), ReceiptLine("y" * 23)]),
        (b"{" + b"x" * 13, [ReceiptLine("x" * 12, WIDE), ReceiptLine("x", WIDE)]),
        (b"{" + b"x" * 12 + b"}y", [ReceiptLine("x" * 12, WIDE), ReceiptLine("y")]),
        (b"^" + b"x" * 43, [ReceiptLine("x" * 42, SMALL), ReceiptLine("x", SMALL)]),
        (b"\x7f" + b"x" * 25, [ReceiptLine("x" * 24, BOLD), ReceiptLine("x")]),
        (b"a\x1bb" + END + b"behind", [ReceiptLine("ab")]),
        (b"a\x07\xe8\x00", [ReceiptLine("a???")]),
        (b"a}\x7f}  }", [ReceiptLine("a")]),
    ],
)
def test_lines_and_styles(text, lines):
    assert parse_receipt(text) == lines


def test_a_new_line_before_each_line_of_24_characters():
    named = b"}       MASTERCARD       }A.ID      A0000000041010}IAD 0110A012345678901234}                        \x1b"
    assert render_text(parse_receipt(named)) == ["       MASTERCARD", "A.ID      A0000000041010", "IAD 0110A012345678901234"]
    assert mask_receipt(named) == MaskedReceipt(named, 0)
    assert is_complete(named)
    two = b"}RIGA UNO                }RIGA DUE                }}}}}}\x1b"
    assert render_text(parse_receipt(two)) == ["RIGA UNO", "RIGA DUE"]
    assert is_complete(two)


def test_the_end_mark():
    assert is_complete(b"text" + END)
    assert is_complete(b"}\x1b")
    assert not is_complete(b"\x1btext}}}")
    assert is_complete(b"text}\x1ctext\x1b")
    assert not is_complete(b"text\x1btext")
    assert not is_complete(b"")


def test_widths():
    assert [style.width for style in (ReceiptStyle(), BOLD, WIDE, SMALL)] == [24, 24, 12, 42]


def test_plain_text():
    assert render_text([ReceiptLine("  A  ", BOLD), ReceiptLine("")]) == ["  A", ""]


def test_built_byte_by_byte():
    assert build_receipt(["A", ReceiptLine("TOTALE", BOLD), "", "x" * 24, "B"]) == b"A}\x7fTOTALE}}" + b"x" * 24 + b"}B" + END
    assert build_receipt([]) == END
    assert build_receipt(["", "x" * 24]) == b"\x1b}" + b"x" * 24 + END
    assert build_receipt(["x" * 24, "y" * 24]) == b"x" * 24 + b"}" + b"y" * 24 + END


characters = st.characters(min_codepoint=0x20, max_codepoint=0x7A, exclude_characters="^")


@st.composite
def receipt_lines(draw):
    style = draw(st.sampled_from([ReceiptStyle(), BOLD, HIGH, WIDE, WIDE_BOLD, SMALL]))
    full = st.text(characters, min_size=style.width, max_size=style.width)
    return ReceiptLine(draw(st.just("") | full | st.text(characters, max_size=style.width)), style)


@given(st.lists(receipt_lines(), max_size=12))
def test_what_is_built_is_read(lines):
    receipt = build_receipt(lines)
    assert is_complete(receipt)
    kept = list(lines)
    while kept and not kept[-1].text.strip():
        kept.pop()
    assert parse_receipt(receipt) == kept


@given(st.binary(max_size=300))
def test_any_bytes_become_lines_that_fit(text):
    for line in parse_receipt(text):
        assert len(line.text) <= line.style.width
        assert line.text.isascii()
        assert line.text.isprintable() or not line.text


@given(st.binary(max_size=700), st.integers(1, 200))
def test_parts_join_to_the_whole(text, size):
    parts = split_receipt(text, size)
    assert b"".join(parts) == text
    assert all(1 <= len(part) <= size for part in parts)


@pytest.mark.parametrize(
    "line",
    ["x" * 25, "è", "\x1b", "a}b", "a^b", ReceiptLine("x" * 13, WIDE), ReceiptLine("a", ReceiptStyle(bold=True))],
)
def test_lines_that_are_refused(line):
    with pytest.raises(InvalidValueError, match="receipt"):
        build_receipt([line])


@pytest.mark.parametrize("size", [0, 201])
def test_part_sizes_that_are_refused(size):
    with pytest.raises(InvalidValueError, match="size"):
        split_receipt(b"a", size)
