//! A proxy whose live bytes can be read: those that it has from its allocator, not the pages that this has from the system.

use harness::process::{built, target_folder};
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// What is loaded into the program.
const SOURCE: &str = include_str!("heap.c");

/// See the top of the file.
pub(crate) struct Watched {
    pub(crate) proxy: Proxy,
    live: NamedTempFile,
    _folder: TempDir,
}

impl Watched {
    /// # Panics
    /// If the C compiler is missing, as for the tests.
    pub(crate) fn start(redis: &Redis, options: &[&str]) -> Self {
        let folder = tempfile::tempdir_in(target_folder()).expect("a folder");
        let live = NamedTempFile::new_in(folder.path()).expect("a file");
        live.as_file().set_len(8).expect("a file of eight bytes");
        let (source, library) = (folder.path().join("heap.c"), folder.path().join("heap.so"));
        fs::write(&source, SOURCE).expect("a source");
        let mut compile = Command::new("cc");
        compile
            .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"])
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source]);
        let status = compile
            .status()
            .expect("cc (apt-get install gcc libc6-dev)");
        assert!(status.success(), "{compile:?}: {status}");

        let program = folder.path().join("proxy");
        let script = format!(
            "#!/bin/sh\nLD_PRELOAD='{}' ROOMCAST_HEAP='{}' exec '{}' \"$@\"\n",
            library.display(),
            live.path().display(),
            built("ROOMCAST_PROXY", "roomcast-proxy").display()
        );
        fs::write(&program, script).expect("a script");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        Self {
            proxy: Proxy::of(&program, &redis.url(), options),
            live,
            _folder: folder,
        }
    }

    /// Live bytes now.
    pub(crate) fn live(&self) -> u64 {
        // It is looked at five times a second.
        sleep(Duration::from_millis(500));
        let mut bytes = [0; 8];
        let file = self.live.as_file();
        file.read_exact_at(&mut bytes, 0).expect("a number");
        u64::from_ne_bytes(bytes)
    }
}
