"""Thresholds and waits of turn detection. Their values were found with ``python -m benchmarks.end_of_turn``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Thresholds and waits of a turn detector.

    Durations are seconds of sound or silence; probabilities and shares are 0 to 1. A window is 32 ms of sound. A wait
    counts from the end of the last window that the Silero network calls voiced. This is 20 to 60 ms after the last
    voiced sample.

    Attributes:
        voiced_probability: least probability with which a window counts as voiced.
        sure_probability: least probability with which a window counts as voiced however quiet it is.
        quiet_share: a window of less than ``sure_probability`` counts as unvoiced if its level is below this share of
            the speaker's usual level.
        pause_windows: number of unvoiced windows that make a pause if the last one is quiet, which means that it has
            hardly any sound. With 1, some transcriptions are needless; with 2, each pause is noticed 32 ms later. A
            pause may also begin with the first half of a window; see
            :meth:`~bot.voice.turns.voice_activity.VoiceActivityDetector.falls_quiet`.
        loud_pause_windows: number of unvoiced windows that make a pause if the last one is not quiet. A loud window
            without voice may be the end of a hissing sound ("s").
        certain_windows: number of voiced windows in a row that are certainly speech.
        pre_roll: a turn's sound begins this long before the moment at which the speech is certain. It thus contains the
            voiced windows that made the speech certain.
        least_voiced: least duration of voice in a turn. A turn with less voice was a click or a cough, and is dropped.
        longest_gap: longest silence between two transmissions that is added to the turn's sound.
        first_interim: length of a turn at which its sound is first reported (``SpeechSoFar``).
        next_interim: length of sound between two reports of a turn's sound (``SpeechSoFar``).
        next_interim_often: the same length in calls with interim transcripts, in place of ``next_interim``. Each report
            costs a comparison with the bot's own sound (3 ms), so other calls make fewer of them.
        part_after: when a turn's sound is this long, the turn is cut at its next pause.
        part_pause: least duration of a pause at which a turn is cut. A shorter one might be within a word.
        longest_part: when a turn's sound is this long, the turn is cut at a quiet place without a pause.
        part_search: duration at the end of the sound in which the quiet place is searched.
        finished_wait: shortest wait after a finished sentence.
        finished_wait_open: shortest wait after a finished sentence on an open microphone, whose silence is less
            certain.
        patient_wait: longest wait after a finished sentence, for a person who often pauses.
        unfinished_wait: wait after an unfinished sentence, and if the packets have stopped within a word.
        unknown_wait: wait while there is no end-of-turn estimate. Without it the words are not known either, so
            no reply can begin.
        held_key_wait: wait while a person holds their push-to-talk key, as far as can be told from their transmissions.
        known_key_wait: wait while a person holds their push-to-talk key, if the transport knows that. Such a transport
            reports the release of the key too.
        resumption: after a person's microphone has opened again, their turn can't end for this long.
        cut_off_within: if a person speaks again within this time after their turn, the end of that turn was too early.
        stranger_pause: usual pause of a person of whom nothing is known yet.
        ordinary_pause: a pause as nearly everybody makes at a comma.
        pause_margin: the wait after a finished sentence is the speaker's usual pause, plus this many times its
            difference from the ordinary pause. If the usual pause is shorter than the ordinary one, the difference is
            negative, and so the wait is shorter than the usual pause.
        learning: weight of a turn's longest pause in the usual pause, if it is longer than the usual pause.
        forgetting: weight of a turn's longest pause in the usual pause, if it is shorter than the usual pause.
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
    next_interim_often: float = 0.25
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
    known_key_wait: float = 10.0
    resumption: float = 0.16
    cut_off_within: float = 1.2
    stranger_pause: float = 0.45
    ordinary_pause: float = 0.34
    pause_margin: float = 2.0
    learning: float = 0.6
    forgetting: float = 0.25


SILERO_VAD_PACKAGE_SETTINGS = TurnSettings(voiced_probability=0.8, sure_probability=0.97)
"""Settings for the network of the package silero-vad (6.2.3).

That network gives higher probabilities than the one in faster-whisper, and they stay high for one more window at the
end of a word. With these settings, the bot cuts off at most 1 of 40 sentences with long pauses.
"""

TELEPHONE_SETTINGS = TurnSettings(voiced_probability=0.2, sure_probability=0.45, quiet_share=0.03)
"""Settings for sound of telephones and the network in faster-whisper.

The networks were trained on wide-band speech. On a telephone, which has 300 to 3,400 Hz, they are less sure. With
the usual settings, they find pauses within words, and the bot waits 440 ms before the turn of a natural voice is over,
while it waits 260 ms at full band (docs/benchmarks.md). Hissing sounds ("s") lie above the band, so they are nearly as
quiet as a pause.
"""
TELEPHONE_SILERO_VAD_PACKAGE_SETTINGS = TurnSettings(voiced_probability=0.4, sure_probability=0.85, quiet_share=0.03)
"""Settings for sound of telephones and the network of the package silero-vad."""
