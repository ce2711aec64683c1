//! What is about a person, and can be erased.

use serde::{Deserialize, Serialize};

use crate::AccountId;

/// A value about a person, sealed under that person's own key wherever it is stored.
///
/// In an event it stands as `{"$personal": {"subject": …, "value": …}}`. The event log's codec
/// replaces that object as a whole by `{"$sealed": …}` before it is written, and puts it back when
/// it is read. Once the person's key is destroyed it reads as a value without `value`: erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal<T> {
    #[serde(rename = "$personal")]
    inner: Inner<T>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Inner<T> {
    subject: AccountId,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    value: Option<T>,
}

impl<T> Personal<T> {
    /// `value`, which is about `subject`.
    pub const fn new(subject: AccountId, value: T) -> Self {
        Self { inner: Inner { subject, value: Some(value) } }
    }

    /// What is left when `subject` has been erased.
    #[must_use]
    pub const fn erased(subject: AccountId) -> Self {
        Self { inner: Inner { subject, value: None } }
    }

    /// The person it is about.
    pub const fn subject(&self) -> AccountId {
        self.inner.subject
    }

    /// The value, or nothing once the person has been erased.
    pub const fn value(&self) -> Option<&T> {
        self.inner.value.as_ref()
    }

    /// As [`value`](Self::value), by value.
    pub fn into_value(self) -> Option<T> {
        self.inner.value
    }
}
