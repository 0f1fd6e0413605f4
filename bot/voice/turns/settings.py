"""Every number of turn-taking, in one place. The figures were found with ``python -m benchmarks.end_of_turn``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Durations are in seconds of sound or of silence, probabilities and levels from 0 to 1.

    Waits count from the last window that Silero calls voiced, which is 20 to 60 ms behind the last voiced sample.

    Attributes:
        voiced_probability: from which Silero's answer for a window counts as voice.
        sure_probability: a window this sure is voice however quiet it is.
        quiet_share: below this share of the speaker's own level, a window that is not sure is no voice.
        pause_windows: so many still windows are a pause. One costs needless transcriptions, two cost 32 ms.
        loud_pause_windows: so many where something else is heard, like the end of a hissing sound.
        certain_windows: so many voiced windows in a row are speech, for sure.
        pre_roll: kept from before the speech was sure, its own first windows included.
        least_voiced: a turn with less voice in it was a click or a cough.
        longest_gap: of the silence between two transmissions, no more than this goes into the turn's sound.
        first_interim, next_interim: when a turn that goes on is first shown, and how often from then on.
        part_after: a turn this long is cut at its next pause.
        part_pause: such a pause must last so long, or it might be within a word.
        longest_part: a turn this long is cut at its quietest place of the last ``part_search``, pause or no pause.
        finished_wait: silence after a finished sentence of somebody who never pauses.
        finished_wait_open: the same on an open microphone, where silence is less sure.
        patient_wait: the most that is waited after a finished sentence, of somebody who often pauses.
        unfinished_wait: silence after words that ask for more.
        unknown_wait: silence while nobody has said yet what the words are; no answer can begin without them.
        held_key_wait: silence of somebody known to be on push-to-talk whose key is still held.
        resumption: a microphone that opens again holds back the end for so long, until it is clear what is in it.
        cut_off_within: somebody who begins again so soon after the last voiced sample of an ended turn was cut off.
        stranger_pause: the usual pause of somebody of whom nothing is known yet.
        pause_margin: how much longer than somebody's usual pause is waited after a finished sentence.
        learning, forgetting: how much the latest turn counts in what is known of a person's pauses, where its longest
            pause was above the usual one, and where it was below.
    """

    voiced_probability: float = 0.5
    sure_probability: float = 0.8
    quiet_share: float = 0.1
    pause_windows: int = 1
    loud_pause_windows: int = 3
    certain_windows: int = 2
    pre_roll: float = 0.32
    least_voiced: float = 0.13
    longest_gap: float = 0.3
    first_interim: float = 0.6
    next_interim: float = 1.0
    part_after: float = 15.0
    part_pause: float = 0.2
    longest_part: float = 25.0
    part_search: float = 5.0
    finished_wait: float = 0.19
    finished_wait_open: float = 0.22
    patient_wait: float = 0.9
    unfinished_wait: float = 1.2
    unknown_wait: float = 1.0
    held_key_wait: float = 1.5
    resumption: float = 0.16
    cut_off_within: float = 1.2
    stranger_pause: float = 0.45
    pause_margin: float = 1.5
    learning: float = 0.6
    forgetting: float = 0.4


OF_SILERO_VADS_NETWORK = TurnSettings(voiced_probability=0.8, sure_probability=0.97)
"""For the network of the package silero-vad (6.2.3), which is surer of itself than the one that faster-whisper carries,
and stays so for a window longer where a word ends: with the other's numbers it cut off 3 people of 40, with these 2."""
