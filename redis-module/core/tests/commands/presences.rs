//! Who came and who went, as a tick tells it.

use crate::calls::join;
use crate::server::Server;

const PROXY: u64 = 1;

fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["a", "b", "c"]).unwrap();
    server
}

/// What presence frames said since this was last asked.
fn news(server: &mut Server) -> Vec<(String, u64)> {
    let told = std::mem::take(&mut server.told).into_iter();
    let told = told.filter(|told| told.0 == "Presence");
    told.map(|told| (told.2, told.3.0)).collect()
}

#[test]
fn arrivals_are_gathered_and_departures_kept_back() {
    let mut server = room();
    server.join(PROXY, "r", join("a")).unwrap();
    server.join(PROXY, "r", join("b")).unwrap();
    assert_eq!(news(&mut server), []);
    server.tick(1);
    assert_eq!(news(&mut server), [("+a\n+b".into(), 2)]);
    server.detach(PROXY, "r", &["a"]).unwrap();
    server.tick(server.settings.grace - 1);
    assert_eq!(news(&mut server), []);
    server.tick(1);
    assert_eq!(news(&mut server), [("-a".into(), 1)]);
}

#[test]
fn a_blip_is_no_news() {
    let mut server = room();
    server.join(PROXY, "r", join("a")).unwrap();
    server.tick(1);
    news(&mut server);
    server.gone(PROXY);
    server.tick(server.settings.grace - 1);
    server.attach(2, "r", &["a"]).unwrap();
    server.tick(server.settings.grace * 2);
    assert_eq!(news(&mut server), []);
}

#[test]
fn after_a_start_nobody_is_told_that_everybody_came() {
    let mut server = room();
    server.restart();
    server.attach(PROXY, "r", &["a", "b"]).unwrap();
    server.join(PROXY, "r", join("c")).unwrap();
    server.tick(1);
    let told = news(&mut server);
    assert_eq!(told[0], ("+c".into(), 3), "who joins does come");
    let mut here: Vec<&str> = told[1].0.lines().collect();
    here.sort_unstable();
    assert_eq!(
        here,
        ["=a", "=b", "=c"],
        "who asked earlier learns who is here"
    );
    assert_eq!(told.len(), 2);
    server.tick(1);
    assert_eq!(news(&mut server), [], "once");
    server.pass(server.settings.start_grace);
    server.detach(PROXY, "r", &["a"]).unwrap();
    server.tick(server.settings.grace);
    assert_eq!(news(&mut server), [("-a".into(), 2)], "who goes was known");
}

#[test]
fn above_a_size_only_the_counters_travel() {
    let mut server = room();
    server.settings.presence_names = 2;
    server.join(PROXY, "r", join("a")).unwrap();
    server.join(PROXY, "r", join("b")).unwrap();
    server.tick(1);
    assert_eq!(news(&mut server), [("+a\n+b".into(), 2)]);
    server.join(PROXY, "r", join("c")).unwrap();
    server.tick(1);
    assert_eq!(news(&mut server), [(String::new(), 3)]);
    server.detach(PROXY, "r", &["a", "b", "c"]).unwrap();
    server.tick(server.settings.grace);
    assert_eq!(news(&mut server), [(String::new(), 0)], "too many at once");
}

#[test]
fn who_goes_was_seen_and_who_comes_back_holds_the_log() {
    let mut server = room();
    server
        .limits("r", &[("member-ttl", "8000"), ("keep", "1")])
        .unwrap();
    server.say("r", "a", 3);
    server.tick(9001);
    assert!(server.room("r").member(b"a").unwrap().released);
    server.attach(PROXY, "r", &["a"]).unwrap();
    server.tick(1);
    let seen = *server.room("r").member(b"a").as_ref().unwrap();
    assert_eq!(
        (seen.released, seen.acted_ms),
        (false, server.times().steady)
    );
    server.pass(500);
    server.detach(PROXY, "r", &["a"]).unwrap();
    server.tick(server.settings.grace);
    assert_eq!(
        server.room("r").member(b"a").unwrap().acted_ms,
        server.times().steady
    );
    server.tick(8999);
    assert!(
        !server.room("r").member(b"a").unwrap().released,
        "its time begins when it went"
    );
}

#[test]
fn who_comes_back_within_the_start_holds_the_log_too() {
    let mut server = room();
    server
        .limits("r", &[("member-ttl", "8000"), ("keep", "1")])
        .unwrap();
    server.say("r", "a", 3);
    server.tick(9001);
    assert!(server.room("r").member(b"a").unwrap().released);
    server.restart();
    server.attach(PROXY, "r", &["a"]).unwrap();
    server.tick(1);
    assert!(!server.room("r").member(b"a").unwrap().released);
}
