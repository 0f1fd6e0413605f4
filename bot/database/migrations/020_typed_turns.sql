-- Nothing was misheard in what was typed. Of the earlier turns of calls and of the API nobody knows; they count as spoken.

ALTER TABLE turns ADD COLUMN typed INTEGER NOT NULL DEFAULT 0;    -- whether a person typed it
UPDATE turns SET typed = 1
WHERE person IS NOT NULL AND conversation IN (SELECT id FROM conversations WHERE transport = 'chat');
