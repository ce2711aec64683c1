//! `release_files`: what was reported is kept for the moderators, and counts against nobody's quota.

use chrono::TimeDelta;
use domain::chat::{Attachment, ChatCommand, ReportedCopy};
use domain::library::Stage;
use domain::{FileId, ReportId};
use uuid::Uuid;

use super::world::World;
use crate::files::Storage;
use crate::node::{ALICE, BOB, message};

/// More than one piece of 8 MiB, and not a whole number of them.
const SIZE: usize = (9 << 20) + 1;

impl World {
    /// Bob reports what Alice has sent.
    async fn report(&self, file_id: FileId) {
        let now = self.now();
        let seen = ReportedCopy {
            sender: ALICE,
            sent_at: now,
            text: None,
            file: Some(Attachment { file_id, owner: ALICE }),
            reason: "spam".to_owned(),
        };
        let report = ChatCommand::Report {
            report_id: ReportId(Uuid::from_u128(0xE1)),
            message_id: message(1),
            by: BOB,
            seen: Box::new(seen),
            now,
        };
        self.node.chat(report).await.expect("reported");
    }

    async fn delete(&self) {
        let (by, now) = (ALICE, self.now());
        let delete = ChatCommand::DeleteForEveryone { message_id: message(1), by, now };
        self.node.chat(delete).await.expect("deleted");
    }

    /// What moderators read of the file, if they have it.
    async fn kept(&self, file_id: FileId) -> Option<Vec<u8>> {
        let mut kept = self.files.files.reported(file_id).await.expect("it answers")?;
        let mut bytes = vec![];
        while let Some(piece) = kept.next().await.expect("it opens") {
            bytes.extend_from_slice(&piece);
        }
        assert_eq!(bytes.len() as u64, kept.size);
        Some(bytes)
    }
}

#[tokio::test]
async fn moderators_keep_a_copy_that_nobody_else_can_read() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let _policies = world.run_policies();
        world.node.open().await;
        let film: Vec<u8> = (0..SIZE).map(|it| (it % 251).to_le_bytes()[0]).collect();
        let file_id = world.upload(&film, "application/octet-stream").await;
        let object = world.until_stage(file_id, Stage::Published).await.object().to_owned();
        world.send_file(file_id, message(1)).await;
        assert_eq!(world.kept(file_id).await, None, "nobody has reported it");

        world.report(file_id).await;
        world.delete().await;

        world.until("removed", async || world.file(file_id).await.is_none()).await;
        world.until("deleted", async || !world.is_stored(&object).await).await;
        assert!(world.kept(file_id).await.expect("it is kept") == film, "other bytes");
        let used = |it: &domain::library::Library| (it.used(), it.files());
        let library = world.owner.to_string();
        let used = world.node.gateway.inspect(&library, used).await.expect("a library");
        assert_eq!(used, (0, 0));
        let piece = format!("r/{file_id}/0");
        let mut sealed = world.files.files.read(&piece).await.expect("stored").expect("there");
        let first = sealed.next().await.expect("it reads").expect("some");
        assert!(!film.windows(64).any(|it| it == &first[..64]), "it lies there in the open");

        world.pass(TimeDelta::days(201));
        world.until("deleted", async || !world.is_stored(&piece).await).await;
        world.until_idle().await;
        assert_eq!(world.kept(file_id).await, None);
    }
}

#[tokio::test]
async fn a_file_is_not_released_before_its_copy_is_made() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    world.node.open().await;
    let file_id = world.upload(b"seen", "text/plain").await;
    let object = world.until_stage(file_id, Stage::Published).await.object().to_owned();
    world.send_file(file_id, message(1)).await;
    world.until_idle().await;
    let lost = world.folder.path().join("files/objects/parlance").join(&object);
    std::fs::rename(&lost, lost.with_extension("aside")).expect("it is moved aside");

    world.report(file_id).await;
    world.delete().await;
    let failed = "SELECT count(*) FROM policy_work WHERE policy = 'release_files' AND attempts > 0";
    world
        .until("both have failed", async || {
            let failed: i64 =
                sqlx::query_scalar(failed).fetch_one(&world.db()).await.expect("a count");
            failed == 2
        })
        .await;
    assert_eq!(world.attachments(file_id).await, 1);

    std::fs::rename(lost.with_extension("aside"), &lost).expect("it is put back");
    world.pass(TimeDelta::minutes(11));
    let kept = "SELECT count(*) FROM reported_files WHERE kept_at IS NOT NULL";
    world
        .until("kept", async || {
            let kept: i64 = sqlx::query_scalar(kept).fetch_one(&world.db()).await.expect("a count");
            kept == 1
        })
        .await;
    world.pass(TimeDelta::minutes(11));
    world.until("removed", async || world.file(file_id).await.is_none()).await;
    assert_eq!(world.kept(file_id).await.expect("it is kept"), b"seen");
}
