//! What names a room and a connection.

use hashbrown::Equivalent;
use std::sync::Arc;

/// A connection, by the number that Redis gave it.
pub type ClientId = u64;

/// A room's key: database and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey {
    /// The number of the database.
    pub db: i32,
    /// The key's name.
    pub name: Arc<[u8]>,
}

impl RoomKey {
    /// Copies the name.
    pub fn new(db: i32, name: &[u8]) -> Self {
        Self {
            db,
            name: name.into(),
        }
    }

    /// The same key, borrowed.
    pub fn as_name(&self) -> RoomName<'_> {
        RoomName {
            db: self.db,
            name: &self.name,
        }
    }
}

/// A room's key whose name is borrowed: enough to look something up. It must hash as [`RoomKey`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName<'a> {
    /// The number of the database.
    pub db: i32,
    /// The key's name.
    pub name: &'a [u8],
}

impl Equivalent<RoomKey> for RoomName<'_> {
    fn equivalent(&self, key: &RoomKey) -> bool {
        *self == key.as_name()
    }
}

impl From<RoomName<'_>> for RoomKey {
    fn from(key: RoomName<'_>) -> Self {
        Self::new(key.db, key.name)
    }
}

impl From<&RoomName<'_>> for RoomKey {
    fn from(key: &RoomName<'_>) -> Self {
        Self::new(key.db, key.name)
    }
}
