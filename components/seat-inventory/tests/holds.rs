//! Holds against a real Redis: all or none, one owner, expiry, limits, areas; and the races, each
//! with its negative control.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{BookingId, UserId};
use proptest::prelude::*;
use seat_inventory::domain::hold::{Hold, Status};
use seat_inventory::domain::sale::Phase;
use seat_inventory::domain::selection::NewHold;
use seat_inventory::error::Error;
use seat_inventory::usecases::{Inventory, RequestKey};
use world::{World, best, bind, floor, flush_redis, hall, seats_of};

fn wait(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[test]
fn a_refused_hold_names_all_taken_seats() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = |user, seats: &[&str]| {
        inventory.hold(world.session, user, &seats_of(seats), Timestamp::now())
    };
    let first = hold(UserId::new(), &["A-1-1", "A-1-2"]).unwrap();
    assert_eq!(
        (first.status, first.places.total().unwrap().amount),
        (Status::Active, 9000)
    );
    match hold(UserId::new(), &["A-1-3", "A-1-2", "A-1-1"]) {
        Err(Error::Taken(taken)) => assert_eq!(taken, ["A-1-2", "A-1-1"]),
        other => panic!("{other:?}"),
    }
    assert!(
        hold(UserId::new(), &["A-1-3"]).is_ok(),
        "a refused hold must not keep any of its seats"
    );
    assert_eq!(world.counts(&inventory), (47, 3, 0, 300));
}

#[test]
fn one_of_200_clients_gets_the_seat() {
    let world = World::new();
    let got = world.race((0..200).collect(), |inventory, _| {
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
    });
    assert_eq!(got.iter().filter(|hold| hold.is_ok()).count(), 1);
    assert!(
        got.iter()
            .filter(|hold| hold.is_err())
            .all(|hold| matches!(hold, Err(Error::Taken(seats)) if seats == &["A-1-1"]))
    );
}

#[test]
fn without_protection_several_clients_get_the_seat() {
    let world = World::new().unprotected();
    let got = world.race((0..200).collect(), |inventory, _| {
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
    });
    assert!(
        got.iter().filter(|hold| hold.is_ok()).count() > 1,
        "the race test would pass without its subject"
    );
}

#[test]
fn overlapping_sets_are_held_whole_or_not_at_all() {
    let world = World::new().holding_for(600_000);
    let sets = [["A-1-1", "A-1-2"], ["A-1-2", "A-1-3"], ["A-1-3", "A-1-1"]];
    for _ in 0..20 {
        let got = world.race((0..30).collect(), |inventory, at: usize| {
            inventory.hold(
                world.session,
                UserId::new(),
                &seats_of(&sets[at % 3]),
                Timestamp::now(),
            )
        });
        let held: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(held.len(), 1, "any two of the sets share a seat");
        let inventory = world.inventory();
        assert_eq!(world.counts(&inventory).1, 2, "a partial hold remains");
        inventory.release_hold(held[0].id, held[0].user).unwrap();
        assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    }
}

#[test]
fn an_expired_hold_frees_its_seats() {
    let world = World::with(hall(5, 10, 300), 300).holding_for(1000);
    let inventory = world.inventory();
    let hold = inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    let area = inventory
        .hold(world.session, UserId::new(), &floor(300), Timestamp::now())
        .unwrap();
    assert!(
        matches!(inventory.hold(world.session, UserId::new(), &floor(1), Timestamp::now()), Err(Error::Taken(areas)) if areas == ["floor"])
    );
    wait(1100);
    assert_eq!(
        inventory.find_hold(hold.id, hold.user).unwrap().0.status,
        Status::Expired,
        "before anything has swept it"
    );
    assert!(
        inventory
            .hold(
                world.session,
                UserId::new(),
                &seats_of(&["A-1-1"]),
                Timestamp::now()
            )
            .is_ok()
    );
    assert!(
        inventory
            .hold(world.session, UserId::new(), &floor(10), Timestamp::now())
            .is_ok()
    );
    assert!(matches!(
        inventory.extend_hold(hold.id, hold.user),
        Err(Error::Expired)
    ));
    assert!(inventory.release_hold(hold.id, hold.user).is_ok());
    assert_eq!(
        world.counts(&inventory),
        (49, 1, 0, 290),
        "releasing what has expired must not free the next holder's seat"
    );
    assert_eq!(
        inventory.find_hold(area.id, area.user).unwrap().0.status,
        Status::Expired
    );
}

