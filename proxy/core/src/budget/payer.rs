//! Who pays for a connection, and what they may be charged.

use super::account::Rate;

/// Who pays, as a number that the shell knows them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// An address, for those who have not shown who they are.
    Address(u64),
    /// A uid that a token proved.
    Uid(u64),
    /// Too many others owe something.
    Rest,
}

/// What may be charged.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// To an address.
    pub address: Rate,
    /// To a uid.
    pub uid: Rate,
    /// Frames a second of one connection.
    pub frames: u32,
}

impl Rates {
    pub(super) const fn of(&self, payer: Payer) -> Rate {
        match payer {
            Payer::Uid(_) => self.uid,
            Payer::Address(_) | Payer::Rest => self.address,
        }
    }
}
