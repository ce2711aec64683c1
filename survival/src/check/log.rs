//! I3, I4: the log's own order.

use std::collections::{HashMap, HashSet};

use super::{Findings, Invariant};
use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let mut ids = HashSet::new();
    let mut versions: HashMap<(&str, &str), i64> = HashMap::new();
    let mut previous = None;
    for (expected, event) in (1..).zip(&evidence.log) {
        findings.check(event.position == expected, Invariant::PositionsDense, || {
            format!("position {} stands where {expected} should", event.position)
        });
        findings.check(ids.insert(event.event_id), Invariant::PositionsDense, || {
            format!("event id {} at {} is there twice", event.event_id, event.position)
        });
        findings.check(previous <= Some(event.recorded_at), Invariant::PositionsDense, || {
            format!("position {} was recorded before the one before it", event.position)
        });
        previous = Some(event.recorded_at);
        let version = versions.entry((&event.aggregate_type, &event.aggregate_id)).or_default();
        findings.check(event.sequence == *version + 1, Invariant::SequencesDense, || {
            format!(
                "{} {} has sequence {} after {version}, at position {}",
                event.aggregate_type, event.aggregate_id, event.sequence, event.position
            )
        });
        *version = event.sequence;
    }
    let last = evidence.log.last();
    let end = last.map_or(0, |it| it.position);
    findings.check(evidence.head == end, Invariant::PositionsDense, || {
        format!("log_head says {}, the log ends at {end}", evidence.head)
    });
    let recorded = last.is_none_or(|it| it.recorded_at <= evidence.head_recorded_at);
    findings.check(recorded, Invariant::PositionsDense, || {
        "log_head was recorded before the last event".to_owned()
    });
    check_streams(evidence, &versions, findings);
}

fn check_streams(
    evidence: &Evidence,
    versions: &HashMap<(&str, &str), i64>,
    findings: &mut Findings,
) {
    for (aggregate_type, id, version) in &evidence.streams {
        let reached = versions.get(&(aggregate_type.as_str(), id.as_str()));
        findings.check(reached == Some(version), Invariant::SequencesDense, || {
            format!("streams says {aggregate_type} {id} is at {version}, the log {reached:?}")
        });
    }
    findings.check(evidence.streams.len() == versions.len(), Invariant::SequencesDense, || {
        format!("{} streams, {} in the log", evidence.streams.len(), versions.len())
    });
}
