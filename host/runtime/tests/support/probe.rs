//! The probe as WebAssembly text. Its `handle` looks at one character of the path:
//! `c`ount, `l`oop, `g`row, `t`rap, `s`leep a minute, `n`ap a second, `f`orward the request to the
//! callee's routes, and through the callee's `math`: `a`dd 40 and 2, make it trap (`x`), make it
//! sleep a minute (`y`).

/// One probe to be assembled.
#[derive(Clone)]
pub struct Probe {
    package: &'static str,
    /// Which character of the path counts: a forwarded request has one for each component.
    position: u32,
    exports_math: bool,
    calls: bool,
    /// The type of the sum that it expects of the callee.
    sum: &'static str,
}

pub fn caller() -> Probe {
    Probe {
        package: "eventhub:caller",
        position: 1,
        exports_math: false,
        calls: false,
        sum: "u32",
    }
}

pub fn callee() -> Probe {
    Probe {
        package: "eventhub:callee",
        position: 2,
        exports_math: true,
        calls: false,
        sum: "u32",
    }
}

impl Probe {
    /// Imports `eventhub:callee`.
    pub fn calls(self) -> Self {
        Self {
            calls: true,
            ..self
        }
    }

    /// Exports the interfaces of another package.
    pub fn package(self, package: &'static str) -> Self {
        Self { package, ..self }
    }

    /// Expects other types of the callee than it has.
    pub fn mistyped(self) -> Self {
        Self { sum: "u64", ..self }
    }

    pub fn wasm(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap()
    }

