"""Common mistakes in ``.env``, and the expected errors."""

from __future__ import annotations

from dataclasses import dataclass

SECRET = "hunter2"
"""Part of every secret in the table, so no error text may contain it."""
_LONG = 100_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """Lines of ``.env`` with a mistake, and words of the sentence about it.

    Attributes:
        text: the lines. The mistake is on the last one, unless ``line`` names another.
        says: words that the sentence must have, among them the setting's name.
        line: the line number in the sentence; 0 for a mistake of the whole file.
        alone: whether the mistake can't be combined with others: a quote includes the lines after it, the file can't be
            read, or another mistake hides this one.
    """

    text: str | bytes
    says: tuple[str, ...]
    line: int = -1
    alone: bool = False

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.text if isinstance(self.text, bytes) else f"{self.text}\n".encode()

    @property
    def place(self) -> int:
        """The line number of the mistake within these lines."""
        return self.line if self.line >= 0 else self.data.count(b"\n")


def value(name: str, given: str, *says: str, shown: bool = True) -> Mistake:
    """A mistake that is a wrong value of one setting. The sentence must show the value."""
    told = (f"{name}", "is not valid. ", f"for example {name}=", *says)
    return Mistake(f"{name}={given}", (*told, repr(given)) if shown else told)


VALUES = (
    # Secrets: never shown.
    value("DISCORD_TOKEN", f"Bot {SECRET}", "its value", "leave that out", shown=False),
    value("LLM_API_KEY", f"sk {SECRET}", "its value", "a blank or a line break", shown=False),
    value("STT_API_KEY", f"{SECRET}é", "its value", "no key has", shown=False),
    value("VISION_LLM_API_KEY", f"“{SECRET}”", "its value", "curly quotes", shown=False),
    value("EMBEDDINGS_API_KEY", f"sk {SECRET}", "its value", "a blank or a line break", shown=False),
    value("TTS_TOKEN", f"Bearer {SECRET}", "its value", "leave that out", shown=False),
    value("WEB_TOKEN", f"Bearer {SECRET}", "its value", "leave that out", shown=False),
    value("PHONE_PIN", f"12{SECRET}", "its value", "4 to 12 digits", shown=False),
    value("TWILIO_AUTH_TOKEN", f"two {SECRET}", "its value", "a blank or a line break", shown=False),
    value("SIP_PASSWORD", f"“{SECRET}”", "its value", "curly quotes", shown=False),
    # Addresses.
    value("DISCORD_API_URL", "127.0.0.1:8080", "http:// or https://"),
    value("LLM_URL", "http://127.0.0.1:8080 /v1", "without blanks"),
    value("LLM_URL_NVIDIA", "http://127.0.0.1:99999/v1", "port", "65535"),
    value("LLM_URL_AMD", f"http://ada:{SECRET}@127.0.0.1/v1", "user name and a password", shown=False),
    value("STT_URL", "ftp://127.0.0.1/v1", "http:// or https://"),
    value("VISION_LLM_URL", "http:///v1", "http:// or https://"),
    value("COMFYUI_URL", "localhost", "http:// or https://"),
    value("SEARXNG_URL", "localhost:8888", "http:// or https://"),
    value("EMBEDDINGS_URL", "localhost:8081", "http:// or https://"),
    value("FIGURINE_FEEDS", "shop.example.com/feed", "http:// or https://"),
    value("TTS_BIND", "127.0.0.1:70000", "65535"),
    value("WEB_BIND", "8770", "an address and a port"),
    value("TTS_ALLOWED_ORIGINS", "chat.example.org/page"),
    value("WEB_ALLOWED_ORIGINS", "chat.example.org", "is not an origin"),
    value("PHONE_BIND", "8771", "an address and a port"),
    value("PHONE_PUBLIC_URL", "phone.example.org", "http:// or https://"),
    value("SIP_BIND", "127.0.0.1:70000", "65535"),
    value("SIP_REGISTRAR", "https://pbx.example.org", "a host, and a port after a colon"),
    value("SIP_USER", "ada@pbx.example.org", "a user name, without @ and the host"),
    value("SIP_RTP_PORTS", "10099-10000", "two ports from 1024 to 65535"),
    value("SIP_EXTERNAL_ADDRESS", "pbx.example", "the IP address of one machine"),
    # Numbers and switches.
    value("ALONE_TIMEOUT", "10s", "a number above 0", "without a unit"),
    value("MAX_CALLS", "0", "a whole number from 1 to 100"),
    value("VOICELESS_TIMEOUT", "-5", "a number above 0"),
    value("WARN_STT_MS", "500ms", "a number above 0", "without a unit"),
    value("WARN_TTS_MS", "0", "a number above 0"),
    value("WARN_FIRST_TOKEN_MS", "1 s", "a number above 0"),
    value("WARN_GPU", "80%", "a number above 0"),
    value("DAILY_TOKENS", "200k", "a whole number", "without a unit"),
    value("DAILY_SPEECH_MINUTES", "1h", "a number", "without a unit"),
    value("LLM_TEMPERATURE", "80%", "a number from 0 to 2", "without a unit"),
    value("LLM_MAX_TOKENS", "５００", "a whole number from 1 to 32,768"),
    value("LLM_CONTEXT_MESSAGES", "4.5", "a whole number from 0 to 200"),
    value("LLM_CONTEXT_TOKENS", "8k", "a whole number from 256 to 100,000,000"),
    value("LLM_CONNECT_TIMEOUT", "nan", "a number above 0"),
    value("LLM_FIRST_TOKEN_TIMEOUT", "inf", "a number above 0"),
    value("LLM_STALL_TIMEOUT", "1e400", "a number above 0"),
    value("LLM_SLOW_AFTER", "0", "a number above 0"),
    value("STT_THREADS", "all", "a whole number from 0 to 64"),
    value("NOTES_DAYS", "-1", "a number of days up to 36,500 (0 keeps nothing), or forever"),
    value("KEEP_CONVERSATIONS", "a month", "a number of days up to 36,500 (0 keeps nothing), or forever"),
    value("MEMORY", "sometimes", "one of ask, on or off"),
    value("MEMORY_DAYS", "a year", "a number of days up to 36,500 (0 keeps nothing), or forever"),
    value("WRONG_GUESSES_PER_MINUTE", "0", "a whole number from 1 to 1,000"),
    value("CHAT_MEMORY_MESSAGES", "1", "a whole number from 2 to 10,000"),
    value("CHAT_CONTEXT_MESSAGES", "-1", "a whole number from 0 to 200"),
    value("CHAT_VOICE_ANSWERS", "sometimes", "true or false"),
    value("VISION_MAX_MB", "8 GB", "at most 500", "without a unit"),
    value("VISION_MAX_FRAMES", "0", "a whole number from 1 to 32"),
    value("DRAW_TIMEOUT", "5 min", "a number above 0"),
    value("BIPOLAR_THRESHOLD", "ten", "a number above 0"),
    value("BIPOLAR_TURNS", "1", "a whole number from 2 to 20"),
    value("BIPOLAR_COOLDOWN", "1h", "a number from 0 to 31,536,000"),
    value("AVATAR_HOURS", "0,25", "a number from 0.5 to"),
    value("AUTONOMOUS_MINUTES", "1e99", "a number from 1 to"),
    value("FIGURINE_MINUTES", "0", "a number from 1 to"),
    value("VOICE_ENABLED", "ture", "true or false"),
    value("REMAKE_RECORDINGS", "sometimes", "true or false"),
    value("TTS_DEEPSPEED", "maybe", "true or false"),
    value("TTS_IDLE_UNLOAD", "5min", "a number from 1 to"),
    value("TTS_MAX_REPLIES", "100", "a whole number from 1 to 64"),
    value("TTS_REQUESTS_PER_MINUTE", "10/60", "a whole number from 1 to 100,000"),
    value("TTS_VRAM_WARNING", "80%", "0.9", "10GB"),
    value("TTS_STAND_IN_FIRST_AUDIO_MS", "200ms", "a number from 0 to 60,000"),
    value("TTS_STAND_IN_RTF", "-0.3", "a number from 0 to 100"),
    # One of several words.
    value("PROFILE", "cloud", "embedded, local, hybrid or api"),
    value("LLM_API", "responses", "chat, completions or completion"),
    value("LLM_CHAT_TEMPLATE", "alpaca", "chatml, llama3"),
    value("VOICE_GPU", "intel", "nvidia or amd"),
    value("WEIGHTS", "fake", "auto, real or toys"),
    value("LOG_FORMAT", "xml", "text or json"),
    value("TTS_DEVICE", "gpu", "auto, cpu or cuda"),
    value("TTS_PRECISION", "fp8", "float16"),
    value("TTS_ENGINE", "kokro", "Did you mean kokoro? It must be one of ", "espeak, xtts"),
    value("TTS_FALLBACK", "espeak-ng", "espeak, xtts"),
    value("TTS_BETTER_ENGINE", "best", "espeak, xtts"),
    value("STT_DEVICE", "gpu0", "auto, cpu, cuda, or cuda:N"),
    value("STT_ENGLISH_MODEL", "moonshine", "auto, off, or the path of a folder"),
    value("STT_COMPUTE_TYPE", "int4", "int8_float16"),
    value("LISTENING", "always", "opt-out or opt-in"),
    value("ANSWER_TO", "everybody", "always, name or smart"),
    value("GREET", "everybody", "off, first or all"),
    value("MOOD_FOLLOWS", "voice", "off or model"),
    value("MUSIC_VOLUME", "300", "a whole number from 0 to 200"),
    value("DUCK_DB", "-3", "a number from 0 to 60"),
    value("THINKING_SOUND", "loud", "off or on"),
    value("SOUNDS_DIR", "C:\\Users\\ada\\sounds", "as Linux writes it"),
    value("MUSIC_URLS", "https://music.example.org/pieces", "is not the name of a host", "music.example.org"),
    value("MUSIC_DIR", "C:\\Users\\ada\\music", "as Linux writes it"),
    value("CAPTIONS", "on", "off, channel or thread"),
    value("GUESSES", "never", "auto, on or off"),
    value("INTERIM_TRANSCRIPTS", "sometimes", "auto, on or off"),
    # Texts of a certain shape.
    value("COMMAND_PREFIX", "hey bot", "1 to 10 characters without a space"),
    value("STT_LANGUAGE", "klingonish", "a language"),
    value("TIMEZONE", "Berlin time", "Europe/Berlin"),
    value("QUIET_HOURS", "22:30-8", "whole hours"),
    value("CHAT_RATE", "10 per minute", "10/60 is ten times a minute"),
    value("DRAW_RATE", "3", "a count, a slash"),
    value("WHO_MAY_JOIN", "admins", "role:NAME"),
    value("WHO_MAY_LEAVE", "nobody", "role:NAME"),
    value("WHO_MAY_CONTROL", "freinds", "call, managers"),
    value("WHO_MAY_TALK", "@Moderators", "role:NAME"),
    value("WHO_MAY_RECORD", "off", "everyone, nobody"),
    value("WHO_MAY_DRAW", "Artists", "role:NAME"),
    value("WHO_MAY_SCHEDULE", "owner", "role:NAME"),
    value("WHO_MAY_CLONE", "true", "role:NAME"),
    value("OWNERS", "Ada", "Copy User ID"),
    value("BARGE_IN", "true", "everyone, answered, nobody, or role:NAME"),
    value("LLM_EXTRA", "think: false", "a JSON object"),
    value("TTS_ENGINE_OPTIONS", "{model: tts-1}", "a JSON object"),
    value("PHONE_ALLOW", "+4930123456, *49", "'*49' must be a number", "* alone for everyone"),
    value("TWILIO_ACCOUNT_SID", "SK0123", "AC and 32 digits"),
    value("TWILIO_PHONE_NUMBER", "030 123456", "a number with its country"),
    # Pasted text, with characters that do not belong there.
    value("LLM_MODEL", "“llama3.1”", "curly quotes"),
    value("VISION_LLM_MODEL", "qwen\u00a0vl", "can't be seen (U+00A0)", shown=False),
    value("PROMPT_CHANNEL", "voice\u200bprompts", "can't be seen (U+200B)", shown=False),
    value("EMBEDDINGS_MODEL", "“bge-m3”", "curly quotes"),
    value("CHAT_CHANNELS", "„chat“", "curly quotes"),
    value("AUTOJOIN_CHANNELS", "“Lounge”", "curly quotes"),
    value("LLM_STOP", "«</s>»", "curly quotes"),
    value("TTS_VOICE", "‘de’", "curly quotes"),
    # Files and folders.
    value("DATA_DIR", "C:\\Users\\ada\\seiyuu", "as Linux writes it"),
    value("CACHE_DIR", "~nobody-at-all/cache", "no user 'nobody-at-all'"),
    value("KNOWLEDGE_DIR", "C:\\Users\\ada\\knowledge", "as Linux writes it"),
    value("CHROMA_DIR", "~nobody-at-all/chroma", "no user 'nobody-at-all'"),
    value("STT_MODEL", "D:\\models\\whisper", "as Linux writes it"),
    Mistake("STT_MODEL=smal", ("STT_MODEL: 'smal' is not valid.", "Did you mean small?"), alone=True),
    Mistake("STT_MODEL=large-v3-tubro", ("Did you mean large-v3-turbo?",), alone=True),
    Mistake("STT_MODEL=parakeet", ("STT_MODEL: 'parakeet'", "its folder, for example STT_MODEL=small"), alone=True),
    value("PIPER_MODEL", "C:\\voices\\joe.onnx", "as Linux writes it"),
    value("KOKORO_MODEL", "C:\\models\\kokoro", "as Linux writes it"),
    value("XTTS_MODEL", "\\\\nas\\xtts", "as Linux writes it"),
    value("TTS_STAND_IN_TIMINGS", "C:/timings", "as Linux writes it"),
    Mistake("PIPER_MODEL=./nope.onnx", ("PIPER_MODEL=nope.onnx is not here", "where it is"), alone=True),
    Mistake("TTS_ENGINE=piper\nPIPER_MODEL=/nope", ("PIPER_MODEL=/nope is not here",), alone=True),
    Mistake("TTS_ENGINE=kokoro\nKOKORO_MODEL=/nope", ("KOKORO_MODEL=/nope is not here",), alone=True),
    Mistake("DISCORD_CA_FILE=./nope.pem", ("DISCORD_CA_FILE=nope.pem can't be read", "no such file")),
    Mistake("STT_CORRECTIONS=./nope.yaml", ("STT_CORRECTIONS: nope.yaml can't be read", "no such file")),
    Mistake("TTS_CORRECTIONS=./nope.yaml", ("TTS_CORRECTIONS: nope.yaml can't be read", "no such file")),
    Mistake("TTS_PRESETS=./nope.yaml", ("TTS_PRESETS: nope.yaml can't be read", "no such file")),
    Mistake("TTS_PRESET=grumpy", ("TTS_PRESET: there is no preset 'grumpy'", "natural"), alone=True),
    Mistake("TTS_VOICES_DIR=/proc/x", ("TTS_VOICES_DIR=/proc/x can't be written to",)),
    Mistake("TOOLS_FILE=./nope.yaml", ("TOOLS_FILE=nope.yaml can't be read", "no such file")),
    Mistake("COMFYUI_WORKFLOW=./nope.json", ("COMFYUI_WORKFLOW: nope.json can't be read", "no such file")),
    Mistake("AVATAR_FOLDER=./nope", ("AVATAR_FOLDER=nope can't be read", "no such file or folder")),
    Mistake("PERSONA=nobody", ("PERSONA: there is no persona 'nobody'", "seiyuu")),
    Mistake("PHONE_PERSONA=nobody-there", ("PHONE_PERSONA: there is no persona 'nobody-there'", "seiyuu")),
    Mistake("BIPOLAR_TWIN=nobody-else", ("BIPOLAR_TWIN: there is no persona 'nobody-else'", "seiyuu")),
    value("TTS_WEBSOCKET_URL", "http://127.0.0.1:8765", "ws:// or wss://"),
    value("TTS_WEBSOCKET_URL", "ws://127.0.0.1:8765/ws/stream?protocol=bare", "?protocol=plain"),
)
"""At least one mistake in each setting that there is."""

