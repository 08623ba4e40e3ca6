//! A wall clock that jumps under a running program, as an administrator's hand or a bad time server moves it.

use crate::process::target_folder;
use std::ffi::OsString;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::NamedTempFile;

/// What is loaded into the program; it says how this works.
const SOURCE: &str = include_str!("clock.c");

/// See the top of the file. Monotonic clocks and waits do not notice.
pub struct Clock {
    /// By how many milliseconds the program's wall clock is off.
    offset: NamedTempFile,
    off_by_ms: std::cell::Cell<i64>,
}

impl Clock {
    /// One that is right.
    ///
    /// # Panics
    /// If the C compiler is missing, as for all tests.
    pub fn new() -> Self {
        let offset = tempfile::Builder::new()
            .prefix("roomcast-clock-")
            .tempfile();
        let clock = Self {
            offset: offset.expect("a file"),
            off_by_ms: 0.into(),
        };
        clock.set(0);
        clock
    }

    /// Moves it by so many milliseconds, at once.
    pub fn jump(&self, by_ms: i64) {
        self.set(self.off_by_ms.get() + by_ms);
    }

    fn set(&self, off_by_ms: i64) {
        self.off_by_ms.set(off_by_ms);
        // One write of eight bytes that lie together: the program sees the old or the new number.
        let written = self
            .offset
            .as_file()
            .write_all_at(&off_by_ms.to_ne_bytes(), 0);
        written.expect("a written offset");
    }

    /// What a program's environment needs to have this clock.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", library().into()),
            ("ROOMCAST_CLOCK", self.offset.path().into()),
        ]
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The compiled source, beside the programs; compiled once for each text of it.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        SOURCE.hash(&mut hasher);
        let path = target_folder().join(format!("clock-{:016x}.so", hasher.finish()));
        if !path.exists() {
            compile(&path);
        }
        path
    })
}

fn compile(to: &PathBuf) {
    // Another test's process may do the same now: the file gets its name when it is whole.
    let unfinished = to.with_extension(format!("{}.so", std::process::id()));
    let mut command = Command::new("cc");
    command
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])
        .args(["-shared", "-fPIC", "-x", "c", "-", "-o"])
        .arg(&unfinished)
        .stdin(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error} (apt-get install gcc libc6-dev)"));
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(SOURCE.as_bytes()).expect("a read source");
    drop(stdin);
    let status = child.wait().expect("an end of the compiler");
    assert!(status.success(), "{command:?}: {status}");
    // On the disk before it is known by its name.
    File::open(&unfinished)
        .and_then(|file| file.sync_all())
        .expect("a library");
    std::fs::rename(&unfinished, to).expect("a library");
}
