// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `rust-vmm-ci coverage`: lines that tests reach, against the floors of a gate file.
//!
//! Reports are in lcov's form. A line counts as reached if it is so in one of them: what one memory
//! variant does not have, the other may.
//!
//! ```json
//! {
//!   "exclude": ["crates/xtask"],
//!   "minimum": { "total": 85.0, "staging": 60.0, "new_crate": 60.0 },
//!   "leeway": { "points": 0.4, "lines": 15 },
//!   "floors": { "mmap": { "total": 91.25, "staging": null,
//!                         "crates": { "crates/guest-memory": 93.4 } } },
//!   "drops": []
//! }
//! ```
//!
//! | what | must be |
//! |---|---|
//! | total: all crates but those in `crates/staging` | at its floor or above, and at `minimum.total` |
//! | staging: those together | at its floor or above, and at `minimum.staging` |
//! | a crate with a floor | in the report, at its floor or above |
//! | a crate without one, so a new one | at `minimum.new_crate` |
//!
//! Whether some lines run is up to timing: a score counts as held within `leeway`, so many points or
//! so many lines below its floor, whichever is more. Without the key there is none.
//!
//! A new crate may draw the total below its floor by up to a point, if the others together hold it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sources;

/// Beyond so many points above it, a floor is worth raising.
const WORTH_RAISING: f64 = 0.5;

/// New crates may cost the total so many points.
const NEW_MAY_COST: f64 = 1.0;

/// Crates in this folder have floors of their own.
const STAGING: &str = "crates/staging/";

/// So many of a crate's files are shown when it fell.
const SHOWN: usize = 5;

#[derive(Args)]
pub(crate) struct Options {
    /// A report: `cargo llvm-cov report --lcov`; may be given several times, to be merged
    #[arg(long = "report", value_name = "FILE", required = true)]
    reports: Vec<PathBuf>,

    /// The gate file, as in coverage/x86_64.json
    #[arg(long, value_name = "FILE")]
    gate: PathBuf,

    /// Which floors of the gate file: mmap, xen or merged
    #[arg(long)]
    key: String,

    /// Write the floors anew where they were beaten
    #[arg(long)]
    update: bool,

    /// With --update: also write lower floors, and this reason into the gate file
    #[arg(long, value_name = "REASON", requires = "update")]
    allow_drop: Option<String>,

    /// The folder that paths in the gate file start from [default: the current one]
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    /// Folders and files that do not count, as paths from the root.
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    minimum: Minimum,
    #[serde(default)]
    leeway: Leeway,
    #[serde(default)]
    floors: BTreeMap<String, Floors>,
    #[serde(default)]
    drops: Vec<Drop>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Minimum {
    total: f64,
    staging: f64,
    new_crate: f64,
}

impl Default for Minimum {
    fn default() -> Self {
        Self {
            total: 85.0,
            staging: 60.0,
            new_crate: 60.0,
        }
    }
}

/// How far a score may lie below its floor.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Leeway {
    points: f64,
    lines: u64,
}

impl Leeway {
    fn holds(self, lines: Lines, floor: f64) -> bool {
        let points = (self.lines * 100) as f64 / lines.count.max(1) as f64;
        lines.score() >= floor - points.max(self.points)
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Floors {
    total: Option<f64>,
    staging: Option<f64>,
    crates: BTreeMap<String, f64>,
}

/// A floor that was lowered on purpose.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Drop {
    key: String,
    what: String,
    from: f64,
    /// None: it is not in the report any more.
    to: Option<f64>,
    reason: String,
}

/// Lines of each file, and whether something reached them.
type Report = BTreeMap<PathBuf, BTreeMap<u32, bool>>;

/// Lines that could be reached, and those that were.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    count: u64,
    covered: u64,
}

impl Lines {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.covered += other.covered;
    }

    /// In per cent, with two digits, rounded down: a floor that is written is a floor that is held.
    fn score(self) -> f64 {
        match self.count {
            0 => 100.0,
            count => (self.covered * 10_000 / count) as f64 / 100.0,
        }
    }
}

/// A report, added up.
#[derive(Debug, Default)]
struct Measured {
    crates: BTreeMap<String, Lines>,
    /// Files of each crate.
    files: BTreeMap<String, Vec<(String, Lines)>>,
}

