"""The proof finds every kind of difference: each test changes one thing that the API returns."""

import asyncio
import unittest

from corpus import make_plan
from in_memory import InMemory, InMemoryReader
from proof import PAGE_AFTER, PAGE_BEFORE, PAGE_CHATS, Proof, Report
from test_corpus import ALONE, ANN, BOB, CAT, FIRST, SECOND, conversation, partner_of

# Enough for several pages in both directions, with a last page that is not full.
LONG = 2 * PAGE_AFTER + PAGE_BEFORE + 5
SILENT = [f"{number:08}-0000-4000-8000-000000000000" for number in range(PAGE_CHATS + 3)]

DATA_SET = {
    FIRST: conversation(
        *[((ANN, BOB)[number // 3 % 2], f"text {number} ") for number in range(LONG)]
    ),
    SECOND: conversation((BOB, "again"), (ANN, "yes"), (ANN, "")),
    ALONE: conversation((CAT, "anybody?"), (CAT, "no?"), (CAT, "well")),
    **{name: conversation((CAT, "hello")) for name in SILENT},
}


class ProofFinds(unittest.TestCase):
    def setUp(self):
        self.plan = make_plan(DATA_SET)
        self.api = InMemory()
        self.people = {
            key: InMemoryReader(self.api, person) for key, person in self.plan.people.items()
        }
        self.ids = [self.load(chat) for chat in self.plan.chats]
        self.messages = self.api.chats[self.ids[0]]["messages"]

    def load(self, chat):
        first, second = (self.people[key].account_id for key in chat.members)
        _, opened = self.api.handle(first, "POST", "/v1/chats", {"member_id": second})
        for message in chat.messages:
            self.api.handle(
                self.people[message.sender].account_id,
                "POST",
                f"/v1/chats/{opened['chat_id']}/messages",
                {"message_id": message.message_id, "text": message.text},
            )
        for key, up_to in chat.read_up_to(len(chat.messages)).items():
            self.api.chats[opened["chat_id"]]["read"][self.people[key].account_id] = up_to
        return opened["chat_id"]

    def prove(self):
        report = Report()
        proof = Proof(self.people, report)
        chats = list(zip(self.plan.chats, self.ids, strict=True))

        async def all_of_it():
            for chat, chat_id in chats:
                for viewer, backwards in zip(chat.members, (False, True), strict=True):
                    await proof.messages(chat, chat_id, viewer, backwards=backwards)
                    await proof.chat(chat, chat_id, viewer)
            for key in self.people:
                await proof.chat_list(
                    key, {chat_id: chat for chat, chat_id in chats if key in chat.members}
                )

        asyncio.run(all_of_it())
        return report

    def assert_found(self, *expected):
        """Each expected text is in some mismatch."""
        found = self.prove().mismatches
        self.assertTrue(found, "nothing was found")
        for text in expected:
            self.assertTrue(
                any(text in it for it in found), f"not found: {text}\n" + "\n".join(found[:20])
            )

    def tamper(self, part, change):
        """Applies `change` to what is returned by paths with this part."""

        def changed(path, body):
            return change(path, body) or body if part in path else body

        self.api.tamper = changed

    def renumber(self):
        for number, message in enumerate(self.messages, start=1):
            message["number"] = number

    def test_nothing_when_all_is_equal(self):
        report = self.prove()
        self.assertEqual(report.mismatches, [])
        self.assertEqual(report.matched, 2 * self.plan.sends)

    def test_a_missing_message_that_leaves_a_hole(self):
        missing = self.messages.pop(7)
        self.assertEqual(missing["number"], 8)
        self.assert_found(f"number 8 is missing (conversation {FIRST} message 8)")

    def test_a_missing_message_that_was_closed_over(self):
        del self.messages[7]
        self.renumber()
        self.assert_found(
            "number 8 (conversation",
            "text is 'text 8', expected 'text 7'",
            f"number {len(self.messages) + 1} is missing",
            f"total_messages is {len(self.messages)}, expected {len(self.messages) + 1}",
        )

    def test_a_missing_last_message(self):
        del self.messages[-1]
        self.assert_found(
            f"number {LONG + 2} is missing (conversation {SECOND} message 2)",
            f"last_message: number {LONG + 2}",
        )

    def test_a_message_too_many(self):
        self.messages.append(self.messages[-1] | {"number": len(self.messages) + 1})
        self.assert_found(f"number {LONG + 3} is not in the data set")

    def test_a_message_returned_twice(self):
        self.messages.insert(3, self.messages[3])
        self.assert_found("number 4 is returned 2 times")

    def test_a_pair_swapped_with_its_numbers(self):
        self.messages[2], self.messages[3] = self.messages[3], self.messages[2]
        self.assert_found("number 3 comes after number 4")

    def test_a_pair_swapped_under_the_right_numbers(self):
        self.messages[0], self.messages[1] = self.messages[1], self.messages[0]
        self.renumber()
        self.assert_found(
            "number 1 (", "number 2 (", "text is 'text 1', expected 'text 0'", "message_id is"
        )

    def test_a_changed_text(self):
        self.messages[4]["text"] += "!"
        self.assert_found(
            f"number 5 (conversation {FIRST} message 5): text is 'text 4!', expected 'text 4'"
        )
        self.assertEqual(self.prove().matched, 2 * (self.plan.sends - 1))

    def test_a_text_that_was_not_trimmed(self):
        self.messages[4]["text"] += " "
        self.assert_found("text is 'text 4 ', expected 'text 4'")

    def test_a_wrong_sender(self):
        self.messages[0]["sender_id"] = self.people[BOB].account_id
        self.assert_found(f"sender_id is '{self.people[BOB].account_id} ({BOB})'")

    def test_another_message_id_chat_type_or_a_tombstone(self):
        self.messages[0]["message_id"] = "x"
        self.messages[1]["chat_id"] = "x"
        self.messages[2]["type"] = "image"
        self.messages[3]["deleted"] = True
        self.assert_found(
            "message_id is 'x'", "chat_id is 'x'", "type is 'image'", "deleted is True"
        )

    def test_wrong_counts_in_the_chat(self):
        for name in ("total_messages", "unread_count"):

            def one_more(_path, body, name=name):
                if name in body:
                    body[name] += 1

            self.tamper(self.ids[0], one_more)
            self.assert_found(f"{name} is ")

    def test_a_wrong_count_on_one_side_of_the_list_only(self):
        self.api.chats[self.ids[1]]["read"][self.people[partner_of(ALONE)].account_id] = 3
        self.assert_found("unread_count is 0, expected 1")

    def test_wrong_flags_participant_and_last_message(self):
        def wrong(_path, body):
            for item in body["items"]:
                item.update(started=False, active=False, last_message=None)
                item["participant"]["username"] = "mallory"

        self.tamper("/v1/chats?", wrong)
        self.assert_found(
            "started is False",
            "active is False",
            "last_message is missing",
            "participant's username is 'mallory', expected",
        )

    def test_a_chat_missing_from_a_list(self):
        self.tamper("/v1/chats?", lambda _path, body: body["items"].pop() and None)
        self.assert_found(f"chat list of p_{CAT.replace('-', '')[:24]}: chat ")

    def test_a_chat_listed_twice_or_for_a_stranger(self):
        stranger = self.api._view(self.api.chats[self.ids[0]], self.people[ANN].account_id)

        def more(_path, body):
            body["items"] += [body["items"][0], stranger]

        self.tamper("/v1/chats?", more)
        self.assert_found("is returned 2 times", "is none of theirs")

    def test_pages_that_overlap_or_leave_a_gap(self):
        for direction, cursor in (("after", "next"), ("before", "prev")):
            for on, expected in ((-1, "is returned 2 times"), (1, "is missing")):
                step = on if direction == "after" else -on

                def shifted(_path, body, cursor=cursor, step=step):
                    if body[cursor]:
                        body[cursor] = str(int(body[cursor]) + step)

                self.tamper("/messages?", shifted)
                with self.subTest(direction=direction, step=step):
                    self.assert_found(expected)

    def test_pages_that_end_early_or_never(self):
        for cursor in ("next", "prev"):
            self.tamper(
                "/messages?", lambda _path, body, cursor=cursor: body.update({cursor: None})
            )
            with self.subTest(cursor=cursor):
                self.assert_found("is missing")
            self.tamper("/messages?", lambda _path, body, cursor=cursor: body.update({cursor: "1"}))
            with self.subTest(cursor=cursor):
                self.assert_found("does not end after")
        self.tamper("/v1/chats?", lambda _path, body: body.update(next="0"))
        self.assert_found("does not end after")

    def test_a_page_larger_than_asked_for(self):
        extra = dict(self.messages[0])
        self.tamper("/messages?", lambda _path, body: body["items"].extend([extra] * PAGE_AFTER))
        self.assert_found("messages, asked for")

    def test_two_people_in_one_account(self):
        self.people[CAT].account_id = self.people[ANN].account_id
        self.assertIn(
            "people share", Proof(self.people, report := Report()) and report.mismatches[0]
        )


if __name__ == "__main__":
    unittest.main()
