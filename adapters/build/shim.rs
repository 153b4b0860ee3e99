//! The text of a shim: the bindings of a world made for it, and a few lines for each function.

use std::error::Error;
use std::fmt::Write;

use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind};

use crate::package::{Group, full_name, module};
use crate::types::{definition, given, owned};

type Text = Result<String, Box<dyn Error>>;

/// Exports the interfaces of a group, and sends each call to where they are.
pub fn client(resolve: &Resolve, group: &Group) -> Text {
    let mut text = bindings(resolve, &group.interfaces, "export")?;
    writeln!(text, "struct Shim;")?;
    for &interface in &group.interfaces {
        let path = format!("bindings::exports::{}", module(resolve, interface)?);
        writeln!(text, "impl {path}::Guest for Shim {{")?;
        for function in resolve.interfaces[interface].functions.values() {
            text.push_str(&sent(
                resolve,
                function,
                &path,
                &full_name(resolve, interface)?,
            )?);
        }
        writeln!(text, "}}")?;
    }
    writeln!(
        text,
        "#[cfg(target_arch = \"wasm32\")]\nbindings::export!(Shim with_types_in bindings);"
    )?;
    Ok(text)
}

/// Takes calls over HTTP and makes them on the imports; requests that are no calls go to the
/// gateway, where there is one.
pub fn server(resolve: &Resolve, group: &Group, gateway: Option<InterfaceId>) -> Text {
    let imports: Vec<_> = group.interfaces.iter().copied().chain(gateway).collect();
    let mut text = bindings(resolve, &imports, "import")?;
    writeln!(
        text,
        "fn dispatch(interface: &str, function: &str, params: &[u8]) -> Result<Vec<u8>, eventhub_adapters::server::Refusal> {{"
    )?;
    writeln!(text, "    use eventhub_adapters::wire::{{read, write}};")?;
    writeln!(text, "    match (interface, function) {{")?;
    for &interface in &group.interfaces {
        for function in resolve.interfaces[interface].functions.values() {
            text.push_str(&taken(resolve, function, interface)?);
        }
    }
    writeln!(
        text,
        "        _ => Err(eventhub_adapters::server::Refusal::Unknown),\n    }}\n}}"
    )?;
    match gateway {
        None => writeln!(text, "eventhub_adapters::serve!(dispatch);")?,
        Some(gateway) => {
            let path = format!("bindings::{}", module(resolve, gateway)?);
            writeln!(
                text,
                "fn gateway(request: eventhub_guest::Request) -> eventhub_guest::Response {{\n    \
                 let eventhub_guest::Request {{ method, path, query, headers, body, request_id, traceparent, client_address, .. }} = request;\n    \
                 let asked = {path}::Request {{ method, path, query, headers, body, principal: None, request_id, traceparent, client_address }};\n    \
                 let {path}::Response {{ status, headers, body }} = {path}::handle(&asked);\n    \
                 eventhub_guest::Response {{ status, headers, body }}\n}}\n\
                 eventhub_adapters::serve!(dispatch, gateway);"
            )?;
        }
    }
    Ok(text)
}