NAMES = tuple(
    Mistake(f"{wrong}={SECRET}", (f"{wrong} is not a setting. Did you mean {meant}?",))
    for wrong, meant in {
        "DISCORD_TOKN": "DISCORD_TOKEN",
        "DISCORD_BOT_TOKEN": "DISCORD_TOKEN",
        "LLM_MODLE": "LLM_MODEL",
        "LLM_BASE_URL": "LLM_URL",
        "STT_LANGAUGE": "STT_LANGUAGE",
        "TTS_ENGNE": "TTS_ENGINE",
        "BARGEIN": "BARGE_IN",
        "COMAND_PREFIX": "COMMAND_PREFIX",
        "ALONE_TIMOUT": "ALONE_TIMEOUT",
        "TIME_ZONE": "TIMEZONE",
        "WHO_MAY_JION": "WHO_MAY_JOIN",
        "OWNER": "OWNERS",
        "TOKEN": "DISCORD_TOKEN",
    }.items()
)

LINES = (
    Mistake("VOICE_GPU", ("there is no = here", "VOICE_GPU=…")),
    Mistake("TTS_DEVICE: cpu", ("with = and not with a colon", "TTS_DEVICE=…")),
    Mistake("CAPTOINS: thread", ("with = and not with a colon", "Did you mean CAPTIONS?")),
    Mistake("just some words", ("can't be read", "NAME=value")),
    Mistake(f"{SECRET}", ("there is no = here", "NAME=value")),
    Mistake("REMAKE_RECORDINGS=true\nREMAKE_RECORDINGS=false", ("REMAKE_RECORDINGS is set on line ", "Keep one")),
    Mistake(f"ELEVENLABS_API_KEY=abc\n{SECRET}", ("ELEVENLABS_API_KEY seems to go on here", "in one line")),
    Mistake(f"OPENAI_API_KEY=abc\n{SECRET}==", ("OPENAI_API_KEY seems to go on here", "in one line")),
)

