//! What is pushed to whom, on a double of the push services that Google's own client has been shown.

mod crashing;
mod devices;
mod failing;
mod firebase;
mod left_alone;
mod messages;
mod tokens;
mod unseen;
mod web;
mod world;

pub(crate) use world::{BROWSER, PHONE, Pushing, TABLET};
