"""Tests of the HTTP API for programs."""
