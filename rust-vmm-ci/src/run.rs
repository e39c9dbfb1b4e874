// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `rust-vmm-ci run`: the steps of a pipeline, one after the other, on this machine.
//!
//! ```text
//!  every cell of every step
//!     |-- not asked for (--only, --platform, --memory) ........ not listed
//!     |-- TESTS_TO_SKIP, .platform, no emulator, exit 77 ...... skipped, with the reason;
//!     |                                                         FAILED if --strict forbids it
//!     |-- the disk is nearly full (--space) ................... FAILED, and was not started
//!     `-- ran ---- exit 0 ..................................... passed
//!              |-- failed, timed out, said nothing for long,
//!              |   left processes behind, ran no test,
//!              |   left out the wrong tests ................... FAILED
//!              `-- failed, and `soft_fail` allows it .......... tolerated
//! ```

mod count;
mod progress;
mod summary;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::children::{self, End, Patience};
use crate::description::{self, Cell, Step};
use crate::error::{Error, Result};
use crate::overrides::Overrides;
use crate::pipeline::{DEFAULT_TIMEOUT, allowed_platforms};
use crate::platform::{Machine, Way};
use crate::skips::{self, Skip, Skips};
use crate::sources::Sources;

use count::Count;
use progress::Progress;
use summary::{Outcome, Verdict};

/// A command that ends with this says that it cannot be run here, and why in its last line.
pub(crate) const NOT_HERE: u8 = 77;

/// An emulated step may take so much longer than its timeout says.
const EMULATED: u64 = 2;

/// So much of a failed step's log is shown at once.
const TAIL: usize = 40;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    sources: Sources,

    /// Only the step of this name, or the cell of this label; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Of steps with platforms, only this one
    #[arg(long)]
    platform: Option<String>,

    /// Of steps with memory variants, only this one
    #[arg(long)]
    memory: Option<String>,

    /// Stop at the first step that fails
    #[arg(long)]
    fail_fast: bool,

    /// Print the cells and their commands, and run nothing
    #[arg(long)]
    list: bool,

    /// Run a cell in which tests failed again, so many times at most; its row says so
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,

    /// Start no step when less than this is left on the disk of target/
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    space: u64,

    /// Let steps take as long as they want
    #[arg(long)]
    no_timeout: bool,

    /// End a step that has printed nothing for so long: something in it hangs; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    silence: u64,

    /// A skipped cell is a failure, unless the list of skips names it
    #[arg(long)]
    strict: bool,

    /// The list of what may be skipped [default: rust-vmm-ci/skips.json, if it is there]
    #[arg(long, value_name = "FILE")]
    skips: Option<PathBuf>,

    /// Where the log files go [default: target/ci]
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let overrides = Overrides::from_environment()?;
    let root = options.sources.root()?;
    let mut steps = Vec::new();
    for file in options.sources.files()? {
        steps.extend(description::read(&file)?);
    }
    let cells = select(options, &steps)?;
    let skips = match &options.skips {
        Some(file) => Skips::read(file)?,
        None => match root.join("rust-vmm-ci/skips.json") {
            file if file.exists() => Skips::read(&file)?,
            _ => Skips::default(),
        },
    };
    let mut runner = Runner {
        overrides,
        allowed: allowed_platforms(&options.sources.platform_file(&root)),
        machine: Machine::here(&root),
        skips,
        logs: options
            .logs
            .clone()
            .unwrap_or_else(|| root.join("target/ci")),
        limit: !options.no_timeout,
        silence: Some(options.silence)
            .filter(|&silence| silence > 0 && !options.no_timeout)
            .map(Duration::from_secs),
        retries: options.retries,
        space: options.space,
        strict: options.strict,
        root,
    };
    // Everything is checked before the first step runs.
    let mut plans = Vec::new();
    for cell in &cells {
        plans.push(runner.plan(cell)?);
    }
    if options.list {
        for plan in &plans {
            println!(
                "{}: {}",
                plan.label,
                plan.way.as_ref().err().unwrap_or(&plan.script)
            );
        }
        return Ok(true);
    }
    runner.run(&plans, options.fail_fast)
}

