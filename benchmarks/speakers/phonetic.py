"""Japanese and Chinese sentences with phonemes for Kokoro. The Kokoro engine makes none for these languages.

The phonemes were made with misaki 0.9.4, and Open JTalk's dictionary for Japanese. Kokoro has no token for two of the
Japanese phonemes, so other letters stand for these two.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.speakers.natural import SpeakerLine

SPEAKERS = {
    "ja": ("jf_alpha", "jm_kumo", "jf_gongitsune", "jf_tebukuro"),
    "zh": ("zf_xiaoxiao", "zm_yunxi", "zf_xiaobei", "zm_yunjian"),
}
"""The speakers of each language, by its ISO 639-1 code."""
_TRADITIONAL = str.maketrans(
    "來個們傘別問嗎國圖學對幫彈後應於時書會業樣歡歷氣沒澆為現發結給綠總羅腦藍蘋裡裏覺話該說請講議貓買趕車這過邊長開間關陽雞離電顏飯館馬麵麼點",
    "来个们伞别问吗国图学对帮弹后应于时书会业样欢历气没浇为现发结给绿总罗脑蓝苹里里觉话该说请讲议猫买赶车这过边长开间关阳鸡离电颜饭馆马面么点",
)
"""From traditional characters to the simplified ones that the sentences have. Whisper writes either kind."""


def phonetic_lines(language: str) -> tuple[SpeakerLine, ...]:
    """All sentences in ``language``, ``ja`` or ``zh``. Two speakers say each of them."""
    speakers = SPEAKERS[language]
    table = Path(__file__).with_name(f"sentences_{language}.tsv").read_text(encoding="utf-8")
    sentences = [line.split("\t") for line in table.splitlines()]
    return tuple(
        SpeakerLine(speakers[(number + later) % len(speakers)], text, phonemes)
        for later in (0, 1)
        for number, (text, phonemes) in enumerate(sentences)
    )


def simplified(text: str) -> str:
    """The text with simplified characters in place of traditional ones. Only characters of the sentences are
    replaced.
    """
    return text.translate(_TRADITIONAL)
