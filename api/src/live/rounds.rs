//! Rounds: after each step of the read models, what has changed for whom.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::chat::ChatEvent;
use domain::{AccountId, Event};
use eventlog::{Feed, Position, RecordedEvent};
use projections::sync::{self, Acquaintances, MODELS, Told, Touched};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use crate::http::App;
use crate::http::error::{ApiError, ApiResult};

/// Events of one round.
const BATCH: usize = 1_000;

/// After a failure.
const RETRY: Duration = Duration::from_millis(250);

/// Tells whoever is connected what changes, until `stop`.
pub(crate) async fn run(app: Arc<App>, feed: Feed, stop: CancellationToken) {
    let mut rounds = Rounds { app, position: None, acquaintances: Acquaintances::default() };
    while !stop.is_cancelled() {
        let ended = stop.run_until_cancelled(Box::pin(rounds.next(&feed))).await;
        if let Some(Err(error)) = ended {
            tracing::warn!(?error, "a round of the live hub comes later");
            stop.run_until_cancelled(sleep(RETRY)).await;
        }
    }
}

struct Rounds {
    app: Arc<App>,
    /// Up to where everybody was told; nothing before the first round.
    position: Option<Position>,
    acquaintances: Acquaintances,
}

impl Rounds {
    async fn next(&mut self, feed: &Feed) -> ApiResult<()> {
        let hub = self.app.live.clone();
        let Some(from) = self.position else {
            let reached = self.app.reads.wait(None, &MODELS).await?;
            hub.begin(reached);
            self.position = Some(reached);
            return Ok(());
        };
        let events = feed.next(from, BATCH).await.map_err(ApiError::unavailable)?;
        let Some(mut to) = events.last().map(|it| it.position) else { return Ok(()) };
        if !hub.is_alone_at(to) {
            let reached = self.app.reads.wait(Some(to), &MODELS).await?;
            // What has come meanwhile as well: rows that it has changed would have to wait.
            let mut events = feed.next(from, BATCH).await.map_err(ApiError::unavailable)?;
            events.truncate(events.partition_point(|it| it.position <= reached));
            to = events.last().map_or(to, |it| it.position);
            self.tell(from, to, &events).await?;
        }
        self.position = Some(to);
        Ok(())
    }

    /// Tells what `events`, which follow `from` and end at `to`, have changed. The read models have
    /// applied them.
    async fn tell(
        &mut self,
        from: Position,
        to: Position,
        events: &[Arc<RecordedEvent>],
    ) -> ApiResult<()> {
        let Self { app, acquaintances, .. } = self;
        let mut touched = Touched::default();
        for event in events {
            acquaintances.meet(event);
            touched.add(event);
        }
        let concerned =
            acquaintances.concerned(&app.db, &touched).await.map_err(ApiError::unavailable)?;
        let (present, mark) = app.live.present(&concerned);
        let told = sync::live(&app.db, from, to, &present, app.clock.now()).await;
        let Told { items, overflown } = told.map_err(ApiError::unavailable)?;
        let (accounts, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let frames = Frame::changes(app, items).await?;
        let frames: Vec<_> = accounts.into_iter().map(AccountId).zip(frames).collect();
        let here: HashSet<_> = present.everybody().collect();
        app.live.deliver(to, (&here, mark), &concerned, &frames, &overflown);
        self.pass_on(events).await
    }

    /// What events mean for what passes: who has sent a message types no longer; and who has a chat with
    /// somebody or blocks them, or chooses another audience, is shown or hidden from now on.
    async fn pass_on(&self, events: &[Arc<RecordedEvent>]) -> ApiResult<()> {
        let (hub, mut shown) = (&self.app.live, vec![]);
        for event in events {
            match &event.event {
                Ok(Event::Chat(ChatEvent::MessageSent { chat_id, sender, recipient, .. })) => {
                    hub.types().has_ended(hub, *chat_id, *sender, *recipient);
                }
                Ok(Event::Chat(
                    ChatEvent::Opened { members, .. }
                    | ChatEvent::Revealed { members, .. }
                    | ChatEvent::Blocked { members, .. }
                    | ChatEvent::Unblocked { members, .. },
                )) => shown.extend(*members),
                Ok(Event::Account(event)) => shown.extend(audience_of(event)),
                Ok(Event::Chat(_) | Event::Library(_) | Event::Devices(_)) | Err(_) => {}
            }
        }
        hub.watching().show_again(&self.app, &shown).await
    }
}

/// Whose audience it changes.
const fn audience_of(event: &domain::account::AccountEvent) -> Option<AccountId> {
    use domain::account::AccountEvent;
    match event {
        AccountEvent::PresenceShown { account_id, .. } => Some(*account_id),
        AccountEvent::Registered { .. }
        | AccountEvent::ProfileChanged { .. }
        | AccountEvent::PrivacyChanged { .. } => None,
    }
}
