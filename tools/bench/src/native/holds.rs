//! Holds of seats written natively: axum, the redis crate, JWT (remembered once verified, as the
//! gateway does), and the very scripts of the rate limit and of the hold. What EventHub does for
//! `POST sessions/{id}/holds`, without components.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use eventhub_guest::ids::{HoldId, UserId};
use eventhub_guest::redis::{Item, Reply};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use lru::LruCache;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use seat_inventory::domain::claims::Claims as SeatClaims;
use seat_inventory::leases::{self, HoldOutcome, Lease, ScriptCall, scripts};
use seat_lock::bits::Bits;
use seat_lock::layout::Layout;
use seat_lock::select;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    redis: String,
    /// A file with the layout's document.
    #[arg(long)]
    layout: PathBuf,
    /// The key set's only key: `x` of its JWK.
    #[arg(long)]
    key: String,
}

const RATE_LIMIT: &str = include_str!("../../../../components/api-gateway/src/rate/limit.lua");
/// Of the development environment: a request a millisecond, 1,000 at once.
const LIMIT: [&str; 2] = ["1000", "1000"];
const TTL_MS: i64 = 300_000;
const MOST: u32 = 100;
const PRICE: i64 = 4500;

struct Shared {
    redis: MultiplexedConnection,
    rate_limit: redis::Script,
    hold: redis::Script,
    layout: Layout,
    key: DecodingKey,
    validation: Validation,
    verified: Mutex<LruCache<String, UserId>>,
}

pub async fn serve(options: Options) -> Result<()> {
    let redis = redis::Client::open(options.redis.as_str())?
        .get_multiplexed_async_connection()
        .await?;
    let layout = Layout::parse(&std::fs::read_to_string(&options.layout)?)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["https://eventhub.dev"]);
    validation.set_audience(&["eventhub"]);
    let shared = Shared {
        redis,
        rate_limit: redis::Script::new(RATE_LIMIT),
        hold: redis::Script::new(scripts::HOLD.text()),
        layout,
        key: DecodingKey::from_ed_components(&options.key).context("--key")?,
        validation,
        verified: Mutex::new(LruCache::new(
            NonZeroUsize::new(10_000).context("a number")?,
        )),
    };
    let router = Router::new()
        .route("/api/v1/sessions/{number}/holds", post(hold))
        .with_state(Arc::new(shared));
    Ok(axum::serve(TcpListener::bind(options.listen).await?, router).await?)
}

#[derive(Deserialize)]
struct Body {
    seats: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: UserId,
}

async fn hold(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<u32>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    match answer(&shared, number, &headers, body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

async fn answer(shared: &Shared, number: u32, headers: &HeaderMap, body: Body) -> Result<Response> {
    let bearer = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(user) = bearer.and_then(|token| user(shared, token)) else {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    };
    let mut redis = shared.redis.clone();
    let limited: Vec<i64> = shared
        .rate_limit
        .prepare_invoke()
        .key(format!("rl:{{u:{user}}}"))
        .arg(&LIMIT[..])
        .invoke_async(&mut redis)
        .await
        .context("rate limit")?;
    if limited.first() != Some(&0) {
        return Ok(StatusCode::TOO_MANY_REQUESTS.into_response());
    }
    let request = select::Request {
        seats: body.seats,
        ..select::Request::default()
    };
    let Ok(selection) = select::select_places(&shared.layout, &request, Bits(&[]), MOST) else {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    };
    let seats: Vec<(String, String)> = selection
        .seats
        .iter()
        .map(|&seat| {
            (
                shared.layout.key(seat).to_string(),
                shared.layout.category_of(seat).to_string(),
            )
        })
        .collect();
    let stored = json!({"c": "EUR", "s": seats.iter().map(|(seat, category)| json!([seat, category, PRICE, 0])).collect::<Vec<_>>(), "a": []}).to_string();
    let id = HoldId::new();
    let lease = Lease {
        id,
        user,
        ttl_ms: TTL_MS,
        most: MOST,
        places: &stored,
        seats: &selection.seats,
        areas: &[],
    };
    let call = leases::hold_places(number, scripts::HOLD.text(), &lease);
    let expires_ms = loop {
        match run_script(&shared.hold, &call, &mut redis).await? {
            HoldOutcome::Created { expires_ms, .. } => break expires_ms,
            HoldOutcome::Taken(_) | HoldOutcome::Closed => {
                return Ok(StatusCode::CONFLICT.into_response());
            }
            HoldOutcome::Limit(_) => return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response()),
            // Nothing is claimed: there is no database behind this one.
            HoldOutcome::Reload(now_ms) => {
                let load = leases::load_claims(number, now_ms, &SeatClaims::default());
                run_script(&redis::Script::new(load.source), &load, &mut redis).await?;
            }
            HoldOutcome::Sweep | HoldOutcome::Existing(_) | HoldOutcome::IdReused => {
                anyhow::bail!("every hold is new, and none can have expired")
            }
        }
    };
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let view = json!({
        "id": id.to_string(), "session_id": number.to_string(), "areas": [], "expires_at": expires_ms, "extended": false, "status": "active",
        "seats": seats.iter().map(|(seat, category)| json!({"seat": seat, "category": category, "price": money(PRICE), "flags": []})).collect::<Vec<_>>(),
        "total": money(PRICE * seats.len() as i64),
    });
    Ok((
        StatusCode::CREATED,
        [("location", format!("/api/v1/holds/{id}"))],
        Json(view),
    )
        .into_response())
}

fn user(shared: &Shared, token: &str) -> Option<UserId> {
    if let Some(user) = shared.verified.lock().get(token) {
        return Some(*user);
    }
    let claims = decode::<Claims>(token, &shared.key, &shared.validation)
        .ok()?
        .claims;
    shared.verified.lock().put(token.to_string(), claims.sub);
    Some(claims.sub)
}

async fn run_script<T>(
    script: &redis::Script,
    call: &ScriptCall<T>,
    redis: &mut MultiplexedConnection,
) -> Result<T> {
    let mut invocation = script.prepare_invoke();
    invocation.key(&call.keys).arg(&call.args);
    let value: redis::Value = invocation.invoke_async(redis).await?;
    let redis::Value::Array(items) = value else {
        anyhow::bail!("a script answers an array")
    };
    let item = |item: redis::Value| match item {
        redis::Value::Int(number) => Ok(Item::Int(number)),
        redis::Value::BulkString(bytes) => Ok(Item::Bulk(bytes)),
        redis::Value::Nil => Ok(Item::Nil),
        other => Err(anyhow::anyhow!("an item is {other:?}")),
    };
    let reply = Reply::Array(items.into_iter().map(item).collect::<Result<_>>()?);
    Ok(call.read_reply(&reply)?)
}

/// A number for a session that no real one has: numbers are given out from 1.
pub fn free_session() -> u32 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    0x8000_0000 | nanos
}
