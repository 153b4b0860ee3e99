//! A compiled component with its imports and exports, looked up once.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::interface::InterfaceName;

/// A compiled component, under the name that the manifest gives it.
pub(crate) struct Loaded {
    pub name: Arc<str>,
    pub component: Component,
    /// Interfaces with functions. Nobody has to provide an interface that has types only.
    pub imports: Vec<Interface>,
    pub exports: Vec<Interface>,
    /// The exported functions; [`Function::index`] is an index into this list.
    pub functions: Vec<ComponentExportIndex>,
    pub points: EntryPoints,
}

/// An interface with its functions.
pub(crate) struct Interface {
    pub name: InterfaceName,
    pub functions: Vec<Function>,
}

pub(crate) struct Function {
    pub name: String,
    pub ty: ComponentFunc,
    /// Index into [`Loaded::functions`]; meaningless for imports.
    pub index: usize,
}

/// The functions that the host calls with types.
#[derive(Default)]
pub(crate) struct EntryPoints {
    pub routes: Option<ComponentExportIndex>,
    pub events: Option<ComponentExportIndex>,
    pub timers: Option<ComponentExportIndex>,
    pub live_open: Option<ComponentExportIndex>,
    pub live_read: Option<ComponentExportIndex>,
    pub incoming_handler: bool,
}

/// The kinds of calls that a component accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entries {
    /// [`crate::App::handle`]: through `routes`, or else `wasi:http/incoming-handler`.
    pub routes: bool,
    /// [`crate::App::events`]
    pub events: bool,
    /// [`crate::App::tick`]
    pub timers: bool,
    /// [`crate::App::live_open`] and [`crate::App::live_read`]
    pub live: bool,
}

impl Loaded {
    pub fn new(name: &str, component: Component) -> Self {
        let engine = component.engine().clone();
        let ty = component.component_type();
        let mut imports = Vec::new();
        for (name, item) in ty.imports(&engine) {
            if let Some(interface) = parse_interface(&engine, name, &item.ty, |_| None) {
                imports.push(interface);
            }
        }
        let mut exports = Vec::new();
        let mut functions = Vec::new();
        let mut points = EntryPoints::default();
        for (name, item) in ty.exports(&engine) {
            let Some(instance) = component.get_export_index(None, name) else {
                continue;
            };
            let exported = parse_interface(&engine, name, &item.ty, |function| {
                functions.push(component.get_export_index(Some(&instance), function)?);
                Some(functions.len() - 1)
            });
            if let Some(interface) = exported {
                points.note(&interface, &functions);
                exports.push(interface);
            }
        }
        Self {
            name: name.into(),
            component,
            imports,
            exports,
            functions,
            points,
        }
    }

    pub fn entries(&self) -> Entries {
        let points = &self.points;
        Entries {
            routes: points.routes.is_some() || points.incoming_handler,
            events: points.events.is_some(),
            timers: points.timers.is_some(),
            live: points.live_open.is_some() && points.live_read.is_some(),
        }
    }
}

impl EntryPoints {
    fn note(&mut self, interface: &Interface, functions: &[ComponentExportIndex]) {
        let find = |name: &str| {
            let function = interface
                .functions
                .iter()
                .find(|function| function.name == name)?;
            functions.get(function.index).copied()
        };
        if interface.name.is_wasi() {
            self.incoming_handler |= interface
                .name
                .full()
                .starts_with("wasi:http/incoming-handler@0.2.");
            return;
        }
        match interface.name.interface() {
            "routes" => self.routes = find("handle"),
            "events" => self.events = find("handle"),
            "timers" => self.timers = find("run"),
            "live" => (self.live_open, self.live_read) = (find("open"), find("read")),
            _ => {}
        }
    }
}

/// None when the item is no interface, or an interface that has types only.
fn parse_interface(
    engine: &wasmtime::Engine,
    name: &str,
    item: &ComponentItem,
    mut position: impl FnMut(&str) -> Option<usize>,
) -> Option<Interface> {
    let ComponentItem::ComponentInstance(instance) = item else {
        return None;
    };
    let name = InterfaceName::parse(name)?;
    let mut functions = Vec::new();
    for (name, item) in instance.exports(engine) {
        if let ComponentItem::ComponentFunc(ty) = item.ty {
            functions.push(Function {
                name: name.to_owned(),
                ty,
                index: position(name).unwrap_or(usize::MAX),
            });
        }
    }
    (!functions.is_empty()).then_some(Interface { name, functions })
}
