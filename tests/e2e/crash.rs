//! The proxy is killed: nobody stays online, nothing that was not acknowledged is lost.

use crate::story::{offline, pending};
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, list, ok};

#[test]
fn after_kill_9_uids_are_offline_and_a_new_proxy_serves_what_was_not_acknowledged() {
    let redis = Redis::start();
    // With such a lease, only the end of the connection can end the sessions.
    let mut first = Proxy::with(&redis, &["--lease", "1h"]);
    let mut a = Client::login(first.port, "r", "a");
    let mut b = Client::login(first.port, "r", "b");
    // b's application never confirms what it gets.
    b.answers = false;
    a.say("one");
    a.say("two");
    b.messages_until("two");
    a.serve_until("a has acknowledged", || pending(&redis, "room:r", "a") == 0);

    first.kill();
    eventually("nobody is online", || {
        let online = ok(&mut redis.connect(), "ROOM.MEMBERS room:r ONLINE");
        list(&list(&online)[1]).is_empty().then_some(())
    });
    eventually("the counter follows", || {
        let info = ok(&mut redis.connect(), "ROOM.INFO room:r");
        (int(&field(&info, "online")) == 0).then_some(())
    });

    let second = Proxy::start(&redis);
    let mut b = Client::login(second.port, "r", "b");
    assert_eq!(texts(&b.take_messages()), ["one", "two"]);
    let mut a = Client::login(second.port, "r", "a");
    assert_eq!(texts(&a.take_messages()), [] as [&str; 0]);
}

#[test]
fn a_proxy_that_is_asked_to_stop_says_goodbye() {
    let redis = Redis::start();
    let mut proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    proxy.process().signal("TERM");
    assert_eq!(a.closed(), 4000);
    // A second signal would end it at once.
    assert_eq!(eventually("it ends", || proxy.ended()), 0);
    offline(&redis, "room:r", "a");
}

#[test]
fn two_proxies_are_one_room() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    let mut a = Client::login(one.port, "r", "a");
    let mut b = Client::login(two.port, "r", "b");
    a.say("from one");
    b.messages_until("from one");
    b.say("from two");
    assert_eq!(
        texts(&a.messages_until("from two")),
        ["from one", "from two"]
    );
}
