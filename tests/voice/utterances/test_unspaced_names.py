"""Names are found in scripts without spaces, and with endings: Japanese, Chinese, Korean, Thai."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.utterances.classifier import Addressing, AddressingContext
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import VoiceCommand, VoiceCommandFinder, load_command_phrases
from config.sections import AnswerPolicy

NAMES = Names(("Seiyuu", "セイユー", "精优", "세이유", "เซยู", "小雪", "アイ", "あい", "민"))
ADA, BEN, CLEO = 1, "Ben", "太郎"


def addressed(text: str, context: AddressingContext | None = None) -> bool:
    return Addressing(AnswerPolicy.SMART, NAMES).is_addressed(ADA, text, (BEN, CLEO), context or AddressingContext())


@pytest.mark.parametrize(
    "text",
    [
        "ねえセイユー今何時",
        "ねえ、セイユー、今何時?",
        "今何時ですかセイユーさん",
        "ねえｾｲﾕｰ今何時",
        "ねえせいゆう今何時",
        "セイユウ、聞こえる?",
        "セイユーちゃんは元気",
        "セイユーストップ",
        "ねえSeiyuu今何時",
        "ＳＥＩＹＵＵさん、今何時?",
        "アイさん、おはよう",
        "ねえアイ、今何時",
        "ねえあい、おはよう",
        "精优今天天气怎么样",
        "请问精优，现在几点？",
        "小雪你好",
        "今天天气怎么样小雪",
        "세이유야 지금 몇 시야?",
        "세이유, 지금 몇 시야?",
        "안녕 세이유는 뭐해",
        "세이유씨는 어때요",
        "세이유지금몇시야",
        "민아 뭐해",
        "เซยูตอนนี้กี่โมง",
        "สวัสดีเซยู ตอนนี้กี่โมง",
    ],
)
def test_a_name_is_found_whatever_stands_around_it(text: str) -> None:
    assert addressed(text)


@pytest.mark.parametrize(
    "text",
    [
        "アイスが食べたい",
        "マイアイスはどこ",
        "あいだに何がある",
        "会いたい、あいにく雨だ",
        "민주주의가 뭐야",
        "今何時ですか",
        "今天天气怎么样",
        "지금 몇 시야?",
        "theSeiyuuness of it",
        "preseiyuuing is no word",
        "",
    ],
)
def test_a_name_inside_another_word_does_not_count(text: str) -> None:
    assert not addressed(text)


@pytest.mark.parametrize("text", ["太郎はどう思う", "ねえ太郎、聞いて", "Ben, どう思う"])
def test_calling_another_person_ends_the_conversation(text: str) -> None:
    going_on = AddressingContext(partner=ADA, quiet_seconds=1.0)
    assert addressed("じゃあ明日は?", going_on)
    assert not addressed(text, going_on)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("セイユーストップ", VoiceCommand.STOP),
        ("ねえセイユー退出して", VoiceCommand.LEAVE),
        ("セイユーさん、退出してください", VoiceCommand.LEAVE),
        ("退出してセイユー", VoiceCommand.LEAVE),
        ("精优离开语音频道", VoiceCommand.LEAVE),
        ("ねえSeiyuu退出して", VoiceCommand.LEAVE),
        ("セイユーは退出して戻った", None),
    ],
)
def test_commands_are_found_beside_names_in_scripts_without_spaces(text: str, command: VoiceCommand | None) -> None:
    wish = VoiceCommandFinder(NAMES, load_command_phrases()).find(text, alone=False, speaking=True)
    assert (wish.command if wish else None) == command


@given(st.text(), st.lists(st.text(alphabet="セイユーせ精민เา a", max_size=6), max_size=3))
def test_any_text_and_names_are_accepted(text: str, names: list[str]) -> None:
    known = Names(names)
    known.called_in(text)
    assert isinstance(known.without(text), str)
    Addressing(AnswerPolicy.SMART, known).is_addressed(ADA, text, tuple(names), AddressingContext(ADA, 1.0))
