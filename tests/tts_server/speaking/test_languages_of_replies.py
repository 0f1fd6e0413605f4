"""The language of a reply is recognised, and an engine that has a voice for this language speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from config.speech_settings import engine_costs_money
from tests.tts_server.client import RunningServer, running
from tests.tts_server.spelling_engine import SpellingEngine
from tts_server.engines.base import BrokenVoiceError, Voice
from tts_server.speaking.voice_resolver import VoiceResolver
from tts_server.voices.profile import UnknownVoiceError
from wire.messages import Flushed, SegmentEnd, SegmentStart
from wire.parameters import SpeechParameters


class EnglishOnly(SpellingEngine):
    """Speaks no language but English."""

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        if language is not None and not language.startswith("en"):
            raise UnknownVoiceError(f"there is no voice for the language {language!r}")
        return super().resolve(voice, language)


@pytest.fixture
async def engine() -> SpellingEngine:
    return SpellingEngine("engine")


@pytest.fixture
async def server(engine: SpellingEngine) -> AsyncIterator[RunningServer]:
    async with running(engine) as server:
        await asyncio.to_thread(server.pool.resolver.load)
        engine.spoken_by.clear()
        yield server


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("Good morning, how are you today?", {"plain"}),
        ("Guten Morgen, wie geht es dir heute? Mir geht es gut.", {"deutsch"}),
        ("I would like a Kindergarten for my children, please.", {"plain"}),
        ("Das ist doch ganz einfach. Okay. Das machen wir morgen.", {"deutsch"}),
    ],
)
async def test_the_language_of_a_reply_is_recognised(
    server: RunningServer, engine: SpellingEngine, text: str, voices: set[str]
) -> None:
    async with server.connect() as client:
        await client.say(text)
        await client.hear()
    assert set(engine.spoken_by) == voices


async def test_a_requested_language_or_voice_is_used_whatever_the_language_of_the_text(
    server: RunningServer, engine: SpellingEngine
) -> None:
    async with server.connect() as client:
        await client.say("Guten Morgen, wie geht es dir?", language="en")
        await client.hear()
        await client.say("Good morning, how are you?", voice="deutsch")
        await client.hear()
    assert set(engine.spoken_by[:1]) == {"plain"}
    assert engine.spoken_by[-1] == "deutsch"


async def test_a_language_that_the_engine_lacks_is_spoken_by_the_next() -> None:
    wanted, other = EnglishOnly("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, server.connect() as client:
        wanted.texts.clear()
        await client.say("w1 w2.", language="de")
        await client.hear()
        assert not wanted.texts
        assert other.spoken_by[-1] == "deutsch"
        await client.say("w1 w2.", "r2", language="tlh")
        failure = (await client.hear()).failure
        assert failure is not None
        assert failure.code == "unknown_voice"


@pytest.mark.parametrize(
    ("text", "by_the_first", "by_the_other"),
    [
        ("Good morning, how are you today?", True, []),
        ("Das ist ein schöner Morgen, und mir geht es gut. Ja, gerne.", False, ["deutsch"]),
        ("Ja, gerne. Das machen wir.", False, ["deutsch"]),
        # One or two foreign words do not change the voice.
        ("Bonjour! How are you today, my friend?", True, []),
        ("Gesundheit! I hope that you get well soon.", True, []),
        ("We had a lovely time in the Biergarten. Guten Tag! Then we went home again.", True, []),
        ("Das ist doch ganz einfach. Okay. Das machen wir morgen zusammen.", False, ["deutsch"]),
        ("I said it before. Das machen wir morgen alle zusammen im Garten.", True, ["deutsch"]),
    ],
)
async def test_another_engine_speaks_sentences_in_languages_that_the_first_lacks(
    text: str, by_the_first: bool, by_the_other: list[str]
) -> None:
    wanted, other = EnglishOnly("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, server.connect() as client:
        await asyncio.to_thread(server.pool.resolver.load)
        wanted.spoken_by.clear()
        other.spoken_by.clear()
        await client.say(text)
        assert (await client.hear()).failure is None
    assert bool(wanted.spoken_by) == by_the_first
    assert list(dict.fromkeys(other.spoken_by)) == by_the_other


class Polyglot(SpellingEngine):
    """Has a voice for every language."""

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        return Voice("any", "Any", language or "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Guten Abend,", "de"),
        ("Vielen Dank!", "de"),
        ("Grazie mille!", "it"),
        ("Good evening,", "en"),
        ("Angela Merkel.", "en"),
        ("Gesundheit!", "en"),
    ],
)
async def test_two_words_are_enough_to_begin_a_reply_in_their_language(text: str, language: str) -> None:
    resolver = VoiceResolver([EnglishOnly("wanted"), Polyglot("other")])
    await asyncio.to_thread(resolver.load)
    assert resolver.language(text, SpeechParameters(), None) == language
    # Leaving a requested voice, or the voice of a reply that has begun, takes more words.
    assert resolver.language(text, SpeechParameters(), "en") == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Gute Frage!", "de"),
        ("Kein Problem.", "de"),
        ("Hallo Ada!", "de"),
        ("Na klar!", "de"),
        ("Bonne question !", "fr"),
        ("Pas de souci.", "fr"),
        ("Salut Ada,", "fr"),
        ("Bien sûr !", "fr"),
        ("Ciao Ada,", "it"),
        ("Certo!", "it"),
        ("Okay.", "de"),
        ("Hola Ada,", "es"),
    ],
)
async def test_if_the_language_of_the_conversation_is_known_two_words_do_not_decide(text: str, language: str) -> None:
    for engines in ([EnglishOnly("wanted"), Polyglot("other")], [Polyglot("only")]):
        resolver = VoiceResolver(engines)
        known = SpeechParameters(conversation_language=language)
        assert resolver.language(text, known, None) == language, (
            "before anything is loaded, the language of the conversation counts"
        )
        await asyncio.to_thread(resolver.load)
        assert resolver.language(text, known, None) == language
        assert resolver.language(text, SpeechParameters(conversation_language=f"{language}-x"), None) == language


async def test_a_reply_in_another_language_than_the_conversation_is_recognised() -> None:
    resolver = VoiceResolver([EnglishOnly("wanted"), Polyglot("other")])
    await asyncio.to_thread(resolver.load)
    known = SpeechParameters(conversation_language="de")
    assert resolver.language("The weather will be lovely tomorrow, and warm.", known, None) == "en"
    assert resolver.language("The weather will be lovely tomorrow, and warm.", known, "de") == "en"


async def test_a_conversation_language_that_no_engine_speaks_is_ignored() -> None:
    resolver = VoiceResolver([EnglishOnly("wanted")])
    await asyncio.to_thread(resolver.load)
    known = SpeechParameters(conversation_language="de")
    assert resolver.language("Gute Frage!", known, None) == "en"


async def test_the_engine_that_speaks_the_rest_speaks_the_first_words_too() -> None:
    wanted, other = EnglishOnly("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, server.connect() as client:
        await asyncio.to_thread(server.pool.resolver.load)
        wanted.spoken_by.clear()
        other.spoken_by.clear()
        await client.say("Gute Frage! Das weiß ich leider auch nicht.", conversation_language="de")
        assert (await client.hear()).failure is None
    assert wanted.spoken_by == []
    assert set(other.spoken_by) == {"deutsch"}


async def test_the_first_engine_reads_a_language_that_no_engine_speaks() -> None:
    wanted, other = EnglishOnly("wanted"), EnglishOnly("other")
    async with running(wanted, other) as server, server.connect() as client:
        await asyncio.to_thread(server.pool.resolver.load)
        other.spoken_by.clear()
        await client.say("Guten Morgen, wie geht es dir heute?")
        assert (await client.hear()).failure is None
    assert wanted.spoken_by
    assert not other.spoken_by


async def test_a_voice_that_only_another_engine_has_chooses_that_engine() -> None:
    class Own(SpellingEngine):
        def voices(self) -> Sequence[Voice]:
            return [Voice("own", "Own", "en")]

    wanted, other = SpellingEngine("wanted"), Own("other")
    async with running(wanted, other) as server, server.connect() as client:
        await client.say("w1 w2.", voice="own")
        await client.hear()
        assert server.pool.resolve("own").id == "own"
    assert other.spoken_by[-1:] == ["own"]


async def test_beginning_and_end_of_a_segment_say_whether_its_engine_costs_money() -> None:
    free, paid = EnglishOnly("piper"), SpellingEngine("openai")
    async with running(free, paid, costs_money=engine_costs_money) as server, server.connect() as client:
        for text, costs in (("Good morning.", False), ("Guten Morgen.", True)):
            await client.say(text, language="de" if costs else "en")
            *_, start = await client.until(SegmentStart)
            *_, end = await client.until(SegmentEnd)
            assert (start.costs_money, end.costs_money) == (costs, costs)
            await client.until(Flushed)


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("Good morning, how are you today?", None),
        ("Guten Morgen, wie geht es dir heute?", "true"),
        ("Good morning, how are you today? Guten Morgen, wie geht es dir heute?", "true"),
    ],
)
async def test_a_single_text_says_whether_an_engine_that_costs_money_speaks_a_part_of_it(
    text: str, costs: str | None
) -> None:
    free, paid = EnglishOnly("piper"), SpellingEngine("openai")
    async with running(free, paid, costs_money=engine_costs_money) as server:
        await asyncio.to_thread(server.pool.resolver.load)
        paid.spoken_by.clear()
        async with server.session.post(server.url("/v1/audio/speech"), json={"input": text}) as answer:
            assert answer.status == 200
            assert answer.headers.get("X-Costs-Money") == costs
            await answer.read()
        assert bool(paid.spoken_by) is (costs is not None)


async def test_a_text_of_which_a_paid_engine_speaks_a_part_because_a_voice_is_broken_costs_money() -> None:
    free, paid = SpellingEngine("piper"), SpellingEngine("openai")
    free.fails_after, free.failure = 0, BrokenVoiceError("its file is damaged")
    async with running(free, paid, costs_money=engine_costs_money) as server:
        async with server.session.post(server.url("/v1/audio/speech"), json={"input": "Good morning."}) as answer:
            assert answer.status == 200
            assert answer.headers.get("X-Costs-Money") == "true"
            await answer.read()
        assert server.pool.speaking_engine == "piper", "it is still tried first"


async def test_a_text_in_which_nothing_can_be_spoken_does_not_cost_money() -> None:
    paid = SpellingEngine("openai")
    async with running(paid, costs_money=engine_costs_money) as server:
        paid.spoken_by.clear()
        async with server.session.post(server.url("/v1/audio/speech"), json={"input": "🙂 🙂 🙂"}) as answer:
            assert answer.status == 200
            assert "X-Costs-Money" not in answer.headers
            await answer.read()
        assert not paid.spoken_by
