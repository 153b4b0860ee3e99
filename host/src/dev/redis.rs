//! A Redis server that keeps its data from run to run.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::folder::Folder;
use super::process::{Process, listens, port};

pub struct Redis {
    pub process: Process,
    pub url: String,
}

impl Redis {
    pub async fn start(folder: &Folder) -> Result<Self> {
        let home = folder.server("redis")?;
        let port = port("EVENTHUB_REDIS_PORT")?;
        let mut server = Command::new("redis-server");
        server.current_dir(&home).args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        server
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"])
            .arg(&home);
        let mut process = Process::start(
            "Redis",
            server,
            folder.user,
            Signal::SIGTERM,
            folder.path.join("redis.log"),
        )?;
        process
            .wait_until(Duration::from_secs(60), async || listens(port).await)
            .await?;
        Ok(Self {
            process,
            url: format!("redis://127.0.0.1:{port}"),
        })
    }
}
