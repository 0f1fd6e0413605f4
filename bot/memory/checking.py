"""Checks what the model calls facts: somebody must have said a sentence with the words and the person of the fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Never

from bot.llm.cleaning import clean_name
from bot.memory.told import MAX_FACT, MAX_QUOTE, one_line
from bot.memory.unread import UnreadTurn
from bot.memory.word_lists import DENIALS, FIRST_PERSON, GLUE, SECRETS
from bot.memory.wording import names, telling, values, words_of

MAX_ANSWER = 20_000
"""Maximum number of characters of the model's answer that are read."""
MAX_FACTS = 40
"""Maximum number of facts from one answer."""
_MAX_FIELD = 1_000
"""Longer texts in an answer are no facts."""
_SECRETS_UNSPACED = ("密码", "密碼", "暗証", "パスワード", "mot de passe", "credit card", "kreditkarte", "api key")
_POSSESSIVE = re.compile(r"['’]s?$")
_DIGITS = re.compile(r"\d+")
_CLAUSES = re.compile(r"[,.;:!?…、，。；：！？—–]+|\b(?:but|sondern|aber|mais|pero|ma)\b", re.IGNORECASE)
_OBJECTS = re.compile(r"\{")


@dataclass(frozen=True, slots=True)
class ClaimedFact:
    """A fact as the model wrote it: three texts of one line each and of limited length, which are not checked."""

    person: str
    fact: str
    quote: str


@dataclass(frozen=True, slots=True)
class CheckedFact:
    """A fact that somebody has said in a turn.

    Attributes:
        turn: the turn in which the fact was said.
        person_name: the name of the person whom the fact is about.
        of_speaker: whether that person is the turn's speaker.
    """

    turn: UnreadTurn
    person_name: str
    of_speaker: bool
    text: str
    quote: str


def claimed_facts(answer: str) -> list[ClaimedFact] | None:
    """The facts in an answer of the model; ``None`` if the answer has no list of them at all.

    The JSON may be in a code block, have words around it, or be cut off: all objects that are whole are read.
    """
    answer = answer[:MAX_ANSWER]
    listed = re.search(r'"facts"\s*:\s*\[', answer)
    if listed is None:
        return None
    found = []
    for value in _objects(answer, listed.end()):
        person, fact, quote = (value.get(key) for key in ("person", "fact", "quote"))
        if not (isinstance(person, str) and isinstance(fact, str) and isinstance(quote, str)):
            continue
        if max(len(person), len(fact), len(quote)) > _MAX_FIELD or len(fact) > MAX_FACT or len(quote) > MAX_QUOTE * 2:
            continue
        if not person.strip():
            continue
        found.append(ClaimedFact(clean_name(person), one_line(fact, MAX_FACT), one_line(quote, _MAX_FIELD)))
        if len(found) >= MAX_FACTS:
            break
    return found


