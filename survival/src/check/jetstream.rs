//! I5: the stream is the log.

use super::{Expected, Findings, Invariant};
use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence, expected: &Expected, findings: &mut Findings) {
    let Some(stream) = &evidence.jetstream else {
        findings.check(!expected.relay, Invariant::StreamIsTheLog, || "no stream".to_owned());
        return;
    };
    let mut broken = |what: String| findings.check(false, Invariant::StreamIsTheLog, || what);
    if stream.last != evidence.head {
        broken(format!("the stream ends at {}, the log at {}", stream.last, evidence.head));
    }
    let expected_messages = usize::try_from(stream.last - stream.first + 1).unwrap_or_default();
    if stream.messages.len() != expected_messages {
        let there = stream.messages.len();
        broken(format!("{there} messages from {} to {}", stream.first, stream.last));
    }
    for (sequence, message) in (stream.first..).zip(&stream.messages) {
        if message.sequence != sequence {
            broken(format!("message {} stands where {sequence} should", message.sequence));
        }
        let event = usize::try_from(sequence - 1).ok().and_then(|it| evidence.log.get(it));
        let Some(event) = event else {
            broken(format!("the log has no event {sequence}"));
            continue;
        };
        if message.body != event.payload.as_bytes() {
            broken(format!("the bytes at {sequence} differ from the log's"));
        }
        if message.message_id != event.event_id.to_string() {
            broken(format!("message {sequence} is {}, not {}", message.message_id, event.event_id));
        }
        let subject = format!("parlance.events.{}.{}", event.aggregate_type, event.aggregate_id);
        if message.subject != subject {
            broken(format!("message {sequence} has the subject {}", message.subject));
        }
    }
}
