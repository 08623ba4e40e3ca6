//! Small files that are read whole: keys, certificates, passwords.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What is in a file of at most `most` bytes.
///
/// # Errors
/// If it cannot be read, or has more.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = File::open(path)?;
    file.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(content)
}

/// Whether it is no file (a pipe, say), which can be read once only.
pub(crate) fn is_read_once(path: &Path) -> bool {
    path.metadata().is_ok_and(|of| !of.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_has_an_end() {
        let mut file = tempfile();
        file.1.write_all(b"12345").unwrap();
        assert_eq!(read(&file.0, 5).unwrap(), b"12345");
        assert!(
            read(&file.0, 4)
                .unwrap_err()
                .to_string()
                .contains("more than 4")
        );
        assert!(read(Path::new("/nowhere"), 4).is_err());
        assert!(!is_read_once(&file.0) && is_read_once(Path::new("/dev/null")));
        std::fs::remove_file(file.0).unwrap();
    }

    fn tempfile() -> (std::path::PathBuf, File) {
        let name = format!("roomcast-contents-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = File::create(&path).unwrap();
        (path, file)
    }
}
