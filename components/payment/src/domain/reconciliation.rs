//! When the provider is asked about payments, in case a webhook was lost.

use std::time::Duration;

use eventhub_guest::Timestamp;

/// After this time a tick takes no other payment; the next tick comes within a second. The provider
/// may take 15 seconds for the one that is under way then, and the tick has a deadline of 30.
pub const SOFT_DEADLINE: Duration = Duration::from_secs(4);

/// How far back to search for webhooks that came before their payment's intent was known: a minute,
/// and once a minute a day, because most of the older ones are of others who share the account with
/// the provider.
pub const fn webhook_search_window(now: Timestamp) -> Duration {
    let is_daily_search = now.seconds() % 60 == 7;
    Duration::from_secs(if is_daily_search { 86_400 } else { 60 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tick_a_minute_searches_a_whole_day() {
        let seconds = (0..60).map(|second| Timestamp::from_micros(second * 1_000_000));
        let daily = seconds.filter(|now| webhook_search_window(*now) > Duration::from_secs(60));
        assert_eq!(daily.count(), 1);
    }
}
