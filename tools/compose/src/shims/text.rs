//! The source of a shim: the bindings of a world made for it, and a few lines for each function.

use std::fmt::Write;

use anyhow::{Context, Result};
use wit_parser::{Function, InterfaceId, Type, TypeDefKind};

use super::types::{import_argument, owned_type, resolve_alias};
use crate::project::Project;

const HEAD: &str = "// Generated from the WIT by eventhub-compose.\n";

/// A client: exports the interfaces and sends each call.
pub fn client_source(project: &Project, interfaces: &[InterfaceId]) -> Result<String> {
    let mut source = bindings(project, interfaces, "export")?;
    source.push_str("\nstruct Shim;\n");
    for &interface in interfaces {
        let path = format!(
            "bindings::exports::{}",
            project.interface_module(interface)?
        );
        let name = project.interface_name(interface)?;
        writeln!(source, "\nimpl {path}::Guest for Shim {{")?;
        for function in project.wit.interfaces[interface].functions.values() {
            source.push_str(&client_function(project, function, &path, &name)?);
        }
        source.push_str("}\n");
    }
    source.push_str("\nbindings::export!(Shim with_types_in bindings);\n");
    Ok(source)
}

/// A server: receives calls and makes them on the imports. Requests that are not calls go to the
/// gateway, if there is one.
pub fn server_source(
    project: &Project,
    interfaces: &[InterfaceId],
    gateway: Option<InterfaceId>,
) -> Result<String> {
    let imports: Vec<_> = interfaces.iter().copied().chain(gateway).collect();
    let mut source = bindings(project, &imports, "import")?;
    source.push_str(
        "
use eventhub_adapters::server::Refusal;
use eventhub_adapters::wire::{read, write};

fn dispatch(interface: &str, function: &str, params: &[u8]) -> Result<Vec<u8>, Refusal> {
    match (interface, function) {
",
    );
    for &interface in interfaces {
        for function in project.wit.interfaces[interface].functions.values() {
            source.push_str(&server_arm(project, function, interface)?);
        }
    }
    source.push_str("        _ => Err(Refusal::Unknown),\n    }\n}\n\n");
    let Some(gateway) = gateway else {
        source.push_str("eventhub_adapters::serve!(dispatch);\n");
        return Ok(source);
    };
    let path = format!("bindings::{}", project.interface_module(gateway)?);
    write!(
        source,
        "fn gateway(request: eventhub_guest::Request) -> eventhub_guest::Response {{
    let eventhub_guest::Request {{
        method, path, query, headers, body, request_id, traceparent, client_address, ..
    }} = request;
    let request = {path}::Request {{
        method, path, query, headers, body, principal: None, request_id, traceparent,
        client_address,
    }};
    let {path}::Response {{ status, headers, body }} = {path}::handle(&request);
    eventhub_guest::Response {{ status, headers, body }}
}}

eventhub_adapters::serve!(dispatch, gateway);
"
    )?;
    Ok(source)
}

/// The path is that of the package in which the shims are compiled; see [`crate::write_workspace`].
fn bindings(project: &Project, interfaces: &[InterfaceId], direction: &str) -> Result<String> {
    let mut world = String::new();
    for &interface in interfaces {
        write!(
            world,
            " {direction} {};",
            project.interface_name(interface)?
        )?;
    }
    Ok(format!(
        "{HEAD}
#[allow(missing_docs, clippy::all)]
mod bindings {{
    wit_bindgen::generate!({{
        inline: \"package eventhub:shim@0.1.0; world shim {{{world} }}\",
        path: \"../../wit\",
        world: \"eventhub:shim/shim@0.1.0\",
        additional_derives: [serde::Serialize, serde::Deserialize],
        generate_all,
    }});
}}
"
    ))
}

fn snake_case(name: &str) -> String {
    name.replace('-', "_")
}

