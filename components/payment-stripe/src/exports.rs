//! What the payment service calls: `eventhub:payment-stripe/provider`.

use eventhub_guest::bindings::eventhub::common::types::Money;

use crate::Component;
use crate::bindings::eventhub::payment_provider::types as wit;
use crate::bindings::exports::eventhub::payment_stripe::provider::Guest;
use crate::client::{Call, send_call};
use crate::config::Config;
use crate::domain::answer::Failure;
use crate::domain::form::{
    NewIntent, NewRefund, path_segment, write_intent_form, write_refund_form,
};
use crate::domain::object::{
    Amount, Intent, IntentStatus, Notice, Refund, RefundStatus, Subject, find_decisive_refund,
    parse_notice, read_intent, read_refund,
};
use crate::domain::signature::verify_signature;
use crate::error::Error;

impl Guest for Component {
    fn publishable_key() -> String {
        Config::from_environment().publishable_key
    }

    fn create_intent(request: wit::IntentRequest) -> Result<wit::Intent, wit::Error> {
        let new = NewIntent::from(request);
        let form = write_intent_form(&new).map_err(Error::from)?;
        let call = Call::post("/v1/payment_intents", form).idempotency_key(&new.idempotency_key);
        Ok(send_intent_call(call)?.into())
    }

    fn get_intent(id: String) -> Result<wit::Intent, wit::Error> {
        let path = format!("/v1/payment_intents/{}", checked_id(&id)?);
        Ok(send_intent_call(Call::get(&path))?.into())
    }

    fn cancel_intent(id: String) -> Result<wit::Intent, wit::Error> {
        let path = format!("/v1/payment_intents/{}/cancel", checked_id(&id)?);
        Ok(send_intent_call(Call::post(&path, String::new()))?.into())
    }

    fn create_refund(request: wit::RefundRequest) -> Result<wit::Refund, wit::Error> {
        Ok(create_refund(&request.into())?.into())
    }

    fn get_refund(id: String) -> Result<wit::Refund, wit::Error> {
        Ok(get_refund(&id)?.into())
    }

    fn verify_notice(
        headers: Vec<(String, String)>,
        body: String,
        now: i64,
    ) -> Result<wit::Notice, wit::Error> {
        let signature = headers
            .iter()
            .find(|(name, _)| name == "stripe-signature")
            .map_or("", |(_, value)| value.as_str());
        let secrets = Config::from_environment().webhook_secrets;
        verify_signature(&secrets, signature, &body, now).map_err(Error::from)?;
        Ok(parse_notice(&body).map_err(Error::from)?.into())
    }
}

fn checked_id(id: &str) -> Result<&str, Error> {
    Ok(path_segment(id)?)
}

fn send_intent_call(call: Call) -> Result<Intent, Error> {
    let reply = send_call(&Config::from_environment(), call)?;
    Ok(read_intent(&reply.object)?)
}

/// A refund as it is now.
fn get_refund(id: &str) -> Result<Refund, Error> {
    let path = format!("/v1/refunds/{}", checked_id(id)?);
    let reply = send_call(&Config::from_environment(), Call::get(&path))?;
    Ok(read_refund(&reply.object)?)
}

fn create_refund(new: &NewRefund) -> Result<Refund, Error> {
    let call =
        Call::post("/v1/refunds", write_refund_form(new)).idempotency_key(&new.idempotency_key);
    match send_call(&Config::from_environment(), call) {
        // It may have failed since.
        Ok(reply) if reply.replayed => get_refund(&read_refund(&reply.object)?.id),
        Ok(reply) => Ok(read_refund(&reply.object)?),
        Err(Failure::AlreadyRefunded) => find_earlier_refund(new),
        Err(failure) => Err(failure.into()),
    }
}

/// The refund that decides where Stripe says that all has been given back: somebody did it by hand,
/// or we did under a key that Stripe has forgotten.
fn find_earlier_refund(new: &NewRefund) -> Result<Refund, Error> {
    let path = format!(
        "/v1/refunds?payment_intent={}&limit=100",
        checked_id(&new.intent_id)?
    );
    let reply = send_call(&Config::from_environment(), Call::get(&path))?;
    Ok(find_decisive_refund(&reply.object, &new.total)?)
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount,
            currency: money.currency,
        }
    }
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        Self {
            amount: amount.amount,
            currency: amount.currency,
        }
    }
}

impl From<wit::IntentRequest> for NewIntent {
    fn from(request: wit::IntentRequest) -> Self {
        Self {
            idempotency_key: request.idempotency_key,
            total: request.total.into(),
            booking_id: request.booking_id,
            payment_id: request.payment_id,
            email: request.email,
        }
    }
}

impl From<wit::RefundRequest> for NewRefund {
    fn from(request: wit::RefundRequest) -> Self {
        Self {
            idempotency_key: request.idempotency_key,
            intent_id: request.intent_id,
            total: request.total.into(),
            payment_id: request.payment_id,
        }
    }
}

impl From<Intent> for wit::Intent {
    fn from(intent: Intent) -> Self {
        Self {
            id: intent.id,
            status: match intent.status {
                IntentStatus::RequiresPayment => wit::IntentStatus::RequiresPayment,
                IntentStatus::Processing => wit::IntentStatus::Processing,
                IntentStatus::Succeeded => wit::IntentStatus::Succeeded,
                IntentStatus::Cancelled => wit::IntentStatus::Cancelled,
            },
            total: intent.total.into(),
            client_secret: intent.client_secret,
            decline: intent.decline,
        }
    }
}

impl From<Refund> for wit::Refund {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            intent_id: refund.intent_id,
            status: match refund.status {
                RefundStatus::Pending => wit::RefundStatus::Pending,
                RefundStatus::Succeeded => wit::RefundStatus::Succeeded,
                RefundStatus::Failed => wit::RefundStatus::Failed,
            },
            total: refund.total.into(),
        }
    }
}

impl From<Notice> for wit::Notice {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id,
            kind: notice.kind,
            subject: match notice.subject {
                Subject::Intent(intent) => wit::NoticeSubject::Intent(intent.into()),
                Subject::Refund(refund) => wit::NoticeSubject::Refund(refund.into()),
                Subject::Other => wit::NoticeSubject::Other,
            },
        }
    }
}
