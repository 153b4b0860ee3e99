//! The Redis scripts. Each is `keys.lua`, the library (but for the hot path) and its own part,
//! stripped of comments and indentation once per instance, since the text goes with every call.

use std::sync::LazyLock;

/// A script, put together when it is first used.
pub struct Script(LazyLock<String>);

impl Script {
    /// What Redis runs.
    pub fn text(&'static self) -> &'static str {
        &self.0
    }
}

macro_rules! script {
    ($($file:literal)*) => {
        Script(LazyLock::new(|| strip_source(concat!($(include_str!(concat!("scripts/", $file)),)*))))
    };
}

/// The hot path. Each script's file says what goes in and what comes out.
pub static HOLD: Script = script!("keys.lua" "hold.lua");
pub static SWEEP: Script = script!("keys.lua" "library.lua" "sweep.lua");
pub static STATE: Script = script!("keys.lua" "library.lua" "state.lua");
pub static LOAD: Script = script!("keys.lua" "library.lua" "load.lua");
pub static EXTEND: Script = script!("keys.lua" "library.lua" "extend.lua");
pub static RELEASE: Script = script!("keys.lua" "library.lua" "release.lua");
pub static BIND: Script = script!("keys.lua" "library.lua" "bind.lua");
pub static CLOSE: Script = script!("keys.lua" "library.lua" "close.lua");
pub static GUARD: Script = script!("keys.lua" "library.lua" "guard.lua");
pub static SETTLE: Script = script!("keys.lua" "library.lua" "settle.lua");
pub static UNCLAIM: Script = script!("keys.lua" "library.lua" "unclaim.lua");
pub static FEED: Script = script!("keys.lua" "library.lua" "feed.lua");

/// For `unprotected` only.
pub static UNPROTECTED_HOLD: Script = Script(LazyLock::new(|| {
    HOLD.text()
        .replace("local PROTECTED = true", "local PROTECTED = false")
}));

fn strip_source(source: &str) -> String {
    let lines = source
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.fold(String::with_capacity(source.len()), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}
