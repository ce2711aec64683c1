//! Blocking somebody. The chat with them decides what passes; it need not have been opened.

use chrono::{DateTime, Utc};
use domain::chat::{Chat, ChatCommand, ChatEvent};
use domain::{AccountId, ChatId};

use crate::gateway::{Context, Executed, Gateway};
use crate::open_chat::{OpenChatError, check_exists};

/// Blocks `whom` for `by`.
///
/// # Errors
///
/// See [`OpenChatError`]. Nothing was recorded then.
pub async fn block(
    gateway: &Gateway,
    by: AccountId,
    whom: AccountId,
    now: DateTime<Utc>,
    context: &Context,
) -> Result<Executed<ChatEvent>, OpenChatError> {
    check_exists(gateway, whom).await?;
    let id = ChatId::between(by, whom).to_string();
    let command = ChatCommand::Block { by, whom, now };
    gateway.execute::<Chat>(&id, command, context).await.map_err(OpenChatError::Chat)
}
