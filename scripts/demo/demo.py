"""Loads real conversations through Parlance's HTTP API and proves that it returns them.

Started by `run`, which installs what this needs. Ends with 0 when the proof holds, 1 when something
differs, 2 when it could not be done.
"""

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import uvloop

from album import Album, find_media, make_album
from album_proof import AlbumProof
from client import Api, Caller, DemoError, NoAnswer, Passwords
from corpus import Chat, Plan, load_data_set, make_plan
from load import Loaded, converse, offer_refused, open_chats, sign_in
from progress import Phase, concurrently
from proof import Proof, Report
from share import Sharing

# How long to wait for a server that is just starting, in seconds.
READY_FOR = 30
# Differences printed one by one; the rest is counted.
PRINTED_MAX = 100


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N conversations"
    )
    limit = arguments.parse_args().limit
    url, state = os.environ["PARLANCE_URL"], Path(os.environ["PARLANCE_DEMO_STATE"])
    try:
        return uvloop.run(demo(url, state, limit))
    except* NoAnswer as group:
        print(f"demo: {first(group)}\ndemo: run it again to go on from here", file=sys.stderr)
    except* DemoError as group:
        print(f"demo: {first(group)}", file=sys.stderr)
    except* KeyboardInterrupt:
        print("\ndemo: interrupted; run it again to go on from here", file=sys.stderr)
    return 2


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def first(error: BaseException) -> BaseException:
    return first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def demo(url: str, state: Path, limit: int | None) -> int:
    started = time.monotonic()
    plan, album = make_plan(load_data_set(), limit), make_album(find_media())
    describe(plan, album)
    async with Api(url) as api:
        await api.call("GET", "/health/ready", expect={200}, retry_for=READY_FOR)
        everybody = [*plan.people.values(), *album.people.values()]
        callers = await sign_in(api, everybody, Passwords(state))
        people = {key: callers[key] for key in plan.people}
        friends = {key: callers[key] for key in album.people}
        loaded = await open_chats(plan, people)
        await converse(loaded, people)
        if plan.refused:
            refused = await offer_refused(loaded, people)
            print(f"refused   {refused:,} messages that break a rule were offered, and refused")
        sharing = Sharing(album, friends)
        await sharing.share()
        report = await prove(plan, loaded, people)
        await AlbumProof(sharing, friends, report).prove()
        if api.retries:
            print(f"retries   {api.retries:,} requests were tried again")
    return conclude(plan, album, report, time.monotonic() - started)


def describe(plan: Plan, album: Album) -> None:
    partners = len(plan.people) - plan.participants
    print(
        f"data set  {plan.conversations:,} conversations, {plan.total:,} messages, "
        f"{plan.participants:,} participants\n"
        f"plan      {len(plan.people):,} people ({partners:,} of them partners for conversations "
        f"that name one sender), {len(plan.chats):,} chats, {plan.sends:,} messages to send, "
        f"{plan.trimmed:,} of them with white space to trim"
    )
    images = sum(it.medium.is_image for it in album.sent)
    print(
        f"album     {images:,} images and {len(album.sent) - images:,} files among "
        f"{len(album.messages):,} messages of {len(album.people):,} people"
    )
    for reason, times in Counter(message.refusal for message in plan.refused).items():
        print(f"plan      {times:,} messages cannot be sent: text is {reason}")
    sys.stdout.flush()


async def prove(plan: Plan, loaded: list[Loaded], people: dict[str, Caller]) -> Report:
    """Reads everything back, as both members of each chat, one paging on and the other back."""
    report = Report()
    proof = Proof(people, report)
    phase = Phase("proof", 2 * plan.sends, "msg")

    async def one(it: Loaded) -> None:
        for viewer, backwards in zip(it.chat.members, (False, True), strict=True):
            await proof.messages(it.chat, it.chat_id, viewer, backwards=backwards)
            await proof.chat(it.chat, it.chat_id, viewer)
            phase.done(len(it.chat.messages))

    chats_of: dict[str, dict[str, Chat]] = defaultdict(dict)
    for it in loaded:
        for key in it.chat.members:
            chats_of[key][it.chat_id] = it.chat

    async def one_list(key: str) -> None:
        await proof.chat_list(key, chats_of[key])

    with phase:
        await concurrently(loaded, one)
        await concurrently(people, one_list)
    # Guards against a proof that holds because it looked at nothing.
    if not report.mismatches and report.matched != 2 * plan.sends:
        report.add("proof", f"compared {report.matched} messages, expected {2 * plan.sends}")
    phase.count("messages compared", report.matched)
    phase.count("requests", report.requests)
    phase.count("chat lists", len(people))
    phase.report()
    return report


def conclude(plan: Plan, album: Album, report: Report, seconds: float) -> int:
    for mismatch in report.mismatches[:PRINTED_MAX]:
        print(f"mismatch  {mismatch}")
    if report.mismatches:
        print(f"FAILED    {len(report.mismatches):,} mismatches between the API and what was sent")
        return 1
    refused = f" and {len(plan.refused):,} refused by rule" if plan.refused else ""
    print(
        f"PROVED    the API returns the data set: {plan.conversations:,} conversations, "
        f"{plan.total:,} messages ({plan.sends:,} returned equal{refused}), "
        f"{len(plan.chats):,} chats, {len(plan.people):,} accounts; and the album: "
        f"{len(album.messages):,} messages, every file as it was sent; in {seconds:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
