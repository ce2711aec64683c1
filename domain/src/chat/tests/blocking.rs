//! Nothing passes between two of whom one has blocked the other, and the blocked one is not told.

use serde_json::json;

use super::commands::{
    all_about, all_of, answer, block, copy_of, delete_for_everyone, delete_for_me, edit,
    mark_delivered, mark_read, open, pin, question, react, remove_reaction, report, send,
    send_content, set_disappearing, star, unblock, unpin,
};
use super::events::{
    answered, blocked, deactivated, deleted_for_everyone, deleted_for_me, delivered,
    disappearing_set, edited, expiring, opened, opened_by, pinned, reacted, reaction_removed, read,
    reported, revealed, sent, starred, taken_back, unblocked, unpinned, withheld,
};
use super::{ALICE, BOB, FIRST, MALLORY, SECOND, THIRD, days_after, folded, given, record};
use crate::Decider;
use crate::chat::{ChatError, ChatEvent, Disappearing};

#[test]
fn a_member_blocks_the_other_once() {
    given([opened()]).when(block(BOB, ALICE)).then_expect_events(vec![blocked(BOB)]);
    given([opened(), blocked(BOB)]).when(block(BOB, ALICE)).then_expect_events(vec![]);
    given([opened(), blocked(BOB)])
        .when(block(ALICE, BOB))
        .then_expect_events(vec![blocked(ALICE)]);
}

#[test]
fn a_member_unblocks_the_other_once() {
    given([opened(), blocked(BOB)])
        .when(unblock(BOB, ALICE))
        .then_expect_events(vec![unblocked(BOB)]);
    for events in [vec![], vec![opened()], vec![opened(), blocked(BOB), unblocked(BOB)]] {
        given(events).when(unblock(BOB, ALICE)).then_expect_events(vec![]);
    }
    given([opened(), blocked(BOB)]).when(unblock(ALICE, BOB)).then_expect_events(vec![]);
}

#[test]
fn nobody_blocks_themselves_or_from_outside() {
    for command in [block(BOB, BOB), unblock(BOB, BOB)] {
        given([opened()]).when(command).then_expect_error(ChatError::SameMember);
    }
    given([]).when(block(BOB, BOB)).then_expect_error(ChatError::SameMember);
    for command in [block(MALLORY, BOB), unblock(MALLORY, BOB), block(BOB, MALLORY)] {
        given([opened()]).when(command).then_expect_error(ChatError::NotAMember(MALLORY));
    }
}

#[test]
fn somebody_is_blocked_before_any_chat_was_opened() {
    given([]).when(block(BOB, ALICE)).then_expect_events(vec![blocked(BOB)]);
    given([blocked(BOB)]).when(block(BOB, ALICE)).then_expect_events(vec![]);
    given([blocked(BOB)]).when(unblock(BOB, ALICE)).then_expect_events(vec![unblocked(BOB)]);
}

#[test]
fn a_chat_in_which_only_somebody_was_blocked_is_not_there() {
    for by in [ALICE, BOB] {
        for command in all_of(by, FIRST) {
            given([blocked(BOB)]).when(command).then_expect_error(ChatError::NotFound);
        }
    }
}

#[test]
fn it_is_opened_later_and_the_block_holds() {
    given([blocked(BOB)]).when(open(BOB, ALICE)).then_expect_events(vec![opened_by(BOB)]);
    given([blocked(BOB)]).when(open(ALICE, BOB)).then_expect_events(vec![withheld(opened())]);
    given([blocked(BOB), opened()])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![withheld(sent(1, FIRST, ALICE))]);
    given([blocked(BOB), opened()]).when(send(FIRST, BOB)).then_expect_error(ChatError::YouBlocked);
}

#[test]
fn whoever_blocks_does_not_speak_either() {
    let chat = folded([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB), blocked(BOB)]);
    for command in [
        send(THIRD, BOB),
        edit(SECOND, BOB, "again"),
        react(FIRST, BOB, "👍"),
        pin(FIRST, BOB),
        set_disappearing(BOB, Some(Disappearing::OneDay)),
    ] {
        assert_eq!(chat.decide(command.clone()), Err(ChatError::YouBlocked), "{command:?}");
    }
    let mut asked = vec![opened()];
    record(&mut asked, send_content(FIRST, ALICE, question())).unwrap();
    record(&mut asked, block(BOB, ALICE)).unwrap();
    given(asked).when(answer(FIRST, BOB, json!("yes"))).then_expect_error(ChatError::YouBlocked);
}

