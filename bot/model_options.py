"""How the settings say that a model server is asked."""

from __future__ import annotations

from bot.llm.options import ModelOptions
from config.settings import Settings


def model_options(settings: Settings, url: str) -> ModelOptions:
    """The options for the server at ``url``."""
    key = settings.llm_api_key
    return ModelOptions(
        url=url,
        api=settings.llm_api,
        model=settings.llm_model,
        api_key=key.get_secret_value() if key else None,
        temperature=settings.llm_temperature,
        max_tokens=settings.llm_max_tokens,
        stop=settings.llm_stop,
        chat_template=settings.llm_chat_template,
        extra=settings.llm_extra,
        context_tokens=settings.llm_context_tokens,
        connect_timeout=settings.llm_connect_timeout,
        first_token_timeout=settings.llm_first_token_timeout,
        stall_timeout=settings.llm_stall_timeout,
        chosen=frozenset(name.removeprefix("llm_") for name in settings.model_fields_set),
    )
