//! What an emulator is sent instead of a token.

use firestore::gcloud_sdk::google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use firestore::gcloud_sdk::google_cloud_auth::errors::CredentialsError;
use firestore::gcloud_sdk::tonic::codegen::http::{Extensions, HeaderValue, header};
use firestore::gcloud_sdk::{GoogleAuthHeaders, HeaderMap};

/// By this, an emulator that evaluates rules knows the owner of the project, to whom none apply.
const OWNER: &str = "Bearer owner";

#[derive(Debug)]
struct Owner(EntityTag);

/// Credentials of the owner.
pub(super) fn credentials() -> GoogleAuthHeaders {
    Credentials::from(Owner(EntityTag::new())).into()
}

impl CredentialsProvider for Owner {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        if extensions.get::<EntityTag>() == Some(&self.0) {
            return Ok(CacheableResource::NotModified);
        }
        let mut data = HeaderMap::new();
        data.insert(header::AUTHORIZATION, HeaderValue::from_static(OWNER));
        Ok(CacheableResource::New { entity_tag: self.0.clone(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
