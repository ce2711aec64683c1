//! `parlance chat`: closes and opens chats.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use commands::Context;
use domain::chat::{Chat, ChatCommand};
use eventlog::{Clock, Ids};
use uuid::Uuid;

use super::{Failure, open_gateway, say};
use crate::settings::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The chat takes no messages from now on
    Deactivate(Which),
    /// The chat takes messages again
    Reactivate(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    chat_id: Uuid,
}

pub(super) async fn run(
    environment: &Environment<'_>,
    command: Command,
) -> Result<ExitCode, Failure> {
    let now = Clock::system().now();
    let (chat_id, command) = match command {
        Command::Deactivate(which) => (which.chat_id, ChatCommand::Deactivate { now }),
        Command::Reactivate(which) => (which.chat_id, ChatCommand::Reactivate { now }),
    };
    let context = Context { request_id: Ids::random().next().to_string(), ..Context::default() };
    let gateway = open_gateway(environment).await?;
    let executed = gateway.execute::<Chat>(&chat_id.to_string(), command, &context).await?;
    if executed.events.is_empty() {
        say("nothing to change")?;
    } else {
        say(format_args!("recorded at position {}", executed.position))?;
    }
    Ok(ExitCode::SUCCESS)
}
