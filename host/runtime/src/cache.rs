//! Compiled components on disk, so that a second start takes milliseconds. A file is named after
//! what it was compiled from and for, and begins with a digest of itself: a damaged one is compiled
//! again, never run.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::error::Context;

const DIGEST: usize = 32;

/// The folder, or none.
pub(crate) struct Cache {
    dir: Option<PathBuf>,
    /// Of wasmtime's version and the settings that code depends on.
    engine: u64,
}

impl Cache {
    /// Makes the folder when it is not there, and nobody else's to write.
    pub fn new(dir: Option<&Path>, engine: &Engine) -> wasmtime::Result<Self> {
        if let Some(dir) = dir {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o700)))
                .with_context(|| format!("cannot make the cache folder {}", dir.display()))?;
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            dir: dir.map(Path::to_owned),
            engine: hasher.finish(),
        })
    }

    /// From the cache, or compiled and put there. A cache that cannot be written to is only slow.
    pub fn compile(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let Some(dir) = &self.dir else {
            return Component::from_binary(engine, wasm);
        };
        let path = dir.join(format!(
            "{}-{:016x}.cwasm",
            hex::encode(Sha256::digest(wasm)),
            self.engine
        ));
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        let code = engine.precompile_component(wasm)?;
        if let Err(error) = write(&path, &code) {
            tracing::warn!(path = %path.display(), %error, "cannot keep a compiled component");
        }
        // SAFETY: `code` is what `precompile_component` of this very engine just returned.
        unsafe { Component::deserialize(engine, &code) }
    }
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let file = fs::read(path).ok()?;
    let (digest, code) = file.split_at_checked(DIGEST)?;
    if Sha256::digest(code)[..] != *digest {
        tracing::warn!(path = %path.display(), "a compiled component is damaged, compiling it again");
        return None;
    }
    // SAFETY: the digest shows that these are bytes which `write` below was given, and that was
    // what `precompile_component` returned. The folder is ours alone (mode 0700), so nobody
    // else wrote the file. wasmtime itself refuses code for another version or other settings.
    match unsafe { Component::deserialize(engine, code) } {
        Ok(component) => Some(component),
        Err(error) => {
            tracing::warn!(path = %path.display(), error = format!("{error:#}"), "a compiled component does not fit, compiling it again");
            None
        }
    }
}

/// Under another name first: a reader sees all of it or nothing.
fn write(path: &Path, code: &[u8]) -> std::io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let unique = format!(
        "{}.{}.tmp",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let temporary = path.with_extension(unique);
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
