"""Tests of the people in a browser call: ids, cleaned names, a change of the person, and interruptions."""

from __future__ import annotations

import pytest

from bot.voice.browser.people import BrowserPeople, web_person


def test_a_name_always_has_the_same_id_which_no_discord_user_has() -> None:
    assert web_person("Ada") == web_person("ada ") == 6_689_460_803_072_927_440
    assert web_person("Ada") != web_person("Ben")
    for name in ("", "Ada", "\ud800", "名前", "a" * 1_000, ":::"):
        assert 2**62 <= web_person(name) < 2**63


@pytest.mark.parametrize(
    ("given", "shown"), [("", "Guest"), ("  ", "Guest"), ("A\nda: x", "A da x"), ("\u200b", "Someone")]
)
def test_names_are_cleaned(given: str, shown: str) -> None:
    people = BrowserPeople(given)
    assert people.names() == (shown,)
    assert people.id == f"web:{shown}"


def test_after_another_person_takes_over_the_call_the_first_is_still_known_by_name() -> None:
    people = BrowserPeople("Ada")
    ada = people.person
    people.become("Ben")
    assert people.names() == ("Ben",)
    assert people.name(ada) == "Ada"
    assert people.others(people.person) == ()


def test_only_admitted_people_may_interrupt_and_only_if_interruptions_are_allowed() -> None:
    assert BrowserPeople("Ada").may_interrupt(1, None)
    assert not BrowserPeople("Ada", interrupts=False).may_interrupt(1, None)
    assert not BrowserPeople("Ada", admits=lambda _: False).may_interrupt(1, 1)


def test_only_the_person_in_the_browser_hears_the_call() -> None:
    people = BrowserPeople("Ada")
    assert people.hears(web_person("ada"))
    assert not people.hears(web_person("Ben"))