ALONE = (
    Mistake("PERSONA='seiyuu\nCAPTIONS=off", ("a quote is opened here and not closed", "PERSONA='…'"), 1, alone=True),
    Mistake('LLM_MODEL="llama\n', ("a quote is opened here and not closed", "LLM_MODEL='…'"), 1, alone=True),
    Mistake('LLM_MODEL="a\nb"', ("LLM_MODEL", "a line break", "for example LLM_MODEL="), 1, alone=True),
    Mistake(f"LLM_MAX_TOKENS={'9' * _LONG}", ("LLM_MAX_TOKENS: '999", "a whole number from 1"), alone=True),
    Mistake("PERSONA=seiyuu\n".encode("utf-16"), (".env is written in UTF-16", "UTF-8"), 0, alone=True),
    Mistake("PERSONA=seiyuu\n".encode("utf-16-le"), (".env is written in UTF-16", "UTF-8"), 0, alone=True),
    Mistake("PERSONA=seiyuu\n".encode("utf-16-be"), (".env is written in UTF-16", "UTF-8"), 0, alone=True),
    Mistake(b"\xfe\xff" + "PERSONA=a\n".encode("utf-16-be"), (".env is written in UTF-16",), 0, alone=True),
    Mistake(b"PERSONA=seiyuu\nLLM_MODEL=f\xfcr\n", ("not written in UTF-8",), 2, alone=True),
    Mistake(b"PERSONA=seiyuu\nLLM_MODEL=a\0b\n# a comment\n", ("a zero byte",), 2, alone=True),
    Mistake("A=1\n" * 200_000, (".env is longer than 256 KiB or 5,000 lines",), 0, alone=True),
    Mistake(
        "A0=aaaaaaaaaa\n" + "".join(f"A{n}={f'${{A{n - 1}}}' * 10}\n" for n in range(1, 10)),
        ("A5 ", "too long", "the variables that it names"),
        6,
        alone=True,
    ),
    Mistake("PROFILE=local\nLLM_MODEL=llama3.1", ("LLM_MODEL=llama3.1 is neither a GGUF", "set LLM_URL"), alone=True),
    Mistake("PROFILE=local\nLLM_MODEL=/no/model.gguf", ("LLM_MODEL=/no/model.gguf", "no such file"), alone=True),
    Mistake("PROFILE=local", ("LLM_URL is not set", "PROFILE=local", "for example LLM_URL="), alone=True),
    Mistake("LLM_URL=http://a/v1\nPROFILE=api", ("STT_URL is not set", "for example STT_URL="), alone=True),
    Mistake("PERSONA=\nBIPOLAR_TWIN=seiyuu", ("BIPOLAR_TWIN: 'seiyuu' is not valid", "PERSONA=seiyuu"), alone=True),
    Mistake("TTS_BIND=0.0.0.0:8765", ("TTS_TOKEN", "TTS_BIND=0.0.0.0:8765", "for example TTS_TOKEN="), alone=True),
    Mistake(
        f"TTS_TOKEN=Bearer {SECRET}\nTTS_ALLOWED_ORIGINS=*\nTTS_BIND=0.0.0.0:8765",
        ("TTS_TOKEN", "its value", "leave that out"),
        1,
        alone=True,
    ),
    Mistake("WEB_BIND=0.0.0.0:8770", ("WEB_TOKEN", "WEB_BIND=0.0.0.0:8770", "for example WEB_TOKEN="), alone=True),
    Mistake("WEB_ALLOWED_ORIGINS=*", ("WEB_ALLOWED_ORIGINS", "WEB_TOKEN", "for example"), alone=True),
    Mistake("TTS_ALLOWED_ORIGINS=*", ("TTS_ALLOWED_ORIGINS", "TTS_TOKEN", "for example"), alone=True),
    Mistake(
        "DATA_DIR=/proc/x/y",
        ("DATA_DIR=/proc/x/y can't be written to: it can't be created, because /proc takes no new folders. Choose",),
        alone=True,
    ),
    Mistake("CACHE_DIR=/proc/y", ("CACHE_DIR=/proc/y can't be written to",), alone=True),
)

ALL = (*VALUES, *NAMES, *LINES, *ALONE)
