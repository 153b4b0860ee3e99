//! A server's process, which never outlives the test.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use nix::errno::Errno;
pub use nix::sys::signal::Signal;
use nix::sys::signal::{kill, killpg};
use nix::unistd::Pid;

use crate::Folder;

/// The shell starts the server and waits for the end of its own input, which is the test's process
/// going away in whatever way. The server has a session, and so a process group, of its own: its
/// children go with it.
const WATCH: &str = r#"
folder=$0
setsid "$@" >>"$folder/log" 2>&1 </dev/null &
echo $! >"$folder/pid.new"; mv "$folder/pid.new" "$folder/pid"
read -r _
kill -s KILL -- -$! 2>/dev/null; wait
cd / && rm -rf "$folder"
"#;

/// A running server, in a folder that is removed with it.
#[derive(Debug)]
pub struct Process {
    folder: Folder,
    command: Vec<String>,
    environment: Vec<(String, String)>,
    watchers: Vec<Child>,
    pid: Option<Pid>,
}

impl Process {
    /// Starts the command, its program first, in the folder. Its output goes to the file `log`
    /// there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        folder: Folder,
        command: &[&str],
        environment: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut process = Self {
            folder,
            command: command.iter().map(|&part| part.to_owned()).collect(),
            environment: environment
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            watchers: Vec::new(),
            pid: None,
        };
        process.start_again()?;
        Ok(process)
    }

    /// Starts it again after [`Self::stop`]; does nothing when it runs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.pid.is_some() {
            return Ok(());
        }
        let pid_file = self.pid_file();
        let _ = fs::remove_file(&pid_file);
        let mut shell: Command = self.folder.command("/bin/sh");
        shell
            .arg("-c")
            .arg(WATCH)
            .arg(self.folder.path())
            .args(&self.command);
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Apart from the test's group, so that an interrupt at the terminal leaves the shell alive
        // to clean up.
        shell.process_group(0);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.watchers.push(shell.spawn()?);
        let pid = wait_until(Duration::from_secs(10), "the server's process id", || {
            fs::read_to_string(&pid_file)
                .ok()
                .and_then(|text| text.trim().parse::<i32>().ok())
        })?;
        self.pid = Some(Pid::from_raw(pid));
        Ok(())
    }

    /// Ends it with a signal to its main process, and waits until it is gone. Its data stay.
    ///
    /// # Errors
    /// When it is still there after 30 seconds.
    pub fn stop(&mut self, signal: Signal) -> io::Result<()> {
        let Some(pid) = self.pid else { return Ok(()) };
        kill(pid, signal)?;
        wait_until(Duration::from_secs(30), "the server to end", || {
            // The shell reaps it only at its own end: a zombie has ended too.
            (killpg(pid, None) == Err(Errno::ESRCH) || is_zombie(pid)).then_some(())
        })?;
        self.pid = None;
        Ok(())
    }

    /// Sends a signal to the whole process group: SIGSTOP makes a server that accepts connections
    /// and does not answer.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self
            .pid
            .ok_or_else(|| io::Error::other("the server does not run"))?;
        Ok(killpg(pid, signal)?)
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The end of its log, for messages.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let start = log
            .char_indices()
            .rev()
            .nth(4_000)
            .map_or(0, |(index, _)| index);
        log[start..].to_owned()
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for watcher in &mut self.watchers {
            drop(watcher.stdin.take());
        }
        for watcher in &mut self.watchers {
            let _ = watcher.wait();
        }
    }
}

/// Whether all of it has ended: a main thread may be a zombie while others still hold the sockets.
fn is_zombie(pid: Pid) -> bool {
    let zombie_of_one_thread = |stat: String| {
        // `pid (name) state …`, with the number of threads as the 18th field from the state; the
        // name may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(
            fields.first() == Some(&"Z")
                && fields
                    .get(17)
                    .is_none_or(|threads| matches!(*threads, "0" | "1")),
        )
    };
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(zombie_of_one_thread)
        .unwrap_or(true)
}

/// Asks again and again, every 20 ms, until there is an answer.
///
/// # Errors
/// When there is none in time; the text names `what`.
pub fn wait_until<T>(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> Option<T>,
) -> io::Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if Instant::now() >= end {
            return Err(io::Error::other(format!(
                "waited {limit:?} in vain for {what}"
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
