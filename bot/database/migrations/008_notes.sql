-- Notes of calls: what was said while they were taken, and what the language model made of it. Times are seconds since 1970.

CREATE TABLE note (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transport TEXT NOT NULL,
    server TEXT,                         -- the id of the server; NULL if there is none
    channel TEXT,                        -- the id of the prompt channel, where the notes are posted; NULL if there is none
    place TEXT NOT NULL,
    asked_by TEXT NOT NULL,              -- the name of who asked for the notes
    started REAL NOT NULL,
    ended REAL,                          -- NULL while the call is on
    broke_off INTEGER NOT NULL DEFAULT 0,  -- 1: the process died during the call
    summed INTEGER NOT NULL DEFAULT 0,   -- 1: the model has summed it up, or never will
    why_none TEXT,                       -- why the model has not summed it up; NULL if it has
    posted TEXT,                         -- the link to where the notes were posted
    done INTEGER NOT NULL DEFAULT 0      -- 1: nothing is left to do
) STRICT;

CREATE INDEX note_by_channel ON note (channel);

CREATE TABLE note_line (
    note INTEGER NOT NULL REFERENCES note (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,             -- from 1; numbers of deleted lines are missing
    at REAL NOT NULL,
    person TEXT,                         -- the user id; NULL for the bot
    answers TEXT,                        -- for a line of the bot: the user id of who spoke last before it
    who TEXT NOT NULL,
    text TEXT NOT NULL,
    interrupted INTEGER NOT NULL DEFAULT 0,
    present TEXT NOT NULL DEFAULT '[]',  -- a JSON array of the user ids of those who were in the call then
    PRIMARY KEY (note, number)
) STRICT;

CREATE INDEX note_line_by_person ON note_line (person);

-- Who was in the call while notes were taken.
CREATE TABLE note_person (
    note INTEGER NOT NULL REFERENCES note (id) ON DELETE CASCADE,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (note, person)
) STRICT;

CREATE INDEX note_person_by_person ON note_person (person);

-- What the model found in a part of the lines. Part 0 is the whole call.
CREATE TABLE note_claim (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    note INTEGER NOT NULL REFERENCES note (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('summary', 'decisions', 'questions', 'tasks')),
    who TEXT NOT NULL,
    text TEXT NOT NULL,
    lines TEXT NOT NULL                  -- a JSON array of the numbers of its lines
) STRICT;

CREATE INDEX note_claim_by_note ON note_claim (note);

-- The parts of a long call that the model has read already.
CREATE TABLE note_part (
    note INTEGER NOT NULL REFERENCES note (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (note, part)
) STRICT;
