"""Fetches files from addresses that people, web pages and models give, without reaching the operator's network."""
