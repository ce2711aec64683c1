//! Signing in: who somebody is, and for how long that is believed.
//!
//! Each method proves who somebody is in a module of its own (`passwords` is the first); what
//! follows is the same for all: a session (`sessions`), a refresh token that names it, and access
//! tokens (`tokens`), for which a ticket (`tickets`) may stand once. `firebase` has tokens for Firebase.
//! None of it is an event: secrets must be replaceable and deletable.

mod firebase;
mod passwords;
mod sessions;
mod tickets;
mod tokens;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::account::{Account, AccountCommand, AccountError, SCOPE_EMAIL, normalise_email};
use domain::devices::{Devices, DevicesCommand};
use domain::{AccountId, Claim, Decider};
use eventlog::bus::Note;
use eventlog::{Bus, MasterKey, Position, read};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::firebase::{FirebaseToken, FirebaseTokens, InvalidKeyFile};
pub use self::passwords::PasswordError;
use self::passwords::Passwords;
pub(crate) use self::sessions::alive_sessions;
use self::sessions::{RefreshError, Sessions};
use self::tickets::Tickets;
use self::tokens::Tokens;
use crate::gateway::{Cause, CommandError, Context, Gateway};

/// What access tokens say of where they come from.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// `iss`: the URL under which apps know this installation.
    pub issuer: String,
}

/// What somebody gives to register with e-mail and password.
pub struct Registration {
    pub email: String,
    pub password: SecretString,
    pub username: String,
    pub display_name: String,
}

/// What somebody gets who has proved who they are.
#[derive(Clone)]
pub struct SignedIn {
    pub account_id: AccountId,
    /// Empty once erased.
    pub username: String,
    pub access_token: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    pub refresh_token: String,
    /// A read at this position knows the account.
    pub position: Position,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub account_id: AccountId,
    pub session_id: Uuid,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
}

/// A session has ended: its access tokens are refused from now on, and what is open under it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevoked {
    pub account_id: AccountId,
    pub session_id: Uuid,
}

impl Note for SessionRevoked {
    const TOPIC: &'static str = "session_revoked";
}

/// Stands for an access token once, soon.
#[derive(Clone)]
pub struct StreamTicket {
    pub ticket: String,
    /// Seconds until it is good for nothing.
    pub expires_in: u64,
}

/// The access token proves nothing: it is forged, expired, revoked or of another issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("access token is not valid")]
pub struct InvalidToken;

