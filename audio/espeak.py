"""Speaks with espeak-ng's C library from the espeakng-loader wheel, without a system package or a child process.

The interface is ``speak_lib.h`` of espeak-ng 1.52. espeak-ng is under the GPLv3.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import espeakng_loader

from audio.pcm import from_pcm16
from audio.samples import Samples

BUFFER_MS = 20
"""Length of the pieces of sound that the library returns, in milliseconds."""
DEFAULT_RATE = 175
"""The usual rate of speech, in words per minute. The library accepts 80 to 450."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
# With this flag, the library adds the pause of the text's last punctuation mark, so that texts spoken in a row sound
# like one text.
_END_PAUSE = 0x1000
_POSITION_CHARACTER = 1
_RATE = 1
_PITCH = 3
# Return values of the callback.
_GO_ON, _ABORT = 0, 1
_LOWEST_RANK = 100
_NOISE_SEED = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(RuntimeError):
    """The library answered with an error."""


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A voice file.

    Attributes:
        id: the tag of its language, or the file's name if a better voice has that tag.
        language: a BCP 47 tag.
        also: other language tags that the voice serves.
        file: the name by which the library loads the voice. Language tags such as ``en-gb`` and ``fr-fr`` do not work.
        rank: the library's priority of the voice for its language without a region; lower is better.
    """

    id: str
    name: str
    language: str
    also: tuple[str, ...]
    file: str
    rank: int


class _VoiceRecord(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class EspeakLibrary:
    """The initialised library. It has global state, so there must be only one: call :func:`load_espeak`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, str(espeakng_loader.get_data_path()).encode(), _DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise EspeakError("espeak-ng could not be initialised")
        # The library has seeded the noise of its voices with the time, so each process would sound different.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_NOISE_SEED))
        self._lock = threading.Lock()
        self._on_audio: Callable[[bytes], bool] = lambda _: False
        # The library keeps this pointer for ever, so Python must keep the object.
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def voices(self) -> list[EspeakVoice]:
        """Every voice that can speak, each with a unique id. A language's best voice comes before its others."""
        found: dict[str, EspeakVoice] = {}
        for voice in self._voices():
            key = voice.file.rpartition("/")[2].lower() if voice.id in found else voice.id
            found[key] = replace(voice, id=key)
        return sorted(found.values(), key=lambda voice: (_primary_language(voice.language), voice.rank))

    def _voices(self) -> Iterator[EspeakVoice]:
        records = self._library.espeak_ListVoices(None)
        index = 0
        while records[index]:
            record = records[index].contents
            index += 1
            file, languages = record.identifier.decode(), dict(_languages(record.languages))
            main, *others = languages
            if not _has_dictionary(file, main):
                continue
            also = tuple(tag for tag in others if "-" in tag or _primary_language(tag) != _primary_language(main))
            yield EspeakVoice(
                main,
                record.name.decode().strip(),
                main,
                also,
                file,
                languages.get(_primary_language(main), _LOWEST_RANK),
            )

    def speak(self, text: str, voice: str, rate: int, pitch: int, on_audio: Callable[[bytes], bool]) -> None:
        """Speak ``text``. Blocks until done. Thread-safe: one text is spoken at a time, and other callers wait.

        Args:
            text: plain text. Control characters become spaces, since some are commands to the library.
            voice: a voice's file, name or language, perhaps with a variant, as in ``gmw/en+f3``.
            rate: words per minute, 80 to 450.
            pitch: 0 to 100; 50 is the normal pitch of the voice.
            on_audio: called with 16-bit mono PCM in pieces of about 20 ms. If it returns ``False``, the speech stops.

        Raises:
            EspeakError: there is no such voice, or the library failed.
        """
        data = "".join(c if c.isprintable() else " " for c in text).encode() + b"\0"
        with self._lock:
            self._on_audio = on_audio
            if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise EspeakError(f"espeak-ng has no voice {voice!r}")
            self._library.espeak_SetParameter(_RATE, rate, 0)
            self._library.espeak_SetParameter(_PITCH, pitch, 0)
            status = self._library.espeak_Synth(
                data, ctypes.c_size_t(len(data)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None
            )
            if status != 0:
                raise EspeakError(f"espeak-ng failed with status {status}")

    def say(self, text: str, voice: str, rate: int, pitch: int) -> Samples:
        """Like :meth:`speak`, but returns all the sound, at :attr:`sample_rate`."""
        pcm = bytearray()

        def keep(piece: bytes) -> bool:
            pcm.extend(piece)
            return True

        self.speak(text, voice, rate, pitch, keep)
        return from_pcm16(pcm)

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short] | None, count: int, _events: int | None) -> int:
        if not samples or count <= 0:
            return _GO_ON
        return _GO_ON if self._on_audio(ctypes.string_at(samples, count * 2)) else _ABORT


def variants() -> list[str]:
    """Names of the variants that may follow a voice after a plus sign: ``f3``, ``whisper``, … Reads a folder."""
    folder = _data_folder() / "voices" / "!v"
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


def _languages(address: int) -> Iterator[tuple[str, int]]:
    """Language tags and their priorities. In memory, each is a byte and a string; a zero byte ends the list."""
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        yield tag.decode().lower(), priority
        address += len(tag) + 2


def _has_dictionary(file: str, language: str) -> bool:
    """Whether the library has the language's dictionary. Without it a voice is silent, and there is no error."""
    try:
        lines = (_data_folder() / "lang" / file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    named = next((line.split()[1] for line in lines if line.startswith("dictionary ")), _primary_language(language))
    return (_data_folder() / f"{named}_dict").exists()


def _data_folder() -> Path:
    return Path(str(espeakng_loader.get_data_path()))


def _primary_language(tag: str) -> str:
    return tag.partition("-")[0]


@functools.cache
def load_espeak() -> EspeakLibrary:
    """The only :class:`EspeakLibrary` of the process. A second one would replace the callback of the first one."""
    return EspeakLibrary()
