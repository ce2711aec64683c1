//! The migrations are part of the crate, and Cargo does not see by itself that one was added.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
