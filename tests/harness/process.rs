//! Children that end with their owner, and where the programs are.

use crate::eventually::{PATIENCE, eventually, within};
use crate::shown;
use std::fs::File;
use std::hash::BuildHasher;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The patience with a program that starts: under valgrind, say.
const STARTING: Duration = Duration::from_secs(60);

/// A port of loopback that was free a moment ago. Whoever takes it meanwhile is noticed by [`Process::listens`].
///
/// It lies outside of the range from which the kernel gives ports to outgoing connections, so that a server that was
/// stopped finds it free when it starts again. So does the port on which it talks to others if it is a cluster's node,
/// 10,000 further on.
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u64> = 10_000..20_000;
    eventually("a port is free", || {
        let random = std::hash::RandomState::new().hash_one(0);
        let port = PORTS.start + random % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).ok()?;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        (is_free(port) && is_free(port + 10_000)).then_some(port)
    })
}

/// Where cargo puts the programs of this build.
///
/// # Panics
/// If this program has no path.
pub fn target_folder() -> PathBuf {
    let own = std::env::current_exe().expect("a path of this program");
    // Tests lie in target/<profile>/deps, programs in target/<profile>.
    let mut folders = own.ancestors().skip(1).take(2);
    let beside = folders.find(|folder| folder.file_name().is_some_and(|name| name != "deps"));
    beside.expect("a folder of this program").to_owned()
}

/// A file that `cargo build --release` makes, or the one that a variable names.
///
/// # Panics
/// If it is not there: a test must not pass because something is missing.
pub fn built(variable: &str, name: &str) -> PathBuf {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => target_folder().join(name),
    };
    assert!(
        path.exists(),
        "{} is missing: build it with 'cargo build --release -p roomcast-module -p roomcast-proxy', or set {variable}",
        path.display()
    );
    path
}

/// An installed program, or the one that a variable names, as a command.
///
/// # Panics
/// If it cannot be run.
pub fn installed(variable: &str, name: &str, package: &str) -> Command {
    let path = std::env::var(variable).unwrap_or_else(|_| name.to_owned());
    let asked = Command::new(&path).arg("--version").output();
    assert!(
        asked.is_ok(),
        "{path} cannot be run: install it with 'apt-get install {package}', or set {variable}"
    );
    Command::new(path)
}

/// A program that runs as long as this value lives; what it prints goes to a file.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// Where its own words begin: what it replaces wrote to the same file.
    begin: usize,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(mut command: Command, log: &Path) -> Self {
        shown::cut_panics();
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file");
        let begin = file.metadata().map_or(0, |data| data.len() as usize);
        let errors = file.try_clone().expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} could not be started: {error}"));
        Self {
            child,
            log: log.to_owned(),
            begin,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether this very process listens on a port: another one may have taken the port first.
    pub fn listens(&self, port: u16) -> bool {
        let wanted: Vec<PathBuf> = listening_inodes(port)
            .iter()
            .map(|inode| PathBuf::from(format!("socket:[{inode}]")))
            .collect();
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid()));
        files
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| std::fs::read_link(file.path()).is_ok_and(|to| wanted.contains(&to)))
    }

    /// Waits until it listens on all `ports`; its exit code if it ends instead.
    pub fn listens_or_ends(&mut self, ports: &[u16]) -> Result<(), i32> {
        within(STARTING, "the program listens or ends", || {
            match self.ended() {
                Some(code) => Some(Err(code)),
                None => ports
                    .iter()
                    .all(|port| self.listens(*port))
                    .then_some(Ok(())),
            }
        })
    }

    /// Sends a signal by name, as `kill` does.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -{name} {}",
            self.pid()
        );
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits for that; its exit code.
    pub fn stop(&mut self) -> i32 {
        if let Some(code) = self.ended() {
            return code;
        }
        self.signal("TERM");
        eventually("the program ends when it is asked to", || self.ended())
    }

    /// Its exit code as a shell shows it (128 and the number after a signal), if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.child
            .try_wait()
            .ok()
            .flatten()
            .map(|status| status.code().unwrap_or(128 + status.signal().unwrap_or(0)))
    }

    /// Processor time that it has used.
    ///
    /// # Panics
    /// If it has ended.
    pub fn cpu(&self) -> Duration {
        let tasks =
            std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a running process");
        let used = |path: PathBuf| -> Option<u64> {
            // Nanoseconds on a processor, nanoseconds in a queue, slices.
            let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        Duration::from_nanos(tasks.flatten().filter_map(|task| used(task.path())).sum())
    }

    /// Processor time that its main thread has used: the one on which Redis runs commands and events.
    ///
    /// # Panics
    /// If it has ended.
    pub fn cpu_of_main(&self) -> Duration {
        let path = format!("/proc/{0}/task/{0}/schedstat", self.pid());
        let text = std::fs::read_to_string(path).expect("a running process");
        let used = text.split(' ').next().and_then(|text| text.parse().ok());
        Duration::from_nanos(used.expect("nanoseconds on a processor"))
    }

    /// What it printed.
    pub fn printed(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.begin..).unwrap_or_default()).into_owned()
    }
}

/// Keeps a log for whoever looks into a failure (its folder goes with the test): where, and how it ends.
fn keep(log: &Path, pid: u32) -> String {
    let name = log.file_stem().unwrap_or_default().to_string_lossy();
    let kept = std::env::temp_dir().join(format!("roomcast-failed-{name}-{pid}.log"));
    let place = match std::fs::copy(log, &kept) {
        Ok(_) => kept.display().to_string(),
        Err(error) => format!("{} is lost: {error}", log.display()),
    };
    let bytes = std::fs::read(log).unwrap_or_default();
    format!(
        "---- {place} ---- {}",
        shown::tail(&String::from_utf8_lossy(&bytes))
    )
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("{}", keep(&self.log, self.pid()));
        }
    }
}

/// Runs a program to its end.
///
/// # Panics
/// If it does not end in time; it is killed then.
pub fn run(mut command: Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child =
        child.unwrap_or_else(|error| panic!("{command:?} could not be started: {error}"));
    let pid = child.id();
    // The pipes are emptied while it runs, or much output would block it.
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            bytes
        })
    };
    let stdout = read(stdout.map(|pipe| Box::new(pipe) as _));
    let stderr = read(stderr.map(|pipe| Box::new(pipe) as _));
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        within(PATIENCE, &format!("{command:?} ({pid}) ends"), || {
            child.try_wait().ok().flatten()
        })
    }));
    let _ = child.kill();
    let _ = child.wait();
    let output = |status| Output {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    };
    match ended {
        Ok(status) => output(status),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The inodes of the sockets that listen on this port.
fn listening_inodes(port: u16) -> Vec<u64> {
    // Some programs listen by a socket of IPv6 that takes IPv4 as well.
    let table = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| {
        let table = std::fs::read_to_string(path).unwrap_or_default();
        table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    });
    let suffix = format!(":{port:04X}");
    let listening = table.iter().flatten().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // As the kernel prints it: local address and port, and the state, of which 0A is LISTEN.
        let listens = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == "0A";
        listens.then(|| fields.get(9)?.parse().ok()).flatten()
    });
    listening.collect()
}
