-- A database as commit 3b215ad made it, the last version without numbered steps, with something in every table.
BEGIN TRANSACTION;
CREATE TABLE autonomous_channel (
    channel INTEGER PRIMARY KEY,
    heard_at REAL NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    answered INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO "autonomous_channel" VALUES(900000000000000003,1764201600.0,1764207000.0,0);
CREATE TABLE call (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    guild INTEGER NOT NULL, voice_channel INTEGER NOT NULL, prompt_channel INTEGER NOT NULL
) STRICT;
INSERT INTO "call" VALUES(1,900000000000000001,900000000000000002,900000000000000003);
CREATE TABLE chat_channel (channel INTEGER PRIMARY KEY, open INTEGER NOT NULL) STRICT;
INSERT INTO "chat_channel" VALUES(900000000000000003,1);
INSERT INTO "chat_channel" VALUES(900000000000000004,0);
CREATE TABLE chat_character (
    place INTEGER PRIMARY KEY, persona TEXT NOT NULL, mood TEXT NOT NULL
) STRICT;
INSERT INTO "chat_character" VALUES(900000000000000001,'evil_seiyuu','angry');
CREATE TABLE chat_memory (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL
) STRICT;
INSERT INTO "chat_memory" VALUES(1,900000000000000003,'user','Ada: Wie geht''s? 日本語 🎤');
INSERT INTO "chat_memory" VALUES(2,900000000000000003,'assistant','Gut.');
CREATE TABLE chat_waiting (
    message INTEGER PRIMARY KEY, channel INTEGER NOT NULL, author INTEGER NOT NULL, at REAL NOT NULL,
    name TEXT NOT NULL, text TEXT NOT NULL, seen TEXT, begun_after INTEGER, dropped INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "chat_waiting" VALUES(900000000000000021,900000000000000003,900000000000000011,1764201600.5,'Ada','Are you there?',NULL,NULL,0);
INSERT INTO "chat_waiting" VALUES(900000000000000022,900000000000000003,900000000000000012,1764201601.0,'Ben','','a cat',900000000000000021,1);
CREATE TABLE dual_persona_channel (
    channel INTEGER PRIMARY KEY, score REAL NOT NULL, scored_at REAL NOT NULL, peace_until REAL NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "dual_persona_channel" VALUES(900000000000000003,4.5,1764201600.0,0.0);
CREATE TABLE dual_persona_server (guild INTEGER PRIMARY KEY, enabled INTEGER NOT NULL) STRICT;
INSERT INTO "dual_persona_server" VALUES(900000000000000001,0);
CREATE TABLE figurine_feed (
    url TEXT PRIMARY KEY, etag TEXT, modified TEXT, learned INTEGER NOT NULL, failures INTEGER NOT NULL,
    next_look_at REAL NOT NULL
) STRICT;
INSERT INTO "figurine_feed" VALUES('https://shop.example.com/new.xml','"abc"',NULL,1,0,1764203400.0);
CREATE TABLE figurine_item (
    feed TEXT NOT NULL, key TEXT NOT NULL, title TEXT NOT NULL, link TEXT NOT NULL, seen_at REAL NOT NULL,
    told INTEGER NOT NULL, PRIMARY KEY (feed, key)
) STRICT;
INSERT INTO "figurine_item" VALUES('https://shop.example.com/new.xml','item-1','A figurine','https://shop.example.com/1',1764201600.0,1);
CREATE TABLE figurine_subscription (
    user INTEGER NOT NULL, channel INTEGER NOT NULL, words TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user, channel)
) STRICT;
INSERT INTO "figurine_subscription" VALUES(900000000000000011,0,'miku',0);
CREATE TABLE figurine_told (
    feed TEXT NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (feed, key, place)
) STRICT;
INSERT INTO "figurine_told" VALUES('https://shop.example.com/new.xml','item-1',900000000000000011);
CREATE TABLE ignored_person (
    guild INTEGER NOT NULL, person INTEGER NOT NULL, PRIMARY KEY (guild, person)
) STRICT;
INSERT INTO "ignored_person" VALUES(900000000000000001,900000000000000013);
CREATE TABLE listening_choice (person INTEGER PRIMARY KEY, listen INTEGER NOT NULL) STRICT;
INSERT INTO "listening_choice" VALUES(900000000000000011,0);
INSERT INTO "listening_choice" VALUES(900000000000000012,1);
CREATE TABLE model_preference (one INTEGER PRIMARY KEY CHECK (one = 1), card TEXT NOT NULL) STRICT;
INSERT INTO "model_preference" VALUES(1,'amd');
CREATE TABLE profile_picture_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL, changed_at REAL NOT NULL
) STRICT;
INSERT INTO "profile_picture_change" VALUES(1,'smile.png',1764201600.25);
CREATE TABLE profile_picture_refusal (
    one INTEGER PRIMARY KEY CHECK (one = 1), until REAL NOT NULL
) STRICT;
INSERT INTO "profile_picture_refusal" VALUES(1,1764205200.0);
CREATE TABLE scheduled_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild INTEGER NOT NULL, channel INTEGER NOT NULL, author INTEGER NOT NULL,
    cron TEXT NOT NULL, text TEXT NOT NULL, file_name TEXT, file BLOB, skip INTEGER NOT NULL,
    settled_at REAL NOT NULL, owed INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "scheduled_event" VALUES(3,900000000000000001,900000000000000003,900000000000000011,'0 8 * * 1','Good morning','cat.png',X'89504E47000102FF',1,1764201600.0,1,0);
CREATE TABLE scheduled_event_refusal (event INTEGER PRIMARY KEY) STRICT;
INSERT INTO "scheduled_event_refusal" VALUES(3);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "setting" VALUES('volume','0.8');
INSERT INTO "setting" VALUES('volume on 7','1.2');
CREATE TABLE voice_choice (guild INTEGER PRIMARY KEY, voice TEXT NOT NULL) STRICT;
INSERT INTO "voice_choice" VALUES(900000000000000001,'ada');
CREATE TABLE voice_maker (voice TEXT PRIMARY KEY, person INTEGER NOT NULL, guild INTEGER NOT NULL) STRICT;
INSERT INTO "voice_maker" VALUES('ada',900000000000000011,900000000000000001);
CREATE INDEX chat_memory_by_channel ON chat_memory (channel, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('chat_memory',3);
INSERT INTO "sqlite_sequence" VALUES('scheduled_event',3);
INSERT INTO "sqlite_sequence" VALUES('profile_picture_change',1);
COMMIT;
