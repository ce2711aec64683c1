//! People who are connected: how soon they are told, what they cost at rest, how many of them are told at
//! once, and how they come back.

mod crowd;
mod delivery;
mod fan_out;
mod resume;
mod socket;

pub(crate) use crowd::{Came, Crowd, Device};
pub(crate) use delivery::deliver;
pub(crate) use fan_out::fan_out;
pub(crate) use resume::resume;
