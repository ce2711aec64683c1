"""What the demo shares besides the conversations: real images and files, and what becomes of them.

Six people of an album send each other what the installed packages `scikit-image` and `matplotlib`
bring along as samples. Everything here follows from those files alone, so that every run plans the
same.
"""

import hashlib
import importlib.util
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from corpus import MESSAGE_NAMESPACE, Person

# Where the packages keep their samples.
FOLDERS = (
    ("skimage", "data"),
    ("matplotlib", "mpl-data/sample_data"),
    ("matplotlib", "mpl-data/images"),
)
# What is sent of them, and as what.
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".pdf": "application/pdf",
    ".npz": "application/zip",
    ".gz": "application/gzip",
    ".dat": "application/octet-stream",
}
# What Parlance shows as an image; anything else is a file.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# What the pinned packages hold. Fewer than that is another version of them.
IMAGES_MIN, FILES_MIN = 25, 15

HUB = 0
PEOPLE = 6


@dataclass(frozen=True)
class Medium:
    name: str
    content_type: str
    path: Path

    @property
    def is_image(self) -> bool:
        return self.content_type in IMAGES

    @cached_property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(eq=False)
class Shared:
    """A message of the album, and what becomes of it."""

    chat: int  # its place among the chats
    number: int
    sender: str  # the key of a person
    kind: str = "text"
    text: str | None = None  # or caption
    medium: Medium | None = None
    reply_to: "Shared | None" = None
    forwarded: "Shared | None" = None
    edited: str | None = None
    deleted: bool = False
    reaction: str | None = None  # by the other member
    pinned: bool = False
    answer: str | None = None  # of the other member, to a question

    @property
    def message_id(self) -> str:
        return str(uuid.uuid5(MESSAGE_NAMESPACE, f"album/{self.chat}/{self.number}"))

    def key(self, act: str) -> str:
        """Under this idempotency key an act is done once, however often it is asked for."""
        return str(uuid.uuid5(MESSAGE_NAMESPACE, f"album/{self.chat}/{self.number}/{act}"))

    @property
    def origin(self) -> "Shared":
        return self.forwarded.origin if self.forwarded else self

    @property
    def hops(self) -> int:
        return self.forwarded.hops + 1 if self.forwarded else 0

    def __str__(self) -> str:
        return f"number {self.number}"


@dataclass
class AlbumChat:
    place: int
    members: tuple[str, str]
    messages: list[Shared] = field(default_factory=list)

    def other(self, key: str) -> str:
        first, second = self.members
        return second if key == first else first

    def add(self, sender: str, **what) -> Shared:
        shared = Shared(self.place, len(self.messages) + 1, sender, **what)
        self.messages.append(shared)
        return shared


@dataclass
class Forward:
    """One request: a message goes on to several chats at once."""

    source: Shared
    by: str
    copies: list[Shared]


@dataclass
class Album:
    people: dict[str, Person]
    chats: list[AlbumChat]
    forwards: list[Forward]

    @property
    def messages(self) -> list[Shared]:
        return [shared for chat in self.chats for shared in chat.messages]

    @property
    def sent(self) -> list[Shared]:
        """Those with a file that is uploaded for them."""
        return [it for it in self.messages if it.medium and not it.forwarded]


def find_media() -> list[Medium]:
    """The samples of the installed packages, which are not imported for that."""
    media = []
    for package, folder in FOLDERS:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"the package {package} is not installed")
        for path in sorted((Path(spec.submodule_search_locations[0]) / folder).iterdir()):
            if content_type := TYPES.get(path.suffix):
                media.append(Medium(path.name, content_type, path))
    images = sum(medium.is_image for medium in media)
    if images < IMAGES_MIN or len(media) - images < FILES_MIN:
        raise ValueError(f"only {images} images and {len(media) - images} files are installed")
    return media


def make_album(media: Sequence[Medium]) -> Album:
    """Everybody sends to the first of them, and is sent to by them."""
    people = {f"album {n}": person(n) for n in range(PEOPLE)}
    keys = list(people)
    hub, friends = keys[HUB], keys[HUB + 1 :]
    chats = [AlbumChat(place, (hub, friend)) for place, friend in enumerate(friends)]
    chats.append(AlbumChat(len(chats), (friends[0], friends[1])))  # for what goes on twice
    busy = chats[: len(friends)]
    for ordinal, medium in enumerate(media):
        send_medium(busy[ordinal % len(busy)], ordinal, medium)
    for chat in busy:
        chat.add(hub, kind="actionable", text="Shall we meet?", answer="yes")
    forwards = plan_forwards(chats, busy, hub)
    for ordinal, shared in enumerate(it for chat in busy for it in chat.messages if it.medium):
        plan_fate(ordinal, shared)
    # Its copies stay; whose it was is told no more.
    origin = forwards[0].source
    origin.deleted, origin.pinned, origin.edited, origin.reaction = True, False, None, None
    return Album(people, chats, forwards)


def send_medium(chat: AlbumChat, ordinal: int, medium: Medium) -> None:
    """With a caption every other time; then a question about every third, and a word of thanks."""
    sender = chat.members[len(chat.messages) // 2 % 2]
    kind = "image" if medium.is_image else "file"
    caption = f"{medium.name} of the #{kind}s" if ordinal % 2 == 0 else None
    shared = chat.add(sender, kind=kind, text=caption, medium=medium)
    if ordinal % 3 == 0:
        question = chat.add(chat.other(sender), text=f"What is {medium.name}?", reply_to=shared)
        chat.add(sender, text="A sample, see for yourself", reply_to=question)


def plan_forwards(chats: list[AlbumChat], busy: list[AlbumChat], hub: str) -> list[Forward]:
    """The first image, the first file and the first answer of each chat go to two others."""
    forwards = []
    for place, chat in enumerate(busy):
        kinds = {}
        for shared in chat.messages:
            kinds.setdefault(shared.kind, shared)
        for kind in ("image", "file", "text"):
            source = kinds[kind]
            targets = [busy[(place + step) % len(busy)] for step in (1, 2)]
            copies = [copy_of(source, target, hub) for target in targets]
            forwards.append(Forward(source, hub, copies))
    further = next(it for it in chats[0].messages if it.forwarded)
    friend = chats[0].other(hub)
    forwards.append(Forward(further, friend, [copy_of(further, chats[-1], friend)]))
    return forwards


def copy_of(source: Shared, target: AlbumChat, by: str) -> Shared:
    return target.add(
        by, kind=source.kind, text=source.text, medium=source.medium, forwarded=source
    )


def plan_fate(ordinal: int, shared: Shared) -> None:
    """Some are edited, some deleted, some reacted to and pinned. Copies are left as they are."""
    if shared.forwarded:
        return
    if ordinal % 7 == 3:
        shared.deleted = True
        return
    if ordinal % 4 == 0:
        shared.edited = f"{shared.medium.name}, now with a better #caption"
    if ordinal % 3 == 1:
        shared.reaction = "👍" if ordinal % 2 else "❤️"
    shared.pinned = ordinal % 9 == 2


def person(n: int) -> Person:
    return Person(f"album {n}", f"album_{n}", f"Album {n}")
