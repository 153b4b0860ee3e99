//! A component that knows nothing of EventHub: it exports `wasi:http/incoming-handler` and answers
//! with no body and a status of 200 plus the length of the request's path and query.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Of WASI 0.2, only what the component uses.
const WIT: &str = "
package wasi:http@0.2.0;
interface types {
    resource fields { constructor(); }
    resource incoming-request { path-with-query: func() -> option<string>; }
    resource outgoing-response {
        constructor(headers: fields);
        set-status-code: func(status-code: u16) -> result;
    }
    resource response-outparam {
        set: static func(param: response-outparam, response: result<outgoing-response, error-code>);
    }
    record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
    record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
    record field-size-payload { field-name: option<string>, field-size: option<u32> }
    variant error-code {
        DNS-timeout, DNS-error(DNS-error-payload), destination-not-found, destination-unavailable,
        destination-IP-prohibited, destination-IP-unroutable, connection-refused, connection-terminated,
        connection-timeout, connection-read-timeout, connection-write-timeout, connection-limit-reached,
        TLS-protocol-error, TLS-certificate-error, TLS-alert-received(TLS-alert-received-payload),
        HTTP-request-denied, HTTP-request-length-required, HTTP-request-body-size(option<u64>),
        HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
        HTTP-request-header-section-size(option<u32>), HTTP-request-header-size(option<field-size-payload>),
        HTTP-request-trailer-section-size(option<u32>), HTTP-request-trailer-size(field-size-payload),
        HTTP-response-incomplete, HTTP-response-header-section-size(option<u32>),
        HTTP-response-header-size(field-size-payload), HTTP-response-body-size(option<u64>),
        HTTP-response-trailer-section-size(option<u32>), HTTP-response-trailer-size(field-size-payload),
        HTTP-response-transfer-coding(option<string>), HTTP-response-content-coding(option<string>),
        HTTP-response-timeout, HTTP-upgrade-failed, HTTP-protocol-error, loop-detected, configuration-error,
        internal-error(option<string>),
    }
}
interface incoming-handler {
    use types.{incoming-request, response-outparam};
    handle: func(request: incoming-request, response-out: response-outparam);
}
world plain {
    import types;
    export incoming-handler;
}";

const MODULE: &str = r#"
(module
    (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code" (func $status (param i32 i32) (result i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
    (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
        (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.0" "[resource-drop]incoming-request" (func $drop (param i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
        (local $answer i32)
        (call $path (local.get $request) (i32.const 16))
        (call $drop (local.get $request))
        (local.set $answer (call $response (call $fields)))
        (drop (call $status (local.get $answer) (i32.add (i32.const 200) (i32.load (i32.const 24)))))
        (call $set (local.get $out) (i32.const 0) (local.get $answer)
            (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;

pub fn wasm() -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("http.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("plain")).unwrap();
    let mut module = wat::parse_str(MODULE).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}
