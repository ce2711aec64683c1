//! What the operator decides about files.

use std::path::PathBuf;

use domain::library::FileLimits;
use secrecy::SecretString;

/// Everything that files need to know.
#[derive(Debug, Clone)]
pub struct FilesSettings {
    pub storage: StorageSettings,
    pub limits: FileLimits,
    /// Nothing is scanned without it.
    pub scanner: Option<ScannerAddress>,
}

/// Where bytes are kept.
#[derive(Debug, Clone)]
pub enum StorageSettings {
    S3(S3Settings),
    Embedded(EmbeddedSettings),
}

/// A bucket somewhere.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Without it, Amazon's in `region`.
    pub endpoint: Option<String>,
    /// Where apps reach it, when that is not where Parlance does.
    pub public_endpoint: Option<String>,
    pub region: String,
    pub bucket: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// The S3 server inside the process, on loopback.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    pub folder: PathBuf,
    /// 0: any that is free.
    pub port: u16,
}

/// Where `clamd` listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerAddress {
    /// Host and port.
    Tcp(String),
    Unix(PathBuf),
}
