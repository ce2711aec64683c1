//! Policies on a real log, with a clock that jumps.

mod effects;
mod expiring;
mod parking;
mod publishing;
mod reporting;
mod sweeping;
mod world;

pub(crate) use world::World;
