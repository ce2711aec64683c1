"""The part of Parlance's API that the demo uses, in memory, for the tests."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from corpus import Person, trimmed


class InMemory:
    """Answers as Parlance would. `tamper` may change what a GET returns."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, str]] = {}
        self.chats: dict[str, dict[str, Any]] = {}
        self.tamper: Callable[[str, Any], Any] = lambda _path, body: body

    def register(self, body: Mapping[str, str]) -> tuple[int, Any]:
        if any(account["email"] == body["email"] for account in self.accounts.values()):
            return 409, None
        account_id = str(uuid.uuid4())
        self.accounts[account_id] = dict(body)
        return 201, self._tokens(account_id)

    def log_in(self, body: Mapping[str, str]) -> tuple[int, Any]:
        for account_id, account in self.accounts.items():
            if (account["email"], account["password"]) == (body["email"], body["password"]):
                return 200, self._tokens(account_id)
        return 401, None

    def handle(
        self, me: str, method: str, path: str, body: Mapping | None = None
    ) -> tuple[int, Any]:
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match method, url.path.split("/")[2:]:
            case "POST", ["chats"]:
                return self._open(me, body["member_id"])
            case "POST", ["chats", chat_id, "messages"]:
                return self._send(self.chats[chat_id], me, body)
            case "PUT", ["chats", chat_id, "read"]:
                read = self.chats[chat_id]["read"]
                assert body["up_to"] <= len(self.chats[chat_id]["messages"])
                read[me] = max(read[me], body["up_to"])
                return 204, None
            case "GET", ["chats"]:
                return 200, self.tamper(path, self._list(me, query))
            case "GET", ["chats", chat_id]:
                return 200, self.tamper(path, self._view(self.chats[chat_id], me))
            case "GET", ["chats", chat_id, "messages"]:
                return 200, self.tamper(path, self._page(self.chats[chat_id]["messages"], query))
        return 404, None

    def _tokens(self, account_id: str) -> dict[str, Any]:
        return {
            "account_id": account_id,
            "username": self.accounts[account_id]["username"],
            "access_token": account_id,
            "refresh_token": "",
            "expires_in": 600,
        }

    def _open(self, me: str, other: str) -> tuple[int, Any]:
        for chat in self.chats.values():
            if set(chat["read"]) == {me, other}:
                return 200, self._view(chat, me)
        chat_id = str(uuid.uuid4())
        self.chats[chat_id] = {"chat_id": chat_id, "messages": [], "read": {me: 0, other: 0}}
        return 201, self._view(self.chats[chat_id], me)

    def _send(self, chat: dict[str, Any], me: str, body: Mapping) -> tuple[int, Any]:
        for message in chat["messages"]:
            if message["message_id"] == body["message_id"]:
                return 201, message
        if not trimmed(body["text"]):
            return 422, {"code": "empty_text"}
        message = {
            "message_id": body["message_id"],
            "chat_id": chat["chat_id"],
            "number": len(chat["messages"]) + 1,
            "sender_id": me,
            "type": "text",
            "text": trimmed(body["text"]),
            "deleted": False,
        }
        chat["messages"].append(message)
        return 201, message

    def _view(self, chat: dict[str, Any], me: str) -> dict[str, Any]:
        (other,) = chat["read"].keys() - {me}
        messages = chat["messages"]
        account = self.accounts[other]
        return {
            "chat_id": chat["chat_id"],
            "participant": {
                "account_id": other,
                "username": account["username"],
                "display_name": account["display_name"],
            },
            "last_message": dict(messages[-1]) if messages else None,
            "unread_count": sum(it["sender_id"] != me for it in messages[chat["read"][me] :]),
            "total_messages": len(messages),
            "started": bool(messages),
            "active": True,
        }

    def _list(self, me: str, query: Mapping[str, str]) -> dict[str, Any]:
        mine = [self._view(chat, me) for chat in self.chats.values() if me in chat["read"]]
        start, limit = int(query.get("before", 0)), int(query["limit"])
        following = str(start + limit) if start + limit < len(mine) else None
        return {"items": mine[start : start + limit], "next": following, "prev": None}

    def _page(self, messages: list[Any], query: Mapping[str, str]) -> dict[str, Any]:
        limit, last = int(query["limit"]), len(messages)
        if "after" in query:
            first = int(query["after"])
            end = min(last, first + limit)
        else:
            end = min(last, int(query.get("before", last + 1)) - 1)
            first = max(0, end - limit)
        return {
            "items": [dict(message) for message in messages[first:end]],
            "next": str(end) if end < last else None,
            "prev": str(first + 1) if first else None,
        }


class InMemoryReader:
    """A signed-in person, for the proof."""

    def __init__(self, api: InMemory, person: Person) -> None:
        names = {
            "email": person.email,
            "username": person.username,
            "display_name": person.display_name,
        }
        _, tokens = api.register(names | {"password": "of no interest here"})
        self.api = api
        self.person = person
        self.account_id = tokens["account_id"]

    async def get(self, path: str) -> Any:
        _, body = self.api.handle(self.account_id, "GET", path)
        return body
