"""Turn taking asks the transcriber for the words of turns, and passes them on to the conversation in their order."""

from __future__ import annotations

from bot.voice.events import SpeechStarted, SpeechStopped, UtteranceHeard
from bot.voice.listening_notice import CallMode
from bot.voice.transcribe.transcriber import Transcript, Urgency
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnDropped, TurnPart, TurnStarted
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import settle
from tests.voice.effects import only
from tests.voice.turn_taking.harness import ADA, BEN, TurnTakingHarness, ended, sound


async def test_the_answer_is_prepared_at_the_pause_and_committed_at_the_end(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    assert harness.transcriber.asked[0].urgency is Urgency.SPECULATION
    assert "Ben" in harness.transcriber.asked[0].hot_words
    await harness.transcriber.say("What time is it?")
    assert harness.lines == ["hold", "speculate What time is it?"]
    assert harness.end_of_turn.asked == [(5, "What time is it?", ())]
    assert harness.pauses.estimates == [(ADA, 0.75, False)]
    await harness.feed(ended(ADA, 5))
    assert harness.lines[2:] == ["commit What time is it?", "free"]
    prompt = harness.replies.prompts[0]
    assert (prompt.author, prompt.person, prompt.at) == ("Ada", 1, 2.0)
    assert prompt.spoken is not None
    assert (prompt.spoken.paused_at, prompt.spoken.transcribed_at, prompt.spoken.ended_at) == (2.2, 3.0, 2.5)
    assert harness.watched == [
        SpeechStarted(ADA),
        SpeechStopped(ADA),
        UtteranceHeard(1, "Ada", "What time is it?", addressed=True, turn=ADA),
    ]


async def test_a_person_who_speaks_on_is_transcribed_again_from_the_start_of_the_turn(
    harness: TurnTakingHarness,
) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.feed(SpeechResumed(ADA, 2.3), SpeechPaused(ADA, sound(9), 2.9, 3.0), ended(ADA, 9))
    await harness.transcriber.say("What time is it?")
    assert [line for line in harness.lines if "speculate" in line or "commit" in line] == ["commit What time is it?"]
    assert harness.transcriber.answers[0].cancelled()


async def test_a_turn_that_ends_before_its_words_are_known_is_answered_when_they_are(
    harness: TurnTakingHarness,
) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    assert len(harness.transcriber.asked) == 1
    await harness.transcriber.say("Hello.")
    assert harness.lines == ["hold", "commit Hello.", "free"]


async def test_turns_are_concluded_in_the_order_in_which_they_ended(harness: TurnTakingHarness) -> None:
    for turn, number in ((ADA, 5), (BEN, 6)):
        await harness.feed(
            TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2), ended(turn, number)
        )
    await harness.transcriber.say("Second.", 1)
    assert not any("commit" in line for line in harness.lines)
    await harness.transcriber.say("First.", 0)
    assert [line for line in harness.lines if "commit" in line] == ["commit First.", "commit Second."]


async def test_an_ignored_person_has_captions_but_never_reaches_the_model(harness: TurnTakingHarness) -> None:
    harness.people.ignored.add(1)
    for number, text in ((1, "What time is it?"), (2, "again"), (3, "others: lunch?")):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.say(text)
        assert harness.watched[-1] == UtteranceHeard(1, "Ada", text, addressed=False, turn=turn), (
            "the words are still reported"
        )
    assert harness.commands == []
    assert harness.replies.prompts == []
    assert {line.split()[0] for line in harness.lines} <= {"hold", "free", "discard"}


async def test_the_conversation_learns_who_begins_to_speak_to_the_bot(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), TurnStarted(BEN, 1.0, 1.1))
    assert harness.replies.read == ["Ada: ", "Ben: "]
    harness.people.ignored.add(1)
    harness.turn_taking.mode = CallMode.TRANSCRIBE
    await harness.feed(TurnStarted(TurnId(2, 2), 2.0, 2.1))
    harness.turn_taking.mode = CallMode.TALK
    await harness.feed(TurnStarted(TurnId(1, 2), 2.0, 2.1))
    assert harness.replies.read == ["Ada: ", "Ben: "], "Ada is ignored now, and Ben is only transcribed"


