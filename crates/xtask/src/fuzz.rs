// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask fuzz`: a bounded number of executions of each fuzz target.
//!
//! cargo-fuzz wants a nightly compiler for two reasons only: coverage and sanitizers are flags that
//! are not stable. The pinned compiler has both, and RUSTC_BOOTSTRAP=1 lets them be asked for, so no
//! second toolchain is needed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;

use crate::workspace::{Memory, cargo, root};
use crate::{Result, children, text};

const FOLDER: &str = "crates/fuzz";

/// So much of the log is shown when a target fails.
const TAIL: usize = 40;

/// A fuzz target, and how many executions take about a quarter of a minute.
struct Target {
    name: &'static str,
    runs: u64,
}

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    Target { name: "chains",   runs: 50_000 },
    Target { name: "messages", runs: 4_000 },
];

#[derive(Args)]
pub(crate) struct Options {
    /// The one target to run [default: all]
    target: Option<String>,

    /// Executions of each target [default: as many as take a quarter of a minute]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,

    /// Where the search starts; the same number on the same code gives the same inputs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,

    /// The kind of guest memory to build for
    #[arg(long, value_enum, default_value = "mmap")]
    memory: Memory,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let chosen = choose(options.target.as_deref())?;
    tools()?;
    let compiler = Compiler::find()?;
    let target = root().join("target");
    let logs = target.join("ci");
    fs::create_dir_all(&logs)
        .map_err(|error| format!("cannot make {} for the logs: {error}", logs.display()))?;
    let settings = Settings {
        compiler,
        target: target.join("fuzz"),
        memory: options.memory,
    };

    println!(
        "building the fuzz targets ({}, {}) ...",
        options.memory, settings.compiler.sanitizer
    );
    let start = Instant::now();
    let log = logs.join("fuzz-build.log");
    if !logged(settings.cargo_fuzz("build"), &log)? {
        show_tail(&log)?;
        return Err(format!("they do not build: see {}", log.display()).into());
    }
    println!("built after {}", text::time(start.elapsed()));

    let mut all = Some(0);
    for target in chosen {
        let runs = options.runs.unwrap_or(target.runs);
        let executed = one(&settings, target, runs, options.seed, &logs)?;
        all = all.zip(executed).map(|(all, executed)| all + executed);
    }
    if let Some(all) = all {
        println!("cell: {all} executions");
    }
    Ok(all.is_some())
}

fn choose(name: Option<&str>) -> Result<Vec<&'static Target>> {
    let Some(name) = name else {
        return Ok(TARGETS.iter().collect());
    };
    let found = TARGETS.iter().find(|target| target.name == name);
    Ok(vec![found.ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        format!(
            "there is no fuzz target {name}; choose one of {}",
            names.join(", ")
        )
    })?])
}

