//! A server that became a replica is left, although it answers everything that an idle proxy asks.

use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;

#[test]
fn the_role_is_asked_again_with_each_renewal_of_the_lease() {
    let (redis, other) = (Redis::start(), Redis::start());
    let proxy = Proxy::with(&redis, &["--lease", "1s"]);
    proxy.becomes_ready(true);
    let mut c = redis.connect();
    ok(&mut c, &format!("REPLICAOF 127.0.0.1 {}", other.port));
    proxy.becomes_ready(false);
    ok(&mut c, "REPLICAOF NO ONE");
    proxy.becomes_ready(true);
}