/// The cells that the options ask for.
fn select<'a>(options: &Options, steps: &'a [Step]) -> Result<Vec<Cell<'a>>> {
    let all: Vec<_> = steps.iter().flat_map(|step| step.cells(None)).collect();
    let names = |cell: &Cell<'_>, name: &String| cell.step.name == *name || cell.label() == *name;
    if let Some(name) = options
        .only
        .iter()
        .find(|name| !all.iter().any(|cell| names(cell, name)))
    {
        let known: BTreeSet<_> = all.iter().map(|cell| cell.step.name.as_str()).collect();
        let known: Vec<_> = known.into_iter().collect();
        return Err(Error::Usage(format!(
            "--only {name}: there is no such step; there are {}",
            known.join(", ")
        )));
    }
    let wanted = |option: &Option<String>, value: Option<&str>| match (option, value) {
        (Some(option), Some(value)) => option == value,
        _ => true,
    };
    for (flag, option, values) in [
        (
            "--platform",
            &options.platform,
            all.iter().map(|cell| cell.platform).collect::<Vec<_>>(),
        ),
        (
            "--memory",
            &options.memory,
            all.iter().map(|cell| cell.memory).collect(),
        ),
    ] {
        if let Some(name) = option
            && !values.contains(&Some(name))
        {
            let known: BTreeSet<_> = values.into_iter().flatten().collect();
            let known: Vec<_> = known.into_iter().collect();
            return Err(Error::Usage(format!(
                "{flag} {name}: no step is for it; there are {}",
                known.join(", ")
            )));
        }
    }
    let mut cells = all;
    cells.retain(|cell| {
        (options.only.is_empty() || options.only.iter().any(|name| names(cell, name)))
            && wanted(&options.platform, cell.platform)
            && wanted(&options.memory, cell.memory)
    });
    Ok(cells)
}

/// A cell, ready to run.
struct Plan<'a> {
    cell: &'a Cell<'a>,
    label: String,
    script: String,
    /// How, or why not.
    way: Result<Way, String>,
    left_out: Vec<Skip>,
}

struct Runner {
    overrides: Overrides,
    allowed: Vec<String>,
    machine: Machine,
    skips: Skips,
    logs: PathBuf,
    limit: bool,
    silence: Option<Duration>,
    retries: u32,
    /// In MiB.
    space: u64,
    strict: bool,
    root: PathBuf,
}

impl Runner {
    fn plan<'a>(&mut self, cell: &'a Cell<'a>) -> Result<Plan<'a>> {
        let name = cell.platform.filter(|name| !name.is_empty());
        let way = if self.overrides.leaves_out(&cell.step.name) {
            Err("named in TESTS_TO_SKIP".to_owned())
        } else if let Some(name) = name.filter(|&name| !self.allowed.iter().any(|a| a == name)) {
            Err(format!("{name} is not in .platform"))
        } else {
            self.machine.way(name)
        };
        let emulated = way.as_ref().is_ok_and(|way| way.emulated);
        let left_out: Vec<_> = match name {
            Some(name) if emulated && cell.takes_skips() => self.skips.of(name, cell.memory),
            _ => Vec::new(),
        };
        Ok(Plan {
            cell,
            label: cell.label(),
            script: cell.commands(&skips::arguments(&left_out))?.script(),
            way,
            left_out: left_out.into_iter().cloned().collect(),
        })
    }

