//! S3 inside the process, on a folder: for development, where no S3 is set.
//!
//! Apps meet a real S3 protocol on loopback: the same client code, the same presigned requests. One
//! thing is added to `s3s-fs`: it compares checksums after it has written, or not at all (parts),
//! and we let nothing wrong be written.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64_URL};
use futures_util::StreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::dto;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings::{EmbeddedSettings, S3Settings};

const BUCKET: &str = "parlance";
const REGION: &str = "us-east-1";
const ACCESS_KEY_ID: &str = "parlance";

/// In the folder: the secret key, for every process that shares it; and what is stored.
const SECRET_FILE: &str = "secret";
const OBJECTS: &str = "objects";

/// Random bytes of the secret.
const SECRET_BYTES: usize = 32;

/// Connections at once. More wait.
const CONNECTIONS_MAX: usize = 128;

/// The longest that one may last: a ticket's 15 minutes, twice.
const CONNECTION_MAX: Duration = Duration::from_mins(30);

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failure to accept: for want of file handles, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no S3 inside the process.
#[derive(Debug, Error)]
pub(super) enum EmbeddedError {
    #[error("folder {folder} cannot be used")]
    Folder {
        folder: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("folder {0} cannot be served: {1}")]
    FileSystem(PathBuf, String),
    #[error("cannot listen on {addr}")]
    Listen {
        addr: SocketAddr,
        #[source]
        error: io::Error,
    },
    #[error("no randomness")]
    Random,
}

/// Starts it, and says how to reach it.
pub(super) async fn start(
    settings: EmbeddedSettings,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Result<S3Settings, EmbeddedError> {
    let folder = settings.folder;
    let objects = folder.join(OBJECTS);
    let unusable = |error| EmbeddedError::Folder { folder: folder.clone(), error };
    std::fs::create_dir_all(objects.join(BUCKET)).map_err(unusable)?;
    let secret =
        secret(&folder.join(SECRET_FILE)).map_err(unusable)?.ok_or(EmbeddedError::Random)?;
    let files = FileSystem::new(&objects)
        .map_err(|error| EmbeddedError::FileSystem(folder.clone(), format!("{error:?}")))?;
    let mut service = S3ServiceBuilder::new(Checked(files));
    service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, secret.expose_secret()));

    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
    let listen = |error| EmbeddedError::Listen { addr, error };
    let listener = TcpListener::bind(addr).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    tasks.spawn(serve(listener, service.build(), tasks.clone(), stop));
    Ok(S3Settings {
        endpoint: Some(format!("http://{addr}")),
        public_endpoint: None,
        region: REGION.to_owned(),
        bucket: BUCKET.to_owned(),
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: secret,
    })
}

/// The secret in `file`; made now, and readable by nobody else, when it is not there.
fn secret(file: &Path) -> io::Result<Option<SecretString>> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    match std::fs::read_to_string(file) {
        Ok(secret) => return Ok(Some(secret.into())),
        Err(error) => absent(error)?,
    }
    let mut bytes = [0; SECRET_BYTES];
    if rand::fill(&mut bytes).is_err() {
        return Ok(None);
    }
    // Whoever creates it first decides; it appears with its contents or not at all.
    let fresh = file.with_extension(format!("{}.new", std::process::id()));
    std::fs::remove_file(&fresh).or_else(absent)?;
    let mut created =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    created.write_all(BASE64_URL.encode(bytes).as_bytes())?;
    created.sync_all()?;
    std::fs::hard_link(&fresh, file).or_else(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
    })?;
    std::fs::remove_file(&fresh)?;
    Ok(Some(std::fs::read_to_string(file)?.into()))
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

