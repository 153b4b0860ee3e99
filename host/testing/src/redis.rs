//! A Redis server of the test's own.

use std::io;
use std::time::Duration;

use crate::{Folder, Process, Signal, free_port, wait_until};

/// A running server.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
}

impl Redis {
    /// Starts one that keeps nothing on disk: a restart empties it.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with("no")
    }

    /// Starts one that keeps its data over a restart, as that of `eventhub up` does.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_durable() -> io::Result<Self> {
        Self::start_with("yes")
    }

    fn start_with(appendonly: &str) -> io::Result<Self> {
        let folder = Folder::new("redis")?;
        let port = free_port()?;
        let port_text = port.to_string();
        let command = [
            "redis-server",
            "--port",
            &port_text,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            appendonly,
            // One for each test that wants an empty Redis of its own.
            "--databases",
            "4096",
        ];
        let redis = Self {
            process: Process::start(folder, &command, &[])?,
            port,
        };
        redis.wait()?;
        Ok(redis)
    }

    /// How to connect: `redis://127.0.0.1:6379/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process, to pause it with [`Process::signal`].
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Runs one command with redis-cli and answers its reply as text.
    ///
    /// # Errors
    /// When the server cannot be reached. An error reply is text, too.
    pub fn cli(&self, command: &[&str]) -> io::Result<String> {
        let port = self.port.to_string();
        let args = ["-p", &port].into_iter().chain(command.iter().copied());
        self.process.folder().run("redis-cli", args)
    }

    /// Kills it; all it held is lost, unless it is durable.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop(Signal::SIGKILL)
    }

    /// Starts it again on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.process.start_again()?;
        self.wait()
    }

    fn wait(&self) -> io::Result<()> {
        let ready = || self.cli(&["PING"]).ok().filter(|reply| reply == "PONG");
        wait_until(Duration::from_secs(30), "Redis", ready)
            .map(drop)
            .map_err(|error| io::Error::other(format!("{error}\n{}", self.process.log())))
    }
}
