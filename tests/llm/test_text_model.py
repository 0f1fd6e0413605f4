"""Short lines, as in a chat: the first line that a model writes, without its author's name and not too long."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from bot.llm.answer import AnswerBuilder, ReplyFilter, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.deltas import Delta
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.personas import Persona
from bot.llm.small_model import ModelSize
from bot.llm.text_model import MAX_CHARS, short_line, shortened
from bot.llm.thinking import ThinkingHabit

MIKA = Persona(
    name="Mika", also_called=("Mi-chan",), description="A cat.", moods={"calm": "calm."}, default_mood="calm"
)


class Babbler:
    """A model that writes a given text word by word, and counts the words that were read."""

    def __init__(self, text: str) -> None:
        self.words = text.split(" ")
        self.written = 0

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[TextDelta, None]:
        assert never_retract
        reply = AnswerBuilder(ReplyFilter(ThinkingHabit(), speakers))
        for word in self.words:
            self.written += 1
            for piece in reply.take(Delta(word + " ")):
                if isinstance(piece, TextDelta):
                    yield piece
        for piece in reply.end():
            if isinstance(piece, TextDelta):
                yield piece

    def size_of(self, *, model: str | None = None) -> ModelSize:
        return ModelSize(model)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("Hello there.", "Hello there."),
        ("\n\n  Hello\nand more", "Hello"),
        ("Mika: Hello", "Hello"),
        ("**mi-chan:** Hello", "Hello"),
        ("Akim: Hello", "Akim: Hello"),
        ("Mikado: a play", "Mikado: a play"),
        ("@everyone, <@123>!", "everyone, someone!"),
        ("  \u200b ", ""),
    ],
)
async def test_the_first_line_is_returned_without_the_name_of_its_author(written: str, line: str) -> None:
    assert await short_line(Babbler(written), (), MIKA, 1) == line


async def test_an_endless_answer_is_cut_off() -> None:
    babbler = Babbler("bla " * 10_000)
    assert len(await short_line(babbler, (), MIKA, 1)) <= MAX_CHARS
    assert babbler.written < MAX_CHARS


@pytest.mark.parametrize(
    ("line", "end"), [("Yes. " * 100, "Yes."), ("yes " * 100, "yes…"), ("y" * 400, "y…"), ("はい。" * 150, "はい。")]
)
def test_a_long_line_ends_where_a_sentence_or_a_word_ends(line: str, end: str) -> None:
    short = shortened(line.strip())
    assert short.endswith(end)
    assert MAX_CHARS - 10 < len(short) <= MAX_CHARS
