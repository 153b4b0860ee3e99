//! Folders of test runs below the system's temporary one. A folder held in a `static` is left
//! behind; the next run removes it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

/// A new folder of this process, `eventhub-<name>-<pid>-<number>`; also removes the folders of
/// ended processes.
pub fn temporary(name: &str) -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (parent, prefix) = (std::env::temp_dir(), format!("eventhub-{name}-"));
    for entry in parent.read_dir()?.flatten() {
        let file = entry.file_name();
        let owner = file.to_str().and_then(|file| {
            file.strip_prefix(&prefix)?
                .split('-')
                .next()?
                .parse::<u32>()
                .ok()
        });
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let folder = parent.join(format!(
        "{prefix}{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
