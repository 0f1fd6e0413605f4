"""Another client takes over a browser call: what the newcomer is told, and what stays with the person before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from bot.browser_commands import BrowserCommands
from bot.browser_farewells import TAKEN_BY
from bot.consent import ListeningConsent
from bot.voice.browser.people import web_person
from bot.voice.browser.transport import BrowserCall
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED, left_unanswered
from bot.voice.manager import CallManager
from bot.voice.transcribe.transcriber import Transcript, TranscriptionRequest
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand
from config.sections import ListeningPolicy
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import Away, SlowVoice, chat_house, said
from tests.timing import wait_until
from tests.voice.doubles import ConstantTranscriber, HummingSpeech


def held_opt_in(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold ``!optin`` up. The first event is set once it was typed; the second lets it go on."""
    typed, go_on = asyncio.Event(), asyncio.Event()

    async def opt_in(self: ListeningConsent, person: int) -> bool:
        typed.set()
        await go_on.wait()
        return True

    monkeypatch.setattr(ListeningConsent, "opt_in", opt_in)
    return typed, go_on


async def test_whoever_was_away_is_told_who_took_the_call_over_and_does_not_take_it_back_by_reconnecting(
    tmp_path: Path,
) -> None:
    async with chat_house(tmp_path, away=Away()) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        ada.vanish()
        ben = await house.talking(name="Ben")
        for _ in range(2):
            back = await house.open()
            await back.send(type="hello", name="Ada", session=session, audio={})
            await back.noticed("Ben has taken over the call")
            assert await back.closed() == 4001
        assert not ben.socket.closed
        again = await house.talking(name="Ada")
        await ben.noticed("Ada has taken over the call")
        assert await ben.closed() == 4001
        # Cleo takes the call over, and both of Ada's pages are told so.
        await house.talking(name="Cleo")
        await again.noticed("Cleo has taken over the call")
        late = await house.open()
        await late.send(type="hello", name="Ada", session=session, audio={})
        await late.noticed("Cleo has taken over the call")
        assert await late.closed() == 4001


