//! Claims of bookings against a real PostgreSQL and Redis: one owner of a seat whatever becomes of
//! Redis, each step repeatable.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{BookingId, HoldId, UserId};
use seat_inventory::domain::claims::{Places, SeatPlace};
use seat_inventory::domain::hold::{Hold, Status};
use seat_inventory::domain::selection::NewHold;
use seat_inventory::error::Error;
use seat_inventory::store::claims;
use seat_inventory::usecases::{Inventory, SessionTally};
use world::{World, bind, floor, flush_redis, hall, in_a_while, named_places, places_of, seats_of};

fn sold(world: &World) -> String {
    world.sql("SELECT count(*) FROM seat_claims WHERE session_id = SESSION AND status = 'sold'")
}

#[test]
fn every_step_from_hold_to_sale_may_come_twice() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1", "A-1-2"]);
    let until = inventory
        .find_hold(hold.id, hold.user)
        .unwrap()
        .0
        .expires_at;
    let later = until.plus(Duration::from_secs(3_600));
    let again = inventory
        .bind_hold(hold.id, hold.user, booking, later, &[])
        .unwrap()
        .0;
    assert_eq!(
        (again.booking, again.expires_at),
        (Some(booking), until),
        "binding again and again would hold the seats for ever"
    );
    assert!(matches!(
        bind(&inventory, &hold, BookingId::new()),
        Err(Error::AlreadyBooked)
    ));
    assert!(matches!(
        inventory.bind_hold(hold.id, UserId::new(), booking, in_a_while(), &[]),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        inventory.release_hold(hold.id, hold.user),
        Err(Error::AlreadyBooked)
    ));
    for _ in 0..2 {
        world.reserve(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory), (48, 2, 0, 300));
    }
    for _ in 0..2 {
        world.confirm(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory), (48, 0, 2, 300));
    }
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(
        sold(&world),
        "2",
        "a late reservation must not take a sale back"
    );
    assert_eq!(
        inventory.find_hold(hold.id, hold.user).unwrap().0.status,
        Status::Booked
    );
    for _ in 0..2 {
        world.release(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    }
    let next = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &next.0, next.1).unwrap();
}

