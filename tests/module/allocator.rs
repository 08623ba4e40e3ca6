//! Rust's tables want memory that is aligned to 16 bytes; the allocators of some servers give less.

use harness::eventually;
use harness::redis::Redis;

#[test]
fn the_allocator_keeps_its_contract() {
    // 16 members are where a room's index begins; the others make tables of other sizes.
    for many in [16, 17, 100] {
        let mut redis = Redis::start();
        let mut invite = redis::cmd("ROOM.INVITE");
        invite.arg("r");
        (0..many).for_each(|i| {
            invite.arg(format!("uid-{i}"));
        });
        let invited = invite.query::<i64>(&mut redis.connect());
        if invited.is_err() {
            eventually("the server that did not answer ends", || redis.ended());
        }
        assert_eq!(redis.ended(), None, "the server ended at {many} uids");
        assert_eq!(invited, Ok(many));
        assert_eq!(
            redis.query::<i64>(redis::cmd("ROOM.LEAVE").arg("r").arg("uid-3")),
            1
        );
    }
}