#[test]
fn whoever_blocks_still_tidies_up_and_reports() {
    let events = || {
        given([
            opened(),
            sent(1, FIRST, ALICE),
            sent(2, SECOND, BOB),
            pinned(1, FIRST, ALICE),
            reacted(1, FIRST, BOB, "👍"),
            blocked(BOB),
        ])
    };
    let seen = copy_of(ALICE, "spam");
    events().when(mark_read(BOB, 2)).then_expect_events(vec![withheld(read(BOB, 2, 0))]);
    events().when(star(FIRST, BOB)).then_expect_events(vec![starred(1, FIRST, BOB)]);
    events().when(unpin(FIRST, BOB)).then_expect_events(vec![unpinned(1, FIRST, BOB)]);
    events()
        .when(remove_reaction(FIRST, BOB))
        .then_expect_events(vec![reaction_removed(1, FIRST, BOB)]);
    events()
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, true)]);
    events()
        .when(delete_for_everyone(SECOND, BOB))
        .then_expect_events(vec![deleted_for_everyone(2, SECOND, BOB, true)]);
    events()
        .when(report(FIRST, BOB, seen.clone()))
        .then_expect_events(vec![reported(1, FIRST, BOB, seen)]);
}

#[test]
fn what_the_blocked_one_does_is_taken_and_withheld() {
    let mut asked = vec![opened()];
    record(&mut asked, send_content(FIRST, BOB, question())).unwrap();
    record(&mut asked, send(SECOND, ALICE)).unwrap();
    record(&mut asked, block(BOB, ALICE)).unwrap();
    given(asked.clone())
        .when(send(THIRD, ALICE))
        .then_expect_events(vec![withheld(sent(3, THIRD, ALICE))]);
    given(asked.clone())
        .when(edit(SECOND, ALICE, "again"))
        .then_expect_events(vec![withheld(edited((2, 1), SECOND, ALICE, Some("again")))]);
    given(asked.clone())
        .when(react(FIRST, ALICE, "👍"))
        .then_expect_events(vec![withheld(reacted(1, FIRST, ALICE, "👍"))]);
    given(asked)
        .when(answer(FIRST, ALICE, json!("yes")))
        .then_expect_events(vec![withheld(answered(1, FIRST, ALICE, json!("yes")))]);
    let before =
        || [opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, BOB), reacted(1, FIRST, ALICE, "👍")];
    let taken = |command, event| {
        given(before().into_iter().chain([sent(2, SECOND, BOB), blocked(BOB)]))
            .when(command)
            .then_expect_events(vec![event]);
    };
    taken(pin(SECOND, ALICE), withheld(pinned(2, SECOND, ALICE)));
    taken(unpin(FIRST, ALICE), withheld(unpinned(1, FIRST, ALICE)));
    taken(remove_reaction(FIRST, ALICE), withheld(reaction_removed(1, FIRST, ALICE)));
    taken(delete_for_everyone(FIRST, ALICE), taken_back(1, FIRST, ALICE));
    let day = Some(Disappearing::OneDay);
    taken(set_disappearing(ALICE, day), withheld(disappearing_set(ALICE, day)));
}

