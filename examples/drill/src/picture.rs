//! Draws the latency over time, with the events marked.

use crate::phases::Span;
use crate::record::Columns;
use hdrhistogram::Histogram;
use plotters::prelude::*;
use std::error::Error;
use std::fs;
use std::path::Path;

/// A curve: its name, its colour, and the microseconds of a column.
type Curve = (&'static str, RGBColor, fn(&Histogram<u32>) -> u64);

const CURVES: [Curve; 3] = [
    ("max", RGBColor(192, 57, 43), |of| of.max()),
    ("p99", RGBColor(230, 126, 34), |of| {
        of.value_at_quantile(0.99)
    }),
    ("p50", RGBColor(44, 62, 80), |of| of.value_at_quantile(0.5)),
];

/// Writes the picture to `path`, whose folder is made.
pub(crate) fn draw(
    path: &Path,
    title: &str,
    columns: &Columns,
    spans: &[Span],
    total: u64,
) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        // What is wrong with it shows when the file is written.
        let _ = fs::create_dir_all(folder);
    }
    try_draw(path, title, columns, spans, total)
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn try_draw(
    path: &Path,
    title: &str,
    columns: &Columns,
    spans: &[Span],
    total: u64,
) -> Result<(), Box<dyn Error>> {
    /// In milliseconds.
    const LOWEST: f64 = 0.01;
    const HIGHEST: f64 = 10_000.0;
    let seconds = |micros: u64| micros as f64 / 1e6;
    let area = SVGBackend::new(path, (1200, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..seconds(total), (LOWEST..HIGHEST).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("s")
        .y_desc("ms")
        .light_line_style(TRANSPARENT)
        .draw()?;
    for span in spans {
        let colour = match span.name {
            "move" => RGBColor(207, 227, 255),
            "migration" => RGBColor(230, 245, 216),
            _ => RGBColor(255, 217, 207),
        };
        let end = seconds(span.end.unwrap_or(total).min(total));
        let corners = [(seconds(span.begin), LOWEST), (end, HIGHEST)];
        let style = colour.mix(0.6).filled();
        chart.draw_series([Rectangle::new(corners, style)])?;
        let label = Text::new(
            span.name,
            (seconds(span.begin), HIGHEST),
            ("sans-serif", 12),
        );
        chart.draw_series([label])?;
    }
    for (name, colour, pick) in CURVES {
        let points = columns.iter().map(|(at, column)| {
            let ms = pick(column) as f64 / 1000.0;
            (seconds(at.min(total)), ms.clamp(LOWEST, HIGHEST))
        });
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}
