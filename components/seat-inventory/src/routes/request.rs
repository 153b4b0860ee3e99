//! The body of `POST sessions/{id}/holds`: named seats, areas or both, or the best that are free.

use eventhub_guest::{Check, Problem};
use serde::{Deserialize, Deserializer};

use crate::bindings::eventhub::seat_lock::lock;

/// As clients send it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    #[serde(default, deserialize_with = "present")]
    seats: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    best_available: Option<BestAvailable>,
    #[serde(default, deserialize_with = "present")]
    areas: Option<Vec<AreaQuantity>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BestAvailable {
    quantity: u32,
    category: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaQuantity {
    area: String,
    quantity: u32,
}

/// An optional member that is not null when it is there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// More items than any session sells to one, so that a body of nonsense costs little.
const MOST_ITEMS: usize = 1000;

impl HoldRequest {
    /// # Errors
    /// 422 with all faults of shape; whether seats exist is for seat-lock to say.
    pub fn check(self) -> Result<lock::Request, Problem> {
        let mut check = Check::new();
        let named = self.seats.is_some() || self.areas.is_some();
        check.that(
            named || self.best_available.is_some(),
            "",
            "required",
            "must have seats, areas or best_available",
        );
        check.that(
            !named || self.best_available.is_none(),
            "/best_available",
            "exclusive",
            "comes alone, without seats and areas",
        );
        let count = |check: &mut Check, pointer: &str, items: Option<usize>| {
            check.that(items != Some(0), pointer, "too_short", "must not be empty");
            check.that(
                items.is_none_or(|items| items <= MOST_ITEMS),
                pointer,
                "too_long",
                format!("must have at most {MOST_ITEMS} items"),
            );
        };
        count(&mut check, "/seats", self.seats.as_ref().map(Vec::len));
        count(&mut check, "/areas", self.areas.as_ref().map(Vec::len));
        let areas = self.areas.unwrap_or_default();
        for (at, area) in areas.iter().enumerate() {
            check.that(
                area.quantity > 0,
                format!("/areas/{at}/quantity"),
                "out_of_range",
                "must be at least 1",
            );
        }
        if let Some(best) = &self.best_available {
            check.that(
                best.quantity > 0,
                "/best_available/quantity",
                "out_of_range",
                "must be at least 1",
            );
        }
        check.finish()?;
        Ok(lock::Request {
            seats: self.seats.unwrap_or_default(),
            areas: areas
                .into_iter()
                .map(|area| (area.area, area.quantity))
                .collect(),
            best_available: self.best_available.map(|best| lock::BestAvailable {
                quantity: best.quantity,
                category: best.category,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use eventhub_guest::json::parse;

    use super::*;

    fn pointers(body: &str) -> Vec<String> {
        let checked = parse::<HoldRequest>(body.as_bytes()).and_then(HoldRequest::check);
        checked.map(|_| vec![]).unwrap_or_else(|problem| {
            problem
                .faults
                .into_iter()
                .map(|fault| fault.pointer)
                .collect()
        })
    }

    #[test]
    fn seats_and_areas_may_come_together_and_the_best_only_alone() {
        for body in [
            r#"{"seats":["A-1-1"],"areas":[{"area":"floor","quantity":2}]}"#,
            r#"{"best_available":{"quantity":4,"category":"stalls"}}"#,
        ] {
            assert_eq!(pointers(body), [""; 0], "{body}");
        }
        assert_eq!(
            pointers(r#"{"seats":["A-1-1"],"best_available":{"quantity":4,"category":"stalls"}}"#),
            ["/best_available"]
        );
    }

    #[test]
    fn every_fault_of_shape_is_told() {
        assert_eq!(pointers("{}"), [""]);
        assert_eq!(
            pointers(
                r#"{"seats":[],"areas":[{"area":"a","quantity":0},{"area":"b","quantity":0}]}"#
            ),
            ["/seats", "/areas/0/quantity", "/areas/1/quantity"]
        );
        assert_eq!(pointers(r#"{"seats":null}"#), ["/seats"]);
        assert_eq!(pointers(r#"{"seats":["A-1-1"],"user":1}"#), ["/user"]);
        assert_eq!(
            pointers(r#"{"best_available":{"quantity":-1,"category":"c"}}"#),
            ["/best_available/quantity"]
        );
        let many = vec!["A-1-1"; 1001];
        assert_eq!(
            pointers(&serde_json::json!({"seats": many}).to_string()),
            ["/seats"]
        );
    }
}
