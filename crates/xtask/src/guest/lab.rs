// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tier lab: a host of its own for daemons whose hardware has a simulator in the kernel.
//!
//! Build machines seldom have loadable modules. Here a stock kernel runs in QEMU, its root is this
//! machine's, read-only, and the modules come from QEMU's private root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::qemu::machine::{Machine, Spec};
use super::qemu::root::Root;
use super::qemu::{accelerator, initrd, logs, skipped};
use super::{Options, Row, forget_large_files, show_logs};
use crate::workspace::Memory;
use crate::{Result, build, children, text, workspace};

const TIER: &str = "lab";

const LIMIT: Duration = Duration::from_secs(120);

const SIMULATORS: &str = "gpio-sim, i2c-stub, vcan, snd-aloop, uinput, vivid";

/// Boots the lab, looks whether all simulators are there, and runs tests that need modules: vsock's of
/// the host's own AF_VSOCK, and SCSI's that cuts the power.
pub(crate) fn on_tier(options: &Options, rows: &mut Vec<Row>) -> Result<()> {
    let root = match Root::get() {
        Ok(root) => root,
        Err(why) => {
            rows.push(skipped("all", TIER, format!("no QEMU can be had: {why}")));
            return Ok(());
        }
    };
    let logs = logs(TIER)?;
    let tests = [
        ("lab-vsock.sh", "vhost-device-vsock", "socket"),
        ("lab-power.sh", "vhost-device-scsi", "power"),
    ];
    let tests = tests
        .map(|(script, package, test)| Ok((script, build::tests(package, test, Memory::Mmap)?)))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    let result = smoke(&root, &logs, &tests);
    children::rest_if_interrupted();
    let (verdict, what) = match result {
        Ok(nodes) => {
            if !options.keep {
                forget_large_files(&logs)?;
            }
            let what = format!("vsock forwarding; power cuts under scsi; {SIMULATORS}: {nodes}");
            ("passed", what)
        }
        Err(error) => {
            show_logs(&logs, &error.to_string());
            ("FAILED", error.to_string())
        }
    };
    rows.push(Row {
        device: "all",
        tier: TIER,
        driver: "-".to_owned(),
        time: text::time(start.elapsed()),
        verdict,
        what,
    });
    Ok(())
}

fn smoke(root: &Root, logs: &Path, tests: &[(&str, PathBuf)]) -> Result<String> {
    let target = workspace::target_folder()?;
    let dir = tempfile::Builder::new().prefix("q").tempdir()?;
    let ram_disk = logs.join("lab.cpio");
    fs::write(&ram_disk, initrd::make(root, None, &[], initrd::HOST_ROOT)?)?;
    let share = |tag: &str, path: &Path| {
        [
            "-fsdev".to_owned(),
            format!(
                "local,id={tag},path={},security_model=none,readonly=on,multidevs=remap",
                path.display()
            ),
            "-device".to_owned(),
            format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
        ]
    };
    let mut args = share("host", Path::new("/")).to_vec();
    args.extend(share("private", &root.path));
    args.extend(share("target", &target));
    let spec = Spec {
        name: "lab",
        accelerator: accelerator(root, logs)?.0,
        memory: 1024,
        most_memory: 2048,
        append: "",
        ram_disk,
        args,
    };
    let mut machine = Machine::start(root, &spec, dir.path(), logs)?;
    machine.booted()?;
    machine.run("host.sh", LIMIT)?;
    let said = machine.run("lab.sh", LIMIT)?;
    for (script, program) in tests {
        let command = format!("{script} {} {}", program.display(), target.display());
        machine.run(&command, LIMIT)?;
    }
    if let Some(line) = machine.trouble() {
        return Err(format!("the lab's kernel says: {line}").into());
    }
    let nodes: Vec<_> = said
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|word| word.starts_with("/dev/"))
        .collect();
    Ok(nodes.join(" "))
}
