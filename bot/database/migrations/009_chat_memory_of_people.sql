-- Whose words the chat remembers, so that a person can see them and have them deleted.

ALTER TABLE chat_memory ADD COLUMN person TEXT;  -- the id of who wrote it, also of what was answered; NULL: not known
CREATE INDEX chat_memory_by_person ON chat_memory (person) WHERE person IS NOT NULL;
