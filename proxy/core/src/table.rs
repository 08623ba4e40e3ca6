//! A list of rows that are found by a key. Most rooms have one or two: only a long list gets an index.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash};

/// With so many rows looking at each costs more than an index.
const LONG: usize = 16;

/// What a row is found by.
pub(crate) trait Keyed {
    /// Its type.
    type Key: ?Sized + Eq + Hash;
    /// It.
    fn key(&self) -> &Self::Key;
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    index: Option<Box<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            index: None,
        }
    }
}

impl<T: Keyed> Table<T> {
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn rows(&self) -> &[T] {
        &self.rows
    }

    /// All rows, whose keys must stay as they are.
    pub(crate) fn rows_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut T> {
        self.rows.get_mut(place)
    }

    pub(crate) fn find(&self, key: &T::Key) -> Option<usize> {
        let Some(index) = &self.index else {
            return self.rows.iter().position(|row| row.key() == key);
        };
        let hash = index.hasher.hash_one(key);
        let is_it = |place: &u32| {
            self.rows
                .get(*place as usize)
                .is_some_and(|row| row.key() == key)
        };
        index.places.find(hash, is_it).map(|place| *place as usize)
    }

    pub(crate) fn get(&self, key: &T::Key) -> Option<&T> {
        self.rows.get(self.find(key)?)
    }

    pub(crate) fn get_mut(&mut self, key: &T::Key) -> Option<&mut T> {
        let place = self.find(key)?;
        self.rows.get_mut(place)
    }

    /// Adds a row whose key is not there yet.
    pub(crate) fn push(&mut self, row: T) {
        // The library would make place for four at once.
        if self.rows.len() < 4 {
            self.rows.reserve_exact(1);
        }
        self.rows.push(row);
        let place = self.rows.len() - 1;
        if self.index.is_some() {
            self.insert(place);
        } else if self.rows.len() > LONG {
            self.index = Some(Box::default());
            (0..self.rows.len()).for_each(|place| self.insert(place));
        }
    }

    fn insert(&mut self, place: usize) {
        let rows = &self.rows;
        if let (Some(index), Some(row)) = (self.index.as_deref_mut(), rows.get(place)) {
            let hash = |place: &u32| {
                let row = rows.get(*place as usize);
                row.map_or(0, |row| index.hasher.hash_one(row.key()))
            };
            let own = index.hasher.hash_one(row.key());
            index.places.insert_unique(own, place as u32, hash);
        }
    }

    fn forget(&mut self, place: usize) {
        if let (Some(index), Some(row)) = (self.index.as_deref_mut(), self.rows.get(place)) {
            let hash = index.hasher.hash_one(row.key());
            if let Ok(entry) = index
                .places
                .find_entry(hash, |known| *known as usize == place)
            {
                entry.remove();
            }
        }
    }

    /// Takes a row out; the last one takes its place.
    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        if place >= self.rows.len() {
            return None;
        }
        let last = self.rows.len() - 1;
        self.forget(place);
        if place != last {
            self.forget(last);
        }
        let row = self.rows.swap_remove(place);
        if place != last {
            self.insert(place);
        }
        if self.rows.len() <= LONG / 2 {
            self.index = None;
            // A room that was large once keeps its memory otherwise.
            if self.rows.capacity() > LONG {
                self.rows.shrink_to_fit();
            }
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for (u64, u64) {
        type Key = u64;
        fn key(&self) -> &u64 {
            &self.0
        }
    }

    #[test]
    fn rows_are_found_however_many_there_are() {
        let mut table = Table::default();
        for n in 0..100 {
            table.push((n, n * n));
        }
        for n in (0..100).step_by(3) {
            let place = table.find(&n).unwrap();
            assert_eq!(table.remove(place), Some((n, n * n)));
            assert_eq!(table.find(&n), None);
        }
        for n in 0..100 {
            assert_eq!(table.get(&n).map(|row| row.1), (n % 3 > 0).then_some(n * n));
        }
        while !table.is_empty() {
            let key = table.rows()[0].0;
            table.remove(0);
            assert_eq!(table.find(&key), None);
            let all: Vec<u64> = table.rows().iter().map(|row| row.0).collect();
            assert!(all.iter().all(|key| table.get(key).is_some()));
        }
    }
}
