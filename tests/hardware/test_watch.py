"""A card that fills up is reported once, and again only after it had room in between."""

from __future__ import annotations

import pytest

from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from hardware.watch import VramWatch


def card(used_gib: float, total_gib: int = 10, name: str = "RTX") -> CardMemory:
    return CardMemory(name, GpuVendor.NVIDIA, total_gib * GIB, int(used_gib * GIB), (8, 6))


def test_a_full_card_is_reported_once_until_it_was_well_below_the_limit() -> None:
    watch = VramWatch(["0.9"])
    heard = [bool(watch.new_warnings([card(used)])) for used in (8.9, 9.0, 9.5, 8.7, 9.1, 8.5, 9.1)]
    assert heard == [False, True, False, False, False, False, True]


def test_the_warning_names_the_card_and_the_amounts() -> None:
    (warning,) = VramWatch(["0.9"]).new_warnings([card(9.5)])
    assert "RTX" in warning
    assert "9.5 of 10.0 GiB" in warning
    assert "9.0" in warning


def test_each_card_has_its_own_limit_and_the_last_one_holds_for_the_rest() -> None:
    watch = VramWatch(["10GB", "14GB"])
    cards = [card(9.4, 11, "one"), card(12.9, 16, "two"), card(13.1, 16, "three")]
    assert [warning.split(" is ")[0].rpartition(" ")[2] for warning in watch.new_warnings(cards)] == ["one", "three"]
    assert len(watch.new_warnings([cards[0], card(13.2, 16, "two"), cards[2]])) == 1


def test_without_cards_there_are_no_warnings() -> None:
    assert VramWatch(["0.9"]).new_warnings([]) == ()


def test_an_empty_list_of_thresholds_is_refused() -> None:
    with pytest.raises(ValueError, match="no warning level"):
        VramWatch([])
