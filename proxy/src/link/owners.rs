//! Who owns which slot, as far as is known, and on which pair its rooms therefore are. Pure: times are milliseconds of a clock
//! that does not go back.
//!
//! What is told to workers is the difference: slots that are on another pair than they were told. A slot whose owner has no
//! pair is nowhere until there is one.

use super::slots::{Place, View};
use hub_core::ask::{Generation, NOWHERE};
use hub_core::routes::Range;
use room_core::slots::SLOTS;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Two nodes that send a slot to each other are believed again after so long (ms).
const PAUSE: u64 = 100;
/// A node that was asked for a key whose slot it does not own is wanted for so long (ms): as long as an operator may take from
/// the keys' move to the slot's. Rooms that are there for longer go back, and are sent there anew.
const ASKED_FOR: u64 = 600_000;

/// Slots that are on a pair now, or nowhere.
pub(super) type Route = (Vec<Range>, Option<Generation>);

/// See the top of the file.
pub(super) struct Owners {
    of: Vec<Option<Place>>,
    told: Vec<Generation>,
    linked: BTreeMap<Place, Generation>,
    /// Until when a node is wanted though it owns nothing.
    asked: BTreeMap<Place, u64>,
    /// When a slot was last sent elsewhere by a node.
    sent: HashMap<u16, u64>,
    /// Everybody who was ever named in the last view that was agreed on.
    known: Vec<Place>,
}

impl Default for Owners {
    fn default() -> Self {
        Self {
            of: vec![None; SLOTS],
            told: vec![NOWHERE; SLOTS],
            linked: BTreeMap::new(),
            asked: BTreeMap::new(),
            sent: HashMap::new(),
            known: Vec::new(),
        }
    }
}

impl Owners {
    /// A node said that a slot is another's.
    pub(super) fn sent(&mut self, now: u64, slot: u16, to: Place) -> Option<Route> {
        let at = usize::from(slot);
        let owner = self.of.get_mut(at)?;
        if owner.as_ref() != Some(&to) {
            let before = self.sent.insert(slot, now);
            if before.is_some_and(|before| now < before + PAUSE) {
                return None;
            }
            *owner = Some(to);
        }
        let on = self.on(at);
        let told = self.told.get_mut(at)?;
        (std::mem::replace(told, on) != on).then(|| (vec![slot..=slot], some(on)))
    }

    /// A node is asked for a key whose slot it does not own yet: its pair, if there is one.
    pub(super) fn asked(&mut self, now: u64, place: Place) -> Option<Generation> {
        let pair = self.linked.get(&place).copied();
        self.asked.insert(place, now + ASKED_FOR);
        pair
    }

    /// It cannot be reached, say: whoever is sent there again asks anew.
    pub(super) fn unasked(&mut self, place: &Place) {
        self.asked.remove(place);
    }

    /// There is a pair.
    pub(super) fn linked(&mut self, place: Place, generation: Generation) -> Vec<Route> {
        self.linked.insert(place, generation);
        self.difference()
    }

    /// A pair is gone. Workers know for themselves that its slots are nowhere.
    pub(super) fn unlinked(&mut self, place: &Place, generation: Generation) {
        if self.linked.get(place) == Some(&generation) {
            self.linked.remove(place);
            self.asked.remove(place);
        }
        for told in self.told.iter_mut().filter(|told| **told == generation) {
            *told = NOWHERE;
        }
    }

