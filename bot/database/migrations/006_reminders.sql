-- Timers and reminders that people asked for, until they are told. Times are seconds since 1970.

CREATE TABLE reminder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL,             -- the user id of who is reminded
    name TEXT NOT NULL,
    server INTEGER NOT NULL,             -- the id of the server or other place where it was asked for
    channel INTEGER,                     -- the id of the channel in which the person is pinged; NULL if there is none
    text TEXT NOT NULL,                  -- what of; empty for a timer without a name
    due_at REAL NOT NULL,
    timer INTEGER NOT NULL,              -- 1: due after a duration; 0: due at a date and time
    created_at REAL NOT NULL
) STRICT;

CREATE INDEX reminder_by_time ON reminder (due_at);
CREATE INDEX reminder_by_person ON reminder (person);
