//! Random steps: proxies, devices, an operator, time, and all that can die.

use crate::device::Kept;
use crate::judge::Before;
use crate::world::{KEY, UID_OF, World};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Hello(usize),
    ConnectionDies(usize),
    Join(usize, usize),
    Read(usize, u64),
    Ack(usize, &'static str),
    AckFromOutside(&'static str, u64),
    Go(usize, bool),
    Publish(&'static str, Option<u8>),
    Kick(&'static str),
    Leave(&'static str),
    Invite(&'static str),
    Trim(u64),
    MaxLen(u64),
    Refused,
    ServerDies(bool),
    Jump(i64),
    /// Some of what dead connections leave is cleared away.
    Chores(usize),
    Tick(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (proxy, device) = (0..2usize, 0..UID_OF.len());
    let uid = || prop_oneof![Just("a"), Just("b"), Just("c")];
    let day = 86_400_000;
    prop_oneof![
        6 => proxy.clone().prop_map(Step::Hello),
        2 => proxy.clone().prop_map(Step::ConnectionDies),
        8 => (device.clone(), proxy.clone()).prop_map(|(device, proxy)| Step::Join(device, proxy)),
        10 => (device.clone(), 1..4u64).prop_map(|(device, many)| Step::Read(device, many)),
        8 => (proxy, uid()).prop_map(|(proxy, uid)| Step::Ack(proxy, uid)),
        2 => (uid(), 0..4u64).prop_map(|(uid, back)| Step::AckFromOutside(uid, back)),
        4 => (device, prop::bool::weighted(0.3)).prop_map(|(device, logout)| Step::Go(device, logout)),
        10 => (uid(), prop::option::weighted(0.4, 0..6u8)).prop_map(|(uid, id)| Step::Publish(uid, id)),
        1 => uid().prop_map(Step::Kick),
        1 => uid().prop_map(Step::Leave),
        1 => uid().prop_map(Step::Invite),
        1 => (0..6u64).prop_map(Step::Trim),
        1 => (0..12u64).prop_map(Step::MaxLen),
        1 => Just(Step::Refused),
        2 => any::<bool>().prop_map(Step::ServerDies),
        1 => prop_oneof![Just(-3_600_000), Just(35 * day), Just(-35 * day)].prop_map(Step::Jump),
        2 => (1..4usize).prop_map(Step::Chores),
        8 => prop_oneof![4 => 0..150u64, 1 => 150..1200u64].prop_map(Step::Tick),
        1 => Just(Step::Tick(3500)),
    ]
}

fn run(world: &mut World, step: Step) {
    let tick = matches!(step, Step::Tick(_));
    let before = Before::of(world);
    match step {
        Step::Hello(proxy) => world.hello(proxy),
        Step::ConnectionDies(proxy) => world.connection_dies(proxy),
        Step::Join(device, proxy) => world.join(device, proxy),
        Step::Read(device, many) => world.read(device, many),
        Step::Ack(proxy, uid) => world.ack(proxy, uid),
        Step::AckFromOutside(uid, back) => world.ack_from_outside(uid, back),
        Step::Go(device, logout) => world.go(device, logout),
        Step::Publish(uid, id) => world.publish(uid, id),
        Step::Kick(uid) => world.kick(uid),
        Step::Leave(uid) => drop(world.server.leave(KEY, &[uid]).unwrap()),
        Step::Invite(uid) => drop(world.server.invite(KEY, &[uid]).unwrap()),
        Step::Trim(keep) => world.trim(keep),
        Step::MaxLen(most) => {
            let _ = world.server.limits(KEY, &[("maxlen", &most.to_string())]);
        }
        Step::Refused => world.refused(),
        Step::ServerDies(promote) => world.server_dies(promote),
        Step::Jump(ms) => {
            world.server.wall = world.server.wall.saturating_add_signed(ms);
        }
        Step::Chores(most) => {
            let now = world.server.times().mono;
            world.server.sessions.chores(now, most);
        }
        Step::Tick(ms) => world.tick(ms),
    }
    before.judge(world, tick);
    world.server.check_replica(&(0, KEY.into()));
}

/// When all is well again everybody gets everything, and nothing waits.
fn settle(world: &mut World) {
    for step in [Step::Hello(0), Step::Hello(1), Step::Publish("a", None)] {
        run(world, step);
    }
    for device in 0..UID_OF.len() {
        run(world, Step::Join(device, device % 2));
        run(world, Step::Read(device, 1000));
        let head = world.room().unwrap().log().head();
        assert_eq!(world.devices[device].has, Some(head));
    }
    // Once with what was held, once with all at rest.
    for _ in 0..2 {
        for uid in ["a", "b", "c"] {
            run(world, Step::Ack(0, uid));
            run(world, Step::Ack(1, uid));
        }
        run(world, Step::Tick(400));
        run(world, Step::Hello(0));
        run(world, Step::Hello(1));
    }
    let head = world.room().unwrap().log().head().seq;
    for device in &world.devices {
        assert_eq!(device.kept, Kept::Live);
        assert_eq!(world.cursor(device.uid), Some(head), "{device:?}");
    }
}

/// Others each time, as many as take a few seconds, or `PROPTEST_CASES`. What fails is shrunk and printed with all its steps.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        cases: std::env::var_os("PROPTEST_CASES").map_or(1500, |_| default.cases),
        ..default
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn no_device_loses_what_it_is_owed(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            run(&mut world, step);
        }
        settle(&mut world);
    }
}
