//! Who is in which room: rooms of the same size, in which always others meet.

/// See the top of the file.
pub(crate) struct Town {
    people: usize,
    /// Rooms that each is in.
    each: usize,
    together: usize,
}

impl Town {
    /// As many people as fill whole rooms.
    pub(crate) fn new(people: usize, each: usize, together: usize) -> Self {
        let together = together.max(1);
        Self {
            people: (people / together).max(1) * together,
            each,
            together,
        }
    }

    pub(crate) const fn people(&self) -> usize {
        self.people
    }

    pub(crate) const fn each(&self) -> usize {
        self.each
    }

    pub(crate) const fn together(&self) -> usize {
        self.together
    }

    pub(crate) const fn seats(&self) -> usize {
        self.people * self.each
    }

    pub(crate) const fn rooms(&self) -> usize {
        self.seats() / self.together
    }

    /// The n-th room of somebody. Each time everybody moves on by some places, and those meet who are neighbours then.
    pub(crate) const fn room(&self, person: usize, n: usize) -> usize {
        let place = (person + n * 7) % self.people;
        n * (self.people / self.together) + place / self.together
    }
}
