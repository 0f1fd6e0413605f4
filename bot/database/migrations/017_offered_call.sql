-- Calls that people can go on with by a button, for some minutes.

ALTER TABLE interrupted_call ADD COLUMN offered_at REAL;    -- seconds since 1970; NULL if the bot may go back by itself
