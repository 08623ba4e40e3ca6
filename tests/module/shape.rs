//! Shapes of replies as docs/replies.md writes them, and reading that page.

use harness::value::text;
use redis::Value;
use std::cell::Cell;

/// A reply without its contents.
#[derive(Debug)]
pub(crate) enum Shape {
    Int,
    Text,
    Simple,
    Nil,
    List(Vec<Shape>),
    /// Any number of these; whether one was seen.
    Many(Box<Shape>, Cell<bool>),
    Map(Vec<(String, Shape)>),
    /// One of these; whether it was seen.
    Either(Vec<(Shape, Cell<bool>)>),
}

impl Shape {
    /// Reads a block; what follows `#` in a line is a remark.
    pub(crate) fn parse(block: &str) -> Self {
        let mut spaced = String::new();
        for line in block.lines() {
            let line = line.split('#').next().unwrap_or_default();
            for c in line.chars() {
                match c {
                    '[' | ']' | '{' | '}' | '|' | '…' => spaced.extend([' ', c, ' ']),
                    other => spaced.push(other),
                }
            }
            spaced.push(' ');
        }
        let mut words = Words(spaced.split_whitespace().collect());
        let shape = words.item();
        assert!(words.0.is_empty(), "more than one shape: {block}");
        shape
    }

    /// Whether a reply is like this; what is not.
    pub(crate) fn fits(&self, value: &Value, is_3: bool) -> Result<(), String> {
        match (self, value) {
            (Self::Int, Value::Int(_))
            | (Self::Text, Value::BulkString(_))
            | (Self::Simple, Value::SimpleString(_) | Value::Okay)
            | (Self::Nil, Value::Nil) => Ok(()),
            (Self::List(shapes), Value::Array(values)) => fit_list(shapes, values, is_3),
            (Self::Map(fields), Value::Map(pairs)) if is_3 => fit_map(
                fields,
                pairs.iter().map(|(name, value)| (name, value)),
                is_3,
            ),
            (Self::Map(fields), Value::Array(flat)) if !is_3 && flat.len() % 2 == 0 => {
                let pairs = flat.chunks_exact(2).map(|pair| (&pair[0], &pair[1]));
                fit_map(fields, pairs, is_3)
            }
            (Self::Either(shapes), value) => {
                let found = shapes
                    .iter()
                    .find(|(shape, _)| shape.fits(value, is_3).is_ok());
                let (_, seen) = found.ok_or_else(|| format!("{value:?} is none of {shapes:?}"))?;
                seen.set(true);
                Ok(())
            }
            _ => Err(format!("{value:?} is no {self:?}")),
        }
    }

    /// A part that no reply had.
    pub(crate) fn never_seen(&self) -> Option<&Self> {
        match self {
            Self::Int | Self::Text | Self::Simple | Self::Nil => None,
            Self::List(shapes) => shapes.iter().find_map(Self::never_seen),
            Self::Map(fields) => fields.iter().find_map(|(_, shape)| shape.never_seen()),
            Self::Many(shape, seen) if seen.get() => shape.never_seen(),
            Self::Many(shape, _) => Some(shape),
            Self::Either(shapes) => shapes.iter().find_map(|(shape, seen)| match seen.get() {
                true => shape.never_seen(),
                false => Some(shape),
            }),
        }
    }
}

fn fit_list(shapes: &[Shape], values: &[Value], is_3: bool) -> Result<(), String> {
    if let [Shape::Many(shape, seen)] = shapes {
        for value in values {
            shape.fits(value, is_3)?;
            seen.set(true);
        }
        return Ok(());
    }
    if shapes.len() != values.len() {
        return Err(format!("{} items, not {}", values.len(), shapes.len()));
    }
    let mut both = shapes.iter().zip(values);
    both.try_for_each(|(shape, value)| shape.fits(value, is_3))
}

