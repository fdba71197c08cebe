//! Rows of results, as a table. Measures nothing.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Write;

/// What a row must reach.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
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
#[derive(Debug, Deserialize, Serialize)]
pub struct Row {
    pub row: String,
    pub unit: String,
    #[serde(deserialize_with = "number_or_nan")]
    pub ours: f64,
    pub against: Option<Against>,
    pub bar: Bar,
    /// Whether the bar is reached; `None` without one.
    pub met: Option<bool>,
    pub rounds: usize,
    /// How many processors other processes used meanwhile.
    pub others: f64,
}

/// The peer's side of a row.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Against {
    #[serde(deserialize_with = "number_or_nan")]
    pub peer: f64,
    #[serde(deserialize_with = "number_or_nan")]
    pub ratio: f64,
    /// Half of the ratios lie between this one and `high`.
    #[serde(deserialize_with = "number_or_nan")]
    pub low: f64,
    #[serde(deserialize_with = "number_or_nan")]
    pub high: f64,
}

/// JSON has no number for what cannot be computed, and `null` instead.
fn number_or_nan<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(input)?.unwrap_or(f64::NAN))
}

/// What could not be measured here, and why.
#[derive(Debug, Deserialize, Serialize)]
pub struct Absent {
    pub part: String,
    pub why: String,
}

/// The machine and the programs of a run.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Machine {
    pub processor: String,
    pub processors: usize,
    pub system: String,
    pub server: String,
    pub compiler: String,
    pub date: String,
}

/// A whole run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Run {
    pub machine: Machine,
    pub is_quick: bool,
    pub seconds: u64,
    pub rows: Vec<Row>,
    pub absent: Vec<Absent>,
}

impl Row {
    /// Compares rounds that were run side by side.
    pub fn of(row: &str, unit: &str, ours: &[f64], peer: &[f64], bar: Bar) -> Self {
        let mut ratios: Vec<f64> = ours.iter().zip(peer).map(|(a, b)| a / b).collect();
        let ratio = median(&mut ratios);
        let against = Against {
            peer: median(&mut peer.to_vec()),
            ratio,
            low: ratios[ratios.len() / 4],
            high: ratios[ratios.len() * 3 / 4],
        };
        Self::with(row, unit, ours, Some(against), bar)
    }

    /// Compares with nobody.
    pub fn alone(row: &str, unit: &str, ours: &[f64], bar: Bar) -> Self {
        Self::with(row, unit, ours, None, bar)
    }

    fn with(row: &str, unit: &str, ours: &[f64], against: Option<Against>, bar: Bar) -> Self {
        let rounds = ours.len();
        let ours = median(&mut ours.to_vec());
        let ratio = against.map_or(f64::NAN, |against| against.ratio);
        let met = match bar {
            Bar::Ratio(least) => Some(ratio >= least),
            Bar::RatioMost(most) => Some(ratio <= most),
            Bar::Most(most) => Some(ours <= most),
            Bar::None => None,
        };
        Self {
            row: row.to_owned(),
            unit: unit.to_owned(),
            ours,
            against,
            bar,
            met,
            rounds,
            others: 0.0,
        }
    }

    /// Between which half of the ratios lie; empty if there is one at most.
    pub fn quartiles(&self) -> String {
        match self.against {
            Some(Against { low, high, .. }) if self.rounds > 1 => format!("{low:.2}-{high:.2}"),
            _ => String::new(),
        }
    }

    /// Whether there is a bar that is not reached.
    pub fn is_missed(&self) -> bool {
        self.met == Some(false)
    }
}

impl Bar {
    pub fn text(self) -> String {
        match self {
            Self::Ratio(least) => format!(">= {least:.2} x"),
            Self::RatioMost(most) => format!("<= {most:.2} x"),
            Self::Most(most) => format!("<= {most}"),
            Self::None => String::new(),
        }
    }
}

/// Sorts, and takes the middle.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 {
        numbers[middle]
    } else {
        (numbers[middle - 1] + numbers[middle]) / 2.0
    }
}

/// With as many digits as tell something.
pub fn number(value: f64) -> String {
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
        let against = row.against;
        cells.push([
            row.row.clone(),
            row.unit.clone(),
            number(row.ours),
            against.map_or_else(String::new, |against| number(against.peer)),
            against.map_or_else(String::new, |against| format!("{:.2}", against.ratio)),
            row.quartiles(),
            format!("{:.2}", row.others),
            row.bar.text(),
            match row.met {
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
