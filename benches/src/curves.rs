//! Curves over an axis of powers of two, and their picture. Measures nothing.

use plotters::prelude::*;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const COLOURS: [RGBColor; 4] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(230, 126, 34),
    RGBColor(44, 160, 44),
];

/// One picture with several curves, both of whose axes are logarithmic.
pub struct Plot {
    /// The name of its file, without the ending.
    file: &'static str,
    title: String,
    across: &'static str,
    up: &'static str,
    curves: Vec<(&'static str, Vec<(f64, f64)>)>,
    /// How many processors others used, for each place on the axis.
    others: Vec<f64>,
}

impl Plot {
    pub fn new(file: &'static str, title: &str, across: &'static str, up: &'static str) -> Self {
        Self {
            file,
            title: title.to_owned(),
            across,
            up,
            curves: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Adds a point to each curve of these names.
    pub fn add(&mut self, x: usize, names: &[&'static str], values: &[f64], others: f64) {
        for (name, value) in names.iter().zip(values) {
            let point = (x as f64, *value);
            match self.curves.iter_mut().find(|(known, _)| known == name) {
                Some((_, points)) => points.push(point),
                None => self.curves.push((name, vec![point])),
            }
        }
        self.others.push(others);
    }

    /// Draws it into this folder, which is made; says where.
    pub fn draw(&self, folder: &Path) -> Result<PathBuf, String> {
        let path = folder.join(format!("{}.svg", self.file));
        let drawn = fs::create_dir_all(folder)
            .map_err(Into::into)
            .and_then(|()| self.try_draw(&path));
        match drawn {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// The range of an axis, with some room.
    fn range(&self, of: fn(&(f64, f64)) -> f64, room: f64) -> std::ops::Range<f64> {
        let points = self.curves.iter().flat_map(|(_, points)| points).map(of);
        let (least, most) = points.fold((f64::MAX, 1.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        least.max(0.1) / room..most * room
    }

    fn try_draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, (900, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let most = self.others.iter().copied().fold(0.0, f64::max);
        let title = format!("{} (others: at most {most:.2} processors)", self.title);
        let across = self.range(|(x, _)| *x, 1.1).log_scale().base(2.0);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 16))
            .margin(10)
            .x_label_area_size(35)
            .y_label_area_size(80)
            .build_cartesian_2d(across, self.range(|(_, y)| *y, 2.0).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| short(*y))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for ((name, points), colour) in self.curves.iter().zip(COLOURS) {
            chart
                .draw_series(LineSeries::new(
                    points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
            let dots = points
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled()));
            chart.draw_series(dots)?;
        }
        // Where curves that grow, or fall, leave room.
        let first = self.curves.first().map(|(_, points)| points);
        let falls =
            first.is_some_and(|points| points.first().map(|p| p.1) > points.last().map(|p| p.1));
        let position = match falls {
            true => SeriesLabelPosition::UpperRight,
            false => SeriesLabelPosition::UpperLeft,
        };
        chart
            .configure_series_labels()
            .position(position)
            .background_style(WHITE)
            .draw()?;
        area.present()?;
        Ok(())
    }
}

/// `65536` as `64 Ki` where it is a power of two, otherwise with `k` or `M`.
fn short(value: f64) -> String {
    let is_power = value >= 1024.0 && value.log2().fract() == 0.0;
    let (step, units) = match is_power {
        true => (1024.0, ["", " Ki", " Mi", " Gi"]),
        false => (1000.0, ["", " k", " M", " G"]),
    };
    let (mut value, mut unit) = (value, 0);
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let text = match value < 10.0 && value.fract() > 0.01 {
        true => format!("{value:.1}"),
        false => format!("{value:.0}"),
    };
    format!("{text}{}", units[unit])
}
