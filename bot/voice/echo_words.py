"""The bot's own words, heard back: an echo that a microphone's owner did not say."""

from __future__ import annotations

from difflib import SequenceMatcher

from bot.voice.phrases import plain_words

LEAST_WORDS = 3
"""Fewer words than this prove nothing: people say "okay" too."""
LEAST_SHARE = 0.75
"""How much of what was heard must be in what was spoken, in order."""


def echoes(heard: str, spoken: str) -> bool:
    """Whether what was heard is, but for a mishearing here and there, a stretch of what the bot has just spoken."""
    words, said = plain_words(heard), plain_words(spoken)
    if len(words) < LEAST_WORDS or not said:
        return False
    matcher = SequenceMatcher(None, words, said, autojunk=False)
    longest = matcher.find_longest_match()
    begin = max(0, longest.b - longest.a - 2)
    # Only around the longest common run: words that happen to occur all over a long answer are no echo of it.
    stretch = said[begin : begin + len(words) + 4]
    matched = sum(block.size for block in SequenceMatcher(None, words, stretch, autojunk=False).get_matching_blocks())
    return longest.size >= LEAST_WORDS - 1 and matched / len(words) >= LEAST_SHARE
