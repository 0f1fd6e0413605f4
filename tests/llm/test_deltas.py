"""The pieces of an answer and the errors, as different servers write them in JSON."""

from __future__ import annotations

import pytest

from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError, error_text, parse_delta


@pytest.mark.parametrize(
    ("data", "delta"),
    [
        ('{"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}', Delta()),
        ('{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}', Delta("Hi")),
        ('{"choices":[{"delta":{"content":[{"type":"text","text":"Hi"},{"type":"image"}]}}]}', Delta("Hi")),
        ('{"choices":[{"delta":{"reasoning_content":"Hm"}}]}', Delta(reasoning="Hm")),
        ('{"choices":[{"delta":{"reasoning":"Hm"}}]}', Delta(reasoning="Hm")),
        ('{"choices":[{"delta":{},"finish_reason":"length"}]}', Delta(finished=True, reason="length")),
        (
            '{"choices":[{"message":{"content":"Whole."},"finish_reason":"stop"}]}',
            Delta("Whole.", finished=True, reason="stop", whole=True),
        ),
        ('{"choices":[{"text":"Hi","finish_reason":null}]}', Delta("Hi")),
        ('{"choices":[{"text":"","finish_reason":"stop"}]}', Delta(finished=True, reason="stop")),
        ('{"choices":[],"usage":{"total_tokens":7}}', Delta()),
        ('{"content":"Hi","stop":false}', Delta("Hi")),
        ('{"content":"","stop":true,"timings":{}}', Delta(finished=True, reason="stop")),
        ('{"content":"","stop":true,"stop_type":"limit"}', Delta(finished=True, reason="limit")),
        ('{"content":"","stop":true,"stopped_limit":true}', Delta(finished=True, reason="length")),
        ('{"timings":{}}', Delta()),
        (" [DONE] ", Delta(finished=True)),
    ],
)
def test_the_format_of_each_server_is_read(data: str, delta: Delta) -> None:
    assert parse_delta(data) == delta


@pytest.mark.parametrize(
    "data",
    [
        '{"choices":[{"delta":{"conte',
        '{"choices":{"0":{}}}',
        '{"choices":[7]}',
        '{"choices":[{"delta":"Hi"}]}',
        '{"content":7}',
        "[" * 100_000,
    ],
)
def test_data_of_no_known_format_is_refused(data: str) -> None:
    with pytest.raises(BrokenDeltaError):
        parse_delta(data)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"error":{"message":"too\\nlong","code":400}}', "too long"),
        ('{"error":"model not found"}', "model not found"),
        ('{"detail":"Not Found"}', "Not Found"),
        ('{"object":"error","message":"no"}', "no"),
        ("<html>Bad gateway</html>", ""),
        ("upstream is down", "upstream is down"),
        ("{}", ""),
        ("", ""),
    ],
)
def test_the_error_text_of_the_server_is_found(body: str, text: str) -> None:
    assert error_text(body) == text


def test_an_error_event_carries_the_text_of_the_server() -> None:
    with pytest.raises(ServerSaidError, match="out of memory"):
        parse_delta('{"error":{"message":"out of memory"}}')


def test_long_error_texts_are_cut() -> None:
    assert len(error_text("x" * 5000)) == 200
