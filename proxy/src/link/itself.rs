//! What a server says of itself.

use super::value::{Pairs, text};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};

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
