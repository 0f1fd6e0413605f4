"""Tests of parsing transcription servers' responses in all known formats."""

from __future__ import annotations

import json

import pytest

from bot.voice.transcribe.hallucinations import TranscriptSegment
from bot.voice.transcribe.openai_responses import AnswerError, read_answer
from languages.names import language_code

VERBOSE = {
    "task": "transcribe",
    "language": "german",
    "duration": 2.1,
    "text": " Ja, genau. Gut.",
    "segments": [
        {
            "id": 0,
            "start": 0.0,
            "end": 1.2,
            "text": " Ja, genau.",
            "tokens": [1, 2],
            "temperature": 0.0,
            "avg_logprob": -0.31,
            "compression_ratio": 0.8,
            "no_speech_prob": 0.04,
        },
        {"text": " Gut.", "avg_logprob": -1.4, "compression_ratio": 0, "no_speech_prob": float("nan")},
    ],
}
SRT = "1\n00:00:00,000 --> 00:00:01,200\nThere are\n\n2\n00:00:01,200 --> 00:00:02,000\n12\n"
VTT = "WEBVTT\n\n00:00.000 --> 00:01.200\nThere are 12\n"
EVENTS = (
    'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"There "}\n\n'
    'data: {"type":"transcript.text.delta","delta":"are 12"}\n\ndata: [DONE]\n'
)


def words(body: str | bytes) -> str:
    segments = read_answer(body.encode() if isinstance(body, str) else body).segments
    return " ".join(" ".join(segment.text for segment in segments).split())


def test_the_verbose_format_has_the_language_and_the_probabilities_of_each_segment() -> None:
    answer = read_answer(json.dumps(VERBOSE).encode())
    first, second = answer.segments
    assert answer.language == "de"
    assert (first.no_speech, first.log_probability, first.compression) == (0.04, -0.31, 0.8)
    assert (second.text, second.no_speech, second.log_probability, second.compression) == (" Gut.", None, -1.4, None)


@pytest.mark.parametrize(
    "body",
    [
        '{"text": "There are 12"}',
        '\ufeff{"text": "There are 12\\n", "usage": {"type": "duration", "seconds": 2}}',
        '{"text": " There are 12", "segments": []}',
        '{"text": "There are 12", "segments": null, "language": "en"}',
        '{"text": "There are 12", "segments": [{"start": 0}]}',
        '{"text": "There are 12", "segments": [{"text": "Something else"}]}',
        '{"segments": [{"text": "There"}, {"text": "are 12"}]}',
        '[{"text": "There are"}, {"text": "12"}]',
        '{"systeminfo": "", "transcription": [{"offsets": {}, "text": " There are 12"}]}',
        SRT,
        VTT,
        EVENTS,
        'data: {"type":"transcript.text.done","text":"There are 12","logprobs":[]}\n\n',
        'data: {"text":"There"}\n\ndata: {"text":"are 12"}\n\n',
    ],
)
def test_the_words_are_found_in_every_format(body: str) -> None:
    assert words(body) == "There are 12"


@pytest.mark.parametrize(
    "body",
    ['{"text": null}', '{"text": null, "segments": []}', '{"text": ""}', '{"text": " ", "segments": []}', "WEBVTT\n"],
)
def test_a_response_may_have_no_words(body: str) -> None:
    assert words(body) == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", ""),
        ("Hello.", ""),
        ("<html><body>Sign in</body></html>", ""),
        ("[]", ""),
        ("null", ""),
        ('{"text": 7}', ""),
        ('{"text":"', ""),
        ('{"error": {"message": "model not loaded"}}', "model not loaded"),
        ('{"error": "out of memory"}', "out of memory"),
        ('data: {"error": {"message": "too long"}}', "too long"),
        (100_000 * "[", ""),
        ("data: " + 100_000 * '{"a":', ""),
    ],
)
def test_bodies_that_hold_no_transcript_are_an_error(body: str, says: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answer(body.encode())
    assert str(caught.value) == says


def test_a_number_that_is_too_large_counts_as_unknown() -> None:
    body = '{"text": "Hi.", "segments": [{"text": "Hi.", "avg_logprob": %s}]}' % (400 * "9")
    (segment,) = read_answer(body.encode()).segments
    assert segment == TranscriptSegment("Hi.")


@pytest.mark.parametrize(
    ("named", "code"),
    [("de", "de"), ("German", "de"), ("de-DE", "de"), ("zh_CN", "zh"), ("cantonese", "yue"), ("xx", None), (7, None)],
)
def test_a_language_is_known_by_any_of_its_names(named: object, code: str | None) -> None:
    assert language_code(named) == code
