//! Rows on their way into the table, as arrays.

use domain::FileId;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::projector::{Patch, Request};
use super::query::ThumbnailView;
use crate::error::{ProjectionError, contradiction, expect_all};

/// Rows that go.
#[derive(Default)]
pub(super) struct Gone(Vec<Uuid>);

impl Gone {
    pub(super) fn push(&mut self, file_id: FileId) {
        self.0.push(file_id.0);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let done =
            sqlx::query!("DELETE FROM files WHERE file_id = ANY ($1)", &self.0).execute(db).await?;
        there(done.rows_affected(), self.0.len())
    }
}

/// Rows that come.
#[derive(Default)]
pub(super) struct Requested {
    file_ids: Vec<Uuid>,
    owner_ids: Vec<Uuid>,
    names: Vec<Option<String>>,
    content_types: Vec<String>,
    sizes: Vec<i64>,
    counted: Vec<i64>,
    objects: Vec<String>,
}

impl Requested {
    pub(super) fn push(&mut self, file_id: FileId, request: Request) {
        self.file_ids.push(file_id.0);
        self.owner_ids.push(request.owner.0);
        self.names.push(request.name);
        self.content_types.push(request.content_type);
        self.sizes.push(request.size);
        self.counted.push(request.counted);
        self.objects.push(request.object);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.file_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO files (
                 file_id, owner_id, name, content_type, size, counted, object, state
             )
             SELECT file_id, owner_id, name, content_type, size, counted, object, 'requested'
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                 $7::text[]
             ) AS f (file_id, owner_id, name, content_type, size, counted, object)",
            &self.file_ids,
            &self.owner_ids,
            &self.names as &[Option<String>],
            &self.content_types,
            &self.sizes,
            &self.counted,
            &self.objects
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Changes to rows that are there: of each the whole row, where nothing stands for what stays.
#[derive(Default)]
pub(super) struct Patched {
    file_ids: Vec<Uuid>,
    states: Vec<Option<String>>,
    content_types: Vec<Option<String>>,
    rejections: Vec<Option<String>>,
    avatars: Vec<Option<bool>>,
    counted: Vec<Option<i64>>,
    attachments: Vec<Option<i32>>,
    published: PublishedRows,
}

#[derive(Default)]
struct PublishedRows {
    objects: Vec<Option<String>>,
    sizes: Vec<Option<i64>>,
    widths: Vec<Option<i32>>,
    heights: Vec<Option<i32>>,
    blur_hashes: Vec<Option<String>>,
    thumbnails: Vec<Option<Value>>,
}

impl Patched {
    pub(super) fn push(&mut self, file_id: FileId, patch: Patch) -> Result<(), ProjectionError> {
        let rows = &mut self.published;
        let (object, size, image) = match patch.published {
            Some(it) => (Some(it.object), Some(it.size), it.image),
            None => (None, None, None),
        };
        rows.widths.push(image.as_ref().map(|it| number(it.width)).transpose()?);
        rows.heights.push(image.as_ref().map(|it| number(it.height)).transpose()?);
        let thumbnails = image.as_ref().map(|it| {
            it.thumbnails.iter().map(|it| ThumbnailView {
                edge: it.edge,
                width: it.width,
                height: it.height,
                content_type: it.content_type.clone(),
                object: it.object.clone(),
            })
        });
        let thumbnails = thumbnails.map(|it| serde_json::to_value(it.collect::<Vec<_>>()));
        let thumbnails = thumbnails.transpose().map_err(|it| contradiction(it.to_string()))?;
        rows.thumbnails.push(thumbnails);
        rows.blur_hashes.push(image.and_then(|it| it.blur_hash.into_value()));
        rows.objects.push(object);
        rows.sizes.push(size);
        self.file_ids.push(file_id.0);
        self.states.push(patch.state.map(ToOwned::to_owned));
        self.content_types.push(patch.content_type);
        self.rejections.push(patch.rejection);
        self.avatars.push(patch.avatar);
        self.counted.push(patch.counted);
        self.attachments.push(patch.attachments);
        Ok(())
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.file_ids.is_empty() {
            return Ok(());
        }
        let rows = &self.published;
        let done = sqlx::query!(
            "UPDATE files f
             SET state = coalesce(c.state, f.state),
                 content_type = coalesce(c.content_type, f.content_type),
                 rejection = coalesce(c.rejection, f.rejection),
                 avatar = coalesce(c.avatar, f.avatar),
                 object = coalesce(c.object, f.object),
                 size = coalesce(c.size, f.size),
                 counted = coalesce(c.counted, f.counted),
                 width = coalesce(c.width, f.width),
                 height = coalesce(c.height, f.height),
                 blur_hash = coalesce(c.blur_hash, f.blur_hash),
                 thumbnails = coalesce(c.thumbnails, f.thumbnails),
                 attachments = coalesce(c.attachments, f.attachments)
             FROM unnest(
                 $1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[],
                 $7::bigint[], $8::bigint[], $9::int[], $10::int[], $11::text[], $12::jsonb[],
                 $13::int[]
             ) AS c (
                 file_id, state, content_type, rejection, avatar, object, size, counted, width,
                 height, blur_hash, thumbnails, attachments
             )
             WHERE f.file_id = c.file_id",
            &self.file_ids,
            &self.states as &[Option<String>],
            &self.content_types as &[Option<String>],
            &self.rejections as &[Option<String>],
            &self.avatars as &[Option<bool>],
            &rows.objects as &[Option<String>],
            &rows.sizes as &[Option<i64>],
            &self.counted as &[Option<i64>],
            &rows.widths as &[Option<i32>],
            &rows.heights as &[Option<i32>],
            &rows.blur_hashes as &[Option<String>],
            &rows.thumbnails as &[Option<Value>],
            &self.attachments as &[Option<i32>]
        )
        .execute(db)
        .await?;
        there(done.rows_affected(), self.file_ids.len())
    }
}

/// As PostgreSQL keeps it.
fn number(value: u32) -> Result<i32, ProjectionError> {
    i32::try_from(value).map_err(|_| contradiction(format!("{value} is out of range")))
}

fn there(written: u64, rows: usize) -> Result<(), ProjectionError> {
    expect_all(written, rows as u64, "the file was never requested, or is removed")
}
