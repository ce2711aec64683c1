//! What a run of events changes in a read model: folded in memory, and written at once.

use domain::Event;
use eventlog::Position;
use sqlx::PgConnection;

use crate::error::ProjectionError;
use crate::{ReadModel, accounts, blocks, chats, files, messages, reports};

/// The changes to one read model. It has a connection to write to, and no handle for anything else:
/// what is folded here can be folded again at will.
pub(crate) enum Changes {
    Accounts(accounts::Changes),
    Chats(Box<chats::Changes>),
    Messages(Box<messages::Changes>),
    Blocks(blocks::Changes),
    Reports(reports::Changes),
    Files(files::Changes),
}

impl Changes {
    pub(crate) fn new(model: ReadModel) -> Self {
        match model {
            ReadModel::Accounts => Self::Accounts(accounts::Changes::default()),
            ReadModel::Chats => Self::Chats(Box::default()),
            ReadModel::Messages => Self::Messages(Box::default()),
            ReadModel::Blocks => Self::Blocks(blocks::Changes::default()),
            ReadModel::Reports => Self::Reports(reports::Changes::default()),
            ReadModel::Files => Self::Files(files::Changes::default()),
        }
    }

    /// How many rows are to be written, more or less; 0 when there are none.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Accounts(it) => it.len(),
            Self::Chats(it) => it.len(),
            Self::Messages(it) => it.len(),
            Self::Blocks(it) => it.len(),
            Self::Reports(it) => it.len(),
            Self::Files(it) => it.len(),
        }
    }

    /// Takes in the next event. One that is refused leaves nothing behind.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match self {
            Self::Accounts(it) => it.fold(position, event),
            Self::Chats(it) => it.fold(position, event),
            Self::Messages(it) => it.fold(position, event),
            Self::Blocks(it) => it.fold(position, event),
            Self::Reports(it) => it.fold(position, event),
            Self::Files(it) => it.fold(event),
        }
    }

    /// Writes everything, in few statements.
    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        match self {
            Self::Accounts(it) => it.write(db).await,
            Self::Chats(it) => it.write(db).await,
            Self::Messages(it) => it.write(db).await,
            Self::Blocks(it) => it.write(db).await,
            Self::Reports(it) => it.write(db).await,
            Self::Files(it) => it.write(db).await,
        }
    }
}
