//! `/v1/files`: what is too large for a message. An app sends and fetches the bytes at the storage
//! itself, with requests that are signed here.
//!
//! - [`uploading`]: from the request to the completion
//! - [`fetching`]: what a file is, and where its bytes are
//! - [`avatar`]: the picture beside somebody's name

pub(crate) mod avatar;
mod body;
pub(crate) mod fetching;
pub(crate) mod uploading;

use domain::FileId;
use serde::Deserialize;
use utoipa::IntoParams;

use self::body::FileBody;
use super::extract::Id;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilePath {
    #[param(value_type = Uuid)]
    id: Id,
}

impl FilePath {
    const fn file_id(&self) -> FileId {
        FileId(self.id.0)
    }
}
