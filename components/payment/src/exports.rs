//! The typed interface that the booking saga calls.

use eventhub_guest::{Money, Timestamp};

use crate::bindings::exports::eventhub::payment::payments as wit;
use crate::domain::payment::{NewPayment, Payment, Status};
use crate::error::Error;
use crate::ports::Ports;
use crate::{Component, usecases, with_context};

impl wit::Guest for Component {
    fn create(order: wit::Order) -> Result<wit::Payment, wit::Error> {
        answer(|ports| usecases::create_payment(ports, parse_order(order)?))
    }

    fn get(booking_id: String) -> Result<wit::Payment, wit::Error> {
        answer(|ports| usecases::get_payment(ports, &booking_id, Timestamp::now()))
    }

    fn cancel(booking_id: String) -> Result<wit::Payment, wit::Error> {
        answer(|ports| usecases::cancel_payment(ports, &booking_id))
    }

    fn refund(booking_id: String, reason: String) -> Result<wit::Payment, wit::Error> {
        answer(|ports| usecases::refund_payment(ports, &booking_id, &reason))
    }
}

fn answer(
    run: impl FnOnce(&dyn Ports) -> Result<Payment, Error>,
) -> Result<wit::Payment, wit::Error> {
    with_context(|ports| {
        let payment = run(ports)?;
        let publishable_key = ports.publishable_key(&payment.provider);
        Ok(to_wit(payment, publishable_key))
    })
}

fn parse_order(order: wit::Order) -> Result<NewPayment, Error> {
    let invalid = |what: &str| Error::Refused(format!("{what} is not valid"));
    Ok(NewPayment {
        booking_id: order
            .booking_id
            .parse()
            .map_err(|_| invalid("the booking's id"))?,
        user_id: order
            .user_id
            .parse()
            .map_err(|_| invalid("the user's id"))?,
        provider: order.provider,
        total: Money::from_wit(&order.total).map_err(|_| invalid("the currency"))?,
        email: order.email,
        expires_at: Timestamp::from_micros(order.expires_at),
    })
}

fn to_wit(payment: Payment, publishable_key: Option<String>) -> wit::Payment {
    wit::Payment {
        id: payment.id.to_string(),
        booking_id: payment.booking_id.to_string(),
        provider: payment.provider,
        status: payment.status.into(),
        total: payment.total.to_wit(),
        client_secret: payment.client_secret.filter(|_| payment.status.is_open()),
        publishable_key,
    }
}

impl From<Status> for wit::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Created => wit::Status::Created,
            Status::RequiresPayment => wit::Status::RequiresPayment,
            Status::Processing => wit::Status::Processing,
            Status::Succeeded => wit::Status::Succeeded,
            Status::Cancelled => wit::Status::Cancelled,
            Status::Refunding => wit::Status::Refunding,
            Status::Refunded => wit::Status::Refunded,
            Status::Quarantined => wit::Status::Quarantined,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => wit::Error::NotFound,
            Error::Refused(why) => wit::Error::Refused(why),
            Error::UnknownProvider(_) => wit::Error::Refused(error.to_string()),
            Error::Unavailable(why) | Error::BadSignature(why) | Error::UnreadableNotice(why) => {
                wit::Error::Unavailable(why)
            }
            Error::Database(error) => wit::Error::Unavailable(error.to_string()),
        }
    }
}
