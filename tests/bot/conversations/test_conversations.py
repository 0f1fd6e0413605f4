"""Stored conversations: the words and people of calls and chats, and where one conversation ends."""

from __future__ import annotations

from bot.conversations.records import CHAT, LONGEST, MAX_TURNS, SILENCE, ConversationPlace
from bot.database import Database
from bot.voice.events import CallBegan, CallEnded, PromptTaken, UtteranceHeard
from bot.voice.turn import TurnId
from tests.bot.conversations.archives import ADA, BEN, SERVER, Archive, answer, words


async def test_a_call_is_stored_as_it_was_heard(archive: Archive) -> None:
    began = archive.now
    watch, _ = archive.call()
    watch(CallBegan("discord", "Lounge", True))
    watch(UtteranceHeard(ADA, "Ada", "What time is it?", True))
    watch(PromptTaken("r1", "Ada", "What time is it?", person=ADA, turn=TurnId(ADA, 1)))
    archive.now += 5
    watch(answer("It is three", interrupted=True))
    watch(PromptTaken("r2", "Ben", "Are you sure?", person=BEN))
    watch(answer("Quite sure."))
    archive.now += 5
    watch(CallEnded("Lounge", "command"))
    assert await archive.turns() == [
        (1, "Ada", "What time is it?", False),
        (2, "Mia", "It is three", True),
        (3, "Ben", "Are you sure?", False),
        (4, "Mia", "Quite sure.", False),
    ]
    assert await archive.rows() == [("discord", "Lounge", began, archive.now, ["Ada", "Ben"])]


async def test_recited_text_is_stored_as_words_of_the_bot(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(PromptTaken("r1", "Ada", "Hello, all.", recited=True, person=ADA))
    watch(answer("Hello, all."))
    assert await archive.turns() == [(1, "Mia", "Hello, all.", False)]


async def test_a_call_without_words_is_not_stored(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(CallBegan("discord", "Lounge", True))
    watch(CallEnded("Lounge", "alone"))
    assert await archive.rows() == []


async def test_words_of_people_who_opted_out_and_the_answers_to_them_are_not_stored(archive: Archive) -> None:
    archive.unwanted = {BEN}
    watch, _ = archive.call()
    watch(UtteranceHeard(BEN, "Ben", "Secret one", False))
    watch(PromptTaken("r1", "Ben", "Secret two", person=BEN))
    watch(answer("You said: secret two"))
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    watch(PromptTaken("r2", "Ada", "Hello", person=ADA, turn=TurnId(ADA, 1)))
    watch(answer("Hello, Ada"))
    archive.write(BEN, "Ben", "Secret three", "You wrote: secret three")
    archive.write(ADA, "Ada", "Hi", "Hi, Ada")
    assert words(await archive.turns()) == ["Hello", "Hello, Ada", "Hi", "Hi, Ada"]
    assert all("Ben" not in people for *_, people in await archive.rows())


async def test_chat_goes_on_in_one_conversation_until_there_is_silence(archive: Archive) -> None:
    began = archive.now
    archive.write(ADA, "Ada", "one", "1")
    archive.now += SILENCE - 1
    archive.write(BEN, "Ben", "two", "2")
    second = archive.now
    archive.now += SILENCE + 1
    archive.write(ADA, "Ada", "three", "3")
    assert await archive.rows() == [
        ("chat", "general", began, second, ["Ada", "Ben"]),
        ("chat", "general", archive.now, archive.now, ["Ada"]),
    ]


async def test_two_channels_are_two_conversations_and_a_call_is_another(archive: Archive) -> None:
    archive.write(ADA, "Ada", "here", "yes")
    archive.write(ADA, "Ada", "there", "yes", ConversationPlace(CHAT, "other", SERVER, 4))
    archive.write(ADA, "Ada", "private", "yes", ConversationPlace(CHAT, "in private", None, 5))
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "aloud", True))
    assert [(transport, place) for transport, place, *_ in await archive.rows()] == [
        ("chat", "general"),
        ("chat", "other"),
        ("chat", "in private"),
        ("discord", "Lounge"),
    ]


async def test_half_a_character_and_hostile_names_are_stored_without_harm(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada\n\udcff'); DROP TABLE turns; --", "caf\ud83d", True))
    ((_, who, text, _),) = await archive.turns()
    assert "\n" not in who
    assert text.startswith("caf")


async def test_nothing_is_stored_if_conversations_are_kept_for_zero_days(database: Database) -> None:
    archive = Archive(database, 0)
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    watch(PromptTaken("r1", "Ben", "Typed", person=BEN))
    watch(answer("Hello"))
    archive.write(ADA, "Ada", "Hi", "Hi")
    assert await archive.rows() == []
    assert await archive.turns() == []


async def test_a_damaged_list_of_people_does_not_prevent_new_turns(archive: Archive) -> None:
    archive.write(ADA, "Ada", "Hello", "Hi")
    await archive.rows()
    await archive.database.write("UPDATE conversations SET people = '[\"A'")
    archive.write(BEN, "Ben", "Hello", "Hi")
    assert [people for *_, people in await archive.rows()] == [["Ben"]]


async def test_a_channel_that_is_never_silent_begins_a_new_conversation_after_a_day_or_many_turns(
    archive: Archive,
) -> None:
    began = archive.now
    while archive.now <= began + LONGEST + SILENCE:
        archive.write(ADA, "Ada", "still here", "I see")
        archive.now += SILENCE / 2
    assert len(await archive.rows()) == 2
    for _ in range(MAX_TURNS // 2):
        archive.write(ADA, "Ada", "and on", "I see")
    assert len(await archive.rows()) == 3
