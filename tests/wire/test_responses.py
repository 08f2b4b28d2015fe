"""The response tables as a whole."""

from __future__ import annotations

from ecrlan.wire import responses


def test_lengths_as_on_the_page():
    lengths = {(entry.ok.code, entry.ok.total) for entry in responses.RESPONSES if isinstance(entry, responses.Variants)}
    results = {("E", 71), ("E", 74), ("E", 84), ("E", 92), ("V", 117), ("e", 106), ("i", 75), ("c", 74), ("c", 71), ("v", 109)}
    assert lengths == results | {("C", 44), ("T", None)}
    assert {(code.decode(), length) for code, length in responses.PAYMENT_RESULTS} == results


def test_variants_by_result():
    for variants in responses.PAYMENT_RESULTS.values():
        assert variants.of(b"00") is variants.ok
        assert variants.of(b"01") is variants.ko
        for other in (b"05", b"09", b"02", b"  ", b""):
            assert variants.of(other) is variants.other
        assert {row.position for row in variants.other.rows} <= set(range(1, 200))
        for layout in (variants.ok, variants.ko, variants.other):
            assert layout.total == variants.ok.total
