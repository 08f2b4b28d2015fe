"""What a request may hold."""

from __future__ import annotations

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import AdditionalDataRequest, check_tag_map


@pytest.mark.parametrize("tag_map", ["5000", "5***", "5*00", "****"])
def test_a_tag_map_of_digits_and_stars(tag_map: str) -> None:
    check_tag_map("tag_map", tag_map)
    assert AdditionalDataRequest(contents=((5, "0COF"),), tag_map=tag_map).tag_map == tag_map


@pytest.mark.parametrize("tag_map", ["500", "50000", "5 00", "5a00", "5000\n", "", 5000])
def test_other_tag_maps_are_refused(tag_map: object) -> None:
    with pytest.raises(InvalidValueError, match=r"terminals\.till-1\.tag_map: .* allowed: exactly 4 digits or \*"):
        check_tag_map("terminals.till-1.tag_map", tag_map)  # type: ignore[arg-type]


def test_a_tag_map_that_is_not_given_lists_the_indexes() -> None:
    assert AdditionalDataRequest(contents=((1, "BTD"), (5, "0COF"))).tag_map == "1500"
