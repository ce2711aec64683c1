//! A past for the log: what the domain would have recorded, had people written for years.
//!
//! Every event is decided by the domain and encoded by the log's codec, so that read models,
//! snapshots and rebuilds meet what they would meet in earnest.

use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{Account, AccountCommand};
use domain::chat::{Chat, ChatCommand, Limits, Outgoing};
use domain::{AccountId, ChatId, Decider, MessageId};
use eventlog::append::{Lineage, NewEvent};
use eventlog::{Append, Clock, Codec, Ids};

use crate::Outcome;
use crate::people::TEXT;

/// People of the past.
const PEOPLE: usize = 500;

/// Chats of each with the next ones.
const CHATS_EACH: usize = 2;

/// Messages that one member sends before the other reads them and answers.
const RUN: usize = 4;

/// The past, as far as it has been made.
pub(crate) struct History {
    maker: Maker,
    people: Vec<AccountId>,
    chats: Vec<Conversation>,
    turn: usize,
}

/// One chat of the past.
pub(crate) struct Conversation {
    members: [AccountId; 2],
    pub(crate) id: ChatId,
    state: Chat,
    /// Of the stream.
    version: i64,
    /// Whether messages are read.
    is_read: bool,
    step: usize,
    last: u64,
}

/// Makes appends.
#[derive(Clone)]
pub(crate) struct Maker {
    clock: Clock,
    ids: Ids,
}

impl History {
    pub(crate) fn new() -> Self {
        let maker = Maker { clock: Clock::system(), ids: Ids::random() };
        let people: Vec<_> = (0..PEOPLE).map(|_| AccountId(maker.ids.next())).collect();
        let mut chats = Vec::new();
        for (place, one) in people.iter().enumerate() {
            let others = people.iter().cycle().skip(place + 1).take(CHATS_EACH);
            chats.extend(others.map(|other| Conversation::new([*one, *other], true)));
        }
        Self { maker, people, chats, turn: 0 }
    }

    /// Everybody's registration. Their names are claimed by nobody: nobody signs in as they.
    pub(crate) async fn registrations(&self, codec: &Codec) -> Outcome<Vec<Append>> {
        let mut appends = Vec::new();
        for (number, account_id) in self.people.iter().enumerate() {
            let command = AccountCommand::Register {
                account_id: *account_id,
                username: format!("past_{number}"),
                display_name: format!("Past {number}"),
                email: format!("past{number}@example.org"),
                now: self.maker.clock.now(),
            };
            let events = Account::default().decide(command)?;
            let stream = (Account::TYPE, account_id.to_string(), 0);
            appends.push(self.maker.append(codec, stream, *account_id, &events).await?);
        }
        Ok(appends)
    }

    /// The next `count` events, one a command, all chats in turn.
    pub(crate) async fn next(&mut self, codec: &Codec, count: usize) -> Outcome<Vec<Append>> {
        let mut appends = Vec::with_capacity(count);
        for _ in 0..count {
            self.turn = (self.turn + 1) % self.chats.len().max(1);
            let chat = self.chats.get_mut(self.turn).ok_or("the past has no chats")?;
            appends.push(self.maker.step(codec, chat).await?);
        }
        Ok(appends)
    }

    /// A chat of `member` with somebody of the past, for very many messages.
    pub(crate) fn long_chat(&self, member: AccountId) -> Outcome<(Maker, Conversation)> {
        let other = self.people.first().copied().ok_or("the past has no people")?;
        let chat = Conversation::new([member, other], false);
        Ok((self.maker.clone(), chat))
    }
}

impl Maker {
    /// The next event of `chat`, as a command of its own.
    pub(crate) async fn step(&self, codec: &Codec, chat: &mut Conversation) -> Outcome<Append> {
        let (actor, command) = chat.command(self);
        let events = chat.state.decide(command)?;
        let stream = (Chat::TYPE, chat.id.to_string(), chat.version);
        let append = self.append(codec, stream, actor, &events).await?;
        for event in events {
            chat.state.apply(event);
            chat.version += 1;
        }
        Ok(append)
    }

    /// The next `count` events of `chat`.
    pub(crate) async fn steps(
        &self,
        codec: &Codec,
        chat: &mut Conversation,
        count: usize,
    ) -> Outcome<Vec<Append>> {
        let mut appends = Vec::with_capacity(count);
        for _ in 0..count {
            appends.push(self.step(codec, chat).await?);
        }
        Ok(appends)
    }

    async fn append<E: DomainEvent>(
        &self,
        codec: &Codec,
        (aggregate_type, aggregate_id, expected): (&'static str, String, i64),
        actor: AccountId,
        events: &[E],
    ) -> Outcome<Append> {
        let encoded = codec.encode(events).await?;
        let new = |encoded| NewEvent { event_id: self.ids.next(), encoded, event: None };
        let request_id = self.ids.next();
        Ok(Append {
            aggregate_type,
            aggregate_id,
            expected,
            lineage: Lineage::default(),
            events: encoded.into_iter().map(new).collect(),
            metadata: format!(r#"{{"actor":"{actor}","request_id":"{request_id}"}}"#),
            claims: vec![],
            key: None,
        })
    }
}

impl Conversation {
    fn new(members: [AccountId; 2], is_read: bool) -> Self {
        let [one, other] = members;
        let id = ChatId::between(one, other);
        Self { members, id, state: Chat::default(), version: 0, is_read, step: 0, last: 0 }
    }

    /// What happens next: it is opened; one member sends a run of messages; the other reads them and
    /// sends the next run.
    fn command(&mut self, maker: &Maker) -> (AccountId, ChatCommand) {
        let now = maker.clock.now();
        let [one, other] = self.members;
        let step = self.step;
        self.step += 1;
        if step == 0 {
            return (one, ChatCommand::Open { by: one, with: other, now });
        }
        let (run, place) = ((step - 1) / (RUN + 1), (step - 1) % (RUN + 1));
        let (sender, reader) = if run % 2 == 0 { (one, other) } else { (other, one) };
        if place == RUN && self.is_read {
            return (reader, ChatCommand::MarkRead { reader, up_to: self.last, now });
        }
        self.last += 1;
        let message_id = MessageId(maker.ids.next());
        let message = Box::new(Outgoing::text(message_id, sender, TEXT.to_owned()));
        // As fast as it is asked for, like the server of a run.
        let limits = Limits { interval_ms: 0, ..Limits::default() };
        (sender, ChatCommand::Send { message, limits, now })
    }
}
