"""The channels into which the operator lets the bot go by itself (``AUTOJOIN_CHANNELS``)."""

from __future__ import annotations

from collections.abc import Iterable


class AllowedChannels:
    """Names and ids of voice channels. If there are none, all channels are allowed."""

    def __init__(self, named: Iterable[str]) -> None:
        self._names = {name.removeprefix("#").casefold(): name for name in named}

    def allow(self, number: int, name: str) -> bool:
        """Whether the bot may go by itself into the channel with this id and name."""
        return not self._names or not self._names.keys().isdisjoint((str(number), name.casefold()))

    def unknown(self, channels: Iterable[tuple[int, str]]) -> list[str]:
        """The allowed names and ids that belong to none of these channels, as the operator has written them."""
        known = {each for number, name in channels for each in (str(number), name.casefold())}
        return [written for name, written in self._names.items() if name not in known]
