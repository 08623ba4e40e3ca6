//! Where figures go: one JSON file that says on which machine and when they were measured, a part for each measurement.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The machine, the day and what was measured, for people to read above the figures.
pub(crate) fn announce() -> Value {
    let about = about();
    if let Some(about) = about.as_object() {
        for (name, value) in about {
            println!("{name:<9} {}", value.as_str().unwrap_or_default());
        }
    }
    println!();
    about
}

fn about() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let server = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
    let version = said(&server, &["--version"]);
    let version: Vec<&str> = version.split(' ').take(3).collect();
    json!({
        "date": said("date", &["-u", "+%Y-%m-%dT%H:%MZ"]),
        "commit": said("git", &["describe", "--always", "--dirty"]),
        "machine": format!("{cores} x {}, Linux {}", model.map_or("unknown", |(_, name)| name), kernel.trim()),
        "server": version.join(" "),
    })
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".into())
}

/// Puts a measurement into the file; what else is in there stays.
///
/// # Panics
/// If the file holds something else, or cannot be written.
pub(crate) fn record(file: &Path, about: &Value, name: &str, figures: Value) {
    let mut all = match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}", file.display())),
        Err(_) => json!({}),
    };
    all[name] = json!({ "about": about, "figures": figures });
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    fs::write(file, format!("{all:#}\n"))
        .unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
}
