"""Fifty talks with a small language model: the lines of people, and the word that the last answer must have."""

from __future__ import annotations

from dataclasses import dataclass, replace

ADA, BEN = "Ada", "Ben"
PEOPLE = ((ADA, BEN), ("Mia", "Tom"), ("Lena", "Sam"), ("Ruth", "Omar"))
"""The people of each seed. They differ, since the seed alone changes few of the small model's answers."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Lines that are answered one after the other. Only the answer to the last one is checked.

    Attributes:
        lines: the name and the text of each line.
        planted: a word of an earlier line that the answer must have.
        language: the language code of the last line.
    """

    lines: tuple[tuple[str, str], ...]
    planted: str | None = None
    language: str = "en"

    def among(self, people: tuple[str, str]) -> Talk:
        """The same talk with other people's names."""

        def renamed(text: str) -> str:
            return text.replace(ADA, people[0]).replace(BEN, people[1])

        return replace(self, lines=tuple((renamed(name), renamed(text)) for name, text in self.lines))


def _said(*texts: str, planted: str | None = None, language: str = "en") -> Talk:
    return Talk(tuple((ADA, text) for text in texts), planted, language)


_CHAT = (
    *("Hi, how are you today?", "What's your name?", "What do you like to do for fun?", "Tell me a joke."),
    *("I'm bored. Any ideas?", "I had a really bad day at work.", "What should I cook tonight?", "Do you like music?"),
    *("Good morning!", "Can you recommend a book?", "I just won a game of chess!", "What's your favourite colour?"),
    *("Tell me a short story about a fox.", "I can't sleep. What can I do?"),
)
_KNOWLEDGE = (
    *("What is the capital of France?", "Why is the sky blue?", "How do bees make honey?", "What is a volcano?"),
    *("How many legs does a spider have?", "What is photosynthesis?", "Who wrote Romeo and Juliet?"),
    *("How do I boil an egg?", "What is the difference between a cat and a dog?", "Explain gravity to me."),
)
_CALL_BEGINNINGS = (
    (
        "Hello there, can you hear me?",
        "What is the capital of France?",
        "Please tell me a story about a fox and a river.",
    ),
    ("Hello, how are you?", "What can you do?", "Tell me a joke."),
    ("Tell me a joke.", "What is the tallest mountain in the world?", "Thank you, that was nice."),
    ("Hi Seiyuu!", "Who are you?", "I am from Berlin."),
    ("Good evening.", "Can you sing?", "How is the weather today?"),
    ("How is the weather today?", "Why do cats purr?", "Tell me something interesting."),
    ("Hey, is anybody there?", "What is two plus two?", "How far away is the moon?"),
    ("How far away is the moon?", "Tell me a story about a dragon.", "What is your favourite food?"),
    ("Can you help me?", "What should I do?", "How many days are in a week?"),
    ("What should I do?", "How many days are in a week?", "Good night, sleep well."),
)

CALLS = tuple(_said(*texts) for texts in _CALL_BEGINNINGS)
"""The beginnings of calls: questions and greetings, which a small model likes to repeat."""
TALKS = (
    *map(_said, _CHAT),
    *map(_said, _KNOWLEDGE),
    _said("My dog is called Biscuit.", "What is my dog called?", planted="Biscuit"),
    _said("My favourite fruit is mango.", "What is my favourite fruit?", planted="mango"),
    _said("I live in Lisbon.", "Which city do I live in?", planted="Lisbon"),
    _said("My sister's name is Clara.", "What's the name of my sister?", planted="Clara"),
    _said("I play the violin.", "Which instrument do I play?", planted="violin"),
    _said("My car is green.", "What colour is my car?", planted="green"),
    _said("I work as a baker.", "What is my job?", planted="baker"),
    _said("We are meeting on Thursday.", "On which day are we meeting?", planted="Thursday"),
    Talk(((ADA, "I am going to the beach tomorrow."), (BEN, "Where is Ada going tomorrow?")), "beach"),
    Talk(((BEN, "My cat is called Pepper."), (ADA, "What is Ben's cat called?")), "Pepper"),
    Talk(((BEN, "I love pizza."), (ADA, "Seiyuu, what do you think about pizza?"))),
    Talk(((BEN, "I think summer is the best season."), (ADA, "And what do you think?"))),
    _said("Wie geht es dir heute?", language="de"),
    _said("Was isst du gerne?", language="de"),
    _said("Comment vas-tu aujourd'hui ?", language="fr"),
    _said("¿Qué te gusta hacer?", language="es"),
    *CALLS,
)
