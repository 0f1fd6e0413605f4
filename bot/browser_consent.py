"""Consent of the person on the page: to being listened to, and to being remembered."""

from __future__ import annotations

from bot.browser_memory import BrowserMemory
from bot.consent import ListeningConsent
from bot.voice.browser.server_messages import Notice
from bot.voice.browser.transport import BrowserCall

NOT_HEARD = "🙉 I don't listen to you, because you asked me not to. `{prefix}optin` allows it; you can always type."


class BrowserConsent:
    """The consent of the people on the page. Use it only on the event loop.

    Args:
        consent: everybody's consent to being listened to.
        memory: returns the question whether a person may be remembered; ``None`` if there is no memory.
        prefix: the prefix of commands that are typed.
    """

    def __init__(self, consent: ListeningConsent, memory: BrowserMemory | None, prefix: str) -> None:
        self._consent = consent
        self._memory = memory
        self._prefix = prefix

    async def note(self, person: int) -> None:
        """Count a person's request for a call as their consent to being listened to, unless they have chosen before."""
        if self._consent.choice(person) is None and not self._consent.admits(person):
            await self._consent.opt_in(person)

    def tell_if_not_listening(self, call: BrowserCall) -> None:
        """Tell the person if the bot does not listen to them."""
        if not self._consent.admits(call.transport.people.person):
            call.transport.send(Notice(NOT_HEARD.format(prefix=self._prefix)))

    def ask_about_memory(self, call: BrowserCall) -> None:
        """Ask the person in the call whether they may be remembered. Each person is asked once."""
        question = None if self._memory is None else self._memory.question(call.transport.people.person)
        if question is not None:
            call.transport.send(Notice(question))
