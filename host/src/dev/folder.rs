//! The folder of a development environment, `.eventhub` unless `EVENTHUB_HOME` says otherwise: one
//! process at a time.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Uid, User, geteuid};

pub struct Folder {
    pub path: PathBuf,
    /// The folder of the database servers' data: `path`, or another where their user cannot reach
    /// `path`.
    pub servers: PathBuf,
    /// The user of the database servers, since they refuse to run as root.
    pub user: Option<(Uid, Gid)>,
    _lock: Flock<File>,
}

impl Folder {
    /// Makes the folder if it is new, and locks it.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let path = path.canonicalize()?;
        let lock = File::create(path.join("lock"))?;
        let Ok(lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) else {
            bail!(
                "another `eventhub up` runs in {}; stop it, or set EVENTHUB_HOME to a folder of its own",
                path.display()
            );
        };
        let user = unprivileged_user()?;
        let servers = if user.is_some() && !reachable(&path)? {
            reachable_folder(&path)?
        } else {
            path.clone()
        };
        if servers != path && is_new(&path)? {
            // The data belong to a folder that was deleted, and do not fit the new one.
            fs::remove_dir_all(&servers)?;
            reachable_folder(&path)?;
        }
        if servers != path {
            tracing::info!(folder = %servers.display(), "the user of the database servers cannot reach the project's folder; their data is here");
        }
        Ok(Self {
            path,
            servers,
            user,
            _lock: lock,
        })
    }

    /// A folder for one server, owned by the user that it runs as.
    pub fn server(&self, name: &str) -> Result<PathBuf> {
        let path = self.servers.join(name);
        fs::create_dir_all(&path)?;
        if let Some((uid, gid)) = self.user {
            chown(&path, Some(uid.as_raw()), Some(gid.as_raw()))?;
        }
        Ok(path)
    }
}

fn unprivileged_user() -> Result<Option<(Uid, Gid)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some((user.uid, user.gid)));
        }
    }
    bail!(
        "the database servers refuse to run as root, and there is no user `postgres` or `nobody` for them"
    )
}

// Every folder on the way must let others pass.
fn reachable(path: &Path) -> Result<bool> {
    for folder in path.ancestors() {
        if fs::metadata(folder)?.mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nothing is in the folder but its lock.
fn is_new(path: &Path) -> Result<bool> {
    Ok(fs::read_dir(path)?
        .filter_map(Result::ok)
        .all(|entry| entry.file_name() == "lock"))
}

fn reachable_folder(path: &Path) -> Result<PathBuf> {
    use sha2::{Digest, Sha256};
    let name = hex::encode(&Sha256::digest(path.as_os_str().as_encoded_bytes())[..6]);
    let folder = Path::new("/var/lib/eventhub").join(name);
    fs::create_dir_all(&folder)?;
    for folder in [Path::new("/var/lib/eventhub"), &folder] {
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}
