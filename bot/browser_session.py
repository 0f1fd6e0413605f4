"""A call in a browser, as the service of these calls keeps it: its id for clients, and whether it has begun."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from secrets import token_urlsafe

from bot.voice.browser.client_messages import Hello, TextTyped
from bot.voice.browser.people import web_person
from bot.voice.browser.transport import BrowserCall

MAX_EARLY_TEXTS = 20
"""Largest number of texts that wait while a call begins."""
MAX_FORMER = 50
"""Largest number of former ids that a session remembers; see :attr:`BrowserSession.former`."""
SESSION_BYTES = 18
"""Length of a session's id, in bytes, before it is written in base64."""


def _new_id() -> str:
    return token_urlsafe(SESSION_BYTES)


@dataclass(eq=False, slots=True)
class BrowserSession:
    """A browser call, from the request to start it until it has ended.

    Attributes:
        id: whoever knows it may go on with the call.
        ready: whether the call has begun.
        hanging_up: whether somebody wants to end it.
        opening: the task that begins the call; ``None`` once the call has begun.
        early: texts that wait for the beginning.
        former: the newest ids that the session had before other clients took over its call.
        owes_terms: whether the person came after everybody was told what the bot does with their speech.
    """

    call: BrowserCall
    id: str = field(default_factory=_new_id)
    ready: bool = False
    hanging_up: bool = False
    opening: asyncio.Task[None] | None = None
    early: list[TextTyped] = field(default_factory=list)
    former: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_FORMER))
    owes_terms: bool = False

    def keep_early(self, text: TextTyped) -> bool:
        """Keep a text until the call has begun. Returns False if too many wait."""
        if len(self.early) >= MAX_EARLY_TEXTS:
            return False
        self.early.append(text)
        return True

    def renew(self) -> None:
        """Take another id, so that whoever knows the old one can't take the call back without asking for it."""
        self.former.append(self.id)
        self.id = _new_id()

    @property
    def is_of_one_person(self) -> bool:
        """Whether only the present person was ever in the call.

        People without names are not told apart, so after such a call was taken over, this is False.
        """
        people = self.call.transport.people
        return len(people.everybody) == 1 and (people.known_name is not None or not self.former)

    def becomes_another(self, hello: Hello, *, resumes: bool) -> bool:
        """Whether somebody else is in the call when a client with this hello has it.

        A client that goes on with its call need not repeat its name. Any other one without a name is a guest.
        """
        named = bool(hello.name) or not resumes
        return named and self.call.transport.people.person != web_person(hello.name)

    def was_taken_from(self, hello: Hello) -> bool:
        """Whether another client has taken over the call with which this client wants to go on."""
        return hello.session in self.former

    def is_of(self, hello: Hello) -> bool:
        """Whether a client belongs to the call: it knows the session's id, or has the name of the call's person."""
        named = bool(hello.name) and self.call.transport.people.person == web_person(hello.name)
        return hello.session == self.id or named
