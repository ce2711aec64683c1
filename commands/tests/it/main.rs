//! The command side on real PostgreSQL.

mod gateway;
mod node;
mod sign_in;
