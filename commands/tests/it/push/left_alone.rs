//! Who is left alone.

use chrono::{TimeDelta, Timelike};
use domain::chat::ChatCommand;
use domain::devices::{PreferencesChange, QuietHours};

use super::Pushing;
use super::world::{data, titles};
use crate::node::{ALICE, BOB, Node, message};

#[tokio::test]
async fn a_muted_chat_is_silent_until_then() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let (by, now) = (BOB, world.now());
    let until = Some(now + TimeDelta::hours(1));
    world.act(ChatCommand::Mute { by, until, now }).await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.arrived("android", 0).await;
    world.pass(TimeDelta::minutes(61));
    world.say("2").await;
    world.until_received("android", 1).await;
}

/// What the process that pushes has in memory is not what counts.
#[tokio::test]
async fn what_another_process_records_is_obeyed() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.until_received("android", 1).await;
    let elsewhere = Node::start(&world.files.database);
    let (by, now) = (BOB, world.now());
    elsewhere.chat(ChatCommand::Mute { by, until: None, now }).await.expect("muted");
    elsewhere.send(ALICE, message(2), "2", None).await.expect("sent");
    world.pass(TimeDelta::seconds(4));
    world.arrived("android", 1).await;
    elsewhere.chat(ChatCommand::Unmute { by, now }).await.expect("unmuted");
    elsewhere.send(ALICE, message(3), "3", None).await.expect("sent");
    world.until_received("android", 2).await;
}

#[tokio::test]
async fn an_archived_chat_that_stays_muted_is_silent() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let (by, now) = (BOB, world.now());
    world.act(ChatCommand::Mute { by, until: None, now }).await;
    world.act(ChatCommand::Archive { by, now }).await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.arrived("android", 0).await;
    // Without that the message brings the chat back, and is told.
    world.act(ChatCommand::Unmute { by, now }).await;
    world.say("2").await;
    world.until_received("android", 1).await;
}

#[tokio::test]
async fn who_is_blocked_reaches_nobody() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let (by, whom, now) = (BOB, ALICE, world.now());
    world.act(ChatCommand::Block { by, whom, now }).await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.arrived("android", 0).await;
    world.act(ChatCommand::Unblock { by, whom, now }).await;
    world.say("2").await;
    let received = world.until_received("android", 1).await;
    assert_eq!(titles(&received), ["Alice sent you a new message"]);
    assert_eq!(data(&received)[0]["unread"], "1");
}

#[tokio::test]
async fn what_is_read_or_gone_before_it_is_pushed_is_not() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let now = world.now();
    let sent = world.say("1").await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now }).await;
    let gone = world.say("2").await;
    world.act(ChatCommand::DeleteForEveryone { message_id: gone.id, by: ALICE, now }).await;
    let _policies = world.run_policies();
    world.arrived("android", 0).await;
}

#[tokio::test]
async fn preferences_are_obeyed() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    let default = PreferencesChange::default;
    for off in [
        PreferencesChange { enabled: Some(false), ..default() },
        PreferencesChange { messages: Some(false), ..default() },
    ] {
        world.prefer(BOB, off).await;
        world.say("nothing").await;
        world.arrived("android", 0).await;
        let on = PreferencesChange { enabled: Some(true), messages: Some(true), ..default() };
        world.prefer(BOB, on).await;
    }
    world.say("something").await;
    assert_eq!(
        titles(&world.until_received("android", 1).await),
        ["Alice sent you 3 new messages"]
    );
}

#[tokio::test]
async fn quiet_hours_end_with_one_push_a_chat() {
    let world = Pushing::new().await;
    world.phone("android").await;
    quiet_for_an_hour(&world).await;
    let _policies = world.run_policies();
    for number in 0..40 {
        world.say(&number.to_string()).await;
    }
    world.arrived("android", 0).await;
    world.pass(TimeDelta::minutes(61));
    let received = world.until_received("android", 1).await;
    assert_eq!(titles(&received), ["Alice sent you 40 new messages"]);
    world.arrived("android", 1).await;
}

#[tokio::test]
async fn who_wants_no_pushes_hears_of_no_reactions_and_of_nothing_unseen() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let default = PreferencesChange::default;
    world.prefer(BOB, PreferencesChange { reactions: Some(true), ..default() }).await;
    let _policies = world.run_policies();
    let own = world.say_as(BOB, "1").await;
    let (sent, gone) = (world.say("2").await, world.say("3").await);
    world.until("told", async || world.effects("accepted").await == 1).await;
    world.until_idle().await;
    let told = world.double.received_by("android").len();
    world.prefer(BOB, PreferencesChange { enabled: Some(false), ..default() }).await;

    let (by, now) = (ALICE, world.now());
    world.act(ChatCommand::DeleteForEveryone { message_id: gone.id, by, now }).await;
    world.act(ChatCommand::React { message_id: own.id, by, emoji: "👍".to_owned(), now }).await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now }).await;
    world.pass(TimeDelta::seconds(4));
    world.arrived("android", told).await;
}

