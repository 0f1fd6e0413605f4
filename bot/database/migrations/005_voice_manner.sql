-- How each server wants its voice to sound: speech parameters as JSON.

CREATE TABLE voice_manner (guild INTEGER PRIMARY KEY, manner TEXT NOT NULL) STRICT;
