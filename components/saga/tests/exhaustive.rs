//! Every state that any order of events can reach, under every event: what must be true of each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use saga::machine::{Command, Event, Money, Places, Refusal, State, Status, resume, start, step};

/// The state after an event; a refusal leaves it as it is.
fn next_state(state: State, event: Event) -> State {
    step(state, event).map_or(state, |transition| transition.state)
}

fn reachable_states() -> BTreeSet<State> {
    let mut known = BTreeSet::from([start(false), start(true)]);
    let mut queue: Vec<State> = known.iter().copied().collect();
    while let Some(state) = queue.pop() {
        for event in Event::ALL {
            let to = next_state(state, event);
            if known.insert(to) {
                queue.push(to);
            }
        }
    }
    known
}

/// The events that a command may lead to. Tickets are made with the record itself and answer
/// nothing.
fn possible_answers(command: Command) -> &'static [Event] {
    match command {
        Command::ReserveSeats => &[Event::SeatsReserved, Event::SeatsRefused],
        Command::RequestPayment => &[
            Event::PaymentRequested,
            Event::PaymentRefused,
            Event::PaymentCancelled,
            Event::PaymentCaptured,
        ],
        Command::CancelPayment => &[
            Event::PaymentCancelled,
            Event::PaymentCaptured,
            Event::RefundStarted,
            Event::RefundDone,
        ],
        Command::ConfirmSeats => &[Event::SeatsConfirmed, Event::SeatsLost],
        Command::ReleaseSeats => &[Event::SeatsReleased],
        Command::RefundPayment => &[Event::RefundStarted, Event::RefundDone],
        Command::IssueTickets | Command::VoidTickets => &[],
    }
}

#[test]
fn the_machine_is_small_enough_to_be_checked_whole() {
    let states = reachable_states();
    assert!((20..120).contains(&states.len()), "{}", states.len());
}

#[test]
fn every_state_is_settled_has_work_or_waits_for_an_end() {
    for state in reachable_states() {
        let waits_for_buyer =
            state.status == Status::AwaitingPayment && state.money == Money::Requested;
        let waits_for_refund = state.status == Status::Refunding && state.money == Money::Refunding;
        assert!(
            state.is_settled() || !resume(state).is_empty() || waits_for_buyer || waits_for_refund,
            "stuck in {state:?}"
        );
        if waits_for_buyer {
            assert!(
                next_state(state, Event::DeadlinePassed).status.has_ended(),
                "a buyer who never pays blocks {state:?}"
            );
        }
        if waits_for_refund {
            assert_eq!(
                next_state(state, Event::RefundDone).status,
                Status::Refunded
            );
        }
    }
}

#[test]
fn captured_money_leads_to_a_confirmation_or_a_refund() {
    for state in reachable_states()
        .into_iter()
        .filter(|state| state.money == Money::Captured)
    {
        let goes_forward = resume(state)
            .iter()
            .any(|command| matches!(command, Command::ReserveSeats | Command::ConfirmSeats));
        let goes_back = resume(state).contains(&Command::RefundPayment);
        match state.status {
            Status::Confirmed => assert!(!goes_forward && !goes_back),
            Status::Refunding => assert!(goes_back, "{state:?}"),
            status => assert!(
                status.is_active() && goes_forward,
                "money is kept for nothing in {state:?}"
            ),
        }
    }
}

#[test]
fn confirmed_means_sold_and_paid_or_free() {
    for state in reachable_states()
        .into_iter()
        .filter(|state| state.status == Status::Confirmed)
    {
        assert_eq!(state.places, Places::Sold);
        assert_eq!(
            state.money == Money::Captured,
            !state.free_of_charge,
            "{state:?}"
        );
    }
}

#[test]
fn refunded_means_that_the_provider_said_so() {
    for state in reachable_states() {
        assert_eq!(
            state.status == Status::Refunded,
            state.money == Money::Refunded,
            "{state:?}"
        );
        assert!(
            !state.free_of_charge || state.money == Money::None,
            "a free booking has no money: {state:?}"
        );
        for event in Event::ALL {
            let to = next_state(state, event);
            if to.money == Money::Refunded && state.money != Money::Refunded {
                assert_eq!(event, Event::RefundDone);
            }
        }
    }
}