#[tokio::test]
async fn quiet_hours_hold_back_nothing_unseen() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.until("told", async || world.effects("accepted").await == 1).await;
    world.until_idle().await;
    quiet_for_an_hour(&world).await;
    world.act(ChatCommand::MarkRead { reader: BOB, up_to: sent.number, now: world.now() }).await;
    world.pass(TimeDelta::seconds(3));
    assert_eq!(data(&world.until_received("android", 2).await)[1]["type"], "read");
}

#[tokio::test]
async fn of_reactions_in_quiet_hours_each_is_told_that_is_left() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let reactions = PreferencesChange { reactions: Some(true), ..PreferencesChange::default() };
    world.prefer(BOB, reactions).await;
    quiet_for_an_hour(&world).await;
    let _policies = world.run_policies();
    let (first, second) = (world.say_as(BOB, "1").await, world.say_as(BOB, "2").await);
    let third = world.say_as(BOB, "3").await;
    let (by, now) = (ALICE, world.now());
    for message_id in [first.id, second.id, third.id] {
        world.act(ChatCommand::React { message_id, by, emoji: "👍".to_owned(), now }).await;
    }
    world.act(ChatCommand::RemoveReaction { message_id: third.id, by, now }).await;
    world.arrived("android", 0).await;
    world.pass(TimeDelta::minutes(61));
    world.until_received("android", 2).await;
    let told = data(&world.arrived("android", 2).await);
    let mut numbers: Vec<_> = told.iter().map(|it| it["number"].clone()).collect();
    numbers.sort_by_key(ToString::to_string);
    assert_eq!(numbers, ["1", "2"]);
}

#[tokio::test]
async fn who_is_looking_is_told_only_when_their_node_dies() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.looks(BOB, 0).await;
    let _policies = world.run_policies();
    world.say("1").await;
    world.arrived("android", 0).await;
    // They are still there ten seconds later.
    world.run("UPDATE nodes SET seen_at = clock_timestamp()").await;
    world.pass(TimeDelta::seconds(11));
    world.arrived("android", 0).await;

    world.say("2").await;
    world.arrived("android", 0).await;
    world.run("UPDATE nodes SET seen_at = clock_timestamp() - interval '7 seconds'").await;
    world.pass(TimeDelta::seconds(11));
    assert_eq!(
        titles(&world.until_received("android", 1).await),
        ["Alice sent you 2 new messages"]
    );
}

#[tokio::test]
async fn who_was_looking_and_has_got_it_is_not_told_after_they_have_left() {
    let world = Pushing::new().await;
    world.phone("android").await;
    world.looks(BOB, 0).await;
    let _policies = world.run_policies();
    let sent = world.say("1").await;
    world.arrived("android", 0).await;
    let (by, up_to, now) = (BOB, sent.number, world.now());
    world.act(ChatCommand::MarkDelivered { by, up_to, now }).await;
    world.run("DELETE FROM nodes").await;
    world.pass(TimeDelta::seconds(11));
    world.arrived("android", 0).await;
}

#[tokio::test]
async fn a_device_that_fetches_by_itself_silences_no_other() {
    let world = Pushing::new().await;
    world.phone("android").await;
    let sent = world.say("1").await;
    let (by, up_to, now) = (BOB, sent.number, world.now());
    world.act(ChatCommand::MarkDelivered { by, up_to, now }).await;
    world.looks(BOB, 7).await; // on a node that is gone
    let _policies = world.run_policies();
    world.until_received("android", 1).await;
}

/// Bob is left alone from an hour ago until an hour from now.
async fn quiet_for_an_hour(world: &Pushing) {
    let now = world.now();
    let minute = |it: u32| u16::try_from(it % 1_440).expect("a minute");
    let today = now.hour() * 60 + now.minute();
    let hours = QuietHours {
        start: minute(today + 1_440 - 60),
        end: minute(today + 60),
        time_zone: "UTC".to_owned(),
    };
    let change =
        PreferencesChange { quiet_hours: Some(Some(hours)), ..PreferencesChange::default() };
    world.prefer(BOB, change).await;
}
