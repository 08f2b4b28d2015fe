"""What is a card number, and what is none (exchange.md §7 and §8)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.wire.cards import is_card_number, mask_cards

BRANDS = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "378282246310005",
    "371449635398431",
    "30569309025904",
    "38520000023237",
    "5555555555554444",
    "2223000048400011",
    "6011000990139424",
    "3530111333300000",
    "6304000000000000",
    "4000000000000000006",
]
GAPS = [
    *(" ", "  ", " - ", "/", "-", ".", "*", ",", ":", "_", "+", "(", ")"),
    *("\n", "\r\n", "\t", "\x00", "\x1b", "\x5e", "\x7d", "\x7e", "\x7f", "\xe8", "\u202e"),
]


@st.composite
def written_cards(draw, gaps=GAPS):
    """A card number in one piece or in groups of any sizes, with up to 12 leading zeros."""
    digits = "0" * draw(st.sampled_from([0, 0, 0, 3, 12])) + draw(st.sampled_from(BRANDS))
    sizes = draw(
        st.sampled_from([(19,), (4,) * 5, (8, 8, 8), (4, 6, 5, 4), (4, 6, 4, 5), (6, 13), (1,) * 31]) | st.lists(st.integers(1, 19))
    )
    gap = draw(st.sampled_from(gaps))
    groups, place = [], 0
    for size in (*sizes, 40):
        groups.append(digits[place : place + size])
        place += size
    return gap.join(group for group in groups if group)


def shown_digits(text):
    return re.sub(r"[^0-9]", "", text)


@pytest.mark.parametrize("digits", BRANDS)
def test_numbers_of_many_brands(digits):
    assert is_card_number(digits)
    assert is_card_number("000" + digits)
    assert not is_card_number(digits[:-1] + str((int(digits[-1]) + 1) % 10))


@pytest.mark.parametrize("digits", ["", "0", "000000000000000000", "1111111111111117", "8000000000000002", "4" * 12, "4" * 20])
def test_other_numbers(digits):
    assert not is_card_number(digits)


@given(written_cards(), st.text("AZ;=<>é", max_size=9), st.text("AZ;=<>é", max_size=9))
def test_of_a_card_number_only_the_last_four_digits_are_left(written, before, after):
    masked = mask_cards(f"{before}{written}{after}")
    assert len(masked) == len(before) + len(written) + len(after)
    assert masked.startswith(before)
    assert masked.endswith(after)
    assert shown_digits(masked).lstrip("0") == shown_digits(written)[-4:].lstrip("0")
    assert mask_cards(masked) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4012 8888 8888 1881", "**** **** **** 1881"),
        ("TML 12345678 4012 8888 8888 1881 05/28", "TML 12345678 **** **** **** 1881 05/28"),
        ("40128888 88881881", "******** ****1881"),
        ("3782 822463 10005", "**** ****** *0005"),
        ("3056-930902-5904", "****-******-5904"),
        ("PAN0004012888888881881EUR", "PAN000************1881EUR"),
        ("28/11/2026 4012888888881881 23.11.2026 18.44.30", "28/11/2026 ************1881 23.11.2026 18.44.30"),
        ("4012,8888,8888,1881", "****,****,****,1881"),
        ("PAN:(4012)(8888)(8888)(1881)", "PAN:(****)(****)(****)(1881)"),
        ("4012:8888:8888:1881", "****:****:****:1881"),
        ("4012_8888_8888_1881+4222222222222", "****_****_****_1881+*********2222"),
        ("40128888888818810528", "************18810528"),
        ("0004012888888881881 2805", "000************1881 2805"),
        ("40128888888818812805=101", "************18812805=101"),
        ("3782 8224 6310 0050528", "**** **** ***0 0050528"),
        ("4222222222222 4222222222222", "*********2222 *********2222"),
        ("4012888888881881" + "?" * 200 + "4012888888881881", "************1881" + "?" * 200 + "************1881"),
    ],
)
def test_card_numbers_in_texts(text, masked):
    assert mask_cards(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4012888888881882",
        "ORDER 20261123174400000042",
        "1012888888881887",
        "4012    8888    8888    1881",
        "40128888888818811328",
        "40128888888818815528",
        "3:41 0000 4222 20242",
        "18:44:30 42222222",
        "TOTALE 4,22 2.222,22 2.242,22",
        "23/11/2026 1844 0042",
        "2026-11-23 18.44.30 000042",
        "A0000000041010",
        "400000******1111",
    ],
)
def test_what_is_no_card_number_stays(text):
    assert mask_cards(text) == text


def test_another_fill():
    assert mask_cards("PAN 4012888888881881", "0") == "PAN 0000000000001881"


def test_what_is_left_of_a_number_may_join_the_next():
    left = mask_cards("4222222222222 000000000")
    assert left == "*********2222 000000000"
    masked = mask_cards("4222222222222 2222222222222222222")
    assert mask_cards(masked) == masked
