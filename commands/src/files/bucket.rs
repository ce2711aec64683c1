//! The S3 bucket: calls, and requests that apps make themselves.

use std::time::Duration;

use aws_lc_rs::digest;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, MetadataDirective};
use aws_smithy_http_client::{Builder as HttpClient, tls};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::library::Sha256;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::FilesError;
use super::settings::S3Settings;
use super::validity::Validity;

/// Between sending a request and the first byte of its answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes that a storage copies or puts together in a second at least, so that 2 GiB take 4 minutes.
const PACE: u64 = 10 << 20;

/// Attempts of a call, the first included; the waits between them grow and are jittered.
const ATTEMPTS: u32 = 3;

/// The longest wait for more of an object that is being read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The codes with which S3 says that there is no such thing.
const ABSENT: [&str; 3] = ["NoSuchKey", "NotFound", "NoSuchUpload"];

/// A bucket. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) calls: Client,
    /// Signs for where apps reach the bucket. Never calls.
    presigning: Client,
    pub(super) name: String,
}

/// What is known of an object without reading it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) size: u64,
    /// Of the whole, if the storage knows it.
    pub(super) sha256: Option<Sha256>,
}

/// A request that an app makes itself, and nobody can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub method: &'static str,
    pub url: String,
    /// To be sent exactly so.
    pub headers: Vec<(String, String)>,
    pub expires_at: DateTime<Utc>,
}

impl Bucket {
    pub(super) fn new(settings: &S3Settings) -> Self {
        let S3Settings { endpoint, public_endpoint, region, bucket, .. } = settings;
        let public = public_endpoint.as_ref().or(endpoint.as_ref());
        let client = |endpoint: Option<&String>| {
            Client::from_conf(config(endpoint, region.clone(), settings))
        };
        let (calls, presigning) = (client(endpoint.as_ref()), client(public));
        Self { calls, presigning, name: bucket.clone() }
    }

    /// What `key` is; nothing when there is none.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Standing>, FilesError> {
        let call = self.calls.head_object().bucket(&self.name).key(key);
        let head = call.checksum_mode(ChecksumMode::Enabled).send().await;
        let Some(head) = present(head)? else { return Ok(None) };
        let size = head.content_length().and_then(|it| u64::try_from(it).ok());
        let size = size.ok_or_else(|| FilesError::internal("an object without a length"))?;
        let sha256 = head.checksum_sha256().and_then(checksum);
        Ok(Some(Standing { size, sha256 }))
    }

    /// Opens `key` to be read; nothing when there is none.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Reading>, FilesError> {
        let call = self.calls.get_object().bucket(&self.name).key(key).send();
        Ok(present(call.await)?.map(Reading::new))
    }

    /// The first `length` bytes of `key`, or all if it is shorter.
    pub(super) async fn beginning(&self, key: &str, length: u64) -> Result<Vec<u8>, FilesError> {
        let call = self.calls.get_object().bucket(&self.name).key(key);
        let call = call.range(format!("bytes=0-{}", length - 1));
        let Some(object) = present(call.send().await)? else { return Ok(vec![]) };
        Reading::new(object).rest().await
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        content_type: &str,
    ) -> Result<(), FilesError> {
        let sha256 = digest::digest(&digest::SHA256, &bytes);
        let call = self.calls.put_object().bucket(&self.name).key(key);
        let call = call.content_type(content_type).checksum_sha256(BASE64.encode(sha256));
        call.body(ByteStream::from(bytes)).send().await.map_err(failed)?;
        Ok(())
    }

    /// Copies `from`, of `size` bytes, to `to`, if it still is what `etag` names.
    pub(super) async fn copy(
        &self,
        from: &str,
        to: &str,
        etag: Option<&str>,
        content_type: &str,
        size: u64,
    ) -> Result<(), FilesError> {
        let call = self.calls.copy_object().bucket(&self.name).key(to);
        let call = call.copy_source(format!("{}/{from}", self.name));
        let call = call.metadata_directive(MetadataDirective::Replace).content_type(content_type);
        let call = call.set_copy_source_if_match(etag.map(ToOwned::to_owned));
        let call = call.customize().config_override(patient(size));
        call.send().await.map_err(failed)?;
        Ok(())
    }

    /// Deletes `key`; what is not there is deleted.
    pub(super) async fn delete(&self, key: &str) -> Result<(), FilesError> {
        present(self.calls.delete_object().bucket(&self.name).key(key).send().await)?;
        Ok(())
    }

    /// A request that puts one object at `key`: of this size, type and SHA-256, and only if nothing
    /// is there.
    pub(super) async fn presign_put(
        &self,
        key: &str,
        content_type: &str,
        size: u64,
        sha256: Sha256,
        valid: Validity,
    ) -> Result<Ticket, FilesError> {
        let call = self.presigning.put_object().bucket(&self.name).key(key);
        let call = call.content_length(length(size)?).content_type(content_type);
        let call = call.checksum_sha256(BASE64.encode(sha256.0)).if_none_match("*");
        let request = call.presigned(valid.config()?).await.map_err(failed)?;
        Ok(valid.ticket("PUT", &request))
    }

    /// A request that puts one part, of this size and SHA-256.
    pub(super) async fn presign_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        size: u64,
        sha256: Sha256,
        valid: Validity,
    ) -> Result<Ticket, FilesError> {
        let call = self.presigning.upload_part().bucket(&self.name).key(key).upload_id(upload);
        let call = call.part_number(number).content_length(length(size)?);
        let call = call.checksum_sha256(BASE64.encode(sha256.0));
        let request = call.presigned(valid.config()?).await.map_err(failed)?;
        Ok(valid.ticket("PUT", &request))
    }

    /// A request that gets `key`, with these words about what it is.
    pub(super) async fn presign_get(
        &self,
        key: &str,
        content_type: &str,
        disposition: String,
        valid: Validity,
    ) -> Result<Ticket, FilesError> {
        let call = self.presigning.get_object().bucket(&self.name).key(key);
        let call = call.response_content_type(content_type);
        let call = call.response_content_disposition(disposition);
        let cached = format!("private, max-age={}, immutable", valid.seconds());
        let call = call.response_cache_control(cached);
        let request = call.presigned(valid.config()?).await.map_err(failed)?;
        Ok(valid.ticket("GET", &request))
    }
}

