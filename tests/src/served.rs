//! `eventhub serve` on running servers: one host of possibly several, with its own manifest and
//! settings.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use eventhub_testing::free_port;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::eventhub::{State, binary, log_tail, root, spawn_bound};

/// The environment variables by which `eventhub serve` finds the servers of a development
/// environment.
pub fn on_servers_of(state: &State) -> Vec<(String, String)> {
    let databases = state.postgres.iter().map(|(name, url)| {
        (
            format!("EVENTHUB_POSTGRES_DATABASES_{}", name.to_uppercase()),
            url.clone(),
        )
    });
    let servers = [
        ("EVENTHUB_REDIS_URL", state.redis.clone()),
        ("EVENTHUB_KAFKA_BROKERS", state.kafka.clone()),
    ];
    databases
        .chain(servers.map(|(name, value)| (name.to_string(), value)))
        .collect()
}

/// A running host; it ends with the test's process, however that ends.
pub struct Served {
    child: Option<Child>,
    command: Vec<(String, String)>,
    manifest: PathBuf,
    folder: PathBuf,
    /// Base URLs of the public and of the operators' listener.
    pub http: String,
    pub admin: String,
    address: SocketAddr,
    admin_address: SocketAddr,
    /// From the start of the process until `/readyz` answered 200.
    pub ready_after: Duration,
}

impl Served {
    /// Serves `manifest` with these variables set, on ports of its own; its log is `host.log` in
    /// `folder`. Waits until it is ready.
    pub fn start(folder: &Path, manifest: &Path, environment: &[(String, String)]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (public, operators) = (free_port()?, free_port()?);
        let mut command = environment.to_vec();
        let mut set = |name: &str, value: String| command.push((name.into(), value));
        set("EVENTHUB_HTTP_LISTEN", format!("127.0.0.1:{public}"));
        set("EVENTHUB_ADMIN_LISTEN", format!("127.0.0.1:{operators}"));
        if !environment
            .iter()
            .any(|(name, _)| name == "EVENTHUB_HTTP_PUBLIC_URL")
        {
            set(
                "EVENTHUB_HTTP_PUBLIC_URL",
                format!("http://127.0.0.1:{public}"),
            );
        }
        let mut served = Self {
            child: None,
            command,
            manifest: manifest.into(),
            folder: folder.into(),
            http: format!("http://127.0.0.1:{public}"),
            admin: format!("http://127.0.0.1:{operators}"),
            address: SocketAddr::from(([127, 0, 0, 1], public)),
            admin_address: SocketAddr::from(([127, 0, 0, 1], operators)),
            ready_after: Duration::ZERO,
        };
        served.launch()?;
        Ok(served)
    }

    /// The public listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host's process id; 0 if it is not running.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Sends SIGTERM and returns the time until the end.
    pub fn terminate(&mut self) -> Result<Duration> {
        let started = Instant::now();
        if let Some(mut child) = self.child.take() {
            kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM)?;
            let status = child.wait()?;
            if !status.success() {
                bail!("ended with {status}:\n{}", log_tail(&self.folder));
            }
        }
        Ok(started.elapsed())
    }

    /// Kills the host if it is running, and starts it again on the same ports.
    pub fn start_again(&mut self) -> Result<()> {
        self.kill()?;
        self.launch()
    }

    /// Status and body of `GET path` of the operators' listener.
    pub fn operators(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.admin_address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        Ok((
            status,
            answer
                .split_once("\r\n\r\n")
                .map(|(_, body)| body.to_string())
                .unwrap_or_default(),
        ))
    }

    fn launch(&mut self) -> Result<()> {
        let root = root()?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("host.log"))?;
        let mut command = Command::new(binary(&root)?);
        command
            .args(["serve", "--manifest"])
            .arg(&self.manifest)
            .current_dir(&root)
            .env("RUST_BACKTRACE", "0");
        command.envs(self.command.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let mut child = spawn_bound(command)?;
        loop {
            if let Ok((200, _)) = self.operators("/readyz") {
                self.ready_after = started.elapsed();
                self.child = Some(child);
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                bail!(
                    "eventhub serve ended with {status}:\n{}",
                    log_tail(&self.folder)
                );
            }
            if started.elapsed() > Duration::from_secs(120) {
                let _ = child.kill();
                bail!(
                    "eventhub serve is not ready after two minutes: {:?}\n{}",
                    self.operators("/readyz"),
                    log_tail(&self.folder)
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.terminate().is_err() {
            let _ = self.kill();
        }
    }
}
