// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What came of it, for people.

use std::path::PathBuf;
use std::time::Duration;

use crate::text;

const MARGIN: usize = 63;
const WIDTH: usize = 125;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub device: String,
    pub tier: &'static str,
    /// The kernel's driver.
    pub driver: &'static str,
    pub what: String,
    pub time: Duration,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Good,
    Skipped,
    /// Why, and where to read on.
    Failed(String, PathBuf),
}

/// Prints the table, and tells whether nothing failed.
pub(crate) fn show(rows: &[Row]) -> bool {
    println!();
    let line = |device: &str, tier: &str, driver: &str, time: &str, verdict: &str, what: &str| {
        let mut front = format!("{device:<8} {tier:<5} {driver:<26} {time:>9} {verdict:<8}");
        for text in text::wrap(what, WIDTH - MARGIN) {
            println!("{front:<MARGIN$}{text}");
            front.clear();
        }
    };
    line(
        "device",
        "tier",
        "driver",
        "time",
        "verdict",
        "what was tried",
    );
    let mut good = true;
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Good => "good",
            Verdict::Skipped => "skipped",
            Verdict::Failed(..) => "FAILED",
        };
        let time = text::time(row.time);
        line(&row.device, row.tier, row.driver, &time, verdict, &row.what);
        if let Verdict::Failed(why, logs) = &row.verdict {
            good = false;
            why.lines().for_each(|line| println!("    | {line}"));
            println!("    logs: {}", logs.display());
        }
    }
    println!();
    good
}
