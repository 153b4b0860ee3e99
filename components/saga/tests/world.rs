//! The machine against a model of the world, exhaustively: several workers act on one booking at
//! once, each with what it read earlier; answers arrive late or never (a crash); the buyer, the
//! clock, the organizer and the provider act at any moment. The rules of the driver are part of the
//! model: forward commands may be done before they are recorded, backward ones only from a recorded
//! end, and an ended booking is swept once more after its last worker.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;

use saga::machine::{Command, Event, Money, State, Status, resume, start, step};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Claim {
    None,
    Reserved,
    Sold,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Intent {
    None,
    Open,
    Cancelled,
    Captured,
    Refunding,
    Refunded,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    booking: State,
    claim: Claim,
    intent: Intent,
    /// Commands under way.
    calls: Vec<Command>,
    /// Answers not yet recorded.
    facts: Vec<Event>,
    /// The session is closed: nothing is reserved or confirmed any more.
    closed: bool,
}

fn next_state(state: State, event: Event) -> State {
    step(state, event).map_or(state, |transition| transition.state)
}

/// The event that the provider publishes about a payment.
fn published_event(intent: Intent) -> Option<Event> {
    match intent {
        Intent::None => None,
        Intent::Open => Some(Event::PaymentRequested),
        Intent::Cancelled => Some(Event::PaymentCancelled),
        Intent::Captured => Some(Event::PaymentCaptured),
        Intent::Refunding => Some(Event::RefundStarted),
        Intent::Refunded => Some(Event::RefundDone),
    }
}

/// The provider's answer to a worker that knows the booking: captured money that the
/// booking believes to be on its way back is a refund that failed.
fn provider_answer(world: &World) -> Option<Event> {
    match (world.booking.money, world.intent) {
        (Money::Refunding, Intent::Captured) => Some(Event::RefundFailed),
        (_, intent) => published_event(intent),
    }
}

/// A command takes effect: the claim, the intent, and the answer. More than one where the world may
/// do either.
fn effects(world: &World, command: Command) -> Vec<(Claim, Intent, Event)> {
    let World {
        claim,
        intent,
        closed,
        ..
    } = *world;
    match command {
        Command::ReserveSeats => match claim {
            Claim::None if closed => vec![(claim, intent, Event::SeatsRefused)],
            Claim::None => vec![
                (Claim::Reserved, intent, Event::SeatsReserved),
                (claim, intent, Event::SeatsRefused),
            ],
            _ => vec![(claim, intent, Event::SeatsReserved)],
        },
        Command::ConfirmSeats => match claim {
            Claim::None => vec![(claim, intent, Event::SeatsLost)],
            _ => vec![(Claim::Sold, intent, Event::SeatsConfirmed)],
        },
        Command::ReleaseSeats => vec![(Claim::None, intent, Event::SeatsReleased)],
        Command::RequestPayment => match intent {
            Intent::None => vec![
                (claim, Intent::Open, Event::PaymentRequested),
                (claim, intent, Event::PaymentRefused),
            ],
            other => published_event(other)
                .map(|fact| (claim, other, fact))
                .into_iter()
                .collect(),
        },
        Command::CancelPayment => match intent {
            Intent::None => vec![(claim, intent, Event::PaymentCancelled)],
            Intent::Open => vec![(claim, Intent::Cancelled, Event::PaymentCancelled)],
            other => published_event(other)
                .map(|fact| (claim, other, fact))
                .into_iter()
                .collect(),
        },
        Command::RefundPayment => match intent {
            Intent::Captured => vec![(claim, Intent::Refunding, Event::RefundStarted)],
            other => published_event(other)
                .map(|fact| (claim, other, fact))
                .into_iter()
                .collect(),
        },
        Command::IssueTickets | Command::VoidTickets => vec![],
    }
}

const WORKERS: usize = 2;

fn all_moves(world: &World) -> Vec<World> {
    let mut moves = vec![];
    let busy = world.calls.len() + world.facts.len();
    let with = |change: &dyn Fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        world.calls.sort();
        world.facts.sort();
        world
    };
    // A worker takes up what the recorded state demands. It may act on it much later.
    if busy < WORKERS {
        for command in resume(world.booking) {
            moves.push(with(&|w| w.calls.push(command)));
        }
    }
    for at in 0..world.calls.len() {
        let command = world.calls[at];
        for (claim, intent, fact) in effects(world, command) {
            moves.push(with(&|w| {
                w.calls.remove(at);
                (w.claim, w.intent) = (claim, intent);
                w.facts.push(fact);
            }));
        }
        // A crash.
        moves.push(with(&|w| {
            w.calls.remove(at);
        }));
    }
    for at in 0..world.facts.len() {
        moves.push(with(&|w| {
            w.booking = next_state(w.booking, w.facts.remove(at))
        }));
        moves.push(with(&|w| {
            w.facts.remove(at);
        }));
    }
    // The provider publishes at any moment, as often as it likes.
    if let Some(fact) = published_event(world.intent) {
        moves.push(with(&|w| w.booking = next_state(w.booking, fact)));
    }
    if busy < WORKERS
        && let Some(fact) = provider_answer(world)
    {
        moves.push(with(&|w| w.facts.push(fact)));
    }
    for event in [
        Event::Created,
        Event::CancelRequested,
        Event::DeadlinePassed,
    ] {
        moves.push(with(&|w| w.booking = next_state(w.booking, event)));
    }
    moves.push(with(&|w| {
        w.closed = true;
        w.booking = next_state(w.booking, Event::EventCancelled);
    }));
    match world.intent {
        Intent::Open => {
            moves.push(with(&|w| w.intent = Intent::Captured));
            moves.push(with(&|w| w.intent = Intent::Cancelled));
        }
        Intent::Refunding => {
            moves.push(with(&|w| w.intent = Intent::Refunded));
            moves.push(with(&|w| {
                w.intent = Intent::Captured;
                w.facts.truncate(WORKERS - 1);
                w.facts.push(Event::RefundFailed);
            }));
        }
        _ => {}
    }
    moves
}