    fn run(&self, plans: &[Plan<'_>], fail_fast: bool) -> Result<bool> {
        fs::create_dir_all(&self.logs).map_err(Error::write(&self.logs))?;
        let start = Instant::now();
        let width = plans.iter().map(|plan| plan.label.len()).max().unwrap_or(0);
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut stopped: Option<&str> = None;
        for (index, plan) in plans.iter().enumerate() {
            let label = format!("[{:>2}/{}] {:width$}", index + 1, plans.len(), plan.label);
            let outcome = match (stopped, &plan.way) {
                (Some(why), _) => not_run(plan, Verdict::Skipped(why.to_owned())),
                (None, Err(why)) => {
                    let verdict = self.skip(plan, why);
                    print(&format!("{label}  {}: {}\n", verdict.word(), verdict.why()));
                    not_run(plan, verdict)
                }
                (None, Ok(way)) => match self.full() {
                    Some(why) => {
                        let verdict = Verdict::Failed(why);
                        print(&format!("{label}  {}: {}\n", verdict.word(), verdict.why()));
                        not_run(plan, verdict)
                    }
                    None => {
                        let log = log_path(&self.logs, index + 1, &plan.label);
                        self.again_and_again(plan, way, &label, &log)?
                    }
                },
            };
            if children::interrupted().is_some() {
                stopped = Some("interrupted before");
            } else if fail_fast && matches!(outcome.verdict, Verdict::Failed(_)) {
                stopped.get_or_insert("an earlier step failed (--fail-fast)");
            }
            outcomes.push(outcome);
        }
        let mut left_out = Vec::new();
        for plan in plans.iter().filter(|plan| plan.way.is_ok()) {
            for skip in &plan.left_out {
                left_out.push(format!("{}: {}: {}", plan.label, skip.test, skip.reason));
            }
        }
        if !left_out.is_empty() {
            left_out.push(format!("(listed in {})", self.skips.file.display()));
        }
        let time = start.elapsed();
        // Printed first: it must be seen on a full disk too.
        print(&summary::text(&outcomes, &left_out, time));
        let file = self.logs.join("summary.json");
        let json = summary::json(&outcomes, time);
        fs::write(&file, format!("{json:#}\n")).map_err(Error::write(&file))?;
        if let Some(signal) = children::interrupted() {
            return Err(Error::Interrupted(signal));
        }
        let failed = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Failed(_));
        Ok(!outcomes.iter().any(failed))
    }

    /// Why no step can be started: one that meets a full disk fails in words that hide it.
    fn full(&self) -> Option<String> {
        // Without an answer, the step itself will tell.
        let disk = rustix::fs::statvfs(&self.logs).ok()?;
        let left = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
        (left < self.space).then(|| {
            format!(
                "{left} MiB are left on the disk of {}, and --space asks for {}: make room",
                self.logs.display(),
                self.space
            )
        })
    }

    /// What becomes of a cell that cannot be run here.
    fn skip(&self, plan: &Plan<'_>, why: &str) -> Verdict {
        let Cell {
            step,
            platform,
            memory,
            ..
        } = plan.cell;
        if self.strict && !self.skips.allow(&step.name, *platform, *memory) {
            Verdict::Failed(format!("skipped, and no list allows it: {why}"))
        } else {
            Verdict::Skipped(why.to_owned())
        }
    }

    /// A cell, and once more while it fails and `--retries` allows it. What failed first is not
    /// forgotten: its log stays, and the row says that there was more than one attempt.
    fn again_and_again(
        &self,
        plan: &Plan<'_>,
        way: &Way,
        label: &str,
        log: &Path,
    ) -> Result<Outcome> {
        let mut outcome = self.one(plan, way, label.to_owned(), log.to_owned())?;
        let mut time = outcome.time;
        for attempt in 2..=self.retries.saturating_add(1) {
            let Verdict::Failed(why) = &outcome.verdict else {
                break;
            };
            // What is no test fails for a reason that stays.
            if children::interrupted().is_some() || outcome.timed_out || outcome.count.failed == 0 {
                break;
            }
            let remark = format!("attempt {attempt}, after: {why}");
            let label = format!("{label}  attempt {attempt}");
            let log = log.with_extension(format!("{attempt}.log"));
            outcome = self.one(plan, way, label, log)?;
            time += outcome.time;
            outcome.time = time;
            let parts = [outcome.note.as_str(), &remark];
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            outcome.note = parts.join("; ");
        }
        Ok(outcome)
    }

