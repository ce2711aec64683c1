"""Compares what the API returns with the plan, and names every difference.

Needs nothing but the standard library: `test_proof.py` shows, without a server, that each kind of
difference is found.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol
from urllib.parse import quote

from corpus import Chat, Message, Person

# Messages and chats a page. Reading back uses another size than reading on, so that the two cut the
# same messages at different places.
PAGE_AFTER = 100
PAGE_BEFORE = 37
PAGE_CHATS = 20


class Reader(Protocol):
    """A signed-in person who reads."""

    person: Person
    account_id: str

    async def get(self, path: str) -> Any: ...


class Report:
    """What the proof has found so far."""

    def __init__(self) -> None:
        self.mismatches: list[str] = []
        self.matched = 0  # messages, each time one was read
        self.requests = 0

    def add(self, where: str, what: str) -> None:
        self.mismatches.append(f"{where}: {what}")


class Proof:
    """The proof of one load: `people` is everybody, signed in, by their key."""

    def __init__(self, people: Mapping[str, Reader], report: Report) -> None:
        self.people = people
        self.report = report
        self.keys = {reader.account_id: key for key, reader in people.items()}
        if len(self.keys) != len(people):
            report.add("accounts", f"{len(people)} people share {len(self.keys)} accounts")

    async def messages(self, chat: Chat, chat_id: str, viewer: str, *, backwards: bool) -> None:
        """Every message of the chat as `viewer` sees it, paged in one direction."""
        direction = "back" if backwards else "on"
        where = f"chat {chat_id} read {direction} by {self.people[viewer].person.username}"
        items = await self._message_pages(chat, chat_id, viewer, backwards, where)
        for what in self._compare_numbers(chat, [item["number"] for item in items]):
            self.report.add(where, what)
        for item in items:
            if 1 <= item["number"] <= len(chat.messages):
                message = chat.messages[item["number"] - 1]
                differences = list(self._compare_message(message, item, chat_id, item["number"]))
                for what in differences:
                    self.report.add(where, what)
                self.report.matched += not differences

    async def chat(self, chat: Chat, chat_id: str, viewer: str) -> None:
        """The chat itself as `viewer` sees it."""
        answer = await self._get(viewer, f"/v1/chats/{chat_id}")
        self._judge_chat(chat, chat_id, viewer, answer)

    async def chat_list(self, viewer: str, chats: Mapping[str, Chat]) -> None:
        """All of `viewer`'s chats, paged: exactly these, each once."""
        where = f"chat list of {self.people[viewer].person.username}"
        items: list[Any] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            if pages > len(chats) // PAGE_CHATS + 1:
                self.report.add(where, f"does not end after {pages} pages")
                break
            page = await self._get(viewer, f"/v1/chats?{query(PAGE_CHATS, 'before', cursor)}")
            items += page["items"]
            cursor, pages = page["next"], pages + 1
        listed = Counter(item["chat_id"] for item in items)
        for chat_id in chats.keys() - listed.keys():
            self.report.add(where, f"chat {chat_id} is missing")
        for chat_id, times in listed.items():
            if chat_id not in chats:
                self.report.add(where, f"chat {chat_id} is none of theirs")
            elif times > 1:
                self.report.add(where, f"chat {chat_id} is returned {times} times")
        for item in items:
            if chat := chats.get(item["chat_id"]):
                self._judge_chat(chat, item["chat_id"], viewer, item, f"{where}, ")

    async def _message_pages(
        self, chat: Chat, chat_id: str, viewer: str, backwards: bool, where: str
    ) -> list[Any]:
        """All messages as the API returns them, pages put together in ascending order."""
        limit, parameter, key, cursor = (
            (PAGE_BEFORE, "before", "prev", None)
            if backwards
            else (PAGE_AFTER, "after", "next", "0")
        )
        items: list[Any] = []
        pages = 0
        while pages == 0 or cursor is not None:
            # One page more than needed: a server may find out only there that nothing is left.
            if pages > len(chat.messages) // limit + 1:
                self.report.add(where, f"does not end after {pages} pages")
                break
            page = await self._get(
                viewer, f"/v1/chats/{chat_id}/messages?{query(limit, parameter, cursor)}"
            )
            if len(page["items"]) > limit:
                self.report.add(
                    where, f"a page has {len(page['items'])} messages, asked for {limit}"
                )
            items = page["items"] + items if backwards else items + page["items"]
            cursor, pages = page[key], pages + 1
        return items

    def _compare_numbers(self, chat: Chat, numbers: Sequence[int]) -> Iterator[str]:
        times = Counter(numbers)
        for number, message in enumerate(chat.messages, start=1):
            if number not in times:
                yield f"number {number} is missing ({message})"
            elif times[number] > 1:
                yield f"number {number} is returned {times[number]} times ({message})"
        for number in sorted(times):
            if not 1 <= number <= len(chat.messages):
                yield f"number {number} is not in the data set, which ends at {len(chat.messages)}"
        for earlier, later in pairwise(numbers):
            if earlier > later:
                yield f"number {later} comes after number {earlier}"

    def _compare_message(
        self, message: Message, item: Mapping, chat_id: str, number: int
    ) -> Iterator[str]:
        expected = {
            "number": number,
            "chat_id": chat_id,
            "message_id": message.message_id,
            "sender_id": self.people[message.sender].account_id,
            "type": "text",
            "text": message.stored,
            "deleted": False,
        }
        for name, value in expected.items():
            if item.get(name) != value:
                difference = self._difference(name, item.get(name), value)
                yield f"number {number} ({message}): {difference}"

    def _judge_chat(
        self, chat: Chat, chat_id: str, viewer: str, answer: Mapping, prefix: str = ""
    ) -> None:
        username = self.people[viewer].person.username
        where = f"{prefix}chat {chat_id} ({' '.join(chat.conversations)}) seen by {username}"
        for what in self._compare_chat(chat, chat_id, viewer, answer):
            self.report.add(where, what)

    def _compare_chat(
        self, chat: Chat, chat_id: str, viewer: str, answer: Mapping
    ) -> Iterator[str]:
        expected = {
            "chat_id": chat_id,
            "total_messages": len(chat.messages),
            "unread_count": chat.unread()[viewer],
            "started": bool(chat.messages),
            "active": True,
        }
        for name, value in expected.items():
            if answer.get(name) != value:
                yield self._difference(name, answer.get(name), value)
        other = self.people[chat.other(viewer)]
        participant = {
            "account_id": other.account_id,
            "username": other.person.username,
            "display_name": other.person.display_name,
        }
        for name, value in participant.items():
            got = (answer.get("participant") or {}).get(name)
            if got != value:
                yield f"participant's {self._difference(name, got, value)}"
        last = answer.get("last_message")
        if not chat.messages:
            if last is not None:
                yield f"last_message is {last!r}, expected none"
        elif last is None:
            yield "last_message is missing"
        else:
            for what in self._compare_message(chat.messages[-1], last, chat_id, len(chat.messages)):
                yield f"last_message: {what}"

    def _difference(self, name: str, got: Any, expected: Any) -> str:
        if name.endswith("sender_id"):
            got, expected = (f"{it} ({self.keys.get(it, 'a stranger')})" for it in (got, expected))
        return f"{name} is {got!r}, expected {expected!r}"

    async def _get(self, viewer: str, path: str) -> Any:
        self.report.requests += 1
        return await self.people[viewer].get(path)


def query(limit: int, parameter: str, cursor: object) -> str:
    return f"limit={limit}" + (
        "" if cursor is None else f"&{parameter}={quote(str(cursor), safe='')}"
    )
