use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{AccountCommand, AccountError, AccountEvent, Audience};
use crate::{AccountId, Claim, ClaimChange, Decider, Personal};

/// Characters in a user name.
const USERNAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=30;

/// Characters in a display name.
const DISPLAY_NAME_MAX: usize = 50;

/// Characters in an e-mail address, and before its `@` (RFC 5321, section 4.5.3.1).
const EMAIL_MAX: usize = 254;
const EMAIL_LOCAL_MAX: usize = 64;

/// The scope in which user names are unique.
pub const SCOPE_USERNAME: &str = "username";

/// The scope in which e-mail addresses are unique.
pub const SCOPE_EMAIL: &str = "email";

/// The state that decisions about an account depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    #[default]
    Absent,
    Registered(Profile),
}

/// The names an account goes by, and what its owner chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub account_id: AccountId,
    pub username: Personal<String>,
    pub display_name: Personal<String>,
    pub email: Personal<String>,
    pub read_receipts: bool,
    pub presence_shown_to: Audience,
}

impl Decider for Account {
    const STATE_SCHEMA: &'static str = "account-3";

    fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        match (self, command) {
            (
                Self::Absent,
                AccountCommand::Register { account_id, username, display_name, email, now },
            ) => {
                let personal = |value| Personal::new(account_id, value);
                Ok(vec![AccountEvent::Registered {
                    account_id,
                    username: personal(normalise_username(&username)?),
                    display_name: personal(trim_display_name(&display_name)?),
                    email: personal(trim_email(&email)?),
                    registered_at: now,
                }])
            }
            (Self::Registered(_), AccountCommand::Register { .. }) => {
                Err(AccountError::AlreadyRegistered)
            }
            (
                Self::Absent,
                AccountCommand::ChangeProfile { .. }
                | AccountCommand::ChangePrivacy { .. }
                | AccountCommand::ShowPresence { .. },
            ) => Err(AccountError::NotFound),
            (
                Self::Registered(profile),
                AccountCommand::ChangeProfile { username, display_name, now },
            ) => profile.change(username, display_name, now),
            (Self::Registered(profile), AccountCommand::ChangePrivacy { read_receipts, now }) => {
                Ok(profile.change_privacy(read_receipts, now))
            }
            (Self::Registered(profile), AccountCommand::ShowPresence { to, now }) => {
                Ok(profile.show_presence(to, now))
            }
        }
    }

    fn claims(&self, event: &AccountEvent) -> Vec<ClaimChange> {
        match event {
            AccountEvent::Registered { username, email, .. } => [
                username.value().map(|it| ClaimChange::Take(username_claim(it))),
                email.value().map(|it| ClaimChange::Take(email_claim(it))),
            ]
            .into_iter()
            .flatten()
            .collect(),
            AccountEvent::ProfileChanged { username, .. } => {
                let Some(taken) = username.as_ref().and_then(Personal::value) else {
                    return vec![];
                };
                let mut changes = vec![ClaimChange::Take(username_claim(taken))];
                if let Self::Registered(profile) = self
                    && let Some(released) = profile.username.value()
                {
                    changes.push(ClaimChange::Release(username_claim(released)));
                }
                changes
            }
            AccountEvent::PrivacyChanged { .. } | AccountEvent::PresenceShown { .. } => vec![],
        }
    }

    fn weight(&self) -> usize {
        let text = match self {
            Self::Absent => 0,
            Self::Registered(profile) => [&profile.username, &profile.display_name, &profile.email]
                .into_iter()
                .filter_map(|it| it.value())
                .map(String::capacity)
                .sum(),
        };
        size_of::<Self>() + text
    }
}

