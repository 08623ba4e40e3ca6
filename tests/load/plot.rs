//! One picture of what the peers showed: how long a room needs to be whole again, and how late messages come.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// A file of figures, with those of `peers`
    from: PathBuf,
    /// The picture, as SVG
    to: PathBuf,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const OURS: &str = "Roomcast";
const WIDTH: u32 = 960;
const ROW: i32 = 34;
/// Where bars begin, and how long the longest is.
const LEFT: i32 = 150;
const LONGEST: i32 = 210;
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const OUR_BAR: RGBColor = RGBColor(0x1f, 0x7a, 0x8c);
const THEIR_BAR: RGBColor = RGBColor(0xb8, 0xc4, 0xcc);

/// One line of a chart: who, how much, and what is to be said about it.
struct Bar {
    name: String,
    value: f64,
    text: String,
}

pub(crate) fn run(options: &Options) {
    let text = std::fs::read_to_string(&options.from).expect("a file of figures");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let peers = &all["peers"];
    assert!(peers.is_object(), "the file has no figures of the peers");
    draw(options, peers).unwrap_or_else(|error| panic!("the picture: {error}"));
    println!("{}", options.to.display());
}

fn draw(options: &Options, peers: &Value) -> Drawn {
    let figures = &peers["figures"];
    let (storm, late) = (storm(&figures["storm"]), latency(&figures["latency"]));
    let rows = storm.len().max(late.len()) as i32;
    let height = (110 + rows * ROW) as u32;
    let area = SVGBackend::new(&options.to, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(WIDTH / 2);
    let storm_row = &figures["storm"][0];
    let title = format!(
        "{} clients return, {} messages missed each",
        storm_row["clients"], storm_row["missed"]
    );
    chart(&left, &title, &storm, |value| value)?;
    let title = format!(
        "{} clients, {:.0} messages/s: p99, bars are logarithmic",
        figures["latency"]["subscribers"],
        figures["latency"]["rate"].as_f64().unwrap_or_default()
    );
    chart(&right, &title, &late, |ms| (1.0 + ms).ln())?;
    let about = &peers["about"];
    let foot = format!(
        "{}, {}",
        about["machine"].as_str().unwrap_or_default(),
        about["date"].as_str().unwrap_or_default()
    );
    area.draw(&Text::new(foot, (16, height as i32 - 24), font(12)))?;
    area.present()?;
    Ok(())
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn storm(rows: &Value) -> Vec<Bar> {
    let bars = rows.as_array().into_iter().flatten().filter_map(|row| {
        let seconds = row["back_s"].as_f64()?;
        let lost = match row["lost"].as_u64()? {
            0 => String::new(),
            lost => format!(", {lost} lost"),
        };
        let cut = if row["server"] == "lives" {
            " (cut)"
        } else {
            ""
        };
        Some(Bar {
            name: format!("{}{cut}", row["peer"].as_str()?),
            value: seconds,
            text: format!("{seconds:.1} s{lost}"),
        })
    });
    bars.collect()
}

fn latency(latency: &Value) -> Vec<Bar> {
    let rows = latency["rows"].as_array().into_iter().flatten();
    let bars = rows.filter_map(|row| {
        let p99 = row["p99_ms"].as_f64()?;
        let delivered = row["delivered"].as_f64().filter(|share| *share < 0.99);
        let short = delivered.map_or(String::new(), |share| {
            format!(", {:.0} % came", share * 100.0)
        });
        Some(Bar {
            name: row["peer"].as_str()?.to_owned(),
            value: p99,
            text: match p99 {
                ..1000.0 => format!("{p99:.0} ms{short}"),
                _ => format!("{:.0} s{short}", p99 / 1000.0),
            },
        })
    });
    bars.collect()
}

/// `scale` makes a length of a value.
fn chart(area: &Area<'_>, title: &str, bars: &[Bar], scale: fn(f64) -> f64) -> Drawn {
    area.draw(&Text::new(title.to_owned(), (16, 18), font(15)))?;
    let most = bars
        .iter()
        .map(|bar| scale(bar.value))
        .fold(0.0, f64::max)
        .max(1e-9);
    for (at, bar) in bars.iter().enumerate() {
        let top = 52 + at as i32 * ROW;
        let end = LEFT
            + ((scale(bar.value) / most) * f64::from(LONGEST))
                .round()
                .max(2.0) as i32;
        let colour = if bar.name.starts_with(OURS) {
            OUR_BAR
        } else {
            THEIR_BAR
        };
        area.draw(&Text::new(bar.name.clone(), (16, top + 5), font(13)))?;
        area.draw(&Rectangle::new(
            [(LEFT, top), (end, top + ROW - 12)],
            colour.filled(),
        ))?;
        area.draw(&Text::new(bar.text.clone(), (end + 6, top + 5), font(13)))?;
    }
    Ok(())
}
