//! What one connection is sent: first what it has missed, then what comes, each thing once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use commands::{Caller, Connected};
use projections::sync::{Changes, Delta, Place};
use uuid::Uuid;

use super::frame::{Frame, Notice, Reason};
use super::hub::{HEARTBEAT, Opened, Opening};
use super::lane::{Lane, Next};
use crate::http::App;
use crate::http::error::ApiResult;
use crate::http::sync::{ChangeBody, Since, delta};

/// Changes that are looked up at a time.
const PAGE: i64 = 100;

/// A connection. Whoever has it sends what [`next`](Self::next) says, until that is nothing.
pub(crate) struct Connection {
    app: Arc<App>,
    lane: Arc<Lane>,
    connected: Connected,
    /// Everything up to here was sent.
    told: Place,
    /// What was looked up, and not sent yet.
    ready: VecDeque<Arc<Frame>>,
    pages: bool,
    has_ended: bool,
}

/// What comes next.
pub(crate) enum Step {
    Send(Arc<Frame>),
    End(End),
}

/// The last of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) reason: Reason,
    /// When to come back.
    pub(crate) after: Duration,
}

impl End {
    /// How it is told.
    pub(crate) fn frame(self) -> Frame {
        let reconnect_after_ms = u64::try_from(self.after.as_millis()).unwrap_or(0);
        Notice::End { reason: self.reason, reconnect_after_ms }.into()
    }
}

impl Connection {
    /// Opens a connection that goes on where `opening` says. Nothing when the process stops.
    pub(crate) async fn open(
        app: Arc<App>,
        connected: Connected,
        opening: Opening,
    ) -> Option<Self> {
        let Opened { lane, place, start_afresh } = app.live.open(opening).await?;
        let welcome = Notice::Welcome {
            connection_id: lane.id,
            id: Since(place),
            start_afresh,
            heartbeat_seconds: HEARTBEAT.as_secs(),
        };
        let ready = VecDeque::from([Arc::new(welcome.into())]);
        let (pages, has_ended) = (false, false);
        Some(Self { app, lane, connected, told: place, ready, pages, has_ended })
    }

    pub(crate) fn id(&self) -> Uuid {
        self.lane.id
    }

    /// Goes on with a newer token of the same person.
    pub(crate) fn renew(&self, caller: Caller) {
        self.lane.renew(caller);
    }

    /// Whether the app is in the foreground from now on.
    pub(crate) fn look(&mut self, looking: bool) {
        self.connected.look(looking);
    }

    /// What comes next; nothing after the end. Nothing is lost when it is not waited for.
    pub(crate) async fn next(&mut self) -> Option<Step> {
        if self.has_ended {
            return None;
        }
        loop {
            if let Some(frame) = self.looked_up() {
                return Some(Step::Send(frame));
            }
            if self.pages {
                // Boxed: most connections never page, and there are many.
                if let Err(error) = Box::pin(self.page()).await {
                    tracing::debug!(?error, "a connection cannot look up what it has missed");
                    return Some(self.end(Reason::Unavailable));
                }
                continue;
            }
            let next = self.lane.next().await;
            if let Some(step) = self.take(next) {
                return Some(step);
            }
        }
    }

    /// What comes next, if nothing has to be waited for.
    pub(crate) fn try_next(&mut self) -> Option<Step> {
        if self.has_ended {
            return None;
        }
        if let Some(frame) = self.looked_up() {
            return Some(Step::Send(frame));
        }
        while !self.pages {
            let next = self.lane.try_next()?;
            if let Some(step) = self.take(next) {
                return Some(step);
            }
        }
        None
    }

    fn looked_up(&mut self) -> Option<Arc<Frame>> {
        let frame = self.ready.pop_front()?;
        self.told = frame.place.map_or(self.told, |it| it.max(self.told));
        Some(frame)
    }

    fn take(&mut self, next: Next) -> Option<Step> {
        match next {
            Next::Send(frame) if self.is_new(&frame) => {
                self.told = frame.place.unwrap_or(self.told);
                Some(Step::Send(frame))
            }
            Next::Send(_) => None,
            Next::Page => {
                self.pages = true;
                None
            }
            Next::End(reason) => Some(self.end(reason)),
        }
    }

    /// Whether it was not told yet. A sign of life need not bring anything new.
    fn is_new(&self, frame: &Frame) -> bool {
        match frame.place {
            None => true,
            Some(place) if frame.name == "heartbeat" => place >= self.told,
            Some(place) => place > self.told,
        }
    }

    fn end(&mut self, reason: Reason) -> Step {
        self.has_ended = true;
        metrics::counter!("parlance_live_ended_total", "reason" => reason.name()).increment(1);
        Step::End(End { reason, after: self.app.live.comes_back_after(reason) })
    }

    /// Looks up some of what was missed.
    async fn page(&mut self) -> ApiResult<()> {
        let app = Arc::clone(&self.app);
        let _permit = app.live.paging().acquire().await;
        match delta(&app, self.lane.account, Some(self.told), PAGE).await? {
            Delta::StartAfresh(position) => {
                let id = Since(Place::after(position.0));
                self.ready.push_back(Arc::new(Notice::StartAfresh { id }.into()));
                self.told = Place::after(0); // whatever was told before does not count
                self.pages = false;
            }
            Delta::Changes(changes) => {
                let (next, more) = (changes.next, changes.more);
                let frames = frames(&app, changes).await?;
                self.ready.extend(frames);
                if !more {
                    let id = Since(next);
                    self.ready.push_back(Arc::new(Notice::CaughtUp { id }.into()));
                    self.pages = false;
                }
            }
        }
        Ok(())
    }
}

/// Each at its place, but none beyond where the next page begins: whoever goes on from there must not
/// miss what else is told there.
async fn frames(app: &App, changes: Changes) -> ApiResult<Vec<Arc<Frame>>> {
    let Changes { items, next, .. } = changes;
    let mut places: Vec<_> = items.iter().map(|it| it.place.min(next)).collect();
    places.sort_unstable();
    let mut bodies: Vec<_> = items.into_iter().map(ChangeBody::from).collect();
    ChangeBody::illustrate(app, bodies.iter_mut()).await?;
    let frames = places.into_iter().zip(&bodies);
    Ok(frames.map(|(place, body)| Arc::new(Frame::change(place, body))).collect())
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.app.live.watching().forget(&self.lane);
        self.app.live.close(&self.lane);
    }
}
