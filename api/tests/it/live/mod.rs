//! Streams and sockets: what happens reaches whom it concerns, once, in order, and again after they were
//! away.

mod client;
mod ending;
mod nodes;
mod passing;
mod peers;
mod pushing;
mod socket;
mod stream;