    fn one(&self, plan: &Plan<'_>, way: &Way, label: String, log: PathBuf) -> Result<Outcome> {
        let output = File::create(&log).map_err(Error::write(&log))?;
        let errors = output.try_clone().map_err(Error::write(&log))?;
        let mut command = self.command(plan, way);
        // What a step that is killed leaves in its temporary folder goes with the folder.
        let scratch = tempfile::Builder::new().prefix("ci").tempdir();
        let scratch = scratch.map_err(Error::write(&std::env::temp_dir()))?;
        command.env("TMPDIR", scratch.path());
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut progress = Progress::start(label, &log);
        let start = Instant::now();
        let limit = self.limit(plan, way);
        let end = children::run(&mut command, limit, |elapsed| {
            progress.tick(elapsed);
            match self.silence {
                Some(limit) if progress.silence(elapsed) > limit => Patience::Lost,
                _ => Patience::Left,
            }
        })?;
        let time = start.elapsed();
        let left = children::left_behind();
        children::end_all();

        let bytes = fs::read(&log).map_err(Error::read(&log))?;
        let text = String::from_utf8_lossy(&bytes);
        let count = count::count(&text);
        let limits = (limit, self.silence);
        let verdict = match verdict(plan, &end, limits, count, &left, &text) {
            Verdict::Skipped(why) => self.skip(plan, &why),
            other => other,
        };
        let tests = match count.ran() {
            0 => String::new(),
            _ => format!(", {} tests", count.passed),
        };
        let note = note(&text);
        let result = match (&verdict, note.as_str()) {
            (Verdict::Passed, "") => format!("passed{tests}"),
            (Verdict::Passed, note) => format!("passed{tests}, {note}"),
            (other, _) => format!("{}: {}", other.word(), other.why()),
        };
        progress.finish(&format!("{:>12}  {result}", summary::seconds(time)));
        if matches!(verdict, Verdict::Failed(_) | Verdict::Tolerated(_)) {
            print(&tail(&text));
            if let End::Stuck(processes) = &end {
                print(&format!(
                    "    still ran: {}\n",
                    processes.join("\n    still ran: ")
                ));
            }
            print(&format!("    the whole log: {}\n", log.display()));
        }
        Ok(Outcome {
            name: plan.cell.step.name.clone(),
            platform: plan.cell.platform.map(str::to_owned),
            memory: plan.cell.memory.map(str::to_owned),
            verdict,
            count,
            tests: count::names(&text),
            note,
            time,
            timed_out: matches!(end, End::TimedOut | End::Stuck(_)),
            log: Some(log),
        })
    }

    fn command(&self, plan: &Plan<'_>, way: &Way) -> Command {
        let cell = plan.cell;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-e", "-c", &plan.script])
            .current_dir(&self.root);
        // `cargo run` describes this crate to its child; to other crates' build scripts that is
        // wrong, and a change that they would be rerun for.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let cells = [
            ("RUST_VMM_CI_PLATFORM", cell.platform),
            ("RUST_VMM_CI_MEMORY", cell.memory),
        ];
        for (name, value) in cells {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(way.environment.iter().map(|(name, value)| (name, value)));
        if let Some(Value::Object(map)) = cell.step.others.get("env") {
            for (name, value) in map {
                command.env(
                    name,
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                );
            }
        }
        command
    }

    fn limit(&self, plan: &Plan<'_>, way: &Way) -> Option<Duration> {
        let step = plan.cell.step;
        let minutes = self.overrides.timeout(&step.name).or(step.timeout.as_ref());
        let minutes = minutes
            .and_then(description::minutes)
            .unwrap_or(DEFAULT_TIMEOUT);
        let times = if way.emulated { EMULATED } else { 1 };
        self.limit
            .then(|| Duration::from_secs(minutes.saturating_mul(60 * times)))
    }
}

