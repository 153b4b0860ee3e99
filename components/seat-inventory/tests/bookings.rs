//! Claims of bookings against a real PostgreSQL and Redis: one owner of a seat whatever becomes of Redis, each step repeatable.
#![allow(clippy::unwrap_used)]

mod world;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_testing::Redis;
use seat_inventory::domain::hold::Status;
use seat_inventory::service::Error;
use std::time::Duration;
use world::{World, floor, hall, in_a_while, seats_of};

fn sold(world: &World) -> String {
    let query = format!("SELECT count(*) FROM seat_claims WHERE session_id = '{}' AND status = 'sold'", uuid::Uuid::from_u128(world.session.as_u128()));
    world.postgres.psql(&query)
}

#[test]
fn a_hold_becomes_a_sale_step_by_step_and_every_step_may_come_twice() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.claimed(&inventory, &["A-1-1", "A-1-2"]);
    let until = inventory.find_hold(hold.id, hold.user).unwrap().0.expires_at;
    let again = inventory.claim(hold.id, hold.user, booking, until.plus(Duration::from_secs(3_600))).unwrap().0;
    assert_eq!((again.booking, again.expires_at), (Some(booking), until), "claiming again and again would hold the seats for ever");
    assert!(matches!(inventory.claim(hold.id, hold.user, BookingId::new(), in_a_while()), Err(Error::AlreadyBooked)));
    assert!(matches!(inventory.claim(hold.id, UserId::new(), booking, in_a_while()), Err(Error::NotFound(_))));
    assert!(matches!(inventory.release_hold(hold.id, hold.user), Err(Error::AlreadyBooked)));
    for _ in 0..2 {
        world.reserve(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory), (48, 2, 0, 300));
    }
    for _ in 0..2 {
        world.confirm(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory), (48, 0, 2, 300));
    }
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(sold(&world), "2", "a late reservation must not take a sale back");
    assert_eq!(inventory.find_hold(hold.id, hold.user).unwrap().0.status, Status::Booked);
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
    let hold = world.inventory().hold(world.session, UserId::new(), &seats_of(&["A-1-1"]), Timestamp::now()).unwrap();
    // Redis has lost everything, and every booking believes that the seat is its own.
    let got = world.race((0..200i64).collect(), |inventory, at| {
        let places = inventory.places(world.session, vec!["A-1-1".into()], vec![]).unwrap();
        inventory.reserve(BookingId::new(), hold.id, world.session, places, hold.fence + at)
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 1);
    assert!(got.iter().filter(|reserved| reserved.is_err()).all(|refused| matches!(refused, Err(Error::Taken(seats)) if seats == &["A-1-1"])));
}

#[test]
fn without_protection_several_bookings_reserve_and_buy_the_seat() {
    let world = World::new().unprotected();
    let got = world.race((0..200i64).collect(), |inventory, at| {
        let places = || inventory.places(world.session, vec!["A-1-1".into()], vec![]).unwrap();
        let booking = BookingId::new();
        inventory.reserve(booking, HoldId::new(), world.session, places(), at).is_ok() && inventory.confirm(booking, world.session, places()).is_ok()
    });
    assert!(got.iter().filter(|bought| **bought).count() > 1, "the race test would pass without its subject");
}

