//! `eventhub up` in its own folder and on its own ports; it ends with the test's process, however
//! that ends.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eventhub_testing::free_port;
use serde::Deserialize;

use crate::folder::temporary;

/// `state.json` of a running environment.
#[derive(Deserialize, Clone, Debug)]
pub struct State {
    pub http: String,
    pub admin: String,
    pub postgres: BTreeMap<String, String>,
    pub redis: String,
    pub kafka: String,
    pub stripe: Stripe,
    pub pids: BTreeMap<String, u32>,
    pub components: Vec<Component>,
    pub demo: Demo,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Stripe {
    pub url: String,
    pub publishable_key: String,
    pub secret_key: String,
    pub webhook_secret: String,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Component {
    pub name: String,
    pub sha256: String,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Demo {
    pub organizer: Account,
    pub buyer: Account,
    pub event_id: String,
    pub session_id: String,
}

#[derive(Deserialize, Clone, Debug)]
pub struct Account {
    pub email: String,
    pub password: String,
}

/// A running environment.
pub struct Eventhub {
    /// The checkout whose manifest, components and migrations it serves.
    root: PathBuf,
    home: PathBuf,
    ports: (u16, u16),
    environment: Vec<(String, String)>,
    child: Option<Child>,
    pub state: State,
}

/// The seconds for which the shared environment waits for a body; a minute is too long for a test.
pub const SLOW_BODY: u64 = 5;
/// The socket limit of an address in the shared environment, whose trusted proxy is this machine.
pub const SOCKETS: usize = 8;

impl Eventhub {
    /// One environment for all tests of a binary, started on first use.
    pub fn shared() -> &'static State {
        static SHARED: OnceLock<Mutex<Eventhub>> = OnceLock::new();
        static STATE: OnceLock<State> = OnceLock::new();
        STATE.get_or_init(|| {
            // An environment that is already running, on any host.
            if let Some(path) = std::env::var_os("EVENTHUB_STATE") {
                let read = std::fs::read_to_string(&path)
                    .map_err(anyhow::Error::from)
                    .and_then(|text| Ok(serde_json::from_str(&text)?));
                return read.unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
            }
            let (timeout, sockets) = ((SLOW_BODY * 1_000).to_string(), SOCKETS.to_string());
            let environment = [
                ("EVENTHUB_HTTP_BODY_TIMEOUT_MS", timeout.as_str()),
                ("EVENTHUB_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
                ("EVENTHUB_WEBSOCKET_MAX_SOCKETS_PER_ADDRESS", &sockets),
            ];
            let eventhub = Eventhub::start(&environment)
                .unwrap_or_else(|error| panic!("EventHub does not start: {error:#}"));
            let state = eventhub.state.clone();
            let _ = SHARED.set(Mutex::new(eventhub));
            state
        })
    }

    /// A new environment, with these variables set.
    pub fn start(environment: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(&root()?, environment)
    }

    /// The same for another checkout.
    pub fn start_in(root: &Path, environment: &[(&str, &str)]) -> Result<Self> {
        let home = temporary("e2e")?;
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let ports = (free_port()?, free_port()?);
        let (child, state) = launch(root, &home, ports, &environment)?;
        Ok(Self {
            root: root.to_path_buf(),
            home,
            ports,
            environment,
            child: Some(child),
            state,
        })
    }

    /// `kill -9` of the host; the servers that it started go with it.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        let _ = std::fs::remove_file(self.home.join("state.json"));
        Ok(())
    }

    /// Starts it again on the same data and ports.
    pub fn start_again(&mut self) -> Result<()> {
        self.kill()?;
        let (child, state) = launch(&self.root, &self.home, self.ports, &self.environment)?;
        self.child = Some(child);
        self.state = state;
        Ok(())
    }

    /// Sends SIGTERM and returns the time until the end.
    pub fn terminate(&mut self) -> Result<Duration> {
        let started = Instant::now();
        if let Some(mut child) = self.child.take() {
            Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status()?;
            let status = child.wait()?;
            if !status.success() {
                bail!("ended with {status}:\n{}", log_tail(&self.home));
            }
        }
        Ok(started.elapsed())
    }

    pub fn home(&self) -> &Path {
        &self.home
    }
}

impl Drop for Eventhub {
    fn drop(&mut self) {
        let _ = self.terminate();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn launch(
    root: &Path,
    home: &Path,
    ports: (u16, u16),
    environment: &[(String, String)],
) -> Result<(Child, State)> {
    std::fs::create_dir_all(home)?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(home.join("host.log"))?;
    let mut command = Command::new(binary(root)?);
    command.arg("up").current_dir(root).process_group(0);
    command
        .env("EVENTHUB_HOME", home)
        .env("EVENTHUB_HTTP_PORT", ports.0.to_string())
        .env("EVENTHUB_ADMIN_PORT", ports.1.to_string());
    command
        .env("EVENTHUB_KAFKA_LIBS", kafka_libs(root)?)
        .env("RUST_BACKTRACE", "0");
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut child = spawn_bound(command)?;
    let end = Instant::now() + Duration::from_secs(600);
    loop {
        if let Ok(text) = std::fs::read_to_string(home.join("state.json")) {
            return Ok((child, serde_json::from_str(&text)?));
        }
        if let Some(status) = child.try_wait()? {
            bail!("eventhub up ended with {status}:\n{}", log_tail(home));
        }
        if Instant::now() > end {
            let _ = child.kill();
            bail!(
                "eventhub up is not ready after ten minutes:\n{}",
                log_tail(home)
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn log_tail(home: &Path) -> String {
    let text = std::fs::read_to_string(home.join("host.log")).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The checkout of the working directory, with the manifests and migrations. Not the checkout of
/// the build, since several checkouts may share one build.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let root = here
        .ancestors()
        .find(|folder| folder.join("wadm.yaml").is_file());
    Ok(root
        .with_context(|| format!("{} is in no checkout of EventHub", here.display()))?
        .to_path_buf())
}

// `make test` passes the folder of its build.
pub fn binary(root: &Path) -> Result<PathBuf> {
    let path = match std::env::var_os("EVENTHUB_BIN") {
        Some(path) => PathBuf::from(path),
        None => root.join("target/release/eventhub"),
    };
    if !path.is_file() {
        bail!("{} is not built: run `make build`", path.display());
    }
    Ok(path)
}

fn kafka_libs(root: &Path) -> Result<PathBuf> {
    if let Some(libs) = std::env::var_os("EVENTHUB_KAFKA_LIBS") {
        return Ok(libs.into());
    }
    let output = Command::new(root.join("setup/kafka.sh")).output()?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Spawns from a thread that lives as long as the process: the kernel ends the child with the
/// thread that made it.
pub fn spawn_bound(command: Command) -> Result<Child> {
    type Job = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, received) = channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in received {
                // SAFETY: prctl is async-signal-safe and touches nothing of the parent.
                unsafe {
                    command.pre_exec(|| {
                        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)
                            .map_err(Into::into)
                    });
                }
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let (answer, answered) = channel();
    let sender = spawner
        .lock()
        .map_err(|_| anyhow::anyhow!("the spawner has panicked"))?
        .clone();
    sender
        .send((command, answer))
        .context("the spawner has ended")?;
    Ok(answered.recv().context("the spawner has ended")??)
}
