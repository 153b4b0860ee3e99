//! Which service answers which path. The services know their own methods and ids; here only
//! prefixes count.

use std::time::Duration;

use crate::accept::Media;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    Identity,
    Event,
    VenueLayout,
    SeatInventory,
    Booking,
    Payment,
}

impl Service {
    /// How long a call of it takes at most: the timeout of the gateway's link in the manifest.
    pub const fn longest_call(self) -> Duration {
        Duration::from_secs(match self {
            Self::Identity => 10,
            Self::Event => 15,
            Self::VenueLayout => 20,
            Self::SeatInventory | Self::Booking | Self::Payment => 5,
        })
    }
}

/// What the gateway has to know of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    pub service: Service,
    pub media: Media,
    /// Bodies may be as large as a layout.
    pub is_large: bool,
    /// Log-in and sign-up: the stricter limit.
    pub is_credential: bool,
    /// Whether an access token means anything here. Who refreshes often sends the old one along,
    /// and it has expired.
    pub reads_token: bool,
    /// Whether requests count against the limits.
    pub is_limited: bool,
    /// A POST needs an Idempotency-Key.
    pub needs_key: bool,
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Service(Route),
    OpenApi,
    /// The host takes WebSockets before the gateway sees them: this is one without the upgrade.
    Live,
    Unknown,
}

fn to(service: Service) -> Route {
    Route {
        service,
        media: Media::Json,
        is_large: false,
        is_credential: false,
        reads_token: true,
        is_limited: true,
        needs_key: false,
    }
}

pub fn find(path: &str) -> Target {
    let Some(rest) = path.strip_prefix("/api/v1/") else {
        return match path {
            "/api/openapi.json" => Target::OpenApi,
            "/.well-known/jwks.json" => Target::Service(to(Service::Identity)),
            "/.well-known/ticket-keys.json" => Target::Service(to(Service::Booking)),
            // Signed by the sender, not by one of our tokens: that is the guard, and no limit. All
            // of a provider's come from a few addresses, in bursts, and what is refused
            // once comes again only hours later.
            _ if path.starts_with("/webhooks/") => Target::Service(Route {
                reads_token: false,
                is_limited: false,
                ..to(Service::Payment)
            }),
            _ => Target::Unknown,
        };
    };
    let (first, below) = rest.split_once('/').unwrap_or((rest, ""));
    let route = match first {
        "sessions" => match below.split('/').nth(1) {
            Some("seats" | "holds") => to(Service::SeatInventory),
            Some("live") => return Target::Live,
            _ => return Target::Unknown,
        },
        "holds" => to(Service::SeatInventory),
        "bookings" => Route {
            needs_key: below.is_empty(),
            ..to(Service::Booking)
        },
        "tickets" => Route {
            media: if below.ends_with(".svg") {
                Media::Svg
            } else {
                Media::Json
            },
            ..to(Service::Booking)
        },
        "events" | "venues" => to(Service::Event),
        "layouts" => Route {
            is_large: true,
            media: if below == "schema" {
                Media::Schema
            } else {
                Media::Json
            },
            ..to(Service::VenueLayout)
        },
        "layout-templates" => to(Service::VenueLayout),
        "auth" => Route {
            is_credential: matches!(below, "login" | "signup"),
            reads_token: false,
            ..to(Service::Identity)
        },
        "users" | "organizers" => to(Service::Identity),
        _ => return Target::Unknown,
    };
    Target::Service(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<Service> {
        match find(path) {
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
                find("/api/openapi.json"),
                find("/api/v1/sessions/ses_1/live")
            ),
            (Target::OpenApi, Target::Live)
        );
    }

    /// Otherwise a key would be given to a second request while the first one runs.
    #[test]
    fn no_link_of_the_manifest_waits_longer_than_the_gateway_believes() {
        let manifest: serde_yaml::Value =
            serde_yaml::from_str(include_str!("../../../wadm.yaml")).unwrap();
        let components = manifest["spec"]["components"].as_sequence().unwrap();
        let gateway = components
            .iter()
            .find(|component| component["name"] == "api-gateway")
            .unwrap();
        let links = gateway["traits"]
            .as_sequence()
            .unwrap()
            .iter()
            .filter(|one| one["type"] == "link")
            .map(|one| &one["properties"]["target"]);
        let timeout = |name: &str| {
            let link = links
                .clone()
                .find(|target| target["name"] == name)
                .unwrap_or_else(|| panic!("no link to {name}"));
            let timeout = link["config"][0]["properties"]["timeout_ms"].as_str();
            Duration::from_millis(timeout.map_or(DEFAULT_TIMEOUT_MS, |ms| ms.parse().unwrap()))
        };
        // As in eventhub.default.toml.
        const DEFAULT_TIMEOUT_MS: u64 = 5_000;
        use Service::*;
        for (service, name) in [
            (Identity, "identity"),
            (Event, "event"),
            (VenueLayout, "venue-layout"),
            (SeatInventory, "seat-inventory"),
            (Booking, "booking"),
            (Payment, "payment"),
        ] {
            assert_eq!(service.longest_call(), timeout(name), "{name}");
        }
    }

    #[test]
    fn a_prefix_is_a_whole_segment() {
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
            assert_eq!(find(path), Target::Unknown, "{path}");
        }
    }

    #[test]
    fn special_routes_are_treated_specially_and_no_others() {
        let Target::Service(booking) = find("/api/v1/bookings") else {
            panic!()
        };
        let Target::Service(cancel) = find("/api/v1/bookings/bkg_1/cancel") else {
            panic!()
        };
        assert!(booking.needs_key && !cancel.needs_key);
        let Target::Service(login) = find("/api/v1/auth/login") else {
            panic!()
        };
        let Target::Service(refresh) = find("/api/v1/auth/refresh") else {
            panic!()
        };
        assert!(login.is_credential && !refresh.is_credential && !refresh.reads_token);
        let Target::Service(qr) = find("/api/v1/tickets/tkt_1/qr.svg") else {
            panic!()
        };
        assert_eq!(qr.media, Media::Svg);
        let Target::Service(schema) = find("/api/v1/layouts/schema") else {
            panic!()
        };
        let Target::Service(layout) = find("/api/v1/layouts/lay_1") else {
            panic!()
        };
        assert_eq!((schema.media, layout.media), (Media::Schema, Media::Json));
        let Target::Service(webhook) = find("/webhooks/stripe") else {
            panic!()
        };
        assert!(
            !webhook.is_limited && !webhook.reads_token && login.is_limited && refresh.is_limited
        );
    }
}
