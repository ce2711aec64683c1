"""Shares an album through the API, and goes on where an earlier run stopped.

Numbers and message ids are the same in every run, and so are the idempotency keys of edits,
reactions, pins and answers.
A file that was uploaded and never sent, because a run was stopped in between, is uploaded again;
Parlance removes the first one by itself.
"""

from album import Album, AlbumChat, Forward, Shared
from client import Caller, DemoError
from progress import Phase, concurrently


class Sharing:
    def __init__(self, album: Album, people: dict[str, Caller]) -> None:
        self.album = album
        self.people = people
        self.ids: list[str] = []  # of the chats, in the album's order
        self.totals: list[int] = []  # messages that each holds

    async def share(self) -> None:
        for chat in self.album.chats:
            await self._open(chat)
        total, before = len(self.album.messages), sum(self.totals)
        phase = Phase("album", total, "msg", initial=before)
        with phase:
            await concurrently(self.album.chats, lambda chat: self._send_all(chat, phase))
            # One after the other: their order decides the numbers of the copies.
            for forward in self.album.forwards:
                await self._forward(forward, phase)
            await concurrently(self.album.messages, lambda shared: self._act(shared, phase))
            await concurrently(self.album.chats, self._read)
        phase.report()

    def path(self, shared: Shared, rest: str = "") -> str:
        return f"/v1/chats/{self.ids[shared.chat]}/messages/{shared.message_id}{rest}"

    async def _open(self, chat: AlbumChat) -> None:
        caller, other = (self.people[key] for key in chat.members)
        answer = await caller.call(
            "POST", "/v1/chats", body={"member_id": other.account_id}, expect={200, 201}
        )
        chat_id = answer.body["chat_id"]
        total = (await caller.get(f"/v1/chats/{chat_id}"))["total_messages"]
        if total > len(chat.messages):
            raise DemoError(f"chat {chat_id} of the album holds {total} messages: too many")
        self.ids.append(chat_id)
        self.totals.append(total)

    async def _send_all(self, chat: AlbumChat, phase: Phase) -> None:
        """Whatever is not sent yet, in order. What was is not sent again: its file is there."""
        for shared in chat.messages:
            if shared.forwarded:
                return
            if shared.number > self.totals[chat.place]:
                await self._send(chat, shared)
                phase.count("sends")
                phase.done(1)

    async def _send(self, chat: AlbumChat, shared: Shared) -> None:
        body = {"message_id": shared.message_id, "type": shared.kind}
        if shared.medium:
            body["file_id"] = await self._upload(shared)
        if shared.text is not None:
            body["caption" if shared.medium else "text"] = shared.text
        if shared.reply_to:
            body["reply_to"] = shared.reply_to.message_id
        if shared.kind == "actionable":
            body |= {"action": "meeting.offer", "action_params": {"buttons": ["yes", "no"]}}
        answer = await self.people[shared.sender].call(
            "POST", f"/v1/chats/{self.ids[chat.place]}/messages", body=body, expect={201}
        )
        self._check_number(shared, answer.body["number"])

    async def _upload(self, shared: Shared) -> str:
        medium, sender = shared.medium, self.people[shared.sender]
        asked = {
            "name": medium.name,
            "content_type": medium.content_type,
            "size": len(medium.data),
            "sha256": medium.sha256,
        }
        answer = await sender.call("POST", "/v1/files", body=asked, expect={201})
        ticket, file_id = answer.body["upload"], answer.body["file_id"]
        await sender.api.exchange(
            ticket["method"], ticket["url"], headers=ticket["headers"], data=medium.data
        )
        await sender.call("POST", f"/v1/files/{file_id}/complete", expect={200})
        return file_id

    async def _forward(self, forward: Forward, phase: Phase) -> None:
        missing = [it for it in forward.copies if it.number > self.totals[it.chat]]
        if missing:
            to = [{"chat_id": self.ids[it.chat], "message_id": it.message_id} for it in missing]
            answer = await self.people[forward.by].call(
                "POST", self.path(forward.source, "/forward"), body={"to": to}, expect={200}
            )
            for copy, item in zip(missing, answer.body["items"], strict=True):
                if "message" not in item:
                    raise DemoError(f"{copy} could not be forwarded: {item['problem']}")
                self._check_number(copy, item["message"]["number"])
            phase.count("forwards")
            phase.done(len(missing))

    async def _act(self, shared: Shared, phase: Phase) -> None:
        """What becomes of it."""
        sender = self.people[shared.sender]
        other = self.people[self.album.chats[shared.chat].other(shared.sender)]
        if shared.edited is not None:
            await sender.call(
                "PATCH",
                self.path(shared),
                body={"text": shared.edited},
                key=shared.key("edit"),
                expect={200},
            )
            phase.count("edits")
        if shared.reaction is not None:
            await other.call(
                "PUT",
                self.path(shared, "/reaction"),
                body={"emoji": shared.reaction},
                key=shared.key("react"),
                expect={204},
            )
            phase.count("reactions")
        if shared.pinned:
            await other.call("PUT", self.path(shared, "/pin"), key=shared.key("pin"), expect={204})
            phase.count("pins")
        if shared.answer is not None:
            await other.call(
                "POST",
                self.path(shared, "/answer"),
                body={"answer": shared.answer},
                key=shared.key("answer"),
                expect={200, 201, 204},
            )
            phase.count("answers")
        if shared.deleted:
            await sender.call("DELETE", self.path(shared, "?for=everyone"), expect={204})
            phase.count("deletions")

    async def _read(self, chat: AlbumChat) -> None:
        """The first member reads all, the second is only reached."""
        first, second = (self.people[key] for key in chat.members)
        path, body = f"/v1/chats/{self.ids[chat.place]}", {"up_to": len(chat.messages)}
        await first.call("PUT", f"{path}/read", body=body, expect={204})
        await second.call("PUT", f"{path}/delivered", body=body, expect={204})

    def _check_number(self, shared: Shared, number: int) -> None:
        if number != shared.number:
            raise DemoError(f"{shared} of the album became {number} of {self.ids[shared.chat]}")
