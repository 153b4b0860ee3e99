//! Composes components at build time, each into an ordinary component that every host takes; the
//! parts share its store and its fate: `eventhub-compose COMPONENT.wasm PART.wasm… [--door
//! DOOR.wasm] -o OUT.wasm`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use eventhub_compose::compose;

fn main() -> Result<()> {
    let (mut inputs, mut door, mut output) = (Vec::new(), None, None);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-o") => output = arguments.next().map(PathBuf::from),
            Some("--door") => door = arguments.next().map(PathBuf::from),
            _ => inputs.push(PathBuf::from(argument)),
        }
    }
    let (Some(output), [component, parts @ ..]) = (output, inputs.as_slice()) else {
        bail!("usage: eventhub-compose COMPONENT.wasm PART.wasm… [--door DOOR.wasm] -o OUT.wasm");
    };
    let composed = compose(component, parts, door.as_deref())?;
    std::fs::write(&output, composed).with_context(|| format!("cannot write {}", output.display()))
}
