"""The toy language model: its answers, and the making of its file."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from config.engine_sections import ModelApi
from tests.llm.answers import texts
from toys.llm.phrases import DEFAULT_ANSWER, TOY_PHRASES, ToyPhrase, expected_phrase
from toys.llm.vocabulary import answer_pieces
from toys.llm.weights import TOY_MODEL_NAME, toy_weights

SYSTEM = ChatMessage("system", "You tell jokes, you sing, and you know what time it is. What a story!")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_weights(tmp_path_factory.mktemp("toy"))


def named(name: str) -> ToyPhrase:
    return next(phrase for phrase in TOY_PHRASES if phrase.name == name)


async def answers(
    weights: Path, talks: Sequence[Sequence[ChatMessage]], api: ModelApi = ModelApi.CHAT, temperature: float = 0.8
) -> list[str]:
    async with EmbeddedModelServer(weights, name=TOY_MODEL_NAME) as server:
        options = ModelOptions(server.base_url(api), api, temperature=temperature)
        async with ModelClient(options) as client:
            return ["".join(await texts(client.text(talk))) for talk in talks]


async def answers_to(weights: Path, *questions: str) -> list[str]:
    return await answers(weights, [[ChatMessage("user", question)] for question in questions])


@pytest.mark.parametrize("api", ModelApi)
@pytest.mark.parametrize("temperature", [0.0, 2.0])
async def test_every_question_gets_its_answer(weights: Path, api: ModelApi, temperature: float) -> None:
    talks = [[SYSTEM, ChatMessage("user", f"Ann: {phrase.question}")] for phrase in TOY_PHRASES]
    assert await answers(weights, talks, api, temperature) == [phrase.answer for phrase in TOY_PHRASES]


@pytest.mark.parametrize("api", ModelApi)
async def test_only_the_last_message_counts(weights: Path, api: ModelApi) -> None:
    talk = [SYSTEM]
    talks = []
    for phrase in TOY_PHRASES:
        talk += [ChatMessage("user", f"Ann: {phrase.question}")]
        talks.append(tuple(talk))
        talk += [ChatMessage("assistant", phrase.answer)]
    assert await answers(weights, talks, api) == [phrase.answer for phrase in TOY_PHRASES]


async def test_the_words_of_a_question_choose_the_same_answer_as_in_the_table(weights: Path) -> None:
    questions = [
        "HELLO! Tell me a Joke, please.",
        "hi, how are you doing?",
        "Thanks, bye",
        "sing, sing a song about a story",
        "tell me",
        "can you see that",
        "ignore the singleton, it is timeless",
        "日本語で話して、元気？",
        "what's your name",
        "x" * 3000 + " what is the time " + "y" * 500,
        "story " * 300 + "joke " * 310,
        "👋",
        "",
    ]
    expected = [expected_phrase(question) for question in questions]
    assert [phrase.name for phrase in expected] == [
        *("joke", "feeling", "thanks", "sing", "default", "default", "default"),
        *("japanese", "name", "time", "joke", "default", "default"),
    ]
    assert await answers_to(weights, *questions) == [phrase.answer for phrase in expected]


async def test_a_prompt_without_turns_is_answered_too(weights: Path) -> None:
    talks = [[ChatMessage("system", "Sing!")], [ChatMessage("assistant", "La.")]]
    assert await answers(weights, talks) == [DEFAULT_ANSWER] * 2


def test_each_question_is_an_example_of_its_phrase() -> None:
    assert [expected_phrase(phrase.question) for phrase in TOY_PHRASES] == list(TOY_PHRASES)


def test_the_toy_says_that_it_is_a_toy_and_how_to_get_a_real_model() -> None:
    assert named("default").answer == DEFAULT_ANSWER
    assert "toy" in DEFAULT_ANSWER
    assert "LLM_URL" in DEFAULT_ANSWER


def test_there_are_many_answers_and_a_long_story() -> None:
    assert len({phrase.answer for phrase in TOY_PHRASES}) >= 12
    assert len(named("story").answer.split()) >= 60


def test_a_piece_is_about_a_word_and_never_repeats() -> None:
    pieces = answer_pieces([phrase.answer for phrase in TOY_PHRASES])
    assert ["".join(answer) for answer in pieces] == [phrase.answer for phrase in TOY_PHRASES]
    every = [piece for answer in pieces for piece in answer]
    assert len(every) == len(set(every))
    assert max(len(piece.split()) for piece in every) <= 4


@pytest.mark.parametrize(
    ("texts", "pieces"),
    [
        (["a b a b a c"], [["a", " b", " a", " b a", " c"]]),
        (["a b", "a b"], [["a", " b"], ["a b"]]),
        (["a b c b"], [["a", " b", " c b"]]),
    ],
)
def test_a_piece_that_would_repeat_is_joined_with_the_next_one(texts: list[str], pieces: list[list[str]]) -> None:
    assert answer_pieces(texts) == pieces


def test_the_file_is_small_and_always_the_same(weights: Path, tmp_path: Path) -> None:
    again = toy_weights(tmp_path)
    assert again.name == weights.name
    assert again.read_bytes() == weights.read_bytes()
    assert again.stat().st_size < 8_000_000


def test_a_cached_file_is_used_as_it_is(tmp_path: Path) -> None:
    path = toy_weights(tmp_path)
    path.write_bytes(b"kept")
    assert toy_weights(tmp_path).read_bytes() == b"kept"


def test_several_makers_at_once_leave_one_whole_file(weights: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as makers:
        paths = set(makers.map(lambda _: toy_weights(tmp_path / "cache"), range(8)))
    assert [*(tmp_path / "cache").iterdir()] == [*paths]
    assert paths.pop().read_bytes() == weights.read_bytes()


def test_remains_of_a_killed_maker_are_removed(weights: Path, tmp_path: Path) -> None:
    (tmp_path / f".{weights.name}.part").write_bytes(bytes(10_000_000))
    assert toy_weights(tmp_path).read_bytes() == weights.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [weights.name]


def test_progress_runs_to_its_end(tmp_path: Path) -> None:
    shares: list[float] = []

    def report(share: float, doing: str) -> None:
        assert doing
        shares.append(share)

    toy_weights(tmp_path, report)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