    fn text(&self) -> String {
        let Self {
            package,
            position,
            sum,
            ..
        } = self;
        let (mut imports, mut lowered, mut given) = (String::new(), String::new(), String::new());
        // Without a callee the core module gets functions that trap.
        let mut stubs = r#"(func $forward (param i32 i32) unreachable) (func $add (param i32 i32 i32) unreachable)"#.to_owned();
        if self.calls {
            imports = format!(
                r#"
                (import "eventhub:callee/routes@0.1.0" (instance $callee-routes
                    (alias outer 1 $request (type $r)) (export "request" (type $request (eq $r)))
                    (alias outer 1 $response (type $s)) (export "response" (type $response (eq $s)))
                    (export "handle" (func (param "request" $request) (result $response)))))
                (import "eventhub:callee/math@0.1.0" (instance $callee-math
                    (type $e (variant (case "wrong") (case "unavailable" string)))
                    (export "error" (type $error (eq $e)))
                    (export "add" (func (param "a" u32) (param "b" u32) (result (result {sum} (error $error)))))))"#
            );
            lowered = r#"
                (core func $forward (canon lower (func $callee-routes "handle") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
                (core func $add (canon lower (func $callee-math "add") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))"#
                .into();
            given = r#"(export "forward" (func $forward)) (export "add" (func $add))"#.into();
            stubs = r#"(import "host" "forward" (func $forward (param i32 i32)))
                (import "host" "add" (func $add (param i32 i32 i32)))"#
                .into();
        }
        let math = if self.exports_math {
            format!(
                r#"
                (type $error-shape (variant (case "wrong") (case "unavailable" string)))
                (export $error "error" (type $error-shape))
                (func $math-add (param "a" u32) (param "b" u32) (result (result u32 (error $error)))
                    (canon lift (core func $probe "math-add") (memory (core memory $libc "memory"))))
                (instance $math (export "error" (type $error)) (export "add" (func $math-add)))
                (export "{package}/math@0.1.0" (instance $math))"#
            )
        } else {
            String::new()
        };
        format!(
            r#"
(component
    (import "eventhub:http/types@0.1.0" (instance $types
        (type $p (record (field "user-id" string) (field "roles" (list string))))
        (export "principal" (type $principal (eq $p)))
        (type $r (record
            (field "method" string) (field "path" string) (field "query" string)
            (field "headers" (list (tuple string string))) (field "body" (list u8))
            (field "principal" (option $principal)) (field "request-id" string)
            (field "traceparent" string) (field "client-address" string)))
        (export "request" (type $request (eq $r)))
        (type $s (record
            (field "status" u16) (field "headers" (list (tuple string string))) (field "body" (list u8))))
        (export "response" (type $response (eq $s)))))
    (alias export $types "request" (type $request))
    (alias export $types "response" (type $response))
    (import "test:clock/clock@0.1.0" (instance $clock (export "sleep" (func (param "ms" u64)))))
    {imports}
    (core module $Libc
        (memory (export "memory") 2)
        (global $heap (mut i32) (i32.const 65536))
        (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
            (global.set $heap (i32.add (local.get $at) (local.get $size)))
            (local.get $at))
        (func (export "reset") (global.set $heap (i32.const 65536))))
    (core instance $libc (instantiate $Libc))
    (core func $sleep (canon lower (func $clock "sleep")))
    {lowered}
    (core module $Probe
        (import "libc" "memory" (memory 2))
        (import "libc" "reset" (func $reset))
        (import "host" "sleep" (func $sleep (param i64)))
        {stubs}
        (global $count (mut i32) (i32.const 0))
        (func $boom unreachable)
        (func $body (param $at i32) (param $length i32) (result i32)
            (i32.store16 (i32.const 1024) (i32.const 200))
            (i32.store (i32.const 1028) (i32.const 0))
            (i32.store (i32.const 1032) (i32.const 0))
            (i32.store (i32.const 1036) (local.get $at))
            (i32.store (i32.const 1040) (local.get $length))
            (i32.const 1024))
        (func $sum (param $a i32) (param $b i32) (result i32)
            (call $add (local.get $a) (local.get $b) (i32.const 3072))
            (call $body (i32.const 3072) (i32.const 16)))
        (func (export "handle") (param $request i32) (result i32)
            (local $what i32)
            (local.set $what (i32.load8_u
                (i32.add (i32.load (i32.add (local.get $request) (i32.const 8))) (i32.const {position}))))
            (if (i32.eq (local.get $what) (i32.const 0x6c)) (then (loop $l (br $l))))
            (if (i32.eq (local.get $what) (i32.const 0x67))
                (then (loop $l (drop (memory.grow (i32.const 16))) (br $l))))
            (if (i32.eq (local.get $what) (i32.const 0x74)) (then (call $boom)))
            (if (i32.eq (local.get $what) (i32.const 0x73)) (then (call $sleep (i64.const 60000))))
            (if (i32.eq (local.get $what) (i32.const 0x6e)) (then (call $sleep (i64.const 1000))))
            (if (i32.eq (local.get $what) (i32.const 0x66))
                (then (call $forward (local.get $request) (i32.const 2048)) (return (i32.const 2048))))
            (if (i32.eq (local.get $what) (i32.const 0x61)) (then (return (call $sum (i32.const 40) (i32.const 2)))))
            (if (i32.eq (local.get $what) (i32.const 0x78)) (then (return (call $sum (i32.const 1000) (i32.const 0)))))
            (if (i32.eq (local.get $what) (i32.const 0x79)) (then (return (call $sum (i32.const 1001) (i32.const 0)))))
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (i32.store (i32.const 4096) (global.get $count))
            (call $body (i32.const 4096) (i32.const 4)))
        (func (export "handled") (param i32) (call $reset))
        (func (export "math-add") (param $a i32) (param $b i32) (result i32)
            (if (i32.eq (local.get $a) (i32.const 1000)) (then (call $boom)))
            (if (i32.eq (local.get $a) (i32.const 1001)) (then (call $sleep (i64.const 60000))))
            (i32.store (i32.const 5120) (i32.const 0))
            (i32.store (i32.const 5124) (i32.add (local.get $a) (local.get $b)))
            (i32.const 5120)))
    (core instance $probe (instantiate $Probe
        (with "libc" (instance $libc))
        (with "host" (instance (export "sleep" (func $sleep)) {given}))))
    (func $handle (param "request" $request) (result $response)
        (canon lift (core func $probe "handle") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
            (post-return (core func $probe "handled"))))
    (instance $routes
        (export "request" (type $request)) (export "response" (type $response)) (export "handle" (func $handle)))
    (export "{package}/routes@0.1.0" (instance $routes))
    {math})"#
        )
    }
}
