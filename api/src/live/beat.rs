//! What must not wait for the database: signs of life, the ends of connections, and who types.

use std::sync::Arc;
use std::time::Duration;

use commands::SessionRevoked;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::typing::Typing;
use crate::http::App;

/// How often signs of life are due, and what has expired is looked for.
const TICK: Duration = Duration::from_secs(1);

/// Gives signs of life, ends what has expired or was revoked, and passes on who types, until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut typing = app.bus.listen::<Typing>();
    let mut revoked = app.bus.listen::<SessionRevoked>();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hub = &app.live;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            note = typing.next() => hub.types().hear(hub, note),
            note = revoked.next() => hub.end_session(note.account_id, note.session_id),
            _ = ticks.tick() => {
                hub.tick(app.clock.now(), |it| app.sign_in.is_over(it));
                hub.types().tick(hub);
            }
        }
    }
}
