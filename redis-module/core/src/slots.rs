//! The slots of a cluster's node.

/// Slots of a cluster.
pub const SLOTS: usize = 16_384;

/// The slot of a key, by CRC16 of its hash tag: the part between the first `{` and the next `}`, unless that is empty.
/// Source: the Redis Cluster specification.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % SLOTS as u16
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

/// The slots of one node, and those of them that are moving away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// One bit a slot.
    own: Vec<u64>,
    /// Slots that are open for migration.
    leaving: Vec<u16>,
}

impl Slots {
    /// Reads the line of the node that was asked from the reply to `CLUSTER NODES`; `None` if there is none.
    pub fn of_myself(nodes: &str) -> Option<Self> {
        let line = nodes.lines().find(|line| line.contains("myself"))?;
        let mut slots = Self {
            own: vec![0; SLOTS / 64],
            leaving: Vec::new(),
        };
        // Id, address, flags, primary, ping, pong, epoch, link; then the slots.
        for word in line.split(' ').skip(8) {
            match word.strip_prefix('[') {
                Some(open) => slots.leaving.extend(leaving(open)),
                None => slots.add(word),
            }
        }
        Some(slots)
    }

    fn add(&mut self, range: &str) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            for slot in first..=last.min(SLOTS - 1) {
                if let Some(word) = self.own.get_mut(slot / 64) {
                    *word |= 1 << (slot % 64);
                }
            }
        }
    }

    /// Whether a slot is this node's.
    pub fn is_own(&self, slot: u16) -> bool {
        let word = self.own.get(usize::from(slot) / 64);
        word.is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Whether a slot is open for migration to another node.
    pub fn is_leaving(&self, slot: u16) -> bool {
        self.leaving.contains(&slot)
    }
}

/// The slot of `93->-<node>]`; `None` for one that is coming (`93-<-<node>]`).
fn leaving(open: &str) -> Option<u16> {
    let (slot, _) = open.split_once("->-")?;
    slot.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        for (key, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{foo}bar", 12_182),
            ("a{foo}{bar}", 12_182),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(slot_of(b"foo{}{bar}"), crc16(b"foo{}{bar}") % 16_384);
        assert_eq!(slot_of(b""), 0);
    }

    #[test]
    fn a_node_knows_what_it_has_and_what_leaves() {
        let nodes = "07c3 127.0.0.1:30004@31004 slave e7d1 0 1426238317239 4 connected\n\
            e7d1 127.0.0.1:30001@31001,host myself,master - 0 0 1 connected 0-5460 7000 [93->-2928] [7001-<-2928]\n\
            2928 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922\n";
        let slots = Slots::of_myself(nodes).expect("the line of myself");
        for (slot, own, leaving) in [
            (0, true, false),
            (93, true, true),
            (5460, true, false),
            (5461, false, false),
            (7000, true, false),
            (7001, false, false),
        ] {
            assert_eq!(
                (slots.is_own(slot), slots.is_leaving(slot)),
                (own, leaving),
                "{slot}"
            );
        }
        assert_eq!(Slots::of_myself("nonsense"), None);
    }
}
