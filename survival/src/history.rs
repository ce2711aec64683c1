//! What the load asked for, and what it was told.

use uuid::Uuid;

/// Everything that was asked of Parlance, in no particular order.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub commands: Vec<Command>,
    pub reads: Vec<OwnRead>,
}

/// One intention of one person, and every attempt to have it carried out.
#[derive(Debug, Clone)]
pub struct Command {
    pub by: Uuid,
    pub action: Action,
    pub attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Register,
    OpenChat {
        with: Uuid,
    },
    SendText {
        chat: Uuid,
        message_id: Uuid,
        text: String,
    },
    MarkRead {
        chat: Uuid,
        up_to: i64,
    },
    DeleteForMe {
        chat: Uuid,
        message_id: Uuid,
    },
    DeleteForEveryone {
        chat: Uuid,
        message_id: Uuid,
    },
    /// By whoever sent it, and at most once: what it says afterwards is known.
    Edit {
        chat: Uuid,
        message_id: Uuid,
        text: String,
    },
    /// At most once by each.
    React {
        chat: Uuid,
        message_id: Uuid,
        emoji: String,
    },
    MarkDelivered {
        chat: Uuid,
        up_to: i64,
    },
}

#[derive(Debug, Clone)]
pub enum Attempt {
    Answered(Answer),
    /// No answer came: it was carried out, or not.
    Unanswered,
}

/// What was answered, as far as the check needs it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    /// The server's own name for the request: it stands in the events that the request led to.
    pub request_id: String,
    /// The code of the problem.
    pub code: String,
    pub position: Option<i64>,
    pub chat_id: Option<Uuid>,
    pub number: Option<i64>,
}

/// A read that had to show its caller's own write.
#[derive(Debug, Clone)]
pub struct OwnRead {
    pub by: Uuid,
    pub chat: Uuid,
    /// What the write was answered, and the read asked for.
    pub min_position: i64,
    pub message_id: Uuid,
    pub number: i64,
    /// What the read says it reflects.
    pub position: i64,
    /// The first message after the one before it.
    pub shown: Option<(i64, Uuid)>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Refused: nothing may have been recorded.
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// Refused for a reason that may be gone the next time.
    pub fn is_worth_a_retry(&self) -> bool {
        self.status == 429
            || self.status >= 500
            || matches!(self.code.as_str(), "request-in-flight" | "conflict")
    }
}

impl Command {
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.attempts.iter().filter_map(|it| match it {
            Attempt::Answered(answer) => Some(answer),
            Attempt::Unanswered => None,
        })
    }

    pub fn is_acknowledged(&self) -> bool {
        self.answers().any(Answer::is_success)
    }

    /// Every attempt was refused.
    pub fn is_refused(&self) -> bool {
        self.answers().filter(|it| it.is_refusal()).count() == self.attempts.len()
    }
}