#[test]
fn an_event_that_comes_twice_has_the_effect_of_once() {
    for state in reachable_states() {
        for event in Event::ALL {
            let Ok(once) = step(state, event) else {
                continue;
            };
            let twice = step(once.state, event);
            // A buyer who cancels twice and was paid meanwhile gets a refusal; nothing changes.
            let twice = twice.map_or(once.state, |transition| transition.state);
            assert_eq!(twice, once.state, "{state:?} {event:?}");
        }
    }
}

#[test]
fn a_changed_state_demands_its_commands_and_no_others() {
    for state in reachable_states() {
        for event in Event::ALL {
            let Ok(transition) = step(state, event) else {
                continue;
            };
            let mut expected = vec![];
            if transition.state.status == Status::Confirmed && state.status != Status::Confirmed {
                expected.push(Command::IssueTickets);
            }
            if state.status == Status::Confirmed && transition.state.status != Status::Confirmed {
                expected.push(Command::VoidTickets);
            }
            let changed = transition.state != state;
            let is_start = event == Event::Created && state == start(state.free_of_charge);
            if changed || is_start {
                expected.extend(resume(transition.state));
            }
            assert_eq!(*transition.commands, expected, "{state:?} {event:?}");
        }
    }
}

#[test]
fn an_ended_booking_never_lives_again() {
    for state in reachable_states()
        .into_iter()
        .filter(|state| state.status.has_ended())
    {
        for event in Event::ALL {
            let to = next_state(state, event);
            assert!(to.status.has_ended(), "{state:?} {event:?} -> {to:?}");
            if state.status == Status::Refunded {
                assert_eq!(to.status, Status::Refunded, "{event:?}");
            }
        }
    }
}

#[test]
fn compensation_runs_in_reverse_order_after_an_end_only() {
    for state in reachable_states() {
        let commands = resume(state);
        let backward = |c: &Command| {
            matches!(
                c,
                Command::CancelPayment
                    | Command::RefundPayment
                    | Command::ReleaseSeats
                    | Command::VoidTickets
            )
        };
        assert_eq!(
            commands.iter().any(backward),
            state.status.has_ended() && !commands.is_empty(),
            "{state:?}"
        );
        if let Some(money) = commands
            .iter()
            .position(|c| matches!(c, Command::CancelPayment | Command::RefundPayment))
        {
            let places = commands.iter().position(|c| *c == Command::ReleaseSeats);
            assert!(places.is_none_or(|places| places > money), "{commands:?}");
        }
    }
}

#[test]
fn a_cancellation_is_granted_until_the_money_is_captured() {
    for state in reachable_states() {
        let granted = step(state, Event::CancelRequested);
        let expected = match state.status {
            Status::Pending | Status::AwaitingPayment => {
                matches!(state.money, Money::None | Money::Requested)
            }
            status => status == Status::Cancelled,
        };
        assert_eq!(granted.is_ok(), expected, "{state:?}");
        if let Err(Refusal::InvalidTransition(from, to)) = granted {
            assert_eq!((from, to), (state.status, Status::Cancelled));
        }
    }
}

/// From every state, found after a crash: whatever the world answers, the work ends. A refund that
/// fails is tried again and is left out here, the provider ends that some day.
#[test]
fn any_state_resumes_to_an_end_whatever_the_answers() {
    fn walk(state: State, path: &mut Vec<State>, done: &mut BTreeMap<State, ()>) {
        assert!(!path.contains(&state), "goes round: {path:?}");
        if done.contains_key(&state) {
            return;
        }
        path.push(state);
        let commands = resume(state);
        if commands.is_empty() {
            let waits = matches!(
                (state.status, state.money),
                (Status::AwaitingPayment, Money::Requested) | (Status::Refunding, Money::Refunding)
            );
            assert!(state.is_settled() || waits, "{state:?}");
        }
        for command in commands {
            for answer in possible_answers(command) {
                let to = next_state(state, *answer);
                assert_ne!(
                    to, state,
                    "{command:?} answered {answer:?} changes nothing in {state:?}"
                );
                walk(to, path, done);
            }
        }
        path.pop();
        done.insert(state, ());
    }
    for state in reachable_states() {
        walk(state, &mut vec![], &mut BTreeMap::new());
    }
}

#[test]
fn a_free_booking_never_asks_for_money() {
    for state in reachable_states()
        .into_iter()
        .filter(|state| state.free_of_charge)
    {
        let asks = |c: &Command| {
            matches!(
                c,
                Command::RequestPayment | Command::CancelPayment | Command::RefundPayment
            )
        };
        assert!(!resume(state).iter().any(asks), "{state:?}");
    }
}

