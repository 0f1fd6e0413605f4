"""The marks that models write into replies: around thoughts, around code and between turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import regex


class TagPosition(Enum):
    """Where an opening mark counts."""

    ANYWHERE = auto()
    LINE = auto()
    """At the beginning of a line: the same words are placeholders elsewhere ("!ban <user> <reason>")."""
    START = auto()
    """At the very beginning of the reply: the mark is made of ordinary words."""


@dataclass(frozen=True, slots=True)
class ThoughtTags:
    """One way to mark a thought.

    ``triggers`` are the characters with which its marks can begin, in lower case. ``spoken`` marks are words: a reply
    that uses them and then never ends its "thought" meant them.
    """

    opening: regex.Pattern[str]
    closing: regex.Pattern[str]
    place: TagPosition = TagPosition.ANYWHERE
    triggers: str = "<"
    spoken: bool = False


def _tag(names: str, place: TagPosition = TagPosition.ANYWHERE, *, spoken: bool = False) -> ThoughtTags:
    """``<name>`` … ``</name>``, also with a prefix (``seed:think``), a suffix, attributes, blanks, in capitals."""
    name = rf"(?:[a-z]{{1,12}}[:_-])?(?:{names})(?:[:_-]\w{{1,40}})?"
    return ThoughtTags(
        regex.compile(rf"<\s{{0,2}}{name}(?:\s[^<>]{{0,200}})?>", regex.IGNORECASE),
        regex.compile(rf"<\s{{0,2}}/\s{{0,2}}{name}\s{{0,2}}>", regex.IGNORECASE),
        place,
        spoken=spoken,
    )


def _marks(opening: str, closing: str, triggers: str = "<") -> ThoughtTags:
    return ThoughtTags(
        regex.compile(opening, regex.IGNORECASE), regex.compile(closing, regex.IGNORECASE), triggers=triggers
    )


def _heading(what: str) -> regex.Pattern[str]:
    """``Here is my response:``, also in bold."""
    words = rf"Here(?: is|'s|’s) my (?:{what})"
    return regex.compile(rf"\*\*{words}(?::\*\*|\*\*:)|{words}:", regex.IGNORECASE)


def _label(what: str) -> str:
    """``Thinking:``, also in bold."""
    return rf"(?:\*\*(?:{what})(?::\*\*|\*\*:)|(?:{what}):)"


_BAR = "[|｜]"
_BEFORE = "thinking(?: process)?|thought(?: process)?|thoughts|reasoning|chain of thought"
_AFTER = "(?:my )?(?:final )?(?:answer|response|reply)"

THOUGHT_TAGS: tuple[ThoughtTags, ...] = (
    # DeepSeek, Qwen, GLM, MiniMax, Phi, Granite 3.3, Seed-OSS (seed:think), LongCat (longcat_think) and many others
    _tag("think"),
    # prompted models, Reflection
    _tag("(?:ant)?thinking"),
    # EXAONE, Gemini's OpenAI endpoint
    _tag("thoughts?"),
    _tag("reasoning"),
    _tag("reflections?|reflect", TagPosition.LINE),
    _tag("reason", TagPosition.LINE),
    _tag("analysis|scratch_?pad|monologue|cot|chain[_-]of[_-]thought", TagPosition.LINE),
    _tag("contemplat(?:ion|or)|deliberation|ponder(?:ing)?|思考(?:过程|過程)?", TagPosition.LINE),
    _tag("internal|inner|plan|planning|rationale", TagPosition.LINE, spoken=True),
    # Open WebUI, where it stands between us and a model
    ThoughtTags(
        regex.compile(r"<details\s[^<>]{0,200}type=[\"']?reasoning[\"']?[^<>]{0,200}>", regex.IGNORECASE),
        regex.compile(r"</details>", regex.IGNORECASE),
        TagPosition.LINE,
    ),
    # Magistral. In small letters it is a stage direction.
    ThoughtTags(regex.compile(r"\[THINK\]"), regex.compile(r"\[/THINK\]"), triggers="["),
    ThoughtTags(
        regex.compile(r"\[think(?:ing)?\]"), regex.compile(r"\[/think(?:ing)?\]"), TagPosition.START, "[", spoken=True
    ),
    # a proxy or a front that wrote the tag for a web page, and East Asian signs
    _marks(r"&lt;(?:think|thinking|thought|reasoning)&gt;", r"&lt;/(?:think|thinking|thought|reasoning)&gt;", "&"),
    _marks("＜think(?:ing)?＞", "＜/think(?:ing)?＞", "＜"),
    # prompted models that write code blocks
    ThoughtTags(
        regex.compile(r"```(?:think|thinking|thoughts?|reasoning)[ \t]*\n"),
        regex.compile("```"),
        TagPosition.START,
        "`",
    ),
    # Kimi
    _marks("◁think▷", "◁/think▷", "◁"),
    # Sky-T1, OpenThinker, Cohere (START_THINKING), and their like
    _marks(
        rf"<{_BAR}(?:begin|start)_?(?:of_?)?(?:thoughts?|thinking|think|reasoning){_BAR}>",
        rf"<{_BAR}end_?(?:of_?)?(?:thoughts?|thinking|think|reasoning){_BAR}>",
    ),
    _marks(
        rf"<{_BAR}(?:thoughts?|thinking|think|reasoning)(?:_(?:start|begin))?{_BAR}>",
        rf"<{_BAR}(?:/(?:thoughts?|thinking|think|reasoning)|(?:thoughts?|thinking|think|reasoning)_end){_BAR}>"
        # Solar Open
        r"|<\|end\|>\s?<\|begin\|>assistant<\|content\|>",
    ),
    # s1
    _marks(r"<\|im_start\|>think\n", r"<\|im_start\|>answer\n"),
    # Apertus
    _marks(r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    # Gemma 4
    _marks(r"<\|channel>", r"<channel\|>"),
    # MedGemma
    _marks("<unused94>", "<unused95>"),
    # Granite 3.2
    ThoughtTags(
        _heading("thought process|thinking|thoughts"),
        _heading("response|answer|reply"),
        TagPosition.START,
        "h*",
        spoken=True,
    ),
    # models that are told to think first, ReAct's "Thought: … Final Answer: …"
    ThoughtTags(
        regex.compile(_label(_BEFORE), regex.IGNORECASE),
        regex.compile(rf"\n[ \t]*(?:#{{1,4}} )?{_label(_AFTER)}|\*\*(?:{_AFTER})(?::\*\*|\*\*:)", regex.IGNORECASE),
        TagPosition.START,
        "\n*",
        spoken=True,
    ),
    # gpt-oss, where a server has dropped the control marks and left the channels' names
    ThoughtTags(
        regex.compile(r"(?:assistant)?(?:analysis|commentary)(?=[A-Za-z\"'“*\d])"),
        regex.compile(r"assistantfinal"),
        TagPosition.START,
        "a",
    ),
)
"""The families by which a thought can be told; those of a family's opening mark end only by its own closing mark."""

