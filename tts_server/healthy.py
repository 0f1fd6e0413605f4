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
    """Ask ``/health`` and print the answer. The settings are not loaded, because this runs every few seconds."""
    port = os.environ.get("TTS_BIND", "").rpartition(":")[2]
    connection = http.client.HTTPConnection("127.0.0.1", int(port if port.isdecimal() else DEFAULT_PORT), TIME_LIMIT)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        print(answer.read(2000).decode(errors="replace"))  # noqa: T201
    except OSError as error:
        print(error)  # noqa: T201
        return 1
    finally:
        connection.close()
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
