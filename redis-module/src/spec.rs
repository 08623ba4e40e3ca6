//! What a command declares of itself: for `COMMAND DOCS`, ACLs and cluster clients.

use std::ffi::CStr;

/// What `COMMAND DOCS`, ACLs and cluster clients want to know.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static CStr,
    pub(crate) complexity: &'static CStr,
    /// As Redis counts: with the name; negative for "at least".
    pub(crate) arity: i32,
    pub(crate) flags: &'static CStr,
    pub(crate) keys: Keys,
    pub(crate) args: &'static [ArgSpec],
}

/// Which arguments are keys, and what is done with them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    None,
    /// The first argument, which is read.
    Read,
    /// All arguments, which are read.
    ReadAll,
    /// The first argument, which is read and changed, and may be made.
    Insert,
    /// The first argument, which is read and changed.
    Update,
    /// The first argument, from which something is removed.
    Delete,
    /// The first argument, whose sessions change: that needs the right to write, but is no write (it goes on where Redis
    /// refuses those).
    Sessions,
}

/// One argument of the documentation.
pub(crate) struct ArgSpec {
    pub(crate) name: &'static CStr,
    pub(crate) kind: ArgKind,
    /// The word before it.
    pub(crate) token: Option<&'static CStr>,
    pub(crate) optional: bool,
    pub(crate) multiple: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum ArgKind {
    Key,
    String,
    Integer,
    /// Only the word itself.
    Token,
    /// One of these.
    OneOf(&'static [ArgSpec]),
    /// All of these, together.
    Block(&'static [ArgSpec]),
}

impl ArgSpec {
    pub(crate) const KEY: Self = Self::one(c"key", ArgKind::Key);
    pub(crate) const UID: Self = Self::one(c"uid", ArgKind::String);
    pub(crate) const UIDS: Self = Self::one(c"uid", ArgKind::String).many();
    pub(crate) const COUNT: Self = Self::option(c"count", c"COUNT", ArgKind::Integer);
    pub(crate) const BYTES: Self = Self::option(c"bytes", c"BYTES", ArgKind::Integer);

    pub(crate) const fn one(name: &'static CStr, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            token: None,
            optional: false,
            multiple: false,
        }
    }

    /// `[TOKEN value]`, or `[TOKEN]`.
    pub(crate) const fn option(name: &'static CStr, token: &'static CStr, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            token: Some(token),
            optional: true,
            multiple: false,
        }
    }

    pub(crate) const fn many(self) -> Self {
        Self {
            multiple: true,
            ..self
        }
    }

    pub(crate) const fn maybe(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    pub(crate) const fn after(self, token: &'static CStr) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }
}