#[test]
fn one_of_200_bookings_reserves_the_seat() {
    let world = World::new();
    let hold = world
        .inventory()
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    // Redis has lost everything, and every booking believes that the seat is its own.
    let got = world.race((0..200i64).collect(), |inventory, at| {
        inventory.reserve(
            BookingId::new(),
            hold.id,
            world.session,
            &named_places(&["A-1-1"], None),
            hold.fence + at,
        )
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 1);
    assert!(
        got.iter()
            .filter(|reserved| reserved.is_err())
            .all(|refused| matches!(refused, Err(Error::Taken(seats)) if seats == &["A-1-1"]))
    );
}

#[test]
fn without_protection_several_bookings_buy_the_seat() {
    let world = World::new().unprotected();
    let got = world.race((0..200i64).collect(), |inventory, at| {
        let places = named_places(&["A-1-1"], None);
        let booking = BookingId::new();
        inventory
            .reserve(booking, HoldId::new(), world.session, &places, at)
            .is_ok()
            && inventory.confirm(booking, world.session, &places).is_ok()
    });
    assert!(
        got.iter().filter(|bought| **bought).count() > 1,
        "the race test would pass without its subject"
    );
}

#[test]
fn bookings_of_overlapping_seats_neither_deadlock_nor_share() {
    let world = World::new();
    let sets = [["A-1-1", "A-1-2"], ["A-1-2", "A-1-3"], ["A-1-3", "A-1-1"]];
    let got = world.race((0..90i64).collect(), |inventory, at| {
        let places = named_places(&sets[at as usize % 3], None);
        // No live holds in Redis: Postgres alone decides.
        inventory.reserve(
            BookingId::new(),
            HoldId::from_u128(7),
            world.session,
            &places,
            1000 + at,
        )
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 1);
    let other: Vec<_> = got
        .iter()
        .filter(|reserved| !matches!(reserved, Ok(()) | Err(Error::Taken(_))))
        .collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn an_area_is_never_claimed_beyond_its_capacity() {
    let world = World::with(hall(1, 1, 100), 10);
    let got = world.race((0..60).collect(), |inventory, _| {
        let places = named_places(&[], Some(3));
        inventory.reserve(BookingId::new(), HoldId::new(), world.session, &places, 1)
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 33);
    assert!(
        got.iter()
            .filter(|reserved| reserved.is_err())
            .all(|refused| matches!(refused, Err(Error::Taken(areas)) if areas == &["floor"]))
    );
    assert_eq!(world.counts(&world.inventory()).3, 1);
}

#[test]
fn the_same_booking_many_times_at_once_claims_once() {
    let world = World::with(hall(1, 4, 100), 10);
    let (booking, hold) = (BookingId::new(), HoldId::new());
    let got = world.race((0..40).collect(), |inventory, _| {
        let places = named_places(&["A-1-1"], Some(3));
        inventory.reserve(booking, hold, world.session, &places, 1)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(world.counts(&world.inventory()), (3, 1, 0, 97));
    let got = world.race((0..40).collect(), |inventory, _| {
        let places = named_places(&["A-1-1"], Some(3));
        inventory.release(booking, hold, world.session, &places)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(
        world.counts(&world.inventory()),
        (4, 0, 0, 100),
        "places of an area were given back more than once"
    );
}

#[test]
fn claimed_places_of_an_area_count_once() {
    let world = World::with(hall(1, 1, 10), 10);
    let inventory = world.inventory();
    let hold = inventory
        .hold(world.session, UserId::new(), &floor(6), Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    bind(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory).3, 4);
    for _ in 0..2 {
        world.reserve(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory).3, 4);
    }
    assert!(
        inventory
            .hold(world.session, UserId::new(), &floor(4), Timestamp::now())
            .is_ok()
    );
    world.confirm(&inventory, &hold, booking).unwrap();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory).3, 6);
}

#[test]
fn a_holder_who_slept_past_the_end_is_refused() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let slow = inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    assert!(matches!(
        bind(&inventory, &slow, BookingId::new()),
        Err(Error::Expired)
    ));
    let (quick, booking) = world.bound(&inventory, &["A-1-1"]);
    // Even if it had claimed in time: the seat is held by a younger hold.
    assert!(
        matches!(world.reserve(&inventory, &slow, BookingId::new()), Err(Error::Taken(seats)) if seats == ["A-1-1"])
    );
    world.reserve(&inventory, &quick, booking).unwrap();
    world.confirm(&inventory, &quick, booking).unwrap();
    world.release(&inventory, &quick, booking).unwrap();
    // Now nobody holds it, but a younger hold had it: the fence decides.
    assert!(
        matches!(world.reserve(&inventory, &slow, BookingId::new()), Err(Error::Taken(seats)) if seats == ["A-1-1"])
    );
}

#[test]
fn a_reservation_that_arrives_after_its_release_claims_nothing() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    world.release(&inventory, &hold, booking).unwrap();
    assert!(matches!(
        world.reserve(&inventory, &hold, booking),
        Err(Error::Taken(_))
    ));
    assert!(matches!(
        world.confirm(&inventory, &hold, booking),
        Err(Error::Taken(_))
    ));
    // The refused reservation had set its own lease again before it asked Postgres; releasing again
    // ends that.
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
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
}

#[test]
fn releasing_a_stale_hold_leaves_the_next_holder_alone() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let stale = inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let (next, booking) = world.bound(&inventory, &["A-1-1"]);
    world.release(&inventory, &stale, BookingId::new()).unwrap();
    inventory.release_hold(stale.id, stale.user).unwrap();
    assert_eq!(world.counts(&inventory).1, 1);
    world.reserve(&inventory, &next, booking).unwrap();
}

#[test]
fn a_closed_sale_keeps_only_earlier_reservations() {
    let world = World::new();
    let inventory = world.inventory();
    let (early, first) = world.bound(&inventory, &["A-1-1"]);
    let (late, second) = world.bound(&inventory, &["A-1-2"]);
    world.reserve(&inventory, &early, first).unwrap();
    inventory.close_sales(world.event).unwrap();
    assert!(matches!(
        world.reserve(&inventory, &late, second),
        Err(Error::NotOnSale(_))
    ));
    world.reserve(&inventory, &early, first).unwrap();
    world.confirm(&inventory, &early, first).unwrap();
    world.release(&inventory, &early, first).unwrap();
}

#[test]
fn an_emptied_redis_loses_holds_and_never_sells_a_seat_twice() {
    let world = World::with(hall(2, 10, 50), 10);
    let inventory = world.inventory();
    let (gone, unfinished) = world.bound(&inventory, &["A-1-1"]);
    let (reserved, first) = world.bound(&inventory, &["A-1-2"]);
    let (bought, second) = world.bound(&inventory, &["A-1-3"]);
    world.reserve(&inventory, &reserved, first).unwrap();
    world.reserve(&inventory, &bought, second).unwrap();
    world.confirm(&inventory, &bought, second).unwrap();
    flush_redis();
    assert_eq!(world.counts(&inventory), (18, 1, 1, 50));
    let hold = |seat: &str| {
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&[seat]),
            Timestamp::now(),
        )
    };
    for seat in ["A-1-2", "A-1-3"] {
        assert!(matches!(hold(seat), Err(Error::Taken(_))), "{seat}");
    }
    let thief = hold("A-1-1").unwrap();
    assert!(
        thief.fence > gone.fence,
        "fences must rise over an emptied Redis"
    );
    assert!(
        matches!(
            world.reserve(&inventory, &gone, unfinished),
            Err(Error::Taken(_))
        ),
        "a younger hold has the seat"
    );
    world.confirm(&inventory, &reserved, first).unwrap();
    assert_eq!(world.counts(&inventory), (17, 1, 2, 50));
    // Emptied again: what nobody else has meanwhile can still be reserved, without any hold in
    // Redis.
    let (lost, third) = world.bound(&inventory, &["A-2-1"]);
    flush_redis();
    world.reserve(&inventory, &lost, third).unwrap();
    assert_eq!(world.counts(&inventory), (17, 1, 2, 50));
}

