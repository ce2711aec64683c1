"""Compares what the API returns of an album with the plan, and every file with the original."""

import asyncio
import hashlib
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

from album import Album, AlbumChat, Medium, Shared
from client import Caller
from progress import Phase, concurrently
from proof import Report
from share import Sharing

# Until a file that has arrived is looked at and published, in seconds: images wait for each other.
PUBLISHED_WITHIN = 120
POLL = 0.2
# The edges of the squares that thumbnails fit into, in pixels.
THUMBNAILS = (256, 1024)
# Characters of a quoted message that are shown.
QUOTE_MAX = 200
PAGE = 100


class AlbumProof:
    def __init__(self, sharing: Sharing, people: Mapping[str, Caller], report: Report) -> None:
        self.sharing = sharing
        self.album: Album = sharing.album
        self.people = people
        self.report = report
        self.messages = 0
        self.fetched: set[str] = set()  # ids of files that are as they were

    async def prove(self) -> None:
        phase = Phase("album", 2 * len(self.album.messages), "msg compared")
        with phase:
            for chat in self.album.chats:
                for viewer in chat.members:
                    await self._chat(chat, viewer)
                    phase.done(len(chat.messages))
            await concurrently(self.album.sent, self._file)
            await concurrently([it for it in self.album.messages if it.edited], self._history)
        # Guards against a proof that holds because it looked at nothing.
        if not self.report.mismatches and self.messages != 2 * len(self.album.messages):
            self.report.add("album", f"compared {self.messages} messages")
        phase.count("messages compared", self.messages)
        phase.count("files fetched and equal", len(self.fetched))
        phase.report()

    async def _chat(self, chat: AlbumChat, viewer: str) -> None:
        chat_id = self.sharing.ids[chat.place]
        where = f"album, chat {chat_id} seen by {self.people[viewer].person.username}"
        items = await self._all(viewer, f"/v1/chats/{chat_id}/messages")
        numbers = [item["number"] for item in items]
        if numbers != [shared.number for shared in chat.messages]:
            self.report.add(where, f"numbers are {numbers}")
        for shared, item in zip(chat.messages, items, strict=False):
            differences = list(compare(self.expected(chat, shared), item))
            for what in differences:
                self.report.add(f"{where}, {shared}", what)
            self.messages += not differences
        pins = await self.people[viewer].get(f"/v1/chats/{chat_id}/pins")
        pinned = {item["message"]["message_id"] for item in pins["items"]}
        if pinned != {it.message_id for it in chat.messages if it.pinned}:
            self.report.add(where, f"pinned are {sorted(pinned)}")
        view = await self.people[viewer].get(f"/v1/chats/{chat_id}")
        for what in compare(self.expected_chat(chat, viewer), view):
            self.report.add(where, what)

    async def _all(self, viewer: str, path: str) -> list[Any]:
        items: list[Any] = []
        after = "0"
        while after is not None:
            page = await self.people[viewer].get(f"{path}?limit={PAGE}&after={after}")
            items += page["items"]
            after = page["next"]
        return items

    def expected_chat(self, chat: AlbumChat, viewer: str) -> dict[str, Any]:
        """The first member has read all, the second nothing."""
        last, is_first = len(chat.messages), viewer == chat.members[0]
        unread = [it for it in chat.messages if it.sender != viewer and not it.deleted]
        return {
            "total_messages": last,
            "unread_count": 0 if is_first else len(unread),
            "read_up_to": last if is_first else 0,
            "delivered_up_to": last,
            "participant_read_up_to": 0 if is_first else last,
            "participant_delivered_up_to": last,
        }

    def expected(self, chat: AlbumChat, shared: Shared) -> dict[str, Any]:
        """What has to stand in the answer; nothing in place of what must not."""
        common = {
            "number": shared.number,
            "message_id": shared.message_id,
            "chat_id": self.sharing.ids[shared.chat],
            "sender_id": self.people[shared.sender].account_id,
            "deleted": shared.deleted,
        }
        if shared.deleted:
            left_out = ("text", "file_id", "file", "forwarded", "reply_to", "answer", "edited_at")
            nothing = {"tags": [], "reactions": [], "pinned": False}
            return common | dict.fromkeys(left_out) | nothing
        text = shared.text if shared.edited is None else shared.edited
        other = self.people[chat.other(shared.sender)].account_id
        reaction = {"account_id": other, "emoji": shared.reaction}
        expected = common | {
            "type": shared.kind,
            "text": text,
            "tags": tags_of(text),
            "revision": 0 if shared.edited is None else 1,
            "reactions": [reaction] if shared.reaction else [],
            "pinned": shared.pinned,
            "forwarded": self._provenance(shared),
            "reply_to": self._quoting(shared),
            "file": None,
        }
        if shared.medium:
            expected["file"] = {
                "name": shared.medium.name,
                "content_type": shared.medium.content_type,
            }
        if shared.answer is not None:
            expected["answer"] = {"account_id": other, "answer": shared.answer}
        return expected

    def _provenance(self, shared: Shared) -> dict[str, Any] | None:
        if not shared.forwarded:
            return None
        origin = shared.origin
        sender = None if origin.deleted else self.people[origin.sender].account_id
        return {"hops": shared.hops, "many_times": False, "sender_id": sender}

    def _quoting(self, shared: Shared) -> dict[str, Any] | None:
        quoted = shared.reply_to
        # A forwarded reply says nothing of what it answered elsewhere.
        if quoted is None:
            return None
        text = quoted.text if quoted.edited is None else quoted.edited
        quote = {
            "sender_id": self.people[quoted.sender].account_id,
            "text": None if quoted.deleted or text is None else text[:QUOTE_MAX],
            "deleted": quoted.deleted,
        }
        reply = {"message_id": quoted.message_id, "number": quoted.number}
        return reply if quoted.deleted else reply | {"quote": quote}

    async def _file(self, shared: Shared) -> None:
        """Whoever sees a message with it gets it as it was; nobody else gets it at all."""
        seen = [it for it in self.album.messages if it.origin is shared and not it.deleted]
        where = f"album, {shared.medium.name}"
        if not seen:
            return  # deleted, and nobody is told its id any more
        viewers = {key for it in seen for key in self.album.chats[it.chat].members}
        member = self.people[self.album.chats[seen[0].chat].members[0]]
        file_id = (await member.get(self.sharing.path(seen[0]))).get("file_id")
        for key, caller in self.people.items():
            if key == shared.sender:
                continue
            if key in viewers:
                await self._fetch(where, caller, file_id, shared.medium)
            else:
                answer = await caller.call("GET", f"/v1/files/{file_id}", expect={200, 404})
                if answer.status != 404:
                    self.report.add(where, f"{caller.person.username} is no member and gets it")

    async def _fetch(self, where: str, caller: Caller, file_id: str, medium: Medium) -> None:
        file = await self._published(caller, file_id)
        if file.get("state") != "published":
            self.report.add(where, f"is {file.get('state')} ({file.get('rejection')})")
            return
        got = await caller.api.exchange("GET", file["url"])
        differences = list(compare({"name": medium.name, "size": len(got)}, file))
        if medium.is_image:
            thumbnails = {
                edge: await caller.api.exchange("GET", url)
                for edge, url in file["thumbnails"].items()
            }
            differences += compare_images(medium.data, got, thumbnails, file["image"])
        elif hashlib.sha256(got).hexdigest() != medium.sha256:
            differences.append("other bytes than were sent")
        for what in differences:
            self.report.add(where, what)
        if not differences:
            self.fetched.add(file_id)

    async def _published(self, caller: Caller, file_id: str) -> Any:
        give_up = time.monotonic() + PUBLISHED_WITHIN
        while True:
            file = await caller.get(f"/v1/files/{file_id}")
            if file["state"] != "completed" or time.monotonic() > give_up:
                return file
            await asyncio.sleep(POLL)

    async def _history(self, shared: Shared) -> None:
        reader = self.people[self.album.chats[shared.chat].other(shared.sender)]
        history = (await reader.get(self.sharing.path(shared, "/history")))["items"]
        texts = [item["text"] for item in history]
        if texts != [shared.text, shared.edited]:
            self.report.add("album", f"the history of {shared} is {texts}")