/// A function of a client: it sends its parameters and returns the result that comes back.
fn client_function(
    project: &Project,
    function: &Function,
    module: &str,
    interface: &str,
) -> Result<String> {
    let (mut params, mut names) = (String::new(), String::new());
    for param in &function.params {
        let name = snake_case(&param.name);
        let ty = owned_type(&project.wit, &param.ty, module)?;
        write!(params, "{name}: {ty}, ")?;
        write!(names, "&{name}, ")?;
    }
    let result = match &function.result {
        Some(ty) => format!(" -> {}", owned_type(&project.wit, ty, module)?),
        None => String::new(),
    };
    Ok(format!(
        "    fn {snake}({params}){result} {{
        match eventhub_adapters::client::call(\"{interface}\", \"{name}\", &({names})) {{
            Ok(result) => result,
            Err(cause) => {failure},
        }}
    }}
",
        snake = snake_case(&function.name),
        name = function.name,
        failure = failure_expression(project, function, module)?,
    ))
}

/// What a caller gets when the other side does not answer: the interface's own `unavailable`, as a
/// link in one process says it.
fn failure_expression(project: &Project, function: &Function, module: &str) -> Result<String> {
    let wit = &project.wit;
    let Some(result) = &function.result else {
        return Ok("eventhub_adapters::client::ignored(&cause)".into());
    };
    let expression = match resolve_alias(wit, result) {
        Some((_, TypeDefKind::Result(result))) => match &result.err {
            Some(Type::String) => Some("Err(cause)".into()),
            Some(error) if has_unavailable(project, error) => {
                let error = owned_type(wit, error, module)?;
                Some(format!("Err({error}::Unavailable(cause))"))
            }
            Some(error) => match resolve_alias(wit, error) {
                Some(("refusal", _)) => Some(format!(
                    "Err({}::Close((1013, eventhub_adapters::client::later(&cause))))",
                    owned_type(wit, error, module)?
                )),
                _ => None,
            },
            None => None,
        },
        Some(("response", _)) => Some(format!(
            "{{
                let (status, headers, body) =
                    eventhub_adapters::client::unavailable(&cause, &{request}.request_id);
                {response} {{ status, headers, body }}
            }}",
            request = first_param(function)?,
            response = owned_type(wit, result, module)?,
        )),
        // An outcome for each delivery. `unavailable` does not count as an attempt, so the facts of
        // a service that is away for long do not go to the dead letter topic.
        Some((_, TypeDefKind::List(item))) if has_unavailable(project, item) => Some(format!(
            "{batch}.iter().map(|_| {outcome}::Unavailable(cause.clone())).collect()",
            batch = first_param(function)?,
            outcome = owned_type(wit, item, module)?,
        )),
        _ => None,
    };
    // The result cannot say it: the call traps.
    Ok(expression.unwrap_or_else(|| "panic!(\"{cause}\")".into()))
}

/// Whether a type is a variant with the case `unavailable`, whose value is the cause.
fn has_unavailable(project: &Project, ty: &Type) -> bool {
    let Some((_, TypeDefKind::Variant(variant))) = resolve_alias(&project.wit, ty) else {
        return false;
    };
    let mut cases = variant.cases.iter();
    cases.any(|case| case.name == "unavailable" && case.ty == Some(Type::String))
}

fn first_param(function: &Function) -> Result<String> {
    let param = function.params.first();
    let param = param.with_context(|| format!("{} has no parameter", function.name))?;
    Ok(snake_case(&param.name))
}

/// A function of a server: it reads the parameters, makes the call and writes the result.
fn server_arm(project: &Project, function: &Function, interface: InterfaceId) -> Result<String> {
    let path = format!("bindings::{}", project.interface_module(interface)?);
    let (mut names, mut types, mut arguments) = (String::new(), String::new(), Vec::new());
    for param in &function.params {
        let name = snake_case(&param.name);
        write!(names, "{name}, ")?;
        write!(types, "{}, ", owned_type(&project.wit, &param.ty, &path)?)?;
        arguments.push(import_argument(&project.wit, &param.ty, &name));
    }
    Ok(format!(
        "        (\"{interface}\", \"{function}\") => {{
            let ({names}): ({types}) = read(params)?;
            write(&{path}::{snake}({arguments}))
        }}
",
        interface = project.interface_name(interface)?,
        function = function.name,
        snake = snake_case(&function.name),
        arguments = arguments.join(", "),
    ))
}
