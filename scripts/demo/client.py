"""Parlance's HTTP API as its people use it: tokens, retries, reads that see what was written."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import random
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from corpus import Person

# Conversations, registrations or pages under way at once: enough to keep group commit busy, few
# enough that the longest chat, which is strictly serial, is not slowed down more than it must be.
CONCURRENCY = 32

# One try of one request, in seconds. A password hash waits behind others.
REQUEST_TIMEOUT = 30
# How long one request is tried again, in seconds: a server's restart fits in with room.
RETRY_FOR = 120
# The waits between tries, in seconds.
RETRY_FIRST = 0.1
RETRY_MAX = 5.0
RETRY_STATUSES = frozenset({429, 502, 503, 504})

# An access token is renewed when this part of its life is left.
TOKEN_MARGIN = 0.1


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class NoAnswer(DemoError):
    """The server did not answer for long; it may later."""


class Refused(DemoError):
    """The API answered with a status that was not expected."""

    def __init__(self, method: str, path: str, status: int, body: Any) -> None:
        problem = body if isinstance(body, Mapping) else {}
        detail = problem.get("detail") or problem.get("title") or str(body)[:200]
        super().__init__(f"{method} {path} answered {status} {problem.get('code', '')}: {detail}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


class Api:
    """The API without a caller. Remembers the highest position seen: reads ask for it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.position = 0
        self.retries = 0

    async def __aenter__(self) -> "Api":
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int],
        body: Mapping | None = None,
        token: str | None = None,
        key: str | None = None,
        retry_for: float = RETRY_FOR,
    ) -> Answer:
        """One request, tried again while the server is unreachable or asks for patience."""
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if method == "GET" and self.position:
            headers["Parlance-Min-Position"] = str(self.position)
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        give_up = time.monotonic() + retry_for
        attempt = 0
        while True:
            wait = min(RETRY_MAX, RETRY_FIRST * 2**attempt) * random.uniform(0.5, 1)
            try:
                async with self.http.request(
                    method, self.url + path, headers=headers, data=data
                ) as response:
                    answer = Answer(response.status, decoded(await response.read()))
                    if response.status in expect:
                        self.saw(response.headers.get("Parlance-Position"))
                        return answer
                    failure: DemoError = Refused(method, path, answer.status, answer.body)
                    if response.status not in RETRY_STATUSES:
                        raise failure
                    wait = max(wait, retry_after(response.headers.get("Retry-After")))
            except (
                aiohttp.ClientConnectionError,
                aiohttp.ClientPayloadError,
                TimeoutError,
            ) as error:
                failure = NoAnswer(
                    f"{method} {path} got no answer: {error or type(error).__name__}"
                )
            if time.monotonic() + wait > give_up:
                raise failure
            self.retries += 1
            attempt += 1
            await asyncio.sleep(wait)

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> bytes:
        """What the storage answers at a URL that the API has signed: no token goes there."""
        give_up = time.monotonic() + RETRY_FOR
        while True:
            try:
                async with self.http.request(method, url, headers=headers, data=data) as response:
                    answer = await response.read()
                    if response.status == 200:
                        return answer
                    raise Refused(method, url.partition("?")[0], response.status, answer)
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                if time.monotonic() > give_up:
                    raise NoAnswer(f"the storage got no answer: {error!r}") from error
                self.retries += 1
                await asyncio.sleep(RETRY_MAX * random.random())

    def saw(self, position: str | None) -> None:
        if position is not None:
            self.position = max(self.position, int(position))


def decoded(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode(errors="replace")


def retry_after(value: str | None) -> float:
    """Seconds; a date, which Parlance does not send, counts as none."""
    return float(value) if value is not None and value.isdecimal() else 0.0


class Passwords:
    """Each person's password, derived from one secret that never leaves `state`."""

    def __init__(self, state: Path) -> None:
        self.secret = bytes.fromhex(kept_secret(state / "secret"))

    def of(self, person: Person) -> str:
        digest = hmac.digest(self.secret, person.key.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def kept_secret(path: Path) -> str:
    """The secret in this file; made, once, when there is none yet."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        with fresh.open("w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        # Never replaces the secret of a run that started at the same time.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text()


class Caller:
    """A person who is signed in."""

    def __init__(self, api: Api, person: Person, password: str) -> None:
        self.api = api
        self.person = person
        self.account_id = ""
        self._password = password
        self._access = ""
        self._refresh = ""
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def register(self) -> bool:
        """Registers and signs in; false when somebody has registered with these names already."""
        body = {
            "email": self.person.email,
            "password": self._password,
            "username": self.person.username,
            "display_name": self.person.display_name,
        }
        path = "/v1/auth/email/register"
        answer = await self.api.call("POST", path, body=body, expect={201, 409})
        if answer.status == 409:
            return False
        self._keep(answer.body)
        return True

    async def log_in(self) -> bool:
        """Signs in; false when there is no such account, or its password is another."""
        body = {"email": self.person.email, "password": self._password}
        answer = await self.api.call("POST", "/v1/auth/email/login", body=body, expect={200, 401})
        if answer.status == 401:
            return False
        self._keep(answer.body)
        return True

    async def call(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int],
        body: Mapping | None = None,
        **more: Any,
    ) -> Answer:
        token = await self._token()
        answer = await self.api.call(
            method, path, body=body, token=token, expect={*expect, 401}, **more
        )
        if answer.status == 401 and 401 not in expect:
            await self._renew(token)
            answer = await self.api.call(
                method, path, body=body, token=self._access, expect=expect, **more
            )
        return answer

    async def get(self, path: str) -> Any:
        return (await self.call("GET", path, expect={200})).body

    async def _token(self) -> str:
        if time.monotonic() > self._renew_at:
            await self._renew(self._access)
        return self._access

    async def _renew(self, stale: str) -> None:
        async with self._renewing:
            if self._access != stale:
                return  # another task of this person was first
            answer = await self.api.call(
                "POST",
                "/v1/auth/refresh",
                body={"refresh_token": self._refresh},
                expect={200, 400, 401, 403},
            )
            if answer.status == 200:
                self._keep(answer.body)
            # An answer that was lost leaves a used-up token behind: the password still signs in.
            elif not await self.log_in():
                raise DemoError(f"{self.person.username} cannot sign in any more")

    def _keep(self, tokens: Mapping) -> None:
        if tokens["username"] != self.person.username:
            raise DemoError(f"{self.person.username} was signed in as {tokens['username']}")
        self.account_id = tokens["account_id"]
        self._access = tokens["access_token"]
        self._refresh = tokens["refresh_token"]
        self._renew_at = time.monotonic() + tokens["expires_in"] * (1 - TOKEN_MARGIN)
