//! The rights that a proxy needs from Redis, as the one line that gives them. Pure.

use crate::check::key_prefix;
use crate::config::Config;
use crate::link::Address;

/// What the link sends, and nothing else: who has more may stop the server, or speak for others.
const COMMANDS: [&str; 17] = [
    "ROOM.HELLO",
    "ROOM.JOIN",
    "ROOM.ATTACH",
    "ROOM.DETACH",
    "ROOM.AWAY",
    "ROOM.LEAVE",
    "ROOM.PUBLISH",
    "ROOM.ACK",
    "ROOM.RANGE",
    "ROOM.MEMBERS",
    "xinfo|stream",
    "xrange",
    "subscribe",
    "unsubscribe",
    "ping",
    "role",
    "client|setname",
];

/// What it sends besides where it serves backends.
const OF_API: [&str; 5] = [
    "ROOM.INVITE",
    "ROOM.KICK",
    "ROOM.PENDING",
    "ROOM.INFO",
    "xadd",
];

/// What it sends besides where it posts that mail waits.
const OF_WEBHOOK: [&str; 3] = ["ROOM.WAITING", "ROOM.TOLD", "ROOM.PENDING"];

/// What it sends besides where it has an admin page.
const OF_ADMIN: [&str; 8] = [
    "ROOM.INFO",
    "ROOM.LAG",
    "ROOM.PENDING",
    "ROOM.QUEUE",
    "ROOM.WHY",
    "scan",
    "dbsize",
    "xrevrange",
];

/// What it sends to the nodes of a cluster besides.
const OF_CLUSTER: [&str; 4] = ["ssubscribe", "sunsubscribe", "asking", "cluster|slots"];

/// The line for these options, to be given to redis-cli; its user is that of `--redis-user` or `--redis`, or `proxy`. What
/// that user could do before, by another line or another password, it cannot do any more.
///
/// # Errors
/// With a sentence, if `--redis` is no address, or no proxy would begin with this `--key-prefix`.
pub fn rule(config: &Config) -> Result<String, String> {
    key_prefix(&config.redis.key_prefix)?;
    let address = Address::of(config).map_err(|bad| bad.0)?;
    let rooms = pattern(&config.redis.key_prefix);
    let serves = config.api.api_key_file.is_some();
    // Backends may ban.
    let bans = if serves { "~" } else { "%R~" };
    let mut rule = format!(
        "ACL SETUSER {} reset on >secret ~{rooms} {bans}roomcast:bans &{rooms}",
        address.user()
    );
    let select = (address.db != 0).then_some("select");
    let commands = COMMANDS.into_iter().chain(select);
    let of_cluster = OF_CLUSTER.into_iter().filter(|_| address.is_cluster());
    let of_api = OF_API.into_iter().filter(|_| serves);
    let posts = config.webhook.webhook.is_some();
    let of_webhook = OF_WEBHOOK.into_iter().filter(|_| posts);
    let has_page = config.admin_listen.is_some();
    let of_admin = OF_ADMIN.into_iter().filter(|_| has_page);
    let more = of_api.chain(of_webhook).chain(of_admin).chain(of_cluster);
    let mut given = Vec::new();
    for command in commands.chain(more) {
        // Several of them look at what is pending.
        if !given.contains(&command) {
            given.push(command);
            rule = format!("{rule} +{command}");
        }
    }
    Ok(rule)
}

/// Names that begin so. What means something else in a pattern is escaped, and what a line cannot hold is any character.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::new();
    for letter in prefix.chars() {
        match letter {
            '*' | '?' | '[' | ']' | '\\' => pattern.extend(['\\', letter]),
            '"' | '\'' => pattern.push('?'),
            _ if letter.is_whitespace() || letter.is_control() => {
                // One for each byte.
                pattern.extend(std::iter::repeat_n('?', letter.len_utf8()));
            }
            _ => pattern.push(letter),
        }
    }
    pattern + "*"
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn of(options: &[&str]) -> String {
        let program = ["roomcast-proxy"].iter().chain(options);
        rule(&Config::try_parse_from(program).unwrap()).unwrap()
    }

    #[test]
    fn it_is_what_these_options_need() {
        let line = of(&[]);
        assert!(line.starts_with(
            "ACL SETUSER proxy reset on >secret ~room:* %R~roomcast:bans &room:* +ROOM.HELLO "
        ));
        assert!(!line.contains("select"));
        let line = of(&["--redis", "redis://ann:pass@h/3", "--key-prefix", "a b*:"]);
        assert!(
            line.starts_with(
                "ACL SETUSER ann reset on >secret ~a?b\\*:* %R~roomcast:bans &a?b\\*:* "
            )
        );
        assert!(line.ends_with(" +select") && !line.contains("pass@"));
        let line = of(&["--api-key-file", "f"]);
        assert!(line.contains(" ~roomcast:bans ") && line.contains(" +ROOM.INVITE "));
        let line = of(&["--webhook", "https://h"]);
        assert!(line.ends_with(" +ROOM.WAITING +ROOM.TOLD +ROOM.PENDING"));
        let line = of(&["--webhook", "https://h", "--api-key-file", "f"]);
        assert_eq!(line.matches("PENDING").count(), 1);
        let line = of(&["--admin-listen", "127.0.0.1:1"]);
        assert!(line.ends_with(" +ROOM.WHY +scan +dbsize +xrevrange") && line.contains("%R~"));
        let line = of(&["--redis", "redis+cluster://h"]);
        assert!(line.ends_with(" +ssubscribe +sunsubscribe +asking +cluster|slots"));
        let line = of(&["--redis-user", "bob", "--redis-password", "s3cret"]);
        assert!(line.starts_with("ACL SETUSER bob reset on >secret "));
        assert!(!line.contains("s3cret"));
        for prefix in ["", "r", "roomcast:"] {
            let options = Config::parse_from(["roomcast-proxy", "--key-prefix", prefix]);
            assert!(rule(&options).unwrap_err().contains("--key-prefix"));
        }
    }
}
