-- What was used of each engine, by day, place and person.

CREATE TABLE usage (
    day TEXT NOT NULL,                   -- the day in the people's time zone, as 2026-11-29
    place INTEGER NOT NULL,              -- the id of the Discord server or other place; -1 for the bot's own work
    person INTEGER NOT NULL,             -- the user id; 0 for nobody in particular, also once that person's data were erased
    engine TEXT NOT NULL,                -- mind, ears or voice
    server TEXT NOT NULL,                -- the shown name of the server
    paid INTEGER NOT NULL,               -- 1: it costs money
    requests INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,       -- of sound that was spoken or recognised
    PRIMARY KEY (day, place, person, engine, server, paid)
) STRICT;

CREATE INDEX usage_by_person ON usage (person, day);
