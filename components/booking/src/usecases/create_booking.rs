//! Makes a booking of a hold, once: a repeated request finds the booking that it made.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;

use crate::config::Config;
use crate::domain::booking::{Booking, booking_id_of_hold};
use crate::domain::new_booking::NewBooking;
use crate::error::Error;
use crate::ports::{Binding, HoldError, Ports};
use crate::store;

/// Who asks, and with what.
pub struct Caller<'a> {
    pub user: UserId,
    pub idempotency_key: &'a str,
    pub traceparent: &'a str,
}

/// Binds the hold to the booking and stores the booking.
///
/// # Errors
/// Those of the hold, of a reused key, of the database.
pub fn create_booking(
    ports: &dyn Ports,
    config: &Config,
    caller: &Caller,
    new: NewBooking,
    now: Timestamp,
) -> Result<Booking, Error> {
    let id = booking_id_of_hold(new.hold_id);
    let expires_at = now.plus(config.payment_window);
    let binding = Binding {
        hold_id: new.hold_id,
        user_id: caller.user,
        booking_id: id,
        until: expires_at.plus(config.grace),
        seats: &new.named_seats(),
    };
    let hold = match ports.bind_hold(&binding) {
        Ok(hold) => hold,
        Err(HoldError::NotInHold(seats)) => {
            return Err(Error::Invalid(new.faults_not_in_hold(&seats)));
        }
        Err(error @ (HoldError::Unavailable(_) | HoldError::Invalid(_))) => {
            return Err(error.into());
        }
        // A booking that has ended has no hold any more; a repeated request still gets its booking.
        Err(error) => return find_repeated(caller, &new, error),
    };
    let booking = Booking {
        id,
        user_id: caller.user,
        event_id: hold.event_id,
        session_id: hold.session_id,
        hold_id: new.hold_id,
        state: ports.start_saga(hold.total.amount == 0),
        version: 1,
        fence: hold.fence,
        seats: hold.seats,
        areas: hold.areas,
        total: hold.total,
        provider: new.provider.clone(),
        payment: None,
        failure: None,
        contact: new.contact.clone(),
        attendees: new.attendees.clone(),
        idempotency_key: caller.idempotency_key.to_string(),
        expires_at,
        attempts: 0,
        traceparent: caller.traceparent.to_string(),
        created_at: now,
        updated_at: now,
    };
    match store::bookings::insert_booking(&booking) {
        Ok(()) => Ok(booking),
        Err(error) if error.violates("bookings_pkey") || error.violates("bookings_hold_key") => {
            find_repeated(caller, &new, HoldError::AlreadyBooked)
        }
        // Here and below the hold stays bound: a corrected or repeated request finds it, and so
        // does one that runs just now.
        Err(error) if error.violates("bookings_idempotency_key") => Err(Error::KeyReused),
        Err(error) => Err(error.into()),
    }
}

/// The booking that the same request has made before; otherwise the refusal.
fn find_repeated(caller: &Caller, new: &NewBooking, refusal: HoldError) -> Result<Booking, Error> {
    match store::bookings::find_by_hold(caller.user, new.hold_id)? {
        Some(booking) if booking.idempotency_key == caller.idempotency_key => Ok(booking),
        Some(_) => Err(Error::HoldAlreadyBooked),
        None => Err(refusal.into()),
    }
}
