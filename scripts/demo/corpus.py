"""What the demo loads: who takes part, which chats they have, who says what and when it is read.

Everything here follows from the data set alone, so that every run plans the same: the same names,
the same message ids, the same order. `README.md` says which decisions were taken.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

# What version 0.9.0 of the data set holds. Its README says the same.
CONVERSATIONS = 7_168
MESSAGES = 258_145
PARTICIPANTS = 1_315

# Parlance's rule for a text: domain/src/chat.
TEXT_MAX = 10_000
# What Rust's `str::trim` removes (Unicode White_Space). Python's `strip` removes more.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# Random once, and fixed for ever: message ids are derived from it.
MESSAGE_NAMESPACE = uuid.UUID("5b1f7c0a-52f5-4c0e-9c36-3f6d1f0a8f0e")


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    username: str
    display_name: str

    @property
    def email(self) -> str:
        return f"{self.username}@demo.example"


@dataclass(frozen=True, slots=True)
class Message:
    conversation: str
    place: int  # in its conversation, from 1, refused ones counted
    sender: str  # the key of a person
    text: str  # as it is in the data set
    refusal: str | None  # why Parlance refuses it, if it does

    @property
    def message_id(self) -> str:
        return str(uuid.uuid5(MESSAGE_NAMESPACE, f"{self.conversation}/{self.place}"))

    @property
    def stored(self) -> str:
        return trimmed(self.text)

    def __str__(self) -> str:
        return f"conversation {self.conversation} message {self.place}"


@dataclass(slots=True)
class Chat:
    """All that two people say to each other: number n is `messages[n - 1]`."""

    members: tuple[str, str]  # sorted
    conversations: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    refused: list[Message] = field(default_factory=list)
    # Set when the other one never answers: after how many messages they look into the chat.
    glance: int | None = None

    def other(self, key: str) -> str:
        first, second = self.members
        return second if key == first else first

    def read_before(self, number: int) -> bool:
        """Whether the sender of this number first reads what came before: the turn has passed."""
        return number > 1 and self.messages[number - 1].sender != self.messages[number - 2].sender

    def read_up_to(self, sent: int) -> dict[str, int]:
        """How far each member has read once the first `sent` messages are sent."""
        up_to = dict.fromkeys(self.members, 0)
        for number in range(2, sent + 1):
            if self.read_before(number):
                up_to[self.messages[number - 1].sender] = number - 1
        if self.glance is not None and self.glance <= sent:
            up_to[self.other(self.messages[0].sender)] = self.glance
        return up_to

    def unread(self) -> dict[str, int]:
        """How many messages of the other each member has not read at the end."""
        up_to = self.read_up_to(len(self.messages))
        return {
            key: sum(message.sender != key for message in self.messages[up_to[key] :])
            for key in self.members
        }


@dataclass(slots=True)
class Plan:
    people: dict[str, Person]
    chats: list[Chat]
    participants: int

    @property
    def conversations(self) -> int:
        return sum(len(chat.conversations) for chat in self.chats)

    @property
    def sends(self) -> int:
        return sum(len(chat.messages) for chat in self.chats)

    @property
    def total(self) -> int:
        return self.sends + len(self.refused)

    @property
    def refused(self) -> list[Message]:
        return [message for chat in self.chats for message in chat.refused]

    @property
    def trimmed(self) -> int:
        return sum(m.stored != m.text for chat in self.chats for m in chat.messages)


def trimmed(text: str) -> str:
    return text.strip(WHITE_SPACE)


def refusal(text: str) -> str | None:
    """Why Parlance refuses this text; none when it takes it."""
    stored = trimmed(text)
    if not stored:
        return "empty after trimming"
    if len(stored) > TEXT_MAX:
        return f"longer than {TEXT_MAX} characters"
    if any(is_control(char) and char not in "\n\t" for char in stored):
        return "has a control character"
    return None


def is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def load_data_set() -> Mapping[str, Mapping]:
    """The installed data set, conversation id to conversation."""
    from chitchat_dataset import Dataset  # the tests plan without it

    data_set = Dataset()
    texts = [text for conversation in data_set.values() for text in utterances(conversation)]
    found = (len(data_set), len(texts), len({sender for sender, _ in texts}))
    if found != (CONVERSATIONS, MESSAGES, PARTICIPANTS):
        raise ValueError(
            "the data set holds {} conversations, {} messages and {} participants".format(*found)
        )
    return data_set


def utterances(conversation: Mapping) -> Iterator[tuple[str, str]]:
    """Sender and text of each message, in order."""
    for turn in conversation["messages"]:
        for message in turn:
            yield message["sender"], message["text"]


def make_plan(data_set: Mapping[str, Mapping], limit: int | None = None) -> Plan:
    """Plans the first `limit` conversations, or all.

    A chat holds its conversations in the order of the data set, so what a limited run loads is the
    beginning of what a full run loads.
    """
    people: dict[str, Person] = {}
    chats: dict[tuple[str, str], Chat] = {}
    participants = 0
    for ordinal, (conversation, content) in enumerate(islice(data_set.items(), limit), start=1):
        said = list(utterances(content))
        senders = list(dict.fromkeys(sender for sender, _ in said))
        for sender in senders:
            if sender not in people:
                participants += 1
                people[sender] = participant(sender, participants)
        silent = len(senders) == 1
        if silent:
            partner = silent_partner(conversation, ordinal)
            people[partner.key] = partner
            senders.append(partner.key)
        first, second = sorted(senders)
        chat = chats.setdefault((first, second), Chat((first, second)))
        add_conversation(chat, conversation, said)
        if silent and chat.messages:
            chat.glance = (len(chat.messages) + 1) // 2
    plan = Plan(people, list(chats.values()), participants)
    check_plan(plan, data_set, limit)
    return plan


def add_conversation(chat: Chat, conversation: str, said: list[tuple[str, str]]) -> None:
    chat.conversations.append(conversation)
    for place, (sender, text) in enumerate(said, start=1):
        message = Message(conversation, place, sender, text, refusal(text))
        (chat.refused if message.refusal else chat.messages).append(message)


def participant(sender: str, ordinal: int) -> Person:
    # 24 of the 32 digits: a user name has at most 30 characters.
    return Person(sender, f"p_{uuid.UUID(sender).hex[:24]}", f"Participant {ordinal}")


def silent_partner(conversation: str, ordinal: int) -> Person:
    """Who was spoken to in a conversation that names only one sender."""
    name = f"partner_{uuid.UUID(conversation).hex[:20]}"
    return Person(f"partner of {conversation}", name, f"Silent partner {ordinal}")


def check_plan(plan: Plan, data_set: Mapping[str, Mapping], limit: int | None = None) -> None:
    """Load and proof both go by the plan, so that it must hold all there is, and nothing else."""
    if len({person.username for person in plan.people.values()}) != len(plan.people):
        raise ValueError("two people of the data set would have the same user name")
    planned: dict[str, dict[int, tuple[str, str]]] = {}
    for chat in plan.chats:
        for message in (*chat.messages, *chat.refused):
            places = planned.setdefault(message.conversation, {})
            places[message.place] = (message.sender, message.text)
    for conversation, content in islice(data_set.items(), limit):
        if planned.pop(conversation, {}) != dict(enumerate(utterances(content), start=1)):
            raise ValueError(f"the plan does not hold conversation {conversation} as it is")
    if planned:
        raise ValueError(f"the plan holds {len(planned)} conversations too many")
