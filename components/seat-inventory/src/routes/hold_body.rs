//! The body of `POST sessions/{id}/holds`: named seats, areas or both, or the best that are free.

use eventhub_guest::{Check, Problem};
use serde::Deserialize;

use crate::domain::selection::{self, NewHold};

/// As clients send it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldBody {
    seats: Option<Vec<String>>,
    best_available: Option<BestAvailable>,
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

/// More items than any session sells to one, so that a body of nonsense costs little.
const MAX_ITEMS: usize = 1000;

impl HoldBody {
    /// # Errors
    /// 422 with all faults of shape; seat-lock says whether the seats exist.
    pub fn check(self) -> Result<NewHold, Problem> {
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
                items.is_none_or(|items| items <= MAX_ITEMS),
                pointer,
                "too_long",
                format!("must have at most {MAX_ITEMS} items"),
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
        Ok(NewHold {
            seats: self.seats.unwrap_or_default(),
            areas: areas
                .into_iter()
                .map(|area| (area.area, area.quantity))
                .collect(),
            best_available: self.best_available.map(|best| selection::BestAvailable {
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
        let checked = parse::<HoldBody>(body.as_bytes()).and_then(HoldBody::check);
        checked.map(|_| vec![]).unwrap_or_else(|problem| {
            problem
                .faults
                .into_iter()
                .map(|fault| fault.pointer)
                .collect()
        })
    }

    #[test]
    fn best_available_excludes_seats_and_areas() {
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
    fn every_fault_of_shape_is_reported() {
        assert_eq!(pointers("{}"), [""]);
        assert_eq!(
            pointers(
                r#"{"seats":[],"areas":[{"area":"a","quantity":0},{"area":"b","quantity":0}]}"#
            ),
            ["/seats", "/areas/0/quantity", "/areas/1/quantity"]
        );
        assert_eq!(pointers(r#"{"seats":null}"#), [""], "null is absence");
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
