//! The checker is checked: each fault, planted in what it reads, makes it fail.

mod story;

use serde_json::json;

use super::{Expected, Invariant, Planted, followers, violations};
use crate::evidence::{ChatSeen, Evidence, JetStream};
use crate::history::{Answer, Attempt, History};
use story::{
    ALICE, BOB, CHAT, FIRST, LAST, SECOND, THIRD, answer, delivered, edited, event,
    forget_last_message, reacted, read, renumber, sent, stream_of, time, told,
};

#[test]
fn the_truth_passes() {
    let (history, evidence) = told();

    assert_eq!(violations(&history, &evidence, &Expected::default()), []);
}

#[test]
fn a_gap_is_found() {
    finds(Invariant::PositionsDense, |_, evidence| {
        evidence.log.remove(5);
    });
}

#[test]
fn a_duplicate_is_found() {
    finds(Invariant::PositionsDense, |_, evidence| {
        let again = evidence.log[4].clone();
        evidence.log.insert(5, again);
    });
}

#[test]
fn a_swapped_pair_is_found() {
    finds(Invariant::SequencesDense, |_, evidence| {
        evidence.log.swap(3, 4);
        renumber(evidence);
    });
}

#[test]
fn a_clock_that_went_back_is_found() {
    finds(Invariant::PositionsDense, |_, evidence| evidence.log[4].recorded_at = time(1));
}

#[test]
fn a_stream_version_that_is_off_is_found() {
    finds(Invariant::SequencesDense, |_, evidence| evidence.streams[2].2 = 9);
}

#[test]
fn a_head_that_is_off_is_found() {
    finds(Invariant::PositionsDense, |_, evidence| evidence.head = 11);
}

/// The log is without a fault, and what was acknowledged is not in it.
#[test]
fn a_lost_command_is_found() {
    finds(Invariant::AcknowledgedExactlyOnce, |_, evidence| {
        evidence.log.pop();
        renumber(evidence);
        forget_last_message(evidence);
    });
}

/// The log is without a fault, and what was acknowledged is in it twice.
#[test]
fn a_doubled_command_is_found() {
    finds(Invariant::AcknowledgedExactlyOnce, |_, evidence| {
        let mut again = event(11, "chat", CHAT, 9, "message_sent", &sent(THIRD, 4, ALICE, 10));
        again.request_id = "another".to_owned();
        evidence.log.push(again);
        renumber(evidence);
    });
}

#[test]
fn a_doubled_effect_of_a_command_without_an_answer_is_found() {
    finds(Invariant::AcknowledgedExactlyOnce, |history, evidence| {
        history.commands[LAST].attempts = vec![Attempt::Unanswered];
        evidence.log.push(event(11, "chat", CHAT, 9, "message_sent", &sent(THIRD, 4, ALICE, 10)));
        renumber(evidence);
    });
}

#[test]
fn a_command_without_an_answer_may_be_there_or_not() {
    let (mut history, mut evidence) = told();
    history.commands[LAST].attempts = vec![Attempt::Unanswered];
    assert_eq!(violations(&history, &evidence, &Expected::default()), []);

    evidence.log.pop();
    renumber(&mut evidence);
    forget_last_message(&mut evidence);
    assert_eq!(violations(&history, &evidence, &Expected::default()), []);
}

#[test]
fn a_refused_command_in_the_log_is_found() {
    finds(Invariant::RefusedNever, |history, _| {
        history.commands[LAST].attempts = vec![Attempt::Answered(answer(422, 10, None))];
    });
}

/// The attempt that was refused did it, though a later one was acknowledged.
#[test]
fn a_refused_attempt_in_the_log_is_found() {
    finds(Invariant::RefusedNever, |history, _| {
        let mut later = answer(201, 10, Some(3));
        later.request_id = "later".to_owned();
        let attempts = vec![answer(409, 10, None), later];
        history.commands[LAST].attempts = attempts.into_iter().map(Attempt::Answered).collect();
    });
}

#[test]
fn an_event_that_nobody_asked_for_is_found() {
    finds(Invariant::RefusedNever, |history, _| {
        history.commands.pop();
    });
}

#[test]
fn a_wrong_number_or_position_in_an_answer_is_found() {
    finds(Invariant::AcknowledgedExactlyOnce, |history, _| {
        history.commands[LAST].attempts = vec![Attempt::Answered(answer(201, 10, Some(2)))];
    });
    finds(Invariant::AcknowledgedExactlyOnce, |history, _| {
        let early = Answer { position: Some(9), ..answer(201, 10, Some(3)) };
        history.commands[LAST].attempts = vec![Attempt::Answered(early)];
    });
    finds(Invariant::AcknowledgedExactlyOnce, |history, _| {
        let early = Answer { position: Some(5), ..answer(204, 6, None) };
        history.commands[5].attempts = vec![Attempt::Answered(early)];
    });
}

