//! docs/observability: what dashboard and alerts ask for is there, and alerts fire when they should.

use crate::api::{self, room};
use harness::client::Client;
use harness::eventually::eventually;
use harness::process;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::shards::Shards;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Series that Prometheus makes itself.
const OF_PROMETHEUS: &[&str] = &["up"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/observability")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("a file of docs/observability")
}

/// Names of series in an expression: labels and what stands in quotes are none.
fn series(expr: &str) -> BTreeSet<String> {
    let outside = expr.split('"').step_by(2);
    let words = outside.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let ours = |word: &&str| word.starts_with("roomcast_") || word.starts_with("process_");
    let ours = words.filter(|word| ours(word) || OF_PROMETHEUS.contains(word));
    ours.map(str::to_owned).collect()
}

/// All expressions of the dashboard, with the title of their panel.
fn of_dashboard() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut all = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().is_some(), "{title}");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let expr = target["expr"].as_str().expect("an expression");
            all.push((title.to_owned(), expr.to_owned()));
        }
    }
    assert!(all.len() > 50, "{}", all.len());
    all
}

/// The alerts with their expressions.
fn of_alerts() -> BTreeMap<String, String> {
    let text = read("alerts.yaml");
    let of = |line: &str, name: &str| line.trim().strip_prefix(name).map(str::to_owned);
    let names = text.lines().filter_map(|line| of(line, "- alert: "));
    let exprs = text.lines().filter_map(|line| of(line, "expr: "));
    names.zip(exprs).collect()
}

/// What a proxy serves after a short load.
fn samples(metrics: &str) -> BTreeSet<String> {
    let (_, body) = metrics.split_once("\r\n\r\n").expect("a body");
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split(['{', ' ']).next());
    names.map(str::to_owned).collect()
}

fn talk(proxy: &Proxy) {
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    let mut bob = Client::login(proxy.port, "lobby", "bob");
    for n in 0..20 {
        let text = format!("message {n}");
        ann.say(&text);
        bob.find(&text, |event| event["message"] == text.as_str());
    }
}

#[test]
fn every_series_of_dashboard_and_alerts_is_served_after_a_short_load() {
    let redis = Redis::start();
    let (proxy, _keys) = api::proxy(&redis, &[]);
    talk(&proxy);
    let body = json!({"uid": "bot", "message": "from a backend"});
    let mut backend = api::api(&proxy);
    assert_eq!(backend.post(&room("lobby", "/messages"), &body).status, 200);
    let mut served = samples(&proxy.metrics());
    let cluster = Shards::start(1, &["--save", ""]);
    let proxy = Proxy::to(&cluster.url(), &[]);
    talk(&proxy);
    served.extend(samples(&proxy.metrics()));

    let mut used = BTreeSet::new();
    for (of, expr) in of_dashboard().into_iter().chain(of_alerts()) {
        let names = series(&expr);
        assert!(!names.is_empty(), "{of}: {expr}");
        for name in names {
            let known = served.contains(&name) || OF_PROMETHEUS.contains(&&*name);
            assert!(known, "{of}: there is no series {name}");
            used.insert(name);
        }
    }
    // And the other way: what is served is shown, whichever part of a histogram.
    let part = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .unwrap_or(name)
            .to_owned()
    };
    let shown: BTreeSet<String> = used.iter().map(|name| part(name)).collect();
    let hidden: Vec<&String> = served
        .iter()
        .filter(|name| !shown.contains(&part(name)))
        .collect();
    assert_eq!(hidden, ["process_virtual_memory_bytes"]);
}

#[test]
fn times_are_measured_where_they_pass() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let count = |name: &str| proxy.metric(&format!("roomcast_{name}_seconds_count"));
    let before = count("redis_round_trip");
    talk(&proxy);
    // Each message once, however many are in the room; two logins; and at least what these asked.
    eventually("all is counted", || {
        (count("publish_to_socket") == 20).then_some(())
    });
    assert_eq!(count("catch_up"), 2);
    assert!(count("redis_round_trip") >= before + 20 + 2);
    let at_most_a_minute = proxy
        .metrics()
        .lines()
        .any(|line| line == "roomcast_publish_to_socket_seconds_bucket{le=\"30.0\"} 20");
    assert!(at_most_a_minute);
}

fn promtool(args: &[&str]) {
    let named = std::env::var_os("ROOMCAST_PROMTOOL").map(PathBuf::from);
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/promtool/promtool");
    let fetched = Some(fetched).filter(|path| path.exists());
    let program = named.or(fetched).unwrap_or_else(|| "promtool".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(folder());
    let output = process::run(command);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{args:?}: {}{} (promtool is fetched by: bash -c 'source scripts/lib.sh; source scripts/promtool.sh; promtool_fetch')",
        said(&output.stdout),
        said(&output.stderr)
    );
}

#[test]
fn alerts_fire_when_they_should_and_none_while_all_is_well() {
    promtool(&["check", "rules", "alerts.yaml"]);
    promtool(&["test", "rules", "alerts_test.yaml"]);
    let (tests, book) = (read("alerts_test.yaml"), read("README.md"));
    let (well, fires) = tests
        .split_once("- name: all is well")
        .expect("the first test")
        .1
        .split_once("- name:")
        .expect("others");
    let alerts = of_alerts();
    assert!(alerts.len() > 15, "{alerts:?}");
    for name in alerts.keys() {
        assert!(
            well.contains(&format!("{name}, eval_time: 2h, exp_alerts: []")),
            "{name}"
        );
        let of_it = fires
            .split("- name:")
            .find(|test| test.contains(&format!("alertname: {name}\n")));
        assert!(
            of_it.is_some_and(|test| test.contains("exp_annotations")),
            "{name}"
        );
        assert!(
            book.contains(&format!("\n### {name}\n")),
            "{name} has no line in README.md"
        );
    }
}

#[test]
fn the_dashboards_expressions_are_by_the_grammar() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dashboard.yaml");
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (n, (_, expr)) in of_dashboard().into_iter().enumerate() {
        let expr = expr
            .replace("$__rate_interval", "5m")
            .replace("$instance", ".*");
        rules += &format!("      - {{record: 'panel:{n}', expr: {}}}\n", json!(expr));
    }
    std::fs::write(&file, rules).expect("a file");
    promtool(&["check", "rules", file.to_str().expect("text")]);
}
