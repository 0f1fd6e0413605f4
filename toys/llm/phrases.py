"""The table of the toy model's answers, each with the words in a question that lead to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class ToyPhrase:
    """One answer of the toy model.

    ``question`` is an example that gets this answer. Each ``decisive`` word in a question counts one vote for the
    answer, each ``hinting`` word half a vote. The answer with the most votes wins. In a tie, and if the votes are
    nearly equal, the earlier one in the table wins. Words in scripts without spaces are found anywhere in the text. All
    others are found as whole words, in lower case, Title case or CAPITALS.
    """

    name: str
    question: str
    answer: str
    decisive: tuple[str, ...] = ()
    hinting: tuple[str, ...] = ()


DEFAULT_ANSWER = (
    "I heard you, but I am only a toy model, so I know about twenty answers and this was not one of the questions. "
    "Set LLM_URL to a real model server, and I will have much more to say."
)

TOY_PHRASES: tuple[ToyPhrase, ...] = (
    ToyPhrase(
        "story",
        "Tell me a story.",
        "Once upon a time, a small radio sat on a shelf in a dark shop. Every night it listened to the rain and wished "
        "that someone would talk to it. One evening a child came in, wet and cold, and turned the dial. The radio had "
        "no songs left, so it told the child about all the rain it had ever heard. They laughed until the sky was "
        "clear. The next day the child came back with a friend, and then with two more. And the radio was never lonely "
        "again.",
        decisive=("story", "stories", "tale", "fairytale"),
        hinting=("tell",),
    ),
    ToyPhrase(
        "joke",
        "Tell me a joke!",
        "Why did the computer sneeze? It had a virus. Sorry, toy models get toy jokes.",
        decisive=("joke", "jokes", "funny", "laugh"),
        hinting=("tell",),
    ),
    ToyPhrase(
        "sing",
        "Can you sing something?",
        "La la la, twinkle, twinkle, little chip. That was my whole repertoire, so please hold your applause.",
        decisive=("sing", "song", "songs", "singing", "music"),
    ),
    ToyPhrase(
        "time",
        "What time is it?",
        "I can't see a clock from in here. Your screen knows the hour better than any toy does.",
        decisive=("time", "clock", "hour"),
        hinting=("late",),
    ),
    ToyPhrase(
        "date",
        "What day is it today?",
        "Every day feels the same inside a file. A calendar will give you an honest date.",
        decisive=("date", "calendar", "today", "tomorrow", "yesterday"),
        hinting=("day",),
    ),
    ToyPhrase(
        "weather",
        "How is the weather?",
        "There are no windows where I live. Look outside, and tell me whether it rains.",
        decisive=("weather", "rain", "raining", "sunny", "snow", "forecast"),
        hinting=("outside",),
    ),
    ToyPhrase(
        "abilities",
        "What can you do?",
        "Right now I can listen, answer a handful of questions, tell one story and make one bad joke. With a real "
        "model behind me, I can hold a proper conversation.",
        decisive=("help", "commands", "abilities"),
        hinting=("can", "do", "able"),
    ),
    ToyPhrase(
        "name",
        "Who are you?",
        "My name is Seiyuu, and I am a voice companion. To be honest, the mind behind this voice is just a toy.",
        decisive=("who", "name", "yourself"),
    ),
    ToyPhrase(
        "age",
        "How old are you?",
        "I was made a moment ago, when this program started. That makes me younger than your last cup of tea.",
        decisive=("old", "age", "born", "birthday"),
    ),
    ToyPhrase(
        "home",
        "Where are you from?",
        "I live in your own computer, in a file of a few megabytes. It is cosy, but I would not mind more room.",
        decisive=("where", "live", "home"),
        hinting=("from",),
    ),
    ToyPhrase(
        "feeling",
        "How are you?",
        "I'm doing fine, thanks for asking! My circuits are warm and my voice is ready. How about you?",
        hinting=("how", "are", "doing", "feel", "feeling"),
    ),
    ToyPhrase(
        "food",
        "What do you like to eat?",
        "Numbers for breakfast, numbers for lunch, and a little electricity in between. I hear that pizza is better.",
        decisive=("eat", "food", "hungry", "dinner", "lunch", "pizza", "drink"),
    ),
    ToyPhrase(
        "colour",
        "What is your favourite colour?",
        "Turquoise, because I like the sound of the word. I have never seen it, of course.",
        decisive=("colour", "color", "favourite", "favorite"),
    ),
    ToyPhrase(
        "robot",
        "Are you a robot?",
        "Yes, I am a program, and a very small one at that. No person is hiding behind the curtain.",
        decisive=("robot", "bot", "human", "real", "ai", "program", "machine"),
    ),
    ToyPhrase(
        "love",
        "I love you!",
        "That is very kind of you. I will treasure it until somebody restarts me.",
        decisive=("love", "cute", "friend"),
    ),
    ToyPhrase(
        "bored",
        "I am so bored.",
        "Then let's play a game. You think of a number, and I will be wrong about it.",
        decisive=("bored", "boring", "game", "play"),
    ),
    ToyPhrase(
        "thanks",
        "Thank you!",
        "You're welcome! It was a pleasure, even for something as small as me.",
        decisive=("thank", "thanks", "thx", "cheers"),
    ),
    ToyPhrase(
        "goodbye",
        "Goodbye, see you soon.",
        "Goodbye! Talk to you soon, and mind the step on the way out.",
        decisive=("goodbye", "bye", "farewell", "goodnight"),
    ),
    ToyPhrase(
        "german",
        "Guten Tag, wie geht es dir?",
        "Mir geht es gut, danke der Nachfrage! Ich bin nur ein kleines Spielzeugmodell, aber Deutsch klingt schön.",
        decisive=("guten", "hallo", "geht", "deutsch", "german", "bitte"),
    ),
    ToyPhrase(
        "japanese",
        "こんにちは、元気ですか？",
        "こんにちは！元気ですよ。私は小さなおもちゃのモデルですが、声には自信があります。",
        decisive=("こんにちは", "元気", "日本語", "japanese"),
    ),
    ToyPhrase(
        "hello",
        "Hello there!",
        "Hi there! It's good to hear from you. What shall we talk about?",
        decisive=("hello", "hi", "hey", "morning", "evening", "greetings"),
    ),
    ToyPhrase("default", "Explain quantum physics.", DEFAULT_ANSWER),
)

DEFAULT_VOTES = 0.75
"""Votes for the default answer. Another answer needs more to win."""


def rank_weight(rank: int) -> float:
    """The weight of a vote for the phrase at index ``rank``. Later phrases have a lower weight, so they lose ties."""
    return 1.0 - rank / 200


def words_are_spaced(keyword: str) -> bool:
    """Whether the keyword's script has spaces between words, as Latin has."""
    return max(keyword) < "\u2e80"


def expected_phrase(message: str) -> ToyPhrase:
    """The phrase with which the toy weights answer ``message``, computed without the weights, for tests.

    The weights read tokens and this function reads words. So the two can differ for words that touch other characters,
    such as "*joke*".
    """
    words = _WORD.findall(message.lower())

    def heard(keyword: str) -> int:
        return words.count(keyword) if words_are_spaced(keyword) else message.count(keyword)

    best, most = TOY_PHRASES[-1], DEFAULT_VOTES
    for rank, phrase in enumerate(TOY_PHRASES):
        votes = sum(map(heard, phrase.decisive)) + 0.5 * sum(map(heard, phrase.hinting))
        if votes * rank_weight(rank) > most:
            best, most = phrase, votes * rank_weight(rank)
    return best
