//! Policies on a real log, with a clock that jumps.

mod effects;
mod expiring;
mod publishing;
mod sweeping;
mod world;

pub(crate) use world::World;
