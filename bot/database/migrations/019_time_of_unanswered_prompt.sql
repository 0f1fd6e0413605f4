-- Spoken words are not shown long after they were said, so their time is needed. It is that of the call that was left.

ALTER TABLE unanswered_prompt ADD COLUMN at REAL NOT NULL DEFAULT 0;    -- seconds since 1970
UPDATE unanswered_prompt SET at = coalesce(
    (SELECT max(ended_at) FROM interrupted_call WHERE prompt_channel = unanswered_prompt.channel), 0
);