def compare(expected: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[str]:
    """Where `item` is not as expected. Members that nothing is expected of are let be; one that
    is expected to be none may be left out."""
    for name, value in expected.items():
        got = item.get(name)
        if isinstance(value, Mapping) and isinstance(got, Mapping):
            for what in compare(value, got):
                yield f"{name}'s {what}"
        elif isinstance(value, list) and isinstance(got, list) and len(value) == len(got):
            for place, (one, other) in enumerate(zip(value, got, strict=True)):
                for what in compare({str(place): one}, {str(place): other}):
                    yield f"{name} {what}"
        elif got != value:
            yield f"{name} is {got!r}, expected {value!r}"


def compare_images(
    sent: bytes, got: bytes, thumbnails: Mapping[str, bytes], said: Mapping[str, Any]
) -> Iterator[str]:
    """Every pixel is there, and nothing else: no metadata but how it is turned."""
    from PIL import ExifTags, Image  # the tests need it not

    with Image.open(io.BytesIO(sent)) as original, Image.open(io.BytesIO(got)) as image:
        if (original.mode, original.size) != (image.mode, image.size):
            yield f"is {image.mode} {image.size}, sent as {original.mode} {original.size}"
        elif original.tobytes() != image.tobytes():
            yield "other pixels than were sent"
        tags = set(image.getexif()) - {ExifTags.Base.Orientation}
        if tags or image.info.get("xmp") or image.info.get("comment"):
            yield f"still has metadata: {sorted(tags)}"
        if (said["width"], said["height"]) != image.size:
            yield f"is said to be {said['width']} x {said['height']}, is {image.size}"
        if not said["blur_hash"]:
            yield "has no blur hash"
        size = image.size
    for edge in THUMBNAILS:
        with Image.open(io.BytesIO(thumbnails.get(str(edge), b""))) as thumbnail:
            if max(thumbnail.size) != min(edge, max(size)):
                yield f"has a thumbnail of {thumbnail.size} for {edge}"


def tags_of(text: str | None) -> list[str]:
    """Of the album's own texts: each has one at most, in small letters."""
    return [word[1:] for word in (text or "").split() if word.startswith("#")]