/// Whoever blocks keeps what they were sent: they may need to show it.
#[test]
fn what_the_blocked_one_deletes_for_everyone_is_gone_for_them_alone() {
    let mut chat = vec![opened(), sent(1, FIRST, ALICE), starred(1, FIRST, ALICE), blocked(BOB)];
    record(&mut chat, delete_for_everyone(FIRST, ALICE)).unwrap();
    let free = folded([
        opened(),
        sent(1, FIRST, ALICE),
        starred(1, FIRST, ALICE),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ]);
    for command in all_about(ALICE, FIRST) {
        assert_eq!(folded(chat.clone()).decide(command.clone()), free.decide(command));
    }
    assert!(folded(chat.clone()).holds(FIRST));
    let seen = copy_of(ALICE, "spam");
    given(chat.clone())
        .when(report(FIRST, BOB, seen.clone()))
        .then_expect_events(vec![reported(1, FIRST, BOB, seen)]);
    given(chat.clone()).when(mark_read(BOB, 0)).then_expect_events(vec![]);
    // For her it is gone, so she is not told what becomes of it.
    record(&mut chat, unblock(BOB, ALICE)).unwrap();
    given(chat.clone())
        .when(react(FIRST, BOB, "👍"))
        .then_expect_events(vec![withheld(reacted(1, FIRST, BOB, "👍"))]);
    given(chat).when(delete_for_everyone(FIRST, ALICE)).then_expect_events(vec![]);
}

#[test]
fn what_was_withheld_and_is_deleted_is_gone_for_good() {
    let mut chat = vec![opened(), blocked(BOB), withheld(sent(1, FIRST, ALICE))];
    let gone = vec![withheld(deleted_for_everyone(1, FIRST, ALICE, false))];
    assert_eq!(record(&mut chat, delete_for_everyone(FIRST, ALICE)), Ok(gone));
    assert!(!folded(chat).holds(FIRST));
}

/// She removed it while he had blocked her, and he goes on seeing it.
#[test]
fn a_reaction_is_removed_for_whoever_sees_it() {
    let before = vec![opened(), sent(1, FIRST, BOB), reacted(1, FIRST, ALICE, "👍"), blocked(BOB)];
    let removed = withheld(reaction_removed(1, FIRST, ALICE));
    given([before.clone(), vec![removed.clone(), unblocked(BOB)]].concat())
        .when(remove_reaction(FIRST, ALICE))
        .then_expect_events(vec![]);
    // Another, which he did not see, goes without a word to him.
    given([
        opened(),
        sent(1, FIRST, BOB),
        blocked(BOB),
        withheld(reacted(1, FIRST, ALICE, "👍")),
        unblocked(BOB),
    ])
    .when(remove_reaction(FIRST, ALICE))
    .then_expect_events(vec![removed.clone()]);
    // One that took the place of one that he sees is removed with it.
    given([before, vec![withheld(reacted(1, FIRST, ALICE, "👎")), unblocked(BOB)]].concat())
        .when(remove_reaction(FIRST, ALICE))
        .then_expect_events(vec![reaction_removed(1, FIRST, ALICE)]);
}

/// Each sends under their own setting; the first message that arrives again brings it along.
#[test]
fn messages_disappear_as_their_sender_has_set_it() {
    let day = Some(Disappearing::OneDay);
    let mut chat = vec![opened(), blocked(BOB), withheld(disappearing_set(ALICE, day))];
    let kept_from_him = expiring(withheld(sent(1, FIRST, ALICE)), days_after(1));
    assert_eq!(record(&mut chat, send(FIRST, ALICE)), Ok(vec![kept_from_him]));
    assert_eq!(record(&mut chat, set_disappearing(ALICE, day)), Ok(vec![]));
    record(&mut chat, unblock(BOB, ALICE)).unwrap();
    let hers = expiring(sent(2, SECOND, ALICE), days_after(1));
    given(chat.clone())
        .when(send(SECOND, ALICE))
        .then_expect_events(vec![hers, disappearing_set(ALICE, day)]);
    given(chat)
        .when(send(SECOND, BOB))
        .then_expect_events(vec![sent(2, SECOND, BOB), disappearing_set(BOB, None)]);
}

#[test]
fn a_chat_opened_by_the_blocked_one_is_not_there_for_the_other() {
    let mut chat = vec![blocked(BOB)];
    record(&mut chat, open(ALICE, BOB)).unwrap();
    assert_eq!(record(&mut chat, open(ALICE, BOB)), Ok(vec![]));
    record(&mut chat, send(FIRST, ALICE)).unwrap();
    record(&mut chat, unblock(BOB, ALICE)).unwrap();
    for command in all_of(BOB, FIRST) {
        assert_eq!(folded(chat.clone()).decide(command.clone()), Err(ChatError::NotFound));
    }
    // Nothing but a message makes it appear.
    let day = Some(Disappearing::OneDay);
    for (command, event) in [
        (mark_read(ALICE, 1), withheld(read(ALICE, 1, 0))),
        (mark_delivered(ALICE, 1), withheld(delivered(ALICE, 1))),
        (pin(FIRST, ALICE), withheld(pinned(1, FIRST, ALICE))),
        (set_disappearing(ALICE, day), withheld(disappearing_set(ALICE, day))),
    ] {
        given(chat.clone()).when(command).then_expect_events(vec![event]);
    }
    given(chat)
        .when(send(SECOND, ALICE))
        .then_expect_events(vec![revealed(BOB), sent(2, SECOND, ALICE)]);
}

