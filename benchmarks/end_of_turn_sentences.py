"""The sentences of the end-of-turn benchmark, with marks where a speaker may pause.

There are 40 for espeak-ng's voices and 40 for natural voices. A bar marks a pause: after a word that needs a
continuation, in the middle of a thought, or between two clauses. About one pause in four comes after words that could
be a whole sentence. Only the speaker's habit of pausing tells such a pause from the end of a turn.
"""

from __future__ import annotations

from dataclasses import dataclass

PAUSE = "|"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. ``language`` is that of the voices. ``text`` has a :data:`PAUSE` where the speaker may pause."""

    language: str
    text: str

    @property
    def plain(self) -> str:
        """The sentence without pauses."""
        return " ".join(part.strip() for part in self.text.split(PAUSE))

    def parts(self) -> list[str]:
        """The parts of the sentence between its pauses."""
        return [part.strip() for part in self.text.split(PAUSE)]


SENTENCES = (
    Sentence("English", "Could you tell me when the | next train leaves for London?"),
    Sentence("English", "I was thinking that | we could play something together tonight."),
    Sentence("English", "The first time I saw her was | in a small town near the sea."),
    Sentence("English", "Do you remember the name of | that song we heard yesterday?"),
    Sentence("English", "I went to the kitchen, | made some tea, and | then I forgot about it."),
    Sentence("English", "My brother wants to buy a | new computer this summer."),
    Sentence("English", "I really liked the first part | but the ending was awful."),
    Sentence("English", "If it rains tomorrow, | we should stay at home."),
    Sentence("English", "What do you think about, um, | the new album?"),
    Sentence("English", "She told me to | call you back as soon as possible."),
    Sentence("English", "We could go by car, or | we could take the bus."),
    Sentence("English", "I don't know | if that's a good idea."),
    Sentence("English", "Let me think, I would say | about forty people came."),
    Sentence("English", "There is a big difference between | what he says and | what he does."),
    Sentence("English", "Please remind me to | water the plants on Friday."),
    Sentence("English", "I have two cats and | a very old dog."),
    Sentence("English", "The problem is that | nobody listens to me."),
    Sentence("English", "Can you explain how | a jet engine works?"),
    Sentence("English", "I would like to hear a story about | a dragon who is afraid of fire."),
    Sentence("English", "We finished the game last night | because everyone was there."),
    Sentence("English", "Well, you know, | it's not that easy to explain."),
    Sentence("English", "How much does it cost to | fly to Japan in the spring?"),
    Sentence("English", "I tried to fix it myself, | and now it is completely broken."),
    Sentence("English", "Is it true that | octopuses have three hearts?"),
    Sentence("English", "When I was a child, | we lived next to a river."),
    Sentence("English", "Tell me something about | the history of chess."),
    Sentence("English", "I think the best way is | to start from the beginning."),
    Sentence("English", "Yesterday I met an old friend | and we talked for hours."),
    Sentence("English", "He works in the | biggest hospital of the city."),
    Sentence("English", "Turn the music down, please, | I can hardly hear you."),
    Sentence("German", "Kannst du mir sagen, wann der | nächste Zug nach Berlin fährt?"),
    Sentence("German", "Ich glaube, dass | wir morgen besseres Wetter haben."),
    Sentence("German", "Gestern war ich im Kino und | habe einen tollen Film gesehen."),
    Sentence("German", "Wenn du Zeit hast, | können wir zusammen essen."),
    Sentence("French", "Est-ce que tu peux | me raconter une histoire?"),
    Sentence("French", "Je voudrais savoir si | le musée est ouvert demain."),
    Sentence("French", "Hier nous avons mangé dans | un très bon restaurant."),
    Sentence("Spanish", "Me gustaría saber qué | tiempo hace en Madrid."),
    Sentence("Spanish", "Ayer fui al mercado y | compré fruta para la semana."),
    Sentence("Spanish", "Creo que | es mejor empezar de nuevo."),
)

NATURAL_SENTENCES = (
    *(sentence for sentence in SENTENCES if sentence.language != "German"),
    Sentence("English", "My neighbour, | who is a retired teacher, | helps me with my English."),
    Sentence("English", "It would be better if | you asked someone else about that."),
    Sentence("English", "After the concert, | we walked home through the park."),
    Sentence("English", "The only thing I remember is | the colour of the front door."),
)
"""The sentences for natural voices, which speak no German. In one of them the voice does not pause."""
