"""Who may be listened to: what each person has chosen, remembered, and whether a call listens at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Self

import aiosqlite

from bot.database.integrity import CHOICES_LOST_WITH
from bot.store import Store
from config.sections import ListeningPolicy
from config.settings import Settings

_log = logging.getLogger(__name__)

CHOICES_LOST = (
    "Who had typed {prefix}optout could not all be read from the damaged {file}, so I listen only to people who type "
    "{prefix}optin. Restore a backup, or delete that file, and LISTENING holds again."
)

OptOutListener = Callable[[int], None]
"""Told the user id of somebody who has just opted out, to forget at once what it holds of them; must not block."""


class ListeningConsent:
    """People's choices, one for the process. Made by :meth:`load`.

    :meth:`admits` may be asked from any thread, for every packet; all else belongs to the event loop.

    Args:
        choices: who wants to be listened to and who does not, by user id.
        policy: what holds for those who have not chosen.
    """

    def __init__(self, store: Store, policy: ListeningPolicy, choices: Mapping[int, bool]) -> None:
        self.policy = policy
        self._store = store
        self._unasked = policy is ListeningPolicy.OPT_OUT
        # Replaced whole and never changed, so that other threads need no lock.
        self._choices = dict(choices)
        self._listeners: list[OptOutListener] = []

    @classmethod
    async def load(cls, store: Store, policy: ListeningPolicy) -> Self:
        """Read what people have chosen; raises :class:`aiosqlite.Error`."""
        return cls(store, policy, await store.listening_choices())

    def admits(self, person: int) -> bool:
        """Whether this person may be listened to."""
        return self._choices.get(person, self._unasked)

    async def opt_out(self, person: int) -> bool:
        """Listen to them no more, from this moment; returns whether that will be remembered after a restart."""
        self._choices = {**self._choices, person: False}
        for listener in tuple(self._listeners):
            try:
                listener(person)
            except Exception:
                _log.exception("Not everything about a person who opted out could be deleted")
        return await self._remember(person, listen=False)

    async def opt_in(self, person: int) -> bool:
        """Listen to them, from this moment; returns whether that will be remembered after a restart."""
        self._choices = {**self._choices, person: True}
        return await self._remember(person, listen=True)

    async def _remember(self, person: int, *, listen: bool) -> bool:
        try:
            await self._store.set_listening_choice(person, listen)
        except aiosqlite.Error:
            _log.exception("A choice about listening could not be saved")
            return False
        return True

    def watch(self, listener: OptOutListener) -> Callable[[], None]:
        """Tell ``listener`` of everybody who opts out, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


async def listening_policy(store: Store, settings: Settings) -> ListeningPolicy:
    """Who is listened to that has not chosen: what the operator set, unless people's choices were lost.

    They may have been in a damaged database. Then nobody is listened to who does not choose it anew, until the damaged
    file is gone. Raises :class:`aiosqlite.Error`.
    """
    lost_with = await store.setting(CHOICES_LOST_WITH)
    if lost_with is None or not await asyncio.to_thread((settings.data_dir / lost_with).exists):
        return settings.call.listening
    if settings.call.listening is not ListeningPolicy.OPT_IN:
        _log.warning("%s", CHOICES_LOST.format(prefix=settings.command_prefix, file=settings.data_dir / lost_with))
    return ListeningPolicy.OPT_IN


class ListeningGate:
    """Whom one call listens to: those who may be listened to, and nobody while :attr:`listening` is off.

    :meth:`admits` may be asked from any thread; set :attr:`listening` from the event loop.
    """

    def __init__(self, consent: ListeningConsent) -> None:
        self.listening = True
        self._consent = consent

    def admits(self, person: int) -> bool:
        """Whether this person's packets may be opened."""
        return self.listening and self._consent.admits(person)
