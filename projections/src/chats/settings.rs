//! Pointers and settings of a chat, and the statement that writes them.

use chrono::{DateTime, Utc};
use domain::chat::{Disappearing, Quoted};
use domain::{ChatId, Personal};
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use super::change::Change;
use super::rows::NOT_OPENED;
use crate::error::{ProjectionError, expect_all_but};

/// What is set on one member's side: what is `None` stays as it is.
#[derive(Default)]
pub(super) struct Setting {
    pub(super) active: Option<bool>,
    pub(super) marked_unread: Option<bool>,
    pub(super) archived: Option<bool>,
    pub(super) mute: Option<Mute>,
    pub(super) timer: Option<Timer>,
    pub(super) draft: Option<Draft>,
    pub(super) cleared_up_to: Option<i64>,
    read_up_to: Option<i64>,
    delivered_up_to: Option<i64>,
    pub(super) participant_read: Receipt,
    pub(super) participant_delivered: Receipt,
}

#[derive(Clone, Copy)]
pub(super) enum Mute {
    Off,
    /// Until a time, or until it is unmuted.
    On(Option<DateTime<Utc>>),
}

/// Whether messages disappear.
#[derive(Clone, Copy)]
pub(super) enum Timer {
    Off,
    On(Disappearing),
}

/// What stands in the draft. Nothing: it is gone.
pub(super) struct Draft {
    text: Option<String>,
    reply_to: Option<Uuid>,
    saved_at: Option<DateTime<Utc>>,
}

/// How far the other member came, and at which position they came that far.
#[derive(Default)]
pub(super) struct Receipt {
    up_to: Option<i64>,
    position: i64,
}

impl Receipt {
    pub(super) fn advance(&mut self, up_to: i64, position: Position) {
        if self.up_to.is_none_or(|it| it < up_to) {
            *self = Self { up_to: Some(up_to), position: position.0 };
        }
    }
}

impl Draft {
    pub(super) fn new(
        text: Option<&Personal<String>>,
        reply_to: Option<&Quoted>,
        saved_at: DateTime<Utc>,
    ) -> Self {
        Self {
            text: text.and_then(Personal::value).cloned(),
            reply_to: reply_to.map(|it| it.message_id.0),
            saved_at: (text.is_some() || reply_to.is_some()).then_some(saved_at),
        }
    }
}

impl Setting {
    /// What is read has been delivered, and is no longer marked as unread.
    pub(super) fn read(&mut self, up_to: i64) {
        self.read_up_to = Some(up_to);
        self.marked_unread = Some(false);
        self.delivered(up_to);
    }

    pub(super) fn delivered(&mut self, up_to: i64) {
        self.delivered_up_to = self.delivered_up_to.max(Some(up_to));
    }

    const fn is_nothing(&self) -> bool {
        self.active.is_none()
            && self.marked_unread.is_none()
            && self.archived.is_none()
            && self.mute.is_none()
            && self.timer.is_none()
            && self.draft.is_none()
            && self.cleared_up_to.is_none()
            && self.read_up_to.is_none()
            && self.delivered_up_to.is_none()
            && self.participant_read.up_to.is_none()
            && self.participant_delivered.up_to.is_none()
    }
}

/// Settings as arrays: one entry a side, or one a chat when neither member is known.
#[derive(Default)]
pub(super) struct Settings {
    chat_ids: Vec<Uuid>,
    /// Whose side, or whose participant's.
    account_ids: Vec<Option<Uuid>>,
    is_participant: Vec<bool>,
    rows: u64,
    /// Of those, as many may not be there.
    absent: u64,
    active: Vec<Option<bool>>,
    marked_unread: Vec<Option<bool>>,
    archived: Vec<Option<bool>>,
    muted: Vec<Option<bool>>,
    muted_until: Vec<Option<DateTime<Utc>>>,
    has_disappearing: Vec<bool>,
    disappearing_days: Vec<Option<i32>>,
    has_draft: Vec<bool>,
    draft_texts: Vec<Option<String>>,
    draft_reply_to: Vec<Option<Uuid>>,
    draft_at: Vec<Option<DateTime<Utc>>>,
    cleared_up_to: Vec<Option<i64>>,
    read_up_to: Vec<Option<i64>>,
    delivered_up_to: Vec<Option<i64>>,
    participant_read: Vec<Option<i64>>,
    participant_read_position: Vec<i64>,
    participant_delivered: Vec<Option<i64>>,
    participant_delivered_position: Vec<i64>,
}

impl Settings {
    pub(super) fn push(&mut self, chat_id: ChatId, change: Change) {
        self.absent += u64::from(change.is_of_any);
        let [one, other] = change.accounts.map(|it| it.map(|it| it.0));
        let [first, second] = change.sides;
        if one.is_none() {
            self.push_side(chat_id, None, false, first);
        } else {
            self.push_side(chat_id, one, false, first);
            self.push_side(chat_id, other.or(one), other.is_none(), second);
        }
    }

