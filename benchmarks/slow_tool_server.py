"""An MCP server with one slow tool. It records when each call began, and when it was done or cancelled.

``python -m benchmarks.slow_tool_server SECONDS FILE``; the file gets a JSON object for each call.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from mcp.server.mcpserver import MCPServer

NAME, RESULT = "forecast", "Rain from noon on."


def serve(seconds: float, log: Path) -> None:
    """Serve over the standard streams until they end."""
    server = MCPServer("slow")

    @server.tool(name=NAME)
    async def forecast() -> str:
        """Tells the weather."""
        began = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"began": began, "ended": time.monotonic()}) + "\n")
        return RESULT

    server.run()


if __name__ == "__main__":
    serve(float(sys.argv[1]), Path(sys.argv[2]))
