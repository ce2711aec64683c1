use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use thiserror::Error;

/// A read model: what one projector keeps and some queries answer from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadModel {
    /// The directory of accounts.
    Accounts,
    /// Everybody's list of chats.
    Chats,
    /// The messages of every chat, and what became of them.
    Messages,
    /// Who has blocked whom.
    Blocks,
    /// Messages that were reported to the moderators.
    Reports,
    /// Everybody's files.
    Files,
}

/// There is no read model of this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown read model `{0}`")]
pub struct UnknownReadModel(pub String);

impl ReadModel {
    /// Every read model.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Chats, Self::Messages, Self::Blocks, Self::Reports, Self::Files];

    /// Its name: of its first table, the projector and the checkpoint.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Chats => "chats",
            Self::Messages => "messages",
            Self::Blocks => "blocks",
            Self::Reports => "reports",
            Self::Files => "files",
        }
    }

    /// The tables it consists of.
    #[must_use]
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["accounts"],
            Self::Chats => &["chats", "clears", "forwards", "expiring", "attachments"],
            Self::Messages => {
                &["messages", "message_marks", "message_revisions", "reactions", "pins"]
            }
            Self::Blocks => &["blocks"],
            Self::Reports => &["reports"],
            Self::Files => &["files"],
        }
    }
}

impl fmt::Display for ReadModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ReadModel {
    type Err = UnknownReadModel;

    fn from_str(name: &str) -> Result<Self, UnknownReadModel> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == name)
            .ok_or_else(|| UnknownReadModel(name.to_owned()))
    }
}

/// `options` for connections that mean the live read models: what every pool is opened with, except
/// a rebuild's.
#[must_use]
pub fn live_options(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("search_path", "read,public")])
}
