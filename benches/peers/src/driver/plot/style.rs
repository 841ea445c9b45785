// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the plots look like. The background stays transparent, and all colours are of medium
//! lightness, so that they can be read on white and on black alike.

use std::collections::BTreeSet;

use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::plan::OURS;
use crate::record::Subject;
use crate::report::{count, duration};

pub const WIDTH: u32 = 860;
pub const TEXT: RGBColor = RGBColor(0x76, 0x7d, 0x86);
pub const GRID: RGBAColor = RGBAColor(0x80, 0x88, 0x90, 0.3);

/// Plotters draws letters at size / 1.24.
pub const SIZE: f64 = 16.0;
pub const TITLE_SIZE: f64 = 20.0;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Lock,
    Everything,
    One,
    Ours,
}

impl Kind {
    pub fn of(subject: &Subject) -> Kind {
        match subject.protects.as_str() {
            _ if subject.library == OURS => Kind::Ours,
            "one" => Kind::One,
            "everything" => Kind::Everything,
            _ => Kind::Lock,
        }
    }

    pub fn colour(self) -> RGBColor {
        match self {
            Kind::Ours => RGBColor(0xe0, 0x5a, 0x10),
            Kind::One => RGBColor(0x2f, 0x86, 0xd6),
            Kind::Everything => RGBColor(0x2c, 0x96, 0x78),
            Kind::Lock => RGBColor(0x8c, 0x85, 0x9c),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Kind::Ours => "hazptr",
            Kind::One => "protect one object",
            Kind::Everything => "protect everything",
            Kind::Lock => "locks, counts",
        }
    }
}

pub fn text(colour: &RGBColor, size: f64, bold: bool, h: HPos, v: VPos) -> TextStyle<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };

    ("sans-serif", size, style)
        .into_font()
        .transform(FontTransform::None)
        .color(colour)
        .pos(Pos::new(h, v))
}

pub fn failed(error: impl std::fmt::Display) -> String {
    format!("plot: {error}")
}

/// The width of a text, near enough: the backend knows no fonts.
pub fn width_of(text: &str, size: f64) -> i32 {
    (text.chars().count() as f64 * size / 1.24 * 0.56) as i32
}

/// The title, and below it what the colours mean.
pub fn head(area: &Area, title: &str, kinds: impl Iterator<Item = Kind>) -> Result<(), String> {
    let style = text(&TEXT, TITLE_SIZE, true, HPos::Left, VPos::Center);
    let mut x = 12;

    area.draw(&Text::new(title.to_string(), (x, 18), style)).map_err(failed)?;
    for kind in kinds.collect::<BTreeSet<_>>().into_iter().rev() {
        let style = text(&kind.colour(), SIZE, true, HPos::Left, VPos::Center);

        area.draw(&Text::new(kind.title(), (x, 42), style)).map_err(failed)?;
        x += width_of(kind.title(), SIZE) + 34;
    }
    Ok(())
}

#[derive(Clone, Copy)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    Count,
}

impl Unit {
    /// Less than that is drawn as this: it is lost in the noise, or nothing.
    pub fn least(self) -> f64 {
        match self {
            Unit::Time => 0.1,
            Unit::Count => 1.0,
        }
    }

    pub fn written(self, value: f64) -> String {
        match self {
            Unit::Time if value < self.least() => format!("< {}", self.least()),
            Unit::Time => duration(value),
            Unit::Count => count(value),
        }
    }

    /// At an axis.
    pub fn power(self, value: f64) -> String {
        match self {
            Unit::Time => power(value),
            Unit::Count => count(value),
        }
    }
}

/// A power of ten, at an axis.
pub fn power(ns: f64) -> String {
    match ns {
        ..0.95 => format!("{ns:.1} ns"),
        ..950.0 => format!("{ns:.0} ns"),
        ..950e3 => format!("{:.0} µs", ns / 1e3),
        ..950e6 => format!("{:.0} ms", ns / 1e6),
        _ => format!("{:.0} s", ns / 1e9),
    }
}

/// From a power of ten to a bit more than the greatest.
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, 0.0f64);

    for value in values {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return (1.0, 10.0);
    }
    let low = 10f64.powf(low.log10().floor());

    (low, (high * 1.2).max(low * 10.0))
}
