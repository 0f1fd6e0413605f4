-- What a restart of the bot has interrupted. Each row is deleted soon after the next start.

CREATE TABLE unanswered_prompt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL,            -- the id of the call's text channel
    message INTEGER,                     -- the id of the message there; NULL if it was spoken
    person INTEGER NOT NULL,             -- the user id of who asked
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    recited INTEGER NOT NULL             -- 1: the text itself was to be read aloud
) STRICT;