/// All workers die; one comes back, does what is demanded, asks the provider, sweeps, and nobody
/// disturbs it.
fn settle(mut world: World) -> World {
    world.calls.clear();
    world.facts.clear();
    let act = |world: &mut World, command: Command| {
        let (claim, intent, fact) = effects(world, command).remove(0);
        (world.claim, world.intent) = (claim, intent);
        world.booking = next_state(world.booking, fact);
    };
    for _ in 0..40 {
        if let Some(fact) = provider_answer(&world)
            .filter(|_| !world.booking.free_of_charge && !world.booking.is_settled())
        {
            world.booking = next_state(world.booking, fact);
        }
        if let Some(command) = resume(world.booking).first() {
            act(&mut world, *command);
        } else if world.booking.status == Status::AwaitingPayment {
            world.booking = next_state(world.booking, Event::DeadlinePassed);
        } else if world.intent == Intent::Refunding {
            world.intent = Intent::Refunded;
        } else if world.booking.status.has_ended() {
            act(&mut world, Command::ReleaseSeats);
            if !world.booking.free_of_charge {
                act(&mut world, Command::CancelPayment);
            }
        }
    }
    world
}

fn check(world: &World) {
    // Money is never given back for a booking that keeps its tickets.
    if world.booking.status == Status::Confirmed {
        assert_eq!(
            world.claim,
            Claim::Sold,
            "confirmed without its seats: {world:?}"
        );
        let paid = if world.booking.free_of_charge {
            Intent::None
        } else {
            Intent::Captured
        };
        assert_eq!(world.intent, paid, "confirmed without its money: {world:?}");
    }
    let end = settle(world.clone());
    let why = || format!("{world:?}\nends as {end:?}");
    assert!(end.booking.is_settled(), "never ends: {}", why());
    match end.booking.status {
        Status::Confirmed => {}
        Status::Refunded => assert_eq!(
            (end.claim, end.intent),
            (Claim::None, Intent::Refunded),
            "{}",
            why()
        ),
        _ => {
            assert_eq!(
                end.claim,
                Claim::None,
                "seats stay taken for nobody: {}",
                why()
            );
            assert!(
                matches!(end.intent, Intent::None | Intent::Cancelled),
                "money is kept for nothing: {}",
                why()
            );
        }
    }
}

fn explore(free_of_charge: bool) -> usize {
    let first = World {
        booking: start(free_of_charge),
        claim: Claim::None,
        intent: Intent::None,
        calls: vec![],
        facts: vec![],
        closed: false,
    };
    let mut known = HashSet::from([first.clone()]);
    let mut queue = vec![first];
    while let Some(world) = queue.pop() {
        check(&world);
        for to in all_moves(&world) {
            if known.insert(to.clone()) {
                queue.push(to);
            }
        }
    }
    known.len()
}

#[test]
fn seats_and_money_agree_with_the_booking_whatever_happens() {
    assert!(
        explore(false) > 10_000,
        "the model has become too small to say anything"
    );
}

#[test]
fn free_bookings_leave_no_seat_behind() {
    assert!(explore(true) > 100);
}