    /// What nodes say, of those that were asked: of each slot that is believed which most say, and of two that as many say, what
    /// was believed before. What one of them does not know stays.
    pub(super) fn learn(&mut self, views: &[View]) -> Vec<Route> {
        let mut said: Vec<Vec<(&Place, usize)>> = vec![Vec::new(); SLOTS];
        for (slots, place) in views.iter().flat_map(|view| &view.owners) {
            let slots = usize::from(*slots.start())..usize::from(*slots.end()) + 1;
            for said in said.get_mut(slots).unwrap_or_default() {
                match said.iter_mut().find(|(named, _)| *named == place) {
                    Some((_, times)) => *times += 1,
                    None => said.push((place, 1)),
                }
            }
        }
        for (owner, said) in self.of.iter_mut().zip(said) {
            let times = |place: &Place| said.iter().find(|(named, _)| *named == place);
            let own = owner.as_ref().and_then(times).map_or(0, |said| said.1);
            let most = said.iter().max_by_key(|said| said.1);
            if let Some((place, _)) = most.filter(|most| most.1 > own) {
                *owner = Some((*place).clone());
            }
        }
        let known: BTreeSet<&Place> = views.iter().flat_map(|view| &view.all).collect();
        if !known.is_empty() {
            self.known = known.into_iter().cloned().collect();
        }
        self.sent.clear();
        self.difference()
    }

    /// Whether what one node says is what is believed.
    pub(super) fn agrees(&self, view: &View) -> bool {
        view.owners.iter().all(|(slots, place)| {
            let mut slots = slots.clone();
            slots.all(|slot| self.owner(slot) == Some(place))
        })
    }

    fn on(&self, slot: usize) -> Generation {
        let owner = self.of.get(slot).and_then(Option::as_ref);
        let pair = owner.and_then(|owner| self.linked.get(owner));
        pair.copied().unwrap_or(NOWHERE)
    }

    /// What is to be told.
    fn difference(&mut self) -> Vec<Route> {
        let mut routes: BTreeMap<Generation, Vec<Range>> = BTreeMap::new();
        for slot in 0..SLOTS {
            let on = self.on(slot);
            let Some(told) = self.told.get_mut(slot) else {
                continue;
            };
            if std::mem::replace(told, on) == on {
                continue;
            }
            let (ranges, slot) = (routes.entry(on).or_default(), slot as u16);
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == slot => *last = *last.start()..=slot,
                _ => ranges.push(slot..=slot),
            }
        }
        let routes = routes.into_iter().map(|(on, slots)| (slots, some(on)));
        routes.collect()
    }

    /// Whether every slot's owner is linked.
    pub(super) fn is_whole(&self) -> bool {
        self.told.iter().all(|on| *on != NOWHERE)
    }

    /// Slots whose owner is not linked, or not known.
    pub(super) fn nowhere(&self) -> usize {
        self.told.iter().filter(|on| **on == NOWHERE).count()
    }

    /// Who owns a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Place> {
        self.of.get(usize::from(slot))?.as_ref()
    }

    /// How many slots each owner has.
    pub(super) fn many(&self) -> BTreeMap<&Place, usize> {
        let mut many = BTreeMap::new();
        for owner in self.of.iter().flatten() {
            *many.entry(owner).or_default() += 1;
        }
        many
    }

    /// Who is to be linked.
    pub(super) fn wanted(&mut self, now: u64) -> BTreeSet<Place> {
        self.asked.retain(|_, until| *until > now);
        let owners: BTreeSet<&Place> = self.of.iter().flatten().collect();
        let mut wanted: BTreeSet<Place> = owners.into_iter().cloned().collect();
        wanted.extend(self.asked.keys().cloned());
        wanted
    }

    /// Everybody who may know more.
    pub(super) fn known(&self) -> &[Place] {
        &self.known
    }
}

