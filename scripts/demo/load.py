"""Loads a plan through the API as its people would, and goes on where an earlier run stopped.

Running it again is harmless: names and message ids are the same in every run, opening a chat opens
it once, and reading never goes backwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from client import Api, Caller, DemoError, Passwords
from corpus import Chat, Message, Person, Plan
from progress import Phase, concurrently

# What the API may answer to a text that breaks a rule.
REFUSED = (400, 422)


@dataclass(slots=True)
class Loaded:
    """A chat of the plan with its place in the API."""

    chat: Chat
    chat_id: str
    sent: int  # messages the API holds


async def sign_in(api: Api, people: Iterable[Person], passwords: Passwords) -> dict[str, Caller]:
    """Registers everybody; who has registered in an earlier run signs in."""
    callers = {person.key: Caller(api, person, passwords.of(person)) for person in people}
    phase = Phase("people", len(callers), "person")
    # Hashing a password is the dear part, so try first what worked for the last one.
    known = False

    async def one(caller: Caller) -> None:
        nonlocal known
        ways = [caller.register, caller.log_in]
        if known:
            ways.reverse()
        for way in ways:
            if await way():
                known = way == caller.log_in
                phase.count("registered" if way == caller.register else "signed in")
                phase.done(1)
                return
        raise DemoError(
            f"{caller.person.username} is registered with another password: the secret in "
            "var/demo/secret is not the one that this database was loaded with. Use a new database"
        )

    with phase:
        await concurrently(callers.values(), one)
    phase.report()
    return callers


async def open_chats(plan: Plan, callers: dict[str, Caller]) -> list[Loaded]:
    """Opens every chat; the API says how many messages it holds from an earlier run."""
    loaded: list[Loaded] = []
    phase = Phase("chats", len(plan.chats), "chat")

    async def one(chat: Chat) -> None:
        # Who speaks first opens it.
        opener = (chat.messages or chat.refused)[0].sender
        caller, other = callers[opener], callers[chat.other(opener)]
        answer = await caller.call(
            "POST", "/v1/chats", body={"member_id": other.account_id}, expect={200, 201}
        )
        chat_id, sent = answer.body["chat_id"], 0
        if answer.status == 200:
            # The read that waits for the position just seen, so that nothing sent is overlooked.
            sent = (await caller.get(f"/v1/chats/{chat_id}"))["total_messages"]
        if sent > len(chat.messages):
            raise DemoError(
                f"chat {chat_id} holds {sent} messages, the plan has {len(chat.messages)}: "
                "was a larger --limit loaded into this database before?"
            )
        loaded.append(Loaded(chat, chat_id, sent))
        phase.count("opened" if answer.status == 201 else "found")
        phase.done(1)

    with phase:
        await concurrently(plan.chats, one)
    phase.report()
    return loaded


async def converse(loaded: list[Loaded], callers: dict[str, Caller]) -> None:
    """Sends what is not sent yet, each chat in order; the other side reads when the turn passes."""
    total = sum(len(it.chat.messages) for it in loaded)
    phase = Phase("messages", total, "msg", initial=sum(it.sent for it in loaded))

    async def one(it: Loaded) -> None:
        await catch_up_reading(it, callers, phase)
        for number in range(it.sent + 1, len(it.chat.messages) + 1):
            message = it.chat.messages[number - 1]
            sender = callers[message.sender]
            if it.chat.read_before(number):
                await mark_read(it, sender, number - 1, phase)
            await send(it, sender, message, number)
            it.sent = number
            phase.count("sends")
            phase.done(1)
            if it.chat.glance == number:
                await mark_read(it, callers[it.chat.other(message.sender)], number, phase)

    # The longest first: a chat is serial, so the last one to end decides when all have ended.
    by_length = sorted(loaded, key=lambda it: len(it.chat.messages) - it.sent, reverse=True)
    with phase:
        await concurrently(by_length, one)
    phase.report()


async def catch_up_reading(it: Loaded, callers: dict[str, Caller], phase: Phase) -> None:
    """Repeats the last read of both sides: the run that was stopped may not have come to it."""
    for key, up_to in it.chat.read_up_to(it.sent).items():
        if up_to:
            await mark_read(it, callers[key], up_to, phase)


async def send(it: Loaded, sender: Caller, message: Message, number: int) -> None:
    answer = await sender.call(
        "POST",
        f"/v1/chats/{it.chat_id}/messages",
        body={"message_id": message.message_id, "text": message.text},
        expect={200, 201},
    )
    got = answer.body["number"]
    if got != number:
        raise DemoError(f"{message} became number {got} of chat {it.chat_id}, expected {number}")


async def mark_read(it: Loaded, reader: Caller, up_to: int, phase: Phase) -> None:
    await reader.call(
        "PUT", f"/v1/chats/{it.chat_id}/read", body={"up_to": up_to}, expect={200, 204}
    )
    phase.count("reads")


async def offer_refused(loaded: list[Loaded], callers: dict[str, Caller]) -> int:
    """Sends what Parlance must refuse; the proof then finds that nothing of it is there."""
    offered = 0
    for it in loaded:
        for message in it.chat.refused:
            answer = await callers[message.sender].call(
                "POST",
                f"/v1/chats/{it.chat_id}/messages",
                body={"message_id": message.message_id, "text": message.text},
                expect={200, 201, *REFUSED},
            )
            if answer.status not in REFUSED:
                raise DemoError(f"{message} was taken, but its text is {message.refusal}")
            offered += 1
    return offered