fn bindings(resolve: &Resolve, interfaces: &[InterfaceId], direction: &str) -> Text {
    let mut world = String::new();
    for &interface in interfaces {
        write!(world, "{direction} {};", full_name(resolve, interface)?)?;
    }
    Ok(format!(
        "#[allow(missing_docs, clippy::all)]\nmod bindings {{\n    wit_bindgen::generate!({{\n        inline: \"package eventhub:shim@0.1.0; world shim {{ {world} }}\",\n        \
         path: \"../wit\",\n        world: \"eventhub:shim/shim@0.1.0\",\n        additional_derives: [serde::Serialize, serde::Deserialize],\n        generate_all,\n    }});\n}}\n"
    ))
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// A function of the client: its parameters are sent, its result is what comes back.
fn sent(resolve: &Resolve, function: &Function, module: &str, interface: &str) -> Text {
    let mut params = String::new();
    for param in &function.params {
        write!(
            params,
            "{}: {}, ",
            snake(&param.name),
            owned(resolve, &param.ty, module)?
        )?;
    }
    let result = function
        .result
        .as_ref()
        .map(|ty| owned(resolve, ty, module))
        .transpose()?;
    let names: String = function
        .params
        .iter()
        .map(|param| format!("&{}, ", snake(&param.name)))
        .collect();
    let failure = failure(resolve, function, module)?;
    Ok(format!(
        "    fn {name}({params}){result} {{\n        match eventhub_adapters::client::call(\"{interface}\", \"{function}\", &({names})) {{\n            Ok(result) => result,\n            \
         Err(cause) => {failure},\n        }}\n    }}\n",
        name = snake(&function.name),
        function = function.name,
        result = result.map(|ty| format!(" -> {ty}")).unwrap_or_default(),
    ))
}

/// What a caller is told when the other side does not answer: the interface's own `unavailable`, as
/// a link in one process says it.
fn failure(resolve: &Resolve, function: &Function, module: &str) -> Text {
    let Some(result) = &function.result else {
        return Ok("eventhub_adapters::client::ignored(&cause)".into());
    };
    let text = match definition(resolve, result) {
        Some((_, TypeDefKind::Result(result))) => match result.err.as_ref() {
            Some(Type::String) => Some("Err(cause)".to_string()),
            Some(error) => match definition(resolve, error) {
                Some((_, TypeDefKind::Variant(variant)))
                    if variant.cases.iter().any(|case| case.name == "unavailable") =>
                {
                    Some(format!(
                        "Err({}::Unavailable(cause))",
                        owned(resolve, error, module)?
                    ))
                }
                Some(("refusal", _)) => Some(format!(
                    "Err({}::Close((1013, eventhub_adapters::client::later(&cause))))",
                    owned(resolve, error, module)?
                )),
                _ => None,
            },
            None => None,
        },
        Some(("response", _)) => Some(format!(
            "{{ let (status, headers, body) = eventhub_adapters::client::unavailable(&cause, &request.request_id); {} {{ status, headers, body }} }}",
            owned(resolve, result, module)?
        )),
        Some((_, TypeDefKind::List(Type::Id(item))))
            if resolve.types[*item].name.as_deref() == Some("outcome") =>
        {
            Some(format!(
                "batch.iter().map(|_| {}::Retry(cause.clone())).collect()",
                owned(resolve, &Type::Id(*item), module)?
            ))
        }
        _ => None,
    };
    // No way to say it: the call fails as a whole.
    Ok(text.unwrap_or_else(|| "panic!(\"{cause}\")".into()))
}

/// A function of the server: its parameters are read, its result is written.
fn taken(resolve: &Resolve, function: &Function, interface: InterfaceId) -> Text {
    let path = format!("bindings::{}", module(resolve, interface)?);
    let names: Vec<String> = function
        .params
        .iter()
        .map(|param| snake(&param.name))
        .collect();
    let types = function
        .params
        .iter()
        .map(|param| owned(resolve, &param.ty, &path))
        .collect::<Result<Vec<_>, _>>()?;
    let given: Vec<String> = function
        .params
        .iter()
        .zip(&names)
        .map(|(param, name)| given(resolve, &param.ty, name))
        .collect();
    let comma = |parts: &[String]| {
        parts
            .iter()
            .map(|part| format!("{part}, "))
            .collect::<String>()
    };
    Ok(format!(
        "        (\"{interface}\", \"{function}\") => {{\n            let ({names}): ({types}) = read(params)?;\n            write(&{path}::{name}({given}))\n        }}\n",
        interface = full_name(resolve, interface)?,
        function = function.name,
        names = comma(&names),
        types = comma(&types),
        name = snake(&function.name),
        given = given.join(", "),
    ))
}
