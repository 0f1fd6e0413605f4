"""Tags and tokens that models write into replies: around thoughts, around answers, and between turns.

Each of them has been seen in a model's chat template or in a server's parser. The library ``regex`` is used instead of
``re``, because it can tell that a text may be the beginning of a match (partial matching).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import regex


class TagPosition(Enum):
    """The places in a reply where the text of an opening tag counts as a tag."""

    ANYWHERE = auto()
    LINE = auto()
    """Only at the beginning of a line. Elsewhere the same words may be placeholders ("!ban <user> <reason>")."""
    START = auto()
    """Only at the beginning of the reply, because the tag consists of ordinary words."""


@dataclass(frozen=True, slots=True)
class ThoughtTags:
    """A pair of opening and closing tags around a thought.

    Attributes:
        triggers: the characters with which the tags can begin, in lower case.
        ordinary_words: whether the tags are ordinary words. Without the closing tag, they were not meant as tags.
    """

    opening: regex.Pattern[str]
    closing: regex.Pattern[str]
    place: TagPosition = TagPosition.ANYWHERE
    triggers: str = "<"
    ordinary_words: bool = False


def _xml_tags(names: str, place: TagPosition = TagPosition.ANYWHERE, *, ordinary_words: bool = False) -> ThoughtTags:
    """The tags ``<name>`` and ``</name>``, in any case, also with a prefix (``seed:think``), suffix or attributes."""
    name = rf"(?:[a-z]{{1,12}}[:_-])?(?:{names})(?:[:_-]\w{{1,40}})?"
    return ThoughtTags(
        regex.compile(rf"<\s{{0,2}}{name}(?:\s[^<>]{{0,200}})?>", regex.IGNORECASE),
        regex.compile(rf"<\s{{0,2}}/\s{{0,2}}{name}\s{{0,2}}>", regex.IGNORECASE),
        place,
        ordinary_words=ordinary_words,
    )


def _pair(opening: str, closing: str, triggers: str = "<") -> ThoughtTags:
    return ThoughtTags(
        regex.compile(opening, regex.IGNORECASE), regex.compile(closing, regex.IGNORECASE), triggers=triggers
    )


def _heading(what: str) -> regex.Pattern[str]:
    """A heading such as ``Here is my response:``, also in bold."""
    words = rf"Here(?: is|'s|’s) my (?:{what})"
    return regex.compile(rf"\*\*{words}(?::\*\*|\*\*:)|{words}:", regex.IGNORECASE)


def _label(what: str) -> str:
    """A label such as ``Thinking:``, also in bold."""
    return rf"(?:\*\*(?:{what})(?::\*\*|\*\*:)|(?:{what}):)"


_BAR = "[|｜]"
_BEFORE = "thinking(?: process)?|thought(?: process)?|thoughts|reasoning|chain of thought"
_AFTER = "(?:my )?(?:final )?(?:answer|response|reply)"

THOUGHT_TAGS: tuple[ThoughtTags, ...] = (
    # Each comment names the models, or the programs, that write the tags below it.
    # DeepSeek, Qwen, GLM, MiniMax, Phi, Granite 3.3, Seed-OSS (seed:think), LongCat (longcat_think), and many others
    _xml_tags("think"),
    # prompted models, Reflection
    _xml_tags("(?:ant)?thinking"),
    # EXAONE, Gemini's OpenAI endpoint
    _xml_tags("thoughts?"),
    _xml_tags("reasoning"),
    _xml_tags("reflections?|reflect", TagPosition.LINE),
    _xml_tags("reason", TagPosition.LINE),
    _xml_tags("analysis|scratch_?pad|monologue|cot|chain[_-]of[_-]thought", TagPosition.LINE),
    _xml_tags("contemplat(?:ion|or)|deliberation|ponder(?:ing)?|思考(?:过程|過程)?", TagPosition.LINE),
    _xml_tags("internal|inner|plan|planning|rationale", TagPosition.LINE, ordinary_words=True),
    # Open WebUI, if it is a proxy in front of the model
    ThoughtTags(
        regex.compile(r"<details\s[^<>]{0,200}type=[\"']?reasoning[\"']?[^<>]{0,200}>", regex.IGNORECASE),
        regex.compile(r"</details>", regex.IGNORECASE),
        TagPosition.LINE,
    ),
    # Magistral. In lower case, the same word is a stage direction.
    ThoughtTags(regex.compile(r"\[THINK\]"), regex.compile(r"\[/THINK\]"), triggers="["),
    ThoughtTags(
        regex.compile(r"\[think(?:ing)?\]"),
        regex.compile(r"\[/think(?:ing)?\]"),
        TagPosition.START,
        "[",
        ordinary_words=True,
    ),
    # a proxy or front end that escaped the tag for a web page, and full-width characters
    _pair(r"&lt;(?:think|thinking|thought|reasoning)&gt;", r"&lt;/(?:think|thinking|thought|reasoning)&gt;", "&"),
    _pair("＜think(?:ing)?＞", "＜/think(?:ing)?＞", "＜"),
    # prompted models that write code blocks
    ThoughtTags(
        regex.compile(r"```(?:think|thinking|thoughts?|reasoning)[ \t]*\n"),
        regex.compile("```"),
        TagPosition.START,
        "`",
    ),
    # Kimi
    _pair("◁think▷", "◁/think▷", "◁"),
    # Sky-T1, OpenThinker, Cohere (START_THINKING), and their like
    _pair(
        rf"<{_BAR}(?:begin|start)_?(?:of_?)?(?:thoughts?|thinking|think|reasoning){_BAR}>",
        rf"<{_BAR}end_?(?:of_?)?(?:thoughts?|thinking|think|reasoning){_BAR}>",
    ),
    _pair(
        rf"<{_BAR}(?:thoughts?|thinking|think|reasoning)(?:_(?:start|begin))?{_BAR}>",
        rf"<{_BAR}(?:/(?:thoughts?|thinking|think|reasoning)|(?:thoughts?|thinking|think|reasoning)_end){_BAR}>"
        # Solar Open
        r"|<\|end\|>\s?<\|begin\|>assistant<\|content\|>",
    ),
    # s1
    _pair(r"<\|im_start\|>think\n", r"<\|im_start\|>answer\n"),
    # Apertus
    _pair(r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    # Gemma 4
    _pair(r"<\|channel>", r"<channel\|>"),
    # MedGemma
    _pair("<unused94>", "<unused95>"),
    # Granite 3.2
    ThoughtTags(
        _heading("thought process|thinking|thoughts"),
        _heading("response|answer|reply"),
        TagPosition.START,
        "h*",
        ordinary_words=True,
    ),
    # models that are told to think first, ReAct's "Thought: … Final Answer: …"
    ThoughtTags(
        regex.compile(_label(_BEFORE), regex.IGNORECASE),
        regex.compile(rf"\n[ \t]*(?:#{{1,4}} )?{_label(_AFTER)}|\*\*(?:{_AFTER})(?::\*\*|\*\*:)", regex.IGNORECASE),
        TagPosition.START,
        "\n*",
        ordinary_words=True,
    ),
    # gpt-oss, if a server has dropped the control tokens and left the names of the channels
    ThoughtTags(
        regex.compile(r"(?:assistant)?(?:analysis|commentary)(?=[A-Za-z\"'“*\d])"),
        regex.compile(r"assistantfinal"),
        TagPosition.START,
        "a",
    ),
)
"""All known pairs of tags. A thought ends only at the closing tag that belongs to its opening tag."""

UNMISTAKABLE = tuple(family for family in THOUGHT_TAGS if family.place is TagPosition.ANYWHERE)
"""Tags that ordinary text does not contain. If a reply has a closing tag of these without its opening tag, the reply
began inside a thought."""

ANSWER_TAG = regex.compile(
    r"<(?:answer|response|output|solution|conclusion|final)(?:[:_-]\w{1,40})?>", regex.IGNORECASE
)
ANSWER_END_TAG = regex.compile(
    r"</(?:answer|response|output|solution|conclusion|final)(?:[:_-]\w{1,40})?>", regex.IGNORECASE
)
"""The closing tag of :data:`ANSWER_TAG`. Some models put these tags around their answer after a thought."""

DECORATION = regex.compile(
    rf"<{_BAR}(?:begin|start|end)_?(?:of_?)?(?:solution|response|text|answer|box){_BAR}>"
    r"|<\s{0,2}(?:think|thinking|thought|reasoning)\s{0,2}/>",
    regex.IGNORECASE,
)
"""Matches tags around answers that ordinary text does not contain, and empty thoughts such as ``<think/>``."""

FINAL_CHANNEL = regex.compile(r"(?:assistant)?final(?=[A-Z\"'“*\d])")
"""The name of gpt-oss's channel for the answer, without its control tokens. It counts only at the reply's beginning."""


class CodeSpans:
    """Follows a Markdown text, and tells whether its end is inside a code block or inline code.

    Tags in code are not removed, because there the reply talks about them.
    """

    def __init__(self) -> None:
        self._in_block = False
        self._in_line = False
        self._ticks = 0

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if "`" not in text and not self._ticks and not self._in_line:
            return
        for character in text:
            if character == "`":
                self._ticks += 1
                continue
            self._settle()
            if character == "\n":
                self._in_line = False

    @property
    def inside(self) -> bool:
        """Whether the next character is inside of code."""
        self._settle()
        return self._in_block or self._in_line

    def _settle(self) -> None:
        if self._ticks >= 3:
            self._in_block = not self._in_block
            self._in_line = False
        elif self._ticks and not self._in_block:
            self._in_line = not self._in_line
        self._ticks = 0


_HEADER = regex.compile(
    r"<\|im_start\|>assistant\n|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\n"
    r"|<\|turn>model\n|<\|start_of_role\|>assistant<\|end_of_role\|>|<\|START_OF_TURN_TOKEN\|><\|CHATBOT_TOKEN\|>"
    r"|<\|CHATBOT_TOKEN\|>"
)
_BEGINNING = regex.compile(r"<s>|<bos>|<\|begin_of_text\|>|<\|startoftext\|>|<[|｜]begin[▁_]of[▁_]sentence[|｜]>")
_END = regex.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|end|eot|endoftext|end_of_text|return|start_header_id|end_of_role|user|system"
    r"|start_of_role|END_OF_TURN_TOKEN|START_OF_TURN_TOKEN|assistant)\|>"
    r"|<(?:end_of_turn|start_of_turn|eos)>|<turn\|>|<\|turn>|</s>|\[/?INST\]"
    r"|<[|｜](?:end[▁_]of[▁_]sentence|User|Assistant)[|｜]>"
)


class TurnTokenFilter:
    """Ends a reply at the control token that ends the model's turn, if a server sends such tokens as text.

    Implements :class:`~bot.llm.filters.chain.TextFilter`. Tokens before the first word begin the turn, and are removed.
    In code, tokens are ordinary text. ``</s>`` after ``<s>`` is ordinary text too, because these are tags of HTML.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = ""
        self._spoke = False
        self._has_s_tag = False
        """Whether the text has an opening ``<s>``, HTML's tag for struck text."""
        self._code = CodeSpans()

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may be part of a token."""
        return bool(self._held)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """End the reply; returns the rest of its text."""
        return self._scan(final=True)

    def _scan(self, *, final: bool) -> list[str]:
        said: list[str] = []
        while self._held and not self.ended:
            plain = next((at for at, character in enumerate(self._held) if character in "<["), len(self._held))
            if plain:
                said.append(self._take(plain))
                continue
            if self._code.inside:
                said.append(self._take(1))
                continue
            patterns = (_END,) if self._spoke else (_HEADER, _BEGINNING, _END)
            found = [match for each in patterns if (match := each.match(self._held, partial=not final)) is not None]
            if any(match.partial for match in found):
                break
            control = max((match[0] for match in found), key=len, default="")
            if not control or (self._has_s_tag and control == "</s>"):
                self._has_s_tag = self._has_s_tag or self._held.startswith("<s>")
                said.append(self._take(1))
            else:
                self._held = self._held[len(control) :]
                self.ended = self._spoke
        return said

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._spoke = self._spoke or bool(text.strip())
        self._code.feed(text)
        return text
