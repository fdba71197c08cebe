//! Rows of results, as a table and as JSON. Measures nothing.

use std::fmt::Write;

/// What a row must reach.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// The ratio of ours to the peer's, at least.
    Ratio(f64),
    /// The ratio of ours to the peer's, at most.
    RatioMost(f64),
    /// Ours alone, at most.
    Most(f64),
    /// The row is there to be looked at.
    None,
}

/// One comparison. In `rounds` rounds, `ours`, `peer` and `ratio` are medians, the ratio that of the
/// ratios in each round: what disturbs the machine for a while disturbs neighbours alike.
#[derive(Debug)]
pub struct Row {
    pub row: String,
    pub unit: &'static str,
    pub ours: f64,
    pub peer: f64,
    pub ratio: f64,
    /// Half of the ratios lie between these.
    pub quartiles: [f64; 2],
    pub bar: Bar,
    pub rounds: usize,
    /// How many processors other processes used meanwhile.
    pub others: f64,
}

impl Row {
    /// Compares rounds that were run side by side.
    pub fn of(row: String, unit: &'static str, ours: &[f64], peer: &[f64], bar: Bar) -> Self {
        let mut ratios: Vec<f64> = ours.iter().zip(peer).map(|(a, b)| a / b).collect();
        let ratio = median(&mut ratios);
        Self {
            row,
            unit,
            ours: median(&mut ours.to_vec()),
            peer: median(&mut peer.to_vec()),
            ratio,
            quartiles: [ratios[ratios.len() / 4], ratios[ratios.len() * 3 / 4]],
            bar,
            rounds: ratios.len(),
            others: 0.0,
        }
    }

    /// Whether the bar is reached; `None` without one.
    pub fn is_met(&self) -> Option<bool> {
        match self.bar {
            Bar::Ratio(least) => Some(self.ratio >= least),
            Bar::RatioMost(most) => Some(self.ratio <= most),
            Bar::Most(most) => Some(self.ours <= most),
            Bar::None => None,
        }
    }
}

impl Bar {
    fn text(self) -> String {
        match self {
            Self::Ratio(least) => format!(">= {least:.2} x"),
            Self::RatioMost(most) => format!("<= {most:.2} x"),
            Self::Most(most) => format!("<= {most}"),
            Self::None => String::new(),
        }
    }
}

/// Sorts, and takes the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 {
        numbers[middle]
    } else {
        (numbers[middle - 1] + numbers[middle]) / 2.0
    }
}

fn number(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

/// All rows, aligned.
pub fn table(rows: &[Row]) -> String {
    let mut cells = vec![
        [
            "row",
            "unit",
            "ours",
            "peer",
            "ratio",
            "quartiles",
            "others",
            "bar",
            "met",
        ]
        .map(String::from),
    ];
    for row in rows {
        let [low, high] = row.quartiles;
        cells.push([
            row.row.clone(),
            row.unit.to_owned(),
            number(row.ours),
            number(row.peer),
            format!("{:.2}", row.ratio),
            if row.rounds > 1 {
                format!("{low:.2}-{high:.2}")
            } else {
                String::new()
            },
            format!("{:.2}", row.others),
            row.bar.text(),
            match row.is_met() {
                Some(true) => "yes".to_owned(),
                Some(false) => "NO".to_owned(),
                None => String::new(),
            },
        ]);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..9).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers to the right.
            if (2..7).contains(&column) {
                let _ = write!(line, "{cell:>width$}  ");
            } else {
                let _ = write!(line, "{cell:<width$}  ");
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// All rows, for programs.
pub fn json(rows: &[Row]) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let bar = match row.bar {
                Bar::None => "null".to_owned(),
                bar => format!("\"{}\"", bar.text()),
            };
            let met = row.is_met().map_or_else(|| "null".to_owned(), |met| met.to_string());
            format!(
                "  {{\"row\": \"{}\", \"unit\": \"{}\", \"ours\": {:.3}, \"peer\": {:.3}, \"ratio\": {:.4}, \
                 \"low\": {:.4}, \"high\": {:.4}, \"others\": {:.3}, \"bar\": {bar}, \"met\": {met}, \"rounds\": {}}}",
                row.row, row.unit, row.ours, row.peer, row.ratio, row.quartiles[0], row.quartiles[1], row.others, row.rounds,
            )
        })
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}
