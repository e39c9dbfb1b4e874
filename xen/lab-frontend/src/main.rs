// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Runs in the dom0 of the Xen lab (`cargo xtask xen`): grants memory, hands it to each daemon in every
//! layout, drives the devices, and does what a hostile guest would.
//!
//! On the console, which xtask reads: `LAB-PLAN N`, then N lines
//! `LAB CASE DEVICE ok|FAILED MILLISECONDS TEXT`, then `LAB-DONE N`.

mod cases;
mod devices;
mod domain;
mod libraries;
mod memory;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::cases::{CASES, Case};
use crate::devices::{DEVICES, Device};
use crate::domain::Domain;

/// What a case ends with.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Drives xen-built daemons from a dom0.
#[derive(Debug, Parser)]
struct Options {
    /// Folder of the daemons.
    #[arg(long, default_value = "/bin")]
    daemons: PathBuf,

    /// Only these cases.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,

    /// Instead of devices, `xen-ioctl` and `xen-store` are tested; xenstore must run.
    #[arg(long)]
    libraries: bool,

    /// Only these devices; all unless told.
    devices: Vec<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.libraries {
        return match libraries::run() {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let chosen = |device: &&Device| {
        options.devices.is_empty() || options.devices.iter().any(|name| name == device.name)
    };
    let domain = match Domain::create() {
        Ok(domain) => Some(domain),
        Err(error) => {
            println!("no other domain: {error}");
            None
        }
    };
    let named = |case: &&Case| match options.cases.as_slice() {
        [] => !case.aside,
        names => names.iter().any(|name| name == case.name),
    };
    let devices: Vec<_> = DEVICES.iter().filter(chosen).collect();
    let cases: Vec<_> = CASES.iter().filter(named).collect();
    println!("LAB-PLAN {}", cases.len() * devices.len());
    let mut good = true;
    let mut ran = 0;
    for case in cases {
        for device in &devices {
            let start = Instant::now();
            let setting = cases::Setting {
                device,
                daemons: &options.daemons,
                domain: domain.as_ref(),
            };
            let result = (case.run)(&setting);
            let time = start.elapsed().as_millis();
            ran += 1;
            match result {
                Ok(text) => println!("LAB {} {} ok {time} {text}", case.name, device.name),
                Err(error) => {
                    good = false;
                    let text = error.to_string().replace('\n', "; ");
                    println!("LAB {} {} FAILED {time} {text}", case.name, device.name);
                }
            }
        }
    }
    println!("LAB-DONE {ran}");
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
