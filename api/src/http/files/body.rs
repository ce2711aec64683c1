//! A file, as it is answered.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use commands::{Files, FilesError, Validity};
use projections::FileView;
use projections::files::{FileState, ThumbnailView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileState)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It may be uploaded.
    Requested,
    /// It has arrived, and is looked at before anybody may fetch it.
    Completed,
    Published,
    Rejected,
}

/// A file. What it does not have (yet) is left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileBody {
    file_id: Uuid,
    /// `null` once its owner is erased.
    #[schema(required)]
    name: Option<String>,
    content_type: String,
    /// In bytes. An image becomes smaller when it is published: its metadata goes.
    #[schema(minimum = 0)]
    size: i64,
    state: State,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageBody>,
    /// Where it can be fetched, until `expires_at`. Only once it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// URLs of smaller copies, by the size in pixels of the square that they fit into: `256`,
    /// `1024`.
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnails: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// What an image looks like.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Image)]
pub(crate) struct ImageBody {
    /// In pixels, as `height`.
    #[schema(minimum = 1)]
    width: i32,
    #[schema(minimum = 1)]
    height: i32,
    /// To be shown until the image is there. See <https://blurha.sh>. `null` once its owner is
    /// erased.
    #[schema(required)]
    blur_hash: Option<String>,
}

impl FileBody {
    /// With links to fetch it, signed now.
    pub(super) async fn linked(
        files: &Files,
        view: FileView,
        valid: Validity,
    ) -> Result<Self, FilesError> {
        let (mut url, mut expires_at) = (None, None);
        if view.state == FileState::Published {
            let name = view.name.as_deref();
            let link = files.download(&view.object, name, &view.content_type, valid).await?;
            (url, expires_at) = (Some(link.url), Some(link.expires_at));
        }
        let image = view.width.zip(view.height);
        let thumbnails = match image {
            Some(_) => Some(thumbnails(files, &view.thumbnails, valid).await?.0),
            None => None,
        };
        let blur_hash = view.blur_hash;
        Ok(Self {
            file_id: view.file_id,
            name: view.name,
            content_type: view.content_type,
            size: view.size,
            state: view.state.into(),
            rejection: view.rejection,
            image: image.map(|(width, height)| ImageBody { width, height, blur_hash }),
            url,
            thumbnails,
            expires_at,
        })
    }
}

/// Where thumbnails can be fetched, by their edge, and until when.
pub(super) async fn thumbnails(
    files: &Files,
    views: &[ThumbnailView],
    valid: Validity,
) -> Result<(BTreeMap<String, String>, Option<DateTime<Utc>>), FilesError> {
    let (mut urls, mut expires_at) = (BTreeMap::new(), None);
    for view in views {
        let link = files.thumbnail(&view.object, &view.content_type, valid).await?;
        urls.insert(view.edge.to_string(), link.url);
        expires_at = Some(link.expires_at);
    }
    Ok((urls, expires_at))
}

impl From<FileState> for State {
    fn from(state: FileState) -> Self {
        match state {
            FileState::Requested => Self::Requested,
            FileState::Completed => Self::Completed,
            FileState::Published => Self::Published,
            FileState::Rejected => Self::Rejected,
        }
    }
}
