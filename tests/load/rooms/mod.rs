//! Many rooms at human pace: thousands of people who are each in twenty rooms, where everybody says something now and then
//! and confirms what comes. What people, rooms and seats cost in memory, coming and coming back, and what a delivery costs
//! where hardly two leave together; against Centrifugo with the same subscriptions.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | the measurement |
//! | `town` | who is in which room |
//! | `people` | what they say and hear, in both protocols |

mod people;
mod town;

use crate::crowd::Crowd;
use crate::figures::rss;
use crate::peers::centrifugo::Centrifugo;
use crate::peers::roomcast::Roomcast;
use crate::peers::stack::Stack;
use crate::peers::{Peer, cannot};
use people::{Events, Lines, People, Words};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};
use town::Town;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// People, each with a connection
    #[arg(long, default_value_t = 5_000)]
    people: usize,
    /// Rooms that each is in
    #[arg(long, default_value_t = 20)]
    rooms: usize,
    /// How many of a room's people are here: measured with each of these
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1])]
    together: Vec<usize>,
    /// Seconds between two messages of a room
    #[arg(long, default_value_t = 10.0)]
    every: f64,
    /// Seconds of talk
    #[arg(long, default_value_t = 100)]
    seconds: u64,
    /// Seconds of quiet after it, before memory is looked at
    #[arg(long, default_value_t = 60)]
    quiet: u64,
    /// Only one of the two: roomcast or centrifugo
    #[arg(long)]
    only: Option<String>,
}

/// How long what was said may take until it has come.
const LATE: Duration = Duration::from_secs(5);

pub(crate) fn run(options: &Options) -> Value {
    let mut rows = Vec::new();
    println!(
        "{} people in {} rooms each, a message every {} s in each room, {} s",
        options.people, options.rooms, options.every, options.seconds
    );
    for &together in &options.together {
        let town = Arc::new(Town::new(options.people, options.rooms, together));
        println!("\n{} rooms, {together} of each here", town.rooms());
        let peers: [(&dyn Peer, Box<dyn Words>); 2] = [
            (&Roomcast, Box::new(Events)),
            (&Centrifugo, Box::new(Lines)),
        ];
        for (peer, words) in peers {
            let name = peer.name().to_lowercase();
            if options
                .only
                .as_deref()
                .is_some_and(|only| !name.contains(only))
            {
                continue;
            }
            let people = People::new(words, town.clone(), options.every);
            let row = match peer.start(1) {
                Ok(stack) => measure(peer.name(), &stack, people, &town, options),
                Err(why) => cannot(peer, &format!("not to be had: {why}")),
            };
            rows.push(row);
        }
    }
    json!(rows)
}

/// CPU that a step took, in seconds: of the server, and of Redis.
struct Spent(f64, f64);

fn spent(stack: &Stack) -> Spent {
    let seconds = |process: &harness::process::Process| process.cpu().as_secs_f64();
    Spent(seconds(stack.server()), stack.store().map_or(0.0, seconds))
}

/// Does something: how long it took, and the CPU.
fn step(stack: &Stack, what: impl FnOnce()) -> (f64, Spent) {
    let (began, before) = (Instant::now(), spent(stack));
    what();
    let after = spent(stack);
    let spent = Spent(after.0 - before.0, after.1 - before.1);
    (began.elapsed().as_secs_f64(), spent)
}

fn measure(
    name: &str,
    stack: &Stack,
    people: People,
    town: &Arc<Town>,
    options: &Options,
) -> Value {
    let people = Arc::new(people);
    let seats = town.seats() as f64;
    let say = |what: &str, value: f64| println!("{name:<14} {what:>44} {value:>10.1}");

    let empty = rss(stack.server());
    let crowd = Crowd::new();
    let (came_s, came) = step(stack, || {
        crowd.come(stack.port(), town.people(), false, &people);
    });
    say("all are in after, s", came_s);
    say("server's CPU per room of a login, us", came.0 * 1e6 / seats);
    say("Redis' CPU per room of a login, us", came.1 * 1e6 / seats);
    sleep(Duration::from_secs(3));

    let before = crowd.counts.messages.load(Relaxed);
    let (_, talk) = step(stack, || {
        people.talks.store(true, Relaxed);
        sleep(Duration::from_secs(options.seconds));
        people.talks.store(false, Relaxed);
        sleep(LATE);
    });
    let got = crowd.counts.messages.load(Relaxed) - before;
    let said = people.said.load(Relaxed);
    let missing = (said * town.together() as u64).saturating_sub(got);
    say("messages", said as f64);
    say("deliveries", got as f64);
    say("deliveries that did not come", missing as f64);
    say("server's CPU per delivery, us", talk.0 * 1e6 / got as f64);
    say("Redis' CPU per delivery, us", talk.1 * 1e6 / got as f64);

    sleep(Duration::from_secs(options.quiet));
    let grown = rss(stack.server()).saturating_sub(empty) as f64;
    let (person, room) = (grown / town.people() as f64, grown / town.rooms() as f64);
    say("server's memory per person, B", person);
    say("server's memory per room, B", room);
    say("server's memory per seat, B", grown / seats);

    crowd.go();
    sleep(Duration::from_secs(2));
    people.forget();
    let crowd = Crowd::new();
    let (back_s, back) = step(stack, || {
        crowd.come(stack.port(), town.people(), true, &people);
    });
    say("all are back after, s", back_s);
    say(
        "server's CPU per room of a return, us",
        back.0 * 1e6 / seats,
    );
    crowd.go();
    json!({
        "peer": name, "people": town.people(), "rooms": town.rooms(), "together": town.together(),
        "came_s": came_s, "came_cpu_us": came.0 * 1e6 / seats, "came_redis_cpu_us": came.1 * 1e6 / seats,
        "messages": said, "deliveries": got, "missing": missing,
        "delivery_cpu_us": talk.0 * 1e6 / got as f64, "delivery_redis_cpu_us": talk.1 * 1e6 / got as f64,
        "rss_per_person": person, "rss_per_room": room, "rss_per_seat": grown / seats,
        "back_s": back_s, "back_cpu_us": back.0 * 1e6 / seats,
    })
}
