"""Everything that is stored about a person: shown to that person in one file, and deleted if that person wants it."""