async def test_utterances_for_other_people_are_overheard(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await harness.transcriber.say("others: lunch?")
    assert "overhear Ada (1): others: lunch?" in harness.lines
    assert only(UtteranceHeard, harness.watched) == [
        UtteranceHeard(1, "Ada", "others: lunch?", addressed=False, turn=ADA)
    ]


async def test_a_command_comes_with_the_persons_utterance_before_it(harness: TurnTakingHarness) -> None:
    for number, text in ((1, "What time is it?"), (2, "again")):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.say(text)
    assert harness.commands == [SpokenCommand(VoiceCommand.REPEAT_ME, 1, "Ada", "What time is it?")]


async def test_the_last_words_of_a_person_who_has_opted_out_meanwhile_are_not_said_again(
    harness: TurnTakingHarness,
) -> None:
    for number, text in ((1, "What time is it?"), (2, "again")):
        turn = TurnId(1, number)
        await harness.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await harness.transcriber.say(text)
        if number == 1:
            harness.turn_taking.forget(1)
    assert harness.commands == [SpokenCommand(VoiceCommand.REPEAT_ME, 1, "Ada", None)]


async def test_a_long_turn_is_the_sum_of_its_parts(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(8), 2.0), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.feed(ended(ADA, 5))
    assert [request.urgency for request in harness.transcriber.asked] == [Urgency.FINAL, Urgency.SPECULATION]
    await harness.transcriber.say("and then they left.", 1)
    await harness.transcriber.say("We talked", 0)
    assert "commit We talked and then they left." in harness.lines


async def test_a_turn_that_is_dropped_leaves_nothing(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await harness.feed(TurnDropped(ADA, 2.4))
    assert harness.transcriber.answers[0].cancelled()
    assert harness.lines == ["hold", "discard", "free"]
    await harness.feed(ended(ADA, 5))
    assert harness.lines == ["hold", "discard", "free"]


async def test_a_dropped_turn_does_not_block_later_turns(harness: TurnTakingHarness) -> None:
    for turn, number in ((ADA, 5), (BEN, 6)):
        await harness.feed(
            TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2), ended(turn, number)
        )
    await harness.transcriber.say("Second.", 1)
    await harness.feed(TurnDropped(ADA, 2.6))
    assert "commit Second." in harness.lines


async def test_a_german_speakers_short_answer_is_transcribed_as_german(harness: TurnTakingHarness) -> None:
    long, short = TurnId(1, 1), TurnId(1, 2)
    sentence = Transcript("Ich war gestern mit meiner Schwester im Kino.", "de", language_probability=0.98)
    await harness.feed(TurnStarted(long, 1.0, 1.1), SpeechPaused(long, sound(64_000), 2.0, 2.2), ended(long, 64_000))
    harness.transcriber.answers[-1].set_result(sentence)
    await harness.feed(TurnStarted(short, 5.0, 5.1), SpeechPaused(short, sound(16_000), 6.0, 6.2), ended(short, 16_000))
    await harness.feed(TurnStarted(BEN, 7.0, 7.1), SpeechPaused(BEN, sound(16_000), 8.0, 8.2))
    assert [request.language for request in harness.transcriber.asked] == [None, "de", None]


async def test_an_utterance_has_the_language_of_its_words(harness: TurnTakingHarness) -> None:
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    harness.transcriber.answers[-1].set_result(Transcript("Wie geht's?", "de"))
    await settle()
    assert harness.watched[-1] == UtteranceHeard(1, "Ada", "Wie geht's?", addressed=True, language="de", turn=ADA)


async def test_speech_starts_and_stops_once_in_each_turn(harness: TurnTakingHarness) -> None:
    started, stopped = SpeechStarted(ADA), SpeechStopped(ADA)
    await harness.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), SpeechResumed(ADA, 2.3))
    assert harness.watched == [started], "a pause is no end"
    await harness.feed(TurnDropped(ADA, 3.0))
    assert harness.watched == [started, stopped]
    again = TurnId(1, 2)
    await harness.feed(TurnStarted(again, 4.0, 4.1), ended(again, 5), TurnDropped(again, 5.0))
    assert harness.watched[2:] == [SpeechStarted(again), SpeechStopped(again)]
