"""How many requests that change or compute something a client on another machine may send in a minute."""

from __future__ import annotations

from bot.http.limits import CHANGES_PER_MINUTE
from tests.bot.http.web_stage import web_stage


async def test_a_client_of_another_machine_may_not_send_without_end() -> None:
    async with web_stage() as stage:

        async def status(method: str, *client: str) -> int:
            headers = {"X-Forwarded-For": client[0]} if client else {}
            return (await stage.ask("/thing", method, headers=headers, data=b"no JSON")).status

        assert {await status("POST", "192.0.2.7") for _ in range(CHANGES_PER_MINUTE)} == {415}
        headers = {"X-Forwarded-For": "192.0.2.7"}
        refused = await stage.ask("/thing", "POST", headers=headers, json={})
        assert (refused.status, refused.code) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) >= 1
        assert await status("GET", "192.0.2.7") == 200, "reading goes on"
        assert await status("POST", "192.0.2.8") == 415
        assert await status("POST") == 415, "this machine's own programs have no such limit"
        stage.clock.pass_by(60.0)
        assert await status("POST", "192.0.2.7") == 415
