"""Helpers that ask a scripted model server, and the server's usual answers."""

from __future__ import annotations

import asyncio
import json

from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from tests.http_server import Handler
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, answering, said, streaming

OPTIONS = ModelOptions("", model="m", stop=("User:",), first_token_timeout=20)
HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))
ANSWER = streaming(said("Hello."), FINISHED)


def refusing(message: str, status: int = 400) -> Handler:
    return answering(status, json.dumps({"error": {"message": message}}))


async def reply(client: ModelClient, model: str | None = None) -> str:
    async with asyncio.timeout(60):
        return "".join(await texts(client.text(HELLO, model=model)))
