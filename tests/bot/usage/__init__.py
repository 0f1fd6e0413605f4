"""Tests of the use of engines: how it is counted, stored and limited."""