impl Measured {
    fn total_of(&self, wanted: impl Fn(&str) -> bool) -> Option<Lines> {
        let mut sum = None;
        for (_, lines) in self.crates.iter().filter(|(name, _)| wanted(name)) {
            sum.get_or_insert(Lines::default()).add(*lines);
        }
        sum
    }
}

/// What a comparison found.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    /// What must not be: the name of a floor (none: the matter has no floor), and a sentence.
    faults: Vec<Fault>,
    notes: Vec<String>,
    /// Floors that were beaten, or are new.
    raised: Floors,
}

#[derive(Debug, PartialEq)]
struct Fault {
    text: String,
    /// A floor that could be lowered, and to what.
    drop: Option<(String, f64, Option<f64>)>,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    if options
        .allow_drop
        .as_ref()
        .is_some_and(|reason| reason.trim().is_empty())
    {
        return Err(Error::Usage("--allow-drop: a reason is needed".to_owned()));
    }
    let root = match &options.root {
        Some(root) => fs::canonicalize(root).map_err(Error::read(root))?,
        None => sources::here()?,
    };
    let mut report = Report::new();
    for file in &options.reports {
        let text = fs::read_to_string(file).map_err(Error::read(file))?;
        merge(&mut report, file, &text)?;
    }
    let mut gate: Gate = match options.gate.exists() || !options.update {
        true => read(&options.gate)?,
        false => serde_json::from_str("{}").expect("every key has a default"),
    };
    let measured = measure(&report, &root, &gate.exclude);
    if measured.crates.is_empty() {
        return Err(Error::Other(format!(
            "{} has no file below {}",
            options.reports[0].display(),
            root.display()
        )));
    }
    let is_new = !gate.floors.contains_key(&options.key);
    if is_new && !options.update {
        let known: Vec<_> = gate.floors.keys().map(String::as_str).collect();
        return Err(Error::Other(format!(
            "{} has no floors for `{}`, only for: {}; --update writes them",
            options.gate.display(),
            options.key,
            known.join(", ")
        )));
    }
    let floors = gate.floors.entry(options.key.clone()).or_default().clone();
    let findings = compare(&measured, &floors, gate.minimum, gate.leeway);

    for note in &findings.notes {
        println!("{note}");
    }
    if let Some(total) = measured.total_of(|name| !is_staging(name)) {
        match findings.faults.len() {
            0 => println!("cell: {:.2} % of lines", total.score()),
            fell => println!(
                "cell: {:.2} % of lines, {fell} floors missed",
                total.score()
            ),
        }
    }
    for fault in &findings.faults {
        println!("FELL: {}", fault.text);
    }
    let mut failed = !findings.faults.is_empty();
    if options.update {
        failed = update(
            &mut gate,
            &options.key,
            findings,
            options.allow_drop.as_deref(),
        );
        let text = serde_json::to_string_pretty(&gate).expect("plain data");
        if let Some(folder) = options.gate.parent() {
            fs::create_dir_all(folder).map_err(Error::write(folder))?;
        }
        fs::write(&options.gate, text + "\n").map_err(Error::write(&options.gate))?;
        println!("wrote {}", options.gate.display());
    }
    if failed {
        println!(
            "coverage ({}): not enough; test what is new, or lower a floor on purpose: --update \
             --allow-drop \"REASON\"",
            options.key
        );
    }
    Ok(!failed)
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read_to_string(file).map_err(Error::read(file))?;
    serde_json::from_str(&text).map_err(|source| Error::Syntax {
        file: file.to_owned(),
        source,
    })
}

/// Adds the records of an lcov file: `SF:` names a source file, `DA:` a line and how often it ran.
fn merge(report: &mut Report, file: &Path, text: &str) -> Result<()> {
    let mut lines = None;
    for (index, record) in text.lines().enumerate() {
        if let Some(name) = record.strip_prefix("SF:") {
            lines = Some(report.entry(PathBuf::from(name)).or_default());
        } else if let Some(data) = record.strip_prefix("DA:") {
            let mut fields = data.split(',');
            let line = fields.next().and_then(|line| line.parse().ok());
            let runs = fields.next().and_then(|runs| runs.parse::<u64>().ok());
            let (Some(lines), Some(line), Some(runs)) = (&mut lines, line, runs) else {
                return Err(Error::Other(format!(
                    "{}: line {}: `{record}` is not lcov's",
                    file.display(),
                    index + 1
                )));
            };
            *lines.entry(line).or_default() |= runs > 0;
        }
    }
    Ok(())
}

