//! `ROOM.RANGE`: the log, paged.

use crate::call::look;
use crate::command::{Command, Failure, Options, parse_number};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;
use room_core::log::MAX_SEQ;
use room_core::position::Seq;

pub(crate) struct Range;

impl Command for Range {
    const SPEC: Spec = Spec {
        name: "ROOM.RANGE",
        summary: c"Reads messages by number",
        complexity:
            c"O(N) for N messages returned, plus O(S) for S messages in one segment of the log",
        arity: -4,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"from", ArgKind::String),
            ArgSpec::one(c"to", ArgKind::String),
            ArgSpec::COUNT,
            ArgSpec::BYTES,
            ArgSpec::option(c"rev", c"REV", ArgKind::Token),
            ArgSpec::option(c"uid", c"OWN", ArgKind::String),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let range = parse(args)?;
        look(ctx, args, |seen, reply| {
            range.run(seen.room)?.write(reply);
            Ok(())
        })
    }
}

fn parse(args: Args<'_>) -> Result<core::Range<'_>, Failure> {
    let mut range = core::Range {
        from: bound(args.bytes(2)?, b"-", 0)?,
        to: bound(args.bytes(3)?, b"+", MAX_SEQ)?,
        page: core::Page::default(),
        backwards: false,
        own: None,
    };
    let mut options = Options::new(args, 4);
    while let Some(word) = options.next_word() {
        match &word[..] {
            b"REV" => range.backwards = true,
            b"OWN" => range.own = Some(options.bytes()?),
            _ => of_page(&word, &mut options, &mut range.page)?,
        }
    }
    Ok(range)
}

fn bound(text: &[u8], open: &[u8], value: Seq) -> Result<Seq, Failure> {
    if text == open {
        return Ok(value);
    }
    parse_number(text)
        .filter(|n| *n <= MAX_SEQ)
        .ok_or_else(|| Failure::Number(text.into(), 0, MAX_SEQ))
}

/// Reads `[COUNT n] [BYTES n]`.
pub(super) fn page(args: Args<'_>, at: usize) -> Result<core::Page, Failure> {
    let mut page = core::Page::default();
    let mut options = Options::new(args, at);
    while let Some(word) = options.next_word() {
        of_page(&word, &mut options, &mut page)?;
    }
    Ok(page)
}

fn of_page(word: &[u8], options: &mut Options<'_>, page: &mut core::Page) -> Result<(), Failure> {
    match word {
        b"COUNT" => page.count = options.number(1, MAX_SEQ)?,
        b"BYTES" => page.bytes = options.number(1, MAX_SEQ)?,
        _ => return Err(options.unknown()),
    }
    Ok(())
}
