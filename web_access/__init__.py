"""Access checks of both HTTP servers: host names, origins of web pages, and a rate limit per client."""
