//! Compiled components on disk, so that a second start takes milliseconds. A file's name holds the
//! hashes of the component and of the engine's settings. The file begins with a digest of the code:
//! a damaged file is compiled again and never run.

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

/// The cache folder, or no cache.
pub(crate) struct Cache {
    dir: Option<PathBuf>,
    /// Hash of wasmtime's version and of the settings that code depends on.
    engine: u64,
}

impl Cache {
    /// Creates the folder when it is missing, and makes it accessible to its owner only.
    pub fn new(dir: Option<&Path>, engine: &Engine) -> wasmtime::Result<Self> {
        if let Some(dir) = dir {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o700)))
                .with_context(|| format!("cannot create the cache folder {}", dir.display()))?;
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            dir: dir.map(Path::to_owned),
            engine: hasher.finish(),
        })
    }

    /// Reads a component from the cache, or compiles it and writes it there. When the cache cannot
    /// be written to, the next start compiles again.
    pub fn compile(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let Some(dir) = &self.dir else {
            return Component::from_binary(engine, wasm);
        };
        let path = dir.join(format!(
            "{}-{:016x}.cwasm",
            hex::encode(Sha256::digest(wasm)),
            self.engine
        ));
        if let Some(component) = read_code(engine, &path) {
            return Ok(component);
        }
        let code = engine.precompile_component(wasm)?;
        if let Err(error) = write_code(&path, &code) {
            tracing::warn!(path = %path.display(), %error, "a compiled component could not be cached");
        }
        // SAFETY: `code` is what `precompile_component` of this very engine just returned.
        unsafe { Component::deserialize(engine, &code) }
    }
}

fn read_code(engine: &Engine, path: &Path) -> Option<Component> {
    let file = fs::read(path).ok()?;
    let (digest, code) = file.split_at_checked(DIGEST)?;
    if Sha256::digest(code)[..] != *digest {
        tracing::warn!(path = %path.display(), "a cached component is damaged and is compiled again");
        return None;
    }
    // SAFETY: the digest shows that these are the bytes that `write_code` below got, and those came
    // from `precompile_component`. The folder belongs to this user alone (mode 0700), so nobody
    // else wrote the file. Wasmtime itself refuses code for another version or other settings.
    match unsafe { Component::deserialize(engine, code) } {
        Ok(component) => Some(component),
        Err(error) => {
            tracing::warn!(path = %path.display(), error = format!("{error:#}"), "a cached component does not fit the engine and is compiled again");
            None
        }
    }
}

/// Writes to a temporary name first, so that a reader sees the whole file or none.
fn write_code(path: &Path, code: &[u8]) -> std::io::Result<()> {
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
