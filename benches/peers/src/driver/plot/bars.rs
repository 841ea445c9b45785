// SPDX-License-Identifier: MIT OR Apache-2.0
//! Horizontal bars on a logarithmic scale, each with its name on the left and its values on the right.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::style::{
    Area, GRID, Kind, SIZE, TEXT, Unit, WIDTH, failed, head, range, text, width_of,
};

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
    pub unit: Unit,
    pub marks: &'static [(Mark, &'static str)],
    pub bars: Vec<Bar>,
    /// A line down the plot, and what it stands for.
    pub floor: Option<(f64, &'static str)>,
}

/// From values to pixels.
struct Scale {
    low: f64,
    high: f64,
    left: i32,
    right: i32,
}

impl Scale {
    fn x(&self, value: f64) -> i32 {
        let part = (value.max(self.low) / self.low).log10() / (self.high / self.low).log10();

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
        let floor = self.floor.map(|(value, _)| value);
        let least = self.unit.least();
        let (low, high) = range(values.chain(floor).map(|value| value.max(least)));

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
        if let Some((value, what)) = self.floor {
            line(area, (x + 18, 56), (x + 18, 73), &TEXT.to_rgba(), 1)?;
            legend_text(area, x + 26, &format!("{what}: {}", self.unit.written(value)))?;
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
            area.draw(&Text::new(self.unit.power(value), (x, bottom + 16), style))
                .map_err(failed)?;
            value *= 10.0;
        }
        if let Some((value, _)) = self.floor {
            let x = scale.x(value);

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
            if let Some(value) = *value {
                draw_mark(area, mark, (scale.left, scale.x(value)), middle, &colour)?;
            }
        }
        for (index, value) in bar.values.iter().enumerate() {
            let style = text(&colour, SIZE, ours, HPos::Right, VPos::Center);
            let value = value.map(|value| self.unit.written(value)).unwrap_or_default();

            area.draw(&Text::new(value, (self.column(index), middle), style)).map_err(failed)?;
        }
        Ok(())
    }
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