def _objects(text: str, at: int) -> Iterator[dict[str, Any]]:
    """The objects of a list that begins at ``at``, up to the first one that is broken."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    while (begin := _OBJECTS.search(text, at)) is not None and not text[at : begin.start()].strip(" \t\r\n,"):
        try:
            value, at = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def _refuse(number: str) -> Never:
    raise ValueError(f"{number} is not a JSON number")


def check(claim: ClaimedFact, turns: Sequence[UnreadTurn], labels: Mapping[int, str]) -> list[CheckedFact]:
    """Find the turns in which somebody said the sentence of a claimed fact.

    Returns one fact for each such turn of the same speaker, since each turn may have been heard by different people.
    Returns none if nobody said the sentence, or if it does not say what the fact claims.

    Args:
        labels: the names of the speakers in the transcript that the model has read, by user id.
    """
    claim = _without_speaker(claim, labels.values())
    said = words_of(claim.quote)
    if not claim.fact or not said or claim.quote.rstrip().endswith(("?", "？")) or _is_secret(claim):
        return []
    heard = [turn for turn in turns if _contains(words_of(turn.text), said)]
    # If two people said the same, the sentence of the person whom the fact is about is meant.
    own = [turn for turn in heard if labels.get(turn.person, turn.name).casefold() == claim.person.casefold()]
    of_speaker = bool(own)
    meant = next((turn for turn in own or heard if of_speaker or _named(claim.person, said, turn.name)), None)
    if meant is None or not _says(claim, said, meant):
        return []
    if of_speaker and _is_about_others(claim, said, labels, meant):
        return []
    return [
        CheckedFact(
            turn,
            turn.name if of_speaker else claim.person,
            of_speaker,
            claim.fact,
            one_line(turn.text, MAX_QUOTE) if len(turn.text) <= MAX_QUOTE else claim.quote[:MAX_QUOTE],
        )
        for turn in heard
        if turn.person == meant.person
    ]


def _named(person: str, said: Sequence[str], speaker: str) -> bool:
    """Whether the sentence names the person. If Ada speaks of "my sister", that is enough for "Ada's sister"."""
    wanted = [_POSSESSIVE.sub("", word) for word in words_of(person)]
    speakers, known = {*words_of(speaker)}, {_POSSESSIVE.sub("", word) for word in said}
    return bool(wanted) and all(word in known or word in speakers for word in wanted) and not known.isdisjoint(wanted)


def _is_about_others(claim: ClaimedFact, said: Sequence[str], labels: Mapping[int, str], turn: UnreadTurn) -> bool:
    """Whether a sentence without "I" or "my" names somebody whom the fact leaves out.

    If so, the fact is not about the speaker.
    """
    if not FIRST_PERSON.isdisjoint(word for each in said for word in re.split(r"['’]", each)):
        return False
    known = {**turn.present, **labels}
    others = [name for person, name in known.items() if person != turn.person and name != turn.name]
    told = {_POSSESSIVE.sub("", word) for word in words_of(claim.fact)}
    words = {_POSSESSIVE.sub("", word) for word in said}
    return any(set(words_of(name)) <= words and not set(words_of(name)) <= told for name in others if words_of(name))


def _without_speaker(claim: ClaimedFact, labels: Iterable[str]) -> ClaimedFact:
    """The claim without a speaker's name and a colon at the beginning of the sentence."""
    name, colon, quote = claim.quote.partition(":")
    known = colon and any(name.strip().casefold() == label.casefold() for label in labels)
    return replace(claim, quote=quote.strip()) if known else claim


def _says(claim: ClaimedFact, said: Sequence[str], turn: UnreadTurn) -> bool:
    """Whether the words of a fact occur in the sentence, and neither denies what the other says."""
    if not _agrees(claim, said, turn.text):
        return False
    known = {*telling(claim.quote), *telling(claim.person), *telling(turn.name)}
    # "3rd" is 3.
    known |= {digits[0] for word in known if (digits := _DIGITS.match(word))}
    beginnings = {word[:4] for word in known if len(word) >= 4}
    wanted = telling(claim.fact)
    must = names(claim.fact)
    if not wanted or not must <= known:
        return False
    own = [word for word in wanted if word in known or word[:4] in beginnings]
    strange = [word for word in wanted if word not in own and not _is_glue(word)]
    return bool(set(own) - {*telling(claim.person)}) and not strange


def _agrees(claim: ClaimedFact, said: Sequence[str], text: str) -> bool:
    """Whether fact and sentence both have a "not", or neither has one.

    Only the clauses of the sentence with the fact's name or value are compared. They are taken from the whole turn,
    since the quotation could leave out the "not".
    """
    denied, value = _denies(words_of(claim.fact)), values(claim.fact)
    clauses = [each for each in _CLAUSES.split(text) if not value.isdisjoint(telling(each))]
    clauses = [each for each in clauses if not set(said).isdisjoint(words_of(each))]
    if not clauses:
        return _denies(said) == denied
    return any(_denies(words_of(each)) == denied for each in clauses)


def _is_glue(word: str) -> bool:
    return any(word == each or word in telling(each) for each in GLUE)


def _denies(said: Sequence[str]) -> bool:
    plain = {word.replace("'", "") for word in said}
    return not DENIALS.isdisjoint(plain) or any(word.endswith("n't") for word in said)


def _is_secret(claim: ClaimedFact) -> bool:
    text = f"{claim.fact} {claim.quote}".casefold()
    return not SECRETS.isdisjoint(words_of(text)) or any(word in text for word in _SECRETS_UNSPACED)


def _contains(line: Sequence[str], said: Sequence[str]) -> bool:
    length = len(said)
    return any(list(line[at : at + length]) == list(said) for at in range(len(line) - length + 1))
