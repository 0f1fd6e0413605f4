-- What the chat remembers, as turns: who said what, instead of the line that the model reads.

ALTER TABLE chat_memory RENAME COLUMN content TO text;
ALTER TABLE chat_memory ADD COLUMN speaker TEXT NOT NULL DEFAULT '';
ALTER TABLE chat_memory ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;

-- A name has no colon in it.
UPDATE chat_memory SET speaker = substr(text, 1, instr(text, ': ') - 1), text = substr(text, instr(text, ': ') + 2)
WHERE role = 'user' AND instr(text, ': ') > 0;
UPDATE chat_memory SET interrupted = 1, text = substr(text, 1, length(text) - 1)
WHERE role = 'assistant' AND substr(text, -1) = '—';
