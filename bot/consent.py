"""Consent to being listened to: each person's stored choice, and a switch for each call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Self

import aiosqlite

from bot.database.integrity import CHOICES_LOST_WITH
from bot.lone_people import is_passing
from bot.store import Store
from config.sections import ListeningPolicy
from config.settings import Settings

_log = logging.getLogger(__name__)

CHOICES_LOST = (
    "The choices of some people who had typed {prefix}optout may be lost, because not all of the damaged {file} could "
    "be read. So I listen only to people who type {prefix}optin. After you restore a backup or delete that file, "
    "LISTENING applies again."
)

OptOutListener = Callable[[int], None]
"""Gets the user id of a person who has opted out, or wants to be forgotten, and must discard all audio of this person.
Must not block.
"""


class ListeningConsent:
    """The choices of all people, one object per process. Made by :meth:`load`.

    :meth:`admits` is thread-safe and fast enough to be called for every packet. Use the rest on the event loop only.

    Args:
        choices: whether a person may be listened to, by user id.
        policy: the rule for people who have not chosen.
    """

    def __init__(self, store: Store, policy: ListeningPolicy, choices: Mapping[int, bool]) -> None:
        self.policy = policy
        self._store = store
        self._admits_by_default = policy is ListeningPolicy.OPT_OUT
        # The dict is replaced as a whole and never modified, so that other threads need no lock.
        self._choices = dict(choices)
        self._listeners: list[OptOutListener] = []

    @classmethod
    async def load(cls, store: Store, policy: ListeningPolicy) -> Self:
        """Read the choices from the database; raises :class:`aiosqlite.Error`."""
        return cls(store, policy, await store.listening_choices())

    def admits(self, person: int) -> bool:
        """Whether this person may be listened to.

        Somebody whom the bot can't recognise in later calls agrees by calling. Storing their choice would be useless.
        """
        choice = self._choices.get(person)
        return self._admits_by_default or is_passing(person) if choice is None else choice

    @property
    def opted_out(self) -> frozenset[int]:
        """The people who have opted out."""
        return frozenset(person for person, listen in self._choices.items() if not listen)

    def choice(self, person: int) -> bool | None:
        """Whether this person has chosen to be listened to; ``None`` if the person has not chosen."""
        return self._choices.get(person)

    async def opt_out(self, person: int) -> bool:
        """Stop listening to a person now. Returns False if the choice could not be stored."""
        self._choices = {**self._choices, person: False}
        self.drop(person)
        return await self._remember(person, listen=False)

    async def forget(self, person: int) -> bool:
        """Discard what is held of a person, as when they opt out, and delete their choice.

        A choice not to be listened to stays if the person would be listened to without it. Returns False if the choice
        could not be deleted.
        """
        self.drop(person)
        choice = self._choices.get(person)
        if choice is None or (not choice and self._admits_by_default):
            return True
        try:
            await self._store.delete_listening_choice(person)
        except aiosqlite.Error:
            _log.exception("A choice about listening could not be deleted")
            return False
        self._choices = {each: listen for each, listen in self._choices.items() if each != person}
        return True

    def drop(self, person: int) -> None:
        """Discard what is held of a person, as when they opt out."""
        # The newest comes first: the parts of a call may still pass on the end of an answer, which those that store it
        # then discard.
        for listener in tuple(reversed(self._listeners)):
            try:
                listener(person)
            except Exception:
                _log.exception("Not everything about a person could be deleted")

    async def opt_in(self, person: int) -> bool:
        """Allow listening to a person from now on. Returns False if the choice could not be stored."""
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
        """Call ``listener`` for each person who opts out or is forgotten, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


async def effective_listening_policy(store: Store, settings: Settings) -> ListeningPolicy:
    """The rule for people who have not chosen: the operator's setting, unless choices were lost.

    Choices may be lost with a damaged database. Then only people who opt in are listened to, until the damaged file is
    deleted. Raises :class:`aiosqlite.Error`.
    """
    lost_with = await store.setting(CHOICES_LOST_WITH)
    if lost_with is None or not await asyncio.to_thread((settings.data_dir / lost_with).exists):
        return settings.call.listening
    if settings.call.listening is not ListeningPolicy.OPT_IN:
        _log.warning("%s", CHOICES_LOST.format(prefix=settings.command_prefix, file=settings.data_dir / lost_with))
    return ListeningPolicy.OPT_IN


class ListeningGate:
    """The consent check of one call. While :attr:`listening` is False, the call listens to nobody.

    :meth:`admits` is thread-safe. Set :attr:`listening` on the event loop.
    """

    def __init__(self, consent: ListeningConsent) -> None:
        self.listening = True
        self._consent = consent

    def admits(self, person: int) -> bool:
        """Whether a person's packets may be decoded."""
        return self.listening and self._consent.admits(person)
