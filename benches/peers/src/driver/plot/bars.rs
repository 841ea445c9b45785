// SPDX-License-Identifier: MIT OR Apache-2.0
//! Horizontal bars on a logarithmic scale, each with its name on the left and its values on the right.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::style::{
    Area, GRID, Kind, SIZE, TEXT, WIDTH, failed, head, power, range, text, width_of,
};
use crate::report::duration;

/// Less than that is lost in the noise: drawn as this.
const LEAST: f64 = 0.1;

const ROW: i32 = 21;
const TOP: i32 = 100;
const BOTTOM: i32 = 34;
/// Of a column of values.
const COLUMN: i32 = 64;

#[derive(Clone, Copy)]
pub enum Mark {
    Bar,
    Dot,
    Tick,
}

pub struct Bar {
    pub name: String,
    pub kind: Kind,
    /// One for each mark.
    pub values: Vec<Option<f64>>,
}

pub struct Bars {
    pub title: &'static str,
    pub marks: &'static [(Mark, &'static str)],
    pub bars: Vec<Bar>,
    /// A line down the plot, and what it stands for.
    pub floor: Option<(f64, &'static str)>,
}

/// From duration to pixels.
struct Scale {
    low: f64,
    high: f64,
    left: i32,
    right: i32,
}

impl Scale {
    fn x(&self, ns: f64) -> i32 {
        let part = (ns.max(self.low) / self.low).log10() / (self.high / self.low).log10();

        self.left + (part * f64::from(self.right - self.left)) as i32
    }
}

impl Bars {
    pub fn draw(&self) -> Result<String, String> {
        let height = TOP + ROW * self.bars.len() as i32 + BOTTOM;
        let mut svg = String::new();

        {
            let backend = SVGBackend::with_string(&mut svg, (WIDTH, height as u32));
            let area = backend.into_drawing_area();

            head(&area, self.title, self.bars.iter().map(|bar| bar.kind))?;
            self.legend(&area)?;
            let scale = self.scale();
            self.axis(&area, &scale)?;
            for (row, bar) in self.bars.iter().enumerate() {
                self.row(&area, &scale, bar, TOP + ROW * row as i32)?;
            }
            area.present().map_err(failed)?;
        }
        Ok(svg)
    }

    /// The right side of a column.
    fn column(&self, mark: usize) -> i32 {
        WIDTH as i32 - 12 - COLUMN * (self.marks.len() - 1 - mark) as i32
    }

    fn scale(&self) -> Scale {
        let names = self.bars.iter().map(|bar| width_of(&bar.name, SIZE)).max().unwrap_or(0);
        let values = self.bars.iter().flat_map(|bar| bar.values.iter().copied().flatten());
        let floor = self.floor.map(|(ns, _)| ns);
        let (low, high) = range(values.chain(floor).map(|ns| ns.max(LEAST)));

        Scale { low, high, left: names + 24, right: self.column(0) - COLUMN }
    }

    /// What the marks mean.
    fn legend(&self, area: &Area) -> Result<(), String> {
        let mut x = 12;

        for &(mark, what) in self.marks {
            // A bar begins where the others are.
            let from = if matches!(mark, Mark::Bar) { x } else { x + 12 };

            draw_mark(area, mark, (from, x + 18), 64, &TEXT)?;
            x = legend_text(area, x + 26, what)?;
        }
        if let Some((ns, what)) = self.floor {
            line(area, (x + 18, 56), (x + 18, 73), &TEXT.to_rgba(), 1)?;
            legend_text(area, x + 26, &format!("{what}: {}", duration(ns)))?;
        }
        Ok(())
    }

    fn axis(&self, area: &Area, scale: &Scale) -> Result<(), String> {
        let bottom = TOP + ROW * self.bars.len() as i32;
        let mut value = scale.low;

        for (index, &(mark, _)) in self.marks.iter().enumerate() {
            let x = self.column(index);
            let from = if matches!(mark, Mark::Bar) { x - 18 } else { x };

            draw_mark(area, mark, (from, x), TOP - 12, &TEXT)?;
        }
        while value <= scale.high {
            let x = scale.x(value);
            let style = text(&TEXT, SIZE, false, HPos::Center, VPos::Center);

            line(area, (x, TOP - 4), (x, bottom + 4), &GRID, 1)?;
            area.draw(&Text::new(power(value), (x, bottom + 16), style)).map_err(failed)?;
            value *= 10.0;
        }
        if let Some((ns, _)) = self.floor {
            let x = scale.x(ns);

            line(area, (x, TOP - 4), (x, bottom + 4), &TEXT.to_rgba(), 1)?;
        }
        Ok(())
    }

    fn row(&self, area: &Area, scale: &Scale, bar: &Bar, top: i32) -> Result<(), String> {
        let ours = bar.kind == Kind::Ours;
        let colour = bar.kind.colour();
        let middle = top + ROW / 2;
        let style = text(&colour, SIZE, ours, HPos::Right, VPos::Center);

        area.draw(&Text::new(bar.name.clone(), (scale.left - 8, middle), style)).map_err(failed)?;
        for (&(mark, _), value) in self.marks.iter().zip(&bar.values) {
            if let Some(ns) = *value {
                draw_mark(area, mark, (scale.left, scale.x(ns)), middle, &colour)?;
            }
        }
        for (index, value) in bar.values.iter().enumerate() {
            let style = text(&colour, SIZE, ours, HPos::Right, VPos::Center);
            let value = value.map(written).unwrap_or_default();

            area.draw(&Text::new(value, (self.column(index), middle), style)).map_err(failed)?;
        }
        Ok(())
    }
}

fn written(ns: f64) -> String {
    if ns < LEAST { format!("< {LEAST}") } else { duration(ns) }
}

/// Returns where the next entry goes.
fn legend_text(area: &Area, x: i32, what: &str) -> Result<i32, String> {
    let style = text(&TEXT, SIZE, false, HPos::Left, VPos::Center);

    area.draw(&Text::new(what.to_string(), (x, 64), style)).map_err(failed)?;
    Ok(x + width_of(what, SIZE) + 20)
}

fn line(
    area: &Area,
    from: (i32, i32),
    to: (i32, i32),
    colour: &RGBAColor,
    width: u32,
) -> Result<(), String> {
    let style = colour.stroke_width(width);

    area.draw(&PathElement::new(vec![from, to], style)).map_err(failed)
}

fn draw_mark(
    area: &Area,
    mark: Mark,
    (left, right): (i32, i32),
    middle: i32,
    colour: &RGBColor,
) -> Result<(), String> {
    match mark {
        Mark::Bar => {
            let corners = [(left, middle - 6), (right, middle + 6)];

            area.draw(&Rectangle::new(corners, colour.mix(0.55).filled())).map_err(failed)
        }
        Mark::Dot => area.draw(&Circle::new((right, middle), 4, colour.filled())).map_err(failed),
        Mark::Tick => line(area, (right, middle - 8), (right, middle + 8), &colour.to_rgba(), 3),
    }
}
