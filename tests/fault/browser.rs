//! A browser in a process of its own (Node): tabs of one uid with the npm package. What they meet they write to us, and what is done
//! to them we write to them: `tests/client/fault.mjs`.

use crate::history::{Diary, Event, Kind};
use crate::people::{Person, Scene, Strings, Who};
use harness::random::Random;
use room_core::position::Position;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// How often it is looked whether something is to be done to a tab.
const LOOKS: Duration = Duration::from_millis(5);
/// By when the process must have ended.
const END: Duration = Duration::from_secs(5);

/// By device: a tab that is replaced is another device.
type Diaries = Arc<Mutex<BTreeMap<String, Diary>>>;

/// A process that ends with its owner.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How the browsers of a run are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Browsers {
    /// They keep nothing under keys with this in their name: a defect.
    pub(crate) forget: Option<&'static str>,
}

impl Browsers {
    /// Opens a browser with a tab for each of these, who all have the same uid.
    pub(crate) fn open(
        self,
        scene: &Arc<Scene>,
        tabs: &[Who<'_>],
        room: &str,
        home: u64,
        mut random: Random,
    ) -> Vec<Person> {
        let devices: Vec<&str> = tabs.iter().map(|tab| tab.device).collect();
        let told = json!({
            "uid": tabs.first().map(|tab| tab.uid),
            "devices": devices,
            "ports": scene.ports,
            "room": room,
            "pace": [scene.pace.0, scene.pace.1],
            "home": home,
            "seed": random.below(1 << 30),
            // Where several tabs share what they store. With one it may be either.
            "locks": tabs.len() > 1 || random.below(2) == 0,
            "forget": self.forget,
        });
        open(scene, tabs, room, &told)
    }
}

fn open(scene: &Arc<Scene>, tabs: &[Who<'_>], room: &str, told: &Value) -> Vec<Person> {
    let (node, orders, reports) = start(told);
    let diaries = tabs.iter().map(|tab| {
        let diary = Diary::empty(tab.device, tab.uid, Kind::Package, tab.shared);
        (tab.device.to_owned(), diary)
    });
    let diaries: Diaries = Arc::new(Mutex::new(diaries.collect()));
    let strings: Vec<Arc<Strings>> = tabs.iter().map(|_| Arc::default()).collect();
    for strings in &strings {
        let home = told["home"].as_u64().expect("a number");
        strings.home.store(home, Relaxed);
        set_state(strings, None, "its process has not started");
    }
    let browser = Browser {
        scene: scene.clone(),
        room: room.to_owned(),
        node,
        orders,
        reader: read(reports, scene.clone(), diaries.clone(), strings.clone()),
        diaries,
        strings: strings.clone(),
    };
    let mut director = Some(spawn(move || browser.live()));
    let tabs = tabs.iter().zip(strings);
    tabs.map(|(tab, strings)| Person::of(tab.device, strings, director.take()))
        .collect()
}

fn start(told: &Value) -> (Node, ChildStdin, BufReader<ChildStdout>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for needed in ["client/node_modules/ws", "../proxy/web/room/dist/index.js"] {
        let needed = folder.join(needed);
        assert!(
            needed.exists(),
            "{} is missing: 'scripts/test fault' makes it",
            needed.display()
        );
    }
    let mut command = harness::process::installed("NODE", "node", "nodejs");
    let script = folder.join("client/fault.mjs");
    let child = command
        .arg(script)
        .arg(told.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut node = Node(child.expect("node starts"));
    let orders = node.0.stdin.take().expect("its stdin");
    let reports = node.0.stdout.take().expect("its stdout");
    (node, orders, BufReader::new(reports))
}

fn set_state(strings: &Strings, position: Option<Position>, why: &str) {
    *strings.states.lock().expect("states") = vec![(position, why.to_owned())];
}

/// Writes down what the tabs tell, until their process ends.
fn read(
    reports: BufReader<ChildStdout>,
    scene: Arc<Scene>,
    diaries: Diaries,
    strings: Vec<Arc<Strings>>,
) -> JoinHandle<()> {
    spawn(move || {
        for line in reports.lines().map_while(Result::ok) {
            let told: Value = serde_json::from_str(&line).expect("JSON of a tab");
            let tab = told["tab"].as_u64().expect("a tab") as usize;
            let state = &told["state"];
            if state.is_null() {
                note(&told, scene.now(), &diaries);
            } else {
                let why = state["why"].as_str().expect("why");
                set_state(&strings[tab], position(state), why);
            }
        }
        for strings in &strings {
            set_state(strings, None, "its process has ended");
        }
    })
}

fn note(told: &Value, now: u64, diaries: &Diaries) {
    let device = told["device"].as_str().expect("a device");
    let mut diaries = diaries.lock().expect("diaries");
    let like = diaries.values().next().cloned().expect("a diary");
    let diary = diaries
        .entry(device.to_owned())
        .or_insert_with(|| Diary::empty(device, &like.uid, like.kind, true));
    diary.moments.push((now, event(told)));
}

fn position(told: &Value) -> Option<Position> {
    told["position"].as_str()?.parse().ok()
}

fn event(told: &Value) -> Event {
    let text = |field: &str| told[field].as_str().unwrap_or("?").to_owned();
    let number = |field: &str| told[field].as_u64().expect("a number");
    let at = || position(told).expect("a position");
    match told["event"].as_str().expect("an event") {
        "login" => Event::Login {
            position: at(),
            new: told["new"] == true,
        },
        "sent" => Event::Sent(text("text")),
        "confirmed" => Event::Confirmed(text("text")),
        "gave-up" => Event::GaveUp {
            text: text("text"),
            why: text("why"),
        },
        "saw" => Event::Saw {
            position: at(),
            uid: text("uid"),
            text: text("text"),
        },
        "failed" => Event::Failed(at()),
        "lost" => Event::Lost {
            from: number("from"),
            to: number("to"),
            reason: text("reason"),
        },
        "reset" => Event::Reset(at()),
        "reloaded" => Event::Reloaded,
        "gone" => Event::Gone,
        other => panic!("a tab tells of '{other}'"),
    }
}

struct Browser {
    scene: Arc<Scene>,
    room: String,
    node: Node,
    orders: ChildStdin,
    reader: JoinHandle<()>,
    diaries: Diaries,
    strings: Vec<Arc<Strings>>,
}

/// What was told to a tab last.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    drops: u64,
    crawl: u64,
    home: u64,
}

impl Told {
    fn of(strings: &Strings) -> Self {
        Self {
            drops: strings.drops.load(Relaxed),
            crawl: strings.crawl.load(Relaxed),
            home: strings.home.load(Relaxed),
        }
    }
}

impl Browser {
    fn live(mut self) -> Vec<(String, Diary)> {
        let mut told: Vec<Told> = self.strings.iter().map(|it| Told::of(it)).collect();
        let mut talking = false;
        while !self.scene.over.load(Relaxed) {
            if talking != self.scene.is_talking() {
                talking = !talking;
                self.order(&json!({ "talk": talking }));
            }
            for (tab, told) in told.iter_mut().enumerate() {
                let now = Told::of(&self.strings[tab]);
                if now != *told {
                    let mut order = json!({"tab": tab, "drop": now.drops != told.drops});
                    if now.home != told.home {
                        order["home"] = now.home.into();
                    }
                    if now.crawl != told.crawl {
                        order["crawl"] = now.crawl.into();
                    }
                    *told = now;
                    self.order(&order);
                }
            }
            sleep(LOOKS);
        }
        self.end()
    }

    /// One that has ended says so by its state.
    fn order(&mut self, order: &Value) {
        let _ = writeln!(self.orders, "{order}");
    }

    fn end(mut self) -> Vec<(String, Diary)> {
        drop(self.orders);
        let deadline = Instant::now() + END;
        while Instant::now() < deadline && matches!(self.node.0.try_wait(), Ok(None)) {
            sleep(LOOKS);
        }
        drop(self.node);
        self.reader.join().expect("what the tabs told was read");
        let diaries = std::mem::take(&mut *self.diaries.lock().expect("diaries"));
        let diaries = diaries.into_values();
        diaries.map(|diary| (self.room.clone(), diary)).collect()
    }
}
