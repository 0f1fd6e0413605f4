"""The benchmark that finds passages of documents for questions: its questions, its figures and its embedding model."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.embeddings.e5 import E5
from benchmarks.embeddings.e5_file import MAGIC, Q4, dequantised
from benchmarks.errors import MeasurementError
from benchmarks.knowledge_recall import SET, Question, read_questions, recall_of
from bot.knowledge.following import update
from bot.knowledge.index import FILE, Index


async def test_each_question_is_answered_by_exactly_one_passage(tmp_path: Path) -> None:
    questions = read_questions(SET / "questions.tsv")
    assert (len(questions), len(set(questions))) == (100, 100)
    assert min(Counter(each.language for each in questions).values()) >= 25
    with Index(tmp_path / FILE) as index:
        done = await update(index, SET / "documents")
        assert (done.read, done.problems) == (60, [])
        ids = index.ids()
        passages = [each for at in range(0, len(ids), 50) for each in index.passages(ids[at : at + 50]).values()]
    for question in questions:
        answers = [each for each in passages if each.path == question.document and question.says in each.text]
        assert len(answers) == 1, question


def test_recall_is_counted_by_rank_by_language_and_for_each_half_of_the_questions() -> None:
    questions = [Question(language, f"{at}?", "a.md", "x") for at, language in enumerate(("en", "en", "de", "zh"))]
    recall = recall_of("both", questions, [0, None, 4, 0])
    assert (recall.first, recall.five, recall.halves) == (0.5, 0.75, (1.0, 0.5))
    assert recall.by_language == {"en": 0.5, "de": 1.0, "zh": 1.0}
    assert recall.missed == ("1?",)


def test_questions_in_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "questions.tsv").write_text("question\tanswer\nWho?\tMe\n", encoding="utf-8")
    with pytest.raises(MeasurementError, match="can't be read"):
        read_questions(tmp_path / "questions.tsv")


def test_blocks_of_four_bit_numbers_become_weights() -> None:
    block = np.zeros(1, Q4)
    block["scale"], block["nibbles"][0, 0], block["nibbles"][0, 15] = 0.5, 0x9F, 0x08
    weights = dequantised(block)[0]
    assert (weights[0], weights[16], weights[15], weights[31], weights[1]) == (3.5, 0.5, 0.0, -4.0, -4.0)


def test_vectors_have_length_1_and_depend_on_the_order_of_the_words(tmp_path: Path) -> None:
    model = E5(_file_of_small_weights(tmp_path / "weights.bin"))
    vectors = [model.embed(text) for text in ("query: a b", "query: b a", "query: ａ  b", "query: " + "a b " * 900)]
    assert all(np.linalg.norm(each) == pytest.approx(1) and each.dtype == np.float32 for each in vectors)
    assert not np.allclose(vectors[0], vectors[1]), "the order of the words counts"
    assert np.allclose(vectors[0], vectors[2]), "a wide letter is read as the usual one, and two blanks as one"


def _file_of_small_weights(path: Path) -> Path:
    """A file with a small model: vectors of 64 numbers, 2 layers, 7 word pieces, and random weights."""
    width, layers, middle, places = 64, 2, 128, 600
    rng = np.random.default_rng(1)
    pieces = [
        ("<s>", 0.0),
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁a", -1.0),
        ("▁b", -1.0),
        ("▁query:", -1.0),
    ]
    names = [piece.encode() for piece, _ in pieces]
    starts = np.cumsum([0, *map(len, names)]).astype("<u4").tobytes()
    head = MAGIC + struct.pack("<I7i", 1, width, layers, 4, middle, len(pieces), places, 1)
    head += struct.pack("<fi5iQ", 1e-12, 32, len(pieces), 0, 2, 1, 3, sum(map(len, names)))
    head += starts + np.array([score for _, score in pieces], "<f4").tobytes() + b"".join(names)
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", ord("ａ"), 1, ord("a"))

    def quantised(rows: int, columns: int) -> bytes:
        blocks = np.zeros(rows * columns // 32, Q4)
        blocks["scale"], blocks["nibbles"] = 0.02, rng.integers(0, 256, blocks["nibbles"].shape)
        return blocks.tobytes()

    def plain(count: int, value: float | None = None) -> bytes:
        return (rng.normal(size=count) if value is None else np.full(count, value)).astype("<f4").tobytes()

    tensors = {"emb.word": quantised(len(pieces), width), "emb.pos": plain(places * width), "emb.type": plain(width)}
    norms = ["emb.ln", *(f"l{layer}.{name}" for layer in range(layers) for name in ("aln", "oln"))]
    tensors |= {f"{name}.{part}": plain(width, float(part == "w")) for name in norms for part in "wb"}
    for layer in range(layers):
        for name, rows, columns in (
            *((part, width, width) for part in ("q", "k", "v", "ao")),
            ("fi", middle, width),
            ("fo", width, middle),
        ):
            tensors |= {f"l{layer}.{name}.w": quantised(rows, columns), f"l{layer}.{name}.b": plain(rows)}
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, raw in tensors.items():
        directory += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), 0, 0, size + len(body), len(raw))
        body += raw
    path.write_bytes(head + directory + body)
    return path