#[test]
fn a_hold_is_its_owners_and_is_extended_once() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-2-1"]),
            Timestamp::now(),
        )
        .unwrap();
    let stranger = UserId::new();
    assert!(matches!(
        inventory.find_hold(hold.id, stranger),
        Err(Error::NotFound("hold"))
    ));
    assert!(matches!(
        inventory.extend_hold(hold.id, stranger),
        Err(Error::NotFound("hold"))
    ));
    assert!(matches!(
        inventory.release_hold(hold.id, stranger),
        Err(Error::NotFound("hold"))
    ));
    wait(20);
    let (extended, session) = inventory.extend_hold(hold.id, hold.user).unwrap();
    assert!(extended.extended && extended.expires_at > hold.expires_at && session == world.session);
    assert!(matches!(
        inventory.extend_hold(hold.id, hold.user),
        Err(Error::AlreadyExtended)
    ));
    inventory.release_hold(hold.id, hold.user).unwrap();
    inventory.release_hold(hold.id, hold.user).unwrap();
    assert_eq!(
        inventory.find_hold(hold.id, hold.user).unwrap().0.status,
        Status::Released
    );
    assert_eq!(world.counts(&inventory).0, 50);
}

#[test]
fn holds_of_a_user_count_together_against_the_limit() {
    let world = World::with(hall(2, 10, 300), 5);
    let inventory = world.inventory();
    let user = UserId::new();
    let first = inventory
        .hold(
            world.session,
            user,
            &seats_of(&["A-1-1", "A-1-2", "A-1-3"]),
            Timestamp::now(),
        )
        .unwrap();
    let more = inventory.hold(world.session, user, &floor(3), Timestamp::now());
    assert!(
        matches!(more, Err(Error::LimitExceeded { most: 5, had: 3 })),
        "{more:?}"
    );
    assert!(
        inventory
            .hold(world.session, user, &floor(2), Timestamp::now())
            .is_ok()
    );
    assert!(matches!(
        inventory.hold(world.session, user, &floor(1), Timestamp::now()),
        Err(Error::LimitExceeded { had: 5, .. })
    ));
    inventory.release_hold(first.id, user).unwrap();
    assert!(
        inventory
            .hold(world.session, user, &seats_of(&["A-1-1"]), Timestamp::now())
            .is_ok(),
        "a released hold counts no more"
    );
}

#[test]
fn one_users_parallel_holds_do_not_slip_past_the_limit() {
    let world = World::with(hall(5, 10, 300), 6);
    let user = UserId::new();
    let got = world.race((1..=40).collect(), |inventory, at: usize| {
        let seat = format!("A-{}-{}", (at - 1) / 10 + 1, (at - 1) % 10 + 1);
        inventory
            .hold(world.session, user, &seats_of(&[&seat]), Timestamp::now())
            .is_ok()
    });
    assert_eq!(got.iter().filter(|ok| **ok).count(), 6);
}

#[test]
fn an_area_is_held_up_to_its_capacity_and_no_further() {
    let world = World::with(hall(1, 1, 100), 10);
    let got = world.race((0..60).collect(), |inventory, _| {
        inventory
            .hold(world.session, UserId::new(), &floor(3), Timestamp::now())
            .is_ok()
    });
    assert_eq!(got.iter().filter(|ok| **ok).count(), 33);
    assert_eq!(world.counts(&world.inventory()).3, 1);
}

#[test]
fn without_protection_an_area_is_held_beyond_its_capacity() {
    let world = World::with(hall(1, 1, 100), 10).unprotected();
    let got = world.race((0..60).collect(), |inventory, _| {
        inventory
            .hold(world.session, UserId::new(), &floor(3), Timestamp::now())
            .is_ok()
    });
    assert!(got.iter().filter(|ok| **ok).count() > 33);
}

#[test]
fn best_available_in_a_rush_gives_each_other_seats() {
    let world = World::with(hall(10, 20, 0), 10);
    let got = world.race((0..40).collect(), |inventory, _| {
        inventory.hold(world.session, UserId::new(), &best(4), Timestamp::now())
    });
    let held: Vec<_> = got
        .iter()
        .flatten()
        .flat_map(|hold| hold.places.seats.iter().map(|seat| seat.seat.clone()))
        .collect();
    let different: HashSet<_> = held.iter().collect();
    assert_eq!(held.len(), different.len());
    assert!(
        held.len() >= 36 * 4,
        "there were seats enough for all 40, {} got some",
        held.len() / 4
    );
}

