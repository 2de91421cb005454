"""The hook of a repository or an organisation, over GitHub's REST API (2022-11-28, "Repository webhooks")."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec
from faas_runtime.outgoing.httpclient import Address, HTTPClient

from faas.sources.errors import UpstreamError

_ANSWER_S = 20.0
_PAGE = 100  # the API's largest; a repository has at most 20 hooks an event


class Hooks:
    """One hook, known by the URL that it calls."""

    def __init__(self, api_url: str, repository: str, url: str, token: str) -> None:
        parts = urlsplit(api_url)
        owner = "repos" if "/" in repository else "orgs"
        self._address = Address.parse(api_url)
        self._path = f"{parts.path.rstrip('/')}/{owner}/{repository}/hooks"
        self._url = url
        self._headers = [
            (b"host", parts.netloc.encode()),
            (b"accept", b"application/vnd.github+json"),
            (b"authorization", b"Bearer " + token.encode()),
            (b"user-agent", b"faas-github-source"),  # GitHub refuses requests without one
            (b"x-github-api-version", b"2022-11-28"),
        ]

    async def ensure(self, events: tuple[str, ...], secret: str) -> None:
        """Make it, or bring it up to date. Raises: OSError, UpstreamError."""
        wanted = {
            "active": True,
            "events": list(events) or ["*"],
            "config": {"url": self._url, "content_type": "json", "secret": secret, "insecure_ssl": "0"},
        }
        found = await self._find()
        if found is None:
            await self._call("POST", self._path, {"name": "web", **wanted})
        else:  # also when it looks right: its secret cannot be read
            await self._call("PATCH", f"{self._path}/{found}", wanted)

    async def remove(self) -> None:
        """Raises: OSError, UpstreamError."""
        found = await self._find()
        if found is not None:
            await self._call("DELETE", f"{self._path}/{found}")

    async def _find(self) -> int | None:
        page = 1
        while True:
            hooks = await self._call("GET", f"{self._path}?per_page={_PAGE}&page={page}") or []
            for hook in hooks:
                if hook.get("config", {}).get("url") == self._url:
                    return int(hook["id"])
            if len(hooks) < _PAGE:
                return None
            page += 1

    async def _call(self, method: str, target: str, message: Any = None) -> Any:
        client = HTTPClient()
        body = b"" if message is None else msgspec.json.encode(message)
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await client.request(self._address, method, target, self._headers, body)
        except TimeoutError:
            raise UpstreamError("UpstreamUnavailable", f"GitHub did not answer within {_ANSWER_S:g} s") from None
        finally:
            await client.aclose()
        if answer.status >= 300:
            said = answer.body[:300].decode("utf-8", "replace")
            hint = "; the token needs admin:repo_hook" if answer.status in (401, 403, 404) else ""
            raise UpstreamError("HookRefused", f"{method} {target}: GitHub answered {answer.status} {said}{hint}")
        return msgspec.json.decode(answer.body) if answer.body else None
