//! Pushes to a double of FCM that answers after as long as Google does.

use std::time::Duration;

use hdrhistogram::Histogram;
use testing::PushDouble;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::database::Database;
use crate::http::{Connection, unexpected};
use crate::people::Lane;
use crate::sends::{histogram, micros};
use crate::servers::{Parlance, Servers};

/// How long FCM takes for an answer.
const ANSWERS_AFTER: Duration = Duration::from_millis(100);

/// Longer than one push keeps the next of its chat waiting.
const CHAT_PAUSE: Duration = Duration::from_secs(4);

/// Messages whose way is timed, and how long apart they are sent.
const LONE: usize = 300;
const APART: Duration = Duration::from_millis(20);

const PATIENCE: Duration = Duration::from_mins(1);
const GLANCE: Duration = Duration::from_millis(5);

/// Sends a message to every chat while nothing is pushed, and starts a process that pushes them. How
/// many it has pushed a second, from the first to the last.
pub(crate) async fn backlog(
    servers: &mut Servers,
    database: &Database,
    lanes: Vec<Lane>,
) -> Outcome<f64> {
    let parlance = servers.serve(database, "api").await?;
    let sent = send(&parlance, lanes, Duration::ZERO).await?.len();
    parlance.stop().await?;
    let (double, parlance) = pushing(servers, database, "policies").await?;
    let arrived = until(&double, sent).await?;
    parlance.stop().await?;
    let (first, last) = (arrived.first(), arrived.last());
    let (Some((_, first)), Some((_, last))) = (first, last) else {
        return Err("nothing was pushed".into());
    };
    sleep(CHAT_PAUSE).await;
    Ok(sent as f64 / (*last - *first).as_secs_f64())
}

/// Sends messages to chats that are at rest. How long it took from the request of each to its push, in
/// microseconds.
pub(crate) async fn lone(
    servers: &mut Servers,
    database: &Database,
    lanes: Vec<Lane>,
) -> Outcome<Histogram<u64>> {
    let (double, parlance) = pushing(servers, database, "api,relay,projectors,policies").await?;
    let sent = send(&parlance, lanes, APART).await?;
    let arrived = until(&double, sent.len()).await?;
    parlance.stop().await?;
    let mut times = histogram()?;
    // They are apart for longer than they take, so they arrive in order.
    for (sent, (_, arrived)) in sent.iter().zip(&arrived) {
        times.record(micros(arrived.saturating_duration_since(sent.into_std())))?;
    }
    Ok(times)
}

async fn pushing(
    servers: &mut Servers,
    database: &Database,
    roles: &str,
) -> Outcome<(PushDouble, Parlance)> {
    let double = PushDouble::start().await;
    double.delay(ANSWERS_AFTER);
    servers.settings = vec![
        ("FCM_CREDENTIALS", double.credentials().display().to_string()),
        ("FCM_ENDPOINT", double.url()),
    ];
    let parlance = servers.serve(database, roles).await?;
    servers.settings = vec![];
    Ok((double, parlance))
}

/// Sends one message to each chat of each lane, or `LONE` in all when they are apart. When each was.
async fn send(parlance: &Parlance, lanes: Vec<Lane>, apart: Duration) -> Outcome<Vec<Instant>> {
    let mut connection = Connection::open(parlance.addr).await?;
    let mut sent = vec![];
    let rounds = lanes.first().map_or(0, Lane::chats);
    let mut lanes = lanes;
    for _ in 0..rounds {
        for lane in &mut lanes {
            if !apart.is_zero() && sent.len() == LONE {
                return Ok(sent);
            }
            sent.push(Instant::now());
            let answer = connection.call(lane.send()?).await?;
            if answer.status != 201 {
                return Err(unexpected(&answer, "sending"));
            }
            sleep(apart).await;
        }
    }
    Ok(sent)
}

/// What has arrived, once it is as many.
async fn until(double: &PushDouble, count: usize) -> Outcome<Vec<(String, std::time::Instant)>> {
    let since = Instant::now();
    while double.count() < count {
        if since.elapsed() > PATIENCE {
            return Err(format!("{} of {count} were pushed", double.count()).into());
        }
        sleep(GLANCE).await;
    }
    Ok(double.received().into_iter().map(|it| (it.target, it.at)).collect())
}
