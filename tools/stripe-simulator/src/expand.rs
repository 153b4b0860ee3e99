//! `expand[]`: ids in an answer replaced by the objects they name. Source: https://docs.stripe.com/api/expanding_objects.

use serde_json::Value;

use crate::error::{ApiError, Result};
use crate::ledger::Ledger;
use crate::render::{Renderer, payment_method};

const FIELDS: &[&str] = &[
    "data",
    "charge",
    "latest_charge",
    "payment_intent",
    "payment_method",
];

/// Refuses paths that this stand-in cannot expand, before anything is done.
///
/// # Errors
/// 400 naming the path.
pub fn check(paths: &[String]) -> Result<()> {
    for path in paths {
        if !path.split('.').all(|field| FIELDS.contains(&field)) || path.split('.').count() > 4 {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(ApiError::parameter(None, "expand", message));
        }
    }
    Ok(())
}

/// Replaces ids along the path.
pub fn expand(value: &mut Value, path: &str, ledger: &Ledger, renderer: &Renderer) {
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(found) = value.get_mut(field) else {
        return;
    };
    if let Some(id) = found.as_str() {
        let object = match id.split('_').next() {
            Some("pi") => ledger
                .intents
                .find(id)
                .map(|intent| renderer.intent(intent)),
            Some("ch") => ledger
                .charges
                .find(id)
                .map(|charge| renderer.charge(charge)),
            Some("pm") => Some(payment_method(id)),
            _ => None,
        };
        if let Some(object) = object {
            *found = object;
        }
    }
    if rest.is_empty() {
        return;
    }
    match found {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| expand(item, rest, ledger, renderer)),
        object => expand(object, rest, ledger, renderer),
    }
}
