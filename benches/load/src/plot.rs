//! Plots as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;

/// The name of a line, and its points.
pub type Line = (String, Vec<(f64, f64)>);

const SIZE: (u32, u32) = (640, 400);

/// Told apart also by those who see fewer colours, after Okabe and Ito.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// Draws a bar for each name.
///
/// # Errors
///
/// Where the file can't be written.
pub fn bars(path: &Path, title: &str, names: &[String], values: &[f64]) -> Result<()> {
    draw_bars(path, title, names, values).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Draws lines, with both axes logarithmic.
///
/// # Errors
///
/// Where the file can't be written.
pub fn lines(path: &Path, title: &str, horizontal: &str, lines: &[Line]) -> Result<()> {
    draw_lines(path, title, horizontal, lines).map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn draw_bars(path: &Path, title: &str, names: &[String], values: &[f64]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let highest = values.iter().copied().fold(0., f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(64)
        .build_cartesian_2d((0..names.len() - 1).into_segmented(), 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|segment| match segment {
            SegmentValue::CenterOf(index) => names.get(*index).cloned().unwrap_or_default(),
            _ => String::new(),
        })
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    chart.draw_series(values.iter().enumerate().map(|(index, value)| {
        let corners = [(SegmentValue::Exact(index), 0.), (SegmentValue::Exact(index + 1), *value)];
        let mut bar = Rectangle::new(corners, colour(index).filled());
        bar.set_margin(0, 0, 24, 24);
        bar
    }))?;
    Ok(area.present()?)
}

fn draw_lines(path: &Path, title: &str, horizontal: &str, lines: &[Line]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let (left, right) = extent(points().map(|point| point.0));
    let (bottom, top) = extent(points().map(|point| point.1).filter(|value| *value > 0.));
    // The names have their place above the lines.
    let space = (top / bottom).powf(0.4).max(1.2);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((left..right).log_scale(), (bottom / 1.2..top * space).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(horizontal)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = colour(index);
        // Nothing has no place on a logarithmic axis.
        let points = points.iter().copied().map(|(x, y)| (x, y.max(bottom)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(area.present()?)
}

fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// Returns the least and the greatest value.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(least, greatest), value| (least.min(value), greatest.max(value)))
}

/// Returns a number as an axis has it.
fn number(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", value / 1e6),
        1e3.. => format!("{} k", value / 1e3),
        _ => format!("{}", (value * 1e3).round() / 1e3),
    }
}
