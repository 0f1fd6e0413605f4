-- To whom the bot's turns are answers: they are deleted with that person's words, which they may repeat.

ALTER TABLE turns ADD COLUMN asker TEXT;   -- the id of the person; NULL: a turn of a person, or it is not known

CREATE INDEX turns_by_asker ON turns (asker) WHERE asker IS NOT NULL;

-- People whose data are being erased. If the process dies in between, the next start goes on with it.

CREATE TABLE erasure (
    person INTEGER PRIMARY KEY,
    private_channel INTEGER                -- the id of the channel of their direct messages; NULL if it is not known
) STRICT;
