"""The browser calls service: starts, resumes and ends calls on the bot's web page, and hands them from tab to tab."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from bot.browser_characters import BrowserCharacters
from bot.browser_commands import BrowserCommands
from bot.browser_consent import BrowserConsent
from bot.browser_farewells import FAREWELLS, MissedNotices, farewell_message, tell_early, tell_taken
from bot.browser_handover import hand_over
from bot.browser_memory import BrowserMemory
from bot.browser_music import BrowserMusic
from bot.browser_questions import BrowserQuestions
from bot.browser_session import BrowserSession
from bot.browser_tab import Tab, form_for
from bot.browser_texts import BrowserTexts
from bot.browser_usage import BrowserUsage
from bot.call_elsewhere import elsewhere_text
from bot.consent import ListeningConsent
from bot.controls.volumes import Volumes
from bot.tools.yes_no_words import YesNoWords
from bot.user_error import UserError
from bot.voice.browser.audio_output import SoundForm
from bot.voice.browser.client import ChatClient
from bot.voice.browser.client_messages import Answer, Hello, TextTyped
from bot.voice.browser.people import web_person
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure, Notice, Ready, State
from bot.voice.browser.transport import BrowserCall, BrowserTransport
from bot.voice.call import Call
from bot.voice.call_life import START_CANCELLED
from bot.voice.engines import LoadingReport
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

SWITCHED_OFF = "❌ Voice is switched off here (`VOICE_ENABLED=false`)."
SPEAKER_IN_OTHER_TAB = "❌ Somebody is talking with me in another tab. Try again when it is quiet there."
CANCELLED = "👋 I don't begin the call."

MakeBrowserCall = Callable[[BrowserTransport, LoadingReport], BrowserCall]
"""Function that builds a call without starting it, from the transport and a callback for loading progress."""
MakeTransport = Callable[[Hello], BrowserTransport]
"""Function that builds the transport of a call from the client's ``hello`` message."""


