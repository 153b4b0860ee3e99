//! The same things written natively, to compare with: servers that the benchmark starts as
//! processes of their own.

pub mod answer;
pub mod holds;

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use eventhub_testing::free_port;
use eventhub_tests::eventhub::spawn_bound;

/// A baseline that runs.
pub struct Native {
    child: Child,
    pub address: SocketAddr,
}

impl Native {
    /// Starts a subcommand of this program and waits until it listens.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(arguments)
            .args(["--listen", &address.to_string()]);
        let mut child = spawn_bound(command)?;
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the baseline {arguments:?} ended with {status}");
            }
            if started.elapsed() > Duration::from_secs(30) {
                bail!("the baseline {arguments:?} does not listen");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { child, address })
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