/// Says how to get what is missing.
fn tools() -> Result<()> {
    let works = |command: &mut Command| {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !works(&mut cargo(&["fuzz", "--version"])) {
        return Err("there is no cargo-fuzz: run `cargo install --locked cargo-fuzz`".into());
    }
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if !works(Command::new(&compiler).arg("--version")) {
        let compiler = compiler.to_string_lossy();
        return Err(format!(
            "there is no C++ compiler ({compiler}), which libFuzzer is built with: install g++"
        )
        .into());
    }
    Ok(())
}

struct Compiler {
    host: String,
    sanitizer: &'static str,
}

impl Compiler {
    fn find() -> Result<Self> {
        let rustc = |args: &[&str]| -> Result<String> {
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let output = Command::new(rustc)
                .args(args)
                .current_dir(root())
                .output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let version = rustc(&["-vV"])?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or("rustc -vV names no host")?
            .to_owned();
        let libraries = rustc(&["--print", "target-libdir"])?;
        // Compilers of distributions come without the sanitizers' runtime.
        let sanitizer = if has_sanitizer(Path::new(&libraries)) {
            "address"
        } else {
            println!("this compiler has no AddressSanitizer: only panics and hangs will be found");
            "none"
        };
        Ok(Self { host, sanitizer })
    }
}

fn has_sanitizer(libraries: &Path) -> bool {
    fs::read_dir(libraries)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().ends_with("rt.asan.a"))
}

struct Settings {
    compiler: Compiler,
    target: PathBuf,
    memory: Memory,
}

impl Settings {
    fn cargo_fuzz(&self, verb: &str) -> Command {
        let mut command = cargo(&["fuzz", verb, "--fuzz-dir", FOLDER]);
        command
            .args(["--target", &self.compiler.host])
            .args(["--sanitizer", self.compiler.sanitizer])
            .args(self.memory.args())
            .arg("--target-dir")
            .arg(&self.target)
            .env("RUSTC_BOOTSTRAP", "1");
        command
    }
}

/// How many inputs were tried, if none did harm.
fn one(
    settings: &Settings,
    target: &Target,
    runs: u64,
    seed: u32,
    logs: &Path,
) -> Result<Option<u64>> {
    let name = target.name;
    // What is found goes here; the committed inputs stay as they are.
    let found = tempfile::tempdir()?;
    let mut command = settings.cargo_fuzz("run");
    command
        .arg(name)
        .arg(found.path())
        .arg(root().join(FOLDER).join("corpus").join(name))
        .arg("--")
        .arg(format!("-runs={runs}"))
        .arg(format!("-seed={seed}"))
        .args(["-timeout=60", "-print_final_stats=1"]);
    let log = logs.join(format!("fuzz-{name}.log"));
    let start = Instant::now();
    let good = logged(command, &log)?;
    let time = text::time(start.elapsed());
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let executed = executions(&said);
    match executed {
        Some(executed) if good && executed > 0 => {
            println!("{name}: {executed} executions after {time}, no fault");
            Ok(Some(executed))
        }
        _ => {
            show_tail(&log)?;
            println!(
                "{name}: FAILED after {time}; the input is under {FOLDER}/artifacts/{name}, all \
                 that was said in {}",
                log.display()
            );
            Ok(None)
        }
    }
}

fn logged(mut command: Command, log: &Path) -> Result<bool> {
    let output = File::create(log)
        .map_err(|error| format!("cannot write the log {}: {error}", log.display()))?;
    let errors = output.try_clone()?;
    let status = command.stdout(output).stderr(errors).status()?;
    children::rest_if_interrupted();
    Ok(status.success())
}

fn show_tail(log: &Path) -> Result<()> {
    let said = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let lines: Vec<_> = said.lines().collect();
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        println!("    | {line}");
    }
    Ok(())
}

/// How many inputs were tried, by libFuzzer's own count.
fn executions(said: &str) -> Option<u64> {
    said.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|count| count.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_target_and_each_has_a_small_corpus() {
        let folder = root().join(FOLDER);
        let mut files: Vec<_> = fs::read_dir(folder.join("fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<_> = TARGETS.iter().map(|t| format!("{}.rs", t.name)).collect();
        assert_eq!(files, listed);
        for target in TARGETS {
            let inputs: Vec<_> = fs::read_dir(folder.join("corpus").join(target.name))
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .collect();
            let bytes: u64 = inputs.iter().sum();
            assert!(inputs.len() > 5, "{}: {} inputs", target.name, inputs.len());
            assert!(bytes < 64 * 1024, "{}: {bytes} bytes", target.name);
        }
    }

    #[test]
    fn executions_are_counted_by_the_fuzzer_only() {
        let said = "Done 9 runs\nstat::number_of_executed_units: 1234\nstat::average: 1\n";
        assert_eq!(executions(said), Some(1234));
        assert_eq!(executions("it crashed"), None);
    }

    #[test]
    fn an_unknown_target_is_refused_with_those_that_there_are() {
        let error = choose(Some("no")).err().unwrap().to_string();
        assert!(error.contains("chains, messages"), "{error}");
        assert_eq!(choose(None).unwrap().len(), TARGETS.len());
    }
}
