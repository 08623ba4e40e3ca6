//! Mail that waits for somebody who is away is told to a webhook: at least once, normally once, under ids that say which telling it
//! is.

use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::receiver::{OTHER_SECRET, Receiver, SECRET};
use harness::redis::Redis;
use harness::value::{field, int, ok};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// In milliseconds, so that tests need not wait.
const SETTINGS: [&str; 3] = ["waiting-delay 300", "grace 200", "start-grace 200"];

struct Set {
    redis: Redis,
    receiver: Receiver,
    folder: TempDir,
}

impl Set {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secrets"), SECRET).expect("a file");
        let redis = Redis::start();
        for setting in SETTINGS {
            ok(&mut redis.connect(), &format!("CONFIG SET room.{setting}"));
        }
        Self {
            redis,
            receiver: Receiver::start(),
            folder,
        }
    }

    fn secrets(&self) -> String {
        let path = self.folder.path().join("secrets");
        path.to_str().expect("a path of text").to_owned()
    }

    fn proxy(&self, more: &[&str]) -> Proxy {
        self.proxy_to(&self.redis.url(), more)
    }

    fn proxy_to(&self, redis: &str, more: &[&str]) -> Proxy {
        let (url, secrets) = (self.receiver.url(), self.secrets());
        let options = ["--webhook", &url, "--webhook-secret-file", &secrets];
        let often = match more.contains(&"--webhook-every") {
            true => &[][..],
            false => &["--webhook-every", "50ms"],
        };
        Proxy::to(redis, &[&options[..], often, more].concat())
    }

    fn run(&self, words: &str) -> redis::Value {
        ok(&mut self.redis.connect(), words)
    }
}

