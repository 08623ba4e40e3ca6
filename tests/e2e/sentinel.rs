//! Sentinels, and the primary that they lead to. What people see while it changes is looked at by `fault`.

use crate::start::fails;
use harness::client::Client;
use harness::eventually;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::sentinel::{NAME, Watched, role};
use harness::value::ok;

const OPTIONS: [&str; 2] = ["--save", ""];

/// So that a lost connection is noticed soon.
fn proxy(watched: &Watched) -> Proxy {
    Proxy::to(&watched.url(), &["--lease", "2s"])
}

fn is_linked_to(proxy: &Proxy, redis: &Redis) {
    eventually("the proxy is linked to the primary", || {
        (proxy.is_ready() && redis.info("room_proxies") == 1).then_some(())
    });
}

#[test]
fn a_failover_is_followed_and_the_old_primary_is_left() {
    let watched = Watched::start(2, 3, &OPTIONS);
    let proxy = proxy(&watched);
    let (mut ann, mut ben) = (
        Client::login(proxy.port, "lobby", "ann"),
        Client::login(proxy.port, "lobby", "ben"),
    );
    ann.say("before");
    ben.find("before", |event| event["message"] == "before");
    assert_eq!(proxy.metric("roomcast_sentinels"), 3);
    eventually("all sentinels are heard", || {
        (proxy.metric("roomcast_sentinels_reachable") == 3).then_some(())
    });
    let old = watched.servers[watched.primary()].port;
    watched.fail_over();
    let new = &watched.servers[watched.switched_from(old)];
    is_linked_to(&proxy, new);
    eventually("each of them has told it", || {
        (proxy.metric("roomcast_sentinel_switches_total") == 3).then_some(())
    });
    ann.say("after");
    ben.find("after", |event| event["message"] == "after");
}

#[test]
fn a_stale_primary_that_comes_back_is_not_linked() {
    let mut watched = Watched::start(2, 3, &["--save", "", "--appendonly", "yes"]);
    let proxy = proxy(&watched);
    let old = watched.primary();
    watched.servers[old].kill();
    let new = watched.switched_from(watched.servers[old].port);
    watched.servers[old].start_again();
    assert_eq!(role(&watched.servers[old]), "master");
    // Its link ends while there are two, and another proxy comes.
    let primary = &watched.servers[new];
    is_linked_to(&proxy, primary);
    ok(&mut primary.connect(), "CLIENT KILL TYPE normal SKIPME yes");
    eventually("the link is made anew", || {
        (proxy.metric("roomcast_redis_lost_total") >= 2).then_some(())
    });
    is_linked_to(&proxy, primary);
    let second = Proxy::to(&watched.url(), &[]);
    second.becomes_ready(true);
    assert_eq!(role(&watched.servers[old]), "master", "there are still two");
    assert_eq!(watched.servers[old].info("room_proxies"), 0);
    assert_eq!(primary.info("room_proxies"), 2);
}

#[test]
fn most_sentinels_are_needed_for_a_new_link_and_none_for_one_that_is_there() {
    let mut watched = Watched::start(0, 3, &OPTIONS);
    let proxy = proxy(&watched);
    let reachable = |many| {
        eventually("the sentinels are counted", || {
            (proxy.metric("roomcast_sentinels_reachable") == many).then_some(())
        });
    };
    reachable(3);
    // One that stands still is one that says nothing.
    watched.sentinels[0].freeze(true);
    watched.sentinels[1].kill();
    reachable(1);
    assert!(proxy.is_ready());
    let redis = &watched.servers[0];
    ok(&mut redis.connect(), "CLIENT KILL TYPE normal SKIPME yes");
    proxy.becomes_ready(false);
    watched.sentinels[0].freeze(false);
    proxy.becomes_ready(true);
    watched.sentinels[1].start_again();
    reachable(3);
}

#[test]
fn what_is_wrong_with_sentinels_is_said_in_a_sentence() {
    let mut watched = Watched::start(0, 3, &OPTIONS);
    let at: Vec<String> = watched
        .sentinels
        .iter()
        .map(|it| format!("127.0.0.1:{}", it.port))
        .collect();
    let redis = format!("127.0.0.1:{}", watched.servers[0].port);
    let url = |hosts: &[&str], name: &str| format!("redis+sentinel://{}/{name}", hosts.join(","));
    let nobody = format!("127.0.0.1:{}", free_port());
    let fails_with = |url: &str, parts: &[&str]| fails(&["--redis", url], &[], 3, parts);
    fails_with(
        &url(&[&at[0], &at[1], &at[2]], "mian"),
        &[
            "2 of the 3 sentinels",
            "'mian'",
            &at[2],
            "knows none of that name",
        ],
    );
    fails_with(
        &url(&[&at[0], &nobody], NAME),
        &[
            "2 of the 2 sentinels",
            &format!("{} names {redis}", at[0]),
            &format!("{nobody} cannot be asked"),
        ],
    );
    fails_with(&url(&[&redis], NAME), &[&redis, "it is no sentinel"]);
    fails_with(
        &format!("redis://{}", at[0]),
        &["is a sentinel", "redis+sentinel://host:port"],
    );
    // The primary takes no stranger; the sentinel takes none either.
    ok(
        &mut watched.servers[0].connect(),
        "CONFIG SET requirepass s3crEt",
    );
    fails_with(
        &url(&[&at[0]], NAME),
        &[&redis, "does not let this proxy in"],
    );
    ok(
        &mut watched.sentinels[0].connect(),
        "ACL SETUSER default >s3crEt",
    );
    watched.sentinels[1].kill();
    fails_with(
        &url(&[&at[0]], NAME),
        &["NOAUTH", "--sentinel-password-file"],
    );
    let wrong = [("ROOMCAST_SENTINEL_PASSWORD", "s3crEt2")];
    fails(
        &["--redis", &url(&[&at[0]], NAME)],
        &wrong,
        3,
        &["WRONGPASS"],
    );
}

#[test]
fn sentinels_and_their_primary_have_passwords_of_their_own() {
    let watched = Watched::start(0, 1, &OPTIONS);
    let (redis, sentinel) = (&watched.servers[0], &watched.sentinels[0]);
    ok(
        &mut redis.connect(),
        "ACL SETUSER proxy on >first ~* &* +@all",
    );
    ok(
        &mut sentinel.connect(),
        // As the documentation has it.
        "ACL SETUSER watch reset on >second &+switch-master &+failover-state-send-slaveof-noone +ping +subscribe +sentinel|get-master-addr-by-name",
    );
    ok(&mut sentinel.connect(), "ACL SETUSER default off");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "second\n").expect("a file");
    let url = watched.url().replace("//", "//proxy:first@");
    let file = file.to_str().expect("a path");
    let options = ["--sentinel-user", "watch", "--sentinel-password-file", file];
    let proxy = Proxy::to(&url, &options);
    proxy.becomes_ready(true);
}

#[test]
fn a_primary_in_cluster_mode_is_refused() {
    let cluster = Redis::with(&["--save", "", "--cluster-enabled", "yes"]);
    let watched = Watched::of(Redis::start(), 0, 1, &OPTIONS);
    let mut c = watched.sentinels[0].connect();
    ok(&mut c, &format!("SENTINEL REMOVE {NAME}"));
    ok(
        &mut c,
        &format!("SENTINEL MONITOR {NAME} 127.0.0.1 {} 1", cluster.port),
    );
    fails(
        &["--redis", &watched.url()],
        &[],
        3,
        &[
            "in cluster mode",
            "redis+cluster://",
            &cluster.port.to_string(),
        ],
    );
}
