//! The route table and the bindings as Rust text.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use eventhub_manifest::Manifest;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// `seat-inventory` → `SeatInventory`.
fn variant(service: &str) -> String {
    let words = service.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

fn snake_case(service: &str) -> String {
    service.replace('-', "_")
}

/// The enum of services, and every path of their OpenAPI parts.
pub fn render_table(manifest: &Manifest, parts: &[(String, Value)], root: &Path) -> Result<String> {
    let default = default_timeout_ms(root)?;
    let variants: Vec<String> = parts.iter().map(|(name, _)| variant(name)).collect();
    let mut text = format!(
        "/// A service, by its name in the manifest.\n\
         #[derive(Clone, Copy, PartialEq, Eq, Debug)]\npub enum Service {{ {} }}\n\
         impl Service {{\n    /// How long a call of it takes at most: the timeout of the gateway's link.\n    \
         pub const fn longest_call(self) -> std::time::Duration {{\n        \
         std::time::Duration::from_millis(match self {{\n",
        variants.join(", ")
    );
    for (name, _) in parts {
        let link = manifest
            .route_link(name)
            .ok_or("a service without a link")?;
        let timeout = link.properties.get("timeout_ms").unwrap_or(&default);
        let timeout: u64 = timeout.parse()?;
        writeln!(text, "            Self::{} => {timeout},", variant(name))?;
    }
    writeln!(text, "        }})\n    }}\n}}\n")?;
    writeln!(text, "const ROUTES: &[(&str, Route)] = &[")?;
    for (name, part) in parts {
        for (path, item) in part["paths"].as_object().into_iter().flatten() {
            writeln!(text, "    {},", render_route(name, path, item))?;
        }
    }
    writeln!(text, "];")?;
    Ok(text)
}

fn render_route(service: &str, path: &str, item: &Value) -> String {
    let extension = |name: &str| item["x-gateway"][name].as_bool();
    let media = match success_media(item) {
        Some("image/svg+xml") => "Svg",
        Some("application/schema+json") => "Schema",
        _ => "Json",
    };
    format!(
        "({:?}, Route {{ service: Service::{}, media: Media::{media}, is_large: {}, \
         is_credential: {}, reads_token: {}, is_limited: {}, needs_key: {} }})",
        pattern(path),
        variant(service),
        extension("large_body").unwrap_or(false),
        extension("credential").unwrap_or(false),
        extension("reads_token").unwrap_or(true),
        extension("limited").unwrap_or(true),
        requires_key(item),
    )
}

/// The path with parameters named by their place: two services may name the same place differently.
fn pattern(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(index, segment)| {
        if segment.starts_with('{') {
            format!("{{p{index}}}")
        } else {
            segment.to_string()
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The media type of a success, if it is not JSON.
fn success_media(item: &Value) -> Option<&str> {
    let operations = item.as_object()?.values();
    let answers = operations.filter_map(|operation| operation["responses"].as_object());
    let successes = answers
        .flatten()
        .filter(|(status, _)| status.starts_with('2'));
    let media = successes.filter_map(|(_, answer)| answer["content"].as_object()?.keys().next());
    media
        .map(String::as_str)
        .find(|media| *media != "application/json")
}

/// Whether a POST of the path needs an Idempotency-Key.
fn requires_key(item: &Value) -> bool {
    let parameters = item["post"]["parameters"].as_array();
    parameters.into_iter().flatten().any(|parameter| {
        parameter["$ref"].as_str() == Some("#/components/parameters/IdempotencyKeyRequired")
    })
}

/// `timeout_ms` of `[links]` in the default configuration.
fn default_timeout_ms(root: &Path) -> Result<String> {
    let file = root.join("eventhub.default.toml");
    println!("cargo::rerun-if-changed={}", file.display());
    let text = std::fs::read_to_string(&file)?;
    let links = text
        .split("\n[links]\n")
        .nth(1)
        .ok_or("no [links] in the defaults")?;
    let line = links
        .lines()
        .find_map(|line| line.strip_prefix("timeout_ms ="));
    let number = line
        .ok_or("[links] has no timeout_ms")?
        .trim()
        .replace('_', "");
    Ok(number)
}

/// The gateway's world with an import for each service.
pub fn render_bindings(manifest: &Manifest) -> String {
    let services = manifest.services();
    let imports: String = services
        .iter()
        .map(|service| format!("import eventhub:{}/routes@0.1.0; ", service.name))
        .collect();
    format!(
        "wit_bindgen::generate!({{\n    \
         inline: \"package eventhub:gateway-linked@0.1.0; world linked {{ \
         include eventhub:api-gateway/component@0.1.0; {imports}}}\",\n    \
         path: \"../../wit\",\n    world: \"eventhub:gateway-linked/linked@0.1.0\",\n    with: {{\n        \
         \"eventhub:http/types@0.1.0\": eventhub_guest::bindings::eventhub::http::types,\n        \
         \"eventhub:redis/commands@0.1.0\": eventhub_guest::bindings::eventhub::redis::commands,\n    }},\n    \
         generate_all,\n}});\n"
    )
}

/// A call of a service by its variant.
pub fn render_call(manifest: &Manifest) -> String {
    let arms: String = manifest
        .services()
        .iter()
        .map(|service| {
            format!(
                "        Service::{} => crate::bindings::eventhub::{}::routes::handle(request),\n",
                variant(&service.name),
                snake_case(&service.name)
            )
        })
        .collect();
    format!(
        "fn call_linked(service: Service, request: &Request) -> Response {{\n    match service {{\n{arms}    }}\n}}\n"
    )
}
