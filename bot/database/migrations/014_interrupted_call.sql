-- The calls that the end of the bot has interrupted, one on each server. Each row is deleted after the next start.

CREATE TABLE interrupted_call (
    guild INTEGER PRIMARY KEY,
    voice_channel INTEGER NOT NULL,
    prompt_channel INTEGER NOT NULL,
    ended_at REAL NOT NULL,              -- seconds since 1970
    present TEXT NOT NULL,               -- the ids of those who were in the voice channel, as a list in JSON
    language TEXT,                       -- the language that was spoken, as Whisper's code
    listening INTEGER NOT NULL,          -- 0: the bot was told to listen to nobody
    mode TEXT NOT NULL,                  -- whether speech was answered
    captions TEXT NOT NULL               -- where captions were written
) STRICT;
