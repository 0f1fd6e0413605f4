"""Fuzzing: hostile requests, made at random from an OpenAPI document, and damaged messages for parsers."""
