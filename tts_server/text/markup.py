"""Removes a segment's markup: Markdown, Discord's own markup, addresses, emoji and *actions*.

Emphasis may span several segments, so an opening or closing mark is removed even if its counterpart is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import emoji
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tts_server.text.lexicon_schema import Phrases
from tts_server.text.punctuation import CLOSERS, SENTENCE_ENDS

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LINE_START = re.compile(r"^[ \t]*(?:(?:>{1,3}|#{1,6}|-#|[-*+•])[ \t]+)+", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*(?:\|[ \t]*)?:?-{2,}[-|: \t]*$", re.MULTILINE)
_DISCORD = re.compile(r"<(?:(@&|@!?|#)\d+|(a?:)\w+:\d+|(t):-?\d+(?::\w)?|/([^:<>]+):\d+)>")
_SHORTCODE = re.compile(r"(?<![\w:]):[a-zA-Z][\w+-]*:(?![\w:])")
_ADDRESS = re.compile(r"(?<!\]\()<?\b(?:https?://|www\.)([^\s<>\"]+)>?", re.IGNORECASE)
_HTML = re.compile(r"</?[a-zA-Z]{1,10}\s*/?>")
_ACTION = re.compile(r"(?:(?<=\A)|(?<=\n)|(?<=[.!?…。！？]\s))\*(?![\s*])([^*\n]+)(?<!\s)\*(?=[\s.!?,…]|\Z)")
_CODE_NOISE = re.compile(r"[^\w\s.,:+-]|_")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s*[*×]\s*(?=\d)")
_LEFTOVERS = re.compile(r"[*`]+|~~|\|\|")
_TRAILING = ".,;:!?)'\"»*_~"

# Only inline rules: a segment is not a document, and this module handles the beginnings of lines itself.
_PARSER = MarkdownIt("zero").enable(
    ["emphasis", "strikethrough", "backticks", "link", "image", "escape", "entity", "newline"]
)
# All that the parser changes has one of these characters. Most segments have none: parsing them would only delay the
# first sound.
_MAYBE_INLINE = re.compile(r"[*_~`\[\\&\n\r\0]")
# Every emoji contains one of these characters. Searching for emoji takes longer than everything else in this module.
_MAYBE_EMOJI = re.compile("[\u00a9\u00ae\u200d\u203c\u2049\u20e3\u2100-\U0010ffff]")


def strip_markup(text: str, phrases: Phrases, begins_sentence: bool) -> str:
    """Return ``text`` without markup.

    Args:
        text: one segment.
        phrases: the words to put in place of links, code, pictures and mentions.
        begins_sentence: whether the previous segment ended a sentence; only then can ``text`` open with an *action*.
    """
    text = _FENCE.sub(f" {phrases.code}. ", text)
    text = _TABLE_RULE.sub("", text)
    text = _LINE_START.sub("", text)
    text = _without_actions(text.strip(), begins_sentence)
    text = _DISCORD.sub(lambda match: _discord(match, phrases), text)
    text = _SHORTCODE.sub(" ", text)
    text = _ADDRESS.sub(lambda match: _address(match, phrases), text)
    text = _HTML.sub(" ", text)
    if _MAYBE_INLINE.search(text):
        text = "".join(_plain(_PARSER.parseInline(text)[0].children or [], phrases))
    if _MAYBE_EMOJI.search(text):
        text = emoji.replace_emoji(text, " ")
    text = _BETWEEN_DIGITS.sub(f" {phrases.times} ", text)
    return _LEFTOVERS.sub("", text).replace("|", ", ").replace("_", " ")


def ends_sentence(text: str) -> bool:
    """Tell whether ``text`` ends a sentence, so that the following text begins one."""
    if text.endswith("\n"):
        return True
    bare = text.rstrip().rstrip("".join(CLOSERS))
    return not bare or bare[-1] in SENTENCE_ENDS or bare[-1] in ".…"


def _without_actions(text: str, begins_sentence: bool) -> str:
    def replace(match: re.Match[str]) -> str:
        if match.start() == 0 and not begins_sentence:
            return match[0]
        # Actions are in lower case: "*waves* Hello" opens with an action, "*Really* nice" with an emphasized word.
        return match[0] if match[1][0].isupper() else " "

    return _ACTION.sub(replace, text)


def _discord(match: re.Match[str], phrases: Phrases) -> str:
    mention, custom_emoji, moment, command = match.groups()
    if mention:
        return {"@&": phrases.role, "#": phrases.channel}.get(mention, phrases.someone)
    if custom_emoji:
        return " "
    return phrases.moment if moment else str(command)


def _address(match: re.Match[str], phrases: Phrases) -> str:
    address = match[1].rstrip(_TRAILING)
    rest = "" if match[0].endswith(">") else match[1][len(address) :]
    host = re.split(r"[/?#:]", address.rpartition("@")[2] if "@" in address.split("/")[0] else address)[0]
    spoken = host.removeprefix("www.").strip(".").replace(".", f" {phrases.dot} ")
    return phrases.link.format(spoken) + rest


def _plain(tokens: list[Token], phrases: Phrases) -> Iterator[str]:
    for token in tokens:
        match token.type:
            case "text" | "text_special":
                yield token.content
            case "code_inline":
                yield _CODE_NOISE.sub(" ", token.content)
            case "image":
                yield f"{phrases.image}: {token.content}" if token.content else phrases.image
            case "softbreak" | "hardbreak":
                yield "\n"
            case _:
                pass
