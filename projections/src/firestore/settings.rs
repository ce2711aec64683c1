use secrecy::SecretString;

/// Where the mirror is.
#[derive(Debug, Clone)]
pub struct MirrorSettings {
    pub project_id: String,
    /// `(default)`, unless the project has several.
    pub database_id: String,
    pub access: Access,
}

/// How Firestore is reached, and as whom.
#[derive(Debug, Clone)]
pub enum Access {
    /// An emulator at this host and port. It asks for nothing.
    Emulator { host: String },
    /// The key file of a service account, as Google's console writes it.
    ServiceAccount { key: SecretString },
    /// Whatever the machine has been given (Application Default Credentials).
    ApplicationDefault,
}