fn fit_map<'a>(
    fields: &[(String, Shape)],
    pairs: impl Iterator<Item = (&'a Value, &'a Value)>,
    is_3: bool,
) -> Result<(), String> {
    let pairs: Vec<(String, &Value)> = pairs.map(|(name, value)| (text(name), value)).collect();
    let names = |names: Vec<&String>| format!("{names:?}");
    let wanted = names(fields.iter().map(|(name, _)| name).collect());
    let found = names(pairs.iter().map(|(name, _)| name).collect());
    if wanted != found {
        return Err(format!("the names are {found}, not {wanted}"));
    }
    for ((name, shape), (_, value)) in fields.iter().zip(pairs) {
        let fits = shape.fits(value, is_3);
        fits.map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// What is left to be read.
struct Words<'a>(std::collections::VecDeque<&'a str>);

impl Words<'_> {
    fn take(&mut self) -> &str {
        self.0.pop_front().expect("an unfinished shape")
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.0.front() == Some(&word);
        if is {
            self.0.pop_front();
        }
        is
    }

    /// One shape, or several with `|` between them; with `…` behind it any number of them.
    fn item(&mut self) -> Shape {
        let mut shapes = vec![self.one()];
        while self.next_is("|") {
            shapes.push(self.one());
        }
        let item = match shapes.len() {
            1 => shapes.remove(0),
            _ => Shape::Either(
                shapes
                    .into_iter()
                    .map(|shape| (shape, Cell::default()))
                    .collect(),
            ),
        };
        match self.next_is("…") {
            true => Shape::Many(Box::new(item), Cell::default()),
            false => item,
        }
    }

    fn one(&mut self) -> Shape {
        match self.take() {
            "int" => Shape::Int,
            "text" => Shape::Text,
            "simple" => Shape::Simple,
            "nil" => Shape::Nil,
            "[" => {
                let mut items = Vec::new();
                while !self.next_is("]") {
                    items.push(self.item());
                }
                Shape::List(items)
            }
            "{" => {
                let mut fields = Vec::new();
                while !self.next_is("}") {
                    let name = self.take();
                    let name = name.strip_suffix(':').map(str::to_owned);
                    fields.push((name.expect("a name and a colon"), self.item()));
                }
                Shape::Map(fields)
            }
            other => panic!("'{other}' is no shape"),
        }
    }
}

/// What the page says of one command.
pub(crate) struct Section {
    pub(crate) command: String,
    pub(crate) examples: Vec<String>,
    /// What all of them answer.
    pub(crate) shape: Option<Shape>,
    /// Codes, and what gets them.
    pub(crate) errors: Vec<(String, String)>,
}

/// The page.
pub(crate) struct Page {
    /// What runs before.
    pub(crate) setup: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

impl Page {
    pub(crate) fn parse(page: &str) -> Self {
        let (top, sections) = page.split_once("\n## ").expect("sections");
        let sections = sections.split("\n## ").map(|section| {
            let command = section.lines().next().unwrap_or_default().to_owned();
            let reply = block(section, "reply").unwrap_or_default();
            let (examples, shape): (Vec<&str>, Vec<&str>) =
                reply.lines().partition(|line| line.starts_with("> "));
            let errors = block(section, "errors").unwrap_or_default();
            let errors = errors.lines().map(|line| {
                let (code, example) = line.split_once(' ').expect("a code and a command");
                (code.to_owned(), example.trim_start().to_owned())
            });
            Section {
                command,
                examples: examples.iter().map(|line| line[2..].to_owned()).collect(),
                shape: (!shape.is_empty()).then(|| Shape::parse(&shape.join("\n"))),
                errors: errors.collect(),
            }
        });
        Self {
            setup: block(top, "setup")
                .expect("a setup")
                .lines()
                .map(str::to_owned)
                .collect(),
            sections: sections.collect(),
        }
    }
}

/// The fenced block of this kind.
fn block<'a>(section: &'a str, kind: &str) -> Option<&'a str> {
    let (_, rest) = section.split_once(&format!("\n```{kind}\n"))?;
    rest.split_once("\n```").map(|(block, _)| block)
}
