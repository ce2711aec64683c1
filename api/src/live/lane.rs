//! What one connection has still to be sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::Caller;
use domain::AccountId;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::frame::{Frame, Reason};

/// Frames that may wait. A device that takes them at all takes them faster than they come.
const FRAMES_MAX: usize = 256;

/// Bytes of JSON that may wait: four of the longest messages, with room for those that quote them.
const BYTES_MAX: usize = 512 * 1024;

/// How long a frame may wait. Whoever has taken nothing for so long is gone, or asleep.
const AGE_MAX: Duration = Duration::from_secs(30);

/// The queue of one connection, and what it goes by.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(super) id: Uuid,
    pub(super) account: AccountId,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    /// The session, and until when: of the newest token.
    caller: Caller,
    /// It was said that the token ends soon.
    warned: bool,
    frames: VecDeque<(Arc<Frame>, Instant)>,
    bytes: usize,
    /// Something was missed: what has changed must be looked up.
    pages: bool,
    end: Option<Reason>,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    Send(Arc<Frame>),
    /// Look up what was missed, before anything else is sent.
    Page,
    End(Reason),
}

impl Lane {
    pub(super) fn new(id: Uuid, caller: Caller) -> Self {
        let state = State {
            caller,
            warned: false,
            frames: VecDeque::new(),
            bytes: 0,
            pages: false,
            end: None,
        };
        let (account, news) = (caller.account_id, Notify::new());
        Self { id, account, state: Mutex::new(state), news }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `frame` last. A lane that is full ends: nothing is left out of what is sent.
    pub(super) fn push(&self, frame: &Arc<Frame>) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        let now = Instant::now();
        let is_asleep = state.frames.front().is_some_and(|it| now - it.1 > AGE_MAX);
        let bytes = state.bytes + frame.json.len();
        let is_full = state.frames.len() >= FRAMES_MAX || bytes > BYTES_MAX;
        if is_asleep || is_full {
            state.finish(Reason::SlowConsumer);
        } else {
            state.bytes = bytes;
            state.frames.push_back((Arc::clone(frame), now));
        }
        drop(state);
        self.news.notify_one();
    }

    /// Something is missing from what comes: it has to be looked up.
    pub(super) fn page(&self) {
        self.state().pages = true;
        self.news.notify_one();
    }

    /// Ends the connection once it has been told why. What waits is dropped.
    pub(super) fn end(&self, reason: Reason) {
        self.state().finish(reason);
        self.news.notify_one();
    }

    /// Why it has ended, if it has.
    pub(super) fn end_reason(&self) -> Option<Reason> {
        self.state().end
    }

    /// Why it ends, once it does. Only whoever waits for what comes next may wait for this.
    pub(super) async fn ends(&self) -> Reason {
        loop {
            if let Some(reason) = self.end_reason() {
                return reason;
            }
            self.news.notified().await;
        }
    }

    /// What comes next; waits until there is something. Nothing is lost when it is not waited for.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.news.notified().await;
        }
    }

    /// What comes next, if it is there.
    pub(super) fn try_next(&self) -> Option<Next> {
        let mut state = self.state();
        if let Some(reason) = state.end {
            return Some(Next::End(reason));
        }
        if std::mem::take(&mut state.pages) {
            return Some(Next::Page);
        }
        let (frame, _) = state.frames.pop_front()?;
        state.bytes -= frame.json.len();
        if state.frames.is_empty() {
            state.frames = VecDeque::new(); // most are empty most of the time, and there are many
        }
        Some(Next::Send(frame))
    }

    /// The same session goes on with a newer token.
    pub(super) fn renew(&self, caller: Caller) {
        let mut state = self.state();
        (state.caller, state.warned) = (caller, false);
    }

    /// When its token ends, if that is soon and has not been said.
    pub(super) fn warn(&self, now: DateTime<Utc>, soon: Duration) -> Option<DateTime<Utc>> {
        let mut state = self.state();
        let expires_at = state.caller.expires_at;
        let is_soon = expires_at <= now + soon && !state.warned;
        state.warned |= is_soon;
        is_soon.then_some(expires_at)
    }

    /// Whose it is, and until when.
    pub(super) fn caller(&self) -> Caller {
        self.state().caller
    }
}

impl State {
    fn finish(&mut self, reason: Reason) {
        self.end.get_or_insert(reason);
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane {
        let (account_id, session_id) = (AccountId(Uuid::from_u128(1)), Uuid::from_u128(2));
        let caller = Caller { account_id, session_id, expires_at: DateTime::UNIX_EPOCH };
        Lane::new(Uuid::from_u128(3), caller)
    }

    fn frame(bytes: usize) -> Arc<Frame> {
        Arc::new(Frame { name: "x", place: None, json: "x".repeat(bytes) })
    }

    fn sent(lane: &Lane) -> usize {
        let mut sent = 0;
        while let Some(Next::Send(_)) = lane.try_next() {
            sent += 1;
        }
        sent
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_number_and_in_bytes() {
        for (bytes, most) in [(1, FRAMES_MAX), (BYTES_MAX / 4, 4)] {
            let lane = lane();
            for _ in 0..most {
                lane.push(&frame(bytes));
            }
            assert_eq!(sent(&lane), most);
            for _ in 0..=most {
                lane.push(&frame(bytes));
            }
            assert!(matches!(lane.next().await, Next::End(Reason::SlowConsumer)));
            assert_eq!(lane.state().frames.capacity(), 0, "nothing is kept");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_dropped() {
        let lane = lane();
        lane.push(&frame(1));
        tokio::time::advance(AGE_MAX).await;
        lane.push(&frame(1));
        assert_eq!(sent(&lane), 2);
        lane.push(&frame(1));
        tokio::time::advance(AGE_MAX + Duration::from_millis(1)).await;
        lane.push(&frame(1));
        assert!(matches!(lane.try_next(), Some(Next::End(Reason::SlowConsumer))));
    }

    #[tokio::test]
    async fn what_was_missed_comes_before_what_waits_and_the_end_before_all() {
        let lane = lane();
        lane.push(&frame(1));
        lane.page();
        assert!(matches!(lane.try_next(), Some(Next::Page)));
        assert!(matches!(lane.try_next(), Some(Next::Send(_))));
        assert!(lane.try_next().is_none());
        lane.push(&frame(1));
        lane.end(Reason::SessionRevoked);
        lane.end(Reason::Draining);
        lane.push(&frame(1));
        assert!(matches!(lane.try_next(), Some(Next::End(Reason::SessionRevoked))));
    }

    #[test]
    fn the_end_of_a_token_is_announced_once_and_again_for_the_next() {
        let (lane, now) = (lane(), DateTime::UNIX_EPOCH);
        let soon = Duration::from_mins(1);
        let early = now - chrono::TimeDelta::seconds(61);
        assert_eq!(lane.warn(early, soon), None);
        assert_eq!(lane.warn(now - chrono::TimeDelta::seconds(60), soon), Some(now));
        assert_eq!(lane.warn(now, soon), None);
        assert_eq!(lane.caller().expires_at, now);
        let expires_at = now + chrono::TimeDelta::seconds(600);
        let renewed = Caller { account_id: lane.account, session_id: Uuid::nil(), expires_at };
        lane.renew(renewed);
        assert_eq!(lane.caller(), renewed);
        assert_eq!(lane.warn(expires_at, soon), Some(expires_at));
    }
}
