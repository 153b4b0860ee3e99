//! Where a server keeps its data, whose user it runs as, and on which port it listens.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use nix::unistd::{Gid, Uid, User, geteuid};

/// A new, empty folder that belongs to the user the servers run as. The [`Process`](crate::Process)
/// in it removes it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    owner: Option<(Uid, Gid)>,
}

impl Folder {
    /// A folder below the system's temporary one; its path is short, since Unix sockets in it may
    /// be named by at most 107 bytes.
    ///
    /// # Errors
    /// When it cannot be made, or when run as root and there is neither a user `postgres` nor
    /// `nobody`.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut folder = Self::of_this_user(name)?;
        folder.owner = unprivileged()?;
        if let Some((uid, gid)) = folder.owner {
            chown(&folder.path, Some(uid.as_raw()), Some(gid.as_raw()))?;
        }
        Ok(folder)
    }

    /// A folder of the user who runs the test, for a server that minds no root and needs files of
    /// that user.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn of_this_user(name: &str) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("eventhub-{name}-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self { path, owner: None })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs in the folder as the user it belongs to.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.path)
            .env("HOME", &self.path)
            .env_remove("PGOPTIONS");
        if let Some((uid, gid)) = self.owner {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Runs a command to its end and answers what it wrote.
    ///
    /// # Errors
    /// When it cannot be run or fails; the text has the end of what it wrote on stderr.
    pub fn run<'a>(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        args: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<String> {
        let mut command = self.command(program);
        command.args(args);
        let output = command.output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned());
        }
        Err(io::Error::other(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

/// Database servers refuse to run as root.
fn unprivileged() -> io::Result<Option<(Uid, Gid)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some((user.uid, user.gid)));
        }
    }
    Err(io::Error::other(
        "run as root, and there is no user postgres or nobody for the servers to run as",
    ))
}

/// A TCP port of 127.0.0.1 on which nothing listens at the moment, and that this process was not
/// given before: whoever asked for that one may not listen yet.
///
/// # Errors
/// When no port can be had.
pub fn free_port() -> io::Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        if GIVEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(port)
        {
            return Ok(port);
        }
    }
}