class BrowserCalls:
    """The browser calls service, one per process. Use it only on the event loop.

    Args:
        manager: starts and ends all calls.
        make_call: builds a call.
        make_transport: builds the transport of a call.
        consent: everybody's consent to being listened to.
        characters: persona and mood of browser calls.
        volumes: how loud the bot speaks in each place.
        yes_no: recognises words for yes and no.
        prefix: the prefix of commands that are typed.
        first_notice: returns a notice that is sent once, in the first call; ``None`` if there is none.
        enabled: whether calls are possible.
        memory: carries out the typed command ``memory``; ``None`` if there is no memory.
        music: carries out the typed commands for music and sounds; ``None`` if there are none.
        usage: carries out the typed command ``usage``; ``None`` if nothing is counted.
        clock: returns monotonic seconds.

    Attributes:
        questions: asks the person on the page before a tool runs.
    """

    def __init__(
        self,
        manager: CallManager[Call[Any]],
        make_call: MakeBrowserCall,
        make_transport: MakeTransport,
        consent: ListeningConsent,
        characters: BrowserCharacters,
        volumes: Volumes,
        yes_no: YesNoWords,
        prefix: str,
        *,
        first_notice: Callable[[], str | None] = lambda: None,
        enabled: bool = True,
        memory: BrowserMemory | None = None,
        music: BrowserMusic | None = None,
        usage: BrowserUsage | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_notice = first_notice
        self._told = False
        self._enabled = enabled
        self._manager = manager
        self._make_call = make_call
        self._make_transport = make_transport
        self._consent = BrowserConsent(consent, memory, prefix)
        self._characters = characters
        self._volumes = volumes
        self.questions = BrowserQuestions(lambda: [each.call for each in self._sessions if each.ready], yes_no)
        self._missed = MissedNotices(clock)
        self._watching = ExitStack()
        self._watching.callback(characters.watch(self._show_personas))
        self._watching.callback(consent.watch(self._missed.forget))
        self._texts = BrowserTexts(
            BrowserCommands(consent, characters, volumes, prefix, memory, music, usage),
            self.questions,
            self._missed,
            leave=lambda session: self._hang_up(session, EndCause.COMMAND),
            start=self._spawn,
            clock=clock,
        )
        self._clock = clock
        self._sessions: list[BrowserSession] = []
        self._tabs: set[Tab] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def calls(self) -> tuple[BrowserCall, ...]:
        """The browser calls, from the request to start them until they have ended."""
        return tuple(session.call for session in self._sessions)

    def connect(self, client: ChatClient) -> Tab:
        """Take a new client.

        The caller passes the client's messages to the returned tab, and tells the tab when the client is gone.
        """
        tab = Tab(self, client, self._clock)
        self._tabs.add(tab)
        client.send(State("idle"))
        return tab

    async def close(self) -> None:
        """Tell all clients that the bot is switched off, and close their sockets. No call begins after that."""
        self._closing = True
        self._watching.close()
        for tab in tuple(self._tabs):
            if self.call_of(tab) is not None:
                tab.client.send(Notice(FAREWELLS[EndCause.SHUTDOWN]))
            tab.client.close(CloseCode.GOING_AWAY, FAREWELLS[EndCause.SHUTDOWN])
        await end_tasks(*self._tasks)

    async def ended(self, call: Call[Any], cause: EndCause) -> None:
        """Called by the manager after a call. Does nothing if the call was no browser call."""
        if not isinstance(call, BrowserCall):
            return
        client, farewell = call.transport.client, farewell_message(cause)
        if (session := self._session(call)) is not None:
            self._missed.keep(session.id, call.transport.take_missed(), call.transport.people.everybody)
        self._drop(call)
        if client is not None and farewell is not None:
            client.send(farewell)

    def _drop(self, call: BrowserCall) -> None:
        """Forget a call that is over. Tell its client if the call has not begun, and texts waited for that."""
        session, client = self._session(call), call.transport.client
        if session is not None and client is not None:
            tell_early(client, len(session.early))
        self._sessions = [session for session in self._sessions if session.call is not call]

    def _session(self, call: BrowserCall) -> BrowserSession | None:
        return next((session for session in self._sessions if session.call is call), None)

    # Methods that tabs call.

    def forget(self, tab: Tab) -> None:
        """Forget a client that is gone. Cancel its call if it has not begun yet, since nobody could resume it."""
        self._tabs.discard(tab)
        if (session := self._session_of(tab)) is None:
            return
        self._leave(session, tab)

    def _leave(self, session: BrowserSession, tab: Tab) -> None:
        session.call.transport.detach(tab.client)
        if not session.ready:
            self._hang_up(session)

    def call_of(self, tab: Tab) -> BrowserCall | None:
        """The call that this tab has; ``None`` if it has none."""
        return None if (session := self._session_of(tab)) is None else session.call

    def _session_of(self, tab: Tab) -> BrowserSession | None:
        return next((each for each in self._sessions if each.call.transport.client is tab.client), None)

    def resume(self, tab: Tab, hello: Hello) -> bool:
        """Let a client go on with the call of its session. Returns False if there is no such call any more.

        If there is none, the client is told which of its texts have no answer because the call ended.
        """
        session = next((each for each in self._sessions if self._is_on(each) and each.id == hello.session), None)
        if session is None:
            self._missed.tell(tab.client, hello.session)
            return False
        self._hand_over(session, tab, hello, form_for(hello))
        return True

    def begin(self, tab: Tab, hello: Hello, form: SoundForm) -> None:
        """Begin a call for a client, or hand it another tab's call. If neither is possible, tell the client why."""
        if self._closing or tab not in self._tabs:
            return
        session, elsewhere = self._meant(tab, hello), self._elsewhere()
        if not self._enabled:
            tab.client.send(Failure(ErrorCode.CALL_FAILED, SWITCHED_OFF))
        elif elsewhere is not None and (session is None or self._manager.max_calls == 1):
            _refuse(tab.client, ErrorCode.CALL_ELSEWHERE, elsewhere)
        elif (taken := self._taken_from(tab, hello)) is not None:
            people = taken.call.transport.people
            tell_taken(tab.client, None if people.person == web_person(hello.name) else people.known_name)
        elif session is None:
            self._start(tab, hello, form)
        elif session.hanging_up or (session.ready and not self._is_on(session)):
            self._spawn(self._begin_after(session, tab, hello, form), "browser call: after the last one")
        elif session.call.transport.client not in (None, tab.client) and session.call.transport.report.somebody_speaks:
            _refuse(tab.client, ErrorCode.BUSY, SPEAKER_IN_OTHER_TAB)
        else:
            self._hand_over(session, tab, hello, form)

    def _taken_from(self, tab: Tab, hello: Hello) -> BrowserSession | None:
        """The call of this client that another client has taken over while this one was away for a moment.

        This client reconnects by itself. If that alone took the call back, the other client would lose it, though
        nobody asked for that.
        """
        own = self._session_of(tab)
        return next((each for each in self._sessions if each is not own and each.was_taken_from(hello)), None)

    def _meant(self, tab: Tab, hello: Hello) -> BrowserSession | None:
        """The call that is meant by a client that wants to talk: its own, or one that its person has in another tab.

        If only one call is possible at a time, the one that there is counts as meant, whoever has it.
        """
        own = self._session_of(tab)
        if own is not None or self._manager.max_calls == 1:
            return own or next(iter(self._sessions), None)
        return next((each for each in self._sessions if each.is_of(hello)), None)

    def _elsewhere(self) -> str | None:
        """The text for a client that can't talk because of other calls; ``None`` if it can talk."""
        occupants = self._manager.occupants
        own = self._manager.max_calls == 1 and any(isinstance(call, BrowserCall) for call in occupants)
        return elsewhere_text(occupants) if self._manager.full and not own else None

    async def typed(self, call: BrowserCall, text: TextTyped) -> None:
        """Have a typed text answered, or carry out the command in it."""
        if (session := self._session(call)) is not None:
            await self._texts.typed(text, session)

    def answer(self, call: BrowserCall, answer: Answer) -> None:
        """Take the person's answer to a question. If the call has not asked this question, tell the client so."""
        self.questions.answer(call, answer.question, allow=answer.allow)

    async def choose_persona(self, call: BrowserCall, persona: str) -> None:
        """Let another persona speak from the next reply on. If that is not possible, tell the client why."""
        try:
            call.transport.send(Notice(await self._characters.persona(persona)))
        except UserError as error:
            call.transport.send(Failure(ErrorCode.PERSONA_UNCHANGED, str(error)))
            # The client shows the chosen persona already, so show the real one again.
            call.transport.send(self._characters.message())

    def _show_personas(self) -> None:
        for session in self._sessions:
            if session.ready:
                session.call.transport.send(self._characters.message())

    def hang_up(self, call: BrowserCall) -> None:
        """End a call, or cancel its start."""
        if (session := self._session(call)) is not None:
            self._hang_up(session)

    def _hang_up(self, session: BrowserSession, cause: EndCause = EndCause.HUNG_UP) -> None:
        session.hanging_up = True
        if self._manager.occupies(session.call):
            self._spawn(self._end(session, cause), "browser call: hang up")
        elif session.opening is not None:
            session.opening.cancel()

    async def _end(self, session: BrowserSession, cause: EndCause = EndCause.HUNG_UP) -> None:
        await self._manager.end(cause, call=session.call)

    # The beginning of a call.

    def _is_on(self, session: BrowserSession) -> bool:
        return session.ready and not session.hanging_up and self._manager.is_active(session.call)

    def _start(self, tab: Tab, hello: Hello, form: SoundForm) -> None:
        transport = self._make_transport(hello)
        transport.attach(tab.client, hello, form=form)
        call = self._make_call(transport, lambda progress: transport.report.show("loading", progress))
        call.watch(transport.report)
        call.watch(self.questions.listen)
        session = BrowserSession(call)
        self._sessions.append(session)
        session.opening = self._spawn(self._open(session), "browser call: start")

    async def _open(self, session: BrowserSession) -> None:
        call, transport = session.call, session.call.transport
        try:
            await self._consent.note(transport.people.person)
            call.volume = await self._volumes.at(call.server)
            await self._manager.start(call, reason="a call in the browser")
        except UserError as error:
            self._failed(session, str(error))
            return
        except asyncio.CancelledError:
            self._failed(session, START_CANCELLED)
            raise
        except Exception:
            self._failed(session, FAREWELLS[EndCause.FAILURE])
            raise
        if session not in self._sessions:
            return
        session.ready, session.opening = True, None
        transport.report.show("listening")
        await self._welcome(session)
        self._send_first_notice(call)
        self._consent.ask_about_memory(call)
        # While a command is carried out, the later texts still wait, because somebody else may take over the call.
        while session.early:
            await self.typed(call, session.early.pop(0))

    def _failed(self, session: BrowserSession, text: str) -> None:
        """Tell the client that the call did not begin, and forget the call."""
        client, is_current = session.call.transport.client, session in self._sessions
        self._drop(session.call)
        if client is None or not is_current:
            return
        if (elsewhere := self._elsewhere()) is not None:
            _refuse(client, ErrorCode.CALL_ELSEWHERE, elsewhere)
            return
        client.send(State("idle"))
        client.send(Notice(CANCELLED) if text == START_CANCELLED else Failure(ErrorCode.CALL_FAILED, text))

    def _send_first_notice(self, call: BrowserCall) -> None:
        """Send the first notice, once per process."""
        notice = None if self._told else self._first_notice()
        if notice is not None:
            self._told = True
            call.transport.send(Notice(notice))

    async def _begin_after(self, before: BrowserSession, tab: Tab, hello: Hello, form: SoundForm) -> None:
        """End the call ``before``, and then let a client begin a call."""
        await self._end(before)
        self._drop(before.call)
        self.begin(tab, hello, form)

    def _hand_over(self, session: BrowserSession, tab: Tab, hello: Hello, form: SoundForm) -> None:
        for other in self._sessions:
            if other is not session and other.call.transport.client is tab.client:
                self._leave(other, tab)
        hand_over(session, tab.client, hello, form, self._missed)
        if session.ready:
            self._spawn(self._welcome(session), "browser call: welcome")

    async def _welcome(self, session: BrowserSession) -> None:
        """Tell the client that the call is on. Somebody who has taken over the call of another person is also told what
        everybody is told when a call begins.

        Before that, count the request for the call as the person's consent. This is done for each tab, because the
        person in a tab that takes over a call may be a different one.
        """
        call, client, person = session.call, session.call.transport.client, session.call.transport.people.person
        await self._consent.note(person)
        # Whoever has taken over the call meanwhile is welcomed on their own. To a client that is gone, this waits.
        current = call.transport.client in (None, client) and call.transport.people.person == person
        if current and self._is_on(session):
            own = call.id if session.is_of_one_person else None
            call.transport.send(Ready(session.id, call.transport.down, own))
            call.transport.send(self._characters.message())
            self.questions.show_again(call)
            # The bot may greet whoever arrives. Clients without a name are programs, which expect no greeting.
            if call.transport.people.known_name is not None:
                call.arrived(call.transport.people.person)
            self._consent.tell_if_not_listening(call)
            if session.owes_terms:
                session.owes_terms = False
                call.tell_terms()
                self._consent.ask_about_memory(call)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run ``work`` in the background, until :meth:`close`."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A browser call could not be served", exc_info=error)


def _refuse(client: ChatClient, code: ErrorCode, text: str) -> None:
    client.send(Failure(code, text))
    client.close(CloseCode.CALL_ELSEWHERE, text)
