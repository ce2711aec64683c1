"""Loading goes on where it was stopped, wherever that was."""

import asyncio
import contextlib
import io
import tempfile
import unittest
from pathlib import Path

try:
    from client import Answer, DemoError, Passwords
    from load import converse, offer_refused, open_chats, sign_in
except ModuleNotFoundError as missing:
    raise unittest.SkipTest(
        f"needs the packages that scripts/demo/run installs: {missing.name}"
    ) from missing

from corpus import make_plan
from in_memory import InMemory
from test_corpus import ALONE, ANN, BOB, CAT, FIRST, SECOND, conversation

DATA_SET = {
    FIRST: conversation((ANN, "1"), (BOB, " 2"), (BOB, "3"), (ANN, "4")),
    ALONE: conversation((CAT, "a"), (CAT, "b"), (CAT, "c")),
    SECOND: conversation((BOB, "5"), (ANN, "6"), (ANN, "")),
}


class Killed(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


class Api:
    """In place of HTTP: dies at a given request, before or after the server has done it."""

    def __init__(self, server, dies_at=None, done_first=False):
        self.server, self.dies_at, self.done_first = server, dies_at, done_first
        self.requests = 0

    async def call(self, method, path, *, expect, body=None, token=None):
        self.requests += 1
        dies = self.requests == self.dies_at
        if dies and not self.done_first:
            raise Killed
        if path.endswith("/register"):
            status, answer = self.server.register(body)
        elif path.endswith("/login"):
            status, answer = self.server.log_in(body)
        else:
            status, answer = self.server.handle(token, method, path, body)
        if dies:
            raise Killed
        if status not in expect:
            raise DemoError(f"{method} {path} answered {status}")
        return Answer(status, answer)


class Loading(unittest.TestCase):
    def setUp(self):
        state = tempfile.TemporaryDirectory()
        self.addCleanup(state.cleanup)
        self.state = Path(state.name)
        self.plan = make_plan(DATA_SET)

    def load(self, api):
        async def all_of_it():
            people = await sign_in(api, self.plan.people.values(), Passwords(self.state))
            loaded = await open_chats(self.plan, people)
            await converse(loaded, people)
            async with asyncio.TaskGroup() as last:
                return await last.create_task(offer_refused(loaded, people))

        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return asyncio.run(all_of_it())

    def outcome(self, server):
        """What the server holds, by names instead of its own ids."""
        names = {account_id: account["username"] for account_id, account in server.accounts.items()}
        return sorted(
            (
                sorted((names[account_id], up_to) for account_id, up_to in chat["read"].items()),
                [
                    (it["number"], it["message_id"], names[it["sender_id"]], it["text"])
                    for it in chat["messages"]
                ],
            )
            for chat in server.chats.values()
        )

    def test_what_is_loaded_is_the_plan(self):
        server = InMemory()
        self.assertEqual(self.load(Api(server)), 1)
        names = {key: person.username for key, person in self.plan.people.items()}
        planned = sorted(
            (
                sorted(
                    (names[key], up_to)
                    for key, up_to in chat.read_up_to(len(chat.messages)).items()
                ),
                [
                    (number, it.message_id, names[it.sender], it.stored)
                    for number, it in enumerate(chat.messages, start=1)
                ],
            )
            for chat in self.plan.chats
        )
        self.assertEqual(self.outcome(server), planned)

    def test_twice_is_once(self):
        server = InMemory()
        self.load(Api(server))
        once = self.outcome(server)
        self.load(Api(server))
        self.assertEqual(self.outcome(server), once)

    def test_killed_at_every_request(self):
        undisturbed = InMemory()
        api = Api(undisturbed)
        self.load(api)
        for dies_at in range(1, api.requests + 1):
            for done_first in (False, True):
                with self.subTest(request=dies_at, done_first=done_first):
                    server = InMemory()
                    with self.assertRaises(BaseExceptionGroup) as raised:
                        self.load(Api(server, dies_at, done_first))
                    self.assertIsInstance(raised.exception.exceptions[0], Killed)
                    self.load(Api(server))
                    self.assertEqual(self.outcome(server), self.outcome(undisturbed))

    def test_a_lost_secret_is_reported(self):
        server = InMemory()
        self.load(Api(server))
        (self.state / "secret").unlink()
        with self.assertRaises(ExceptionGroup) as raised:
            self.load(Api(server))
        self.assertIn("registered with another password", str(raised.exception.exceptions[0]))

    def test_the_secret_is_kept_and_private(self):
        person = self.plan.people[ANN]
        password = Passwords(self.state).of(person)
        self.assertGreaterEqual(len(password), 15)
        self.assertEqual(password, Passwords(self.state).of(person))
        self.assertNotEqual(password, Passwords(self.state).of(self.plan.people[BOB]))
        self.assertEqual((self.state / "secret").stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
