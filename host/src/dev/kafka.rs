//! One node of Apache Kafka in KRaft mode.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::folder::Folder;
use super::process::{Process, listens, port, run};

const SETTINGS: &str = include_str!("kafka.properties");
const JVM: [&str; 5] = [
    "-Xms256m",
    "-Xmx768m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dlog4j2.level=WARN",
];

pub struct Kafka {
    pub process: Process,
    pub brokers: String,
}

impl Kafka {
    /// `libs` is the folder of the jars.
    pub async fn start(folder: &Folder, libs: &Path) -> Result<Self> {
        let home = folder.path.join("kafka");
        std::fs::create_dir_all(&home)?;
        let (port, controller) = (
            port("EVENTHUB_KAFKA_PORT")?,
            port("EVENTHUB_KAFKA_CONTROLLER_PORT")?,
        );
        let listeners = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}");
        let settings = home.join("server.properties");
        let own = format!(
            "controller.quorum.bootstrap.servers=127.0.0.1:{controller}\nlisteners={listeners}\nadvertised.listeners={listeners}\nlog.dirs={}\n",
            home.join("data").display()
        );
        std::fs::write(&settings, format!("{SETTINGS}{own}"))?;
        // The star reaches Java unexpanded: in the environment no shell sees it.
        let class_path = libs.join("*");
        let java = || {
            let mut java = Command::new("java");
            java.current_dir(&home)
                .env("CLASSPATH", &class_path)
                .args(JVM);
            java
        };
        if !home.join("data/meta.properties").exists() {
            let _ = std::fs::remove_dir_all(home.join("data"));
            let mut format = java();
            format
                .args([
                    "kafka.tools.StorageTool",
                    "format",
                    "--standalone",
                    "-t",
                    "ZXZlbnRodWItZGV2LTAwMQ",
                    "-c",
                ])
                .arg(&settings);
            run(format, None, &folder.path.join("kafka-format.log"))?;
        }
        let mut server = java();
        server.arg("kafka.Kafka").arg(&settings);
        let mut process = Process::start(
            "Kafka",
            server,
            None,
            Signal::SIGTERM,
            folder.path.join("kafka.log"),
        )?;
        process
            .wait_until(Duration::from_secs(120), async || listens(port).await)
            .await
            .context("Apache Kafka did not start")?;
        Ok(Self {
            process,
            brokers: format!("127.0.0.1:{port}"),
        })
    }
}