#[test]
fn who_is_away_is_told_of_once_until_it_comes_back() {
    let set = Set::new();
    let proxies = [set.proxy(&[]), set.proxy(&[])];
    set.run("ROOM.INVITE room:r ann bob eve");
    let eve = Client::login(proxies[0].port, "r", "eve");
    set.run("ROOM.PUBLISH room:r ann hello");
    let posts = set.receiver.wait(1);
    let row = &posts[0].body["data"]["waiting"][0];
    assert_eq!(posts[0].body["type"], "mail.waiting");
    assert_eq!(
        (row["roomid"].as_str(), row["uid"].as_str()),
        (Some("r"), Some("bob"))
    );
    assert_eq!(
        (row["pending"].as_u64(), row["told"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(row["id"].as_str(), Some(posts[0].id.as_str()));
    eventually("Redis knows that it is told", || {
        (set.redis.info("room_waiting_told") == 1).then_some(())
    });
    set.run("ROOM.PUBLISH room:r ann again");
    // Longer than the delay, and than all that could tell once more.
    sleep(Duration::from_millis(1500));
    let of_bob = |set: &Set| {
        let told = set.receiver.told().into_iter();
        told.filter(|row| row.1 == "bob").count()
    };
    assert_eq!(of_bob(&set), 1, "bob is quiet");
    drop(eve);
    let mut bob = Client::login(proxies[1].port, "r", "bob");
    bob.confirm();
    eventually("bob has everything", || {
        let pending = set.run("ROOM.PENDING room:r bob");
        (int(&field(&pending, "pending")) == 0).then_some(())
    });
    drop(bob);
    eventually("bob is away", || {
        let pending = set.run("ROOM.PENDING room:r bob");
        (int(&field(&pending, "online")) == 0).then_some(())
    });
    set.run("ROOM.PUBLISH room:r ann more");
    eventually("bob is told of more", || (of_bob(&set) == 2).then_some(()));
    let ids: BTreeSet<String> = set.receiver.told().into_iter().map(|row| row.2).collect();
    assert_eq!(
        ids.len(),
        set.receiver.told().len(),
        "no two tellings have one id"
    );
}

#[test]
fn a_receiver_that_fails_is_asked_again_under_the_same_id() {
    let set = Set::new();
    let mut fails = 3;
    set.receiver.answers(move |_| {
        fails -= 1;
        match fails {
            // No answer at all, one that passes, one that says when.
            2 => (0, String::new()),
            1 => (500, String::new()),
            0 => (503, "Retry-After: 2\r\n".into()),
            _ => (200, String::new()),
        }
    });
    let proxy = set.proxy(&["--webhook-timeout", "1s"]);
    set.run("ROOM.INVITE room:r bob");
    set.run("ROOM.PUBLISH room:r ann hello");
    eventually("it fails", || {
        (proxy.metric("roomcast_webhook_failing") == 1).then_some(())
    });
    let posts = eventually("it is told", || {
        let posts = set.receiver.posts();
        posts.iter().any(|post| post.status == 200).then_some(posts)
    });
    assert_eq!(posts.len(), 4, "{posts:?}");
    assert!(posts.iter().all(|post| post.id == posts[0].id));
    assert!(
        posts[3].at - posts[2].at >= Duration::from_secs(2),
        "as it wanted"
    );
    eventually("it is over", || {
        (proxy.metric("roomcast_webhook_failing") == 0).then_some(())
    });
    assert_eq!(proxy.metric("roomcast_webhook_told_total"), 1);
}

#[test]
fn one_that_is_refused_does_not_hold_up_the_others() {
    let set = Set::new();
    set.receiver.answers(|post| {
        let poison = post.tellings().iter().any(|row| row.1 == "poison");
        (if poison { 422 } else { 200 }, String::new())
    });
    set.run("ROOM.INVITE room:r a b c poison");
    set.run("ROOM.PUBLISH room:r ann hello");
    let proxy = set.proxy(&["--webhook-give-up", "1ms"]);
    eventually("the others are told of", || {
        let told: BTreeSet<String> = set.receiver.told().into_iter().map(|row| row.1).collect();
        (told.len() == 3).then_some(())
    });
    assert!(proxy.metric("roomcast_webhook_refused_total") >= 2);
}

#[test]
fn one_that_fails_for_too_long_is_given_up() {
    let set = Set::new();
    set.receiver.answers(|_| (500, String::new()));
    set.run("ROOM.INVITE room:r bob");
    set.run("ROOM.PUBLISH room:r ann hello");
    let proxy = set.proxy(&["--webhook-give-up", "1s"]);
    eventually("it is given up", || {
        (proxy.metric("roomcast_webhook_given_up_total") == 1).then_some(())
    });
    eventually("Redis counts it as told", || {
        (set.redis.info("room_waiting_told") == 1).then_some(())
    });
    let posts = set.receiver.posts();
    assert!(posts.len() > 1 && posts.iter().all(|post| post.id == posts[0].id));
}

#[test]
fn who_is_banned_or_came_back_is_not_posted() {
    let set = Set::new();
    set.run("ROOM.INVITE room:r bob mallory");
    set.run("XADD roomcast:bans * uid mallory room r");
    let proxy = set.proxy(&[]);
    eventually("the ban is known", || {
        (proxy.metric("roomcast_bans") == 1).then_some(())
    });
    set.run("ROOM.PUBLISH room:r ann hello");
    set.receiver.wait(1);
    eventually("both count as told", || {
        (set.redis.info("room_waiting_told") == 2).then_some(())
    });
    let told: Vec<String> = set.receiver.told().into_iter().map(|row| row.1).collect();
    assert_eq!(told, ["bob"]);
    assert_eq!(proxy.metric("roomcast_webhook_skipped_total"), 1);
}

#[test]
fn each_secret_signs_and_the_file_is_read_again() {
    let set = Set::new();
    std::fs::write(set.secrets(), format!("{OTHER_SECRET}\n{SECRET}\n")).expect("a file");
    let _proxy = set.proxy(&[]);
    set.run("ROOM.INVITE room:r bob");
    set.run("ROOM.PUBLISH room:r ann hello");
    let posts = set.receiver.wait(1);
    assert_eq!(posts[0].signature.split(' ').count(), 2);
    assert_eq!(posts[0].status, 200);
    std::fs::write(set.secrets(), SECRET).expect("a file");
    let mut room = 1;
    eventually("one signs", || {
        room += 1;
        set.run(&format!("ROOM.INVITE room:{room} bob"));
        set.run(&format!("ROOM.PUBLISH room:{room} ann hello"));
        let posts = set.receiver.wait(room);
        let last = posts.last()?;
        (last.signature.split(' ').count() == 1 && last.status == 200).then_some(())
    });
}

#[test]
fn a_room_of_very_many_is_looked_through_at_once() {
    let set = Set::new();
    set.run("CONFIG SET room.waiting-time 0");
    // At 32 members a call bob would be told of after 13 s if each waited its turn, longer than is waited for.
    set.redis.invite_quiet_behind("room:r", "bob", 400);
    let _proxy = set.proxy(&["--webhook-every", "1s"]);
    set.receiver.wait(1);
}

#[test]
fn what_redis_refuses_is_counted() {
    let set = Set::new();
    let may = "ACL SETUSER proxy on >p ~* &* +@all";
    set.run(may);
    set.run("ACL SETUSER proxy -ROOM.PENDING");
    set.run("ROOM.INVITE room:r bob");
    set.run("ROOM.PUBLISH room:r ann hello");
    let url = format!("redis://proxy:p@127.0.0.1:{}", set.redis.port);
    let proxy = set.proxy_to(
        &url,
        &["--webhook-lease", "1s", "--webhook-timeout", "400ms"],
    );
    let refused = |command: &str| {
        let name = format!("roomcast_webhook_redis_refused_total{{command=\"{command}\"}}");
        proxy.metric(&name)
    };
    eventually("PENDING is refused", || {
        (refused("ROOM.PENDING") > 1).then_some(())
    });
    assert_eq!(proxy.metric("roomcast_webhook_skipped_total"), 0);
    assert_eq!(
        set.receiver.posts().len(),
        0,
        "nobody knows whether it waits"
    );
    set.run("ACL SETUSER proxy +ROOM.PENDING -ROOM.TOLD");
    eventually("TOLD is refused", || {
        (refused("ROOM.TOLD") > 0).then_some(())
    });
    set.run("ACL SETUSER proxy +ROOM.TOLD -ROOM.WAITING");
    eventually("WAITING is refused", || {
        (refused("ROOM.WAITING") > 0).then_some(())
    });
    set.run(may);
    eventually("Redis knows that it is told", || {
        (set.redis.info("room_waiting_told") == 1).then_some(())
    });
    let posts = set.receiver.posts();
    assert!(posts.iter().all(|post| post.id == posts[0].id));
}
