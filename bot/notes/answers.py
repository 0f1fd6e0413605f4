"""Reads what the model has answered about a transcript. The answer is not trusted: all sizes are bounded.

The model is asked for a JSON object. Many models write Markdown instead, or are cut off in the middle. So claims with
the numbers of their lines are read from both forms, and from unfinished JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bot.llm.cleaning import DiscordNames, clean_name, clean_prompt
from bot.notes.lines import Claim, ClaimKind, NoteLine
from bot.text import join_surrogates, plain, shorten

MAX_ANSWER_CHARS = 24_000
"""Maximum number of characters of an answer that are read."""
MAX_CLAIM_CHARS = 400
MAX_CLAIMS = 60
"""Maximum number of claims of each kind in one answer."""
MAX_LINES = 20
"""Maximum number of lines that one claim cites."""
MAX_RANGE = 50
"""Largest distance between the first and the last line of a range such as 3-9. A longer range is cut there."""

_KINDS: Mapping[str, ClaimKind] = MappingProxyType(
    {
        **dict.fromkeys(("summary", "overview", "zusammenfassung", "摘要", "总结", "總結"), ClaimKind.SUMMARY),
        **dict.fromkeys(
            ("decisions", "decision", "decided", "beschlüsse", "entscheidungen", "决定", "決定"), ClaimKind.DECISION
        ),
        **dict.fromkeys(
            (
                *("questions", "question", "open questions", "open question", "offene fragen"),
                *("offene punkte", "未解决的问题", "问题", "問題"),
            ),
            ClaimKind.QUESTION,
        ),
        **dict.fromkeys(
            (
                *("tasks", "task", "who does what", "action items", "actions", "todo", "to do", "to-do", "todos"),
                *("aufgaben", "wer macht was", "任务", "任務"),
            ),
            ClaimKind.TASK,
        ),
    }
)
_TEXTS = ("text", "claim", "decision", "question", "task", "what", "summary", "description", "content")
_LINES = ("lines", "line", "sources", "source", "refs", "evidence")
_PEOPLE = ("who", "person", "owner", "assignee", "name")
_NUMBERS = r"(?:lines?|zeilen?|l|行)?\.?\s*#?\d{1,6}(?:\s*[-–]\s*#?l?\d{1,6})?"
_LIST = rf"{_NUMBERS}(?:\s*(?:[,;、&]|and|und)\s*{_NUMBERS})*"
_CITED = re.compile(rf"[\[(（【]\s*({_LIST})\s*[\])）】]|\b(?=(?:line|zeile)s?n? #?\d)({_LIST}):?", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,6})(?:\s*[-–]\s*#?l?(\d{1,6}))?", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d{1,3}[.)])\s+")
_TASK_OF = re.compile(r"^([^:：]{1,32})[:：]\s*(?=\S)")


def read_answer(answer: str, lines: Iterable[NoteLine], people: Iterable[str]) -> tuple[Claim, ...]:
    """The claims in an answer. A claim that cites none of the ``lines`` is dropped.

    Args:
        lines: the lines that the model was shown.
        people: the names of the people in the call.
    """
    shown = {line.number: line for line in lines}
    names = {*people, *(line.who for line in shown.values())}
    answer = join_surrogates(answer[:MAX_ANSWER_CHARS])
    found: dict[tuple[ClaimKind, str], Claim] = {}
    counts = dict.fromkeys(ClaimKind, 0)
    for kind, text, cited, who in _claims(answer):
        numbers = tuple(sorted({number for number in cited if number in shown}))[:MAX_LINES]
        if not numbers or not plain(text[:MAX_CLAIM_CHARS]) or counts[kind] >= MAX_CLAIMS:
            continue
        counts[kind] += 1
        doer = _known(who, names, [shown[number] for number in numbers]) if kind is ClaimKind.TASK else ""
        if kind is ClaimKind.TASK and who and not doer:
            text = f"{who[:100]}: {text}"
        text = shorten(clean_prompt(text[: 4 * MAX_CLAIM_CHARS], DiscordNames()), MAX_CLAIM_CHARS)
        found.setdefault((kind, plain(text)), Claim(kind, text, numbers, doer))
    return tuple(sorted(found.values(), key=lambda claim: list(ClaimKind).index(claim.kind)))


_Found = Iterator[tuple[ClaimKind, str, list[int], str]]
"""Claims as the model wrote them: kind, text, numbers of the cited lines, and who does the task."""


def _claims(answer: str) -> _Found:
    begin = answer.find("{")
    if begin >= 0 and '"' in answer[begin:]:
        yield from _from_json(answer[begin:])
    else:
        yield from _from_markdown(answer)


def _from_json(text: str) -> _Found:
    """Read each list by its key, so that all complete entries of an answer that was cut off are read."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    keys = list(re.finditer(r'"([^"\\]{1,40})"\s*:\s*(?=[\[{"])', text))
    sections = [(key, kind) for key in keys if (kind := _kind_of(key[1])) is not None and text[key.end()] in '[{"']
    read_to = 0
    for key, kind in sections:
        # A claim may have a key that is also the name of a section, such as "task". It has been read with its claim.
        if key.start() < read_to:
            continue
        at = key.end()
        if text[at] == "[":
            at += 1
            while (at := _skip(text, at)) < len(text) and text[at] in '{"':
                entry, at = _decode(decoder, text, at)
                if at < 0:
                    break
                yield from _from_entry(kind, entry)
                read_to = at
            if at < 0:
                read_to = len(text)
        else:
            entry, end = _decode(decoder, text, at)
            if end >= 0:
                yield from _from_entry(kind, entry)
                read_to = end


def _refuse(number: str) -> None:
    raise ValueError(number)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _decode(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, -1


def _from_entry(kind: ClaimKind, entry: Any) -> _Found:
    if isinstance(entry, str):
        for sentence in _sentences(entry) if kind is ClaimKind.SUMMARY else [entry]:
            yield from _from_text(kind, sentence)
    if not isinstance(entry, dict):
        return
    text = next((entry[key] for key in _TEXTS if isinstance(entry.get(key), str)), "")
    who = next((entry[key] for key in _PEOPLE if isinstance(entry.get(key), str)), "")
    cited = [number for key in _LINES for number in _numbers_of(entry.get(key))]
    for _, plain_text, numbers, _ in _from_text(kind, text):
        yield kind, plain_text, cited + numbers, who


def _numbers_of(value: Any, depth: int = 0) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, str):
        return _ranges(value[:200])
    if isinstance(value, list) and depth == 0:
        return [number for each in value[: 2 * MAX_LINES] for number in _numbers_of(each, 1)]
    return []


def _from_markdown(text: str) -> _Found:
    kind = ClaimKind.SUMMARY
    for line in text.splitlines():
        heading, rest = _heading(line)
        kind = heading or kind
        if not rest:
            continue
        for sentence in _sentences(rest) if kind is ClaimKind.SUMMARY else [rest]:
            yield from _from_text(kind, sentence)


def _heading(line: str) -> tuple[ClaimKind | None, str]:
    """The section that a line begins (``None`` if it begins none), and the rest of the line."""
    bare = line.strip().lstrip("#*_ ").strip()
    name, colon, rest = bare.partition(":")
    kind = _kind_of((name if colon else bare).strip("*_: "))
    if kind is None:
        return None, _BULLET.sub("", line).strip()
    return kind, rest.strip("*_ ") if colon else ""


def _kind_of(name: str) -> ClaimKind | None:
    return _KINDS.get(" ".join(_CAMEL.sub(" ", name).replace("_", " ").casefold().split()))


def _sentences(text: str) -> list[str]:
    """Cut a text after each citation, since the text that follows has a citation of its own."""
    cut, begin = [], 0
    for match in _CITED.finditer(text):
        end = match.end()
        while end < len(text) and text[end] in " .;。；":
            end += 1
        cut.append(text[begin:end])
        begin = end
    return [*cut, text[begin:]]


def _from_text(kind: ClaimKind, text: str) -> _Found:
    """Read a claim whose citations are in its text, as in "Ben: brings the cake [3]"."""
    text = text[: 4 * MAX_CLAIM_CHARS]
    numbers = [number for match in _CITED.finditer(text) for number in _ranges(match[1] or match[2])]
    bare = " ".join(_CITED.sub("", text).split()).strip(" *_–—-")
    for mark in ".,;:!?":
        bare = bare.replace(f" {mark}", mark)
    who = ""
    if kind is ClaimKind.TASK and (named := _TASK_OF.match(bare)) is not None:
        who, bare = named[1].strip(" *_"), bare[named.end() :].strip(" *_")
    yield kind, bare, numbers, who


def _ranges(text: str) -> list[int]:
    numbers: list[int] = []
    for match in _RANGE.finditer(text):
        first = int(match[1])
        last = int(match[2] or first)
        numbers += range(first, min(last, first + MAX_RANGE) + 1) if last >= first else [first]
        if len(numbers) > 4 * MAX_RANGE:
            break
    return numbers


def _known(who: str, names: Iterable[str], cited: Iterable[NoteLine]) -> str:
    """The name of the person who does a task, if the person was in the call or a cited line has the name; else ""."""
    wanted = plain(who[:100])
    if not wanted:
        return ""
    by_name = {plain(name): name for name in names}
    if wanted in by_name:
        return by_name[wanted]
    return clean_name(who[:100]) if any(f" {wanted} " in f" {plain(line.text)} " for line in cited) else ""