async def test_whoever_takes_the_call_over_is_told_that_the_bot_listens(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        ada = await house.talking(name="Ada")
        await ada.noticed("I listen in your browser.")
        ben = await house.talking(name="Ben")
        await ben.noticed("I listen in your browser.")
        # Ben has been told so already.
        again = await house.talking(name="Ben")
        await house.call.transport.prompts.tell("Now")
        await again.noticed("Now")
        assert [each["text"] for each in again.all("notice")] == ["Now"]


async def test_the_terms_are_told_once_if_somebody_else_takes_over_during_the_welcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = held_opt_in(monkeypatch)
    go.set()
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        await house.talking(name="Ada")
        go.clear()
        asked.clear()
        ben, cleo = await house.open(), await house.open()
        await ben.send(type="hello", name="Ben", audio={})
        await asked.wait()
        await cleo.send(type="hello", name="Cleo", audio={})
        assert await ben.closed() == 4001
        go.set()
        await cleo.until("ready")
        await cleo.noticed("I can listen in your browser")
        await house.call.transport.prompts.tell("Now")
        await cleo.noticed("Now")
        assert len([each for each in cleo.all("notice") if "I can listen" in each["text"]]) == 1
        assert len(cleo.all("ready")) == 1


async def test_the_terms_are_told_if_the_newcomers_other_tab_takes_over_during_the_welcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = held_opt_in(monkeypatch)
    go.set()
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        await house.talking(name="Ada")
        go.clear()
        asked.clear()
        first, second = await house.open(), await house.open()
        await first.send(type="hello", name="Ben", audio={})
        await asked.wait()
        await second.send(type="hello", name="Ben", audio={})
        assert await first.closed() == 4001
        go.set()
        await second.noticed("I can listen in your browser")
        await second.until("ready")


async def test_whoever_takes_the_call_over_just_before_it_has_begun_is_told_the_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, go, start = asyncio.Event(), asyncio.Event(), CallManager.start

    async def start_slowly(self: CallManager[Any], call: BrowserCall, *, reason: str) -> None:
        await start(self, call, reason=reason)
        told.set()
        await go.wait()

    monkeypatch.setattr(CallManager, "start", start_slowly)
    async with chat_house(tmp_path) as house:
        ada, ben = await house.open(), await house.open()
        await ada.send(type="hello", name="Ada", audio={})
        await ada.noticed("I listen in your browser.")
        await told.wait()
        await ben.send(type="hello", name="Ben", audio={})
        assert await ada.closed() == 4001
        go.set()
        await ben.noticed("I listen in your browser.")


async def test_whoever_gives_no_name_and_takes_the_call_over_is_somebody_else(tmp_path: Path) -> None:
    async with chat_house(tmp_path, away=Away()) as house:
        ada = await house.talking(name="Ada")
        await house.call.transport.prompts.tell("This is for Ada")
        await ada.noticed("This is for Ada")
        guest = await house.talking(name="")
        await ada.noticed("Guest has taken over the call")
        await guest.noticed("I listen in your browser.")
        await guest.send(type="text", text="Hello")
        await guest.until("audio_end", reason="done")
        assert said(house.histories[0])[0] == ("Guest", "Hello")
        assert house.call.transport.people.person == web_person("")


@pytest.mark.parametrize("first", [{"type": "text", "text": "Hello"}, {"type": "hello", "audio": {}}])
async def test_what_a_client_says_without_a_hello_is_not_said_by_the_person_who_was_in_the_call(
    tmp_path: Path, first: dict[str, Any]
) -> None:
    async with chat_house(tmp_path, away=Away()) as house:
        ada = await house.talking(name="Ada")
        other = await house.open()
        await other.send(**first)
        await other.until("ready")
        assert await ada.closed() == 4001
        await other.send(type="text", text="Hello")
        await other.until("audio_end", reason="done")
        assert {speaker for speaker, _ in said(house.histories[0])} == {"Guest", ""}


async def test_a_client_that_comes_back_without_its_name_is_the_same_person(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        await ada.send(type="hello", audio={})
        await ada.count("ready", 2)
        assert house.call.transport.people.person == web_person("Ada")
        ada.vanish()
        await wait_until(lambda: away.asked == 1)
        back = await house.open()
        await back.hello(name="", session=session)
        assert house.call.transport.people.person == web_person("Ada")


async def test_another_person_in_the_newest_tab_is_called_by_their_own_name(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.talking(name="Ada")
        page = await house.talking(name="Ben")
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        assert said(house.histories[0]) == [("Ben", "Hello"), ("", "Ben said: Hello")]


async def test_a_person_who_takes_over_the_call_has_consented_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        await house.talking(name="Ada")
        await house.talking(name="Ben")
        assert house.consent.admits(web_person("Ben"))


async def test_what_somebody_missed_waits_for_them_and_is_not_told_to_whoever_takes_the_call_over(
    tmp_path: Path,
) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        ada.vanish()
        await wait_until(lambda: away.asked == 1)
        await house.call.transport.prompts.tell("Nobody has answered: Where is my diary?")
        ben = await house.talking(name="Ben")
        await house.call.transport.prompts.tell("This is for Ben")
        await ben.noticed("This is for Ben")
        assert not [each for each in ben.got if "diary" in str(each)]
        back = await house.open()
        await back.send(type="hello", name="Ada", session=session, audio={})
        assert await back.closed() == 4001
        assert [each["text"].split()[0] for each in back.all("notice")] == ["Nobody", "👋"]


async def test_an_answer_to_somebody_who_is_away_is_not_spoken_to_whoever_takes_the_call_over(tmp_path: Path) -> None:
    away, long = Away(), np.full(20 * 48_000, 0.1, np.float32)
    async with chat_house(tmp_path, away=away, voice=lambda: HummingSpeech(long)) as house:
        ada = await house.open()
        session = (await ada.hello(name="Ada"))["session"]
        await ada.send(type="text", text="Where is my diary?")
        await ada.send(type="text", text="And the key to it?")
        await ada.wait(lambda: len(ada.sound) > 0, "sound")
        await wait_until(lambda: house.call.conversation.waiting == 1)
        ada.vanish()
        await wait_until(lambda: away.asked == 1)
        ben = await house.talking(name="Ben")
        await house.call.transport.prompts.tell("This is for Ben")
        await ben.noticed("This is for Ben")
        assert house.call.conversation.floor_free
        assert not [each for each in ben.got if "diary" in str(each) or "key to it" in str(each)]
        assert not ben.sound
        back = await house.open()
        await back.send(type="hello", name="Ada", session=session, audio={})
        await back.noticed(left_unanswered(2))
        assert await back.closed() == 4001


class SlowEars(ConstantTranscriber):
    """Ears that hear the same text in any sound, once the test lets them."""

    def __init__(self) -> None:
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    @override
    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        self.asked.set()
        await self.go.wait()
        return Transcript("Where is my diary?")


async def test_words_that_are_still_being_transcribed_are_not_shown_or_answered_to_whoever_takes_the_call_over(
    tmp_path: Path,
) -> None:
    ears = SlowEars()
    async with chat_house(tmp_path, ears=ears) as house:
        ada = await house.talking(name="Ada")
        await ada.speak(speech("Where is my diary?", ADAS_VOICE), silence=1.5)
        await ears.asked.wait()
        await wait_until(lambda: not house.call.transport.report.somebody_speaks)
        ben = await house.talking(name="Ben")
        ears.go.set()
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert not [each for each in ben.got if "diary" in str(each)]
        assert said(house.histories[0]) == [("Ben", "Hello"), ("", "Ben said: Hello")]


async def test_the_answer_to_a_spoken_command_is_not_said_to_whoever_has_taken_the_call_over(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        ada, ben = web_person("Ada"), await house.open()
        await house.talking(name="Ada")
        await ben.hello(name="Ben")
        # Ada's command is carried out only now.
        commands = house.call._parts.commands
        commands.execute(SpokenCommand(VoiceCommand.REPEAT_ME, ada, "Ada", "Where is my diary?"))
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert not [each for each in ben.got if "diary" in str(each)]


async def test_a_text_for_a_call_that_has_not_begun_is_not_said_by_whoever_takes_the_call_over(tmp_path: Path) -> None:
    go = asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        ada, ben = await house.open(), await house.open()
        await ada.send(type="hello", name="Ada", audio={})
        await ada.send(type="text", text="!optout")
        await ada.until("state", state="loading", progress=0.5)
        await wait_until(lambda: house.calls._sessions[0].early)
        await ben.send(type="hello", name="Ben", audio={})
        assert await ada.closed() == 4001
        assert [each["text"] for each in ada.all("notice")] == [LEFT_UNANSWERED, TAKEN_BY.format(name="Ben")]
        go.set()
        await ben.until("ready")
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert house.consent.admits(web_person("Ben"))


async def test_texts_that_wait_for_a_command_from_before_the_call_are_not_said_by_whoever_takes_the_call_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asked, answer), go = held_opt_in(monkeypatch), asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        ada = await house.open()
        await ada.send(type="hello", name="Ada", audio={})
        await ada.send(type="text", text="!optin")
        await ada.send(type="text", text="!optout")
        await wait_until(lambda: len(house.calls._sessions[0].early) == 2 if house.calls._sessions else False)
        go.set()
        await asked.wait()
        ben = await house.talking(name="Ben")
        assert await ada.closed() == 4001
        assert LEFT_UNANSWERED in [each["text"] for each in ada.all("notice")]
        answer.set()
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert house.consent.admits(web_person("Ben"))


async def test_the_answer_to_a_command_is_only_for_the_person_who_has_typed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = held_opt_in(monkeypatch)
    async with chat_house(tmp_path) as house:
        ada = await house.talking(name="Ada")
        await ada.send(type="text", text="!optin")
        await asked.wait()
        ben = await house.talking(name="Ben")
        go.set()
        await ben.send(type="text", text="Hello")
        await ben.until("audio_end", reason="done")
        assert not [each for each in ben.all("notice") if "I listen to you" in each["text"]]


async def test_a_client_that_changes_its_name_during_a_command_gets_the_answer_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = held_opt_in(monkeypatch)
    async with chat_house(tmp_path, settings=None) as house:
        ada = await house.talking(name="Ada")
        monkeypatch.setattr(BrowserCommands, "may_take_long", lambda self, words: True)
        await ada.send(type="text", text="!optin")
        await asked.wait()
        await ada.hello(name="Ada Lovelace")
        await ada.count("ready", 2)
        go.set()
        await ada.noticed("I listen to you in my calls.")
