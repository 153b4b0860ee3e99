//! Composes pure components into the component that uses them, at build time:
//! `eventhub-compose SOCKET.wasm PLUG.wasm… -o OUT.wasm`.
//! The result is an ordinary component that every host takes; the parts share its store and its fate.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId, plug};

fn main() -> Result<()> {
    let (mut inputs, mut output) = (Vec::new(), None);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "-o" {
            output = arguments.next().map(PathBuf::from);
        } else {
            inputs.push(PathBuf::from(argument));
        }
    }
    let (Some(output), [socket, plugs @ ..]) = (output, inputs.as_slice()) else {
        bail!("usage: eventhub-compose SOCKET.wasm PLUG.wasm… -o OUT.wasm");
    };
    let composed = compose(socket, plugs)?;
    std::fs::write(&output, composed).with_context(|| format!("cannot write {}", output.display()))
}

fn compose(socket: &Path, plugs: &[PathBuf]) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let socket_id = register(&mut graph, socket)?;
    let plug_ids = plugs.iter().map(|path| register(&mut graph, path)).collect::<Result<Vec<_>>>()?;
    plug(&mut graph, plug_ids, socket_id).with_context(|| format!("{} imports nothing that the other components export", socket.display()))?;
    Ok(graph.encode(EncodeOptions::default())?)
}

fn register(graph: &mut CompositionGraph, path: &Path) -> Result<PackageId> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("component").replace('_', "-");
    let package =
        Package::from_file(&format!("eventhub:{name}"), None, path, graph.types_mut()).with_context(|| format!("cannot read component {}", path.display()))?;
    Ok(graph.register_package(package)?)
}
