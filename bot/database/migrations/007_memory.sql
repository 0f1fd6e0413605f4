-- What the bot remembers of people, and who may know it. Times are seconds since 1970, people and servers Discord's ids.

ALTER TABLE turns ADD COLUMN present TEXT;                       -- who heard it: a JSON object of names by id; NULL: not known
ALTER TABLE turns ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;  -- 1: no facts were gathered from it yet
CREATE INDEX turns_unread ON turns (person, conversation, number) WHERE unread = 1;

CREATE TABLE fact (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    server TEXT,                         -- NULL in private
    conversation INTEGER,                -- the conversation in which it was said, and
    turn INTEGER,                        -- the number of its turn there; NULL: it was typed as a correction
    speaker TEXT NOT NULL,               -- who said it
    speaker_name TEXT NOT NULL,
    person TEXT,                         -- whom it is about; NULL: not known by id
    person_name TEXT NOT NULL,
    fact TEXT NOT NULL,
    quote TEXT NOT NULL,                 -- the sentence from which it is
    said_at REAL NOT NULL,
    words TEXT NOT NULL,                 -- all words of it, for the search
    audience TEXT NOT NULL,              -- who may know it, as words for the search
    superseded_by INTEGER REFERENCES fact ON DELETE CASCADE
) STRICT;
CREATE INDEX fact_by_person ON fact (person);
CREATE INDEX fact_by_speaker ON fact (speaker);
CREATE INDEX fact_by_turn ON fact (conversation, turn);
CREATE INDEX fact_by_time ON fact (said_at);
CREATE INDEX fact_by_successor ON fact (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE VIRTUAL TABLE fact_word USING fts5 (
    words, audience, content = 'fact', content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
);
CREATE TRIGGER fact_added AFTER INSERT ON fact BEGIN
    INSERT INTO fact_word (rowid, words, audience) VALUES (NEW.id, NEW.words, NEW.audience);
END;
CREATE TRIGGER fact_deleted AFTER DELETE ON fact BEGIN
    INSERT INTO fact_word (fact_word, rowid, words, audience) VALUES ('delete', OLD.id, OLD.words, OLD.audience);
END;
CREATE TRIGGER fact_known AFTER UPDATE OF words, audience ON fact BEGIN
    INSERT INTO fact_word (fact_word, rowid, words, audience) VALUES ('delete', OLD.id, OLD.words, OLD.audience);
    INSERT INTO fact_word (rowid, words, audience) VALUES (NEW.id, NEW.words, NEW.audience);
END;

CREATE TABLE memory_choice (
    person TEXT PRIMARY KEY,
    keep INTEGER                         -- 1: facts about this person may be kept, 0: not; NULL: asked, no answer yet
) STRICT;

-- Turns that are read again once a person of whom they tell something agrees.
CREATE TABLE memory_waiting (
    person TEXT NOT NULL, conversation INTEGER NOT NULL, turn INTEGER NOT NULL
) STRICT;
CREATE INDEX memory_waiting_by_person ON memory_waiting (person);