#[test]
fn best_available_that_is_not_there_is_a_conflict() {
    let world = World::with(hall(1, 3, 0), 10);
    let inventory = world.inventory();
    assert!(
        matches!(inventory.hold(world.session, UserId::new(), &best(4), Timestamp::now()), Err(Error::Taken(none)) if none.is_empty())
    );
    assert!(
        inventory
            .hold(world.session, UserId::new(), &best(3), Timestamp::now())
            .is_ok()
    );
    assert!(matches!(
        inventory.hold(world.session, UserId::new(), &best(1), Timestamp::now()),
        Err(Error::Taken(_))
    ));
}

#[test]
fn a_hold_needs_known_seats_and_an_open_sale() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = |request: &_, now| inventory.hold(world.session, UserId::new(), request, now);
    assert!(matches!(
        hold(&seats_of(&["A-9-9"]), Timestamp::now()),
        Err(Error::Unknown(_))
    ));
    let later = Timestamp::now().plus(Duration::from_secs(100_000));
    assert!(matches!(
        hold(&seats_of(&["A-1-1"]), later),
        Err(Error::NotOnSale(_))
    ));
    let unknown = inventory.hold(
        eventhub_guest::ids::SessionId::new(),
        UserId::new(),
        &seats_of(&["A-1-1"]),
        later,
    );
    assert!(matches!(unknown, Err(Error::NotFound("session"))));
    inventory.close_sales(world.event).unwrap();
    assert!(matches!(
        hold(&seats_of(&["A-1-1"]), Timestamp::now()),
        Err(Error::NotOnSale(_))
    ));
    assert!(
        matches!(
            inventory.open_sales(&world.new_sale(10)),
            Err(Error::Invalid(_))
        ),
        "a cancelled event's late publication must not sell again"
    );
}

#[test]
fn a_closed_sale_refuses_holds_of_an_unaware_instance() {
    let world = World::with(hall(2, 10, 50), 10);
    let (closing, other) = (world.inventory(), world.inventory());
    let hold = |seat| {
        other.hold(
            world.session,
            UserId::new(),
            &seats_of(&[seat]),
            Timestamp::now(),
        )
    };
    let held = hold("A-1-1").unwrap();
    closing.close_sales(world.event).unwrap();
    let closed = |error| matches!(error, Error::NotOnSale(Phase::Closed));
    assert!(closed(hold("A-1-2").unwrap_err()));
    assert!(closed(other.extend_hold(held.id, held.user).unwrap_err()));
    assert!(closed(bind(&other, &held, BookingId::new()).unwrap_err()));
    other.release_hold(held.id, held.user).unwrap();
    flush_redis();
    assert!(
        closed(hold("A-1-2").unwrap_err()),
        "what Redis lost is read from Postgres"
    );
}

/// A request with the key `key` and these places as its body.
fn once(
    world: &World,
    inventory: &Inventory,
    user: UserId,
    wanted: &NewHold,
) -> Result<Hold, Error> {
    let body = format!("{wanted:?}");
    inventory.hold_once(
        world.session,
        user,
        wanted,
        Some(RequestKey {
            key: "key",
            body: body.as_bytes(),
        }),
        Timestamp::now(),
    )
}

#[test]
fn a_repeated_request_finds_its_hold() {
    for wanted in [seats_of(&["A-1-1", "A-1-2"]), floor(2), best(2)] {
        // They are all that there is, and all that one may have.
        let world = World::with(hall(1, 2, 2), 2);
        let inventory = world.inventory();
        let user = UserId::new();
        let first = once(&world, &inventory, user, &wanted).unwrap();
        let taken = world.counts(&inventory);
        wait(20);
        let again = once(&world, &inventory, user, &wanted).unwrap();
        assert_eq!(again, first);
        assert_eq!(
            world.counts(&inventory),
            taken,
            "a repeated request holds more than it did"
        );
        assert!(
            matches!(
                once(&world, &inventory, UserId::new(), &wanted),
                Err(Error::Taken(_))
            ),
            "the key is another user's"
        );
        inventory.extend_hold(first.id, user).unwrap();
        let extended = once(&world, &inventory, user, &wanted).unwrap();
        assert!(extended.extended && extended.expires_at > first.expires_at);
        inventory.release_hold(first.id, user).unwrap();
        assert_eq!(world.counts(&inventory), (2, 0, 0, 2));
    }
}

#[test]
fn a_repeated_request_for_the_best_gets_the_same_seats() {
    let world = World::new();
    let inventory = world.inventory();
    let user = UserId::new();
    let first = once(&world, &inventory, user, &best(2)).unwrap();
    assert_eq!(once(&world, &inventory, user, &best(2)).unwrap(), first);
    assert_eq!(world.counts(&inventory).1, 2);
}