fn not_run(plan: &Plan<'_>, verdict: Verdict) -> Outcome {
    Outcome {
        name: plan.cell.step.name.clone(),
        platform: plan.cell.platform.map(str::to_owned),
        memory: plan.cell.memory.map(str::to_owned),
        verdict,
        count: Count::default(),
        tests: BTreeSet::new(),
        note: String::new(),
        time: Duration::ZERO,
        timed_out: false,
        log: None,
    }
}

fn verdict(
    plan: &Plan<'_>,
    end: &End,
    (limit, silence): (Option<Duration>, Option<Duration>),
    count: Count,
    left: &[String],
    text: &str,
) -> Verdict {
    let status = match end {
        End::Interrupted(_) => return Verdict::Failed("interrupted".to_owned()),
        End::TimedOut => {
            let limit = summary::seconds(limit.unwrap_or_default());
            return Verdict::Failed(format!("took longer than {limit}, and was ended"));
        }
        End::Stuck(_) => {
            let silence = summary::seconds(silence.unwrap_or_default());
            return Verdict::Failed(format!("printed nothing for {silence}, and was ended"));
        }
        End::Exited(status) => status,
    };
    if status.code() == Some(NOT_HERE.into()) {
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        return Verdict::Skipped(last.unwrap_or("it does not say why").trim().to_owned());
    }
    let fault = if !status.success() {
        Some(match count.failed {
            0 => status.to_string(),
            failed => format!("{failed} tests failed"),
        })
    } else if !left.is_empty() {
        Some(format!("left behind {}", left.join(", ")))
    } else if count.ran() == 0 && (plan.cell.takes_skips() || count::expects_tests(&plan.script)) {
        Some("ran no test".to_owned())
    } else if !plan.left_out.is_empty() && count.filtered != plan.left_out.len() as u64 {
        Some(format!(
            "the skip list names {} tests, and {} were left out",
            plan.left_out.len(),
            count.filtered
        ))
    } else {
        None
    };
    match fault {
        None => Verdict::Passed,
        Some(fault) if tolerates(plan.cell.step.others.get("soft_fail"), status) => {
            Verdict::Tolerated(fault)
        }
        Some(fault) => Verdict::Failed(fault),
    }
}

/// Whether `soft_fail` lets a step end so: all failures, or some exit statuses.
fn tolerates(soft_fail: Option<&Value>, status: &ExitStatus) -> bool {
    match soft_fail {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(value)) => value == "true",
        Some(Value::Array(list)) => list.iter().any(|item| match &item["exit_status"] {
            Value::String(any) => any == "*",
            code => code
                .as_i64()
                .is_some_and(|code| status.code().map(i64::from) == Some(code)),
        }),
        _ => false,
    }
}

fn log_path(logs: &Path, number: usize, label: &str) -> PathBuf {
    let name: String = label
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || c == '_' => c,
            _ => '-',
        })
        .collect();
    logs.join(format!("{number:02}-{name}.log"))
}

/// What a command wants to have in its row: its last line of the form `cell: TEXT`.
fn note(text: &str) -> String {
    let mut lines = text.lines().rev();
    let found = lines.find_map(|line| line.trim().strip_prefix("cell: "));
    found.unwrap_or_default().trim().to_owned()
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..]
        .iter()
        .map(|line| format!("    | {line}\n"))
        .collect()
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop testing.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use serde_json::json;

    use super::*;

    #[test]
    fn soft_fail_tolerates_all_failures_or_the_named_statuses() {
        let status = ExitStatus::from_raw(3 << 8);
        let cases = [
            (json!(true), true),
            (json!("true"), true),
            (json!("false"), false),
            (json!([{ "exit_status": 3 }]), true),
            (json!([{ "exit_status": 4 }]), false),
            (json!([{ "exit_status": "*" }]), true),
        ];
        for (value, expected) in cases {
            assert_eq!(tolerates(Some(&value), &status), expected, "{value}");
        }
        assert!(!tolerates(None, &status));
    }

    #[test]
    fn a_log_is_named_after_its_cell() {
        let path = log_path(Path::new("logs"), 3, "staging: build-x86_64");

        assert_eq!(path, Path::new("logs/03-staging--build-x86_64.log"));
    }
}
