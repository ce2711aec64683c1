//! What every aggregate offers besides [`cqrs_es::Aggregate`]: decisions without side effects.

use cqrs_es::Aggregate;

use crate::Event;

/// An aggregate whose decisions are a pure function of state and command.
pub trait Decider:
    Clone
    + Aggregate<
        Command: Clone + Send + Sync,
        Event: Into<Event> + TryFrom<Event>,
        Error: Send + Sync + 'static,
    > + 'static
{
    /// The shape of the serialized state. A new value makes every older snapshot of this aggregate
    /// unread; `tests/golden` pins the shape that each value stands for.
    const STATE_SCHEMA: &'static str;

    /// Decides which events `command` causes in this state.
    ///
    /// An empty vector means the command was already applied: sending it again is harmless.
    ///
    /// # Errors
    ///
    /// The first rule the command breaks.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Which unique values `event` takes or gives up, seen from the state before it.
    fn claims(&self, event: &Self::Event) -> Vec<ClaimChange>;

    /// Roughly how many bytes this state holds in memory, for the cache's budget.
    fn weight(&self) -> usize;
}

/// A value that at most one owner holds, in its normalised form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What kind of value it is: `username`, `email`. Values of different scopes never collide.
    pub scope: &'static str,
    /// The value as compared: lower case, trimmed.
    pub value: String,
}

/// How an event changes the claims of its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimChange {
    Take(Claim),
    Release(Claim),
}
