// SPDX-License-Identifier: MIT OR Apache-2.0
//! Curves on logarithmic scales, each with its name at its right end.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::style::{
    Area, GRID, Kind, SIZE, TEXT, WIDTH, failed, head, power, range, text, width_of,
};

const HEIGHT: i32 = 560;
const TOP: i32 = 66;
const BOTTOM: i32 = 48;
const LEFT: i32 = 66;
/// Between two names.
const APART: i32 = 17;

pub struct Curve {
    pub name: String,
    pub kind: Kind,
    pub points: Vec<(f64, f64)>,
}

pub struct Curves {
    pub title: &'static str,
    pub horizontal: &'static str,
    pub curves: Vec<Curve>,
}

impl Curves {
    pub fn draw(mut self) -> Result<String, String> {
        let mut svg = String::new();

        // Ours last, on top of the others.
        self.curves.sort_by_key(|curve| curve.kind);
        {
            let backend = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT as u32));
            let area = backend.into_drawing_area();

            head(&area, self.title, self.curves.iter().map(|curve| curve.kind))?;
            self.chart(&area)?;
            area.present().map_err(failed)?;
        }
        Ok(svg)
    }

    fn chart(&self, area: &Area) -> Result<(), String> {
        let names = self.curves.iter().map(|c| width_of(&c.name, SIZE)).max().unwrap_or(0);
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter());
        let most = points().map(|point| point.0).fold(2.0, f64::max);
        let (low, high) = range(points().map(|point| point.1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_right(names + 34)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d((1.0..most).log_scale().base(4.0), (low..high).log_scale())
            .map_err(failed)?;

        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(text(&TEXT, SIZE, false, HPos::Left, VPos::Top))
            .x_desc(self.horizontal)
            .x_label_formatter(&|count| format!("{count:.0}"))
            .y_label_formatter(&|ns| power(*ns))
            .draw()
            .map_err(failed)?;
        for curve in &self.curves {
            let width = if curve.kind == Kind::Ours { 4 } else { 2 };
            let colour = curve.kind.colour();

            let points = curve.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(width)))
                .map_err(failed)?;
            chart
                .draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))
                .map_err(failed)?;
        }
        let ends: Vec<_> = self
            .curves
            .iter()
            .map(|c| chart.backend_coord(c.points.last().unwrap_or(&(1.0, low))))
            .collect();
        self.names(area, &ends)
    }

    /// At the ends of the curves, or as near to them as there is room.
    fn names(&self, area: &Area, ends: &[(i32, i32)]) -> Result<(), String> {
        let mut order: Vec<usize> = (0..ends.len()).collect();

        order.sort_by_key(|&index| ends[index].1);
        let wanted: Vec<i32> = order.iter().map(|&index| ends[index].1).collect();
        for (index, y) in order.into_iter().zip(spread(&wanted)) {
            let curve = &self.curves[index];
            let colour = curve.kind.colour();
            let ours = curve.kind == Kind::Ours;
            let style = text(&colour, SIZE, ours, HPos::Left, VPos::Center);
            let (x, end) = ends[index];
            let thread = PathElement::new(vec![(x + 5, end), (x + 20, y)], colour.mix(0.6));

            area.draw(&thread).map_err(failed)?;
            area.draw(&Text::new(curve.name.clone(), (x + 24, y), style)).map_err(failed)?;
        }
        Ok(())
    }
}

/// Moves sorted places apart, groups of them about where they were.
fn spread(wanted: &[i32]) -> Vec<i32> {
    // Groups of (sum of wanted places less their offset in the group, how many).
    let mut groups: Vec<(i32, i32)> = Vec::new();
    let top = |&(sum, count): &(i32, i32)| (sum / count).clamp(TOP, HEIGHT - APART * count);

    for &place in wanted {
        groups.push((place, 1));
        while let [.., above, below] = groups[..] {
            if top(&above) + APART * above.1 <= top(&below) {
                break;
            }
            groups.truncate(groups.len() - 2);
            groups.push((above.0 + below.0 - APART * above.1 * below.1, above.1 + below.1));
        }
    }
    let places = |group: &(i32, i32)| {
        let first = top(group);

        (0..group.1).map(move |index| first + APART * index)
    };

    groups.iter().flat_map(places).collect()
}
