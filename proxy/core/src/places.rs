//! Rooms by their place, a number, and by their name. A place that became free is given to the next room.

use crate::ask::Generation;
use crate::room::{NEVER, Room};
use crate::routes::Range;
use crate::stray::Stray;
use hashbrown::{DefaultHashBuilder, HashTable};
use room_core::slots::SLOTS;
use std::hash::BuildHasher;

/// A room, and what its hub notes about it.
#[derive(Debug)]
pub(crate) struct Slot<H> {
    pub(crate) room: Room<H>,
    /// Which pair of connections it is on, if any.
    pub(crate) on: Generation,
    /// Its key is there before its slot is: the server has to be asked to answer for it.
    pub(crate) asking: bool,
    /// Of its key, where that matters.
    pub(crate) hash_slot: u16,
    /// When it last went to another pair.
    pub(crate) moved: u64,
    /// How often it did so in a short time.
    pub(crate) hops: u8,
    /// Whether it is to go, and why.
    pub(crate) stray: Stray,
    /// Something was said when it last left a pair.
    pub(crate) talked_in: bool,
    /// When it wants to be looked at.
    pub(crate) due: u64,
    /// It stands in the list of those with something to write.
    pub(crate) behind: bool,
    /// When nobody was in it any more.
    pub(crate) empty_since: u64,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Places<H> {
    // Lists that double have room for twice as many: what they hold is small.
    slots: Vec<Option<Box<Slot<H>>>>,
    free: Vec<u32>,
    /// The rooms of each hash slot; of none where that does not matter.
    of_slots: Vec<Vec<u32>>,
    names: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<H> Default for Places<H> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            of_slots: Vec::new(),
            names: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<H> Places<H> {
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn get(&self, place: u32) -> Option<&Slot<H>> {
        self.slots.get(place as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut Slot<H>> {
        self.slots.get_mut(place as usize)?.as_deref_mut()
    }

    /// The place of the room of this name.
    pub(crate) fn find(&self, roomid: &str) -> Option<u32> {
        let is_it = |place: &u32| name(&self.slots, *place) == Some(roomid);
        self.names
            .find(self.hasher.hash_one(roomid), is_it)
            .copied()
    }

    /// Gives a place to a room whose name has none.
    pub(crate) fn add(&mut self, room: Room<H>, hash_slot: u16, on: Generation) -> u32 {
        let own = self.hasher.hash_one(&*room.roomid);
        let slot = Some(Box::new(Slot {
            room,
            on,
            asking: false,
            hash_slot,
            moved: 0,
            hops: 0,
            stray: Stray::default(),
            talked_in: false,
            due: NEVER,
            behind: false,
            empty_since: NEVER,
        }));
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slots.push(None);
                (self.slots.len() - 1) as u32
            }
        };
        if let Some(free) = self.slots.get_mut(place as usize) {
            *free = slot;
        }
        if let Some(of_slot) = self.of_slots.get_mut(usize::from(hash_slot)) {
            of_slot.push(place);
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash = |place: &u32| name(slots, *place).map_or(0, |name| hasher.hash_one(name));
        self.names.insert_unique(own, place, hash);
        place
    }

    /// Takes a room out.
    pub(crate) fn remove(&mut self, place: u32) -> Option<Box<Slot<H>>> {
        let slot = self.slots.get_mut(place as usize)?.take()?;
        let own = self.hasher.hash_one(&*slot.room.roomid);
        if let Ok(entry) = self.names.find_entry(own, |known| *known == place) {
            entry.remove();
        }
        if let Some(of_slot) = self.of_slots.get_mut(usize::from(slot.hash_slot)) {
            of_slot.retain(|known| *known != place);
        }
        self.free.push(place);
        Some(slot)
    }

    /// The places of all rooms, in their order.
    pub(crate) fn all(&self) -> Vec<u32> {
        let taken = |place: &u32| self.get(*place).is_some();
        (0..self.slots.len() as u32).filter(taken).collect()
    }

    /// From now on hash slots matter: which one a room's is.
    pub(crate) fn by_slots(&mut self, hash_slot: impl Fn(&str) -> u16) {
        self.of_slots = vec![Vec::new(); SLOTS];
        for (place, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot else { continue };
            slot.hash_slot = hash_slot(&slot.room.roomid);
            if let Some(of_slot) = self.of_slots.get_mut(usize::from(slot.hash_slot)) {
                of_slot.push(place as u32);
            }
        }
    }

    /// The rooms of some hash slots.
    pub(crate) fn within(&self, slots: &[Range]) -> Vec<u32> {
        if self.of_slots.is_empty() {
            return self.all();
        }
        let lists = slots.iter().filter_map(|range| {
            let range = usize::from(*range.start())..usize::from(*range.end()) + 1;
            self.of_slots.get(range)
        });
        lists.flatten().flatten().copied().collect()
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot<H>> {
        self.slots.iter().flatten().map(|slot| &**slot)
    }
}

fn name<H>(slots: &[Option<Box<Slot<H>>>], place: u32) -> Option<&str> {
    let slot = slots.get(place as usize)?.as_ref()?;
    Some(&slot.room.roomid)
}
