-- Which recordings belong to a conversation. Several calls may be on at the same time.

ALTER TABLE conversations ADD COLUMN call TEXT;  -- the id of the call; NULL in the text chat, and for older calls
