use eventlog::database::{self, Role};
use sqlx::query;
use testing::TestDatabase;
use uuid::Uuid;

use super::super::settings::{Access, MirrorSettings};
use super::*;
use crate::firestore::document::{self, Collection};

/// What has been marked again since it was read, and says what Firestore has already, is nobody else's:
/// it is looked at once more.
#[tokio::test]
async fn what_is_marked_again_is_not_taken_over() {
    let database = TestDatabase::create().await;
    let options = database::options(&database.url()).unwrap();
    let db = database::pool(crate::live_options(options), Role::Owner, 2);
    let id = Uuid::from_u128(1);
    let presence = "INSERT INTO presence (account_id, online, since) VALUES ($1, true, now())";
    query(presence).bind(id).execute(&db).await.unwrap();
    let row = "INSERT INTO firestore_documents (collection, id, marks, due_at, epoch, content)
               VALUES ('presence', $1::text, 2, now(), 1, sha256(convert_to($2, 'UTF8')))";
    let content = document::presence(true).text();
    query(row).bind(id.to_string()).bind(content).execute(&db).await.unwrap();

    let (project_id, database_id) = ("test".to_owned(), "(default)".to_owned());
    let access = Access::Emulator { host: "127.0.0.1:1".to_owned() };
    let remote = Remote::new(MirrorSettings { project_id, database_id, access });
    let marked = Notify::new();
    let writer = Writer { db: &db, remote: &remote, marked: &marked, epoch: 1 };
    let read = Due {
        key: Key { collection: Collection::Presence, id: id.to_string() },
        position: 0,
        marks: 1,
        attempts: 0,
        forced: false,
        known: None,
    };
    writer.write(std::slice::from_ref(&read)).await.unwrap();

    query("UPDATE firestore_documents SET epoch = 2").execute(&db).await.unwrap();
    let ended = writer.write(&[read]).await;
    assert!(matches!(ended, Err(Trouble::TakenOver)), "{ended:?}");
}