#[test]
fn without_redis_a_reservation_of_free_seats_goes_on() {
    let world = World::with(hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    world.switches.set_redis_away(true);
    assert!(matches!(
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-2"]),
            Timestamp::now()
        ),
        Err(Error::Unavailable(_))
    ));
    world.reserve(&inventory, &hold, booking).unwrap();
    world.confirm(&inventory, &hold, booking).unwrap();
    assert_eq!(sold(&world), "1");
    // It comes back empty.
    world.switches.set_redis_away(false);
    flush_redis();
    assert_eq!(world.counts(&world.inventory()), (9, 0, 1, 50));
}

#[test]
fn a_hold_of_an_unwritten_booking_frees_its_places() {
    let world = World::new().holding_for(1000).binding_for(2500);
    let inventory = world.inventory();
    let wanted = NewHold {
        areas: floor(4).areas,
        ..seats_of(&["A-1-1"])
    };
    let hold = inventory
        .hold(world.session, UserId::new(), &wanted, Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    let bind = || bind(&inventory, &hold, booking);
    bind().unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    bind().expect("the buyer may ask again for longer than the hold itself would have lasted");
    assert!(
        matches!(
            inventory.release_hold(hold.id, hold.user),
            Err(Error::AlreadyBooked)
        ),
        "the booking may be written at any moment"
    );
    assert_eq!(world.counts(&inventory), (49, 1, 0, 296));
    std::thread::sleep(Duration::from_millis(1500));
    let read = || inventory.find_hold(hold.id, hold.user).unwrap().0.status;
    assert_eq!(read(), Status::Expired, "before anything has swept it");
    assert!(
        matches!(bind(), Err(Error::Expired)),
        "a booking of seats that are free for others"
    );
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    assert!(matches!(bind(), Err(Error::Expired)), "after it was swept");
    assert_eq!(read(), Status::Expired);
    inventory.release_hold(hold.id, hold.user).unwrap();
    assert!(matches!(
        inventory.extend_hold(hold.id, hold.user),
        Err(Error::Expired)
    ));
    inventory
        .hold(world.session, hold.user, &wanted, Timestamp::now())
        .unwrap();
}

#[test]
fn binding_never_shortens_a_hold() {
    let world = World::new().holding_for(3000).binding_for(100);
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    std::thread::sleep(Duration::from_millis(500));
    bind(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (49, 1, 0, 300));
}

#[test]
fn a_reserved_booking_keeps_places_and_counts_in_the_limit() {
    let world = || {
        World::with(hall(1, 10, 50), 2)
            .holding_for(1000)
            .binding_for(1000)
    };
    let seats = || seats_of(&["A-1-1", "A-1-2"]);
    // The last one asks Redis for nobody before it reserves, as if Redis had been away just then.
    for (world, wanted) in [
        (world(), seats()),
        (world(), floor(2)),
        (world().unprotected(), seats()),
    ] {
        let inventory = world.inventory();
        let hold = inventory
            .hold(world.session, UserId::new(), &wanted, Timestamp::now())
            .unwrap();
        let booking = BookingId::new();
        let until = bind(&inventory, &hold, booking).unwrap().expires_at;
        world.reserve(&inventory, &hold, booking).unwrap();
        let taken = world.counts(&inventory);
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(world.counts(&inventory), taken);
        let (read, _) = inventory.find_hold(hold.id, hold.user).unwrap();
        assert_eq!((read.status, read.expires_at), (Status::Booked, until));
        let more = inventory.hold(world.session, hold.user, &floor(1), Timestamp::now());
        assert!(
            matches!(more, Err(Error::LimitExceeded { had: 2, .. })),
            "{more:?}"
        );
        world.confirm(&inventory, &hold, booking).unwrap();
    }
}

#[test]
fn a_reserving_booking_keeps_places_without_postgres() {
    for wanted in [seats_of(&["A-1-1"]), floor(50)] {
        let world = World::with(hall(1, 1, 50), 50)
            .holding_for(1000)
            .binding_for(1000);
        let inventory = world.inventory();
        let hold = inventory
            .hold(world.session, UserId::new(), &wanted, Timestamp::now())
            .unwrap();
        let booking = BookingId::new();
        bind(&inventory, &hold, booking).unwrap();
        world.switches.set_postgres_away(true);
        assert!(matches!(
            world.reserve(&inventory, &hold, booking),
            Err(Error::Unavailable(_))
        ));
        std::thread::sleep(Duration::from_millis(1100));
        assert!(matches!(
            inventory.hold(world.session, UserId::new(), &wanted, Timestamp::now()),
            Err(Error::Taken(_))
        ));
        world.switches.set_postgres_away(false);
        world.reserve(&inventory, &hold, booking).unwrap();
    }
}

#[test]
fn a_late_reservation_gets_only_free_places() {
    let world = World::new().holding_for(1000).binding_for(1000);
    let inventory = world.inventory();
    let (lost, first) = world.bound(&inventory, &["A-1-1"]);
    let (lucky, second) = world.bound(&inventory, &["A-1-2"]);
    std::thread::sleep(Duration::from_millis(1100));
    let thief = inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    assert!(
        matches!(world.reserve(&inventory, &lost, first), Err(Error::Taken(seats)) if seats == ["A-1-1"])
    );
    world.release(&inventory, &lost, first).unwrap();
    bind(&inventory, &thief, BookingId::new())
        .expect("the end of the late booking must leave the next one alone");
    world.reserve(&inventory, &lucky, second).unwrap();
    world.confirm(&inventory, &lucky, second).unwrap();
    assert_eq!(world.counts(&inventory), (48, 1, 1, 300));
}

/// A reserved booking of a seat and four places of the floor.
fn reserved(world: &World, inventory: &Inventory) -> (Hold, BookingId) {
    let wanted = NewHold {
        areas: floor(4).areas,
        ..seats_of(&["A-1-1"])
    };
    let hold = inventory
        .hold(world.session, UserId::new(), &wanted, Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    bind(inventory, &hold, booking).unwrap();
    world.reserve(inventory, &hold, booking).unwrap();
    (hold, booking)
}

#[test]
fn a_repeated_release_frees_seats_after_redis_was_away() {
    let world = World::with(hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    world.switches.set_redis_away(true);
    let released = world.release(&inventory, &hold, booking);
    assert!(
        matches!(released, Err(Error::Unavailable(_))),
        "a caller that hears of success does not repeat the release: {released:?}"
    );
    world.switches.set_redis_away(false);
    let inventory = world.inventory();
    assert_eq!(
        world.counts(&inventory),
        (9, 1, 0, 46),
        "Redis has kept what it knew"
    );
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (10, 0, 0, 50));
    inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
}

/// What a host does that dies before it tells Redis.
fn release_in_postgres_only(world: &World, hold: &Hold, booking: BookingId) {
    claims::release_places(world.session, booking, hold.id, &places_of(hold)).unwrap();
}

#[test]
fn a_repeated_release_frees_seats_of_a_killed_host() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    release_in_postgres_only(&world, &hold, booking);
    assert_eq!(
        world.counts(&inventory),
        (49, 1, 0, 296),
        "Redis does not know yet"
    );
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
}

#[test]
fn a_repeated_release_takes_nothing_from_the_next_owner() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    world.release(&inventory, &hold, booking).unwrap();
    // Held by another, whose time then runs out, reserved and sold: the first booking is
    // released again at each step.
    inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (49, 1, 0, 300));
    assert!(matches!(
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now()
        ),
        Err(Error::Taken(_))
    ));
    std::thread::sleep(Duration::from_millis(1100));
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(
        world.counts(&inventory),
        (50, 0, 0, 300),
        "the seat of a hold that nobody has swept yet stays held for ever"
    );
    let (next, second) = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &next, second).unwrap();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (49, 1, 0, 300));
    world.confirm(&inventory, &next, second).unwrap();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (49, 0, 1, 300));
}

