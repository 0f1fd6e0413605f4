"""Who may use an HTTP server: host names, origins of web pages, and a rate limit per client. Both servers use it."""