fn measure(report: &Report, root: &Path, exclude: &[String]) -> Measured {
    let mut measured = Measured::default();
    for (file, hit) in report {
        // What lies elsewhere is a dependency.
        let path = match file.strip_prefix(root) {
            Ok(path) => path,
            Err(_) if file.is_relative() => file,
            Err(_) => continue,
        };
        if exclude.iter().any(|excluded| path.starts_with(excluded)) {
            continue;
        }
        let name = crate_of(path);
        let lines = Lines {
            count: hit.len() as u64,
            covered: hit.values().filter(|&&hit| hit).count() as u64,
        };
        measured.crates.entry(name.clone()).or_default().add(lines);
        let files = measured.files.entry(name).or_default();
        files.push((path.display().to_string(), lines));
    }
    measured
}

/// The folder of the crate that `path` belongs to.
fn crate_of(path: &Path) -> String {
    let inner = |name: &std::ffi::OsStr| {
        matches!(
            name.to_str(),
            Some("src" | "tests" | "benches" | "examples" | "build.rs")
        )
    };
    let folder: PathBuf = path.iter().take_while(|part| !inner(part)).collect();
    match folder == path {
        true => path.parent().unwrap_or(path).display().to_string(),
        false => folder.display().to_string(),
    }
}

fn is_staging(name: &str) -> bool {
    name.starts_with(STAGING)
}

fn compare(measured: &Measured, floors: &Floors, minimum: Minimum, leeway: Leeway) -> Findings {
    let mut findings = Findings::default();
    let fell = |what: &str, floor: f64, lines: Lines, more: &str| Fault {
        text: format!(
            "{what}: {:.2} %, {:.2} points below its floor of {floor:.2} %{more}",
            lines.score(),
            floor - lines.score()
        ),
        drop: Some((what.to_owned(), floor, Some(lines.score()))),
    };

    let mut drops = Vec::new();
    for (name, lines) in &measured.crates {
        let score = lines.score();
        match floors.crates.get(name) {
            Some(&floor) if !leeway.holds(*lines, floor) => {
                drops.push((
                    floor - score,
                    fell(name, floor, *lines, &worst(measured, name)),
                ));
            }
            Some(&floor) => {
                ask(&mut findings.notes, name, floor, score);
                findings
                    .raised
                    .crates
                    .insert(name.clone(), score.max(floor));
            }
            None if score < minimum.new_crate => findings.faults.push(Fault {
                text: format!(
                    "{name}: {score:.2} %, and a new crate must start at {:.2} %{}",
                    minimum.new_crate,
                    worst(measured, name)
                ),
                drop: None,
            }),
            None => {
                let note = format!("{name}: {score:.2} %, new: it has no floor yet (--update)");
                findings.notes.push(note);
                findings.raised.crates.insert(name.clone(), score);
            }
        }
    }
    // The biggest drop first: it is where to look.
    drops.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    findings
        .faults
        .extend(drops.into_iter().map(|(_, fault)| fault));
    for (name, &floor) in &floors.crates {
        if !measured.crates.contains_key(name) {
            findings.faults.push(Fault {
                text: format!(
                    "{name}: not in the report, and has a floor of {floor:.2} %: was it left out \
                     of the list of crates?"
                ),
                drop: Some((name.clone(), floor, None)),
            });
        }
    }

    let parts = [
        ("total", floors.total, minimum.total, false),
        ("staging", floors.staging, minimum.staging, true),
    ];
    for (what, floor, least, staging) in parts {
        let Some(lines) = measured.total_of(|name| is_staging(name) == staging) else {
            if let Some(floor) = floor {
                findings.faults.push(Fault {
                    text: format!("{what}: not in the report, and has a floor of {floor:.2} %"),
                    drop: Some((what.to_owned(), floor, None)),
                });
            }
            continue;
        };
        let score = lines.score();
        let raised = match staging {
            true => &mut findings.raised.staging,
            false => &mut findings.raised.total,
        };
        *raised = Some(floor.unwrap_or(0.0).max(score));
        findings.notes.push(match floor {
            Some(floor) => format!("{what}: {score:.2} %, floor {floor:.2} %"),
            None => format!("{what}: {score:.2} %, no floor yet"),
        });
        if score < least {
            findings.faults.push(Fault {
                text: format!("{what}: {score:.2} %, and {least:.2} % is the least there may be"),
                drop: None,
            });
        }
        let Some(floor) = floor else { continue };
        let known = |name: &str| is_staging(name) == staging && floors.crates.contains_key(name);
        let others = measured.total_of(known);
        if leeway.holds(lines, floor) {
            ask(&mut findings.notes, what, floor, score);
        } else if others.is_some_and(|others| leeway.holds(others, floor))
            && score >= floor - NEW_MAY_COST
        {
            findings.notes.push(format!(
                "{what}: below its floor because of new crates; those that are not new hold it"
            ));
        } else {
            findings.faults.push(fell(what, floor, lines, ""));
        }
    }
    findings
}