#[test]
fn counts_of_listings_agree_with_the_seats() {
    let world = World::with(hall(2, 10, 50), 10).holding_for(1000);
    let inventory = world.inventory();
    let tally = |free| {
        [SessionTally {
            session: world.session,
            total: 70,
            free,
        }]
    };
    let count = || {
        inventory
            .count_free(vec![world.session, eventhub_guest::ids::SessionId::new()])
            .unwrap()
    };
    assert_eq!(count(), tally(70), "nothing loaded yet");
    let (hold, booking) = world.bound(&inventory, &["A-1-1", "A-1-2"]);
    inventory
        .hold(world.session, UserId::new(), &floor(5), Timestamp::now())
        .unwrap();
    assert_eq!(count(), tally(63));
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(count(), tally(63), "a reserved seat counts once");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(count(), tally(68), "the hold of the floor is over");
}

/// An instance that has read nothing yet, as after a restart.
#[test]
fn confirming_with_indexes_reads_no_layout() {
    let world = World::new();
    let (hold, booking) = world.bound(&world.inventory(), &["A-1-1", "A-2-3"]);
    let before = world.calls();
    let fresh = world.inventory();
    world.reserve(&fresh, &hold, booking).unwrap();
    world.confirm(&fresh, &hold, booking).unwrap();
    assert_eq!(
        world.calls(),
        before,
        "venue-layout or seat-lock was called"
    );
    assert_eq!(world.counts(&fresh), (48, 0, 2, 300));
    let before = world.calls();
    let fresh = world.inventory();
    world.release(&fresh, &hold, booking).unwrap();
    assert_eq!(
        world.calls(),
        before,
        "venue-layout or seat-lock was called"
    );
    assert_eq!(world.counts(&fresh), (50, 0, 0, 300));
}

