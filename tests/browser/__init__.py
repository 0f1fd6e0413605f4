"""Tests of the page: its modules in Node.js, and the whole page in a real Chromium against a scripted server."""
