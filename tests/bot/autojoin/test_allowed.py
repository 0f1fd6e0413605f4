"""Tests of the channels into which the operator lets the bot go by itself."""

from __future__ import annotations

from bot.autojoin.allowed import AllowedChannels

CHANNELS = ((10, "Lounge"), (11, "Office"))


def test_named_channels_are_allowed_however_they_are_written_and_others_are_not() -> None:
    allowed = AllowedChannels(["#lounge", "12"])
    assert [allowed.allow(*channel) for channel in (*CHANNELS, (12, "Garden"))] == [True, False, True]
    assert all(AllowedChannels([]).allow(*channel) for channel in CHANNELS), "without names, all are allowed"


def test_names_that_no_channel_has_are_reported_as_they_were_written() -> None:
    assert AllowedChannels(["#lounge", "11", "#Gardn", "99"]).unknown(CHANNELS) == ["#Gardn", "99"]
