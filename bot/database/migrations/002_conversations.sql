-- What was said, in calls and in chat, as far as it was heard. Times are seconds since 1970.

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transport TEXT NOT NULL,             -- what carried it: 'discord' for a call there, 'chat' for writing
    server TEXT,                         -- Discord's id of the server; NULL in private and elsewhere
    channel TEXT,                        -- the id of the text channel that belongs to it
    place TEXT NOT NULL,                 -- where it was, by name
    started REAL NOT NULL,
    ended REAL,                          -- NULL while a call is on
    people TEXT NOT NULL DEFAULT '[]'    -- who said something, by name: a JSON list, kept by the triggers below
) STRICT;

CREATE TABLE turns (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    number INTEGER NOT NULL,             -- from 1 on
    person TEXT,                         -- the id of who said it; NULL: the bot
    who TEXT NOT NULL,
    text TEXT NOT NULL,                  -- as it was heard: of an answer that was interrupted, its beginning
    at REAL NOT NULL,
    interrupted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, number)
) STRICT;

CREATE INDEX conversations_by_channel ON conversations (channel);

CREATE TRIGGER turn_added AFTER INSERT ON turns BEGIN
    UPDATE conversations SET
        -- What is written has no other end than its last words.
        ended = CASE WHEN ended IS NULL THEN NULL ELSE max(ended, NEW.at) END,
        people = (SELECT json_group_array(who) FROM (
            SELECT who FROM turns WHERE conversation = NEW.conversation AND person IS NOT NULL
            GROUP BY who ORDER BY min(number)
        ))
    WHERE id = NEW.conversation;
END;

CREATE TRIGGER turn_deleted AFTER DELETE ON turns BEGIN
    UPDATE conversations SET
        people = (SELECT json_group_array(who) FROM (
            SELECT who FROM turns WHERE conversation = OLD.conversation AND person IS NOT NULL
            GROUP BY who ORDER BY min(number)
        ))
    WHERE id = OLD.conversation;
END;