UNMISTAKABLE = tuple(family for family in THOUGHT_TAGS if family.place is TagPosition.ANYWHERE)
"""The families of which a closing mark alone says that the reply began inside a thought."""

ANSWER_TAG = regex.compile(
    r"<(?:answer|response|output|solution|conclusion|final)(?:[:_-]\w{1,40})?>", regex.IGNORECASE
)
ANSWER_END_TAG = regex.compile(
    r"</(?:answer|response|output|solution|conclusion|final)(?:[:_-]\w{1,40})?>", regex.IGNORECASE
)
"""Between these, some models write their answer after a thought."""

DECORATION = regex.compile(
    rf"<{_BAR}(?:begin|start|end)_?(?:of_?)?(?:solution|response|text|answer|box){_BAR}>"
    r"|<\s{0,2}(?:think|thinking|thought|reasoning)\s{0,2}/>",
    regex.IGNORECASE,
)
"""Marks around answers that no ordinary text has, and thoughts without a word in them."""

FINAL_CHANNEL = regex.compile(r"(?:assistant)?final(?=[A-Z\"'“*\d])")
"""At the very beginning of a reply: gpt-oss's channel for the answer, without its control marks."""


class CodeSpans:
    """Follows a text, and knows whether its end stands in a code block or in code within a line."""

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
        """Whether what comes next is code."""
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
    """A :class:`~bot.llm.filters.chain.TextFilter`: the reply ends where its turn ends.

    Marks before its first word only open the turn, and are dropped. In code they are words like any other, and so is
    ``</s>`` behind a ``<s>``, which is HTML.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = ""
        self._spoke = False
        self._struck = False
        self._code = CodeSpans()

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return bool(self._held)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """The reply is over."""
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
            mark = max((match[0] for match in found), key=len, default="")
            if not mark or (self._struck and mark == "</s>"):
                self._struck = self._struck or self._held.startswith("<s>")
                said.append(self._take(1))
            else:
                self._held = self._held[len(mark) :]
                self.ended = self._spoke
        return said

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._spoke = self._spoke or bool(text.strip())
        self._code.feed(text)
        return text
