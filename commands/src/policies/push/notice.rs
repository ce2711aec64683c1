//! What is pushed: `docs/push.md` shows it to whoever writes an app.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::Account;
use domain::chat::{Chat, ChatEvent, News as ChatNews};
use domain::{AccountId, ChatId};

use super::candidate::Candidate;
use super::{EffectError, News, PushNews};
use crate::push::{Notice, Shown, preview};

/// How long a push service keeps a message for a device that is away: as long as FCM does at most.
const TTL: Duration = Duration::from_hours(28 * 24);

/// Who is named once they are erased.
const NOBODY: &str = "Somebody";

/// The names that somebody goes by.
struct Names {
    username: String,
    display_name: String,
}

impl PushNews {
    /// What `candidate` is to be told. The same for each of their devices, but for the effect's id.
    pub(super) async fn notice(&self, candidate: &Candidate<'_>) -> Result<Notice, EffectError> {
        let mut notice = match *candidate.news {
            News::Message { .. } => self.message(candidate).await?,
            News::Reaction { .. } => self.reaction(candidate).await?,
            News::Read { chat_id, up_to, .. } => {
                let number = ("number", up_to.to_string());
                unseen(chat_id, [("type", "read".to_owned()), number].into())
            }
            News::Deleted { chat_id, message_id, number, .. } => {
                let what = [("message_id", message_id.to_string()), ("number", number.to_string())];
                let kind = ("type", "deleted".to_owned());
                unseen(chat_id, what.into_iter().chain([kind]).collect())
            }
        };
        notice.data.insert("chat_id", notice.chat_id.to_string());
        notice.data.insert("position", candidate.effect.position.to_string());
        Ok(notice)
    }

    async fn message(&self, candidate: &Candidate<'_>) -> Result<Notice, EffectError> {
        let (
            &News::Message { chat_id, message_id, number, sender, sent_at, expires_at, .. },
            Some(news),
        ) = (candidate.news, candidate.message)
        else {
            return Err(EffectError::Poison("not a message".to_owned()));
        };
        let Names { username, display_name } = self.names(sender).await?;
        let title = message_title(&display_name, news);
        let mut data = BTreeMap::from([
            ("type", "message".to_owned()),
            ("reference_type", "NEW_MESSAGE".to_owned()),
            ("reference_id", sender.to_string()),
            ("reference_username", username),
            ("title", title.clone()),
            ("message_id", message_id.to_string()),
            ("number", number.to_string()),
            ("unread", news.unread.to_string()),
            ("sent_at", rfc3339(sent_at)),
        ]);
        data.extend(expires_at.map(|it| ("expires_at", rfc3339(it))));
        // What was said since may be something else: the app fetches it.
        let tells = candidate.previews && !news.is_edited;
        let body = if tells { self.text(candidate).await? } else { None };
        let replaces =
            if candidate.previews { format!("{chat_id}:{number}") } else { chat_id.to_string() };
        let left = expires_at.map(|it| (it - candidate.effect.now).to_std().unwrap_or_default());
        let ttl = left.map_or(TTL, |it| it.min(TTL));
        Ok(Notice { data, shown: Some(Shown { title, body }), chat_id, replaces, ttl })
    }

    async fn reaction(&self, candidate: &Candidate<'_>) -> Result<Notice, EffectError> {
        let &News::Reaction { chat_id, message_id, number, by, .. } = candidate.news else {
            return Err(EffectError::Poison("not a reaction".to_owned()));
        };
        let Names { username, display_name } = self.names(by).await?;
        let emoji = if candidate.previews { self.emoji(candidate).await? } else { None };
        let title = reaction_title(&display_name, emoji.as_deref());
        let data = BTreeMap::from([
            ("type", "reaction".to_owned()),
            ("reference_type", "NEW_REACTION".to_owned()),
            ("reference_id", by.to_string()),
            ("reference_username", username),
            ("title", title.clone()),
            ("message_id", message_id.to_string()),
            ("number", number.to_string()),
        ]);
        let (shown, replaces) = (Some(Shown { title, body: None }), format!("reaction:{chat_id}"));
        Ok(Notice { data, shown, chat_id, replaces, ttl: TTL })
    }

    async fn names(&self, account: AccountId) -> Result<Names, EffectError> {
        let names = |account: &Account| match account {
            Account::Absent => (None, None),
            Account::Registered(profile) => {
                (profile.username.value().cloned(), profile.display_name.value().cloned())
            }
        };
        let ((username, display_name), _) = self.gateway.look(&account.to_string(), names).await?;
        Ok(Names {
            username: username.unwrap_or_default(),
            display_name: display_name.unwrap_or_else(|| NOBODY.to_owned()),
        })
    }

    async fn text(&self, candidate: &Candidate<'_>) -> Result<Option<String>, EffectError> {
        let event = self.gateway.event_at::<Chat>(candidate.effect.position).await?;
        let Some(ChatEvent::MessageSent { content, .. }) = event else { return Ok(None) };
        Ok(content.text().and_then(|it| it.value()).map(|it| preview(it)))
    }

    async fn emoji(&self, candidate: &Candidate<'_>) -> Result<Option<String>, EffectError> {
        let event = self.gateway.event_at::<Chat>(candidate.effect.position).await?;
        let Some(ChatEvent::Reacted { emoji, .. }) = event else { return Ok(None) };
        Ok(emoji.into_value())
    }
}

/// Nobody sees it. Those that wait for a device replace each other: the app looks at what is left.
fn unseen(chat_id: ChatId, data: BTreeMap<&'static str, String>) -> Notice {
    let replaces = data.get("type").cloned().unwrap_or_default();
    Notice { data, shown: None, chat_id, replaces, ttl: TTL }
}

/// One push may stand for several messages: those held back in quiet hours, or written in one go.
fn message_title(name: &str, news: ChatNews) -> String {
    match news.untold {
        0 | 1 => format!("{name} sent you a new message"),
        _ => format!("{name} sent you {} new messages", news.unread),
    }
}

fn reaction_title(name: &str, emoji: Option<&str>) -> String {
    match emoji {
        None => format!("{name} reacted to your message"),
        Some(emoji) => format!("{name} reacted {emoji} to your message"),
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(unread: u64, untold: u64) -> String {
        let news = ChatNews { is_delivered: false, is_edited: false, unread, untold };
        message_title("Ada", news)
    }

    #[test]
    fn a_title_says_who_and_how_many() {
        assert_eq!(title(1, 1), "Ada sent you a new message");
        assert_eq!(title(9, 1), "Ada sent you a new message");
        assert_eq!(title(9, 8), "Ada sent you 9 new messages");
        assert_eq!(reaction_title("Ada", None), "Ada reacted to your message");
        assert_eq!(reaction_title("Ada", Some("👍")), "Ada reacted 👍 to your message");
    }
}
