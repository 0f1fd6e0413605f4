"""Tests of what is counted, stored and limited of the engines."""
