//! What sentinels say of where the primary is, and what is made of it. Pure.
//!
//! A primary is one that more than half of the sentinels name that were given. After a failover they do not all learn of it
//! at the same time: for a moment most still name the old primary, which may still take writes that nobody will ever see. So
//! one sentinel's word is enough to leave a primary, and for some seconds to keep away from it: that it names another one, or
//! that it is about to make a replica the primary.

use super::refusal::Refusal;
use std::fmt::{self, Write};
use std::time::{Duration, Instant};

/// How long a primary that a sentinel has left is not linked on the word of the others.
const HOLD: Duration = Duration::from_secs(3);
/// How long a failover may take before the old primary is taken for the one again.
const FAILOVER: Duration = Duration::from_secs(5);

/// A server as sentinels name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) host: String,
    pub(super) port: u16,
}

/// What a sentinel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It was not heard yet.
    NotYet,
    Primary(Named),
    /// It knows no primary of the name.
    Unknown,
    /// It cannot be asked.
    Failed(Refusal),
}

/// One sentinel as we see it.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Where it is.
    pub(super) sentinel: String,
    says: Says,
    /// The primary that it named last, whatever it says now.
    named: Option<Named>,
    /// The one that it named before that, until then.
    left: Option<(Named, Instant)>,
    /// The one whose place it began to give to another, then.
    replaces: Option<(Named, Instant)>,
}

impl View {
    pub(super) const fn new(sentinel: String) -> Self {
        Self {
            sentinel,
            says: Says::NotYet,
            named: None,
            left: None,
            replaces: None,
        }
    }

    /// It begins to give the place of this primary to another.
    pub(super) fn replaces(&mut self, old: Named, now: Instant) {
        self.replaces = Some((old, now));
    }

    /// Whether it names another primary than before.
    pub(super) fn hears(&mut self, says: Says, now: Instant) -> bool {
        let mut switched = false;
        if let Says::Primary(new) = &says
            && self.named.as_ref() != Some(new)
        {
            let old = self.named.replace(new.clone());
            switched = old.is_some();
            self.left = old.map(|old| (old, now));
            // That is over; and this one may be the one that had the place before.
            self.replaces = None;
        }
        self.says = says;
        switched
    }

    pub(super) const fn says(&self) -> &Says {
        &self.says
    }

    /// Whether it answers.
    pub(super) const fn is_reachable(&self) -> bool {
        matches!(self.says, Says::Primary(_) | Says::Unknown)
    }

    /// Whether it named this primary until lately, and names another one now, or is about to.
    fn has_left(&self, at: &Named, now: Instant) -> bool {
        let names_another = matches!(&self.says, Says::Primary(new) if new != at);
        let left = self.left.as_ref().filter(|_| names_another);
        is_lately(left, at, HOLD, now) || self.is_replacing(at, now)
    }

    fn is_replacing(&self, at: &Named, now: Instant) -> bool {
        is_lately(self.replaces.as_ref(), at, FAILOVER, now)
    }

    fn told(&self, now: Instant) -> String {
        let mut told = format!("{} {}", self.sentinel, self.says);
        if matches!(&self.says, Says::Primary(at) if self.is_replacing(at, now)) {
            told.push_str(" and is giving its place to another");
        }
        told
    }
}

fn is_lately(left: Option<&(Named, Instant)>, at: &Named, within: Duration, now: Instant) -> bool {
    left.is_some_and(|(old, then)| old == at && now.saturating_duration_since(*then) < within)
}

/// The primary that they agree on, or why there is none. `name` is that of the primary.
pub(super) fn primary(views: &[View], name: &str, now: Instant) -> Result<Named, Refusal> {
    let named = agreed(views);
    match named {
        Some(at) if !views.iter().any(|view| view.has_left(at, now)) => Ok(at.clone()),
        _ => Err(why_not(views, name, now)),
    }
}

/// Whether a pair with this primary is to end.
pub(super) fn is_left(views: &[View], at: &Named, now: Instant) -> bool {
    let another = agreed(views).is_some_and(|named| named != at);
    another || views.iter().any(|view| view.has_left(at, now))
}

fn agreed(views: &[View]) -> Option<&Named> {
    let named = |view| match view {
        &View {
            says: Says::Primary(ref at),
            ..
        } => Some(at),
        _ => None,
    };
    let of = |at: &Named| {
        views
            .iter()
            .filter_map(named)
            .filter(|it| *it == at)
            .count()
    };
    views
        .iter()
        .filter_map(named)
        .find(|at| of(at) >= majority(views))
}

const fn majority(views: &[View]) -> usize {
    views.len() / 2 + 1
}

