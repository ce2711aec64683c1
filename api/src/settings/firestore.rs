//! `FIRESTORE_*`: where the mirror is, and who writes it.

use commands::FirebaseTokens;
use eventlog::Clock;
use projections::firestore::{Access, MirrorSettings};
use secrecy::SecretString;

use super::{Environment, SettingsError, Surroundings, wrong};

const PROJECT_ID: &str = "FIRESTORE_PROJECT_ID";
const DATABASE: &str = "FIRESTORE_DATABASE";
const CREDENTIALS: &str = "FIRESTORE_CREDENTIALS";
const EMULATOR_HOST: &str = "FIRESTORE_EMULATOR_HOST";

const DATABASE_DEFAULT: &str = "(default)";

/// What stands for credentials that the machine has been given.
const APPLICATION_DEFAULT: &str = "application-default";

/// The mirror in Firestore, and what signs tokens for those who listen to it.
#[derive(Debug, Clone)]
pub struct FirestoreSettings {
    pub mirror: MirrorSettings,
    /// The key file of a service account. Without one nobody gets a token for Firebase.
    pub key_file: Option<SecretString>,
}

impl Environment<'_> {
    /// The mirror in Firestore; nothing without `FIRESTORE_PROJECT_ID`.
    ///
    /// # Errors
    ///
    /// The setting that is missing or wrong.
    pub fn firestore(&self) -> Result<Option<FirestoreSettings>, SettingsError> {
        let Some(project_id) = self.text(PROJECT_ID) else {
            let others = [DATABASE, CREDENTIALS, EMULATOR_HOST];
            if let Some(other) = others.into_iter().find(|it| self.text(it).is_some()) {
                return Err(wrong(PROJECT_ID, format!("is not set, but {other} is")));
            }
            return Ok(None);
        };
        if !is_name(&project_id) {
            return Err(wrong(PROJECT_ID, "must be the id of a project, like chat-4711"));
        }
        let database_id = self.text(DATABASE).unwrap_or_else(|| DATABASE_DEFAULT.to_owned());
        if database_id != DATABASE_DEFAULT && !is_name(&database_id) {
            return Err(wrong(DATABASE, "must be the id of a database of the project"));
        }
        let credentials = self.text(CREDENTIALS);
        let key_file = match credentials.as_deref() {
            None | Some(APPLICATION_DEFAULT) => None,
            Some(path) => Some(key_file(path)?),
        };
        let access = match (self.emulator()?, &key_file, credentials) {
            (Some(host), ..) => Access::Emulator { host },
            (None, Some(key), _) => Access::ServiceAccount { key: key.clone() },
            (None, None, Some(_)) => Access::ApplicationDefault,
            (None, None, None) => {
                let problem = format!("is not set: a key file, or {APPLICATION_DEFAULT}");
                return Err(wrong(CREDENTIALS, problem));
            }
        };
        let mirror = MirrorSettings { project_id, database_id, access };
        Ok(Some(FirestoreSettings { mirror, key_file }))
    }

    fn emulator(&self) -> Result<Option<String>, SettingsError> {
        let Some(host) = self.text(EMULATOR_HOST) else { return Ok(None) };
        if self.surroundings()? == Surroundings::Production {
            return Err(wrong(EMULATOR_HOST, "must not be set when PARLANCE_ENV is production"));
        }
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || host.contains('/') {
            return Err(wrong(EMULATOR_HOST, "must be host:port"));
        }
        Ok(Some(host))
    }
}

/// The key file at `path`, which is tried here: a key that signs nothing would be found out late.
fn key_file(path: &str) -> Result<SecretString, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| wrong(CREDENTIALS, format!("is a file that cannot be read: {error}")))?;
    let key = SecretString::from(text);
    match FirebaseTokens::new(&key, Clock::system()) {
        Ok(_) => Ok(key),
        Err(error) => Err(wrong(CREDENTIALS, format!("is a file that {error}"))),
    }
}

/// Of projects and databases: what goes into a path.
fn is_name(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || ['-', '.', ':'].contains(&it);
    (1..=100).contains(&text.len()) && text.chars().all(allowed)
}
