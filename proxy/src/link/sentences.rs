//! Errors of Redis as our clients are told them: its code, and a sentence of ours. What Redis says is meant for whoever operates
//! it, names keys and commands, and differs between versions; the log has it.

use hub_core::ask::Fault;

/// What each of Redis' own codes means for somebody in a room.
const SENTENCES: [(&str, &str); 12] = [
    (
        "WRONGTYPE",
        "something else than a room is kept under this room's name",
    ),
    (
        "OOM",
        "the server's memory is full: nothing new is kept until others have read",
    ),
    (
        "NOPERM",
        "the proxy has no right to do this for you: its operator has to allow it in Redis",
    ),
    (
        "NOAUTH",
        "the proxy is not logged in to Redis: its operator has to see to it",
    ),
    (
        "READONLY",
        "this server takes no changes at the moment: try again",
    ),
    (
        "LOADING",
        "the server begins again and reads its data: try again",
    ),
    ("MASTERDOWN", "the server has lost its primary: try again"),
    ("BUSY", "the server is held up by a script: try again"),
    (
        "MISCONF",
        "the server cannot save, and takes no changes until it can",
    ),
    (
        "NOREPLICAS",
        "too few replicas are there to keep this safe: try again",
    ),
    ("CLUSTERDOWN", "a part of the servers is away: try again"),
    (
        "TRYAGAIN",
        "the room is moving to another server: try again",
    ),
];

/// An error as clients are told it. One of the module's own has its sentence already.
pub(super) fn told(fault: Fault) -> Fault {
    let Fault::Refused { code, message } = fault else {
        return fault;
    };
    let known = SENTENCES.iter().find(|(of, _)| *of == code);
    let message = known.map_or(message, |(_, ours)| (*ours).to_owned());
    Fault::Refused { code, message }
}

#[cfg(test)]
mod tests {
    use super::super::value::checked;
    use super::*;
    use redis::{Parser, Value};

    /// As it comes over the wire.
    fn heard(line: &str) -> Fault {
        let bytes = format!("-{line}\r\n").into_bytes();
        let value: Value = Parser::new().parse_value(&bytes[..]).unwrap();
        told(checked(Ok(value)).unwrap_err())
    }

    #[test]
    fn redis_own_errors_keep_their_code_and_get_our_sentence() {
        for (line, part) in [
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                "something else",
            ),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                "full",
            ),
            (
                "NOPERM User proxy has no permissions to access a channel",
                "no right",
            ),
            ("NOAUTH Authentication required.", "not logged in"),
            (
                "READONLY You can't write against a read only replica.",
                "try again",
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                "reads its data",
            ),
            ("MASTERDOWN Link with MASTER is down", "primary"),
            ("BUSY Redis is busy running a script.", "a script"),
            (
                "MISCONF Redis is configured to save RDB snapshots",
                "cannot save",
            ),
            ("NOREPLICAS Not enough good replicas to write.", "replicas"),
            ("CLUSTERDOWN The cluster is down", "away"),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                "try again",
            ),
        ] {
            let code = line.split(' ').next().unwrap();
            let Fault::Refused {
                code: told,
                message,
            } = heard(line)
            else {
                panic!("{line}");
            };
            assert_eq!(told, code, "{line}");
            assert!(message.contains(part), "{line}: {message}");
            let theirs = line.strip_prefix(code).unwrap_or_default().trim();
            assert!(!message.contains(theirs), "{line}: {message}");
        }
    }

    #[test]
    fn the_modules_own_sentences_stay() {
        for line in [
            "NOROOM there is no room 'x'",
            "TOOBIG the payload has 70000 bytes",
            "ERR unknown command 'ROOM.AWAY'",
        ] {
            let (code, message) = line.split_once(' ').unwrap();
            let wanted = Fault::Refused {
                code: code.to_owned(),
                message: message.to_owned(),
            };
            assert_eq!(heard(line), wanted);
        }
        assert_eq!(told(Fault::Down), Fault::Down);
    }
}
