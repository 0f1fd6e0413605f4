"""Error messages of many model servers: the field that was refused is found, and so is its new name if there is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.llm.dialect import RefusedField, refused_fields, refuses_system_role

SENT: dict[str, Any] = {
    "stream": True,
    "temperature": 0.8,
    "model": "m",
    "messages": [],
    "max_tokens": 500,
    "stop": ["User:"],
    "cache_prompt": True,
    "chat_template_kwargs": {"enable_thinking": False},
    "stream_options": {"include_usage": True},
    "top_k": 40,
}


def openai(message: str, **more: Any) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **more}})


@pytest.mark.parametrize(
    ("answer", "name", "renamed"),
    [
        (
            openai(
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                param="max_tokens",
                code="unsupported_parameter",
            ),
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            openai("max_tokens is not supported with this model. Use max_completion_tokens instead."),
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            openai(
                "Unsupported value: 'temperature' does not support 0.8 with this model. "
                "Only the default (1) value is supported.",
                param="temperature",
                code="unsupported_value",
            ),
            "temperature",
            None,
        ),
        # Azure, and OpenAI in earlier versions
        (openai("Unrecognized request argument supplied: cache_prompt"), "cache_prompt", None),
        (openai("Unrecognized request argument supplied: stop"), "stop", None),
        (openai("Unknown parameter: 'chat_template_kwargs'."), "chat_template_kwargs", None),
        # Other wordings, other languages, and other kinds of lists
        ('{"error":"max_tokens has been renamed to max_completion_tokens."}', "max_tokens", "max_completion_tokens"),
        (
            '{"error":"It does not accept max_tokens; it wants max_completion_tokens"}',
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            "{\"error\":\"'max_tokens' was removed. Please set 'max_completion_tokens'.\"}",
            "max_tokens",
            "max_completion_tokens",
        ),
        (openai("Der Parameter 'max_tokens' wird nicht unterstützt."), "max_tokens", None),
        ('{"violations":[{"propertyPath":"top_k","message":"This value should be blank."}]}', "top_k", None),
        ('{"error":{"code":"bad_request","invalid_params":["top_k"]}}', "top_k", None),
        ('{"error":{"issues":[{"code":"unrecognized_keys","keys":["top_k"],"path":[]}]}}', "top_k", None),
        ('{"error":{"issues":[{"code":"invalid_type","path":["stop"],"message":"Expected nothing"}]}}', "stop", None),
        ('{"errors":[{"source":{"pointer":"/top_k"},"detail":"is not allowed"}]}', "top_k", None),
        ('{"errors":[{"instancePath":"/stream_options/include_usage"}]}', "stream_options.include_usage", None),
        ('{"error":"bad","details":[{"params":{"additionalProperty":"stop"}}]}', "stop", None),
        # xAI
        ('{"code":"invalid argument","error":"Argument not supported on this model: stop"}', "stop", None),
        ('{"error":"Argument not supported on this model: cachePrompt"}', "cache_prompt", None),
        # Groq, Cerebras
        (openai("property 'cache_prompt' is unsupported"), "cache_prompt", None),
        (
            '{"message":"body.top_k : property \'body.top_k\' is unsupported","param":"validation_error"}',
            "top_k",
            None,
        ),
        # FastAPI
        (
            '{"detail":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}',
            "top_k",
            None,
        ),
        (
            '{"detail":[{"loc":["body","temperature"],"msg":"ensure this value is less than or equal to 0.5"}]}',
            "temperature",
            None,
        ),
        ('{"detail":[{"loc":["body","stop","list[str]",0],"msg":"too long"}]}', "stop", None),
        # Mistral
        (
            '{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","cache_prompt"],'
            '"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error"}',
            "cache_prompt",
            None,
        ),
        # vLLM: pydantic's errors turned into text
        (
            "{\"object\":\"error\",\"message\":\"[{'type': 'extra_forbidden', 'loc': ('body', 'top_k'), "
            "'msg': 'Extra inputs are not permitted', 'input': {'temperature': 0.8}}]\",\"code\":400}",
            "top_k",
            None,
        ),
        # Gemini, which answers with a list
        (
            '[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \\"cache_prompt\\": '
            'Cannot find field.","status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"description":'
            '"Unknown name \\"cache_prompt\\": Cannot find field."}]}]}}]',
            "cache_prompt",
            None,
        ),
        (
            '[{"error":{"code":400,"message":"* GenerateContentRequest.generation_config.stop_sequences: '
            'at most 5 are allowed"}}]',
            "stop",
            None,
        ),
        # text-generation-inference
        ('{"error":"Input validation error: `temperature` must be strictly positive"}', "temperature", None),
        ('{"error":"Input validation error: `stop` supports up to 4 stop sequences. Given: 6"}', "stop", None),
        (
            "Failed to deserialize the JSON body into the target type: unknown field `top_k`, expected one of "
            "`messages`, `model`, `temperature`, `max_tokens` at line 1 column 9",
            "top_k",
            None,
        ),
        # LiteLLM
        (
            openai(
                "litellm.UnsupportedParamsError: gpt-5 models don't support temperature=0.8. Only temperature=1 is "
                "supported. To drop unsupported params set `litellm.drop_params = True`"
            ),
            "temperature",
            None,
        ),
        (openai("openai does not support parameters: ['top_k'], for model=o1"), "top_k", None),
        # OpenRouter packs another server's answer into a text
        (
            json.dumps(
                {
                    "error": {
                        "message": "Provider returned error",
                        "code": 400,
                        "metadata": {"raw": openai("'stop' is not supported", param="stop")},
                    }
                }
            ),
            "stop",
            None,
        ),
        # Others
        (openai("'stop' : maximum number of items is 1"), "stop", None),
        (openai("'temperature' and 'top_k' cannot both be specified."), "temperature", None),
        ('{"status":422,"errors":{"stop":["stop is not a valid field"]}}', "stop", None),
        (openai("Invalid request: stop sequences are not supported"), "stop", None),
        ('{"error":"json: unknown field \\"top_k\\""}', "top_k", None),
        # Anthropic
        (
            openai("max_tokens: 500 > 256, which is the maximum allowed number of output tokens"),
            "max_tokens",
            None,
        ),
        (openai("temperature: range: 0..1"), "temperature", None),
        (openai("top_k: Extra inputs are not permitted"), "top_k", None),
        # Ollama
        ('{"error":{"message":"\\"gemma3:1b\\" does not support thinking"}}', "chat_template_kwargs", None),
        # A field inside another field
        (
            openai("Unknown parameter: 'stream_options.include_usage'.", param="stream_options.include_usage"),
            "stream_options.include_usage",
            None,
        ),
        (
            '{"detail":[{"loc":["body","chat_template_kwargs","enable_thinking"],"msg":"Extra inputs"}]}',
            "chat_template_kwargs.enable_thinking",
            None,
        ),
    ],
)
def test_the_refused_field_is_found(answer: str, name: str, renamed: str | None) -> None:
    assert [(field.name, field.renamed) for field in refused_fields(answer, SENT)] == [(name, renamed)]


def test_all_fields_of_a_list_are_left_out_at_once() -> None:
    listed = '{"detail":[{"loc":["body","top_k"],"msg":"no"},{"loc":["body","cache_prompt"],"msg":"no"}]}'
    assert refused_fields(listed, SENT) == (RefusedField(("top_k",)), RefusedField(("cache_prompt",)))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "[" * 100_000,
        openai("The model `m` does not exist", param="model", code="model_not_found"),
        openai("messages[0].content is not supported", param="messages.[0].content"),
        '{"detail":[{"loc":["body","messages",0,"role"],"msg":"Input should be \'user\'"}]}',
        '{"detail":[{"loc":["body","user_id"],"msg":"Field required","type":"missing"}]}',
        openai("'stream' must be true"),
        # This answer names a field but does not refuse it.
        openai("Could not finish the message because max_tokens was reached. Please try again with higher max_tokens."),
        openai("Please stop. This is not supported."),
        openai("CUDA error: device-side assert triggered"),
    ],
)
def test_no_other_error_is_taken_for_the_refusal_of_a_field_that_can_be_left_out(answer: str) -> None:
    assert refused_fields(answer, SENT) == ()


def test_a_plain_word_inside_another_field_is_not_taken_for_a_field_name() -> None:
    sent = {**SENT, "thinking": {"type": "disabled"}}
    assert refused_fields(openai("invalid type: an object was expected"), sent) == ()
    assert refused_fields(openai("thinking.type: not supported"), sent) != ()


@pytest.mark.parametrize(
    "answer",
    [
        openai("Unsupported parameter: 'max_tokens'. Use 'messages' instead."),
        openai("Unsupported parameter: 'max_tokens'. Use the default instead."),
        openai("Unsupported parameter: 'max_tokens'. To go on, use `litellm.drop_params`."),
    ],
)
def test_no_other_word_is_taken_for_the_new_name_of_a_field(answer: str) -> None:
    assert refused_fields(answer, SENT) == (RefusedField(("max_tokens",)),)


@pytest.mark.parametrize(
    "answer",
    [
        openai("System role not supported"),
        openai("Unsupported value: 'messages[0].role' does not support 'system' with this model."),
        openai("Developer instruction is not enabled for models/gemma-3-27b-it"),
        openai("Conversation roles must alternate user/assistant/user/assistant/..."),
    ],
)
def test_an_error_about_the_system_role_is_recognised(answer: str) -> None:
    assert refuses_system_role(answer)
    assert refused_fields(answer, SENT) == ()
