"""Hands a browser call over from one client to another, such as another tab, a reloaded page or another person's."""

from __future__ import annotations

from bot.browser_farewells import MissedNotices, tell_early, tell_taken
from bot.browser_session import BrowserSession
from bot.voice.browser.audio_output import SoundForm
from bot.voice.browser.client import ChatClient
from bot.voice.browser.client_messages import Hello
from bot.voice.browser.people import web_name
from bot.voice.browser.server_messages import Notice
from bot.voice.dialogue.left_unanswered import left_unanswered


def hand_over(
    session: BrowserSession, client: ChatClient, hello: Hello, form: SoundForm, missed: MissedNotices
) -> None:
    """Let a client go on with a call, and tell the client that had it.

    Args:
        hello: the first message of the client that goes on with the call.
        form: the form in which this client gets sound.
        missed: keeps what only the earlier person may read, until their client asks for it.
    """
    call = session.call
    before, person = call.transport.client, call.transport.people.person
    resumes = hello.session == session.id or before is client
    another = session.becomes_another(hello, resumes=resumes)
    if another and not resumes:
        # What the earlier person has missed is for that person alone, and waits for their client. What they have asked
        # is not answered to somebody else.
        unanswered = call.give_up(person)
        told = [Notice(left_unanswered(unanswered))] if unanswered else []
        missed.keep(session.id, [*call.transport.take_missed(), *told], frozenset((person,)))
        if before is not None:
            tell_early(before, len(session.early))
        while session.early:
            call.transport.waiting.follow(session.early.pop().id, None)
    if before is not None and before is not client:
        tell_taken(before, web_name(hello.name) if another else None)
    if not resumes:
        # The other tab knows the old session's id. With a new id, that tab can't take the call back by itself.
        session.renew()
    call.transport.attach(client, hello, form=form, resumes=resumes)
    if another and call.terms_told:
        session.owes_terms = True
