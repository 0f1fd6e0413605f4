-- The triggers read all turns of a conversation for each one that came or went; who writes turns keeps `people` now.

DROP TRIGGER turn_added;
DROP TRIGGER turn_deleted;

-- Whose turn is left, what somebody has said, and what is too old are found without reading all the rest.
CREATE INDEX turns_by_who ON turns (conversation, who, person);
CREATE INDEX turns_by_person ON turns (person, conversation);
CREATE INDEX turns_by_time ON turns (at, conversation);
