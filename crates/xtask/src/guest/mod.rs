// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask guest`: Linux boots against the daemons, and its own drivers use them.
//!
//! ```text
//!  SCENARIOS      what is run: device, driver, daemon's flags, scripts
//!  ci/guest/*.sh  the guests' side: busybox scripts, the same on every tier
//!  stage.rs       the host's side: answers the scripts' questions
//!  uml.rs         a tier: how a guest is booted
//!  qemu.rs        a tier: machines, and what only they can go through
//!  lab.rs         a tier: a machine with simulators of hardware
//!  transcript.rs  the verdict: what the guest says, never the absence of complaints
//! ```

mod cache;
mod console;
mod initramfs;
mod lab;
mod machine;
mod programs;
mod qemu;
mod scsi;
mod stage;
mod transcript;
mod uml;
mod vsock;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use virtio_guest::Daemon;

use self::initramfs::Archive;
use self::programs::Programs;
use self::stage::{Answer, Stage};
use self::transcript::Transcript;
use crate::build::{self, Profile};
use crate::workspace::{self, Memory, cargo};
use crate::{Result, children, setup, text};

/// The status by which a command says that nothing could be tried, with the reason in its last line.
const SKIPPED: u8 = 77;

/// How long a daemon may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(10);

/// So many last lines of a log are shown when a run fails.
const TAIL: usize = 25;

/// Where the last column of the table begins, and how far it goes.
const MARGIN: usize = 47;
const WIDTH: usize = 112;

const TOOL_TARGET: &str = "x86_64-unknown-linux-musl";

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to try, as in `rng`; all of them unless told
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,

    /// How guests are booted; every way that applies unless told
    #[arg(long, value_enum)]
    tier: Vec<Tier>,

    /// The kind of guest memory that the daemons are built for
    #[arg(long, value_enum, default_value = "mmap")]
    memory: Memory,

    /// Keep images and the guests' roots of runs that succeed
    #[arg(long)]
    keep: bool,

    /// Boot one guest with the device attached, and a shell on this terminal
    #[arg(long)]
    shell: bool,
}

/// How a guest is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// User-Mode Linux: a kernel as a process
    Uml,
    /// QEMU with a stock kernel: reboot, sleep, migration and the like
    Qemu,
    /// QEMU as a host with simulators of hardware
    Lab,
}

impl Tier {
    const ALL: &[Self] = &[Self::Uml, Self::Qemu, Self::Lab];

    fn name(self) -> &'static str {
        match self {
            Self::Uml => "uml",
            Self::Qemu => "qemu",
            Self::Lab => "lab",
        }
    }

    /// Why this machine cannot run it.
    fn missing(self) -> Option<String> {
        match self {
            Self::Uml => uml::missing(),
            Self::Qemu | Self::Lab => qemu::missing(),
        }
    }
}

/// One device, and how it is tried.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// In the table and on the command line.
    pub name: &'static str,
    /// The package of the daemon.
    pub package: &'static str,
    /// Virtio device id.
    pub id: u32,
    /// The driver that has to bind.
    pub driver: &'static str,
    pub tiers: &'static [Tier],
    /// The daemon's arguments. `{socket}` and `{dir}` are the daemon's, `{kept}` is the folder of
    /// logs and images.
    pub daemon: &'static [&'static str],
    /// A guest for each, on a socket of its own: the script that it runs.
    pub scripts: &'static [&'static str],
    /// Programs of distribution packages that the scripts call.
    pub programs: &'static [&'static str],
    /// Makes what the daemon's arguments name, in `{kept}`.
    pub images: fn(&Path) -> Result<()>,
    /// Answers the scripts' questions.
    pub answer: Answer,
    /// The longest time until a verdict.
    pub limit: Duration,
}

