-- Vectors of facts, by which they are found by meaning. They are made anew for another model.

CREATE TABLE fact_vector (
    fact INTEGER PRIMARY KEY REFERENCES fact ON DELETE CASCADE,
    model TEXT NOT NULL,
    vector BLOB NOT NULL                 -- a signed byte for each dimension; its length does not matter
) STRICT;
