"""MCP servers: programs and web servers that offer tools (Model Context Protocol), as ``TOOLS_FILE`` lists them."""
