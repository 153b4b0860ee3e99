//! `eventhub deploy` on a wasmCloud 2 lattice with several hosts: it spreads, it replaces without a
//! gap, it does not take a revision that does not serve for one that does, and it says what went
//! wrong.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_testing::free_port;
use eventhub_tests::Eventhub;
use eventhub_tests::eventhub::{binary, root, spawn_bound};

/// A lattice as `eventhub up --on wash` makes it, to which hosts are added.
struct Lattice {
    eventhub: Eventhub,
    config: PathBuf,
    nats: String,
    hosts: Vec<Host>,
}

struct Host {
    port: u16,
    process: Child,
}

impl Lattice {
    fn start() -> Result<Self> {
        let eventhub = Eventhub::start(&[("EVENTHUB_ON", "wash")])?;
        let config = eventhub.home().join("wash.toml");
        let text = std::fs::read_to_string(&config)?;
        let nats = text
            .lines()
            .find_map(|line| line.strip_prefix("nats = "))
            .context("wash.toml says where NATS is")?;
        Ok(Self {
            nats: nats.trim_matches('"').into(),
            eventhub,
            config,
            hosts: vec![],
        })
    }

    /// One host more, and waits until it listens.
    async fn add_host(&mut self, name: &str) -> Result<()> {
        let port = free_port()?;
        let home = self.eventhub.home().join(name);
        std::fs::create_dir_all(&home)?;
        let log = std::fs::File::create(home.join("log"))?;
        let mut command = Command::new(programs()?.join("wash"));
        command.args([
            "host",
            "--non-interactive",
            "--host-name",
            name,
            "--allow-insecure-registries",
        ]);
        command.args([
            "--scheduler-nats-url",
            &self.nats,
            "--data-nats-url",
            &self.nats,
            "--http-addr",
            &format!("127.0.0.1:{port}"),
        ]);
        command
            .env("HOME", &home)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.hosts.push(Host {
            port,
            process: spawn_bound(command)?,
        });
        let started = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            ensure!(
                started.elapsed() < Duration::from_secs(30),
                "{name} does not listen"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// `eventhub deploy` or `undeploy`: whether it worked, and what it said.
    async fn eventhub(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<(bool, String)> {
        let root = root()?;
        let mut command = tokio::process::Command::new(binary(&root)?);
        command
            .args(arguments)
            .current_dir(&root)
            .env("EVENTHUB_CONFIG", &self.config)
            .envs(variables.iter().copied())
            .kill_on_drop(true);
        let output = command.output().await?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        println!("eventhub {arguments:?} {variables:?}\n{text}");
        Ok((output.status.success(), text))
    }

    async fn deploy(&self, variables: &[(&str, &str)]) -> Result<(bool, String)> {
        self.eventhub(&["deploy"], variables).await
    }
}

impl Drop for Lattice {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            let _ = host.process.kill();
            let _ = host.process.wait();
        }
    }
}

fn programs() -> Result<PathBuf> {
    Ok(Path::new(
        &std::env::var_os("EVENTHUB_HOSTS")
            .context("EVENTHUB_HOSTS is not set; setup/hosts.sh prints it")?,
    )
    .into())
}

/// The status of a request that goes through the gateway and a service to the database.
async fn status(port: u16) -> u16 {
    let url = format!("http://127.0.0.1:{port}/api/v1/events?limit=1");
    reqwest::Client::new()
        .get(url)
        .header("host", "localhost")
        .send()
        .await
        .map_or(0, |answer| answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lattice_of_several_hosts() -> Result<()> {
    let mut lattice = Lattice::start()?;
    let first: u16 = lattice
        .eventhub
        .state
        .http
        .rsplit(':')
        .next()
        .context("http has a port")?
        .parse()?;
    lattice.add_host("second").await?;
    lattice.add_host("third").await?;

    // Two of three, one of which has it already.
    let two = ("EVENTHUB_WASH_REPLICAS", "2");
    let (worked, text) = lattice.deploy(&[two]).await?;
    ensure!(worked && text.matches("serving").count() == 2, "{text}");
    let ports = [lattice.hosts[0].port, lattice.hosts[1].port];
    let served = [status(ports[0]).await, status(ports[1]).await];
    ensure!(
        served == [200, 404] || served == [404, 200],
        "one of the new hosts serves: {served:?}"
    );
    assert_eq!(status(first).await, 200);

    // The one that has it dies: the next deployment gives its share to the other.
    let (dead, other) = if served[0] == 200 { (0, 1) } else { (1, 0) };
    lattice.hosts[dead].process.kill()?;
    let (worked, text) = lattice.deploy(&[two]).await?;
    ensure!(
        worked && text.contains("does not answer any more"),
        "{text}"
    );
    assert_eq!(
        (status(first).await, status(ports[other]).await),
        (200, 200)
    );

    another_revision_takes_over_without_a_gap(&lattice, first).await?;
    one_that_does_not_serve_changes_nothing(&lattice, first).await?;
    what_is_not_there_is_said(&lattice, first).await?;

    nobody_calls_the_sidecar_without_its_token(&lattice).await?;
    a_host_that_dies_in_the_middle_is_named(&mut lattice, first).await?;

    let (worked, text) = lattice.eventhub(&["undeploy"], &[]).await?;
    ensure!(
        !worked && text.contains("hosts that do not answer"),
        "the dead host's is not known to have stopped: {text}"
    );
    assert_eq!(
        (status(first).await, status(ports[other]).await),
        (404, 404)
    );
    let (worked, text) = lattice.eventhub(&["undeploy", "--forget"], &[]).await?;
    ensure!(worked, "{text}");
    let (worked, text) = lattice.eventhub(&["undeploy"], &[]).await?;
    ensure!(
        worked && text.contains("nothing of eventhub is deployed"),
        "{text}"
    );
    Ok(())
}

/// A new host compiles for some seconds, in which it is killed.
async fn a_host_that_dies_in_the_middle_is_named(lattice: &mut Lattice, port: u16) -> Result<()> {
    lattice.add_host("fourth").await?;
    let log = lattice.eventhub.home().join("fourth/log");
    let killed = async {
        while !std::fs::read_to_string(&log)?.contains("workload_start") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let pid = lattice
            .hosts
            .last()
            .context("it has been added")?
            .process
            .id();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid as i32),
            nix::sys::signal::Signal::SIGKILL,
        )?;
        anyhow::Ok(Instant::now())
    };
    let (deployed, killed) = tokio::join!(
        lattice.deploy(&[]),
        tokio::time::timeout(Duration::from_secs(180), killed)
    );
    let ((worked, text), killed) = (deployed?, killed??);
    ensure!(
        !worked && text.contains("host fourth") && text.contains("1 of 3 hosts do not serve"),
        "{text}"
    );
    ensure!(
        killed.elapsed() < Duration::from_secs(30),
        "it is noticed after {:?}",
        killed.elapsed()
    );
    assert_eq!(status(port).await, 200);
    Ok(())
}

async fn nobody_calls_the_sidecar_without_its_token(lattice: &Lattice) -> Result<()> {
    let text = std::fs::read_to_string(&lattice.config)?;
    let sidecar = text
        .lines()
        .find_map(|line| line.strip_prefix("sidecar = "))
        .context("wash.toml says where the sidecar is")?
        .trim_matches('"');
    for authorization in ["", "Bearer ", "Bearer guessed"] {
        let call = reqwest::Client::new()
            .post(format!("{sidecar}/call/postgres/sql/query"))
            .header("authorization", authorization);
        assert_eq!(
            call.body("forged").send().await?.status(),
            401,
            "{authorization:?}"
        );
    }
    Ok(())
}

async fn another_revision_takes_over_without_a_gap(lattice: &Lattice, port: u16) -> Result<()> {
    let done = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let done = done.clone();
        async move {
            let mut asked = Vec::new();
            while !done.load(Ordering::Relaxed) {
                asked.push(status(port).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            asked
        }
    });
    let (worked, text) = lattice
        .deploy(&[
            ("EVENTHUB_WASH_REPLICAS", "2"),
            (
                "EVENTHUB_ENVIRONMENT_API_GATEWAY_CORS_ORIGINS",
                "https://new.example",
            ),
        ])
        .await?;
    done.store(true, Ordering::Relaxed);
    let asked = asking.await?;
    ensure!(
        worked && text.matches("stopped").count() == 2,
        "both hosts have the new one only: {text}"
    );
    ensure!(
        asked.len() > 50 && asked.iter().all(|status| *status == 200),
        "{} requests, {:?}",
        asked.len(),
        asked.iter().find(|status| **status != 200)
    );
    let preflight = reqwest::Client::new()
        .get(format!("http://localhost:{port}/api/v1/events"))
        .header("origin", "https://new.example");
    let answer = preflight.send().await?;
    ensure!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_some_and(|origin| origin == "https://new.example"),
        "the new one answers"
    );
    Ok(())
}