/// A new device joins by an entry here, and its scripts in ci/guest.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rng",
        package: "vhost-device-rng",
        id: 4,
        driver: "virtio_rng",
        tiers: Tier::ALL,
        daemon: &[],
        scripts: &["rng"],
        programs: &["rngtest"],
        images: no_images,
        answer: no_questions,
        limit: Duration::from_secs(120),
    },
    Scenario {
        name: "console",
        package: "vhost-device-console",
        id: 3,
        driver: "virtio_console",
        tiers: Tier::ALL,
        daemon: console::DAEMON,
        scripts: &["console"],
        programs: &[],
        images: no_images,
        answer: console::answer,
        limit: Duration::from_secs(180),
    },
    Scenario {
        name: "vsock",
        package: "vhost-device-vsock",
        id: 19,
        driver: "vmw_vsock_virtio_transport",
        tiers: Tier::ALL,
        daemon: vsock::DAEMON,
        scripts: &["vsock", "vsock-sibling"],
        programs: &[],
        images: no_images,
        answer: vsock::answer,
        limit: Duration::from_secs(240),
    },
    Scenario {
        name: "scsi",
        package: "vhost-device-scsi",
        id: 8,
        driver: "virtio_scsi",
        tiers: Tier::ALL,
        daemon: scsi::DAEMON,
        scripts: &["scsi"],
        programs: scsi::PROGRAMS,
        images: scsi::images,
        answer: scsi::answer,
        limit: Duration::from_secs(240),
    },
];

fn no_images(_: &Path) -> Result<()> {
    Ok(())
}

fn no_questions(_: &Stage, words: &[&str]) -> Result<String> {
    Err(format!("nobody here answers {words:?}").into())
}

/// What a tier needs to know to boot one guest.
#[derive(Debug)]
pub(crate) struct Boot<'a> {
    /// The guest's script in ci/guest, or `shell`.
    pub script: &'a str,
    /// Which guest of the scenario this is.
    pub index: usize,
    pub initramfs: &'a Path,
    /// The daemon's socket and the virtio id behind it.
    pub sockets: &'a [(PathBuf, u32)],
    /// A folder with a short name, for sockets of the tier's own.
    pub dir: &'a Path,
}

/// One line of the table.
struct Row {
    device: &'static str,
    tier: &'static str,
    driver: String,
    time: String,
    verdict: &'static str,
    what: String,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let scenarios = chosen(&options.devices)?;
    let tiers: Vec<_> = Tier::ALL
        .iter()
        .copied()
        .filter(|tier| match options.tier.is_empty() {
            // The lab has no device of today.
            true => *tier != Tier::Lab || options.devices.is_empty(),
            false => options.tier.contains(tier),
        })
        .collect();
    if options.shell && (scenarios.len() != 1 || tiers.len() != 1) {
        return Err("--shell is for one device on one tier: name them, as in `cargo xtask guest rng --tier uml --shell`".into());
    }
    let mut rows = Vec::new();
    for &tier in &tiers {
        let reason = match options.memory {
            Memory::Mmap => tier.missing().or_else(programs::missing),
            Memory::Xen => Some("no frontend of these guests maps memory as Xen does".to_owned()),
        };
        if let Some(reason) = reason {
            rows.extend(
                scenarios
                    .iter()
                    .map(|scenario| skipped(scenario, tier, &reason)),
            );
            continue;
        }
        match tier {
            Tier::Uml => on_tier(tier, &scenarios, options, &mut rows)?,
            Tier::Qemu => qemu::on_tier(&scenarios, options, &mut rows)?,
            Tier::Lab => lab::on_tier(options, &mut rows)?,
        }
    }
    if options.shell {
        return Ok(ExitCode::SUCCESS);
    }
    table(&rows);
    if options.keep {
        println!("\nimages, roots and logs: {}", folder().display());
    }
    let count = |verdict: &str| rows.iter().filter(|row| row.verdict == verdict).count();
    let (passed, failed) = (count("passed"), count("FAILED"));
    println!(
        "\n{passed} passed, {failed} failed, {} skipped",
        count("skipped")
    );
    if failed == 0 && passed == 0 {
        let reason = rows.first().map_or("nothing was chosen", |row| &row.what);
        println!("{reason}");
        return Ok(ExitCode::from(SKIPPED));
    }
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>> {
    let known = |name: &String| {
        let short = name.strip_prefix("vhost-device-").unwrap_or(name);
        SCENARIOS.iter().any(|scenario| scenario.name == short)
    };
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let list: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return Err(format!(
            "there is no device {unknown}; choose from {}",
            list.join(", ")
        )
        .into());
    }
    let wanted = |scenario: &&Scenario| {
        names.is_empty()
            || names
                .iter()
                .any(|name| name == scenario.name || name == scenario.package)
    };
    Ok(SCENARIOS.iter().filter(wanted).collect())
}

