//! The OpenAPI document of the whole API, merged at build time from the components' parts.

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::router::Answer;
use eventhub_guest::{Request, Response};

const DOCUMENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

pub fn answer(request: &Request) -> Answer {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Err(
            Problem::new(Code::MethodNotAllowed, "The document can be read only.")
                .header("allow", "GET"),
        );
    }
    let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    let headers = vec![
        header("content-type", "application/json"),
        header("cache-control", "public, max-age=300"),
    ];
    Ok(Response {
        status: 200,
        headers,
        body: DOCUMENT.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn every_operation_says_what_any_route_may_answer() {
        let document: Value = serde_json::from_slice(DOCUMENT).unwrap();
        let paths = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_object)
            .flat_map(Map::values);
        let operations: Vec<&Value> = paths
            .filter(|member| member["operationId"].is_string())
            .collect();
        assert!(operations.len() > 40);
        for operation in operations {
            let says = |status: &str| operation["responses"][status].is_object();
            assert!(
                says("431") && says("500") && says("503"),
                "{}",
                operation["operationId"]
            );
            assert_eq!(
                says("408"),
                operation["requestBody"].is_object(),
                "{}",
                operation["operationId"]
            );
        }
    }
}
