use std::process::ExitCode;

/// The system's allocator keeps the 19 MiB of each password hash, once for every thread that ever
/// made one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    api::cli::run().await
}
