//! Times as options write them. Pure.

use std::time::Duration;

/// Tokens that ended longer ago are not a matter of clocks.
const MOST_LEEWAY: Duration = Duration::from_secs(60);

/// Whoever looks after the proxy waits for its end.
const MOST_DRAIN: Duration = Duration::from_secs(3600);

/// `500ms`, `20s`, `5m`, `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("a time must not be 0".into()),
        Ok(time) if time > Duration::from_secs(365 * 24 * 3600) => {
            Err(format!("'{text}' is out of range"))
        }
        Ok(time) => Ok(time),
        Err(humantime::DurationError::UnknownUnit { unit, .. }) => {
            Err(format!("'{unit}' is no unit of time: ms, s, m or h"))
        }
        Err(_) => Err(format!("'{text}' is no time such as 500ms, 20s, 5m or 2h")),
    }
}

/// As [`duration`], or none.
fn or_none(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" | "0ms" => Ok(Duration::ZERO),
        text => duration(text),
    }
}

/// As [`duration`], or none; clocks that differ by more are wrong.
pub(crate) fn leeway(text: &str) -> Result<Duration, String> {
    match or_none(text) {
        Ok(time) if time > MOST_LEEWAY => Err(format!("it is at most 60s, not '{text}'")),
        time => time,
    }
}

/// As [`duration`], or none: the end of a proxy.
pub(crate) fn drain(text: &str) -> Result<Duration, String> {
    match or_none(text) {
        Ok(time) if time > MOST_DRAIN => Err(format!("it is at most 1h, not '{text}'")),
        time => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "5", "s", "-1s", "0s", "1y 1d", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(leeway("0s"), Ok(Duration::ZERO));
        assert_eq!(leeway("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(drain("0"), Ok(Duration::ZERO));
        assert!(drain("1h").is_ok() && drain("61m").is_err());
        assert!(leeway("61s").is_err() && leeway("1").is_err());
    }
}
