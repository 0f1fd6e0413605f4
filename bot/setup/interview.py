"""The five questions of the guided setup in the terminal. Each answer is tested; a failed test says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.setup.person import Person
from bot.setup.service import (
    KEY_OF_ENGINE,
    SetupService,
    SetupTopic,
    Tested,
    changes_for_mind,
    look_at_server,
    needs_key,
)
from bot.usual_model_servers import find_model_servers
from config.env_writing import Changes
from config.hosts import is_local

GREETING = (
    "Five questions, about three minutes. Enter takes what stands in brackets. Ctrl-C ends the setup without writing "
    "anything."
)
TRY_AGAIN, KEEP, SKIP = "t", "k", "s"
TAKE_OUT = "-"
NO_CHANNEL = "Left out: without a token, there are no channels."
SMALL_MIND = "the small mind inside the bot"
MAX_MODELS_SHOWN = 20
_LOCAL_ENGINES = ("piper", "espeak", "kokoro", "xtts")


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        title: its heading.
        read: asks the question, and returns the changes that the answer means.
        doing: what is said while the answer is tested.
    """

    part: SetupTopic
    title: str
    read: Callable[[], Changes]
    doing: str


class Interview:
    """Asks the questions, one after the other. Blocks.

    Args:
        current: the values that ``.env`` has now.
    """

    def __init__(self, person: Person, service: SetupService, current: Mapping[str, str]) -> None:
        self._person = person
        self._service = service
        self._current = current
        self._changes: dict[str, str | None] = {}

    def run(self) -> dict[str, str | None]:
        """Ask everything. Returns the changes of ``.env``.

        Raises:
            KeyboardInterrupt, EOFError: the person has ended the interview.
        """
        self._person.say(GREETING)
        questions = (
            Question(SetupTopic.DISCORD, "Discord", self._ask_token, "Asking Discord …"),
            Question(SetupTopic.PROMPTS, "Prompts", self._ask_channel, "Looking for the channel …"),
            Question(SetupTopic.MIND, "The mind", self._ask_mind, "Asking it something …"),
            Question(SetupTopic.EARS, "The language", self._ask_language, "Letting the ears transcribe a sound …"),
            Question(SetupTopic.VOICE, "The voice", self._ask_voice, "Letting it say a sentence …"),
        )
        for number, question in enumerate(questions, 1):
            self._person.say(f"\n{number} of {len(questions)} · {question.title}")
            if question.part is SetupTopic.PROMPTS and not self._has_token({}):
                self._person.say(NO_CHANNEL)
            else:
                self._changes |= self._answer(question)
        return self._changes

    def _has_token(self, changes: Changes) -> bool:
        """Whether there is a token for Discord after ``changes``, which come on top of the answers so far."""
        return bool({**self._current, **self._changes, **changes}.get("DISCORD_TOKEN"))

    def _answer(self, question: Question) -> Changes:
        while True:
            changes = question.read()
            valid = not self._service.faults(changes)
            if valid and (question.part is not SetupTopic.DISCORD or self._has_token(changes)):
                self._person.say(question.doing)
            tested = asyncio.run(self._service.test(question.part, {**self._changes, **changes}))
            self._show(tested)
            if tested.result.good is not False:
                return changes
            match self._what_next(may_keep=valid):
                case "k":
                    return changes
                case "s":
                    return {}

    def _show(self, tested: Tested) -> None:
        self._person.say(f"{tested.result.mark} {tested.result.text}")

    def _what_next(self, *, may_keep: bool) -> str:
        """Ask what to do after a failed test. A value that is not valid can't be kept, since it can't be written."""
        choices = {TRY_AGAIN: "try again (t)", KEEP: "keep it anyway (k)", SKIP: "skip this question (s)"}
        if not may_keep:
            del choices[KEEP]
        *first, last = choices.values()
        prompt = f"{', '.join(first)}, or {last}? [{TRY_AGAIN}] ".capitalize()
        *letters, last_letter = choices
        while True:
            typed = self._person.ask(prompt).lower() or TRY_AGAIN
            for letter, meaning in choices.items():
                if meaning.startswith(typed):
                    return letter
            self._person.say(
                f"Type {', '.join(letters)} or {last_letter}. For another answer, type {TRY_AGAIN}: then the question "
                "comes again."
            )

    def _ask_token(self) -> Changes:
        self._person.say(
            "The bot's token: discord.com/developers/applications, your application, Bot, Reset Token. Without one, "
            "you can talk with the bot only in the browser. What you type is not shown."
        )
        if "DISCORD_TOKEN" in self._current:
            typed = self._person.ask_secret(f"Token [the one in .env; {TAKE_OUT} takes it out]: ")
            return {"DISCORD_TOKEN": None} if typed == TAKE_OUT else {"DISCORD_TOKEN": typed} if typed else {}
        typed = self._person.ask_secret("Token [none: only in the browser]: ")
        return {"DISCORD_TOKEN": typed} if typed else {}

    def _ask_channel(self) -> Changes:
        current = self._current.get("PROMPT_CHANNEL")
        self._person.say("The text channel on Discord in which people type to the bot while it is in a call.")
        usual = "the channel in which the call is asked for"
        hint = f"{current}; {TAKE_OUT}: {usual}" if current else usual
        typed = self._person.ask(f"Channel [{hint}]: ")
        return {"PROMPT_CHANNEL": None} if typed == TAKE_OUT else {"PROMPT_CHANNEL": typed} if typed else {}

    def _ask_mind(self) -> Changes:
        servers = [found.partition(" (`LLM_URL=")[::2] for found in asyncio.run(find_model_servers())]
        self._person.say(
            "What thinks: a model server's address (Ollama, llama-server, vLLM, a hosted one), or a larger model for "
            "the bot itself, by its name in `python -m bot models` or its GGUF file. Or a number:"
        )
        choices: list[tuple[str, str | None]] = [(SMALL_MIND, None)]
        choices += [(f"{name} at {url.removesuffix('`)')}", url.removesuffix("`)")) for name, url in servers]
        for number, (name, _) in enumerate(choices, 1):
            self._person.say(f"  {number}  {name}")
        now = self._current.get("LLM_URL") or self._current.get("LLM_MODEL")
        typed = self._person.ask(f"Mind [{now or SMALL_MIND}]: ")
        if not typed:
            return {}
        if typed.isdecimal() and 1 <= int(typed) <= len(choices):
            url = choices[int(typed) - 1][1]
            return self._at_server(url) if url else changes_for_mind(self._current)
        if _is_address(typed):
            return self._at_server(typed if "://" in typed else f"http://{typed}")
        return changes_for_mind(self._current, model=typed)

    def _at_server(self, url: str) -> Changes:
        """Complete the address of a model server, and ask for its key and for one of its models if necessary."""
        url, key = url.rstrip("/"), None
        if self._service.faults({"LLM_URL": url}):
            return changes_for_mind(self._current, url=url)
        report = asyncio.run(look_at_server({"LLM_URL": url}))
        if report.reachable and report.problem and not url.endswith("/v1") and not needs_key(report):
            longer = asyncio.run(look_at_server({"LLM_URL": f"{url}/v1"}))
            if longer.problem is None or needs_key(longer):
                url, report = f"{url}/v1", longer
        kept = self._current.get("LLM_URL") == url and "LLM_API_KEY" in self._current
        if needs_key(report) or (report.reachable and not is_local(url) and not kept):
            key = self._person.ask_secret("Its key, which is not shown [none]: ") or None
            report = asyncio.run(look_at_server({"LLM_URL": url, **({"LLM_API_KEY": key} if key else {})}))
        model = self._current.get("LLM_MODEL") if self._current.get("LLM_URL") == url else None
        if len(report.models) > 1:
            model = self._which(report.models, model)
        return changes_for_mind(self._current, url=url, model=model, key=key)

    def _which(self, models: tuple[str, ...], now: str | None) -> str:
        self._person.say("It has several models:")
        for number, name in enumerate(models[:MAX_MODELS_SHOWN], 1):
            self._person.say(f"  {number}  {name}")
        if len(models) > MAX_MODELS_SHOWN:
            self._person.say(f"  … and {len(models) - MAX_MODELS_SHOWN} more: type the name.")
        usual = now if now in models else models[0]
        typed = self._person.ask(f"Which [{usual}]: ")
        if typed.isdecimal() and 1 <= int(typed) <= min(len(models), MAX_MODELS_SHOWN):
            return models[int(typed) - 1]
        return typed or usual

    def _ask_language(self) -> Changes:
        current = self._current.get("STT_LANGUAGE")
        self._person.say("The language in which people talk with the bot, such as German or de.")
        usual = "found out for each person"
        typed = self._person.ask(f"Language [{f'{current}; {TAKE_OUT}: {usual}' if current else usual}]: ")
        return {"STT_LANGUAGE": None} if typed == TAKE_OUT else {"STT_LANGUAGE": typed} if typed else {}

    def _ask_voice(self) -> Changes:
        now = self._current.get("TTS_WEBSOCKET_URL") or self._current.get("TTS_ENGINE")
        self._person.say(
            f"What speaks: {', '.join(_LOCAL_ENGINES)}; a service such as openai, elevenlabs or edge; or the address "
            "of a speech server (ws://…)."
        )
        usual = "the usual one"
        typed = self._person.ask(f"Voice [{f'{now}; {TAKE_OUT}: {usual}' if now else usual}]: ")
        if not typed:
            return {}
        if typed == TAKE_OUT:
            return {"TTS_ENGINE": None, "TTS_WEBSOCKET_URL": None}
        if "://" in typed:
            token = self._person.ask_secret("Its token, which is not shown [none]: ")
            return {"TTS_WEBSOCKET_URL": typed, **({"TTS_TOKEN": token} if token else {})}
        typed = typed.lower()
        changes: dict[str, str | None] = {"TTS_ENGINE": typed, "TTS_WEBSOCKET_URL": None}
        if key := KEY_OF_ENGINE.get(typed):
            kept = " [the one in .env]" if key in self._current else ""
            given = self._person.ask_secret(f"Its key, which is not shown{kept}: ")
            changes |= {key: given} if given else {}
        return changes


def _is_address(typed: str) -> bool:
    host, _, port = typed.partition("/")[0].rpartition(":")
    return "://" in typed or (bool(host) and port.isdecimal())
