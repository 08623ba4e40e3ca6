//! A reply as a tree, built through the real [`Sink`]: lengths that do not fit to what follows fail.

use room_core::commands::reply::{Answer, Sink};
use std::ffi::CStr;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(u64),
    Text(String),
    Status(String),
    Error(String),
    Null,
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// Nothing was written.
    Nothing,
}

impl Value {
    pub(crate) fn of(answer: &impl Answer) -> Self {
        let mut tree = Tree::default();
        answer.write(&mut tree);
        assert!(tree.open.is_empty(), "items are missing: {:?}", tree.open);
        tree.done.unwrap_or(Self::Nothing)
    }

    /// The value of a name in a map.
    pub(crate) fn get(&self, name: &str) -> &Self {
        let Self::Map(pairs) = self else {
            panic!("no map: {self:?}")
        };
        let found = pairs.iter().find(|(key, _)| key == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Map(pairs) => pairs.iter().map(|(name, _)| &name[..]).collect(),
            _ => panic!("no map: {self:?}"),
        }
    }

    pub(crate) fn int(&self) -> u64 {
        match self {
            Self::Int(n) => *n,
            _ => panic!("no number: {self:?}"),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Status(text) => text,
            _ => panic!("no text: {self:?}"),
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => panic!("no array: {self:?}"),
        }
    }
}

#[derive(Debug)]
struct Open {
    /// How many items are to come; `None` if the end says it.
    len: Option<usize>,
    map: bool,
    items: Vec<Value>,
}

#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    done: Option<Value>,
}

impl Tree {
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(open) => open.items.push(value),
            None => assert!(
                self.done.replace(value).is_none(),
                "more than one value is written"
            ),
        }
        self.close_full();
    }

    fn begin(&mut self, len: Option<usize>, map: bool) {
        let items = Vec::new();
        self.open.push(Open { len, map, items });
        self.close_full();
    }

    fn close_full(&mut self) {
        let full = |open: &Open| open.len == Some(open.items.len());
        if self.open.last().is_some_and(full) {
            let open = self.open.pop().unwrap();
            self.put(if open.map {
                let pairs = open.items.chunks(2);
                let pairs = pairs.map(|pair| (pair[0].text().to_string(), pair[1].clone()));
                Value::Map(pairs.collect())
            } else {
                Value::Array(open.items)
            });
        }
    }
}

impl Sink for Tree {
    fn int(&mut self, n: u64) {
        self.put(Value::Int(n));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.put(Value::Text(String::from_utf8_lossy(bytes).into()));
    }

    fn status(&mut self, word: &'static CStr) {
        self.put(Value::Status(word.to_str().unwrap().into()));
    }

    fn error(&mut self, text: &str) {
        self.put(Value::Error(text.into()));
    }

    fn null(&mut self) {
        self.put(Value::Null);
    }

    fn array(&mut self, len: usize) {
        self.begin(Some(len), false);
    }

    fn begin_array(&mut self) {
        self.begin(None, false);
    }

    fn end_array(&mut self, len: usize) {
        let open = self.open.last_mut().expect("an array is open");
        assert_eq!(open.items.len(), len, "the end says another length");
        open.len = Some(len);
        self.close_full();
    }

    fn map(&mut self, pairs: usize) {
        self.begin(Some(2 * pairs), true);
    }
}