fn some(on: Generation) -> Option<Generation> {
    (on != NOWHERE).then_some(on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::routes::ALL;

    fn at(port: u16) -> Place {
        Place {
            host: "h".into(),
            port,
        }
    }

    fn view(owners: &[(Range, u16)]) -> View {
        View {
            owners: owners
                .iter()
                .map(|(slots, port)| (slots.clone(), at(*port)))
                .collect(),
            all: owners.iter().map(|(_, port)| at(*port)).collect(),
        }
    }

    /// Two nodes, each with half of the slots, linked by pairs 1 and 2.
    fn two() -> Owners {
        let mut owners = Owners::default();
        let both = view(&[(0..=8191, 1), (8192..=16_383, 2)]);
        assert_eq!(owners.learn(std::slice::from_ref(&both)), []);
        assert_eq!(owners.wanted(0), BTreeSet::from([at(1), at(2)]));
        assert_eq!(owners.linked(at(1), 1), [(vec![0..=8191], Some(1))]);
        assert!(!owners.is_whole());
        assert_eq!(owners.linked(at(2), 2), [(vec![8192..=16_383], Some(2))]);
        assert!(owners.is_whole());
        assert_eq!(owners.learn(&[both]), []);
        owners
    }

    #[test]
    fn a_slot_goes_where_it_is_sent_but_not_to_and_fro() {
        let mut owners = two();
        assert_eq!(owners.sent(0, 5, at(2)), Some((vec![5..=5], Some(2))));
        assert_eq!(owners.sent(1, 5, at(2)), None, "it is there");
        assert_eq!(owners.sent(50, 5, at(1)), None, "too soon");
        assert_eq!(owners.sent(200, 5, at(1)), Some((vec![5..=5], Some(1))));
        // To a node that is not linked: nowhere, until it is.
        assert_eq!(owners.sent(400, 5, at(3)), Some((vec![5..=5], None)));
        assert!(owners.wanted(400).contains(&at(3)));
        assert_eq!(owners.linked(at(3), 7), [(vec![5..=5], Some(7))]);
    }

    #[test]
    fn what_most_say_is_believed_and_what_is_told_is_the_difference() {
        let mut owners = two();
        let old = view(&[(0..=8191, 1), (8192..=16_383, 2)]);
        let new = view(&[(0..=99, 2), (100..=8191, 1), (8192..=16_383, 2)]);
        assert!(owners.agrees(&old) && !owners.agrees(&new));
        assert_eq!(owners.learn(&[old.clone(), new.clone()]), []);
        let moved = owners.learn(&[old, new.clone(), new]);
        assert_eq!(moved, [(vec![0..=99], Some(2))]);
        // What nobody says anything of stays.
        assert_eq!(owners.learn(&[view(&[(0..=99, 2)])]), []);
        assert_eq!(owners.learn(&[]), []);
        assert!(owners.is_whole());
    }

    #[test]
    fn the_slots_of_a_pair_that_is_gone_are_told_when_they_are_somewhere_again() {
        let mut owners = two();
        owners.unlinked(&at(1), 1);
        assert_eq!((owners.nowhere(), owners.is_whole()), (8192, false));
        // Another takes over.
        let over = owners.learn(&[view(&[(ALL, 2)])]);
        assert_eq!(over, [(vec![0..=8191], Some(2))]);
        // The end of an earlier pair is not that of the one there now.
        owners.linked(at(2), 9);
        owners.unlinked(&at(2), 2);
        assert!(owners.is_whole());
    }

    #[test]
    fn a_node_that_owns_nothing_is_wanted_for_a_while_if_it_is_asked() {
        let mut owners = two();
        assert_eq!(owners.asked(0, at(2)), Some(2));
        assert_eq!(owners.asked(0, at(3)), None);
        assert!(owners.wanted(ASKED_FOR - 1).contains(&at(3)));
        assert!(!owners.wanted(ASKED_FOR).contains(&at(3)));
        // One that became a replica is not tried on and on: if it is a primary again it is one that nobody waits long for.
        assert_eq!(owners.asked(0, at(3)), None);
        owners.unasked(&at(3));
        assert!(!owners.wanted(0).contains(&at(3)));
        owners.linked(at(3), 7);
        assert_eq!(owners.asked(0, at(3)), Some(7));
        owners.unlinked(&at(3), 7);
        assert!(!owners.wanted(0).contains(&at(3)));
    }
}