#[test]
fn a_difference_between_stream_and_log_is_found() {
    let faults: [fn(&mut JetStream); 6] = [
        |stream| stream.messages[3].body[0] ^= 1,
        |stream| drop(stream.messages.remove(3)),
        |stream| stream.messages.swap(3, 4),
        |stream| stream.messages[3].message_id = FIRST.to_string(),
        |stream| stream.messages[3].subject += "0",
        |stream| {
            stream.messages.pop();
            stream.last -= 1;
        },
    ];
    for fault in faults {
        finds(Invariant::StreamIsTheLog, |_, evidence| {
            fault(evidence.jetstream.as_mut().unwrap());
        });
    }
    finds(Invariant::StreamIsTheLog, |_, evidence| evidence.jetstream = None);
}

#[test]
fn a_stream_that_begins_later_is_fine() {
    let (history, mut evidence) = told();
    let stream = evidence.jetstream.as_mut().unwrap();
    stream.messages.drain(..2);
    stream.first = 3;

    assert_eq!(violations(&history, &evidence, &Expected::default()), []);
}

#[test]
fn a_checkpoint_that_is_behind_or_missing_is_found() {
    finds(Invariant::AppliedInOrderOnce, |_, evidence| {
        evidence.checkpoints.insert("chats".to_owned(), 6);
    });
    finds(Invariant::AppliedInOrderOnce, |_, evidence| {
        evidence.checkpoints.remove("relay");
    });
}

#[test]
fn a_parked_event_is_found() {
    finds(Invariant::AppliedInOrderOnce, |_, evidence| {
        evidence.parked.push(("chats".to_owned(), 5));
    });
}

#[test]
fn a_read_model_that_differs_is_found() {
    let faults: [fn(&mut ChatSeen); 16] = [
        |seen| seen.unread_count += 1,
        |seen| seen.pointers.read = 0,
        |seen| seen.pointers.delivered = 0,
        |seen| seen.pointers.read_by_other = 1,
        |seen| seen.pointers.delivered_to_other = 1,
        |seen| seen.messages[0].edited = false,
        |seen| seen.messages[0].reactions.clear(),
        |seen| seen.messages[0].text = Some("one".to_owned()),
        |seen| seen.total_messages -= 1,
        |seen| seen.started = false,
        |seen| seen.active = false,
        |seen| seen.last_message = None,
        |seen| drop(seen.messages.remove(1)),
        |seen| seen.messages.swap(0, 1),
        |seen| seen.messages[1].text = None,
        |seen| seen.messages[2].deleted = true,
    ];
    for fault in faults {
        finds(Invariant::ReadModelsAreTheFold, |_, evidence| fault(&mut evidence.chats[1]));
    }
    finds(Invariant::ReadModelsAreTheFold, |_, evidence| {
        evidence.chats.pop();
    });
    finds(Invariant::ReadModelsAreTheFold, |_, evidence| evidence.lists[0].1.clear());
}

#[test]
fn a_count_in_an_event_that_differs_is_found() {
    finds(Invariant::SequencesDense, |_, evidence| {
        evidence.log[5].payload = read(1, 1).to_string();
    });
}

#[test]
fn an_act_that_contradicts_its_chat_is_found() {
    let faults = [
        (6, delivered(0)),
        (6, delivered(9)),
        (7, edited(BOB, 1)),
        (7, edited(ALICE, 2)),
        (8, reacted(SECOND)),
    ];
    for (place, payload) in faults {
        finds(Invariant::SequencesDense, |_, evidence| {
            evidence.log[place].payload = payload.to_string();
        });
    }
}

#[test]
fn a_lost_edit_reaction_or_receipt_is_found() {
    for place in [6, 7, 8] {
        finds(Invariant::AcknowledgedExactlyOnce, |_, evidence| {
            evidence.log.remove(place);
            renumber(evidence);
        });
    }
}

#[test]
fn a_stale_read_is_found() {
    finds(Invariant::ReadModelsAreTheFold, |history, _| history.reads[0].position = 3);
    finds(Invariant::ReadModelsAreTheFold, |history, _| history.reads[0].shown = None);
}

/// What is planted is expected where it was planted, and nowhere else.
#[test]
fn poison_holds_its_own_chat() {
    let (mut history, mut evidence) = told();
    history.commands.pop();
    evidence.log[LAST] = event(10, "chat", CHAT, 8, "message_sent", &json!({ "garbage": true }));
    evidence.jetstream = Some(stream_of(&evidence.log));
    forget_last_message(&mut evidence);
    for projector in followers() {
        evidence.parked.push((projector.to_owned(), 10));
    }
    let poison = |skipped| Expected {
        planted: vec![Planted::Poison { position: 10, skipped }],
        ..Expected::default()
    };
    assert_eq!(violations(&history, &evidence, &poison(false)), []);
    assert_ne!(violations(&history, &evidence, &poison(true)), []);

    evidence.parked.clear();
    assert_eq!(violations(&history, &evidence, &poison(true)), []);
    assert_ne!(violations(&history, &evidence, &poison(false)), []);
    assert_ne!(violations(&history, &evidence, &Expected::default()), []);
}

/// Plants a fault in a true story and expects it to be found as a breach of `invariant`.
fn finds(invariant: Invariant, fault: impl FnOnce(&mut History, &mut Evidence)) {
    let (mut history, mut evidence) = told();
    fault(&mut history, &mut evidence);
    let found = violations(&history, &evidence, &Expected::default());
    assert!(found.iter().any(|it| it.invariant == invariant), "found only {found:?}");
}
