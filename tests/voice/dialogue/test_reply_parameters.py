"""The speech parameters of a reply stay as they were when it began. Its prompt may set the voice and the language."""

from __future__ import annotations

from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.reply_parameters import ReplyParameters
from bot.voice.turn import Prompt
from wire.parameters import SpeechParameters


def test_a_reply_keeps_the_parameters_with_which_it_began() -> None:
    manners = iter([SpeechParameters(speed=0.8), SpeechParameters(speed=1.2)])
    parameters = ReplyParameters(lambda: next(manners), None)
    parameters.begin(Prompt("Ada", "Hello!", 0.0))
    assert [parameters.current().speed for _ in range(2)] == [0.8, 0.8]
    parameters.begin(Prompt("Ada", "And now?", 0.0))
    assert parameters.current().speed == 1.2


def test_the_voice_of_the_prompt_counts_before_the_usual_voice() -> None:
    parameters = ReplyParameters(lambda: SpeechParameters(voice="joe"), None)
    parameters.begin(Prompt("Ada", "Hello!", 0.0, voice="robin"))
    assert parameters.current().voice == "robin"
    parameters.begin(Prompt("Ada", "Hello!", 0.0))
    assert parameters.current().voice == "joe"


def test_the_language_of_a_reply_is_that_of_its_own_prompt() -> None:
    parameters = ReplyParameters(SpeechParameters, ConversationLanguage())
    parameters.begin(Prompt("Ada", "Hallo!", 0.0, language="de"))
    assert parameters.current().conversation_language == "de"
    parameters.begin(Prompt("Ben", "Salut !", 0.0, language="fr"))
    assert [parameters.current().conversation_language for _ in range(2)] == ["fr", "fr"]
