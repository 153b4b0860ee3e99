//! A balancer in front of several hosts: one port, whose connections go to the next host that
//! accepts them. Buyers and the provider's webhooks use only this address, so that they outlive any
//! single host.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;

/// Runs until the test's process ends.
#[derive(Clone)]
pub struct Balancer {
    pub address: SocketAddr,
    hosts: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    /// Starts without a host.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let balancer = Self {
            address: listener.local_addr()?,
            hosts: Arc::default(),
        };
        let (hosts, next) = (balancer.hosts.clone(), AtomicUsize::new(0));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let hosts = hosts.lock().map(|hosts| hosts.clone()).unwrap_or_default();
                let first = next.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || {
                    let order = (0..hosts.len()).map(|place| hosts[(first + place) % hosts.len()]);
                    let host = order.into_iter().find_map(|host| {
                        TcpStream::connect_timeout(&host, Duration::from_secs(1)).ok()
                    });
                    // Without a host the client's connection is closed.
                    if let Some(host) = host {
                        let _ = join(&client, &host);
                    }
                });
            }
        });
        Ok(balancer)
    }

    /// Sends new connections to these hosts from now on.
    pub fn set(&self, hosts: Vec<SocketAddr>) {
        if let Ok(mut known) = self.hosts.lock() {
            *known = hosts;
        }
    }
}

/// Copies until either side ends, then ends both.
fn join(client: &TcpStream, host: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    host.set_nodelay(true)?;
    let (mut from_host, mut to_client) = (host.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || pour(&mut from_host, &mut to_client));
    pour(&mut client.try_clone()?, &mut host.try_clone()?);
    let _ = back.join();
    Ok(())
}

fn pour(from: &mut TcpStream, to: &mut TcpStream) {
    let _ = io::copy(from, to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