/// It lasts if so many refuse us for good that the others are too few.
fn why_not(views: &[View], name: &str, now: Instant) -> Refusal {
    let most = majority(views);
    let mut why = match views {
        [_] => format!("the sentinel must name the primary of '{name}':"),
        _ => format!(
            "{most} of the {} sentinels must name the same primary of '{name}':",
            views.len()
        ),
    };
    for (i, view) in views.iter().enumerate() {
        let comma = if i > 0 { ";" } else { "" };
        let _ = write!(why, "{comma} {}", view.told(now));
    }
    let lasts = |view: &&View| matches!(&view.says, Says::Failed(refusal) if refusal.lasts());
    let lasting = views.iter().filter(lasts).count();
    Refusal::Sentinels {
        why,
        lasts: views.len() - lasting < most,
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("has not answered yet"),
            Self::Primary(at) => write!(f, "names {at}"),
            Self::Unknown => f.write_str("knows none of that name"),
            Self::Failed(refusal) => write!(f, "cannot be asked ({refusal})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Named {
        let host = "10.0.0.1".into();
        Named { host, port }
    }

    fn view(says: Says) -> View {
        let mut view = View::new("s:1".into());
        view.hears(says, Instant::now());
        view
    }

    /// 1 and 2 are primaries that a sentinel names, `?` is one that knows none, `x` one that does not answer, `!` one that
    /// refuses us, `.` one that was not heard yet.
    fn views(said: &str) -> Vec<View> {
        let one = |letter| match letter {
            '1' | '2' => Says::Primary(at(if letter == '1' { 1 } else { 2 })),
            '?' => Says::Unknown,
            'x' => Says::Failed(Refusal::Unreachable("refused".into())),
            '!' => Says::Failed(Refusal::Denied("WRONGPASS".into())),
            _ => Says::NotYet,
        };
        said.chars().map(one).map(view).collect()
    }

    #[test]
    fn more_than_half_of_all_that_were_given_decide() {
        let now = Instant::now();
        for (said, agreed) in [
            ("1", Some(1)),
            ("111", Some(1)),
            ("112", Some(1)),
            ("212", Some(2)),
            ("11x", Some(1)),
            ("x11", Some(1)),
            ("1.1", Some(1)),
            ("?22", Some(2)),
            ("1122", None),
            ("1112", Some(1)),
            ("11xx", None),
            ("1xx", None),
            ("12x", None),
            ("1??", None),
            ("???", None),
            ("...", None),
            ("x", None),
        ] {
            let primary = primary(&views(said), "main", now).ok();
            assert_eq!(primary, agreed.map(at), "{said}");
        }
    }

    #[test]
    fn why_there_is_none_names_each_of_them_and_whether_it_will_stay_so() {
        let now = Instant::now();
        for (said, parts, lasts) in [
            (
                "12x",
                &[
                    "2 of the 3 sentinels",
                    "'main'",
                    "s:1 names 10.0.0.1:1",
                    "names 10.0.0.1:2",
                    "cannot be asked (refused)",
                ][..],
                false,
            ),
            ("1??", &["knows none of that name"], false),
            ("1..", &["has not answered yet"], false),
            ("1!x", &["WRONGPASS"], false),
            ("1!!", &["WRONGPASS"], true),
            ("!!!", &["WRONGPASS"], true),
            ("x", &["the sentinel must"], false),
        ] {
            let why = primary(&views(said), "main", now).unwrap_err();
            assert_eq!(why.lasts(), lasts, "{said}");
            for part in parts {
                assert!(why.to_string().contains(part), "{said}: {why}");
            }
        }
    }

    #[test]
    fn one_that_switches_is_believed_at_once_and_most_for_good() {
        let now = Instant::now();
        let agree = |views: &[View], now| primary(views, "main", now).ok();
        let mut three = views("111");
        assert!(!is_left(&three, &at(1), now));
        assert!(three[0].hears(Says::Primary(at(2)), now));
        assert!(is_left(&three, &at(1), now), "on one's word");
        assert_eq!(agree(&three, now), None, "not the old one again");
        assert!(three[1].hears(Says::Primary(at(2)), now));
        assert_eq!(agree(&three, now), Some(at(2)));
        assert!(is_left(&three, &at(1), now) && !is_left(&three, &at(2), now));
        assert!(three[2].hears(Says::Primary(at(2)), now));
        // The way back is no other.
        assert!(three[1].hears(Says::Primary(at(1)), now));
        assert!(is_left(&three, &at(2), now));
        assert!(three[2].hears(Says::Primary(at(1)), now));
        assert_eq!(agree(&three, now), None, "one has just left it for another");
        assert!(three[0].hears(Says::Primary(at(1)), now));
        assert_eq!(agree(&three, now), Some(at(1)));
    }

    #[test]
    fn one_that_the_others_do_not_follow_counts_only_for_a_while() {
        let now = Instant::now();
        let mut three = views("111");
        three[0].hears(Says::Primary(at(2)), now);
        let later = now + HOLD;
        assert_eq!(primary(&three, "main", later).ok(), Some(at(1)));
        assert!(!is_left(&three, &at(1), later));
    }

    #[test]
    fn a_primary_is_left_before_another_takes_its_place() {
        let now = Instant::now();
        let agree = |views: &[View], now| primary(views, "main", now).ok();
        let mut three = views("111");
        three[0].replaces(at(1), now);
        assert!(is_left(&three, &at(1), now));
        let why = primary(&three, "main", now).unwrap_err().to_string();
        assert_eq!(why.matches("is giving its place to another").count(), 1);
        // It came to nothing.
        let later = now + FAILOVER;
        assert!(!is_left(&three, &at(1), later));
        assert_eq!(agree(&three, later), Some(at(1)));
        // Or it did, and the way back is free again.
        for view in &mut three {
            view.hears(Says::Primary(at(2)), now);
        }
        assert_eq!(agree(&three, now), Some(at(2)));
        for view in &mut three {
            view.hears(Says::Primary(at(1)), now);
        }
        assert_eq!(agree(&three, now), Some(at(1)));
    }

    #[test]
    fn what_was_named_before_is_remembered_over_a_failure() {
        let now = Instant::now();
        let mut three = views("111");
        let gone = || Says::Failed(Refusal::Unreachable("gone".into()));
        assert!(!three[0].hears(gone(), now));
        assert!(!is_left(&three, &at(1), now), "who is silent says nothing");
        assert!(!three[0].hears(Says::Primary(at(1)), now));
        assert!(!three[0].hears(gone(), now));
        assert!(three[0].hears(Says::Primary(at(2)), now));
        assert!(is_left(&three, &at(1), now));
        // A stale one, seen for the first time, moves nothing.
        let stale = views("112");
        assert!(!is_left(&stale, &at(1), now));
    }
}
