//! A program under valgrind, which counts its instructions: the same each time, however busy the machine is.

use crate::process::{Process, installed};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Valgrind in front of a program; its counts go to files in a folder.
#[derive(Clone)]
pub struct Counter {
    out: PathBuf,
}

impl Counter {
    /// One whose counts go to this folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            out: folder.join("callgrind.out"),
        }
    }

    /// A program that runs `program` and counts: to be started in its place.
    pub fn wrap(&self, program: &Path) -> PathBuf {
        let valgrind = installed("VALGRIND", "valgrind", "valgrind");
        self.dumps()
            .iter()
            .for_each(|old| drop(std::fs::remove_file(old)));
        let script = self.out.with_extension("sh");
        let text = format!(
            "#!/bin/sh\nexec '{}' --quiet --compress-strings=no --compress-pos=no --tool=callgrind '--callgrind-out-file={}' '{}' \"$@\"\n",
            valgrind.get_program().display(),
            self.out.display(),
            program.display()
        );
        std::fs::write(&script, text).expect("a script");
        std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("a script");
        script
    }

    /// Instructions (user side only) since the program began or this was last asked.
    ///
    /// # Panics
    /// If valgrind does not say.
    pub fn take(&self, process: &Process) -> u64 {
        let before = self.dumps();
        let asked = Command::new("callgrind_control")
            .arg("--dump")
            .arg(process.pid().to_string())
            .output()
            .expect("callgrind_control, a part of valgrind");
        let fresh: Vec<PathBuf> = self
            .dumps()
            .into_iter()
            .filter(|dump| !before.contains(dump))
            .collect();
        let [dump] = &fresh[..] else {
            panic!("no new counts: {}", String::from_utf8_lossy(&asked.stdout));
        };
        let text = std::fs::read_to_string(dump).expect("a dump");
        let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
        totals
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or_else(|| panic!("no total in {}", dump.display()))
    }

    fn dumps(&self) -> Vec<PathBuf> {
        let folder = self.out.parent().expect("a folder");
        let files = std::fs::read_dir(folder).expect("a folder that can be read");
        let name = self.out.file_name().unwrap_or_default().to_string_lossy();
        files
            .flatten()
            .map(|file| file.path())
            .filter(|path| {
                let own = path.file_name().unwrap_or_default().to_string_lossy();
                own.starts_with(&format!("{name}."))
            })
            .collect()
    }
}
