"""The bot's HTTP server: the page in the browser, and the interfaces for programs."""
