-- What people said is deleted first, and overwritten afterwards by rewriting the whole file. If the process dies in between,
-- the next start does it. The row goes when the file was rewritten.

CREATE TRIGGER turns_leave_traces AFTER DELETE ON turns BEGIN
    INSERT OR IGNORE INTO setting VALUES ('traces', '1');
END;
CREATE TRIGGER facts_leave_traces AFTER DELETE ON fact BEGIN
    INSERT OR IGNORE INTO setting VALUES ('traces', '1');
END;
CREATE TRIGGER notes_leave_traces AFTER DELETE ON note_line BEGIN
    INSERT OR IGNORE INTO setting VALUES ('traces', '1');
END;