#[test]
fn bookings_of_overlapping_seats_neither_deadlock_nor_share() {
    let world = World::new();
    let sets = [["A-1-1", "A-1-2"], ["A-1-2", "A-1-3"], ["A-1-3", "A-1-1"]];
    let got = world.race((0..90i64).collect(), |inventory, at| {
        let seats = sets[at as usize % 3].map(String::from).to_vec();
        let places = inventory.places(world.session, seats, vec![]).unwrap();
        // No live holds in Redis: Postgres alone decides.
        inventory.reserve(BookingId::new(), HoldId::from_u128(7), world.session, places, 1000 + at)
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 1);
    let other: Vec<_> = got.iter().filter(|reserved| !matches!(reserved, Ok(()) | Err(Error::Taken(_)))).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn an_area_is_never_claimed_beyond_its_capacity() {
    let world = World::with(hall(1, 1, 100), 10);
    let got = world.race((0..60).collect(), |inventory, _| {
        let places = inventory.places(world.session, vec![], vec![("floor".into(), 3)]).unwrap();
        inventory.reserve(BookingId::new(), HoldId::new(), world.session, places, 1)
    });
    assert_eq!(got.iter().filter(|reserved| reserved.is_ok()).count(), 33);
    assert!(got.iter().filter(|reserved| reserved.is_err()).all(|refused| matches!(refused, Err(Error::Taken(areas)) if areas == &["floor"])));
    assert_eq!(world.counts(&world.inventory()).3, 1);
}

#[test]
fn the_same_booking_many_times_at_once_claims_once() {
    let world = World::with(hall(1, 4, 100), 10);
    let (booking, hold) = (BookingId::new(), HoldId::new());
    let got = world.race((0..40).collect(), |inventory, _| {
        let places = inventory.places(world.session, vec!["A-1-1".into()], vec![("floor".into(), 3)]).unwrap();
        inventory.reserve(booking, hold, world.session, places, 1)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(world.counts(&world.inventory()), (3, 1, 0, 97));
    let got = world.race((0..40).collect(), |inventory, _| {
        let places = inventory.places(world.session, vec!["A-1-1".into()], vec![("floor".into(), 3)]).unwrap();
        inventory.release(booking, hold, world.session, places)
    });
    assert!(got.iter().all(Result::is_ok), "{got:?}");
    assert_eq!(world.counts(&world.inventory()), (4, 0, 0, 100), "places of an area were given back more than once");
}

#[test]
fn places_of_an_area_move_from_held_to_claimed_without_counting_twice() {
    let world = World::with(hall(1, 1, 10), 10);
    let inventory = world.inventory();
    let hold = inventory.hold(world.session, UserId::new(), &floor(6), Timestamp::now()).unwrap();
    let booking = BookingId::new();
    inventory.claim(hold.id, hold.user, booking, in_a_while()).unwrap();
    assert_eq!(world.counts(&inventory).3, 4);
    for _ in 0..2 {
        world.reserve(&inventory, &hold, booking).unwrap();
        assert_eq!(world.counts(&inventory).3, 4);
    }
    assert!(inventory.hold(world.session, UserId::new(), &floor(4), Timestamp::now()).is_ok());
    world.confirm(&inventory, &hold, booking).unwrap();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory).3, 6);
}

#[test]
fn a_holder_who_slept_past_the_end_of_the_hold_is_refused() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let slow = inventory.hold(world.session, UserId::new(), &seats_of(&["A-1-1"]), Timestamp::now()).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    assert!(matches!(inventory.claim(slow.id, slow.user, BookingId::new(), in_a_while()), Err(Error::Expired)));
    let (quick, booking) = world.claimed(&inventory, &["A-1-1"]);
    // Even if it had claimed in time: the seat is held by a younger hold.
    assert!(matches!(world.reserve(&inventory, &slow, BookingId::new()), Err(Error::Taken(seats)) if seats == ["A-1-1"]));
    world.reserve(&inventory, &quick, booking).unwrap();
    world.confirm(&inventory, &quick, booking).unwrap();
    world.release(&inventory, &quick, booking).unwrap();
    // Now nobody holds it, but a younger hold had it: the fence decides.
    assert!(matches!(world.reserve(&inventory, &slow, BookingId::new()), Err(Error::Taken(seats)) if seats == ["A-1-1"]));
}

#[test]
fn a_reservation_that_arrives_after_its_release_claims_nothing() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.claimed(&inventory, &["A-1-1"]);
    world.release(&inventory, &hold, booking).unwrap();
    assert!(matches!(world.reserve(&inventory, &hold, booking), Err(Error::Taken(_))));
    assert!(matches!(world.confirm(&inventory, &hold, booking), Err(Error::Taken(_))));
    // The refused reservation had set its own lease again before it asked Postgres; releasing again ends that.
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    assert!(inventory.hold(world.session, UserId::new(), &seats_of(&["A-1-2"]), Timestamp::now()).is_ok());
}

#[test]
fn releasing_a_stale_hold_leaves_the_next_holder_alone() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let stale = inventory.hold(world.session, UserId::new(), &seats_of(&["A-1-1"]), Timestamp::now()).unwrap();
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
    assert!(matches!(world.reserve(&inventory, &late, second), Err(Error::NotOnSale(_))));
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
    let hold = |seat: &str| inventory.hold(world.session, UserId::new(), &seats_of(&[seat]), Timestamp::now());
    for seat in ["A-1-2", "A-1-3"] {
        assert!(matches!(hold(seat), Err(Error::Taken(_))), "{seat}");
    }
    let thief = hold("A-1-1").unwrap();
    assert!(thief.fence > gone.fence, "fences must rise over an emptied Redis");
    assert!(matches!(world.reserve(&inventory, &gone, unfinished), Err(Error::Taken(_))), "a younger hold has the seat");
    world.confirm(&inventory, &reserved, first).unwrap();
    assert_eq!(world.counts(&inventory), (17, 1, 2, 50));
    // Emptied again: what nobody else has meanwhile can still be reserved, without any hold in Redis.
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
    assert!(matches!(inventory.hold(world.session, UserId::new(), &seats_of(&["A-1-2"]), Timestamp::now()), Err(Error::Unavailable(_))));
    world.reserve(&inventory, &hold, booking).unwrap();
    world.confirm(&inventory, &hold, booking).unwrap();
    assert_eq!(sold(&world), "1");
    redis.start_again().unwrap();
    assert_eq!(world.counts(&world.inventory()), (9, 0, 1, 50));
}

#[test]
fn counts_of_listings_agree_with_the_seats() {
    let world = World::with(hall(2, 10, 50), 10).holding_for(1000);
    let inventory = world.inventory();
    let count = || inventory.counts(vec![world.session, eventhub_guest::ids::SessionId::new()]).unwrap();
    assert_eq!(count(), [(world.session, 70, 70)], "nothing loaded yet");
    let (hold, booking) = world.claimed(&inventory, &["A-1-1", "A-1-2"]);
    inventory.hold(world.session, UserId::new(), &floor(5), Timestamp::now()).unwrap();
    assert_eq!(count(), [(world.session, 70, 63)]);
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(count(), [(world.session, 70, 63)], "a reserved seat counts once");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(count(), [(world.session, 70, 68)], "the hold of the floor is over");
}