#[test]
fn a_booking_without_indexes_reads_them_from_the_layout() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1", "A-2-3"]);
    let places = named_places(&["A-2-3", "A-1-1"], None);
    inventory
        .reserve(booking, hold.id, world.session, &places, hold.fence)
        .unwrap();
    inventory.confirm(booking, world.session, &places).unwrap();
    assert_eq!(world.counts(&inventory), (48, 0, 2, 300));
    assert_eq!(
        world.sql("SELECT seat, seat_index FROM seat_claims WHERE session_id = SESSION ORDER BY 1"),
        "A-1-1|0\nA-2-3|12"
    );
    inventory
        .release(booking, hold.id, world.session, &places)
        .unwrap();
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
}

/// One seat with the index of another.
fn misnumbered(seat: &str, index: u32) -> Places {
    let place = SeatPlace {
        seat: seat.into(),
        index: Some(index),
    };
    Places::new(vec![place], vec![])
}

#[test]
fn a_wrong_index_neither_sells_nor_frees_anothers_seat() {
    let world = World::new();
    let inventory = world.inventory();
    let (other, owner) = world.bound(&inventory, &["A-1-2"]);
    world.reserve(&inventory, &other, owner).unwrap();
    world.confirm(&inventory, &other, owner).unwrap();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    // 1 is the index of the sold seat.
    let wrong = misnumbered("A-1-1", 1);
    let reserved = inventory.reserve(booking, hold.id, world.session, &wrong, hold.fence);
    assert!(matches!(reserved, Err(Error::Taken(_))), "{reserved:?}");
    world.reserve(&inventory, &hold, booking).unwrap();
    inventory.confirm(booking, world.session, &wrong).unwrap();
    let seats = "SELECT seat, status FROM seat_claims WHERE session_id = SESSION ORDER BY seat";
    assert_eq!(world.sql(seats), "A-1-1|sold\nA-1-2|sold");
    assert_eq!(world.counts(&inventory), (48, 0, 2, 300));
    inventory
        .release(booking, hold.id, world.session, &wrong)
        .unwrap();
    assert_eq!(world.sql(seats), "A-1-1|free\nA-1-2|sold");
    assert_eq!(world.counts(&inventory), (49, 0, 1, 300));
    let thief = world.hold(&inventory, &seats_of(&["A-1-2"]));
    assert!(matches!(thief, Err(Error::Taken(_))), "{thief:?}");
}

