//! The way from one process to a server, which can be cut: as when a switch fails, nobody is told.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::free_port;

/// A port that leads to a server as long as it is not cut.
pub struct Proxy {
    addr: SocketAddr,
    cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(target: SocketAddr) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listener = TcpListener::bind(addr).await.expect("a free port");
        let cut = watch::Sender::new(false);
        let is_cut = cut.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                tokio::spawn(pass(from, target, is_cut.clone()));
            }
        });
        Self { addr, cut, task }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Nothing passes any more, and nothing says so.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// What was open is found to be broken; what is opened anew passes.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut from: TcpStream, target: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    if !*is_cut.borrow_and_update() {
        let Ok(mut to) = TcpStream::connect(target).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut from, &mut to) => return,
            _ = is_cut.wait_for(|it| *it) => {}
        }
        // Held open: neither end hears anything, nor that the other has gone.
        drop(is_cut.wait_for(|it| !*it).await);
        return;
    }
    drop(is_cut.wait_for(|it| !*it).await);
}
