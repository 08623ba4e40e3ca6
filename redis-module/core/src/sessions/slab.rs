//! Rows by number, in chunks: neither growing nor shrinking ever moves more than one chunk of rows.
//!
//! The number of a row that went is given again. A chunk without rows gives its memory back at once.

/// Rows in one chunk.
const CHUNK: usize = 512;

/// The number of no row.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Slot<T> {
    Used(T),
    /// The next free slot of this chunk, or [`NONE`].
    Free(u32),
}

#[derive(Debug)]
struct Chunk<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot, or [`NONE`].
    free: u32,
    used: usize,
}

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// Chunks with space, each once; the last one is filled next.
    spare: Vec<u32>,
    /// How often a row was looked at: what a test of bounded work counts.
    #[cfg(test)]
    pub(super) touched: std::cell::Cell<u64>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            spare: Vec::new(),
            #[cfg(test)]
            touched: Default::default(),
        }
    }
}

/// The chunk of a row, and its slot in there.
fn place(row: u32) -> (usize, usize) {
    (row as usize / CHUNK, row as usize % CHUNK)
}

impl<T> Slab<T> {
    fn touch(&self) {
        #[cfg(test)]
        self.touched.set(self.touched.get() + 1);
    }

    pub(super) fn get(&self, row: u32) -> Option<&T> {
        self.touch();
        let (chunk, slot) = place(row);
        match self.chunks.get(chunk)?.slots.get(slot)? {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, row: u32) -> Option<&mut T> {
        self.touch();
        let (chunk, slot) = place(row);
        match self.chunks.get_mut(chunk)?.slots.get_mut(slot)? {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Puts a row somewhere and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        self.touch();
        let no = match self.spare.last() {
            Some(&no) => no,
            None => self.add_chunk(),
        };
        let Some(chunk) = self.chunks.get_mut(no as usize) else {
            return NONE;
        };
        let at = match chunk.slots.get_mut(chunk.free as usize) {
            Some(slot) => {
                let at = chunk.free;
                if let Slot::Free(next) = *slot {
                    chunk.free = next;
                }
                *slot = Slot::Used(value);
                at
            }
            None => {
                chunk.slots.push(Slot::Used(value));
                chunk.slots.len() as u32 - 1
            }
        };
        chunk.used += 1;
        if chunk.used == CHUNK {
            self.spare.pop();
        }
        no * CHUNK as u32 + at
    }

    fn add_chunk(&mut self) -> u32 {
        let no = self.chunks.len() as u32;
        self.chunks.push(Chunk {
            slots: Vec::new(),
            free: NONE,
            used: 0,
        });
        self.spare.push(no);
        no
    }

    pub(super) fn remove(&mut self, row: u32) -> Option<T> {
        self.touch();
        let (no, at) = place(row);
        let chunk = self.chunks.get_mut(no)?;
        let slot = chunk
            .slots
            .get_mut(at)
            .filter(|slot| matches!(slot, Slot::Used(_)))?;
        let Slot::Used(value) = std::mem::replace(slot, Slot::Free(chunk.free)) else {
            return None;
        };
        chunk.free = at as u32;
        if chunk.used == CHUNK {
            self.spare.push(no as u32);
        }
        chunk.used -= 1;
        if chunk.used == 0 {
            chunk.slots = Vec::new();
            chunk.free = NONE;
        }
        Some(value)
    }

    /// Every row's number is below this.
    pub(super) fn end(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    /// Frees at most `most` rows of a slab that nobody uses any more. How many slots that were; 0 at the end.
    pub(super) fn scrap(&mut self, most: usize) -> usize {
        let mut done = 0;
        while done < most {
            let Some(chunk) = self.chunks.last_mut() else {
                break;
            };
            let some = chunk.slots.len().min(most - done);
            chunk.slots.truncate(chunk.slots.len() - some);
            done += some;
            if chunk.slots.is_empty() {
                self.chunks.pop();
                done += usize::from(some == 0);
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_again_and_empty_chunks_are_freed() {
        let mut slab = Slab::default();
        let rows: Vec<u32> = (0..2000).map(|i| slab.insert(i)).collect();
        assert_eq!(rows, (0..2000).collect::<Vec<u32>>());
        for row in 0..1024 {
            assert_eq!(slab.remove(row), Some(row));
            assert_eq!(slab.remove(row), None);
        }
        assert!(slab.chunks[0].slots.is_empty() && slab.chunks[1].slots.is_empty());
        let mut again: Vec<u32> = (0..1048).map(|i| slab.insert(i)).collect();
        again.sort_unstable();
        assert!(again.windows(2).all(|two| two[0] < two[1]));
        assert_eq!(slab.end(), 2048);
        assert_eq!(slab.get(1999), Some(&1999));
        let mut scrapped = 0;
        loop {
            match slab.scrap(100) {
                0 => break,
                some => scrapped += some,
            }
        }
        assert_eq!(scrapped, 976 + 1048);
    }
}
