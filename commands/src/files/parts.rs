//! Uploads in parts: for what is too large to be sent again from the start.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use sqlx::PgPool;

use super::bucket::{Bucket, failed, patient, present};
use super::{FilesError, NewPart};

/// Bytes of a file that is sent in one piece at most. Above, a broken connection costs too much.
pub const WHOLE_MAX: u64 = 64 << 20;

/// Bytes of a part: more than S3's least of 5 MiB, and 256 parts for 2 GiB.
pub const PART_SIZE: u64 = 8 << 20;

/// Pages of S3's list of parts that are read: it gives 1,000 a page and has 10,000 at most.
const PAGES_MAX: usize = 10;

/// A part that S3 has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredPart {
    pub(super) size: u64,
    etag: Option<String>,
    sha256: Option<String>,
}

/// How many parts a file of `size` bytes has.
pub(super) const fn count(size: u64) -> u64 {
    size.div_ceil(PART_SIZE)
}

/// The size of part `number`, from 1; none when there is no such part.
pub(super) fn size_of(number: u32, size: u64) -> Option<u64> {
    let before = u64::from(number.checked_sub(1)?) * PART_SIZE;
    let left = size.checked_sub(before).filter(|it| *it > 0)?;
    Some(left.min(PART_SIZE))
}

/// Notes what each part is said to be: `SeaweedFS` 4.48 wants to hear it again when they are put
/// together, and does not list it.
pub(super) async fn note(db: &PgPool, upload: &str, parts: &[NewPart]) -> Result<(), FilesError> {
    let (numbers, sums): (Vec<i32>, Vec<Vec<u8>>) =
        parts.iter().map(|it| (it.number.cast_signed(), it.sha256.0.to_vec())).unzip();
    let noted = sqlx::query!(
        "INSERT INTO upload_parts (upload, number, sha256)
         SELECT DISTINCT ON (number) $1, p.number, p.sha256
         FROM unnest($2::int[], $3::bytea[]) AS p (number, sha256)
         ON CONFLICT (upload, number) DO UPDATE SET sha256 = excluded.sha256",
        upload,
        &numbers,
        &sums
    );
    Ok(noted.execute(db).await.map(drop)?)
}

/// What each part of `upload` was said to be, as S3 writes it.
pub(super) async fn noted(db: &PgPool, upload: &str) -> Result<BTreeMap<u32, String>, FilesError> {
    let noted = sqlx::query!("SELECT number, sha256 FROM upload_parts WHERE upload = $1", upload);
    let noted = noted.fetch_all(db).await?;
    Ok(noted.into_iter().map(|it| (it.number.cast_unsigned(), BASE64.encode(it.sha256))).collect())
}

/// Forgets what was noted of `upload`.
pub(super) async fn forget(db: &PgPool, upload: &str) -> Result<(), FilesError> {
    let forget = sqlx::query!("DELETE FROM upload_parts WHERE upload = $1", upload);
    Ok(forget.execute(db).await.map(drop)?)
}

impl Bucket {
    /// Opens an upload in parts at `key`; returns S3's name for it.
    pub(super) async fn begin_parts(
        &self,
        key: &str,
        content_type: &str,
    ) -> Result<String, FilesError> {
        let call = self.calls.create_multipart_upload().bucket(&self.name).key(key);
        let call = call.content_type(content_type).checksum_algorithm(ChecksumAlgorithm::Sha256);
        let opened = call.send().await.map_err(failed)?;
        let id = opened.upload_id().map(ToOwned::to_owned);
        id.ok_or_else(|| FilesError::internal("S3 opened an upload and did not name it"))
    }

    /// The parts that have arrived, by number; nothing when there is no such upload (any more).
    pub(super) async fn stored_parts(
        &self,
        key: &str,
        upload: &str,
    ) -> Result<Option<BTreeMap<u32, StoredPart>>, FilesError> {
        let mut parts = BTreeMap::new();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let call = self.calls.list_parts().bucket(&self.name).key(key).upload_id(upload);
            let Some(page) = present(call.set_part_number_marker(after).send().await)? else {
                return Ok(None);
            };
            parts.extend(page.parts().iter().filter_map(stored));
            after = page.next_part_number_marker().map(ToOwned::to_owned);
            if page.is_truncated() != Some(true) || after.is_none() {
                break;
            }
        }
        Ok(Some(parts))
    }

    /// Puts the parts together. `noted` is what they were said to be.
    pub(super) async fn join_parts(
        &self,
        key: &str,
        upload: &str,
        parts: BTreeMap<u32, StoredPart>,
        noted: &BTreeMap<u32, String>,
    ) -> Result<(), FilesError> {
        let part = |(number, part): (u32, StoredPart)| {
            CompletedPart::builder()
                .part_number(i32::try_from(number).unwrap_or(i32::MAX))
                .set_e_tag(part.etag)
                .set_checksum_sha256(part.sha256.or_else(|| noted.get(&number).cloned()))
                .build()
        };
        let size = parts.values().map(|it| it.size).sum();
        let parts = parts.into_iter().map(part).collect();
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let call = self.calls.complete_multipart_upload().bucket(&self.name).key(key);
        let call = call.upload_id(upload).multipart_upload(whole);
        present(call.customize().config_override(patient(size)).send().await)?;
        Ok(())
    }

    /// Forgets an upload and its parts; what is not there is forgotten.
    pub(super) async fn abort_parts(&self, key: &str, upload: &str) -> Result<(), FilesError> {
        let call = self.calls.abort_multipart_upload().bucket(&self.name).key(key);
        present(call.upload_id(upload).send().await)?;
        Ok(())
    }
}

fn stored(part: &aws_sdk_s3::types::Part) -> Option<(u32, StoredPart)> {
    let number = u32::try_from(part.part_number()?).ok()?;
    let size = u64::try_from(part.size()?).ok()?;
    let etag = part.e_tag().map(ToOwned::to_owned);
    let sha256 = part.checksum_sha256().map(ToOwned::to_owned);
    Some((number, StoredPart { size, etag, sha256 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_file_exactly() {
        for size in [1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 << 30] {
            let numbers = 1..=u32::try_from(count(size)).unwrap();
            assert_eq!(numbers.clone().filter_map(|it| size_of(it, size)).sum::<u64>(), size);
            assert_eq!(size_of(0, size), None);
            assert_eq!(size_of(numbers.end() + 1, size), None);
        }
    }
}
