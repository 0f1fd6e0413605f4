"""Detection of the conversation's language, in which the first words of a reply are spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.ports import Responder
from bot.voice.turn import Prompt, PromptKind
from tests.voice.dialogue.instant_talk import InstantTalk
from tests.voice.doubles import RecordingSpeech, RepeatingResponder


def typed(text: str) -> Prompt:
    return Prompt("Ada", text, 0.0)


@pytest.fixture
async def language() -> ConversationLanguage:
    language = ConversationLanguage()
    await language.load()
    return language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Wie wird das Wetter morgen?", "de"),
        ("Was machst du am liebsten, wenn es regnet?", "de"),
        ("Quel temps fera-t-il demain ?", "fr"),
        ("Raconte-moi une histoire, s'il te plaît.", "fr"),
        ("¿Qué tiempo hará mañana?", "es"),
        ("Che tempo farà domani a Roma?", "it"),
        ("What will the weather be like tomorrow?", "en"),
        ("Какая завтра будет погода?", "ru"),
        ("明日の天気はどうですか", "ja"),
        ("내일 날씨가 어때요?", "ko"),
    ],
)
def test_the_language_of_a_sentence_is_recognised(language: ConversationLanguage, text: str, code: str) -> None:
    assert language.of(typed(text)) == code


@pytest.mark.parametrize("text", ["Okay.", "Ada!", "Pizza?", "Sing.", "A story!", "12:30", "Stop", "Haha!", "GitHub?"])
def test_a_text_of_uncertain_language_keeps_the_conversations_language(
    language: ConversationLanguage, text: str
) -> None:
    assert language.of(typed(text)) in (None, "en")
    assert language.of(typed("Wie wird das Wetter morgen?")) == "de"
    assert language.of(typed(text)) == "de"


def test_the_usual_language_of_a_speaker_counts(language: ConversationLanguage) -> None:
    assert language.of(Prompt("Ada", "Okay.", 0.0, language="fr")) == "fr"
    assert language.of(Prompt("Ben", "Wie wird das Wetter morgen?", 0.0, language="en")) == "de"


def test_answers_count_for_the_language_too(language: ConversationLanguage) -> None:
    language.heard("Das weiß ich leider auch nicht genau.")
    assert language.of(typed("Okay.")) == "de"
    language.heard("Haha!")
    assert language.of(typed("Okay.")) == "de"


def test_only_usual_languages_count_before_the_detection_is_loaded() -> None:
    language = ConversationLanguage()
    assert language.of(typed("Wie wird das Wetter morgen?")) is None
    assert language.of(Prompt("Ada", "Wie wird das Wetter morgen?", 0.0, language="de")) == "de"


class JournalledLanguage(ConversationLanguage):
    """The language of a conversation; it writes down when a prompt's language is detected."""

    def __init__(self, journal: list[str]) -> None:
        super().__init__()
        self._journal = journal

    def of(self, prompt: Prompt) -> str | None:
        self._journal.append("language detected")
        return super().of(prompt)


class JournalledResponder(RepeatingResponder):
    """A responder that writes down when it is asked."""

    def __init__(self, journal: list[str]) -> None:
        self._journal = journal

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self._journal.append("model asked")
        async for text in super().answer(asked, progress):
            yield text


async def converse(
    prompts: Sequence[Prompt], speech: RecordingSpeech, language: ConversationLanguage, responder: Responder
) -> None:
    """Have prompts answered one after another."""
    talk = InstantTalk(responder, speech, language=language)
    await language.load()
    async with talk.running():
        for prompt in prompts:
            await talk.answer(prompt)


async def test_a_reply_is_sent_with_the_language_of_its_prompt() -> None:
    speech = RecordingSpeech()
    prompts = (
        typed("Wie wird das Wetter morgen?"),
        typed("Okay!"),
        Prompt("Ada", "Je vous souhaite une bonne nuit.", 0.0, kind=PromptKind.RECITE),
    )
    await converse(prompts, speech, ConversationLanguage(), RepeatingResponder())
    assert list(dict.fromkeys(each.conversation_language for each in speech.asked)) == ["de", "fr"]


async def test_the_model_does_not_wait_for_the_detection() -> None:
    journal: list[str] = []
    speech = RecordingSpeech()
    await converse([typed("Wie wird das Wetter?")], speech, JournalledLanguage(journal), JournalledResponder(journal))
    assert journal == ["model asked", "language detected"]
    assert speech.asked[0].conversation_language == "de"