#[test]
fn whoever_blocks_opens_the_chat_that_is_there_for_the_other() {
    let chat = [blocked(BOB), withheld(opened())];
    given(chat.clone()).when(open(BOB, ALICE)).then_expect_events(vec![revealed(BOB)]);
    given(chat.into_iter().chain([revealed(BOB)]))
        .when(open(BOB, ALICE))
        .then_expect_events(vec![]);
}

#[test]
fn what_was_withheld_is_hidden_for_ever() {
    let events = [opened(), blocked(BOB), withheld(sent(1, FIRST, ALICE)), unblocked(BOB)];
    let chat = folded(events.clone());
    for command in all_about(BOB, FIRST) {
        let expected = if command == delete_for_me(FIRST, BOB) {
            Ok(vec![])
        } else if command == delete_for_everyone(FIRST, BOB) {
            Err(ChatError::NotTheSender)
        } else {
            Err(ChatError::UnknownMessage(FIRST))
        };
        assert_eq!(chat.decide(command.clone()), expected, "{command:?}");
    }
    given([events.to_vec(), vec![sent(2, SECOND, ALICE), sent(3, THIRD, ALICE)]].concat())
        .when(mark_read(BOB, 2))
        .then_expect_events(vec![read(BOB, 2, 1)]);
    given([events.to_vec(), vec![]].concat())
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![withheld(deleted_for_everyone(1, FIRST, ALICE, false))]);
    for command in [edit(FIRST, ALICE, "again"), react(FIRST, ALICE, "👍"), pin(FIRST, ALICE)] {
        let recorded = folded(events.clone()).decide(command).unwrap();
        assert_eq!(recorded, vec![withheld(recorded[0].clone())]);
    }
}

#[test]
fn what_is_withheld_is_unread_for_nobody() {
    given([opened(), blocked(BOB), withheld(sent(1, FIRST, ALICE)), sent(2, SECOND, BOB)])
        .when(mark_read(BOB, 1))
        .then_expect_events(vec![withheld(read(BOB, 1, 0))]);
}

#[test]
fn after_unblocking_both_speak_again() {
    let again = || given([opened(), blocked(BOB), unblocked(BOB)]);
    for by in [ALICE, BOB] {
        again().when(send(FIRST, by)).then_expect_events(vec![sent(1, FIRST, by)]);
    }
}

#[test]
fn two_who_block_each_other_are_both_refused() {
    for by in [ALICE, BOB] {
        given([opened(), blocked(ALICE), blocked(BOB)])
            .when(send(FIRST, by))
            .then_expect_error(ChatError::YouBlocked);
    }
}

/// The answers to somebody who is blocked are those that they would get otherwise: by them nobody
/// can tell that they are blocked.
#[test]
fn the_blocked_one_is_answered_as_ever() {
    let before = vec![opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)];
    let free = folded(before.clone());
    let chat = folded([before, vec![blocked(BOB)]].concat());
    for message_id in [FIRST, SECOND, THIRD] {
        for command in all_of(ALICE, message_id) {
            let (theirs, as_ever) = (chat.decide(command.clone()), free.decide(command.clone()));
            let outcome = |it: Result<Vec<ChatEvent>, _>| it.map(|events| events.len());
            assert_eq!(outcome(theirs), outcome(as_ever), "{command:?}");
        }
    }
}

#[test]
fn a_member_of_an_inactive_chat_blocks_too() {
    given([opened(), deactivated()]).when(block(BOB, ALICE)).then_expect_events(vec![blocked(BOB)]);
}
