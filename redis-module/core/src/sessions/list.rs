//! Lists through rows: the rows of a slab hold who is before and behind them, so that a row leaves its list in one step.

use super::slab::{NONE, Slab};

/// Where in a list a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    prev: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            prev: NONE,
            next: NONE,
        }
    }
}

/// A row that can be in the list number `LIST` (a row may be in several).
pub(super) trait Linked<const LIST: usize> {
    fn links(&self) -> &Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// Puts a row that is in no such list before the `first` one.
pub(super) fn link<const LIST: usize, T: Linked<LIST>>(
    slab: &mut Slab<T>,
    first: &mut u32,
    row: u32,
) {
    if let Some(second) = slab.get_mut(*first) {
        second.links_mut().prev = row;
    }
    if let Some(own) = slab.get_mut(row) {
        *own.links_mut() = Links {
            prev: NONE,
            next: *first,
        };
        *first = row;
    }
}

/// Takes a row out of the list that begins with `first`.
pub(super) fn unlink<const LIST: usize, T: Linked<LIST>>(
    slab: &mut Slab<T>,
    first: &mut u32,
    row: u32,
) {
    let Some(own) = slab.get_mut(row) else { return };
    let Links { prev, next } = std::mem::take(own.links_mut());
    if let Some(behind) = slab.get_mut(next) {
        behind.links_mut().prev = prev;
    }
    match slab.get_mut(prev) {
        Some(before) => before.links_mut().next = next,
        None => *first = next,
    }
}

/// The rows of the list that begins with `first`.
pub(super) fn walk<const LIST: usize, T: Linked<LIST>>(
    slab: &Slab<T>,
    first: u32,
) -> impl Iterator<Item = (u32, &T)> {
    let row = move |at: u32| slab.get(at).map(|row| (at, row));
    std::iter::successors(row(first), move |(_, at)| row(at.links().next))
}
