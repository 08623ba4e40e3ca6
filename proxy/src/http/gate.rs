//! How many connections there are, in all and by address, counted before a byte of them is read. A connection has a
//! [`Place`] until it ends, whatever becomes of it. Nobody alone can take all places.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses that count as one: an IPv4 address, or the network of an IPv6 address, which its owner has as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    V4(u32),
    /// The first 64 bits.
    V6(u64),
}

impl Group {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are too many connections.
    All,
    /// This address has too many.
    Address,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Gate {
    most: usize,
    most_of_one: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// Of addresses that have any.
    of: HashMap<Group, usize>,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    counts_in_all: bool,
    group: Option<Group>,
}

/// What a request's connection is.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// Kept as long as the connection lives.
    pub(super) places: Arc<[Place]>,
}

impl Gate {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most,
            most_of_one,
            counts: Mutex::default(),
        }
    }

    /// A place for a connection; `group` is whom it counts for, nobody if a trusted proxy brings it.
    pub(crate) fn enter(self: &Arc<Self>, group: Option<Group>) -> Result<Place, Full> {
        let mut counts = self.counts.lock();
        if counts.all >= self.most {
            return Err(Full::All);
        }
        if let Some(group) = group {
            self.count(&mut counts, group)?;
        }
        counts.all += 1;
        Ok(self.place(true, group))
    }

    /// A place by address only, for a connection that has one among all.
    pub(crate) fn also(self: &Arc<Self>, group: Group) -> Result<Place, Full> {
        self.count(&mut self.counts.lock(), group)?;
        Ok(self.place(false, Some(group)))
    }

    fn count(&self, counts: &mut Counts, group: Group) -> Result<(), Full> {
        let has = counts.of.get(&group).copied().unwrap_or(0);
        if has >= self.most_of_one {
            return Err(Full::Address);
        }
        counts.of.insert(group, has + 1);
        Ok(())
    }

    fn place(self: &Arc<Self>, counts_in_all: bool, group: Option<Group>) -> Place {
        Place {
            gate: self.clone(),
            counts_in_all,
            group,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock();
        counts.all -= usize::from(self.counts_in_all);
        let Some(group) = self.group else { return };
        if let Some(has) = counts.of.get_mut(&group) {
            *has -= 1;
            if *has == 0 {
                counts.of.remove(&group);
            }
        }
        // After a storm of many addresses the memory is given back.
        if counts.of.len() * 8 < counts.of.capacity() {
            counts.of.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(address: &str) -> Group {
        Group::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_that_count_as_one() {
        for (one, other, same) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::a00:1", "10.0.0.1", false),
        ] {
            assert_eq!(group(one) == group(other), same, "{one} {other}");
        }
    }

    #[test]
    fn nobody_takes_all_places_and_each_is_free_again() {
        let gate = Arc::new(Gate::new(3, 2));
        let (a, b) = (group("10.0.0.1"), group("10.0.0.2"));
        let first = gate.enter(Some(a)).unwrap();
        let _second = gate.enter(Some(a)).unwrap();
        assert_eq!(gate.enter(Some(a)).unwrap_err(), Full::Address);
        let third = gate.enter(Some(b)).unwrap();
        assert_eq!(gate.enter(Some(b)).unwrap_err(), Full::All);
        assert_eq!(gate.enter(None).unwrap_err(), Full::All);
        drop(first);
        let _front = gate.enter(None).unwrap();
        let also = gate.also(a).unwrap();
        assert_eq!(gate.also(a).unwrap_err(), Full::Address);
        drop((also, third));
        assert_eq!(gate.counts.lock().all, 2);
        assert_eq!(gate.counts.lock().of.len(), 1, "who has none is forgotten");
    }
}
