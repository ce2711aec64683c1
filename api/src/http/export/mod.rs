//! `/v1/chats/{id}/export`: a chat, to keep.
//!
//! It is written page by page while it is sent: however long the chat, few messages are in memory,
//! and a client that does not take what is written holds up nothing but itself.
//!
//! - [`pages`]: the messages; [`out`]: where what is written goes
//! - [`html`], [`archive`]: how it looks; [`room`]: how many at once

mod archive;
mod html;
mod out;
mod pages;
mod room;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use domain::chat::ChatError;
use domain::{AccountId, ChatId};
use projections::ChatView;
use projections::sync::MODELS;
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use self::html::Names;
use self::out::{Broken, Out, Write};
use self::pages::Pages;
pub(crate) use self::room::Room;
use super::App;
use super::caller::Caller;
use super::chats::ChatPath;
use super::consistency::{At, MinPosition};
use super::error::{ApiError, ApiResult, chain};
use super::extract::{Path, Query};
use super::messages::MessageBody;

/// How long an export may take: the largest files there are, over a slow line.
const DEADLINE: Duration = Duration::from_hours(1);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportAs {
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A message a line, as JSON.
    #[default]
    Jsonl,
    /// A page to read. Files are links to `files/` beside it.
    Html,
    /// Both, and the files.
    Zip,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Zip => "application/zip",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Html => "html",
            Self::Zip => "zip",
        }
    }
}

/// A chat, as the caller sees it, to keep: from the first message to the last.
#[utoipa::path(
    get, path = "/v1/chats/{id}/export", tag = "chats", operation_id = "export_chat",
    params(ChatPath, ExportAs),
    responses(
        (status = 200, description = "All of it. An answer that breaks off is not whole", content(
            (String = "application/jsonl"),
            (String = "text/html"),
            (String = "application/zip"),
        )),
        (status = 404, description = "The caller has no such chat"),
        (status = 429, description = "Another export of the caller is under way, too many others \
            are exporting, or too many requests are waiting"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Query(query): Query<ExportAs>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let export = Export::of(Arc::clone(&app), caller, path.chat_id()).await?;
    let place = app.exports.enter(caller)?;
    let (mut out, body) = out::channel();
    let format = query.format;
    tokio::spawn(async move {
        let written = timeout(DEADLINE, export.write(format, &mut out)).await;
        drop(place); // before the body ends: then there is room for the caller's next
        let broken = match written.unwrap_or(Err(Broken::TooSlow)) {
            Ok(()) | Err(Broken::NotTaken) => return,
            Err(broken) => broken,
        };
        tracing::warn!(error = %chain(&broken), "an export breaks off");
        out.fail(broken).await;
    });
    let name = format!("chat-{}.{}", path.chat_id(), format.extension());
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((At(reached), headers, Body::from_stream(body)))
}

/// A chat that is to be written.
struct Export {
    app: Arc<App>,
    caller: AccountId,
    chat: ChatView,
    names: Names,
}

impl Export {
    async fn of(app: Arc<App>, caller: AccountId, chat_id: ChatId) -> ApiResult<Self> {
        let chat = projections::chats::by_id(&app.db, caller, chat_id, app.clock.now()).await;
        let chat = chat.map_err(ApiError::unavailable)?.ok_or(ChatError::NotFound)?;
        let own = projections::accounts::by_id(&app.db, caller).await;
        let own = own.map_err(ApiError::unavailable)?;
        let names = Names::new(own.as_ref(), &chat.participant);
        Ok(Self { app, caller, chat, names })
    }

    async fn write(&self, format: Format, out: &mut Out) -> Result<(), Broken> {
        match format {
            Format::Jsonl => self.write_lines(out).await,
            Format::Html => self.write_page(out).await,
            Format::Zip => archive::write(self, out).await,
        }
    }

    /// The messages, from the first.
    fn pages(&self) -> Pages<'_> {
        Pages::new(&self.app, self.caller, &self.chat)
    }

    async fn write_lines(&self, out: &mut impl Write) -> Result<(), Broken> {
        let mut pages = self.pages();
        while let Some(messages) = pages.next().await? {
            let mut lines = Vec::new();
            for message in messages {
                serde_json::to_writer(&mut lines, &MessageBody::from(message))?;
                lines.push(b'\n');
            }
            out.write(lines).await?;
        }
        Ok(())
    }

    async fn write_page(&self, out: &mut impl Write) -> Result<(), Broken> {
        out.write(html::head(&self.names)).await?;
        let mut pages = self.pages();
        while let Some(messages) = pages.next().await? {
            out.write(html::messages(&self.names, &messages)).await?;
        }
        out.write(html::foot()).await
    }
}
