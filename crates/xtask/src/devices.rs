// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The devices of this workspace: the one list that the chores go by.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use virtio_guest::Guest;

use crate::Result;
use crate::bench::report::Figure;
use crate::bench::socket::{Scale, Subject};
use crate::bench::{self, Cpus};
use crate::demo::{self, Request};
use crate::workspace::{BOTH, Memory};

/// One device crate. Its binary has the name of the package.
#[derive(Debug)]
pub(crate) struct Device {
    /// Name of the package and of the binary.
    pub name: &'static str,
    /// Virtio device id.
    pub id: u32,
    /// The memory variants that it is built for.
    pub memory: &'static [Memory],
    /// What a host must have, if any host will not do.
    pub needs: Option<&'static str>,
    /// Arguments for the demo and the measurements, besides the socket's. `{image}` stands for a file
    /// of [`IMAGE_SIZE`] bytes.
    pub args: &'static [&'static str],
    /// Uses the device, and tells what was done.
    pub demo: fn(&mut Guest) -> Result<String>,
    /// How it is measured over its socket.
    pub measure: Measure,
}

/// What a device is measured by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    Requests(Requests),
    /// A driver of its own.
    Driver(Figures),
    /// Both of that.
    Both(Requests, Figures),
}

/// One round of a driver.
pub(crate) type Figures = fn(&Subject, Option<Cpus>, Scale) -> Result<Vec<Figure>>;

/// Requests that are answered as soon as they can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests {
    pub queue: u16,
    /// One that moves so many bytes.
    pub of: fn(usize) -> Request,
}

const fn requests(queue: u16, of: fn(usize) -> Request) -> Measure {
    Measure::Requests(Requests { queue, of })
}

const CONSOLE: Requests = Requests {
    queue: demo::TRANSMIT,
    of: demo::console_request,
};

/// A new device joins the chores by a line here.
#[rustfmt::skip]
pub(crate) const DEVICES: &[Device] = &[
    Device { name: "vhost-device-console",  id: 3,     memory: BOTH, needs: None, args: &[], demo: demo::console,  measure: Measure::Both(CONSOLE, bench::console::figures) },
    Device { name: "vhost-device-rng",      id: 4,     memory: BOTH, needs: None, args: &[], demo: demo::rng,      measure: requests(0, demo::rng_request) },
    Device { name: "vhost-device-scsi",     id: 8,     memory: BOTH, needs: None, args: &["{image}"], demo: demo::scsi, measure: Measure::Driver(bench::scsi::figures) },
    Device { name: "vhost-device-template", id: 65535, memory: BOTH, needs: None, args: &[], demo: demo::template, measure: requests(0, demo::template_request) },
    Device { name: "vhost-device-vsock",    id: 19,    memory: BOTH, needs: None, args: &["--socket", "{socket}", "--uds-path", "{dir}/v"], demo: demo::vsock, measure: Measure::Driver(bench::vsock::figures) },
];

/// What devices with an image get.
pub(crate) const IMAGE_SIZE: u64 = 256 << 20;

impl Device {
    /// The arguments, with an image made in `dir` for those that need one.
    pub(crate) fn arguments(&self, dir: &Path) -> Result<Vec<String>> {
        let image = dir.join("image");
        if self.args.iter().any(|arg| arg.contains("{image}")) {
            // Written and not sparse: what is read is to come out of the page cache. By pages, or the
            // cache has it in large folios, in which ext4 spends more time on a small write than the
            // rest of a request takes, whoever serves it.
            let mut file = fs::File::create(&image)?;
            let chunk = vec![0x5a; 4096];
            for _ in 0..IMAGE_SIZE / chunk.len() as u64 {
                file.write_all(&chunk)?;
            }
        }
        let image = image.to_string_lossy();
        let args = self.args.iter().map(|arg| arg.replace("{image}", &image));
        Ok(args.collect())
    }

    /// Whether the demo can run it on this variant.
    pub(crate) fn runs_on(&self, memory: Memory) -> bool {
        self.needs.is_none() && self.memory.contains(&memory)
    }
}
