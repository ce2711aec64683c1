//! What a member is to be told of.

use super::events::{
    archived, blocked, cleared, deleted_for_everyone, deleted_for_me, delivered, edited, expired,
    expiring, muted, opened, reacted, reaction_removed, read, sent, unarchived, unblocked, unmuted,
    withheld,
};
use super::{ALICE, BOB, FIRST, FOURTH, MALLORY, NOW, SECOND, THIRD, after, folded};
use crate::chat::{Chat, ChatEvent, News};

const ALL: News = News { is_delivered: false, is_edited: false, unread: 3, untold: 3 };

fn three_of_alice() -> Vec<ChatEvent> {
    vec![opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), sent(3, THIRD, ALICE)]
}

fn then(events: impl IntoIterator<Item = ChatEvent>) -> Chat {
    folded(three_of_alice().into_iter().chain(events))
}

fn news(chat: &Chat) -> Option<News> {
    chat.news(3, BOB, 0, NOW)
}

#[test]
fn a_message_is_news_to_its_recipient_alone() {
    let chat = then([]);
    assert_eq!(news(&chat), Some(ALL));
    assert_eq!(chat.news(3, ALICE, 0, NOW), None);
    assert_eq!(chat.news(3, MALLORY, 0, NOW), None);
    for number in [0, 4] {
        assert_eq!(chat.news(number, BOB, 0, NOW), None);
    }
    assert_eq!(Chat::default().news(1, BOB, 0, NOW), None);
}

#[test]
fn what_was_told_and_what_was_read_counts_no_more() {
    assert_eq!(then([]).news(3, BOB, 2, NOW), Some(News { untold: 1, ..ALL }));
    let chat = then([read(BOB, 2, 1)]);
    assert_eq!(chat.news(3, BOB, 1, NOW), Some(News { unread: 1, untold: 1, ..ALL }));
    assert_eq!(chat.news(2, BOB, 0, NOW), None);
    let own = then([sent(4, FOURTH, BOB)]);
    assert_eq!(news(&own), Some(ALL));
}

#[test]
fn what_is_read_cleared_or_gone_is_no_news() {
    for event in [
        read(BOB, 3, 0),
        cleared(BOB, 3),
        deleted_for_me(3, THIRD, BOB, true),
        deleted_for_everyone(3, THIRD, ALICE, true),
    ] {
        assert_eq!(news(&then([event.clone()])), None, "{event:?}");
    }
    assert_eq!(news(&then([deleted_for_me(3, THIRD, ALICE, false)])), Some(ALL));
}

#[test]
fn a_message_whose_time_is_up_is_no_news() {
    let last = expiring(sent(4, FOURTH, ALICE), after(10));
    let chat = then([last.clone()]);
    assert!(chat.news(4, BOB, 0, after(9)).is_some());
    assert_eq!(chat.news(4, BOB, 0, after(10)), None);
    let gone = then([last, expired([4], [0, 3], after(10))]);
    assert_eq!(gone.news(4, BOB, 0, NOW), None);
}

#[test]
fn what_a_blocked_member_sends_is_no_news_not_even_later() {
    let hidden = withheld(sent(4, FOURTH, ALICE));
    let chat = then([blocked(BOB), hidden, unblocked(BOB)]);
    assert_eq!(chat.news(4, BOB, 0, NOW), None);
    assert_eq!(news(&chat), Some(ALL));
    assert_eq!(news(&then([blocked(BOB)])), None);
    assert_eq!(news(&then([blocked(ALICE)])), Some(ALL));
}

#[test]
fn a_muted_or_archived_chat_has_no_news() {
    let chat = then([muted(BOB, Some(after(10)))]);
    assert_eq!(chat.news(3, BOB, 0, after(9)), None);
    assert_eq!(chat.news(3, BOB, 0, after(10)), Some(ALL));
    assert_eq!(news(&then([muted(BOB, None)])), None);
    assert_eq!(news(&then([archived(BOB)])), None);
    let again = then([muted(BOB, None), unmuted(BOB), archived(BOB), unarchived(BOB)]);
    assert_eq!(news(&again), Some(ALL));
    assert_eq!(news(&then([muted(ALICE, None), archived(ALICE)])), Some(ALL));
}

#[test]
fn news_says_whether_it_was_delivered_and_edited() {
    let chat = then([delivered(BOB, 2), edited((2, 1), SECOND, ALICE, Some("better"))]);
    assert_eq!(news(&chat), Some(ALL));
    let second = chat.news(2, BOB, 0, NOW).unwrap();
    assert!(second.is_delivered && second.is_edited);
}

#[test]
fn a_reaction_is_news_to_whoever_sent_the_message() {
    let told = |chat: &Chat| chat.reaction_news(3, BOB, NOW);
    let reaction = reacted(3, THIRD, BOB, "👍");
    assert_eq!(told(&then([reaction.clone()])), Some(ALICE));
    for event in [
        reaction_removed(3, THIRD, BOB),
        muted(ALICE, None),
        archived(ALICE),
        blocked(ALICE),
        deleted_for_me(3, THIRD, ALICE, false),
        deleted_for_everyone(3, THIRD, ALICE, true),
    ] {
        assert_eq!(told(&then([reaction.clone(), event.clone()])), None, "{event:?}");
    }
    assert_eq!(told(&then([withheld(reaction)])), None);
    let own = then([reacted(3, THIRD, ALICE, "👍")]);
    assert_eq!(own.reaction_news(3, ALICE, NOW), None);
    assert_eq!(own.reaction_news(9, BOB, NOW), None);
}
