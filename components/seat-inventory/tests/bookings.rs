//! Claims of bookings against a real PostgreSQL and Redis: one owner of a seat whatever becomes of
//! Redis, each step repeatable.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_testing::Redis;
use seat_inventory::bindings::eventhub::seat_lock::lock;
use seat_inventory::domain::hold::{Hold, Status};
use seat_inventory::service::{Error, Inventory};
use seat_inventory::store::claims;
use world::{Servers, World, floor, hall, in_a_while, seats_of};

fn sold(world: &World) -> String {
    let query = format!(
        "SELECT count(*) FROM seat_claims WHERE session_id = '{}' AND status = 'sold'",
        uuid::Uuid::from_u128(world.session.as_u128())
    );
    world.postgres.psql(&query)
}

#[test]
fn a_hold_becomes_a_sale_step_by_step_and_every_step_may_come_twice() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.claimed(&inventory, &["A-1-1", "A-1-2"]);
    let until = inventory
        .find_hold(hold.id, hold.user)
        .unwrap()
        .0
        .expires_at;
    let again = inventory
        .claim(
            hold.id,
            hold.user,
            booking,
            until.plus(Duration::from_secs(3_600)),
        )
        .unwrap()
        .0;
    assert_eq!(
        (again.booking, again.expires_at),
        (Some(booking), until),
        "claiming again and again would hold the seats for ever"
    );
    assert!(matches!(
        inventory.claim(hold.id, hold.user, BookingId::new(), in_a_while()),
        Err(Error::AlreadyBooked)
    ));
    assert!(matches!(
        inventory.claim(hold.id, UserId::new(), booking, in_a_while()),
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
    let next = world.claimed(&inventory, &["A-1-1"]);
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
        let places = inventory
            .places(world.session, vec!["A-1-1".into()], vec![])
            .unwrap();
        inventory.reserve(
            BookingId::new(),
            hold.id,
            world.session,
            places,
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
fn without_protection_several_bookings_reserve_and_buy_the_seat() {
    let world = World::new().unprotected();
    let got = world.race((0..200i64).collect(), |inventory, at| {
        let places = || {
            inventory
                .places(world.session, vec!["A-1-1".into()], vec![])
                .unwrap()
        };
        let booking = BookingId::new();
        inventory
            .reserve(booking, HoldId::new(), world.session, places(), at)
            .is_ok()
            && inventory.confirm(booking, world.session, places()).is_ok()
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
        let seats = sets[at as usize % 3].map(String::from).to_vec();
        let places = inventory.places(world.session, seats, vec![]).unwrap();
        // No live holds in Redis: Postgres alone decides.
        inventory.reserve(
            BookingId::new(),
            HoldId::from_u128(7),
            world.session,
            places,
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
        let places = inventory
            .places(world.session, vec![], vec![("floor".into(), 3)])
            .unwrap();
        inventory.reserve(BookingId::new(), HoldId::new(), world.session, places, 1)
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
        let places = inventory
            .places(
                world.session,
                vec!["A-1-1".into()],
                vec![("floor".into(), 3)],
            )
            .unwrap();
        inventory.reserve(booking, hold, world.session, places, 1)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(world.counts(&world.inventory()), (3, 1, 0, 97));
    let got = world.race((0..40).collect(), |inventory, _| {
        let places = inventory
            .places(
                world.session,
                vec!["A-1-1".into()],
                vec![("floor".into(), 3)],
            )
            .unwrap();
        inventory.release(booking, hold, world.session, places)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(
        world.counts(&world.inventory()),
        (4, 0, 0, 100),
        "places of an area were given back more than once"
    );
}

#[test]
fn places_of_an_area_move_from_held_to_claimed_without_counting_twice() {
    let world = World::with(hall(1, 1, 10), 10);
    let inventory = world.inventory();
    let hold = inventory
        .hold(world.session, UserId::new(), &floor(6), Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    inventory
        .claim(hold.id, hold.user, booking, in_a_while())
        .unwrap();
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
fn a_holder_who_slept_past_the_end_of_the_hold_is_refused() {
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
        inventory.claim(slow.id, slow.user, BookingId::new(), in_a_while()),
        Err(Error::Expired)
    ));
    let (quick, booking) = world.claimed(&inventory, &["A-1-1"]);
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
    let (hold, booking) = world.claimed(&inventory, &["A-1-1"]);
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
    let (next, booking) = world.claimed(&inventory, &["A-1-1"]);
    world.release(&inventory, &stale, BookingId::new()).unwrap();
    inventory.release_hold(stale.id, stale.user).unwrap();
    assert_eq!(world.counts(&inventory).1, 1);
    world.reserve(&inventory, &next, booking).unwrap();
}

#[test]
fn a_closed_sale_takes_no_new_reservation_but_keeps_those_it_has() {
    let world = World::new();
    let inventory = world.inventory();
    let (early, first) = world.claimed(&inventory, &["A-1-1"]);
    let (late, second) = world.claimed(&inventory, &["A-1-2"]);
    world.reserve(&inventory, &early, first).unwrap();
    inventory.close(world.event).unwrap();
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
    let redis = Redis::start().unwrap();
    let world = World::on(redis.url(), hall(2, 10, 50), 10);
    let inventory = world.inventory();
    let (gone, unfinished) = world.claimed(&inventory, &["A-1-1"]);
    let (reserved, first) = world.claimed(&inventory, &["A-1-2"]);
    let (bought, second) = world.claimed(&inventory, &["A-1-3"]);
    world.reserve(&inventory, &reserved, first).unwrap();
    world.reserve(&inventory, &bought, second).unwrap();
    world.confirm(&inventory, &bought, second).unwrap();
    redis.cli(&["FLUSHALL"]).unwrap();
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
    let (lost, third) = world.claimed(&inventory, &["A-2-1"]);
    redis.cli(&["FLUSHALL"]).unwrap();
    world.reserve(&inventory, &lost, third).unwrap();
    assert_eq!(world.counts(&inventory), (17, 1, 2, 50));
}

#[test]
fn without_redis_a_reservation_of_free_seats_goes_on() {
    let mut redis = Redis::start().unwrap();
    let world = World::on(redis.url(), hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let (hold, booking) = world.claimed(&inventory, &["A-1-1"]);
    redis.stop().unwrap();
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
    redis.start_again().unwrap();
    assert_eq!(world.counts(&world.inventory()), (9, 0, 1, 50));
}

#[test]
fn a_claimed_hold_whose_booking_is_never_written_gives_its_places_back() {
    let world = World::new().holding_for(1000).claiming_for(2500);
    let inventory = world.inventory();
    let wish = lock::Request {
        areas: floor(4).areas,
        ..seats_of(&["A-1-1"])
    };
    let hold = inventory
        .hold(world.session, UserId::new(), &wish, Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    let claim = || inventory.claim(hold.id, hold.user, booking, in_a_while());
    claim().unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    claim().expect("the buyer may ask again for longer than the hold itself would have lasted");
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
        matches!(claim(), Err(Error::Expired)),
        "a booking of seats that are free for others"
    );
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    assert!(matches!(claim(), Err(Error::Expired)), "after it was swept");
    assert_eq!(read(), Status::Expired);
    inventory.release_hold(hold.id, hold.user).unwrap();
    assert!(matches!(
        inventory.extend(hold.id, hold.user),
        Err(Error::Expired)
    ));
    inventory
        .hold(world.session, hold.user, &wish, Timestamp::now())
        .unwrap();
}

#[test]
fn a_claimed_hold_lasts_as_long_as_it_would_have_without() {
    let world = World::new().holding_for(3000).claiming_for(100);
    let inventory = world.inventory();
    let (hold, booking) = world.claimed(&inventory, &["A-1-1"]);
    std::thread::sleep(Duration::from_millis(500));
    inventory
        .claim(hold.id, hold.user, booking, in_a_while())
        .unwrap();
    assert_eq!(world.counts(&inventory), (49, 1, 0, 300));
}

#[test]
fn a_booking_that_reserves_keeps_its_places_and_counts_against_the_limit_as_long_as_it_asked() {
    let world = || {
        World::with(hall(1, 10, 50), 2)
            .holding_for(1000)
            .claiming_for(1000)
    };
    let seats = || seats_of(&["A-1-1", "A-1-2"]);
    // The last one asks Redis for nobody before it reserves, as if Redis had been away just then.
    for (world, wish) in [
        (world(), seats()),
        (world(), floor(2)),
        (world().unprotected(), seats()),
    ] {
        let inventory = world.inventory();
        let hold = inventory
            .hold(world.session, UserId::new(), &wish, Timestamp::now())
            .unwrap();
        let booking = BookingId::new();
        let until = inventory
            .claim(hold.id, hold.user, booking, in_a_while())
            .unwrap()
            .0
            .expires_at;
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
fn a_booking_that_tries_to_reserve_keeps_its_places_while_postgres_is_away() {
    for wish in [seats_of(&["A-1-1"]), floor(50)] {
        let world = World::with(hall(1, 1, 50), 50)
            .holding_for(1000)
            .claiming_for(1000);
        let inventory = world.inventory();
        let hold = inventory
            .hold(world.session, UserId::new(), &wish, Timestamp::now())
            .unwrap();
        let booking = BookingId::new();
        inventory
            .claim(hold.id, hold.user, booking, in_a_while())
            .unwrap();
        world.postgres_away.store(true, Ordering::Relaxed);
        assert!(matches!(
            world.reserve(&inventory, &hold, booking),
            Err(Error::Unavailable(_))
        ));
        std::thread::sleep(Duration::from_millis(1100));
        assert!(matches!(
            inventory.hold(world.session, UserId::new(), &wish, Timestamp::now()),
            Err(Error::Taken(_))
        ));
        world.postgres_away.store(false, Ordering::Relaxed);
        world.reserve(&inventory, &hold, booking).unwrap();
    }
}

#[test]
fn a_booking_that_reserves_too_late_gets_its_places_only_while_nobody_else_has_them() {
    let world = World::new().holding_for(1000).claiming_for(1000);
    let inventory = world.inventory();
    let (lost, first) = world.claimed(&inventory, &["A-1-1"]);
    let (lucky, second) = world.claimed(&inventory, &["A-1-2"]);
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
    inventory
        .claim(thief.id, thief.user, BookingId::new(), in_a_while())
        .expect("the end of the late booking must leave the next one alone");
    world.reserve(&inventory, &lucky, second).unwrap();
    world.confirm(&inventory, &lucky, second).unwrap();
    assert_eq!(world.counts(&inventory), (48, 1, 1, 300));
}

/// A reserved booking of a seat and four places of the floor.
fn reserved(world: &World, inventory: &Inventory<Servers>) -> (Hold, BookingId) {
    let wish = lock::Request {
        areas: floor(4).areas,
        ..seats_of(&["A-1-1"])
    };
    let hold = inventory
        .hold(world.session, UserId::new(), &wish, Timestamp::now())
        .unwrap();
    let booking = BookingId::new();
    inventory
        .claim(hold.id, hold.user, booking, in_a_while())
        .unwrap();
    world.reserve(inventory, &hold, booking).unwrap();
    (hold, booking)
}

#[test]
fn seats_of_a_booking_that_ended_while_redis_was_away_are_free_as_soon_as_it_is_released_again() {
    let mut redis = Redis::start_durable().unwrap();
    let world = World::on(redis.url(), hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    redis.stop().unwrap();
    let told = world.release(&inventory, &hold, booking);
    assert!(
        matches!(told, Err(Error::Unavailable(_))),
        "who is told that it is done does not do it again: {told:?}"
    );
    redis.start_again().unwrap();
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
fn release_in_postgres_only(
    world: &World,
    inventory: &Inventory<Servers>,
    hold: &Hold,
    booking: BookingId,
) {
    let places = inventory
        .places(
            world.session,
            vec!["A-1-1".into()],
            vec![("floor".into(), 4)],
        )
        .unwrap();
    world
        .postgres
        .transaction(&claims::release(world.session, booking, hold.id, &places))
        .unwrap();
}

#[test]
fn seats_that_a_killed_host_gave_back_in_postgres_only_are_free_as_soon_as_they_are_released_again()
{
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    release_in_postgres_only(&world, &inventory, &hold, booking);
    assert_eq!(
        world.counts(&inventory),
        (49, 1, 0, 296),
        "Redis does not know yet"
    );
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
}

#[test]
fn releasing_again_takes_nothing_from_who_has_the_seat_by_then() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let (hold, booking) = reserved(&world, &inventory);
    world.release(&inventory, &hold, booking).unwrap();
    // Held by another, whose time then runs out, reserved and sold: the first booking's end is told
    // again at each step.
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
    let (next, second) = world.claimed(&inventory, &["A-1-1"]);
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
    let count = || {
        inventory
            .counts(vec![world.session, eventhub_guest::ids::SessionId::new()])
            .unwrap()
    };
    assert_eq!(count(), [(world.session, 70, 70)], "nothing loaded yet");
    let (hold, booking) = world.claimed(&inventory, &["A-1-1", "A-1-2"]);
    inventory
        .hold(world.session, UserId::new(), &floor(5), Timestamp::now())
        .unwrap();
    assert_eq!(count(), [(world.session, 70, 63)]);
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(
        count(),
        [(world.session, 70, 63)],
        "a reserved seat counts once"
    );
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(
        count(),
        [(world.session, 70, 68)],
        "the hold of the floor is over"
    );
}
