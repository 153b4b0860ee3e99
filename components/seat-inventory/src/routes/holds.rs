//! Holds of the signed-in user.

use eventhub_guest::http::{WithHeader, header, no_content};
use eventhub_guest::ids::{HoldId, SessionId};
use eventhub_guest::router::Answer;
use eventhub_guest::{Money, Timestamp, etag, json};
use serde::Serialize;

use super::Call;
use super::hold_body::HoldBody;
use crate::domain::hold::Hold;
use crate::usecases::RequestKey;

/// `POST sessions/{id}/holds`
pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let session: SessionId = call.id("id", "session")?;
    let wanted = call.body::<HoldBody>()?.check()?;
    // The gateway answers a repeated request, unless its host died before it had recorded the first
    // answer.
    let key = header(call.request, "idempotency-key").map(|key| RequestKey {
        key,
        body: &call.request.body,
    });
    let hold = call
        .context
        .hold_once(session, user, &wanted, key, Timestamp::now())
        .map_err(|error| error.point_into(&wanted))?;
    let location = format!("/api/v1/holds/{}", hold.id);
    Ok(json::response(201, &HoldView::new(hold, session))?.with_header("location", location))
}

/// `GET holds/{id}`
pub fn get(call: &Call) -> Answer {
    let user = call.user()?;
    let id: HoldId = call.id("id", "hold")?;
    let (hold, session) = call.context.find_hold(id, user)?;
    Ok(etag::by_content(
        call.request,
        json::response(200, &HoldView::new(hold, session))?,
    ))
}

/// `DELETE holds/{id}`
pub fn release(call: &Call) -> Answer {
    let user = call.user()?;
    let id: HoldId = call.id("id", "hold")?;
    call.context.release_hold(id, user)?;
    Ok(no_content())
}

/// `POST holds/{id}/extend`
pub fn extend(call: &Call) -> Answer {
    let user = call.user()?;
    let id: HoldId = call.id("id", "hold")?;
    call.no_body()?;
    let (hold, session) = call.context.extend_hold(id, user)?;
    json::response(200, &HoldView::new(hold, session))
}

/// A hold as clients see it.
#[derive(Debug, Serialize)]
struct HoldView {
    id: HoldId,
    session_id: SessionId,
    seats: Vec<SeatView>,
    areas: Vec<AreaView>,
    total: Money,
    expires_at: Timestamp,
    extended: bool,
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct SeatView {
    seat: String,
    category: String,
    price: Money,
    flags: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct AreaView {
    area: String,
    category: String,
    quantity: u32,
    price: Money,
}

impl HoldView {
    fn new(hold: Hold, session: SessionId) -> Self {
        let currency = hold.places.currency;
        let total = hold.places.total().unwrap_or(Money::new(0, currency));
        let seats = hold.places.seats.into_iter().map(|seat| SeatView {
            seat: seat.seat,
            category: seat.category,
            price: Money::new(seat.price, currency),
            flags: seat.flags.names().collect(),
        });
        let areas = hold.places.areas.into_iter().map(|area| AreaView {
            area: area.area,
            category: area.category,
            quantity: area.quantity,
            price: Money::new(area.price, currency),
        });
        Self {
            id: hold.id,
            session_id: session,
            seats: seats.collect(),
            areas: areas.collect(),
            total,
            expires_at: hold.expires_at,
            extended: hold.extended,
            status: hold.status.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use eventhub_guest::ids::UserId;

    use super::*;
    use crate::leases::record::Record;

    const PLACES: &str = r#"{"c":"EUR","s":[["A-1-1","stalls",4500,9],["A-1-2","stalls",4500,0]],"a":[["floor","standing",3,1000]]}"#;

    #[test]
    fn a_hold_looks_as_the_contract_has_it() {
        let user = UserId::from_u128(5);
        let record = Record::parse(&format!(
            "1|active|{user}||17|1777660200000|1777660200000|1|5|1,2|floor=3|{PLACES}"
        ))
        .unwrap();
        let hold = record.at(HoldId::from_u128(9), 0);
        let view = HoldView::new(hold, SessionId::from_u128(3));
        let expected = serde_json::json!({
            "id": HoldId::from_u128(9).to_string(), "session_id": SessionId::from_u128(3).to_string(),
            "seats": [
                {"seat": "A-1-1", "category": "stalls", "price": {"amount": 4500, "currency": "EUR"}, "flags": ["accessible", "aisle"]},
                {"seat": "A-1-2", "category": "stalls", "price": {"amount": 4500, "currency": "EUR"}, "flags": []}],
            "areas": [{"area": "floor", "category": "standing", "quantity": 3, "price": {"amount": 1000, "currency": "EUR"}}],
            "total": {"amount": 12000, "currency": "EUR"}, "expires_at": "2026-05-01T18:30:00Z", "extended": true, "status": "active",
        });
        assert_eq!(serde_json::to_value(view).unwrap(), expected);
    }
}
