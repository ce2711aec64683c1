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
use crate::http::sync::{Since, delta};

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
            if let Some(step) = self.looked_up() {
                return Some(step);
            }
            if self.pages {
                // Boxed: most connections never page, and there are many.
                let lane = Arc::clone(&self.lane);
                let paged = tokio::select! {
                    biased;
                    reason = lane.ends() => return Some(self.end(reason)),
                    paged = Box::pin(self.page()) => paged,
                };
                if let Err(error) = paged {
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
        if let Some(step) = self.looked_up() {
            return Some(step);
        }
        while !self.pages {
            let next = self.lane.try_next()?;
            if let Some(step) = self.take(next) {
                return Some(step);
            }
        }
        None
    }

    /// What was looked up, unless the connection has ended meanwhile.
    fn looked_up(&mut self) -> Option<Step> {
        let frame = self.ready.pop_front()?;
        if let Some(reason) = self.lane.end_reason() {
            return Some(self.end(reason));
        }
        self.told = frame.place.map_or(self.told, |it| it.max(self.told));
        Some(Step::Send(frame))
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
        reason.count();
        Step::End(End { reason, after: self.app.live.comes_back_after(reason) })
    }

    /// Looks up some of what was missed.
    async fn page(&mut self) -> ApiResult<()> {
        let app = Arc::clone(&self.app);
        let _permit = app.live.paging().acquire().await;
        // What came up to there is not in the lane, and the read models may yet have to come there.
        let min = app.live.position();
        match delta(&app, self.lane.account, self.told, PAGE, min).await? {
            Delta::StartAfresh(position) => {
                let id = Since(Place::after(position.0));
                self.ready.push_back(Arc::new(Notice::StartAfresh { id }.into()));
                self.told = Place::after(0); // whatever was told before does not count
                self.pages = false;
            }
            Delta::Changes(changes) => {
                let Changes { items, next, more, .. } = changes;
                self.ready.extend(Frame::changes(&app, items).await?);
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

impl Drop for Connection {
    fn drop(&mut self) {
        // In this order: whoever is still to be looked at by it is looked for here.
        self.app.live.close(&self.lane);
        self.app.live.watching().forget(&self.lane);
    }
}
