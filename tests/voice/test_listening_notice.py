"""Tests of the texts that tell people that the bot listens and records."""

from __future__ import annotations

import pytest

from bot.text import MESSAGE_LIMIT
from bot.voice.listening_notice import ListeningTerms, recording_began, recording_newcomer
from config.sections import Captions, ListeningPolicy
from config.types import KeptDays


@pytest.mark.parametrize("policy", ListeningPolicy)
@pytest.mark.parametrize("captions", Captions)
def test_the_notice_tells_of_listening_and_storing_and_how_to_change_both(
    policy: ListeningPolicy, captions: Captions
) -> None:
    notice = ListeningTerms("?", 0, None).notice(policy, "Lounge", captions)
    assert "listen in Lounge" in notice
    assert "I keep no sound" in notice
    assert "`?optout`" in notice
    assert ("forget the words" in notice) is (captions is Captions.OFF)
    assert ("`?optin`" in notice) is (policy is ListeningPolicy.OPT_IN)
    assert len(notice) < MESSAGE_LIMIT


@pytest.mark.parametrize("captions", Captions)
@pytest.mark.parametrize(
    ("days", "words"),
    [(30, "and the words for 30 days"), (1, "and the words for 1 day."), ("forever", "but I keep the words")],
)
def test_the_notice_says_how_long_the_words_are_kept(captions: Captions, days: KeptDays, words: str) -> None:
    notice = ListeningTerms("?", days, None).notice(ListeningPolicy.OPT_OUT, "Lounge", captions)
    assert words in notice
    assert "forget the words" not in notice


def test_the_notice_names_another_machine_that_transcribes() -> None:
    notice = ListeningTerms("!", 0, "stt.example.org").notice(ListeningPolicy.OPT_OUT, "Lounge", Captions.OFF)
    assert "on stt.example.org" in notice
    assert "my own machine" not in notice


@pytest.mark.parametrize("policy", ListeningPolicy)
@pytest.mark.parametrize("captions", Captions)
def test_texts_for_the_telephone_name_no_command(policy: ListeningPolicy, captions: Captions) -> None:
    terms = ListeningTerms("!", 30, None, notes_days=30, in_writing=False)
    notice = terms.notice(policy, "a phone call (…456)", captions)
    assert notice.startswith("👂 **I listen in a phone call (…456).** ")
    assert notice.endswith("I keep no sound, and the words for 30 days.")
    assert "`" not in notice + terms.notes_began("Caller")


def test_the_text_about_a_recording_names_who_asked_for_it_and_how_to_opt_out() -> None:
    assert "because Ada asked" in recording_began("?", "Ada")
    assert "`?optout` deletes yours" in recording_began("?", "Ada")
    assert "`?optout`" in recording_newcomer("?", "Bob")
