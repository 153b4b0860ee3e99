//! What other services call.

use eventhub_guest::ids::LayoutId;
use venue_layout::Component;
use venue_layout::bindings::exports::eventhub::venue_layout::{layouts, venues};

use super::support::*;

fn register(venue: &str, organizer: &str) -> Result<(), venues::Error> {
    <Component as venues::Guest>::register(venue.into(), organizer.into())
}

#[test]
fn a_venue_is_registered_for_one_organizer() {
    let service = Service::start();
    let (venue, organizer) = (UNKNOWN_VENUE.to_string(), ORGANIZER.to_string());
    assert_eq!(register(&venue, &organizer), Ok(()));
    assert_eq!(register(&venue, &organizer), Ok(()), "it may be repeated");
    let other = register(&venue, &OTHER_ORGANIZER.to_string());
    assert!(matches!(other, Err(venues::Error::Invalid(_))), "{other:?}");
    let malformed = register("ven_1", &organizer);
    assert!(matches!(malformed, Err(venues::Error::Invalid(_))));
    service.make_layout(UNKNOWN_VENUE);
    service.environment.cut_off(DATABASE);
    let away = register(&venue, &organizer);
    assert!(
        matches!(away, Err(venues::Error::Unavailable(_))),
        "{away:?}"
    );
}

#[test]
fn a_layout_is_described_without_its_document() {
    let service = Service::start();
    let id = service.make_layout(VENUE).to_string();
    let whole = <Component as layouts::Guest>::get(id.clone(), None).unwrap();
    assert_eq!((whole.seat_count, whole.capacity), (2, 302));
    assert_eq!(whole.categories, ["stalls", "standing"]);
    assert!(whole.document.starts_with(r#"{"sections":[{"id":"A""#));
    let described = <Component as layouts::Guest>::describe(id.clone(), Some(1)).unwrap();
    let expected = layouts::Layout {
        document: String::new(),
        ..whole
    };
    assert_eq!(described, expected);
    for (id, version) in [
        (id, Some(2)),
        (LayoutId::from_u128(9).to_string(), None),
        ("lay_1".into(), None),
    ] {
        let unknown = <Component as layouts::Guest>::get(id, version);
        assert_eq!(unknown, Err(layouts::Error::NotFound));
    }
}
