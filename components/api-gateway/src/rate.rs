//! Rate limits: GCRA in one Lua script, so that all nodes count together and by Redis's clock. The
//! headers follow draft-ietf-httpapi-ratelimit-headers-10.

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::redis::Reply;

use crate::ports::Ports;

const SCRIPT: &str = include_str!("rate/limit.lua");

/// A rate limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    name: &'static str,
    /// Microseconds between two requests at the steady rate.
    interval: u64,
    /// The largest burst after a pause.
    burst: u32,
    /// `"user";q=60;w=3`: q requests in a window of w seconds.
    header: String,
}

impl Policy {
    /// None, and so no limit, for a rate of 0 (or an invalid one).
    pub fn new(name: &'static str, per_second: f64, burst: u32) -> Option<Self> {
        if !(per_second > 0.0 && per_second.is_finite()) {
            return None;
        }
        let burst = burst.max(1);
        let interval = (1e6 / per_second).round().max(1.0) as u64;
        // The time that an empty bucket takes to fill.
        let window = (interval * u64::from(burst)).div_ceil(1_000_000).max(1);
        Some(Self {
            name,
            interval,
            burst,
            header: format!("\"{name}\";q={burst};w={window}"),
        })
    }
}

/// One count of a request: a policy and the key of its bucket.
pub struct Bucket<'a> {
    pub policy: &'a Policy,
    pub key: String,
}

/// The verdict of the limits on a request.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// The route is not limited, or Redis does not answer: availability comes before fairness.
    Unlimited,
    Allowed(Fields),
    Refused(Fields, Problem),
}

/// The two response header fields.
#[derive(Debug, PartialEq)]
pub struct Fields {
    pub policy: String,
    pub state: String,
}

/// Counts the request in all buckets, or in none if one is empty. At most two buckets, which share
/// a hash tag.
pub fn count(buckets: &[Bucket], ports: &impl Ports) -> Result<Decision, String> {
    if buckets.is_empty() {
        return Ok(Decision::Unlimited);
    }
    let keys: Vec<Vec<u8>> = buckets
        .iter()
        .map(|bucket| bucket.key.as_bytes().to_vec())
        .collect();
    let args = buckets.iter().flat_map(|bucket| {
        [
            bucket.policy.interval.to_string().into_bytes(),
            bucket.policy.burst.to_string().into_bytes(),
        ]
    });
    let reply = ports
        .script(SCRIPT, &keys, &args.collect::<Vec<_>>())
        .map_err(|error| error.to_string())?;
    decide(buckets, &reply).ok_or_else(|| format!("the script answered {reply:?}"))
}

fn decide(buckets: &[Bucket], reply: &Reply) -> Option<Decision> {
    let numbers: Vec<i64> = reply.items().iter().filter_map(|item| item.int()).collect();
    let (refused, states) = numbers.split_first()?;
    if states.len() != buckets.len() * 3 {
        return None;
    }
    let seconds = |micros: i64| (micros.max(0) as u64).div_ceil(1_000_000);
    let mut fields = Fields {
        policy: String::with_capacity(48),
        state: String::with_capacity(32),
    };
    for (bucket, state) in buckets.iter().zip(states.chunks(3)) {
        for text in [&mut fields.policy, &mut fields.state] {
            if !text.is_empty() {
                text.push_str(", ");
            }
        }
        fields.policy.push_str(&bucket.policy.header);
        fields.state.push_str(&format!(
            "\"{}\";r={};t={}",
            bucket.policy.name,
            state[0],
            seconds(state[1])
        ));
    }
    if *refused == 0 {
        return Some(Decision::Allowed(fields));
    }
    let wait = states
        .chunks(3)
        .map(|state| seconds(state[2]))
        .max()
        .unwrap_or(1)
        .max(1);
    let problem = Problem::new(Code::RateLimited, format!("Retry after {wait} s."))
        .header("retry-after", wait.to_string());
    Some(Decision::Refused(fields, problem))
}

#[cfg(test)]
mod tests {
    use eventhub_guest::redis::Item;

    use super::*;

    fn reply(numbers: &[i64]) -> Reply {
        Reply::Array(numbers.iter().map(|number| Item::Int(*number)).collect())
    }

    #[test]
    fn a_policy_says_what_it_grants() {
        assert_eq!(
            Policy::new("user", 1000.0, 1000).unwrap().header,
            "\"user\";q=1000;w=1"
        );
        assert_eq!(
            Policy::new("user", 20.0, 60).unwrap().header,
            "\"user\";q=60;w=3"
        );
        let auth = Policy::new("auth", 0.5, 30).unwrap();
        assert_eq!(
            (auth.interval, auth.header.as_str()),
            (2_000_000, "\"auth\";q=30;w=60")
        );
        assert_eq!(Policy::new("user", 20.0, 0).unwrap().burst, 1);
    }

    #[test]
    fn zero_and_nonsense_are_no_limit_and_no_panic() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Policy::new("user", rate, 10), None);
        }
        assert_eq!(Policy::new("user", 1e12, 10).unwrap().interval, 1);
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_again() {
        let (address, auth) = (
            Policy::new("address", 50.0, 200).unwrap(),
            Policy::new("auth", 0.5, 30).unwrap(),
        );
        let buckets = [
            Bucket {
                policy: &address,
                key: "a".into(),
            },
            Bucket {
                policy: &auth,
                key: "b".into(),
            },
        ];
        let Some(Decision::Refused(fields, problem)) = decide(
            &buckets,
            &reply(&[2, 199, 20_000, 0, 0, 59_000_001, 1_500_000]),
        ) else {
            panic!()
        };
        assert_eq!(fields.policy, "\"address\";q=200;w=4, \"auth\";q=30;w=60");
        assert_eq!(fields.state, "\"address\";r=199;t=1, \"auth\";r=0;t=60");
        assert!(
            problem
                .headers
                .contains(&("retry-after".into(), "2".into()))
        );
        assert!(matches!(
            decide(&buckets, &reply(&[0, 199, 20_000, 0, 29, 2_000_000, 0])),
            Some(Decision::Allowed(_))
        ));
        assert_eq!(decide(&buckets, &reply(&[0, 1])), None);
    }
}
