// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask bench`: what the devices cost.
//!
//! First the crates' own benches run, on a ring in this process's memory. Then each daemon is
//! measured over its socket, by a guest that never allocates or copies while the clock runs. Other
//! daemons of the same names can be measured in the same run, turn by turn, because a figure of
//! another day or machine is no comparison.

pub(crate) mod console;
pub(crate) mod report;
pub(crate) mod scsi;
pub(crate) mod socket;
pub(crate) mod vsock;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Args;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::build::{self, Profile};
use crate::devices::{DEVICES, Device, Figures, Measure, Requests};
use crate::workspace::{Memory, cargo};
use crate::{Result, children};

use report::{Figure, Report};
use socket::{Scale, Subject};

/// What daemons of another folder are called.
const THEIRS: &str = "theirs";

#[derive(Args)]
pub(crate) struct Options {
    /// Measure the daemons of the same names in this folder as well, in the same run
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,

    /// The kind of guest memory to build the daemons for
    #[arg(long, value_enum, default_value = "mmap")]
    memory: Memory,

    /// Fewer rounds and requests: to see that it works, not to quote
    #[arg(long)]
    quick: bool,

    /// Busy wait of the daemons that are measured with one, in microseconds
    #[arg(long, value_name = "N", default_value_t = 50)]
    poll_us: u32,

    /// Only this device, by the name of its crate
    #[arg(long, value_name = "NAME")]
    device: Option<String>,

    /// Leave out the benches on the local ring
    #[arg(long)]
    socket_only: bool,
}

/// Two CPUs, so that driver and daemon never wait for each other's turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus {
    driver: usize,
    daemon: usize,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    if cfg!(debug_assertions) {
        return run_optimised(options);
    }
    let memory = options.memory;
    let devices: Vec<_> = DEVICES
        .iter()
        .filter(|device| device.runs_on(memory))
        .filter(|device| {
            options
                .device
                .as_deref()
                .is_none_or(|only| only == device.name)
        })
        .collect();
    if devices.is_empty() {
        return Err("no such device: see crates/xtask/src/devices.rs".into());
    }
    let names: Vec<_> = devices.iter().map(|device| device.name).collect();
    let mut good = true;
    if !options.socket_only {
        good &= local_benches(options.quick, memory)?;
    }
    let programs = build::binaries(&names, memory, Profile::Release)?;

    let cpus = Cpus::choose()?;
    describe_machine(cpus);
    for device in devices {
        good &= measure(device, &programs[device.name], cpus, options)?;
    }
    Ok(good)
}

/// A driver without optimisation would be what is measured.
fn run_optimised(options: &Options) -> Result<bool> {
    println!("building an optimised driver ...");
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--release",
        "--package",
        "xtask",
        "--",
        "bench",
    ]);
    command.args(["--memory", options.memory.feature()]);
    command.args(["--poll-us", &options.poll_us.to_string()]);
    if let Some(dir) = &options.against {
        command.arg("--against").arg(std::path::absolute(dir)?);
    }
    if let Some(device) = &options.device {
        command.args(["--device", device]);
    }
    for (given, flag) in [
        (options.quick, "--quick"),
        (options.socket_only, "--socket-only"),
    ] {
        if given {
            command.arg(flag);
        }
    }
    Ok(command.status()?.success())
}

fn local_benches(quick: bool, memory: Memory) -> Result<bool> {
    println!("the crates' benches ({memory}):");
    let mut command = cargo(&["bench", "--workspace", "--bench", "*"]);
    command.args(memory.args()).arg("--");
    if quick {
        command.arg("--quick");
    }
    let status = command.stderr(Stdio::inherit()).status()?;
    children::rest_if_interrupted();
    Ok(status.success())
}

fn measure(device: &Device, program: &Path, cpus: Option<Cpus>, options: &Options) -> Result<bool> {
    let poll = options.poll_us.to_string();
    let dir = tempfile::tempdir()?;
    let args = device.arguments(dir.path())?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut subjects = vec![
        Subject::new("ours", program, &args),
        Subject::new(
            &format!("--poll-us {poll}"),
            program,
            &[&args[..], &["--poll-us", &poll]].concat(),
        ),
    ];
    if let Some(dir) = &options.against {
        let theirs = dir.join(device.name);
        if theirs.exists() {
            subjects.push(Subject::new(THEIRS, &theirs, &args));
        } else {
            println!("\nthere is no {} in {}", device.name, dir.display());
        }
    }
    let scale = Scale::new(options.quick);
    let mut report = Report::new(subjects.iter().map(|subject| subject.label.clone()));
    for round in 0..scale.rounds {
        // Whoever is first in a round has the colder caches.
        let mut order: Vec<_> = (0..subjects.len()).collect();
        order.rotate_left(round % subjects.len());
        for index in order {
            let figures = match device.measure {
                Measure::Requests(requests) => {
                    socket::figures(&subjects[index], device, requests, cpus, scale)
                }
                Measure::Driver(figures) => figures(&subjects[index], cpus, scale),
                Measure::Both(requests, more) => {
                    both(&subjects[index], device, requests, more, cpus, scale)
                }
            };
            let figures = figures
                .map_err(|error| format!("{} ({}): {error}", device.name, subjects[index].label))?;
            children::rest_if_interrupted();
            report.add(index, figures);
        }
        eprintln!("{}: round {} of {}", device.name, round + 1, scale.rounds);
    }
    println!(
        "\n{} ({}), median of {} rounds",
        device.name, options.memory, scale.rounds
    );
    print!("{}", report.table(options.against.as_ref().map(|_| THEIRS)));

    let ours = subjects.iter().filter(|subject| subject.label != THEIRS);
    let good = ours.fold(true, |good, subject| good & subject.withstood());
    // Who has a driver of its own alone measured its connections with it.
    let (Measure::Requests(requests) | Measure::Both(requests, _)) = device.measure else {
        return Ok(good);
    };
    let outcome = socket::reconnects(&subjects[0], requests, cpus, scale)?;
    println!("{outcome}");
    Ok(good & outcome.good())
}

fn both(
    subject: &Subject,
    device: &Device,
    requests: Requests,
    more: Figures,
    cpus: Option<Cpus>,
    scale: Scale,
) -> Result<Vec<Figure>> {
    let figures = subject.attempt("requests", || {
        socket::figures(subject, device, requests, cpus, scale)
    });
    let mut all = figures.unwrap_or_default();
    all.extend(more(subject, cpus, scale)?);
    Ok(all)
}

impl Cpus {
    fn choose() -> Result<Option<Self>> {
        let allowed = sched_getaffinity(None)?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
        Ok(cpus
            .next()
            .zip(cpus.next())
            .map(|(driver, daemon)| Self { driver, daemon }))
    }

    /// Moves this thread, and what it starts from now on.
    fn settle(cpu: usize) -> Result<()> {
        let mut set = CpuSet::new();
        set.set(cpu);
        sched_setaffinity(None, &set)?;
        Ok(())
    }
}

fn describe_machine(cpus: Option<Cpus>) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\nmachine: {}, {model}, {count} CPUs, Linux {}",
        read("/proc/sys/kernel/hostname").trim(),
        read("/proc/sys/kernel/osrelease").trim(),
    );
    let load = read("/proc/loadavg");
    println!(
        "load before: {}",
        load.split(' ').next().unwrap_or_default()
    );
    match cpus {
        Some(cpus) => println!(
            "driver on CPU {}, daemon on CPU {}",
            cpus.driver, cpus.daemon
        ),
        None => println!("one CPU only: driver and daemon take turns, so the figures mean little"),
    }
}
