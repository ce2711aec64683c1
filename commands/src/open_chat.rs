//! Opening a chat: the one command whose rule needs another aggregate.

use chrono::{DateTime, Utc};
use domain::account::{Account, AccountError};
use domain::chat::{Chat, ChatCommand, ChatError, ChatEvent};
use domain::{AccountId, ChatId};
use thiserror::Error;

use crate::gateway::{CommandError, Context, Executed, Gateway};

/// Why a chat was not opened.
#[derive(Debug, Error)]
pub enum OpenChatError {
    /// There is nobody to chat with under that id.
    #[error("account does not exist")]
    UnknownAccount,
    #[error(transparent)]
    Account(CommandError<AccountError>),
    #[error(transparent)]
    Chat(CommandError<ChatError>),
}

/// Opens the chat between `by` and `with`, or finds it open. An account is never un-registered, so
/// looking at it first leaves no gap for a race.
///
/// # Errors
///
/// See [`OpenChatError`]. Nothing was recorded then.
pub async fn open_chat(
    gateway: &Gateway,
    by: AccountId,
    with: AccountId,
    now: DateTime<Utc>,
    context: &Context,
) -> Result<Executed<ChatEvent>, OpenChatError> {
    check_exists(gateway, with).await?;
    let id = ChatId::between(by, with).to_string();
    let command = ChatCommand::Open { by, with, now };
    gateway.execute::<Chat>(&id, command, context).await.map_err(OpenChatError::Chat)
}

pub(crate) async fn check_exists(
    gateway: &Gateway,
    account: AccountId,
) -> Result<(), OpenChatError> {
    let exists = |account: &Account| !matches!(account, Account::Absent);
    let exists = gateway.inspect(&account.to_string(), exists).await;
    if exists.map_err(OpenChatError::Account)? {
        Ok(())
    } else {
        Err(OpenChatError::UnknownAccount)
    }
}
