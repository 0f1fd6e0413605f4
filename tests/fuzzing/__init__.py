"""Hostile requests, made at random from an OpenAPI document, and what no answer may have in it."""
