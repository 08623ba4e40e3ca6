//! What a server says of itself.

use super::value::{Pairs, text};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Between two questions of [`demoted`].
const ASKED_AGAIN: Duration = Duration::from_millis(100);

/// `standalone`, `cluster` or `sentinel`, if it says that. `HELLO` needs no right.
pub(super) async fn mode(commands: &mut MultiplexedConnection) -> Option<String> {
    let hello: RedisResult<Value> = cmd("HELLO").query_async(commands).await;
    let hello = hello.ok().map(Pairs::of)?;
    hello.get("mode").and_then(text)
}

/// Its role, where that is not the primary's; nothing also where an ACL forbids the question: the commands themselves will
/// tell.
pub(super) async fn other_role(commands: &mut MultiplexedConnection) -> Option<String> {
    let role = cmd("ROLE").query_async::<Vec<Value>>(commands).await;
    let role = role.ok().and_then(|role| text(role.first()?));
    role.filter(|role| role != "master")
}

/// Ends when this server is no primary any more. It is asked whenever a subscription `ended`: a demoted node ends all of them,
/// one by one, and to read tens of thousands of such ends would hold up what other nodes announce meanwhile.
pub(super) async fn demoted(ended: Arc<Notify>, mut commands: MultiplexedConnection) {
    loop {
        ended.notified().await;
        if other_role(&mut commands).await.is_some() {
            return;
        }
        sleep(ASKED_AGAIN).await;
    }
}
