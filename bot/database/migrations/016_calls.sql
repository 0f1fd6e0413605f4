-- The calls that are on, at most one on each server. Before, there was at most one call.

CREATE TABLE call_on (
    guild INTEGER PRIMARY KEY, voice_channel INTEGER NOT NULL, prompt_channel INTEGER NOT NULL
) STRICT;
INSERT INTO call_on SELECT guild, voice_channel, prompt_channel FROM call;
DROP TABLE call;
ALTER TABLE call_on RENAME TO call;