impl Profile {
    fn change(
        &self,
        username: Option<String>,
        display_name: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let username = username.map(|it| normalise_username(&it)).transpose()?;
        let display_name = display_name.map(|it| trim_display_name(&it)).transpose()?;
        let changed = |new: Option<String>, old: &Personal<String>| {
            new.filter(|it| Some(it) != old.value()).map(|it| Personal::new(self.account_id, it))
        };
        let username = changed(username, &self.username);
        let display_name = changed(display_name, &self.display_name);
        if username.is_none() && display_name.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![AccountEvent::ProfileChanged {
            account_id: self.account_id,
            username,
            display_name,
            changed_at: now,
        }])
    }

    fn change_privacy(&self, read_receipts: bool, now: DateTime<Utc>) -> Vec<AccountEvent> {
        if read_receipts == self.read_receipts {
            return vec![];
        }
        let account_id = self.account_id;
        vec![AccountEvent::PrivacyChanged { account_id, read_receipts, changed_at: now }]
    }

    fn show_presence(&self, to: Audience, now: DateTime<Utc>) -> Vec<AccountEvent> {
        if to == self.presence_shown_to {
            return vec![];
        }
        vec![AccountEvent::PresenceShown { account_id: self.account_id, to, changed_at: now }]
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;
    type Services = ();

    async fn handle(
        &mut self,
        command: AccountCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AccountError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Folds one recorded event into the state. Never fails and never judges: it already happened.
    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Registered { account_id, username, display_name, email, .. } => {
                *self = Self::Registered(Profile {
                    account_id,
                    username,
                    display_name,
                    email,
                    read_receipts: true,
                    presence_shown_to: Audience::default(),
                });
            }
            AccountEvent::ProfileChanged { username, display_name, .. } => {
                if let Self::Registered(profile) = self {
                    if let Some(username) = username {
                        profile.username = username;
                    }
                    if let Some(display_name) = display_name {
                        profile.display_name = display_name;
                    }
                }
            }
            AccountEvent::PrivacyChanged { read_receipts, .. } => {
                if let Self::Registered(profile) = self {
                    profile.read_receipts = read_receipts;
                }
            }
            AccountEvent::PresenceShown { to, .. } => {
                if let Self::Registered(profile) = self {
                    profile.presence_shown_to = to;
                }
            }
        }
    }
}

/// The user name as it is stored and compared: capitals become small letters.
///
/// # Errors
///
/// [`AccountError::InvalidUsername`] when it breaks rule 2.
pub fn normalise_username(username: &str) -> Result<String, AccountError> {
    let username = username.to_ascii_lowercase();
    let allowed =
        |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_' || it == b'.';
    if USERNAME_LENGTH.contains(&username.len()) && username.bytes().all(allowed) {
        Ok(username)
    } else {
        Err(AccountError::InvalidUsername)
    }
}

fn trim_display_name(name: &str) -> Result<String, AccountError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > DISPLAY_NAME_MAX || name.chars().any(char::is_control) {
        return Err(AccountError::InvalidDisplayName);
    }
    Ok(name.to_owned())
}

/// The address as it was given, trimmed. Only its form is checked: whether it reaches anybody is
/// found out by sending to it.
fn trim_email(email: &str) -> Result<String, AccountError> {
    let email = email.trim();
    let Some((local, domain)) = email.rsplit_once('@') else {
        return Err(AccountError::InvalidEmail);
    };
    let clean = |it: char| !it.is_whitespace() && !it.is_control() && it != '@';
    let label = |it: &str| {
        !it.is_empty()
            && !it.starts_with('-')
            && !it.ends_with('-')
            && it.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let valid = email.chars().count() <= EMAIL_MAX
        && !local.is_empty()
        && local.chars().count() <= EMAIL_LOCAL_MAX
        && local.chars().all(clean)
        && domain.contains('.')
        && domain.split('.').all(label);
    if valid { Ok(email.to_owned()) } else { Err(AccountError::InvalidEmail) }
}

/// The address as it is compared: without regard to case.
///
/// # Errors
///
/// [`AccountError::InvalidEmail`] when it is not an address.
pub fn normalise_email(email: &str) -> Result<String, AccountError> {
    trim_email(email).map(|it| it.to_lowercase())
}

fn username_claim(username: &str) -> Claim {
    Claim { scope: SCOPE_USERNAME, value: username.to_lowercase() }
}

fn email_claim(email: &str) -> Claim {
    Claim { scope: SCOPE_EMAIL, value: email.to_lowercase() }
}