fn run_events(free_of_charge: bool, events: &[Event]) -> State {
    events.iter().fold(start(free_of_charge), |state, event| {
        next_state(state, *event)
    })
}

#[test]
fn familiar_stories_end_as_expected() {
    use Event::*;
    let stories: &[(&str, bool, &[Event], Status)] = &[
        (
            "bought",
            false,
            &[
                Created,
                SeatsReserved,
                PaymentRequested,
                PaymentCaptured,
                SeatsConfirmed,
            ],
            Status::Confirmed,
        ),
        (
            "free",
            true,
            &[Created, SeatsReserved, SeatsConfirmed],
            Status::Confirmed,
        ),
        (
            "taken by others",
            false,
            &[Created, SeatsRefused, SeatsReleased],
            Status::Failed,
        ),
        (
            "provider refuses",
            false,
            &[Created, SeatsReserved, PaymentRefused, SeatsReleased],
            Status::Failed,
        ),
        (
            "never paid",
            false,
            &[
                Created,
                SeatsReserved,
                PaymentRequested,
                DeadlinePassed,
                PaymentCancelled,
                SeatsReleased,
            ],
            Status::Expired,
        ),
        (
            "cancelled",
            false,
            &[
                Created,
                SeatsReserved,
                PaymentRequested,
                CancelRequested,
                PaymentCancelled,
                SeatsReleased,
            ],
            Status::Cancelled,
        ),
        (
            "paid while being cancelled",
            false,
            &[
                SeatsReserved,
                PaymentRequested,
                CancelRequested,
                PaymentCaptured,
                RefundStarted,
                SeatsReleased,
                RefundDone,
            ],
            Status::Refunded,
        ),
        (
            "paid after the deadline",
            false,
            &[
                SeatsReserved,
                PaymentRequested,
                DeadlinePassed,
                PaymentCancelled,
                PaymentCaptured,
            ],
            Status::Refunding,
        ),
        (
            "paid and the seats are gone",
            false,
            &[
                SeatsReserved,
                PaymentRequested,
                PaymentCaptured,
                SeatsLost,
                RefundStarted,
                RefundDone,
            ],
            Status::Refunded,
        ),
        (
            "event cancelled after it was sold",
            false,
            &[
                SeatsReserved,
                PaymentRequested,
                PaymentCaptured,
                SeatsConfirmed,
                EventCancelled,
                RefundStarted,
                RefundDone,
                SeatsReleased,
            ],
            Status::Refunded,
        ),
        (
            "event cancelled before payment",
            false,
            &[SeatsReserved, PaymentRequested, EventCancelled],
            Status::Cancelled,
        ),
        (
            "free event cancelled",
            true,
            &[SeatsReserved, SeatsConfirmed, EventCancelled],
            Status::Cancelled,
        ),
        (
            "refund reported before capture",
            false,
            &[SeatsReserved, PaymentRequested, RefundDone, PaymentCaptured],
            Status::Refunded,
        ),
        (
            "refund fails and is tried again",
            false,
            &[
                SeatsReserved,
                PaymentRequested,
                PaymentCaptured,
                SeatsLost,
                RefundStarted,
                RefundFailed,
            ],
            Status::Refunding,
        ),
        (
            "captured before the request was recorded",
            false,
            &[
                SeatsReserved,
                PaymentCaptured,
                PaymentRequested,
                SeatsConfirmed,
            ],
            Status::Confirmed,
        ),
    ];
    for (story, free, events, status) in stories {
        assert_eq!(run_events(*free, events).status, *status, "{story}");
    }
}

#[test]
fn an_ended_booking_gives_back_what_it_still_has() {
    for state in reachable_states()
        .into_iter()
        .filter(|state| state.status.has_ended() && state.is_settled())
    {
        let demanded = |event| step(state, event).unwrap().commands.to_vec();
        assert_eq!(
            demanded(Event::SeatsReserved),
            [Command::ReleaseSeats],
            "{state:?}"
        );
        assert_eq!(
            demanded(Event::SeatsConfirmed),
            [Command::ReleaseSeats],
            "{state:?}"
        );
        if !state.free_of_charge && state.money == Money::None {
            assert_eq!(
                demanded(Event::PaymentRequested),
                [Command::CancelPayment],
                "{state:?}"
            );
            assert_eq!(
                demanded(Event::PaymentCaptured),
                [Command::RefundPayment],
                "{state:?}"
            );
        }
    }
}
