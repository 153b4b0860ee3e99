//! The JSON shapes of Stripe's objects, with every field that the API gives for a card payment.
//! Source: https://docs.stripe.com/api, version [`API_VERSION`].

use serde_json::{Map, Value, json};

use crate::cards::{CARDS, Card};
use crate::error::ApiError;
use crate::ids;
use crate::objects::{
    Charge, Endpoint, Event, Intent, Object, PaymentError, Refund, RefundStatus, Status,
};

/// The version spoken when a caller names none; that of the SDKs of 2026-10.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Makes answers; knows the address that links in them start with.
#[derive(Debug, Clone)]
pub struct Renderer {
    /// Such as `http://127.0.0.1:12111`.
    pub base: String,
}

/// The fields of an intent that a publishable key may see.
const PUBLIC: &[&str] = &[
    "id",
    "object",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "last_payment_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
];

impl Renderer {
    /// Any object, in full.
    pub fn object(&self, object: &Object) -> Value {
        match object {
            Object::Intent(intent) => self.intent(intent),
            Object::Charge(charge) => self.charge(charge),
            Object::Refund(refund) => self.refund(refund),
        }
    }

    /// An intent for a browser.
    pub fn public_intent(&self, intent: &Intent) -> Value {
        let mut value = self.intent(intent);
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, _| PUBLIC.contains(&name.as_str()));
        }
        value
    }

    /// An intent.
    pub fn intent(&self, intent: &Intent) -> Value {
        let echoed = |name: &str| intent.echoed.get(name);
        let next_action = (intent.status == Status::RequiresAction).then(|| {
            json!({
                "type": "redirect_to_url",
                "redirect_to_url": {"url": self.authentication_url(intent), "return_url": intent.return_url},
            })
        });
        json!({
            "id": intent.id,
            "object": "payment_intent",
            "amount": intent.amount,
            "amount_capturable": intent.amount_capturable,
            "amount_details": {"tip": {}},
            "amount_received": intent.amount_received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods":
                intent.automatic.as_ref().map(|redirects| json!({"allow_redirects": redirects, "enabled": true})),
            "canceled_at": intent.canceled_at,
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": if intent.capture_manually { "manual" } else { "automatic_async" },
            "client_secret": intent.client_secret,
            "confirmation_method": if intent.confirm_manually { "manual" } else { "automatic" },
            "created": intent.created,
            "currency": intent.currency,
            "customer": echoed("customer"),
            "customer_account": null,
            "description": echoed("description"),
            "excluded_payment_method_types": null,
            "last_payment_error": intent.last_error.as_ref().map(payment_error),
            "latest_charge": intent.charges.last(),
            "livemode": false,
            "metadata": intent.metadata,
            "next_action": next_action,
            "on_behalf_of": null,
            "payment_method": intent.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": {
                "card": {"installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic"}
            },
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": echoed("receipt_email"),
            "review": null,
            "setup_future_usage": echoed("setup_future_usage"),
            "shipping": null,
            "source": null,
            "statement_descriptor": echoed("statement_descriptor"),
            "statement_descriptor_suffix": echoed("statement_descriptor_suffix"),
            "status": intent.status.as_str(),
            "transfer_data": null,
            "transfer_group": echoed("transfer_group"),
        })
    }

    /// The page on which the buyer of an intent authenticates.
    pub fn authentication_url(&self, intent: &Intent) -> String {
        format!(
            "{}/_simulator/3ds/{}?client_secret={}",
            self.base, intent.id, intent.client_secret
        )
    }

    /// A charge.
    pub fn charge(&self, charge: &Charge) -> Value {
        let failed = charge.failure.as_ref();
        let outcome = match failed {
            None => json!({
                "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 20,
                "seller_message": "Payment complete.", "type": "authorized",
            }),
            Some(failure) => json!({
                "network_status": "declined_by_network", "reason": failure.decline_code.as_ref().unwrap_or(&failure.code),
                "risk_level": "normal", "risk_score": 20,
                "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
            }),
        };
        let captured = charge.captured > 0;
        json!({
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": charge.captured,
            "amount_refunded": charge.refunded + charge.released,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": captured.then(|| charge.id.replacen("ch_", "txn_", 1)),
            "billing_details": billing_details(),
            "calculated_statement_descriptor": "SIMULATOR",
            "captured": captured,
            "created": charge.created,
            "currency": charge.currency,
            "customer": null,
            "description": null,
            "disputed": false,
            "failure_balance_transaction": null,
            "failure_code": failed.map(|failure| &failure.code),
            "failure_message": failed.map(|failure| &failure.message),
            "fraud_details": {},
            "livemode": false,
            "metadata": charge.metadata,
            "on_behalf_of": null,
            "outcome": outcome,
            "paid": failed.is_none(),
            "payment_intent": charge.intent,
            "payment_method": charge.payment_method,
            "payment_method_details": {"card": card_details(&charge.payment_method), "type": "card"},
            "radar_options": {},
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": failed.is_none() && charge.refunded + charge.released >= charge.amount,
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": if failed.is_none() { "succeeded" } else { "failed" },
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    /// A refund.
    pub fn refund(&self, refund: &Refund) -> Value {
        let mut value = json!({
            "id": refund.id,
            "object": "refund",
            "amount": refund.amount,
            "balance_transaction": refund.id.replacen("re_", "txn_", 1),
            "charge": refund.charge,
            "created": refund.created,
            "currency": refund.currency,
            "destination_details": {
                "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
                "type": "card",
            },
            "metadata": refund.metadata,
            "payment_intent": refund.intent,
            "reason": refund.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": refund.status.as_str(),
            "transfer_reversal": null,
        });
        match refund.status {
            RefundStatus::Failed => {
                value["failure_reason"] = json!("expired_or_canceled_card");
                value["failure_balance_transaction"] = json!(refund.id.replacen("re_", "txn_f", 1));
            }
            RefundStatus::Pending => value["pending_reason"] = json!("processing"),
            RefundStatus::Succeeded => {}
        }
        value
    }

    /// An event as it is sent and fetched.
    pub fn event(&self, event: &Event) -> Value {
        let mut data = json!({"object": self.object(&event.object)});
        if let Some(previous) = &event.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": event.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": event.created,
            "data": data,
            "livemode": false,
            "pending_webhooks": event.owed.lock().len(),
            "request": {"id": event.request, "idempotency_key": event.idempotency_key},
            "type": event.kind,
        })
    }

    /// The body of an error.
    pub fn error(&self, error: &ApiError, public: bool) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("charge", error.charge.as_ref().map(|id| json!(id)));
        put("code", error.code.map(|code| json!(code)));
        put("decline_code", error.decline_code.map(|code| json!(code)));
        put("doc_url", error.code.map(|code| json!(doc_url(code))));
        put("message", Some(json!(error.message)));
        put("param", error.param.as_ref().map(|param| json!(param)));
        let intent = error.intent.as_ref();
        put(
            "payment_intent",
            intent.map(|intent| {
                if public {
                    self.public_intent(intent)
                } else {
                    self.intent(intent)
                }
            }),
        );
        put(
            "payment_method",
            error.payment_method.as_deref().map(payment_method),
        );
        put("type", Some(json!(error.kind.as_str())));
        json!({"error": fields})
    }
}

