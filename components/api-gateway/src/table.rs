//! The routing table: the service of each path, and the gateway's rules for it. The table is
//! generated from the manifest and from the services' OpenAPI parts; see `build.rs`.

use std::sync::LazyLock;

use crate::accept::Media;

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The gateway's rules for a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    pub service: Service,
    pub media: Media,
    /// Bodies may be as large as a layout.
    pub is_large: bool,
    /// Log-in and sign-up: the stricter limit.
    pub is_credential: bool,
    /// Whether the path uses an access token. Clients that refresh often send the old token along,
    /// and it has expired.
    pub reads_token: bool,
    /// Whether requests count against the limits.
    pub is_limited: bool,
    /// A POST needs an Idempotency-Key.
    pub needs_key: bool,
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Service(Route),
    OpenApi,
    /// A request for the live feed without the upgrade: the host takes WebSockets before the
    /// gateway sees them.
    Live,
    Unknown,
}

static PATHS: LazyLock<matchit::Router<Route>> = LazyLock::new(|| {
    let mut paths = matchit::Router::new();
    for (path, route) in ROUTES {
        if let Err(error) = paths.insert(*path, *route) {
            tracing::error!(route.path = path, error.cause = %error, "route cannot be added");
        }
    }
    paths
});

/// The target of a path. A path outside the OpenAPI parts has none.
pub fn find_target(path: &str) -> Target {
    if let Ok(found) = PATHS.at(path) {
        return Target::Service(*found.value);
    }
    let live = path
        .strip_prefix("/api/v1/sessions/")
        .and_then(|rest| rest.strip_suffix("/live"));
    match path {
        "/api/openapi.json" => Target::OpenApi,
        _ if live.is_some_and(|session| !session.contains('/')) => Target::Live,
        _ => Target::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<Service> {
        match find_target(path) {
            Target::Service(route) => Some(route.service),
            _ => None,
        }
    }

    #[test]
    fn every_path_of_the_contract_reaches_its_service() {
        let paths = [
            (
                Service::Identity,
                "auth/signup auth/login auth/refresh auth/logout users/me organizers organizers/org_1 organizers/org_1/members",
            ),
            (
                Service::Event,
                "venues venues/ven_1 events events/evt_1 events/evt_1/publish events/evt_1/cancel",
            ),
            (
                Service::VenueLayout,
                "layouts layouts/lay_1 layout-templates layout-templates/theatre/instantiate",
            ),
            (
                Service::SeatInventory,
                "sessions/ses_1/seats sessions/ses_1/holds holds/hld_1 holds/hld_1/extend",
            ),
            (
                Service::Booking,
                "bookings bookings/bkg_1 bookings/bkg_1/cancel bookings/bkg_1/tickets tickets/tkt_1/qr.svg",
            ),
        ];
        for (wanted, paths) in paths {
            for path in paths.split(' ') {
                assert_eq!(service(&format!("/api/v1/{path}")), Some(wanted), "{path}");
            }
        }
        assert_eq!(service("/webhooks/stripe"), Some(Service::Payment));
        assert_eq!(service("/.well-known/jwks.json"), Some(Service::Identity));
        assert_eq!(
            service("/.well-known/ticket-keys.json"),
            Some(Service::Booking)
        );
        assert_eq!(
            (
                find_target("/api/openapi.json"),
                find_target("/api/v1/sessions/ses_1/live")
            ),
            (Target::OpenApi, Target::Live)
        );
    }

    #[test]
    fn no_two_paths_of_the_table_conflict() {
        let mut paths = matchit::Router::new();
        for (path, route) in ROUTES {
            paths
                .insert(*path, route)
                .unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }

    #[test]
    fn a_claim_lasts_as_long_as_the_link_of_the_manifest() {
        // Otherwise a second request could claim the key while the first one runs.
        let manifest = eventhub_manifest::Manifest::read("../../wadm.yaml".as_ref()).unwrap();
        for (service, name) in [(Service::Event, "event"), (Service::Identity, "identity")] {
            let timeout = &manifest.route_link(name).unwrap().properties["timeout_ms"];
            assert_eq!(
                service.longest_call().as_millis().to_string(),
                *timeout,
                "{name}"
            );
        }
    }

    #[test]
    fn paths_that_no_service_has_lead_nowhere() {
        for path in [
            "",
            "/",
            "/api/v1",
            "/api/v1/",
            "/api/v1/eventsx",
            "/api/v1//events",
            "/api/v2/events",
            "/webhooks",
            "/metrics",
            "/healthz",
            "/api/v1/sessions/ses_1",
            "/api/v1/sessions",
        ] {
            assert_eq!(find_target(path), Target::Unknown, "{path}");
        }
    }

    #[test]
    fn routes_have_what_their_openapi_part_says() {
        let Target::Service(booking) = find_target("/api/v1/bookings") else {
            panic!()
        };
        let Target::Service(cancel) = find_target("/api/v1/bookings/bkg_1/cancel") else {
            panic!()
        };
        assert!(booking.needs_key && !cancel.needs_key);
        let Target::Service(login) = find_target("/api/v1/auth/login") else {
            panic!()
        };
        let Target::Service(refresh) = find_target("/api/v1/auth/refresh") else {
            panic!()
        };
        assert!(login.is_credential && !refresh.is_credential && !refresh.reads_token);
        let Target::Service(qr) = find_target("/api/v1/tickets/tkt_1/qr.svg") else {
            panic!()
        };
        assert_eq!(qr.media, Media::Svg);
        let Target::Service(schema) = find_target("/api/v1/layouts/schema") else {
            panic!()
        };
        let Target::Service(layout) = find_target("/api/v1/layouts/lay_1") else {
            panic!()
        };
        assert_eq!((schema.media, layout.media), (Media::Schema, Media::Json));
        let Target::Service(webhook) = find_target("/webhooks/stripe") else {
            panic!()
        };
        assert!(
            !webhook.is_limited && !webhook.reads_token && login.is_limited && refresh.is_limited
        );
    }
}
