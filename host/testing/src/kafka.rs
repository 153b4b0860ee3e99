//! Apache Kafka of the test's own: one node, broker and controller in one (KRaft).

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use crate::{Folder, Process, Signal, free_port, wait_until};

/// Made for a small machine; its log survives a restart.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.partitions=12
default.replication.factor=1
min.insync.replicas=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.segment.bytes=67108864
";

const JVM: &[&str] = &[
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dlog4j2.level=ERROR",
];

/// A running broker. Topics have to be created: it makes none by itself.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    port: u16,
}

impl Kafka {
    /// Formats a log and starts the broker on it. Takes about 6 seconds, and a while more when the
    /// jars have to be fetched first.
    ///
    /// # Errors
    /// When there is no Java, the jars cannot be had, or the broker does not start.
    pub fn start() -> io::Result<Self> {
        let class_path = format!("{}/*", jars()?.display());
        let folder = Folder::of_this_user("kafka")?;
        let (port, controller) = (free_port()?, free_port()?);
        let listeners = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}");
        let settings = folder.path().join("server.properties");
        let own = format!(
            "controller.quorum.bootstrap.servers=127.0.0.1:{controller}\nlisteners={listeners}\n\
             advertised.listeners={listeners}\nlog.dirs={}/data\n",
            folder.path().display()
        );
        fs::write(&settings, format!("{SETTINGS}{own}"))?;
        let settings = settings.display().to_string();

        // Any 16 bytes in URL-safe base64 name a cluster.
        let mut format = folder.command("java");
        format.env("CLASSPATH", &class_path).args(JVM).args([
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
        ]);
        format.args(["-t", "ZXZlbnRodWItdGVzdHMtMQ", "-c", &settings]);
        succeed(&mut format)?;

        let command: Vec<&str> = ["java"]
            .into_iter()
            .chain(JVM.iter().copied())
            .chain(["kafka.Kafka", &settings])
            .collect();
        let kafka = Self {
            process: Process::start(folder, &command, &[("CLASSPATH", &class_path)])?,
            port,
        };
        kafka.wait()?;
        Ok(kafka)
    }

    /// What clients call `bootstrap.servers`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The broker's process, to pause it with [`Process::signal`].
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Kills it; what it has acknowledged stays.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop(Signal::SIGKILL)
    }

    /// Starts it again on the same port with the same log.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.process.start_again()?;
        self.wait()
    }

    fn wait(&self) -> io::Result<()> {
        let listening = || TcpStream::connect(("127.0.0.1", self.port)).ok();
        wait_until(Duration::from_secs(120), "Kafka", listening)
            .map(drop)
            .map_err(|error| io::Error::other(format!("{error}\n{}", self.process.log())))
    }
}

/// The folder of the jars; the set-up step fetches them when they are not there.
fn jars() -> io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let step = here
        .ancestors()
        .map(|folder| folder.join("setup/kafka.sh"))
        .find(|step| step.is_file());
    let step = step.ok_or_else(|| {
        io::Error::other(format!("{} is in no checkout of EventHub", here.display()))
    })?;
    Ok(succeed(&mut Command::new(step))?.into())
}

fn succeed(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned());
    }
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Err(io::Error::other(format!("{command:?} failed: {out}{err}")))
}
