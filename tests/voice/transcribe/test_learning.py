"""Words that people correct in transcripts are added to the operator's file of corrections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.learning import MAX_BYTES, MAX_WORDS, LearnedCorrections, replaced_words


@pytest.mark.parametrize(
    ("heard", "meant", "pairs"),
    [
        ("Hello sea you, how are you?", "Hello Seiyuu, how are you?", {"sea you": "Seiyuu"}),
        ("I met Jason and Carla.", "I met Jaison and Karla.", {"Jason": "Jaison", "Carla": "Karla"}),
        ("the same", "The same!", {}),
        # A word that was added replaces none.
        ("one two", "one two three", {}),
        # Too short to be learned, too many words in a row, and too many words in all.
        ("a", "the", {}),
        ("one two three four five six", "x", {}),
        ((MAX_WORDS + 1) * "word ", (MAX_WORDS + 1) * "other ", {}),
        ("x: &y [z] gurke", "x: &y [z] Kürbis", {"gurke": "Kürbis"}),
        ("", "", {}),
    ],
)
def test_the_words_that_were_replaced_are_found(heard: str, meant: str, pairs: dict[str, str]) -> None:
    assert replaced_words(heard, meant) == pairs


async def test_learned_words_apply_at_once_and_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text("", encoding="utf-8")
    corrections = Corrections({"jason": "Jaison"})
    # JSON may escape this Chinese character as two halves (surrogates), which YAML does not join. So it is not escaped.
    learned = await LearnedCorrections(file, corrections).learn("Hello sea you", "Hello 𠀀 Seiyuu")
    assert learned.pairs == {"sea you": "𠀀 Seiyuu"}
    for each in (corrections, Corrections.read(file)):
        assert each.apply("Sea you, yes!") == "𠀀 Seiyuu, yes!"
    assert corrections.apply("jason") == "Jaison"


async def test_the_file_is_made_at_the_first_correction_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "corrections.yaml"
    learning = LearnedCorrections(file, Corrections())
    assert not (await learning.learn("Hello sea you", "Hello sea you")).pairs
    assert not file.exists()
    assert (await learning.learn("Hello sea you", "Hello Seiyuu")).pairs
    assert (await learning.learn("I met Jason", "I met Jaison")).pairs
    first, *lines = file.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# What was heard, and what was meant.")
    assert lines == ['"sea you": "Seiyuu"', '"Jason": "Jaison"']
    assert file.stat().st_mode & 0o777 == 0o600


class StepsBetweenLooks:
    """The ``sleep`` of :meth:`LearnedCorrections.follow`. Instead of waiting, each call does the test's next step.

    The call after the last step raises :class:`asyncio.CancelledError`, which ends ``follow``.
    """

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)

    async def __call__(self, _: float) -> None:
        if not self._steps:
            raise asyncio.CancelledError
        self._steps.pop(0)()


async def test_a_changed_file_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "corrections.yaml"
    corrections = Corrections({"jason": "Jaison"})
    found: list[str] = []

    def correct() -> None:
        """Apply the corrections to a sentence, and note the result."""
        found.append(corrections.apply("sea you, Jason"))

    def changed(text: str) -> Callable[[], object]:
        return lambda: file.write_text(text, encoding="utf-8")

    steps = (changed("sea you: Seiyuu\n"), correct, correct, changed("a: [\n"), correct, file.unlink, correct)
    learning = LearnedCorrections(file, corrections, sleep=StepsBetweenLooks(*steps))
    with pytest.raises(asyncio.CancelledError):
        await learning.follow()
    assert found == ["Seiyuu, Jason", "Seiyuu, Jason", "Seiyuu, Jason", "sea you, Jason"]
    (warning,) = caplog.messages
    assert warning.startswith("The corrections stay as they were: ")


async def test_learned_words_stay_when_the_file_is_looked_at(tmp_path: Path) -> None:
    corrections = Corrections()
    learning = LearnedCorrections(tmp_path / "corrections.yaml", corrections, sleep=StepsBetweenLooks())
    await learning.learn("Hello sea you", "Hello Seiyuu")
    # `follow` looks at the file once before it sleeps for the first time.
    with pytest.raises(asyncio.CancelledError):
        await learning.follow()
    assert corrections.apply("sea you") == "Seiyuu"


@pytest.mark.parametrize(
    "content", ["{jason: Jaison}\n", "jason: Jaison\n...\n", "- no\n", "a: [\n", "#" * MAX_BYTES + "\n#"]
)
async def test_a_file_to_which_nothing_can_be_added_stays_as_it_is(tmp_path: Path, content: str) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text(content, encoding="utf-8")
    corrections = Corrections()
    learned = await LearnedCorrections(file, corrections).learn("Hello sea you", "Hello Seiyuu")
    assert not learned.pairs
    assert "STT_CORRECTIONS" in learned.reason
    assert file.read_text(encoding="utf-8") == content
    assert corrections.apply("sea you") == "sea you"


async def test_without_a_usable_file_the_reason_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "corrections.yaml"):
        learned = await LearnedCorrections(path, Corrections()).learn("Hello sea you", "Hello Seiyuu")
        assert not learned.pairs
        assert "STT_CORRECTIONS" in learned.reason
        assert str(tmp_path) not in learned.reason
