//! From method, path and parameters to a [`Call`]: which routes there are and what each of them
//! takes.

use std::collections::BTreeMap;

use super::{Call, Confirm, EndpointChanges, IntentChanges, NewIntent, NewRefund, Of, Page};
use crate::error::{ApiError, Result};
use crate::params::Params;
use crate::{cards, currency};

const ECHOED: &[&str] = &[
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
/// Taken and without effect here.
const IGNORED: &[&str] = &[
    "allowed_payment_method_types",
    "amount_details",
    "amount_to_confirm",
    "application_fee_amount",
    "confirmation_token",
    "customer_account",
    "excluded_payment_method_types",
    "final_capture",
    "hooks",
    "mandate",
    "mandate_data",
    "on_behalf_of",
    "payment_details",
    "payment_method_configuration",
    "payment_method_options",
    "payment_method_types",
    "radar_options",
    "shipping",
    "transfer_data",
];
const METHOD: &[&str] = &[
    "payment_method",
    "payment_method_data",
    "return_url",
    "off_session",
    "error_on_requires_action",
    "use_stripe_sdk",
];
const PAGE: &[&str] = &[
    "created",
    "customer",
    "ending_before",
    "limit",
    "starting_after",
];

impl Call {
    /// Reads a request. `public` is a browser with a publishable key: Stripe.js sends much that
    /// only it knows, so unknown parameters pass.
    ///
    /// # Errors
    /// 404 for an unknown path, 400 for a parameter.
    pub fn parse(method: &str, path: &str, params: &Params, public: bool) -> Result<Self> {
        let mut parts = path
            .trim_end_matches('/')
            .trim_start_matches("/v1/")
            .split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        let only = |lists: &[&[&str]]| {
            if public {
                Ok(())
            } else {
                params.only(&lists.concat())
            }
        };
        let call = match (method, parts) {
            ("POST", [Some("payment_intents"), None, ..]) => {
                let own = [
                    "amount",
                    "currency",
                    "capture_method",
                    "confirmation_method",
                    "automatic_payment_methods",
                    "metadata",
                    "confirm",
                ];
                only(&[&own, ECHOED, IGNORED, METHOD])?;
                Call::CreateIntent(Box::new(new_intent(params)?))
            }
            ("GET", [Some("payment_intents"), None, ..]) => {
                only(&[PAGE])?;
                Call::ListIntents(page(params)?)
            }
            ("GET", [Some("payment_intents"), Some(id), None, _]) => {
                only(&[&["client_secret"]])?;
                Call::GetIntent(id.to_owned())
            }
            ("POST", [Some("payment_intents"), Some(id), None, _]) => {
                only(&[
                    &["amount", "currency", "capture_method", "metadata"],
                    ECHOED,
                    IGNORED,
                    METHOD,
                ])?;
                Call::UpdateIntent(id.to_owned(), Box::new(intent_changes(params)?))
            }
            ("POST", [Some("payment_intents"), Some(id), Some("confirm"), None]) => {
                only(&[
                    &["client_secret", "receipt_email", "setup_future_usage"],
                    IGNORED,
                    METHOD,
                ])?;
                Call::ConfirmIntent(id.to_owned(), confirm(params)?)
            }
            ("POST", [Some("payment_intents"), Some(id), Some("capture"), None]) => {
                only(&[
                    &[
                        "amount_to_capture",
                        "metadata",
                        "statement_descriptor",
                        "statement_descriptor_suffix",
                    ],
                    IGNORED,
                ])?;
                Call::CaptureIntent(
                    id.to_owned(),
                    positive(params, "amount_to_capture")?,
                    params.metadata()?,
                )
            }
            ("POST", [Some("payment_intents"), Some(id), Some("cancel"), None]) => {
                only(&[&["cancellation_reason"]])?;
                let reasons = [
                    "duplicate",
                    "fraudulent",
                    "requested_by_customer",
                    "abandoned",
                ]
                .map(|reason| (reason, reason));
                Call::CancelIntent(
                    id.to_owned(),
                    params
                        .choice("cancellation_reason", &reasons)?
                        .map(str::to_owned),
                )
            }
            ("POST", [Some("refunds"), None, ..]) => {
                only(&[&[
                    "amount",
                    "charge",
                    "currency",
                    "customer",
                    "instructions_email",
                    "metadata",
                    "origin",
                    "payment_intent",
                    "reason",
                    "refund_application_fee",
                    "reverse_transfer",
                ]])?;
                Call::CreateRefund(new_refund(params)?)
            }
            ("GET", [Some("refunds"), None, ..]) => {
                only(&[PAGE, &["charge", "payment_intent"]])?;
                Call::ListRefunds(page(params)?, of(params))
            }
            ("GET", [Some("refunds"), Some(id), None, _]) => Call::GetRefund(id.to_owned()),
            ("POST", [Some("refunds"), Some(id), None, _]) => {
                only(&[&["metadata"]])?;
                Call::UpdateRefund(id.to_owned(), params.metadata()?)
            }
            ("GET", [Some("charges"), None, ..]) => {
                only(&[PAGE, &["payment_intent", "transfer_group"]])?;
                Call::ListCharges(page(params)?, of(params))
            }
            ("GET", [Some("charges"), Some(id), None, _]) => Call::GetCharge(id.to_owned()),
            ("GET", [Some("events"), None, ..]) => {
                only(&[PAGE, &["delivery_success", "type", "types"]])?;
                let mut kinds = params.list("types");
                kinds.extend(params.text("type"));
                Call::ListEvents(page(params)?, kinds)
            }
            ("GET", [Some("events"), Some(id), None, _]) => Call::GetEvent(id.to_owned()),
            ("POST", [Some("payment_methods"), None, ..]) => {
                only(&[&[
                    "type",
                    "card",
                    "billing_details",
                    "metadata",
                    "allow_redisplay",
                ]])?;
                let card = typed_card(params, "type", "card")?;
                Call::CreatePaymentMethod(card)
            }
            ("GET", [Some("payment_methods"), Some(id), None, _]) => {
                Call::GetPaymentMethod(id.to_owned())
            }
            ("POST", [Some("webhook_endpoints"), None, ..]) => {
                only(&[&[
                    "url",
                    "enabled_events",
                    "description",
                    "metadata",
                    "api_version",
                    "connect",
                ]])?;
                params.required("url")?;
                let changes = endpoint_changes(params)?;
                if changes.enabled_events.is_empty() {
                    params.required("enabled_events")?;
                }
                Call::CreateEndpoint(changes)
            }
            ("GET", [Some("webhook_endpoints"), None, ..]) => {
                only(&[PAGE])?;
                Call::ListEndpoints
            }
            ("GET", [Some("webhook_endpoints"), Some(id), None, _]) => {
                Call::GetEndpoint(id.to_owned())
            }
            ("POST", [Some("webhook_endpoints"), Some(id), None, _]) => {
                only(&[&[
                    "url",
                    "enabled_events",
                    "description",
                    "metadata",
                    "disabled",
                ]])?;
                Call::UpdateEndpoint(id.to_owned(), endpoint_changes(params)?)
            }
            ("DELETE", [Some("webhook_endpoints"), Some(id), None, _]) => {
                Call::DeleteEndpoint(id.to_owned())
            }
            _ => return Err(ApiError::unknown_route(method, path)),
        };
        Ok(call)
    }
}

fn new_intent(params: &Params) -> Result<NewIntent> {
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or(0);
    let currency = currency::parse(params.required("currency")?)?;
    currency::check_amount(amount, &currency)?;
    let confirm_now = params.flag("confirm")?;
    if !confirm_now
        && let Some(name) = ["return_url", "off_session", "error_on_requires_action"]
            .iter()
            .find(|name| params.get(name).is_some())
    {
        return Err(ApiError::parameter(
            None,
            name,
            format!("The parameter '{name}' cannot be passed unless confirm is set to true."),
        ));
    }
    Ok(NewIntent {
        amount,
        currency,
        capture_manually: capture_method(params)?.unwrap_or(false),
        confirm_manually: params
            .choice(
                "confirmation_method",
                &[("automatic", false), ("manual", true)],
            )?
            .unwrap_or(false),
        automatic: automatic(params)?,
        metadata: without_empty(params.metadata()?),
        echoed: without_empty(echoed(params)),
        confirm: confirm_now,
        with: confirm(params)?,
    })
}

fn capture_method(params: &Params) -> Result<Option<bool>> {
    params.choice(
        "capture_method",
        &[
            ("automatic", false),
            ("automatic_async", false),
            ("manual", true),
        ],
    )
}

/// Since 2023-08-16 they are on unless the caller lists types.
fn automatic(params: &Params) -> Result<Option<String>> {
    let types = params.list("payment_method_types");
    if types.iter().any(|kind| kind != "card" && kind != "link") {
        let message =
            "This stand-in takes cards only: payment_method_types must be card (and link).";
        return Err(ApiError::parameter(None, "payment_method_types", message));
    }
    let enabled = match params.get("automatic_payment_methods[enabled]") {
        Some(_) => params.flag("automatic_payment_methods[enabled]")?,
        None => types.is_empty(),
    };
    let name = "automatic_payment_methods[allow_redirects]";
    let redirects = params
        .choice(name, &[("always", "always"), ("never", "never")])?
        .unwrap_or("always");
    Ok(enabled.then(|| redirects.to_owned()))
}

fn confirm(params: &Params) -> Result<Confirm> {
    let payment_method = params.text("payment_method");
    let card = match &payment_method {
        Some(id) => Some(cards::by_payment_method(id)?),
        None if params.get("payment_method_data[type]").is_some() => Some(typed_card(
            params,
            "payment_method_data[type]",
            "payment_method_data[card]",
        )?),
        None => None,
    };
    // `off_session` may also be `one_off` or `recurring`.
    let off_session = params
        .filled("off_session")
        .is_some_and(|value| value != "false");
    Ok(Confirm {
        card,
        payment_method: payment_method.filter(|id| !id.starts_with("pm_card_")),
        return_url: params.text("return_url"),
        refuse_action: off_session || params.flag("error_on_requires_action")?,
    })
}

fn typed_card(params: &Params, kind: &str, card: &str) -> Result<usize> {
    if params.required(kind)? != "card" {
        return Err(ApiError::parameter(
            None,
            kind,
            "This stand-in takes cards only: the type must be card.",
        ));
    }
    match params.filled(&format!("{card}[token]")) {
        Some(token) => cards::by_token(token),
        None => cards::by_number(params.required(&format!("{card}[number]"))?),
    }
}

fn intent_changes(params: &Params) -> Result<IntentChanges> {
    Ok(IntentChanges {
        amount: params.integer("amount")?,
        currency: params.filled("currency").map(currency::parse).transpose()?,
        capture_manually: capture_method(params)?,
        metadata: params.metadata()?,
        echoed: echoed(params),
        with: confirm(params)?,
    })
}

fn new_refund(params: &Params) -> Result<NewRefund> {
    let of = of(params);
    if of.intent.is_none() && of.charge.is_none() {
        let message = "One of the following params should be provided for this request: payment_intent or charge.";
        return Err(ApiError::parameter(
            Some("parameter_missing"),
            "payment_intent",
            message,
        ));
    }
    let reasons =
        ["duplicate", "fraudulent", "requested_by_customer"].map(|reason| (reason, reason));
    Ok(NewRefund {
        of,
        amount: positive(params, "amount")?,
        reason: params.choice("reason", &reasons)?.map(str::to_owned),
        metadata: without_empty(params.metadata()?),
    })
}

fn endpoint_changes(params: &Params) -> Result<EndpointChanges> {
    let url = params.text("url");
    if let Some(url) = &url
        && !url.starts_with("http://")
    {
        let message =
            "Invalid URL: this stand-in delivers over plain HTTP, so it must start with http://.";
        return Err(ApiError::parameter(Some("url_invalid"), "url", message));
    }
    Ok(EndpointChanges {
        url,
        enabled_events: params.list("enabled_events"),
        description: params.text("description"),
        metadata: params.metadata()?,
        disabled: params
            .get("disabled")
            .map(|_| params.flag("disabled"))
            .transpose()?,
    })
}

fn of(params: &Params) -> Of {
    Of {
        intent: params.text("payment_intent"),
        charge: params.text("charge"),
    }
}

fn page(params: &Params) -> Result<Page> {
    let limit = params.integer("limit")?.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        let code = Some("parameter_invalid_integer");
        return Err(ApiError::parameter(
            code,
            "limit",
            "This value must be between 1 and 100 inclusive.",
        ));
    }
    let bound = |name: &str| params.integer(name);
    let exactly = bound("created")?;
    let from = [
        exactly,
        bound("created[gte]")?,
        bound("created[gt]")?.map(|time| time.saturating_add(1)),
    ];
    let to = [
        exactly,
        bound("created[lte]")?,
        bound("created[lt]")?.map(|time| time.saturating_sub(1)),
    ];
    Ok(Page {
        limit: limit as usize,
        starting_after: params.text("starting_after"),
        ending_before: params.text("ending_before"),
        from: from.into_iter().flatten().max().unwrap_or(i64::MIN),
        to: to.into_iter().flatten().min().unwrap_or(i64::MAX),
    })
}

fn positive(params: &Params, name: &str) -> Result<Option<i64>> {
    match params.integer(name)? {
        Some(amount) if amount < 1 => {
            let message = "This value must be greater than or equal to 1.";
            Err(ApiError::parameter(
                Some("parameter_invalid_integer"),
                name,
                message,
            ))
        }
        amount => Ok(amount),
    }
}

fn echoed(params: &Params) -> BTreeMap<String, String> {
    ECHOED
        .iter()
        .filter_map(|&name| Some((name.to_owned(), params.get(name)?.to_owned())))
        .collect()
}

fn without_empty(mut map: BTreeMap<String, String>) -> BTreeMap<String, String> {
    map.retain(|_, value| !value.is_empty());
    map
}