    fn push_side(
        &mut self,
        chat_id: ChatId,
        account_id: Option<Uuid>,
        is_participant: bool,
        side: super::change::Side,
    ) {
        let setting = side.settings;
        if setting.is_nothing() {
            return;
        }
        self.chat_ids.push(chat_id.0);
        self.account_ids.push(account_id);
        self.is_participant.push(is_participant);
        self.rows += if account_id.is_some() { 1 } else { 2 };
        self.active.push(setting.active);
        self.marked_unread.push(setting.marked_unread);
        self.archived.push(setting.archived);
        self.cleared_up_to.push(setting.cleared_up_to);
        self.read_up_to.push(setting.read_up_to);
        self.delivered_up_to.push(setting.delivered_up_to);
        self.participant_read.push(setting.participant_read.up_to);
        self.participant_read_position.push(setting.participant_read.position);
        self.participant_delivered.push(setting.participant_delivered.up_to);
        self.participant_delivered_position.push(setting.participant_delivered.position);
        let (muted, until) = match setting.mute {
            None => (None, None),
            Some(Mute::Off) => (Some(false), None),
            Some(Mute::On(until)) => (Some(true), until),
        };
        self.muted.push(muted);
        self.muted_until.push(until);
        self.has_disappearing.push(setting.timer.is_some());
        self.disappearing_days.push(setting.timer.and_then(days));
        self.has_draft.push(setting.draft.is_some());
        let draft = setting.draft.unwrap_or(Draft { text: None, reply_to: None, saved_at: None });
        self.draft_texts.push(draft.text);
        self.draft_reply_to.push(draft.reply_to);
        self.draft_at.push(draft.saved_at);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        let done = sqlx::query!(
            "UPDATE chats c
             SET active = coalesce(s.active, c.active),
                 marked_unread = coalesce(s.marked_unread, c.marked_unread),
                 archived = coalesce(s.archived, c.archived),
                 muted = coalesce(s.muted, c.muted),
                 muted_until = CASE WHEN s.muted IS NULL THEN c.muted_until ELSE s.muted_until END,
                 disappearing_days = CASE WHEN s.has_disappearing THEN s.disappearing_days
                                          ELSE c.disappearing_days END,
                 draft_text = CASE WHEN s.has_draft THEN s.draft_text ELSE c.draft_text END,
                 draft_reply_to = CASE WHEN s.has_draft THEN s.draft_reply_to
                                       ELSE c.draft_reply_to END,
                 draft_at = CASE WHEN s.has_draft THEN s.draft_at ELSE c.draft_at END,
                 cleared_up_to = coalesce(s.cleared_up_to, c.cleared_up_to),
                 read_up_to = coalesce(s.read_up_to, c.read_up_to),
                 delivered_up_to = greatest(s.delivered_up_to, c.delivered_up_to),
                 participant_read_up_to =
                     greatest(s.participant_read, c.participant_read_up_to),
                 participant_delivered_up_to =
                     greatest(s.participant_delivered, c.participant_delivered_up_to),
                 changed_apart = CASE
                     WHEN s.participant_delivered > c.participant_delivered_up_to
                     THEN greatest(c.changed_apart, s.participant_delivered_position)
                     ELSE c.changed_apart
                 END,
                 changed = greatest(
                     c.changed,
                     CASE WHEN s.participant_delivered > c.participant_delivered_up_to
                          THEN s.participant_delivered_position END,
                     CASE WHEN s.participant_read > c.participant_read_up_to
                          THEN s.participant_read_position END
                 )
             FROM unnest(
                 $1::uuid[], $2::uuid[], $3::boolean[], $4::boolean[], $5::boolean[],
                 $6::boolean[], $7::boolean[], $8::timestamptz[], $9::boolean[], $10::int[],
                 $11::boolean[], $12::text[], $13::uuid[], $14::timestamptz[], $15::bigint[],
                 $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
                 $21::bigint[]
             ) AS s (
                 chat_id, account_id, is_participant, active, marked_unread,
                 archived, muted, muted_until, has_disappearing, disappearing_days,
                 has_draft, draft_text, draft_reply_to, draft_at, cleared_up_to,
                 read_up_to, delivered_up_to, participant_read, participant_read_position,
                 participant_delivered, participant_delivered_position
             )
             WHERE c.chat_id = s.chat_id
               AND (s.account_id IS NULL
                    OR s.account_id = CASE WHEN s.is_participant THEN c.participant_id
                                           ELSE c.account_id END)",
            &self.chat_ids,
            &self.account_ids as &[Option<Uuid>],
            &self.is_participant,
            &self.active as &[Option<bool>],
            &self.marked_unread as &[Option<bool>],
            &self.archived as &[Option<bool>],
            &self.muted as &[Option<bool>],
            &self.muted_until as &[Option<DateTime<Utc>>],
            &self.has_disappearing,
            &self.disappearing_days as &[Option<i32>],
            &self.has_draft,
            &self.draft_texts as &[Option<String>],
            &self.draft_reply_to as &[Option<Uuid>],
            &self.draft_at as &[Option<DateTime<Utc>>],
            &self.cleared_up_to as &[Option<i64>],
            &self.read_up_to as &[Option<i64>],
            &self.delivered_up_to as &[Option<i64>],
            &self.participant_read as &[Option<i64>],
            &self.participant_read_position,
            &self.participant_delivered as &[Option<i64>],
            &self.participant_delivered_position
        )
        .execute(db)
        .await?;
        expect_all_but(self.absent, done.rows_affected(), self.rows, NOT_OPENED)
    }
}

fn days(timer: Timer) -> Option<i32> {
    match timer {
        Timer::Off => None,
        Timer::On(after) => i32::try_from(after.days()).ok(),
    }
}
