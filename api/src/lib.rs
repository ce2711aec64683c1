//! HTTP, the operator commands and the one binary, `parlance`. No SQL and no rule is here.

pub mod cli;
mod http;
mod live;
pub mod serve;
pub mod settings;