/// Why somebody is not signed in.
#[derive(Debug, Error)]
pub enum SignInError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Which of the two is wrong is not told.
    #[error("e-mail address or password is wrong")]
    InvalidCredentials,
    #[error("refresh token is not valid")]
    InvalidRefreshToken,
    /// Too many passwords are being checked.
    #[error("too many people are signing in")]
    Busy,
    #[error(transparent)]
    Command(#[from] CommandError<AccountError>),
    #[error("sign-in is out of reach")]
    Unavailable(#[from] sqlx::Error),
    #[error("sign-in failed")]
    Internal(#[source] Cause),
}

/// Signs people in and out. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    passwords: Passwords,
    sessions: Sessions,
    tickets: Tickets,
    tokens: Tokens,
}

impl SignIn {
    /// Reads the signing keys; makes the first one when there is none.
    ///
    /// # Errors
    ///
    /// When the database is away, or the keys do not open with `master`.
    pub async fn new(
        gateway: Gateway,
        master: &MasterKey,
        settings: SignInSettings,
        bus: Bus,
    ) -> Result<Self, SignInError> {
        let db = gateway.db().clone();
        let clock = gateway.clock().clone();
        let ids = gateway.ids().clone();
        let tokens = Tokens::open(&db, master, settings, bus, clock.clone(), ids.clone()).await?;
        let inner = Inner {
            passwords: Passwords::new(db.clone())?,
            tickets: Tickets::new(db.clone(), clock.clone()),
            sessions: Sessions::new(db, master, clock, ids),
            tokens,
            gateway,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Registers an account with e-mail and password, and signs it in.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, before anything costly is done; nothing is left behind then.
    pub async fn register(
        &self,
        registration: Registration,
        context: &Context,
    ) -> Result<SignedIn, SignInError> {
        let Inner { gateway, passwords, .. } = &*self.inner;
        let account_id = AccountId(gateway.ids().next());
        let command = AccountCommand::Register {
            account_id,
            username: registration.username,
            display_name: registration.display_name,
            email: registration.email,
            now: gateway.clock().now(),
        };
        Account::default().decide(command.clone()).map_err(CommandError::Rule)?;
        let hash = passwords.hash(registration.password).await?;

        // The hash goes first: an account that nobody can sign in to must not come to be. Should
        // the process die in between, what stays is a hash of nobody's, which no address leads to.
        passwords.store(account_id, &hash).await?;
        let executed = gateway.execute::<Account>(&account_id.to_string(), command, context).await;
        match executed {
            Ok(executed) => self.signed_in(account_id, executed.position).await,
            // It may have been recorded all the same: then the password must be there.
            Err(error @ (CommandError::Unavailable | CommandError::Internal(_))) => {
                Err(error.into())
            }
            Err(error) => {
                passwords.discard(account_id).await?;
                Err(error.into())
            }
        }
    }

    /// Signs in with e-mail and password. Takes the same time whether the address is known or not.
    ///
    /// # Errors
    ///
    /// [`SignInError::InvalidCredentials`] when they do not match.
    pub async fn login(
        &self,
        email: &str,
        password: SecretString,
    ) -> Result<SignedIn, SignInError> {
        let Inner { gateway, passwords, .. } = &*self.inner;
        // What is no address is looked up all the same, and found by nobody.
        let value = normalise_email(email).unwrap_or_default();
        let claim = Claim { scope: SCOPE_EMAIL, value };
        let owner = gateway.claims().owner(gateway.db(), &claim).await?.map(AccountId);
        let account_id = passwords.verify(owner, password).await?;
        self.signed_in(account_id, read::head(gateway.db()).await?).await
    }

    /// Exchanges a refresh token for the next one, and a new access token.
    ///
    /// # Errors
    ///
    /// [`SignInError::InvalidRefreshToken`] when it is none of ours, has ended, or was exchanged
    /// before: then somebody else has it too, and the session is revoked.
    pub async fn refresh(&self, token: &str) -> Result<SignedIn, SignInError> {
        let refreshed = self.inner.sessions.refresh(token).await.map_err(SignInError::from)?;
        if let Some(revoked) = refreshed.revoked {
            self.inner.tokens.revoke(revoked);
            return Err(SignInError::InvalidRefreshToken);
        }
        let position = read::head(self.inner.gateway.db()).await?;
        self.answer(refreshed.session, position).await
    }

    /// Ends the session of a refresh token, and its access tokens with it. Twice is harmless.
    ///
    /// # Errors
    ///
    /// [`SignInError::InvalidRefreshToken`] when it is none of ours.
    pub async fn logout(&self, token: &str) -> Result<(), SignInError> {
        let revoked = self.inner.sessions.revoke(token).await.map_err(SignInError::from)?;
        self.inner.tokens.revoke(revoked);
        self.sign_out_devices(revoked).await;
        Ok(())
    }

    /// Who sent a request with this access token.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], whatever is wrong with it.
    pub fn authenticate(&self, token: &str) -> Result<Caller, InvalidToken> {
        self.inner.tokens.verify(token)
    }

    /// Whether the token or the session of somebody who was authenticated has ended since.
    #[must_use]
    pub fn is_over(&self, caller: &Caller) -> bool {
        self.inner.tokens.is_over(caller)
    }

    /// A ticket for `caller`, who has just been authenticated.
    ///
    /// # Errors
    ///
    /// When the database is away.
    pub async fn issue_ticket(&self, caller: Caller) -> Result<StreamTicket, SignInError> {
        Ok(self.inner.tickets.issue(caller).await?)
    }

    /// Whom `ticket` was issued to. Nobody when it is none, was used before, or has ended, or their
    /// session has.
    ///
    /// # Errors
    ///
    /// When the database is away.
    pub async fn redeem_ticket(&self, ticket: &str) -> Result<Option<Caller>, SignInError> {
        let caller = self.inner.tickets.redeem(ticket).await?;
        Ok(caller.filter(|it| !self.inner.tokens.is_over(it)))
    }

    /// The public keys that access tokens are signed with: a JWK set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.inner.tokens.jwks()
    }

    /// Learns, until `stop`, of sessions that other processes revoke: at once by the bus, and within a
    /// second or so by the database. Their access tokens are refused here too.
    pub async fn follow_revocations(&self, stop: CancellationToken) {
        self.inner.tokens.follow_revocations(self.inner.gateway.db(), stop).await;
    }

    async fn signed_in(
        &self,
        account_id: AccountId,
        position: Position,
    ) -> Result<SignedIn, SignInError> {
        let (session, evicted) = self.inner.sessions.start(account_id).await?;
        for session_id in evicted {
            let revoked = SessionRevoked { account_id, session_id };
            self.inner.tokens.revoke(revoked);
            self.sign_out_devices(revoked).await;
        }
        self.answer(session, position).await
    }

    /// Nothing more is pushed to the devices of a session that has ended. If this fails, whoever is
    /// about to push finds out that it has.
    async fn sign_out_devices(&self, SessionRevoked { account_id, session_id }: SessionRevoked) {
        let gateway = &self.inner.gateway;
        let command = DevicesCommand::SignOut { session_id, now: gateway.clock().now() };
        let (id, context) = (account_id.to_string(), Context::default());
        if let Err(error) = gateway.execute::<Devices>(&id, command, &context).await {
            tracing::warn!(%error, "devices of a session that has ended stay registered, for now");
        }
    }

    async fn answer(
        &self,
        session: sessions::Session,
        position: Position,
    ) -> Result<SignedIn, SignInError> {
        let account_id = session.account_id;
        let username = |account: &Account| match account {
            Account::Absent => String::new(),
            Account::Registered(profile) => profile.username.value().cloned().unwrap_or_default(),
        };
        let username = self.inner.gateway.inspect(&account_id.to_string(), username).await?;
        Ok(SignedIn {
            account_id,
            username,
            access_token: self.inner.tokens.issue(account_id, session.id)?,
            expires_in: tokens::LIFETIME.as_secs(),
            refresh_token: session.refresh_token,
            position,
        })
    }
}

impl From<RefreshError> for SignInError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::InvalidRefreshToken,
            RefreshError::Database(error) => Self::Unavailable(error),
        }
    }
}

impl SignInError {
    fn internal(error: impl Into<Cause>) -> Self {
        Self::Internal(error.into())
    }
}
