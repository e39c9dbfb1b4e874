// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Medians, side by side.

use std::time::Duration;

use crate::text;

/// How a figure is written, and which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds; less is better.
    Time,
    /// Bytes; less is better.
    Size,
    /// Requests a second.
    Rate,
    /// Bytes a second.
    Throughput,
    /// Parts of a hundred.
    Percent,
    /// A number; less is better.
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Time => text::time(Duration::from_nanos(value as u64)),
            Self::Size => text::bytes(value),
            Self::Rate => format!("{:.3} M/s", value / 1e6),
            Self::Throughput => format!("{}/s", text::bytes(value)),
            Self::Percent => format!("{value:.1} %"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// One measured value.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub name: String,
    pub unit: Unit,
    pub value: f64,
}

#[derive(Debug)]
struct Row {
    name: String,
    unit: Unit,
    /// For each subject, the values of all rounds.
    values: Vec<Vec<f64>>,
}

/// All figures of one device.
#[derive(Debug)]
pub(crate) struct Report {
    subjects: Vec<String>,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(subjects: impl IntoIterator<Item = String>) -> Self {
        Self {
            subjects: subjects.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Takes the figures of one round of the subject with this number.
    pub(crate) fn add(&mut self, subject: usize, figures: Vec<Figure>) {
        for figure in figures {
            let found = self.rows.iter().position(|row| row.name == figure.name);
            let row = found.unwrap_or_else(|| {
                self.rows.push(Row {
                    name: figure.name,
                    unit: figure.unit,
                    values: vec![Vec::new(); self.subjects.len()],
                });
                self.rows.len() - 1
            });
            self.rows[row].values[subject].push(figure.value);
        }
    }

    /// The table. With a subject to compare with, each other one has a second column: its median
    /// over that one's.
    pub(crate) fn table(&self, against: Option<&str>) -> String {
        let reference =
            against.and_then(|label| self.subjects.iter().position(|name| name == label));
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0);
        let mut out = format!("{:width$}", "");
        for (index, label) in self.subjects.iter().enumerate() {
            out += &format!("  {label:>14}");
            if reference.is_some_and(|reference| reference != index) {
                out += &format!("  {:>7}", "ratio");
            }
        }
        out.push('\n');
        for row in &self.rows {
            out += &format!("{:width$}", row.name);
            let base = reference.and_then(|reference| median(&row.values[reference]));
            for (index, values) in row.values.iter().enumerate() {
                let value = median(values);
                let shown = value.map_or("-".to_owned(), |value| row.unit.show(value));
                out += &format!("  {shown:>14}");
                if reference.is_some_and(|reference| reference != index) {
                    let ratio = value
                        .zip(base)
                        .filter(|(_, base)| *base > 0.0)
                        .map_or("-".to_owned(), |(value, base)| {
                            format!("{:.2}", value / base)
                        });
                    out += &format!("  {ratio:>7}");
                }
            }
            out.push('\n');
        }
        out
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64) -> Figure {
        Figure {
            name: "rate".to_owned(),
            unit: Unit::Rate,
            value,
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let mut report = Report::new(["ours".to_owned(), "theirs".to_owned()]);
        for (ours, theirs) in [(9e6, 1e6), (3e6, 2e6), (2e6, 4e6)] {
            report.add(0, vec![figure(ours)]);
            report.add(1, vec![figure(theirs)]);
        }
        let table = report.table(Some("theirs"));
        let cells: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["rate", "3.000", "M/s", "1.50", "2.000", "M/s"]);
    }

    #[test]
    fn without_a_comparison_there_is_no_ratio() {
        let mut report = Report::new(["ours".to_owned()]);
        report.add(0, vec![figure(1e6)]);
        assert!(!report.table(None).contains("ratio"));
        assert!(!report.table(Some("theirs")).contains("ratio"));
    }
}
