// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask demo`: every daemon that needs no hardware, used by a guest over a real socket.

mod console;
mod rng;
mod scsi;
mod template;
mod vsock;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use virtio_guest::{Daemon, Guest, names};

use crate::build::{self, Profile};
use crate::devices::{DEVICES, Device};
use crate::workspace::Memory;
use crate::{Result, children, text};

pub(crate) use console::{TRANSMIT, console, console_request};
pub(crate) use rng::{rng, rng_request};
pub(crate) use scsi::{scsi, scsi_request, scsi_write_request};
pub(crate) use template::{template, template_request};
pub(crate) use vsock::vsock;

/// What one request consists of.
pub(crate) struct Request {
    /// Contents of the device-readable buffers.
    pub readable: Vec<Vec<u8>>,
    /// Lengths of the device-writable buffers.
    pub writable: Vec<usize>,
}

/// How long a daemon may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(10);

/// Where the last column begins, and how far the table goes.
const MARGIN: usize = 50;
const WIDTH: usize = 112;

#[derive(Args)]
pub(crate) struct Options {
    /// The kind of guest memory to build the daemons for
    #[arg(long, value_enum, default_value = "mmap")]
    memory: Memory,

    /// Build without optimisation: sooner done, but the rates mean nothing
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let memory = options.memory;
    let profile = if options.debug {
        Profile::Debug
    } else {
        Profile::Release
    };
    let names: Vec<_> = DEVICES
        .iter()
        .filter(|device| device.runs_on(memory))
        .map(|device| device.name)
        .collect();
    let programs = build::binaries(&names, memory, profile)?;

    println!();
    row("device", "id", "memory", "time", "what was done");
    let mut good = true;
    for device in DEVICES {
        let id = device.id.to_string();
        if let Some(reason) = skipped(device, memory) {
            row(
                device.name,
                &id,
                memory.feature(),
                "-",
                &format!("skipped: {reason}"),
            );
            continue;
        }
        let start = Instant::now();
        let result = use_device(device, memory, &programs[device.name]);
        children::rest_if_interrupted();
        let time = text::time(start.elapsed());
        match result {
            Ok(done) => {
                row(device.name, &id, memory.feature(), &time, &done.what);
                more("features", &done.features);
                more("protocol", &done.protocol);
            }
            Err(failure) => {
                good = false;
                let message = format!("FAILED: {}", failure.message);
                row(device.name, &id, memory.feature(), &time, &message);
                match failure.said.trim_end() {
                    "" => println!("    the daemon said nothing"),
                    said => said.lines().for_each(|line| println!("    | {line}")),
                }
            }
        }
    }
    println!();
    Ok(good)
}

fn row(device: &str, id: &str, memory: &str, time: &str, what: &str) {
    let mut front = format!("{device:<22} {id:>5}  {memory:<6} {time:>9}");
    for line in text::wrap(what, WIDTH - MARGIN) {
        println!("{front:<MARGIN$}{line}");
        front.clear();
    }
}

fn more(what: &str, names: &[String]) {
    let indent = MARGIN + what.len() + 2;
    let mut front = format!("{:MARGIN$}{what}: ", "");
    for line in text::wrap(&names.join(" "), WIDTH - indent) {
        println!("{front:<indent$}{line}");
        front.clear();
    }
}

fn skipped(device: &Device, memory: Memory) -> Option<String> {
    if !device.memory.contains(&memory) {
        return Some(format!("not built for {memory}"));
    }
    device.needs.map(|needs| format!("needs {needs}"))
}

struct Done {
    what: String,
    features: Vec<String>,
    protocol: Vec<String>,
}

struct Failure {
    message: String,
    said: String,
}

fn use_device(device: &Device, memory: Memory, program: &Path) -> Result<Done, Failure> {
    let silent = |message: String| Failure {
        message,
        said: String::new(),
    };
    let dir = tempfile::tempdir().map_err(|error| silent(error.to_string()))?;
    let args = device
        .arguments(dir.path())
        .map_err(|error| silent(error.to_string()))?;
    let mut daemon = Daemon::builder(program)
        .args(args)
        .spawn()
        .map_err(|error| silent(error.to_string()))?;
    let result = attend(device, memory, &mut daemon);
    result.map_err(|error| Failure {
        message: error.to_string(),
        said: daemon.stderr(),
    })
}

fn attend(device: &Device, memory: Memory, daemon: &mut Daemon) -> Result<Done> {
    let mut guest = Guest::connect(daemon.path())?;
    if guest.variant() != memory.feature() {
        return Err(format!("this is a build for {}, not for {memory}", guest.variant()).into());
    }
    let what = (device.demo)(&mut guest)?;
    let done = Done {
        what,
        features: names::virtio_features(device.id, guest.features()),
        protocol: names::protocol_features(guest.protocol_features()),
    };
    drop(guest);
    let status = daemon.terminate(STOP)?;
    if !status.success() {
        return Err(format!("asked to end, it did so with {status}").into());
    }
    Ok(done)
}