/// A webhook endpoint; its secret only in the answer to its creation.
pub fn endpoint(endpoint: &Endpoint, with_secret: bool) -> Value {
    let mut value = json!({
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "api_version": null,
        "application": null,
        "created": endpoint.created,
        "description": endpoint.description,
        "enabled_events": endpoint.enabled_events,
        "livemode": false,
        "metadata": endpoint.metadata,
        "status": if endpoint.disabled { "disabled" } else { "enabled" },
        "url": endpoint.url,
    });
    if with_secret {
        value["secret"] = json!(endpoint.secret);
    }
    value
}

/// A payment method, from its id alone.
pub fn payment_method(id: &str) -> Value {
    let created = ids::read_payment_method(id).map_or(0, |(_, created)| created);
    json!({
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": card_details(id),
        "created": created,
        "customer": null,
        "customer_account": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
    })
}

fn payment_error(error: &PaymentError) -> Value {
    let mut value = json!({
        "code": error.code,
        "doc_url": doc_url(&error.code),
        "message": error.message,
        "payment_method": payment_method(&error.payment_method),
        "type": error.kind,
    });
    if let Some(charge) = &error.charge {
        value["charge"] = json!(charge);
    }
    if let Some(decline_code) = &error.decline_code {
        value["decline_code"] = json!(decline_code);
    }
    value
}

fn doc_url(code: &str) -> String {
    format!(
        "https://docs.stripe.com/error-codes#{}",
        code.replace('_', "-")
    )
}

fn billing_details() -> Value {
    json!({
        "address": {"city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null},
        "email": null, "name": null, "phone": null, "tax_id": null,
    })
}

fn card_details(payment_method: &str) -> Value {
    let place = ids::read_payment_method(payment_method).map_or(0, |(place, _)| place);
    let Some(Card {
        number,
        brand,
        funding,
        ..
    }) = CARDS.get(place)
    else {
        return Value::Null;
    };
    json!({
        "brand": brand,
        "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2040,
        "fingerprint": format!("Sim{}", &number[number.len() - 13..]),
        "funding": funding,
        "last4": &number[number.len() - 4..],
        "network": brand,
        "three_d_secure": null,
        "wallet": null,
    })
}