#[test]
fn a_key_whose_hold_is_over_or_booked_makes_a_new_one() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let (user, wanted) = (UserId::new(), seats_of(&["A-1-1"]));
    let released = once(&world, &inventory, user, &wanted).unwrap();
    inventory.release_hold(released.id, user).unwrap();
    let expired = once(&world, &inventory, user, &wanted).unwrap();
    wait(1100);
    let booked = once(&world, &inventory, user, &wanted).unwrap();
    bind(&inventory, &booked, BookingId::new()).unwrap();
    assert!(
        matches!(once(&world, &inventory, user, &wanted), Err(Error::Taken(seats)) if seats == ["A-1-1"])
    );
    let ids: HashSet<_> = [&released, &expired, &booked]
        .iter()
        .map(|hold| hold.id)
        .collect();
    assert_eq!(
        ids.len(),
        3,
        "a booking of one of them would be taken for that of another"
    );
    let other = once(&world, &inventory, user, &seats_of(&["A-1-2"])).unwrap();
    assert!(!ids.contains(&other.id));
}

#[test]
fn the_same_request_many_times_at_once_makes_one_hold() {
    let world = World::new();
    let user = UserId::new();
    let got = world.race((0..40).collect(), |inventory, _| {
        once(&world, inventory, user, &best(2)).unwrap().id
    });
    let ids: HashSet<_> = got.into_iter().collect();
    assert_eq!((ids.len(), world.counts(&world.inventory()).1), (1, 2));
}

#[derive(Debug, Clone)]
enum Step {
    Hold(Vec<u8>),
    HoldFloor(u32),
    Release(prop::sample::Index),
    Extend(prop::sample::Index),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::hash_set(1u8..=6, 1..4).prop_map(|seats| Step::Hold(seats.into_iter().collect())),
        2 => (1u32..5).prop_map(Step::HoldFloor),
        2 => any::<prop::sample::Index>().prop_map(Step::Release),
        1 => any::<prop::sample::Index>().prop_map(Step::Extend),
        1 => Just(Step::Reload),
    ]
}

/// One environment for all cases.
fn hall_of_six() -> &'static World {
    static HALL: LazyLock<World> = LazyLock::new(|| World::with(hall(1, 6, 10), 10));
    &HALL
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    /// A plain model of who holds what must agree with Redis after every step.
    #[test]
    fn any_order_of_holds_and_releases_keeps_the_books(steps in prop::collection::vec(step(), 1..40)) {
        let world = hall_of_six().next_session(10);
        let inventory = world.inventory();
        let mut live: Vec<(eventhub_guest::ids::HoldId, UserId, Vec<u8>, u32)> = vec![];
        for step in steps {
            match step {
                Step::Hold(seats) => {
                    let keys: Vec<String> = seats.iter().map(|seat| format!("A-1-{seat}")).collect();
                    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                    let user = UserId::new();
                    let held = inventory.hold(world.session, user, &seats_of(&keys), Timestamp::now());
                    let expected = !live.iter().any(|(_, _, taken, _)| seats.iter().any(|seat| taken.contains(seat)));
                    prop_assert_eq!(held.is_ok(), expected);
                    if let Ok(hold) = held { live.push((hold.id, user, seats, 0)); }
                }
                Step::HoldFloor(quantity) => {
                    let user = UserId::new();
                    let held = inventory.hold(world.session, user, &floor(quantity), Timestamp::now());
                    let taken: u32 = live.iter().map(|(.., quantity)| quantity).sum();
                    prop_assert_eq!(held.is_ok(), taken + quantity <= 10);
                    if let Ok(hold) = held { live.push((hold.id, user, vec![], quantity)); }
                }
                Step::Release(at) if !live.is_empty() => {
                    let (id, user, ..) = live.swap_remove(at.index(live.len()));
                    inventory.release_hold(id, user).unwrap();
                }
                Step::Extend(at) if !live.is_empty() => {
                    let (id, user, ..) = live[at.index(live.len())];
                    prop_assert!(matches!(inventory.extend_hold(id, user), Ok(_) | Err(Error::AlreadyExtended)));
                }
                Step::Reload => drop(inventory.seats(world.session).unwrap()),
                _ => {}
            }
            let seats: usize = live.iter().map(|(_, _, seats, _)| seats.len()).sum();
            let standing: u32 = live.iter().map(|(.., quantity)| quantity).sum();
            prop_assert_eq!(world.counts(&inventory), (6 - seats as u32, seats as u32, 0, 10 - standing));
        }
    }
}
