//! Files on the S3 server inside the process and on `SeaweedFS`, sent and fetched by clients that
//! none of us wrote: curl, and boto3.

mod client;
mod downloads;
mod parts;
mod scanning;
pub(crate) mod storage;
mod uploads;

pub(crate) use client::{boto3, fetch, send};
pub(crate) use storage::{Storage, World};