async fn one_that_does_not_serve_changes_nothing(lattice: &Lattice, port: u16) -> Result<()> {
    let nobody = format!("http://127.0.0.1:{}", free_port()?);
    let (worked, text) = lattice
        .deploy(&[
            ("EVENTHUB_WASH_REPLICAS", "1"),
            ("EVENTHUB_WASH_SIDECAR", &nobody),
            ("EVENTHUB_WASH_PATIENCE_MS", "3000"),
        ])
        .await?;
    ensure!(
        !worked
            && text.contains("is the sidecar up?")
            && text.contains("what ran there before still does"),
        "{text}"
    );
    assert_eq!(status(port).await, 200);
    let wrong = [
        ("EVENTHUB_WASH_REPLICAS", "1"),
        ("EVENTHUB_SERVICES_TOKEN", "another"),
        ("EVENTHUB_WASH_PATIENCE_MS", "3000"),
    ];
    let (worked, text) = lattice.deploy(&wrong).await?;
    ensure!(
        !worked && text.contains("503"),
        "the sidecar knows nobody by another token: {text}"
    );
    assert_eq!(status(port).await, 200);
    Ok(())
}

async fn what_is_not_there_is_said(lattice: &Lattice, port: u16) -> Result<()> {
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let (worked, text) = lattice
        .deploy(&[("EVENTHUB_WASH_NATS", &format!("nats://{nobody}"))])
        .await?;
    ensure!(
        !worked && text.contains(&format!("NATS at nats://{nobody} does not answer")),
        "{text}"
    );
    let (worked, text) = lattice
        .deploy(&[("EVENTHUB_WASH_REGISTRY", &format!("{nobody}/eventhub"))])
        .await?;
    ensure!(
        !worked && text.contains(&format!("the registry at {nobody} does not answer")),
        "{text}"
    );
    let (worked, text) = lattice.deploy(&[("EVENTHUB_SERVICES_TOKEN", "")]).await?;
    ensure!(
        !worked && text.contains("services.token is empty"),
        "{text}"
    );
    assert_eq!(status(port).await, 200);
    Ok(())
}
