"""The health check of a container: ``python -m tts_server.healthy`` exits with 0 if the speech server can speak.

The server is asked on this machine, at the port of ``TTS_BIND``.
"""

from __future__ import annotations

import http.client
import os
import sys

TIME_LIMIT = 4.0
DEFAULT_PORT = "8765"


def main() -> int:
    """Ask ``/health`` and print the answer. This runs every few seconds, so it saves the time to load the settings."""
    given = os.environ.get("TTS_BIND", "").rpartition(":")[2]
    port = int(given if given.isdecimal() else DEFAULT_PORT)
    connection = http.client.HTTPConnection("127.0.0.1", port, TIME_LIMIT)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        said = answer.read(2000).decode(errors="replace")
    except OSError as error:
        return _failed(port, error.strerror or str(error))
    except http.client.HTTPException:
        return _failed(port, "the answer is not HTTP, or it breaks off. Does another program use this port?")
    finally:
        connection.close()
    print(said)  # noqa: T201
    return 0 if answer.status == http.HTTPStatus.OK else 1


def _failed(port: int, why: str) -> int:
    print(f"The speech server can't be asked at port {port}: {why}")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
