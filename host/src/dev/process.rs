//! One server process: started in a process group of its own, so that Ctrl-C does not reach it, and
//! ended by the kernel when we end in any way, `kill -9` included.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Gid, Pid, Uid};
use parking_lot::Mutex;

pub struct Process {
    name: &'static str,
    child: Child,
    stop: Signal,
    log: PathBuf,
}

impl Process {
    /// Starts the command; its output goes to `log`. `stop` is the signal by which the server shuts
    /// down in order.
    ///
    /// The kernel's notice of our end is bound to the calling *thread*: call it from the main
    /// thread.
    pub fn start(
        name: &'static str,
        mut command: Command,
        user: Option<(Uid, Gid)>,
        stop: Signal,
        log: PathBuf,
    ) -> Result<Self> {
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        if let Some((uid, gid)) = user {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        // SAFETY: prctl is async-signal-safe and touches nothing of the parent.
        unsafe {
            command.pre_exec(move || set_pdeathsig(stop).map_err(Into::into));
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}; is it installed?"))?;
        Ok(Self {
            name,
            child,
            stop,
            log,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `ready` says so; fails with the end of the log when the process ends before, or
    /// it takes too long.
    pub async fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            if ready().await {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended while it started ({status}):\n{}",
                    self.name,
                    tail(&self.log)
                );
            }
            if Instant::now() > end {
                bail!(
                    "{} is not ready after {limit:?}:\n{}",
                    self.name,
                    tail(&self.log)
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Shuts it down in order; kills it, and what it started, when that takes more than 15 seconds.
    pub async fn stop(&mut self) {
        let pid = Pid::from_raw(self.child.id() as i32);
        let end = Instant::now() + Duration::from_secs(15);
        let _ = kill(pid, self.stop);
        while !matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            if Instant::now() > end {
                tracing::warn!(
                    server = self.name,
                    "the server does not stop in order; killing it"
                );
                let _ = killpg(pid, Signal::SIGKILL);
                let _ = self.child.wait();
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until one of them has ended, and says which.
pub async fn first_ended<Name: std::fmt::Display>(processes: &mut [(Name, Process)]) -> String {
    loop {
        if let Some((name, _)) = processes
            .iter_mut()
            .find_map(|(name, process)| process.has_ended().then_some((name, ())))
        {
            return name.to_string();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Runs a command to its end as that user, its output in `log`.
pub fn run(mut command: Command, user: Option<(Uid, Gid)>, log: &Path) -> Result<()> {
    let output = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    if let Some((uid, gid)) = user {
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed ({status}):\n{}", tail(log));
    }
    Ok(())
}

/// The port of that environment variable, or one on which nothing listens.
pub fn port(variable: &str) -> Result<u16> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{variable} must be a port number, not {text:?}")),
        Err(_) => free_port(),
    }
}

/// Ports that this process has given to a server which may not listen yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Marks a port as given, so that no other server gets it. False when it was given before.
pub fn keep_port(port: u16) -> bool {
    GIVEN.lock().insert(port)
}

/// A port on which nothing listens, a different one each time.
pub fn free_port() -> Result<u16> {
    loop {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        if keep_port(port) {
            return Ok(port);
        }
    }
}

/// Whether a server listens on the port.
pub async fn listens(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_before_a_server_listens() {
        // So many that the system would repeat itself.
        let ports: BTreeSet<u16> = (0..500).filter_map(|_| free_port().ok()).collect();
        assert_eq!(ports.len(), 500);
    }
}
