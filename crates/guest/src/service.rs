//! The macros by which a component joins the WIT: [`crate::bindings!`] for its world, and
//! [`crate::service!`] for a whole service.

/// Generates the bindings of a component's world, the shared interfaces mapped onto this crate's.
///
/// `shares` names the shared interfaces that the world uses: `common`, `http`, `sql`, `redis`,
/// `kafka`, `producer`, `websocket`, `topics`, `timers`. wit-bindgen refuses a name that the world
/// does not use, and generates types of its own for one that is missing.
#[macro_export]
macro_rules! bindings {
    ($world:literal, [$($share:ident)*]) => {
        $crate::bindings!(@map $world [$($share)*] []);
    };
    (@map $world:literal [common $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,]);
    };
    (@map $world:literal [http $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,]);
    };
    (@map $world:literal [sql $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,]);
    };
    (@map $world:literal [redis $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:redis/commands@0.1.0": eventhub_guest::bindings::eventhub::redis::commands,]);
    };
    (@map $world:literal [kafka $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:kafka/types@0.1.0": eventhub_guest::bindings::eventhub::kafka::types,]);
    };
    (@map $world:literal [producer $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:kafka/producer@0.1.0": eventhub_guest::bindings::eventhub::kafka::producer,]);
    };
    (@map $world:literal [websocket $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:websocket/types@0.1.0": eventhub_guest::bindings::eventhub::websocket::types,]);
    };
    (@map $world:literal [topics $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:websocket/topics@0.1.0": eventhub_guest::bindings::eventhub::websocket::topics,]);
    };
    (@map $world:literal [timers $($rest:ident)*] [$($with:tt)*]) => {
        $crate::bindings!(@map $world [$($rest)*] [$($with)*
            "eventhub:timers/types@0.1.0": eventhub_guest::bindings::eventhub::timers::types,]);
    };
    (@map $world:literal [] [$($with:tt)*]) => {
        wit_bindgen::generate!({
            path: "../../wit",
            world: $world,
            with: { $($with)* },
            generate_all,
            additional_derives: [PartialEq],
        });
    };
}

/// A service: its bindings, and what it exports.
///
/// ```ignore
/// eventhub_guest::service! {
///     world: "eventhub:booking/service@0.1.0",
///     package: booking,
///     shares: [common, http, sql, kafka, timers],
///     context: dyn ports::Ports = ports::Linked,
///     routes: routes::router,
///     events: events::handle_batch,
///     timers: timers::run_tick,
/// }
/// ```
///
/// * `context`: what every handler gets as `call.context`, made once per instance; `() = ()` where a
///   service calls no other.
/// * `routes`: `fn() -> Router<Context>`.
/// * `events`: `fn(&Context, &[Delivery]) -> Vec<Outcome>`, one outcome for each delivery in order.
/// * `timers`: `fn(&Context, &Tick) -> Result<(), E>` with `E: Display`; the text is for the log.
///
/// The macro declares `bindings`, `Component` and `with_context`. Typed interfaces that other
/// services call are implemented for `Component` in the service's `exports.rs`. Where a build script
/// writes the bindings, `bindings: "file.rs"` (in `OUT_DIR`) stands in the place of `world` and
/// `shares`.
#[macro_export]
macro_rules! service {
    (
        world: $world:literal,
        package: $package:ident,
        shares: [$($share:ident),* $(,)?],
        $($rest:tt)*
    ) => {
        /// The bindings of this component's world.
        #[allow(missing_docs)]
        pub mod bindings {
            $crate::bindings!($world, [$($share)*]);
        }
        $crate::service!(@exports $package, $($rest)*);
    };
    (
        bindings: $file:literal,
        package: $package:ident,
        $($rest:tt)*
    ) => {
        /// The bindings of this component's world, written by the build script.
        #[allow(missing_docs)]
        pub mod bindings {
            include!(concat!(env!("OUT_DIR"), "/", $file));
        }
        $crate::service!(@exports $package, $($rest)*);
    };
    (@exports
        $package:ident,
        context: $context:ty = $init:expr,
        routes: $routes:path
        $(, events: $events:path)?
        $(, timers: $timers:path)?
        $(,)?
    ) => {
        /// What the component exports.
        pub struct Component;

        /// What the handlers of this service get as `call.context`.
        // The alias makes a trait object `'static`, which a bare reference to it would not.
        pub type Context = $context;

        thread_local! {
            static CONTEXT: Box<Context> = {
                $crate::log::init();
                Box::new($init)
            };
            static ROUTER: $crate::Router<Context> = $routes();
        }

        /// Runs something with this instance's context.
        pub fn with_context<T>(run: impl FnOnce(&Context) -> T) -> T {
            CONTEXT.with(|context| run(&**context))
        }

        impl bindings::exports::eventhub::$package::routes::Guest for Component {
            fn handle(request: $crate::Request) -> $crate::Response {
                with_context(|context| ROUTER.with(|router| router.handle(&request, context)))
            }
        }

        $(
            impl bindings::exports::eventhub::$package::events::Guest for Component {
                fn handle(
                    batch: Vec<$crate::bindings::eventhub::kafka::types::Delivery>,
                ) -> Vec<$crate::bindings::eventhub::kafka::types::Outcome> {
                    with_context(|context| $events(context, &batch))
                }
            }
        )?

        $(
            impl bindings::exports::eventhub::$package::timers::Guest for Component {
                fn run(
                    tick: $crate::bindings::eventhub::timers::types::Tick,
                ) -> Result<(), String> {
                    with_context(|context| $timers(context, &tick))
                        .map_err(|error| error.to_string())
                }
            }
        )?

        // Only a component has exports; a native linker takes no names such as these.
        #[cfg(target_arch = "wasm32")]
        bindings::export!(Component with_types_in bindings);
    };
}
