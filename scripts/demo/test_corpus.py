"""How the data set becomes people, chats, messages and reads."""

import unittest

from corpus import Message, check_plan, make_plan, refusal, trimmed

ANN, BOB, CAT = (f"{digit}0000000-0000-4000-8000-000000000000" for digit in "abc")
FIRST, SECOND, ALONE, SHY = (f"{digit}0000000-0000-4000-8000-000000000000" for digit in "1234")


def conversation(*said):
    return {"messages": [[{"sender": sender, "text": text}] for sender, text in said]}


def partner_of(conversation_id):
    return f"partner of {conversation_id}"


class Planning(unittest.TestCase):
    def test_a_pair_has_one_chat_with_its_conversations_one_after_the_other(self):
        plan = make_plan(
            {
                FIRST: conversation((ANN, "hi"), (BOB, "hello")),
                ALONE: conversation((CAT, "anybody?")),
                SECOND: conversation((BOB, "back again")),
                SHY: conversation((BOB, "me too"), (ANN, "good")),
            }
        )
        chat = plan.chats[0]
        self.assertEqual(chat.members, (ANN, BOB))
        self.assertEqual(chat.conversations, [FIRST, SHY])
        self.assertEqual([it.text for it in chat.messages], ["hi", "hello", "me too", "good"])
        self.assertEqual((plan.conversations, len(plan.chats), plan.participants), (4, 3, 3))

    def test_each_conversation_with_one_sender_gets_a_partner_of_its_own(self):
        plan = make_plan({ALONE: conversation((CAT, "a")), SHY: conversation((CAT, "b"))})
        self.assertEqual(set(plan.people), {CAT, partner_of(ALONE), partner_of(SHY)})
        self.assertEqual(len(plan.chats), 2)
        names = {person.username for person in plan.people.values()}
        self.assertEqual(len(names), 3)
        for name in names:
            self.assertRegex(name, r"^[a-z0-9_.]{3,30}$")

    def test_a_limited_plan_is_the_beginning_of_the_full_one(self):
        data_set = {
            FIRST: conversation((ANN, "1"), (BOB, "2")),
            SECOND: conversation((BOB, "3"), (ANN, "4")),
        }
        limited, full = (make_plan(data_set, limit).chats[0].messages for limit in (1, None))
        self.assertEqual(limited, full[:2])
        self.assertEqual([it.message_id for it in limited], [it.message_id for it in full[:2]])

    def test_message_ids_never_change(self):
        message = make_plan({FIRST: conversation((ANN, "1"), (BOB, "2"))}).chats[0].messages[1]
        self.assertEqual(message.message_id, "bb52014e-e99f-5c9e-8cb5-53835abe00cb")

    def test_what_cannot_be_sent_is_set_aside_and_keeps_its_place(self):
        plan = make_plan({FIRST: conversation((ANN, "hi"), (BOB, " "), (BOB, "hello "))})
        self.assertEqual(
            [(it.place, it.refusal) for it in plan.refused], [(2, "empty after trimming")]
        )
        self.assertEqual(
            [(it.place, it.stored) for it in plan.chats[0].messages], [(1, "hi"), (3, "hello")]
        )
        self.assertEqual((plan.sends, plan.trimmed), (2, 1))

    def test_a_plan_that_is_not_the_data_set_is_refused(self):
        data_set = {FIRST: conversation((ANN, "1"), (BOB, "2")), ALONE: conversation((CAT, ""))}
        for change in (
            lambda plan: plan.chats.pop(),
            lambda plan: plan.chats[1].refused.pop(),
            lambda plan: plan.chats[0].messages.pop(),
            lambda plan: plan.chats[0].messages.append(
                Message(SECOND, 1, ANN, "never said", refusal=None)
            ),
        ):
            plan = make_plan(data_set)
            change(plan)
            with self.assertRaises(ValueError):
                check_plan(plan, data_set)


class Reading(unittest.TestCase):
    def test_who_takes_the_turn_has_read_what_came_before(self):
        chat = make_plan(
            {
                FIRST: conversation((ANN, "1"), (ANN, "2"), (BOB, "3"), (ANN, "4"), (ANN, "5")),
            }
        ).chats[0]
        passed = [number for number in range(1, 6) if chat.read_before(number)]
        self.assertEqual(passed, [3, 4])
        self.assertEqual(chat.read_up_to(2), {ANN: 0, BOB: 0})
        self.assertEqual(chat.read_up_to(3), {ANN: 0, BOB: 2})
        self.assertEqual(chat.read_up_to(5), {ANN: 3, BOB: 2})
        self.assertEqual(chat.unread(), {ANN: 0, BOB: 2})

    def test_a_silent_partner_reads_half(self):
        chat = make_plan({ALONE: conversation(*[(CAT, str(number)) for number in range(5)])}).chats[
            0
        ]
        partner = partner_of(ALONE)
        self.assertEqual(chat.read_up_to(2), {CAT: 0, partner: 0})
        self.assertEqual(chat.read_up_to(3), {CAT: 0, partner: 3})
        self.assertEqual(chat.unread(), {CAT: 0, partner: 2})


class Rules(unittest.TestCase):
    def test_texts_are_trimmed_as_rust_trims(self):
        self.assertEqual(trimmed("\u2003 a b \n\x85"), "a b")
        self.assertEqual(trimmed("\x1fa"), "\x1fa")

    def test_refusals(self):
        self.assertIsNone(refusal(" " + "x" * 10_000))
        self.assertIsNone(refusal("tab\tand\nnewline"))
        self.assertEqual(refusal(" \t"), "empty after trimming")
        self.assertEqual(refusal("x" * 10_001), "longer than 10000 characters")
        for control in "\x00\x1b\x7f\x9f\r":
            self.assertEqual(refusal(f"a{control}b"), "has a control character")


if __name__ == "__main__":
    unittest.main()
