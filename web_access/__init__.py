"""What both HTTP servers share: access by host names and origins, a rate limit per client, connections, and bodies."""
