-- The channel of each server into which the bot comes by itself.

CREATE TABLE autojoin (
    guild INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,            -- the id of the voice channel
    prompts INTEGER NOT NULL,            -- the id of the text channel in which it was chosen
    quiet TEXT NOT NULL,                 -- when it does not come, as 23:00-07:00; empty if it always comes
    person INTEGER,                      -- the user id of who chose it; NULL once that person's data were erased
    away INTEGER NOT NULL                -- 1: it was sent away, and stays away until the channel was empty once
) STRICT;