fn skipped(scenario: &Scenario, tier: Tier, reason: &str) -> Row {
    Row {
        device: scenario.name,
        tier: tier.name(),
        driver: "-".to_owned(),
        time: "-".to_owned(),
        verdict: "skipped",
        what: reason.to_owned(),
    }
}

/// What all runs share.
struct Shared {
    prepared: PathBuf,
    programs: Programs,
    tool: PathBuf,
    daemons: HashMap<String, PathBuf>,
}

fn on_tier(
    tier: Tier,
    scenarios: &[&'static Scenario],
    options: &Options,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let packages: Vec<_> = scenarios.iter().map(|scenario| scenario.package).collect();
    let shared = Shared {
        prepared: uml::kernel()?,
        programs: programs::get()?,
        tool: tool()?,
        daemons: build::binaries(&packages, options.memory, Profile::Release)?,
    };
    for scenario in scenarios {
        if !scenario.tiers.contains(&tier) {
            rows.push(skipped(scenario, tier, "this tier has no frontend for it"));
            continue;
        }
        if options.shell {
            return shell(tier, scenario, &shared);
        }
        let start = Instant::now();
        let kept = kept(tier, scenario)?;
        let result = one(scenario, &shared, &kept);
        children::rest_if_interrupted();
        let time = text::time(start.elapsed());
        println!("{:<8} {:<4} {time:>9}", scenario.name, tier.name());
        let (verdict, driver, what) = match result {
            Ok(did) => {
                if !options.keep {
                    forget_large_files(&kept)?;
                }
                ("passed", scenario.driver.to_owned(), did)
            }
            Err(error) => {
                show_logs(&kept, &error.to_string());
                ("FAILED", "-".to_owned(), error.to_string())
            }
        };
        rows.push(Row {
            device: scenario.name,
            tier: tier.name(),
            driver,
            time,
            verdict,
            what,
        });
    }
    Ok(())
}

/// What runs leave.
fn folder() -> PathBuf {
    workspace::root().join("target/guest")
}

/// The folder of a run's logs and images, empty.
fn kept(tier: Tier, scenario: &Scenario) -> Result<PathBuf> {
    let folder = folder().join(format!("{}-{}", tier.name(), scenario.name));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn daemon(scenario: &Scenario, shared: &Shared, kept: &Path) -> Result<Daemon> {
    (scenario.images)(kept)?;
    let kept = kept.to_string_lossy();
    let args = scenario
        .daemon
        .iter()
        .map(|arg| arg.replace("{kept}", &kept));
    Ok(Daemon::builder(&shared.daemons[scenario.package])
        .args(args)
        .sockets(scenario.scripts.len())
        .spawn()?)
}

/// Runs a scenario, and says what was exercised.
fn one(scenario: &Scenario, shared: &Shared, kept: &Path) -> Result<String> {
    let mut daemon = daemon(scenario, shared, kept)?;
    let result = guests(scenario, shared, kept, &daemon);
    let end = daemon.terminate(STOP);
    fs::write(kept.join("daemon.log"), daemon.stderr())?;
    let complaint = complaint(&daemon.stderr());
    let did = result.map_err(|error| match &complaint {
        Some(line) => format!("{error}; {line}").into(),
        None => error,
    })?;
    if let Some(line) = complaint {
        return Err(line.into());
    }
    let status = end?;
    if !status.success() {
        return Err(format!("the daemon, asked to end, did so with {status}").into());
    }
    Ok(did)
}

/// A line of a daemon's log that tells of a fault of its own.
fn complaint(log: &str) -> Option<String> {
    // The others tell of requests that were not answered.
    let faults = ["panicked", "the device still works on", "unanswered"];
    log.lines()
        .find(|line| faults.iter().any(|fault| line.contains(fault)))
        .map(|line| format!("the daemon says: {line}"))
}

fn guests(scenario: &Scenario, shared: &Shared, kept: &Path, daemon: &Daemon) -> Result<String> {
    let stage = &Stage::new(daemon.dir().to_owned(), kept.to_owned());
    let initramfs = &kept.join("initramfs.cpio");
    fs::write(initramfs, root(scenario, shared)?)?;
    let run = |index: usize, script: &str| {
        let sockets = [(daemon.socket(index).to_owned(), scenario.id)];
        let boot = Boot {
            script,
            index,
            initramfs,
            sockets: &sockets,
            dir: daemon.dir(),
        };
        let command = uml::command(&shared.prepared, &boot);
        let log = kept.join(format!("{script}.log"));
        let result = machine::run(command, &log, scenario.limit, stage, scenario.answer);
        told(scenario, script, result, stage)
    };
    let transcripts: Vec<_> = std::thread::scope(|scope| {
        let guests: Vec<_> = scenario
            .scripts
            .iter()
            .enumerate()
            .map(|(index, script)| scope.spawn(move || run(index, script)))
            .collect();
        guests
            .into_iter()
            .map(|guest| guest.join().unwrap_or_else(|_| Err("panicked".into())))
            .collect()
    });
    judged(scenario, transcripts, stage)
}

/// Lets the other guests know of a script that failed: they would wait for it in vain.
fn told(
    scenario: &Scenario,
    script: &str,
    result: Result<Transcript>,
    stage: &Stage,
) -> Result<Transcript> {
    let failure = match &result {
        Ok(transcript) => transcript.failure(scenario.driver),
        Err(error) => Some(error.to_string()),
    };
    if let Some(failure) = failure {
        stage.give_up(format!("{script}: {failure}"));
    }
    result
}

/// What a scenario's guests did, if each of its scripts was a success.
fn judged(
    scenario: &Scenario,
    transcripts: Vec<Result<Transcript>>,
    stage: &Stage,
) -> Result<String> {
    let result: Result<String> = match stage.failure() {
        // What the others say is only what came of it.
        Some(first) => Err(first.into()),
        None => did(scenario, transcripts),
    };
    result.map_err(|error| {
        let host = stage.faults();
        match host.is_empty() {
            true => error,
            false => format!("{error}; on the host, {}", host.join(", ")).into(),
        }
    })
}

fn did(scenario: &Scenario, transcripts: Vec<Result<Transcript>>) -> Result<String> {
    let mut did = Vec::new();
    for (script, transcript) in scenario.scripts.iter().zip(transcripts) {
        let transcript = transcript.map_err(|error| format!("{script}: {error}"))?;
        if let Some(failure) = transcript.failure(scenario.driver) {
            return Err(format!("{script}: {failure}").into());
        }
        did.extend(transcript.did);
    }
    Ok(did.join("; "))
}

fn shell(tier: Tier, scenario: &Scenario, shared: &Shared) -> Result<()> {
    let kept = kept(tier, scenario)?;
    let mut daemon = daemon(scenario, shared, &kept)?;
    let initramfs = kept.join("initramfs.cpio");
    fs::write(&initramfs, root(scenario, shared)?)?;
    let sockets = [(daemon.socket(0).to_owned(), scenario.id)];
    let boot = Boot {
        script: "shell",
        index: 0,
        initramfs: &initramfs,
        sockets: &sockets,
        dir: daemon.dir(),
    };
    println!("the daemon's folder: {}", daemon.dir().display());
    machine::shell(uml::command(&shared.prepared, &boot))?;
    daemon.terminate(STOP)?;
    print!("{}", daemon.stderr());
    Ok(())
}

/// The guest's root.
fn root(scenario: &Scenario, shared: &Shared) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for folder in ["proc", "sys", "tmp", "mnt", "run", "etc"] {
        archive.folder(folder);
    }
    for program in ["busybox"].iter().chain(scenario.programs) {
        shared.programs.add(program, &mut archive)?;
    }
    archive.copy("bin/guest-tool", &shared.tool)?;
    add_scripts(&mut archive)?;
    archive.copy("init", &scripts().join("init.sh"))?;
    Ok(archive.finish())
}

fn scripts() -> PathBuf {
    workspace::root().join("ci/guest")
}

/// The scripts of devices, in /guest.
fn add_scripts(archive: &mut Archive) -> Result<()> {
    for entry in fs::read_dir(scripts())? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "sh") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            archive.copy(&format!("guest/{name}"), &path)?;
        }
    }
    Ok(())
}

