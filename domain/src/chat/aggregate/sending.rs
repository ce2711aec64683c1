//! Sending a message.

use chrono::{DateTime, Duration, Utc};

use super::{OpenChat, Side, text};
use crate::Personal;
use crate::chat::{ChatError, ChatEvent, Content, Limits, NewContent, Outgoing, Quoted};

/// A message that may be sent.
struct Checked {
    content: Content,
    tags: Option<Personal<Vec<String>>>,
}

impl OpenChat {
    pub(super) fn send(
        &self,
        message: Outgoing,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.side(message.sender)?;
        let Checked { content, tags } = check(&message, limits)?;
        if let Some(number) = self.messages.number_of(message.message_id) {
            return if self.messages.sender(number) == side {
                Ok(vec![])
            } else {
                Err(ChatError::MessageIdTaken(message.message_id))
            };
        }
        self.may_speak(side)?;
        let reply_to = message.reply_to.map(|it| self.quote(it, side, now)).transpose()?;
        let spent_ms = self.spend(side, limits, now)?;
        let (own, other) = (self.member(side), self.member(side.other()));
        let (recipient, withheld) = (self.other(side), other.blocks);
        let sent = ChatEvent::MessageSent {
            chat_id: self.chat_id,
            message_id: message.message_id,
            number: self.messages.last() + 1,
            sender: message.sender,
            recipient,
            content,
            reply_to,
            reference: message.reference,
            tags,
            forwarded: message.forwarded,
            expires_at: own.disappearing.map(|it| now + Duration::days(it.days())),
            withheld,
            spent_ms,
            sent_at: now,
        };
        if withheld {
            return Ok(vec![sent]);
        }
        let revealed = (!other.opened).then(|| self.reveal(recipient, now));
        Ok(revealed.into_iter().chain([sent]).chain(self.arrival(side, now)).collect())
    }

    /// What a message of `side` brings about that reaches the other member.
    fn arrival(&self, side: Side, now: DateTime<Utc>) -> impl Iterator<Item = ChatEvent> {
        let (chat_id, by, recipient) = (self.chat_id, self.members[side.index()], self.other(side));
        let (own, other) = (self.member(side), self.member(side.other()));
        // What one set while the other had blocked them was kept from the other until now.
        let after = own.disappearing;
        let set = (after != other.disappearing).then_some(ChatEvent::DisappearingSet {
            chat_id,
            by,
            after,
            withheld: false,
            set_at: now,
        });
        let comes_back = other.archived && !other.muted.is_on(now);
        let back = ChatEvent::Unarchived { chat_id, by: recipient, unarchived_at: now };
        set.into_iter().chain(comes_back.then_some(back))
    }

    pub(super) fn quote(
        &self,
        message_id: crate::MessageId,
        side: Side,
        now: DateTime<Utc>,
    ) -> Result<Quoted, ChatError> {
        Ok(Quoted { message_id, number: self.present(message_id, side, now)? })
    }

    /// How long the sender's allowance takes to be full again after one more message, in
    /// milliseconds: the generic cell rate algorithm (ITU-T I.371, annex A).
    fn spend(&self, side: Side, limits: Limits, now: DateTime<Utc>) -> Result<u32, ChatError> {
        let full_at = self.member(side).allowance_full_at.map_or(now, |it| it.max(now));
        let spent = (full_at - now).num_milliseconds() + i64::from(limits.interval_ms);
        let allowed = i64::from(limits.burst.max(1)).saturating_mul(limits.interval_ms.into());
        if limits.interval_ms > 0 && spent > allowed {
            return Err(ChatError::TooFast {
                retry_after: Duration::milliseconds(spent - allowed),
            });
        }
        let spent = if limits.interval_ms == 0 { 0 } else { spent };
        Ok(u32::try_from(spent).unwrap_or(u32::MAX))
    }
}

fn check(message: &Outgoing, limits: Limits) -> Result<Checked, ChatError> {
    let by = message.sender;
    let max = limits.text_max;
    let caption = |it: &Option<String>| it.as_deref().map(|it| text::trim(it, max)).transpose();
    let personal = |it: Option<String>| it.map(|it| Personal::new(by, it));
    let content = match &message.content {
        NewContent::Text { text } => {
            Content::Text { text: Personal::new(by, text::trim(text, max)?) }
        }
        NewContent::File { file, caption: said } => {
            Content::File { file: *file, caption: personal(caption(said)?) }
        }
        NewContent::Image { file, caption: said } => {
            Content::Image { file: *file, caption: personal(caption(said)?) }
        }
        NewContent::Actionable { text, action, action_params } => {
            text::check_action(action, action_params)?;
            Content::Actionable {
                text: Personal::new(by, text::trim(text, max)?),
                action: action.clone(),
                action_params: Personal::new(by, action_params.clone()),
            }
        }
    };
    if let Some(reference) = &message.reference {
        text::check_reference(reference)?;
    }
    let said = content.text().and_then(Personal::value).map(String::as_str);
    let tags = text::tags(&message.tags, said)?;
    let tags = (!tags.is_empty()).then(|| Personal::new(by, tags));
    Ok(Checked { content, tags })
}