fn ask(notes: &mut Vec<String>, what: &str, floor: f64, score: f64) {
    if score - floor > WORTH_RAISING {
        notes.push(format!(
            "{what}: {score:.2} % beats its floor of {floor:.2} % by {:.2} points: raise the floor \
             (--update)",
            score - floor
        ));
    }
}

/// The files of a crate with the most lines that no test reaches.
fn worst(measured: &Measured, name: &str) -> String {
    let missed = |lines: &Lines| lines.count - lines.covered;
    let files = measured.files.get(name).into_iter().flatten();
    let mut files: Vec<_> = files.filter(|(_, lines)| missed(lines) > 0).collect();
    files.sort_by_key(|(_, lines)| std::cmp::Reverse(missed(lines)));
    files
        .iter()
        .take(SHOWN)
        .map(|(file, lines)| {
            format!(
                "\n    {file}: {} of {} lines missed",
                missed(lines),
                lines.count
            )
        })
        .collect()
}

/// Writes floors into `gate`, lower ones only for a reason. Whether something stays wrong.
fn update(gate: &mut Gate, key: &str, findings: Findings, reason: Option<&str>) -> bool {
    let floors = gate.floors.entry(key.to_owned()).or_default();
    floors.total = findings.raised.total.or(floors.total);
    floors.staging = findings.raised.staging.or(floors.staging);
    floors.crates.extend(findings.raised.crates);
    let mut failed = false;
    for fault in findings.faults {
        let (Some((what, from, to)), Some(reason)) = (fault.drop, reason) else {
            failed = true;
            continue;
        };
        match (what.as_str(), to) {
            ("total", to) => floors.total = to,
            ("staging", to) => floors.staging = to,
            (name, Some(to)) => {
                floors.crates.insert(name.to_owned(), to);
            }
            (name, None) => {
                floors.crates.remove(name);
            }
        }
        gate.drops.push(Drop {
            key: key.to_owned(),
            what,
            from,
            to,
            reason: reason.to_owned(),
        });
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Leeway = Leeway {
        points: 0.0,
        lines: 0,
    };

    fn measured(crates: &[(&str, u64)]) -> Measured {
        let mut measured = Measured::default();
        for &(name, covered) in crates {
            let lines = Lines {
                count: 10_000,
                covered: covered * 100,
            };
            measured.crates.insert(name.to_owned(), lines);
            let file = (format!("{name}/src/lib.rs"), lines);
            measured.files.insert(name.to_owned(), vec![file]);
        }
        measured
    }

    fn floors(total: f64, crates: &[(&str, f64)]) -> Floors {
        Floors {
            total: Some(total),
            staging: None,
            crates: crates
                .iter()
                .map(|&(name, floor)| (name.to_owned(), floor))
                .collect(),
        }
    }

    fn faults(crates: &[(&str, u64)], floors: &Floors) -> Vec<String> {
        let findings = compare(&measured(crates), floors, Minimum::default(), NONE);
        findings
            .faults
            .into_iter()
            .map(|fault| fault.text)
            .collect()
    }

    fn gate(floors: Floors) -> Gate {
        Gate {
            exclude: Vec::new(),
            minimum: Minimum::default(),
            leeway: NONE,
            floors: BTreeMap::from([("mmap".to_owned(), floors)]),
            drops: Vec::new(),
        }
    }

    #[test]
    fn floors_that_are_held_are_no_fault() {
        let floors = floors(90.0, &[("crates/a", 90.0)]);

        assert_eq!(faults(&[("crates/a", 90)], &floors), [""; 0]);
    }

    #[test]
    fn a_crate_that_fell_is_a_fault_with_points_and_files_biggest_first() {
        let floors = floors(85.0, &[("crates/a", 95.0), ("crates/b", 99.0)]);

        let faults = faults(&[("crates/a", 93), ("crates/b", 90)], &floors);

        assert_eq!(
            faults,
            [
                "crates/b: 90.00 %, 9.00 points below its floor of 99.00 %\n    \
                 crates/b/src/lib.rs: 1000 of 10000 lines missed",
                "crates/a: 93.00 %, 2.00 points below its floor of 95.00 %\n    \
                 crates/a/src/lib.rs: 700 of 10000 lines missed",
            ]
        );
    }

    #[test]
    fn a_score_within_the_leeway_is_held_and_the_floor_stays() {
        let floors = floors(90.4, &[("crates/a", 90.4)]);
        let scores = measured(&[("crates/a", 90)]);
        let compare = |points, lines| {
            compare(
                &scores,
                &floors,
                Minimum::default(),
                Leeway { points, lines },
            )
        };

        let by_points = compare(0.4, 0);
        let by_lines = compare(0.0, 40);
        let by_neither = compare(0.3, 39);

        assert_eq!(by_points.faults, []);
        assert_eq!(by_lines.faults, []);
        assert_eq!(by_points.raised, floors);
        assert_eq!(by_neither.faults.len(), 2);
    }

    #[test]
    fn a_crate_that_vanished_from_the_report_is_a_fault() {
        let floors = floors(90.0, &[("crates/a", 90.0), ("crates/b", 90.0)]);

        let faults = faults(&[("crates/a", 95)], &floors);

        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("crates/b: not in the report"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_new_crate_may_start_at_60_and_not_below() {
        let floors = floors(90.0, &[("crates/a", 90.0)]);
        let big = ("crates/a", 100);

        let at_60 = faults(&[big, ("crates/new", 80)], &floors);
        let below = faults(&[big, ("crates/new", 59)], &floors);

        assert_eq!(at_60, [""; 0]);
        assert!(
            below[0].contains("a new crate must start at 60.00 %"),
            "{below:?}"
        );
    }

    #[test]
    fn a_new_crate_may_cost_the_total_one_point_if_the_others_hold_it() {
        let floors = floors(96.0, &[("crates/a", 96.0)]);

        let a_little = faults(&[("crates/a", 97), ("crates/new", 94)], &floors);
        let too_much = faults(&[("crates/a", 97), ("crates/new", 92)], &floors);

        assert_eq!(a_little, [""; 0]);
        assert!(too_much[0].starts_with("total: 94.50 %"), "{too_much:?}");
    }

    #[test]
    fn a_total_below_85_is_a_fault_even_without_a_floor() {
        let faults = faults(&[("crates/a", 84)], &Floors::default());

        assert_eq!(
            faults,
            ["total: 84.00 %, and 85.00 % is the least there may be"]
        );
    }

    #[test]
    fn staging_has_its_own_floor_and_does_not_draw_the_total() {
        let mut floors = floors(90.0, &[("crates/a", 90.0)]);
        floors.staging = Some(70.0);

        let held = faults(&[("crates/a", 90), ("crates/staging/v", 70)], &floors);
        let fell = faults(&[("crates/a", 90), ("crates/staging/v", 65)], &floors);

        assert_eq!(held, [""; 0]);
        assert!(
            fell[0].starts_with("staging: 65.00 %, 5.00 points"),
            "{fell:?}"
        );
    }

    #[test]
    fn more_than_half_a_point_above_the_floor_asks_to_raise_it() {
        let floors = floors(94.5, &[("crates/a", 94.0)]);

        let scores = measured(&[("crates/a", 95)]);

        let findings = compare(&scores, &floors, Minimum::default(), NONE);

        let asked = |what: &str| {
            let start = format!("{what}: 95.00 % beats");
            findings.notes.iter().any(|note| note.starts_with(&start))
        };
        assert!(asked("crates/a"), "{findings:?}");
        assert!(!asked("total"), "{findings:?}");
    }

    #[test]
    fn an_update_raises_floors_and_leaves_fallen_ones() {
        let mut gate = gate(floors(86.0, &[("crates/a", 90.0), ("crates/b", 90.0)]));
        let measured = measured(&[("crates/a", 95), ("crates/b", 80)]);
        let findings = compare(&measured, &gate.floors["mmap"], gate.minimum, NONE);

        let failed = update(&mut gate, "mmap", findings, None);

        assert!(failed);
        let expected = floors(87.5, &[("crates/a", 95.0), ("crates/b", 90.0)]);
        assert_eq!(gate.floors["mmap"], expected);
        assert_eq!(gate.drops, []);
    }

    #[test]
    fn an_update_with_a_reason_lowers_floors_and_records_it() {
        let mut gate = gate(floors(92.0, &[("crates/a", 95.0), ("crates/gone", 90.0)]));
        let measured = measured(&[("crates/a", 90)]);
        let findings = compare(&measured, &gate.floors["mmap"], gate.minimum, NONE);

        let failed = update(&mut gate, "mmap", findings, Some("crate gone"));

        assert!(!failed);
        assert_eq!(gate.floors["mmap"], floors(90.0, &[("crates/a", 90.0)]));
        let dropped: Vec<_> = gate.drops.iter().map(|d| (d.what.as_str(), d.to)).collect();
        assert_eq!(
            dropped,
            [
                ("crates/a", Some(90.0)),
                ("crates/gone", None),
                ("total", Some(90.0))
            ]
        );
        assert!(gate.drops.iter().all(|drop| drop.reason == "crate gone"));
    }

    #[test]
    fn no_reason_lets_the_total_below_the_least() {
        let mut gate = gate(floors(90.0, &[("crates/a", 90.0)]));
        let measured = measured(&[("crates/a", 80)]);
        let findings = compare(&measured, &gate.floors["mmap"], gate.minimum, NONE);

        assert!(update(&mut gate, "mmap", findings, Some("for now")));
    }

    #[test]
    fn files_are_added_up_by_crate_and_excluded_ones_left_out() {
        let file = |name: &str, count: u32, hit: u32| {
            let lines = (1..=count).map(|line| (line, line <= hit)).collect();
            (PathBuf::from(name), lines)
        };
        let report = Report::from([
            file("/w/crates/a/src/lib.rs", 10, 9),
            file("/w/crates/a/src/x/y.rs", 10, 6),
            file("/w/crates/xtask/src/main.rs", 9, 0),
            file("/registry/b/src/lib.rs", 9, 0),
        ]);

        let measured = measure(&report, Path::new("/w"), &["crates/xtask".to_owned()]);

        let names: Vec<_> = measured.crates.keys().collect();
        assert_eq!(names, ["crates/a"]);
        assert_eq!(measured.crates["crates/a"].score(), 75.0);
    }

    #[test]
    fn a_line_that_one_report_reaches_is_reached_in_the_merged_one() {
        let mut report = Report::new();

        merge(
            &mut report,
            Path::new("a"),
            "SF:x.rs\nDA:1,0\nDA:2,7\nend_of_record\n",
        )
        .unwrap();
        merge(&mut report, Path::new("b"), "SF:x.rs\nDA:1,3\nDA:3,0\n").unwrap();

        let lines = BTreeMap::from([(1, true), (2, true), (3, false)]);
        assert_eq!(report, Report::from([("x.rs".into(), lines)]));
    }

    #[test]
    fn what_is_not_lcov_is_refused_with_its_line() {
        for text in ["SF:x\nDA:1", "SF:x\nDA:a,1", "\nDA:1,1"] {
            let error = merge(&mut Report::new(), Path::new("r"), text).unwrap_err();
            assert!(error.to_string().starts_with("r: line 2: "), "{error}");
        }
    }

    #[test]
    fn scores_are_rounded_down_to_two_digits() {
        let lines = Lines {
            count: 3,
            covered: 2,
        };

        assert_eq!(lines.score(), 66.66);
        assert_eq!(Lines::default().score(), 100.0);
    }
}
