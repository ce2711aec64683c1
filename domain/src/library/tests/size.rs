use uuid::Uuid;

use super::{attached, folded, photo, photo_of};
use crate::library::{ATTACHMENTS_MAX, FILES_MAX};
use crate::{Decider, FileId, MessageId};

#[test]
fn a_full_library_stays_under_6_mb() {
    let id = |number: usize| FileId(Uuid::from_u128(number as u128));
    let library = folded((0..FILES_MAX).flat_map(|it| photo_of(id(it))));
    assert_eq!(library.files(), FILES_MAX);
    assert!(library.weight() < 6_000_000, "{}", library.weight());
    let snapshot = serde_json::to_vec(&library).unwrap();
    assert!(snapshot.len() < 6_000_000, "{}", snapshot.len());
}

#[test]
fn the_weight_counts_what_a_file_is_attached_to() {
    let attachments = (1_u32..)
        .take(ATTACHMENTS_MAX)
        .map(|it| attached(super::PHOTO, MessageId(Uuid::from_u128(it.into())), it));
    let light = folded(photo()).weight();
    let heavy = folded(photo().into_iter().chain(attachments)).weight();
    assert_eq!(heavy - light, ATTACHMENTS_MAX * 32);
}