/// An object that is being read.
pub struct Reading {
    /// In bytes.
    pub size: u64,
    /// Of this version of the object.
    pub(super) etag: Option<String>,
    body: ByteStream,
}

impl Reading {
    fn new(object: GetObjectOutput) -> Self {
        let size = object.content_length().and_then(|it| u64::try_from(it).ok());
        let etag = object.e_tag().map(ToOwned::to_owned);
        Self { size: size.unwrap_or_default(), etag, body: object.body }
    }

    /// What comes next; nothing at the end.
    ///
    /// # Errors
    ///
    /// When the storage breaks off, or is silent for 30 s.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FilesError> {
        match timeout(READ_TIMEOUT, self.body.next()).await {
            Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "an object could not be read to its end");
                Err(FilesError::Unavailable)
            }
            Err(_) => {
                tracing::warn!("the storage is silent");
                Err(FilesError::Unavailable)
            }
        }
    }

    /// All that comes, of something small.
    pub(super) async fn rest(mut self) -> Result<Vec<u8>, FilesError> {
        let mut rest = Vec::new();
        while let Some(bytes) = self.next().await? {
            rest.extend_from_slice(&bytes);
        }
        Ok(rest)
    }
}

fn config(endpoint: Option<&String>, region: String, settings: &S3Settings) -> Config {
    let secret = settings.secret_access_key.expose_secret();
    let key = &settings.access_key_id;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(Credentials::new(key, secret, None, None, "settings"))
        // A server of one's own has no DNS name for each bucket.
        .force_path_style(endpoint.is_some())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(0))
        // Checksums that were not asked for break presigned requests and servers that are not
        // Amazon's: https://github.com/awslabs/aws-sdk-rust/issues/1240
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let secure = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let config = match endpoint {
        Some(url) if url.starts_with("http://") => {
            config.http_client(HttpClient::new().build_http())
        }
        _ => config.http_client(HttpClient::new().tls_provider(secure).build_https()),
    };
    match endpoint {
        Some(url) => config.endpoint_url(url).build(),
        None => config.build(),
    }
}

/// For calls in which the storage moves `size` bytes before it answers.
pub(super) fn patient(size: u64) -> aws_sdk_s3::config::Builder {
    Config::builder().timeout_config(timeouts(size))
}

fn timeouts(size: u64) -> TimeoutConfig {
    let work = Duration::from_secs(size / PACE);
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT + work)
        .operation_timeout(CALL_TIMEOUT + work * 2)
        .build()
}

/// What S3 has; nothing when it says that there is no such thing.
pub(super) fn present<T, E>(answer: Result<T, SdkError<E>>) -> Result<Option<T>, FilesError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.code().is_some_and(|it| ABSENT.contains(&it)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Says once what went wrong. S3's messages name keys, and no key of ours names a person.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
pub(super) fn failed<E>(error: SdkError<E>) -> FilesError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default();
    tracing::warn!(code, error = %DisplayErrorContext(&error), "S3 failed");
    FilesError::Unavailable
}

/// A SHA-256 as S3 writes it. That of an upload in parts is a checksum of checksums, and not read.
fn checksum(text: &str) -> Option<Sha256> {
    BASE64.decode(text).ok()?.try_into().ok().map(Sha256)
}

fn length(size: u64) -> Result<i64, FilesError> {
    i64::try_from(size).map_err(FilesError::internal)
}
