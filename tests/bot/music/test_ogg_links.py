"""A chain of Ogg streams in one file is read link by link, in whatever pieces it comes."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest

from audio.decode import TooLongSoundError, decoded
from audio.samples import SPEAKING_RATE
from bot.music.live_process import BOUNDS, links
from bot.music.ogg_links import OggLinks
from tests.bot.music.hostile_files import encoded


@cache
def ogg(codec: str = "libopus", layout: str = "stereo", rate: int = 48_000) -> bytes:
    return encoded("ogg", codec, 1.0, layout=layout, rate=rate)


def parts(data: bytes, size: int = 1_000_000) -> list[bytes]:
    """What a reader gets link by link, if at most ``size`` bytes come at once."""
    file, found = io.BytesIO(data), []
    chain = OggLinks(lambda most: file.read(min(most, size)))
    while True:
        found.append(b"".join(iter(lambda: chain.read(size), b"")))
        if not chain.go_on():
            return found


@pytest.mark.parametrize("size", [1, 7, 4_096, 1_000_000])
def test_each_link_is_a_stream_of_its_own(size: int) -> None:
    links = [ogg(), ogg("flac"), ogg(layout="mono")]
    assert parts(b"".join(links), size) == links


@pytest.mark.parametrize(
    "data", [b"", b"O", b"Ogg", b"OggS", b"OggS" + bytes(20), b"OggS" + bytes(26), b"no Ogg at all" * 9_000]
)
def test_bytes_without_a_whole_ogg_page_are_handed_on_as_they_are(data: bytes) -> None:
    assert parts(data) == [data]


def test_bytes_lost_or_added_on_the_way_do_not_end_the_stream() -> None:
    one, two = ogg(), ogg("flac")
    for broken in (one[:-100], one + b"junk" * 300, one[:500] + one[600:], one + b"OggS", one + bytes(70_000)):
        found = parts(broken + two + two)
        assert b"".join(found) == broken + two + two
        assert found[-1] == two


@pytest.mark.parametrize(
    "second",
    [ogg(), ogg("flac"), ogg(layout="mono"), ogg(layout="5.1"), ogg("flac", "mono", 22_050)],
    ids=["the same", "another codec", "mono", "six channels", "another rate"],
)
def test_a_chain_is_heard_as_a_whole_and_without_a_click(second: bytes) -> None:
    data = ogg() + second + ogg()
    sound = np.concatenate([*links(OggLinks(io.BytesIO(data).read))])
    alone = np.concatenate([*decoded(io.BytesIO(second), SPEAKING_RATE, BOUNDS, channels=2)])
    assert len(sound) / 2 / SPEAKING_RATE == pytest.approx(3.0, abs=0.05)
    assert np.abs(sound).max() < max(0.22, np.abs(alone).max() + 0.01)


def test_all_links_together_are_no_longer_than_a_stream_may_be() -> None:
    data = ogg() * 5
    with pytest.raises(TooLongSoundError):
        list(links(OggLinks(io.BytesIO(data).read), max_seconds=3.5))
