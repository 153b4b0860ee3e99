//! Accounts, tokens, organizers: who somebody is, and for whom they may act.
//! `domain` has the rules, `store` the SQL, `routes` the HTTP, `tokens` the keys and what they
//! sign.
mod config;
mod domain;
mod routes;
mod store;
mod timers;
mod tokens;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "identity",
        with: {
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
            "eventhub:timers/types@0.1.0": eventhub_guest::bindings::eventhub::timers::types,
        },
        generate_all,
    });
}

use bindings::exports::eventhub::identity::{organizers, routes as http, timers as periodic};
use domain::organizer::Role;
use eventhub_guest::bindings::eventhub::timers::types::Moment;
use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::{Request, Response};

struct Component;

impl http::Guest for Component {
    fn handle(request: Request) -> Response {
        routes::ROUTER.with(|router| router.handle(&request))
    }
}

impl periodic::Guest for Component {
    fn tick(moment: Moment) -> Result<(), String> {
        eventhub_guest::log::init();
        timers::tick(&moment).map_err(|error| error.to_string())
    }
}

impl organizers::Guest for Component {
    fn role_of(
        organizer_id: String,
        user_id: String,
    ) -> Result<Option<organizers::Role>, organizers::Error> {
        eventhub_guest::log::init();
        // What is no id names nobody.
        let (Ok(organizer), Ok(user)) = (
            organizer_id.parse::<OrganizerId>(),
            user_id.parse::<UserId>(),
        ) else {
            return Ok(None);
        };
        let role = store::organizers::role_of(organizer, user)
            .map_err(|error| organizers::Error::Unavailable(error.to_string()))?;
        Ok(role.map(|role| match role {
            Role::Viewer => organizers::Role::Viewer,
            Role::Editor => organizers::Role::Editor,
            Role::Owner => organizers::Role::Owner,
        }))
    }
}

// The exported names are no symbols that a native linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);
