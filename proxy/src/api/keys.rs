//! The keys of `--api-key-file`, or of `--admin-key-file`, one in each line. They are kept as their SHA-256, and compared as that: how long a comparison
//! takes tells nothing of a key. The file is looked at again and again; one that cannot be used changes nothing.

use crate::watched::Watched;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// The shortest key.
pub(crate) const LEAST: usize = 32;
/// A header must have place for it.
const MOST: usize = 1024;
/// Keys at most: each is compared with each request's.
const MOST_KEYS: usize = 100;

type Hash = [u8; 32];

/// See the top of the file.
pub(crate) struct Keys(Arc<Watched<Hash>>);

impl Keys {
    /// Reads the file of an option.
    ///
    /// # Errors
    /// With a sentence, if it cannot be used.
    pub(crate) fn open(option: &str, path: &Path, what: &'static str) -> Result<Self, String> {
        let keys = Watched::open(option, path, what, parse)?;
        Ok(Self(Arc::new(keys)))
    }

    /// Whether this is one of them. All are compared, whichever it is.
    pub(crate) fn know(&self, key: &[u8]) -> bool {
        let hash: Hash = Sha256::digest(key).into();
        let keys = self.0.current();
        let found = keys
            .iter()
            .fold(Choice::from(0), |found, key| found | key.ct_eq(&hash));
        found.into()
    }

    /// Looks at the file for ever.
    pub(crate) fn watch(&self) -> impl Future<Output = ()> + use<> {
        self.0.clone().watch()
    }
}

/// The hashes of the keys in a file. What is wrong with one is said by its line: it is a secret.
fn parse(content: &[u8]) -> Result<Vec<Hash>, String> {
    let mut keys = Vec::new();
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let key = line.trim_ascii();
        if key.is_empty() {
            continue;
        }
        let line = at + 1;
        if key.len() < LEAST || key.len() > MOST {
            let bytes = key.len();
            return Err(format!(
                "the key in line {line} has {bytes} bytes, and must have {LEAST} to {MOST}: `openssl rand -hex 32` makes one"
            ));
        }
        if !key.iter().all(u8::is_ascii_graphic) {
            return Err(format!(
                "the key in line {line} has other characters than ASCII's visible ones, which a header cannot carry"
            ));
        }
        keys.push(Sha256::digest(key).into());
    }
    match keys.len() {
        0 => Err("there is no key in it".to_owned()),
        many if many > MOST_KEYS => Err(format!("it has {many} keys, and may have {MOST_KEYS}")),
        _ => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::write;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "another key that has no blanks in it".split_at(7).0;

    #[test]
    fn a_file_has_a_key_in_each_line() {
        let long = "k".repeat(LEAST);
        let content = format!("{ONE}\r\n\n  {long}  \n");
        assert_eq!(parse(content.as_bytes()).map(|keys| keys.len()), Ok(2));
        for (content, part) in [
            ("", "no key"),
            ("\n \n", "no key"),
            (TWO, "line 1 has 7 bytes"),
            (&format!("{ONE}\n{}", &ONE[1..]), "line 2 has 31 bytes"),
            (&"k".repeat(MOST + 1), "32 to 1024"),
            (&format!("{ONE} {ONE}"), "visible"),
            (&format!("{ONE}ä"), "visible"),
            (&format!("{ONE}\n").repeat(MOST_KEYS + 1), "has 101 keys"),
        ] {
            let said = parse(content.as_bytes()).unwrap_err();
            assert!(said.contains(part), "{content}: {said}");
            assert!(!said.contains(ONE), "a secret is not shown");
        }
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_one_that_is_bad_is_not() {
        let name = format!("roomcast-api-keys-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let other = "f".repeat(LEAST);
        write(&path, ONE).unwrap();
        let open = || Keys::open("--api-key-file", &path, "keys");
        let keys = open().unwrap();
        let know = || (keys.know(ONE.as_bytes()), keys.know(other.as_bytes()));
        assert_eq!(know(), (true, false));
        for nonsense in [
            &b""[..],
            &ONE.as_bytes()[1..],
            &[ONE.as_bytes(), b"x"].concat(),
        ] {
            assert!(!keys.know(nonsense));
        }
        for (content, known) in [
            ("too short", (true, false)),
            (&format!("{ONE}\n{other}"), (true, true)),
            (&other, (false, true)),
        ] {
            write(&path, content).unwrap();
            keys.0.look();
            assert_eq!(know(), known, "{content}");
        }
        std::fs::remove_file(&path).unwrap();
        keys.0.look();
        assert_eq!(know(), (false, true));
        let said = open().map(drop).unwrap_err();
        assert!(said.starts_with("--api-key-file: "), "{said}");
    }
}
