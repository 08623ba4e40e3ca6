//! What a failing test shows: some fifty lines, whatever it compared and whoever wrote logs.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Once;

/// Lines of all programs' logs that one failing test shows.
const LOG_LINES: usize = 30;
/// Of one program's: the others want to be seen as well.
const LOG_LINES_OF_ONE: usize = 12;
/// Characters of one line.
const LINE: usize = 400;
/// Lines and characters of a panic's message.
const MESSAGE_LINES: usize = 20;
const MESSAGE: usize = 4000;

thread_local! {
    /// A test has a thread of its own.
    static LOG_LINES_LEFT: Cell<usize> = const { Cell::new(LOG_LINES) };
}

/// The beginning of a text, cut at so many characters; it says how much is missing.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes more)", &text[..at], text.len() - at),
    }
}

/// How many there are, and the last five of them.
pub fn last<T: Debug>(all: &[T]) -> String {
    let from = all.len().saturating_sub(5);
    let mut text = format!("{} in all", all.len());
    for (at, one) in all.iter().enumerate().skip(from) {
        text.push_str(&format!("\n  {at}: {}", cut(&format!("{one:?}"), LINE)));
    }
    text
}

/// How many there are, and the first ten of them.
pub fn first(all: &[String]) -> String {
    let mut text = format!("{} in all", all.len());
    for one in all.iter().take(10) {
        text.extend(["\n", &cut(one, LINE)]);
    }
    text
}

/// The end of a log: what is left of the lines that this test may show.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let many = LOG_LINES_OF_ONE.min(LOG_LINES_LEFT.get()).min(lines.len());
    LOG_LINES_LEFT.set(LOG_LINES_LEFT.get() - many);
    let shown = lines[lines.len() - many..]
        .iter()
        .map(|line| cut(line, LINE));
    let mut text = format!("({} lines more)", lines.len() - many);
    shown.for_each(|line| text.extend(["\n", &line]));
    text
}

/// From now on a panic's message is cut: two long lists that are not equal would be megabytes.
pub fn cut_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{}", told(panic)))));
}

fn told(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let place = panic.location().map(ToString::to_string);
    let payload = panic.payload();
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("(no text)");
    let lines: Vec<&str> = message.lines().collect();
    let mut text = format!(
        "thread '{}' panicked at {}:\n{}",
        thread.name().unwrap_or("?"),
        place.unwrap_or_default(),
        cut(&lines[..lines.len().min(MESSAGE_LINES)].join("\n"), MESSAGE)
    );
    if lines.len() > MESSAGE_LINES {
        text.push_str(&format!("\n… ({} lines more)", lines.len() - MESSAGE_LINES));
    }
    text.push_str(&places(&std::backtrace::Backtrace::capture()));
    text
}

/// Of a backtrace the places in the tests; nothing unless `RUST_BACKTRACE` asks for one.
fn places(trace: &std::backtrace::Backtrace) -> String {
    let text = trace.to_string();
    let ours = text.lines().filter(|line| {
        let line = line.trim_start();
        line.starts_with("at ") && line.contains("/tests/") && !line.contains("/shown.rs:")
    });
    ours.take(8)
        .flat_map(|line| ["\n  ", line.trim()])
        .collect()
}