#[test]
fn a_wrong_index_of_an_unclaimed_seat_frees_nothing() {
    let world = World::new();
    let inventory = world.inventory();
    let (other, owner) = world.bound(&inventory, &["A-1-2"]);
    world.reserve(&inventory, &other, owner).unwrap();
    let held = world.hold(&inventory, &seats_of(&["A-1-3"])).unwrap();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    // Nobody has claimed the seat yet, and 1 and 2 are the indexes of the seats of others.
    for index in [1, 2] {
        inventory
            .release(
                booking,
                hold.id,
                world.session,
                &misnumbered("A-1-1", index),
            )
            .unwrap();
    }
    assert_eq!(world.counts(&inventory), (48, 2, 0, 300));
    for seat in ["A-1-2", "A-1-3"] {
        let thief = world.hold(&inventory, &seats_of(&[seat]));
        assert!(matches!(thief, Err(Error::Taken(_))), "{seat}: {thief:?}");
    }
    bind(&inventory, &held, BookingId::new()).unwrap();
}

#[test]
fn binding_names_the_seats_that_a_hold_lacks() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = world.hold(&inventory, &seats_of(&["A-1-1"])).unwrap();
    let seats = ["A-1-1".to_string(), "A-1-2".to_string()];
    let bound = inventory.bind_hold(hold.id, hold.user, BookingId::new(), in_a_while(), &seats);
    assert!(matches!(bound, Err(Error::NotInHold(missing)) if missing == ["A-1-2"]));
    let (bound, _) = inventory
        .bind_hold(
            hold.id,
            hold.user,
            BookingId::new(),
            in_a_while(),
            &seats[..1],
        )
        .unwrap();
    assert_eq!(bound.places.seats[0].index, 0);
}