async fn serve(
    listener: TcpListener,
    service: S3Service,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let Some((permit, accepted)) = stop.run_until_cancelled(accepted).await else { return };
        match accepted {
            Ok((connection, _)) => {
                let (service, stop) = (service.clone(), stop.clone());
                tasks.spawn(async move {
                    stop.run_until_cancelled(answer(connection, service)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the S3 server inside cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(connection: TcpStream, service: S3Service) {
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let answering = server.serve_connection(TokioIo::new(connection), service);
    match timeout(CONNECTION_MAX, answering).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error, "a connection to the S3 server inside broke"),
        Err(_) => tracing::debug!("a connection to the S3 server inside lasted too long"),
    }
}

/// What of S3 Parlance uses, and nothing else.
struct Checked(FileSystem);

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Checked {
    async fn put_object(
        &self,
        mut request: S3Request<dto::PutObjectInput>,
    ) -> Answer<dto::PutObjectOutput> {
        let check = Check::new(request.input.checksum_sha256.as_deref());
        request.input.body = request.input.body.map(|it| check.on(it));
        check.judge(self.0.put_object(request).await)
    }

    async fn upload_part(
        &self,
        mut request: S3Request<dto::UploadPartInput>,
    ) -> Answer<dto::UploadPartOutput> {
        let check = Check::new(request.input.checksum_sha256.as_deref());
        request.input.body = request.input.body.map(|it| check.on(it));
        check.judge(self.0.upload_part(request).await)
    }

    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> Answer<dto::GetObjectOutput> {
        let said = (
            request.input.response_content_type.clone(),
            request.input.response_content_disposition.clone(),
            request.input.response_cache_control.clone(),
        );
        let mut answer = self.0.get_object(request).await?;
        let output = &mut answer.output;
        output.content_type = said.0.or(output.content_type.take());
        output.content_disposition = said.1.or(output.content_disposition.take());
        output.cache_control = said.2.or(output.cache_control.take());
        Ok(answer)
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> Answer<dto::HeadObjectOutput> {
        self.0.head_object(request).await
    }

    async fn copy_object(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> Answer<dto::CopyObjectOutput> {
        self.0.copy_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> Answer<dto::DeleteObjectOutput> {
        self.0.delete_object(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        self.0.create_multipart_upload(request).await
    }

    async fn list_parts(
        &self,
        request: S3Request<dto::ListPartsInput>,
    ) -> Answer<dto::ListPartsOutput> {
        self.0.list_parts(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        self.0.complete_multipart_upload(request).await.map_err(no_such_upload)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        self.0.abort_multipart_upload(request).await.map_err(no_such_upload)
    }
}

/// There is one user, so an upload that is denied is one that does not exist.
fn no_such_upload(error: s3s::S3Error) -> s3s::S3Error {
    if *error.code() == S3ErrorCode::AccessDenied { s3_error!(NoSuchUpload) } else { error }
}

/// Compares what is sent with its checksum while it is read, and breaks off at the last byte when
/// it is wrong: then nothing is written.
struct Check {
    expected: Option<String>,
    wrong: Arc<AtomicBool>,
}

impl Check {
    fn new(expected: Option<&str>) -> Self {
        Self { expected: expected.map(ToOwned::to_owned), wrong: Arc::default() }
    }

    fn on(&self, body: dto::StreamingBlob) -> dto::StreamingBlob {
        let Some(expected) = self.expected.clone() else { return body };
        let wrong = Arc::clone(&self.wrong);
        let hash = Some(digest::Context::new(&digest::SHA256));
        let checked = futures_util::stream::unfold((body, hash), move |(mut body, hash)| {
            let (expected, wrong) = (expected.clone(), Arc::clone(&wrong));
            async move {
                let mut hash = hash?;
                match body.next().await {
                    Some(Ok(bytes)) => {
                        hash.update(&bytes);
                        Some((Ok(bytes), (body, Some(hash))))
                    }
                    Some(Err(error)) => Some((Err(io::Error::other(error)), (body, None))),
                    None if BASE64.encode(hash.finish()) == expected => None,
                    None => {
                        wrong.store(true, Ordering::Relaxed);
                        Some((Err(io::Error::other("checksum mismatch")), (body, None)))
                    }
                }
            }
        });
        dto::StreamingBlob::wrap(checked)
    }

    fn judge<T>(self, answer: Answer<T>) -> Answer<T> {
        if self.wrong.load(Ordering::Relaxed) { Err(s3_error!(BadDigest)) } else { answer }
    }
}
