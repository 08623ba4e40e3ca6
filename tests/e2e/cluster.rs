//! A proxy in front of two nodes of a cluster, and a slot that moves between them.

use harness::client::{Client, texts};
use harness::cluster::Primaries;
use harness::eventually;
use harness::proxy::Proxy;
use harness::slots::Way;
use harness::value::{field, int, words};
use serde_json::json;

const OPTIONS: [&str; 2] = ["--heartbeat", "300ms"];

/// Two rooms, of which the first node has one and the second the other.
fn rooms(cluster: &Primaries) -> [String; 2] {
    let of = |node: usize| {
        (0..)
            .map(|number| number.to_string())
            .find(|room| cluster.owner(&format!("room:{room}")) == node)
            .expect("some room is there")
    };
    [of(0), of(1)]
}

fn url(cluster: &Primaries) -> String {
    format!("redis+cluster://127.0.0.1:{}", cluster.nodes[1].port)
}

#[test]
fn rooms_of_all_nodes_live() {
    let cluster = Primaries::start();
    let proxies = [(); 2].map(|()| Proxy::to(&url(&cluster), &OPTIONS));
    for room in rooms(&cluster) {
        let mut ann = Client::login(proxies[0].port, &room, "ann");
        let mut bob = Client::login(proxies[1].port, &room, "bob");
        ann.find("bob came", |event| {
            event["event"] == "login" && event["uid"] == "bob"
        });
        ann.say("hello");
        assert_eq!(texts(&bob.messages_until("hello")), ["hello"]);
        // What is confirmed reaches the node.
        bob.confirm();
        eventually("nothing waits for bob", || {
            let node = &cluster.nodes[cluster.owner(&format!("room:{room}"))];
            let pending = node.run_words(&format!("ROOM.PENDING room:{room} bob"));
            (int(&field(&pending.ok()?, "pending")) == 0).then_some(())
        });
    }
    assert_eq!(proxies[0].metric("roomcast_redis_slots_nowhere"), 0);
    let metrics = proxies[0].metrics();
    for node in &cluster.nodes {
        let line = format!(
            "roomcast_redis_node_slots{{node=\"127.0.0.1:{}\"}} 8192",
            node.port
        );
        assert!(metrics.contains(&line), "{line}");
    }
}

#[test]
fn a_slot_that_moves_takes_its_room_along() {
    let cluster = Primaries::start();
    let proxies = [(); 2].map(|()| Proxy::to(&url(&cluster), &OPTIONS));
    let [room, other] = rooms(&cluster);
    let key = format!("room:{room}");
    let mut ann = Client::login(proxies[0].port, &room, "ann");
    let mut bob = Client::login(proxies[1].port, &room, "bob");
    let mut all = 0;
    for way in [Way::Keys, Way::Keys, Way::Atomic] {
        if !cluster.know(way) {
            continue;
        }
        let mut operator = cluster.follower();
        let mut say = |text: String| {
            let mut publish = words(&format!("ROOM.PUBLISH {key} bot"));
            publish.arg(format!(r#"{{"event":"message","message":"{text}"}}"#));
            operator.run(&publish).expect("it is stored");
        };
        cluster.move_slot(way, &key, || {
            // The key is at the target, its slot is not: nobody here says anything, and all hear it.
            say(format!("between {all}"));
            for client in [&mut ann, &mut bob] {
                client.find("what is said between", |event| {
                    event["message"] == format!("between {all}")
                });
            }
        });
        say(format!("behind {all}"));
        for client in [&mut ann, &mut bob] {
            client.find("what is said behind", |event| {
                event["message"] == format!("behind {all}")
            });
        }
        ann.say(&format!("own {all}"));
        bob.find("what she says", |event| {
            event["message"] == format!("own {all}")
        });
        all += 1;
    }
    // Nobody was told of another history.
    let told = |client: &Client, name: &str| {
        let of_name = client.seen.iter().filter(|event| event["event"] == name);
        of_name.count()
    };
    for client in [&ann, &bob] {
        for name in ["reset", "lost", "error"] {
            assert_eq!(told(client, name), 0, "{name}");
        }
    }
    let mut carl = Client::login(proxies[0].port, &other, "carl");
    carl.say("still here");
    carl.messages_until("still here");
    bob.send(&json!({"event": "members", "roomid": room}));
    let members = bob.wait("members");
    assert_eq!(members["num"], 2, "{members}");
}