/// The program of this workspace that guests have: static, for they have no C library.
fn tool() -> Result<PathBuf> {
    if !setup::ready_for(&[], &[TOOL_TARGET])? {
        return Err(format!("the target {TOOL_TARGET} is missing, see above").into());
    }
    let args = [
        "build",
        "--release",
        "--package",
        "guest-tool",
        "--target",
        TOOL_TARGET,
    ];
    let status = cargo(&args).arg("--quiet").status()?;
    if !status.success() {
        return Err(format!("guest-tool does not build for {TOOL_TARGET}").into());
    }
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    Ok(Path::new(target)
        .join(TOOL_TARGET)
        .join("release/guest-tool"))
}

/// Images and roots are large, and the same in each run.
fn forget_large_files(kept: &Path) -> Result<()> {
    for entry in fs::read_dir(kept)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.extension().is_none_or(|end| end != "log") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn show_logs(kept: &Path, error: &str) {
    println!("FAILED: {error}");
    let entries = fs::read_dir(kept).into_iter().flatten().flatten();
    let mut logs: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect();
    logs.sort();
    for log in logs {
        println!("  {}:", log.display());
        for line in tail(&log, TAIL).lines() {
            println!("    | {line}");
        }
    }
}

/// The last lines of a file.
fn tail(file: &Path, count: usize) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn table(rows: &[Row]) {
    println!();
    line(
        "device",
        "tier",
        "driver",
        "time",
        "verdict",
        "what was exercised",
    );
    for row in rows {
        line(
            row.device,
            row.tier,
            &row.driver,
            &row.time,
            row.verdict,
            &row.what,
        );
    }
}

fn line(device: &str, tier: &str, driver: &str, time: &str, verdict: &str, what: &str) {
    let mut front = format!("{device:<8} {tier:<4} {driver:<27} {time:>9}  {verdict:<8}");
    let margin = MARGIN + 13;
    for line in text::wrap(what, WIDTH - margin) {
        println!("{front:<margin$}{line}");
        front.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_chosen_by_either_name_and_all_without() {
        let names = |list: &[&str]| {
            let list: Vec<_> = list.iter().map(|name| (*name).to_owned()).collect();
            chosen(&list).map(|found| found.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["rng"]).unwrap(), ["rng"]);
        assert_eq!(names(&["vhost-device-scsi"]).unwrap(), ["scsi"]);
        assert_eq!(names(&[]).unwrap().len(), SCENARIOS.len());
        let error = names(&["floppy"]).unwrap_err().to_string();
        assert!(error.contains("floppy") && error.contains("rng"), "{error}");
    }

    #[test]
    fn every_scenario_has_its_scripts() {
        for script in SCENARIOS.iter().flat_map(|scenario| scenario.scripts) {
            let path = workspace::root().join(format!("ci/guest/{script}.sh"));
            assert!(path.exists(), "{}", path.display());
        }
    }

    #[test]
    fn every_device_has_a_scenario() {
        let without: Vec<_> = crate::devices::DEVICES
            .iter()
            // No kernel has a driver for it.
            .filter(|device| device.name != "vhost-device-template")
            .filter(|device| {
                !SCENARIOS
                    .iter()
                    .any(|s| s.package == device.name && s.id == device.id)
            })
            .map(|device| device.name)
            .collect();
        assert_eq!(without, [""; 0]);
    }

    #[test]
    fn what_a_daemon_says_of_requests_it_lost_is_a_complaint() {
        for fault in [
            "thread 'vsock/0' panicked at src/lib.rs:1",
            "WARN rng on s: queue 0 waits for 1 requests that the device still works on",
            "WARN rng on s: queue 0: the device dropped request 3 unanswered",
        ] {
            let said = complaint(&format!("INFO rng on s: ready\n{fault}\n")).unwrap();
            assert!(said.ends_with(fault), "{said}");
        }
        assert_eq!(complaint("INFO rng on s: ready\n"), None);
    }

    #[test]
    fn of_what_a_run_leaves_logs_alone_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("moved")).unwrap();
        for name in ["a.log", "first.img", "moved/first.img"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }

        forget_large_files(dir.path()).unwrap();

        let left = fs::read_dir(dir.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["a.log"]);
    }

    #[test]
    fn a_tail_is_the_last_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1\n2\n3\n").unwrap();
        assert_eq!(tail(file.path(), 2), "2\n3");
        assert_eq!(tail(Path::new("/nonexistent"), 2), "");
    }
}
