"""The HTTP API for programs: hearing, speaking, answering, and voices."""
