//! The command side: executing commands, and everything a command needs that is no rule.
//!
//! - [`Gateway`]: executes commands on aggregates, with a cache of hot ones
//! - [`IdempotencyKey`]: the same key, the same answer, for ever
//! - [`SignIn`]: passwords, sessions and tokens
//! - [`Files`]: bytes in S3, and who may send and fetch them
//! - [`Presence`]: who is connected, and so who is there
//! - [`Push`]: the push services, and which devices they reach
//! - [`policies`]: what happens because something happened
//! - [`open_chat`], [`block`], [`send`], [`forward`]: what concerns several aggregates at once

mod block;
mod claims;
mod files;
mod forward;
mod gateway;
mod idempotency;
mod in_flight;
mod open_chat;
pub mod policies;
mod presence;
mod push;
mod send;
mod sign_in;

pub use block::block;
pub use files::{
    ArrivedPart, EmbeddedSettings, Files, FilesError, FilesSettings, Link, NewPart, NewUpload,
    PART_SIZE, Reading, ReportedFile, RequestedUpload, S3Settings, ScannerAddress, StorageSettings,
    Ticket, Upload, Validity, WHOLE_MAX,
};
pub use forward::{Forwarding, Target, forward, may_forward};
pub use gateway::{Cached, CommandError, Context, Executed, Gateway};
pub use idempotency::{IdempotencyKey, fingerprint};
pub use open_chat::{OpenChatError, open_chat};
pub use policies::Policies;
pub use presence::{ConnectError, Connected, PER_PERSON_MAX, Presence, PresenceChanged};
pub use push::{
    DeviceRegistration, FcmSettings, InvalidPushHost, Push, PushError, PushHosts, PushSettings,
    RegisterDeviceError, register_device,
};
pub use send::{SendError, Sending, send};
pub use sign_in::{
    Caller, FirebaseToken, FirebaseTokens, InvalidKeyFile, InvalidToken, PasswordError,
    Registration, SessionRevoked, SignIn, SignInError, SignInSettings, SignedIn, StreamTicket,
};
