// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tier uml: Linux as a process. Its driver virtio_uml is a vhost-user frontend for any device, so
//! the device's own driver binds without a hypervisor in between.
//!
//! Has one CPU, one memory table, rings of 256, and MQ, REPLY_ACK, BACKEND_REQ, CONFIG and
//! INBAND_NOTIFICATIONS of the protocol; no reconnection, no migration.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Boot, cache};
use crate::apt::{self, Apt, call};
use crate::{Result, children, setup, text, workspace};

const PACKAGE: &str = "linux-source-7.3";
const SUITE: &str = "trixie-backports";

/// Where nobody waits for each line, one is written this often.
const REPORT: Duration = Duration::from_secs(15);

/// What a build of the configuration compiles, roughly: only for the progress.
const FILES: usize = 1900;

/// What the kernel is built with: packages of ci/packages.
const NEEDED: &[&str] = &[
    "bc",
    "bison",
    "flex",
    "gcc",
    "libc6-dev",
    "libelf-dev",
    "make",
    "xz-utils",
];

/// Why this machine cannot run the tier.
pub(crate) fn missing() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some("User-Mode Linux is for x86_64".to_owned());
    }
    None
}

/// The kernel: from the cache, or built now.
pub(crate) fn kernel() -> Result<PathBuf> {
    let config = fs::read_to_string(workspace::root().join("ci/guest/uml.config"))?;
    // It is linked to the libraries of the machine that builds it.
    let libc = call(Command::new("ldd").arg("--version")).unwrap_or_default();
    let libc = libc.lines().next().unwrap_or_default();
    let key = cache::key(&[PACKAGE, &config, libc])?;
    if let Some(entry) = cache::find("uml", &key)? {
        return Ok(entry.join("linux"));
    }
    if !setup::ready_for(NEEDED, &[])? {
        return Err("the guests' kernel cannot be built: packages are missing, see above".into());
    }
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    println!("kernel for tier uml: fetching {PACKAGE} ...");
    let archive = Apt::new(&scratch.join("apt-uml"), &[SUITE])?.download(PACKAGE)?;
    let version = apt::field(&archive, "Version")?;
    let unpacked = scratch.join("uml-package");
    apt::unpack(&archive, &unpacked)?;
    let tar = unpacked.join(format!("usr/src/{PACKAGE}.tar.xz"));
    call(
        Command::new("tar")
            .arg("-C")
            .arg(&scratch)
            .arg("-xf")
            .arg(&tar),
    )?;
    let source = scratch.join(PACKAGE);
    let entry = cache::store("uml", &version, &key, |entry| {
        build(&source, &config)?;
        fs::copy(source.join("linux"), entry.join("linux"))?;
        fs::copy(source.join(".config"), entry.join("config"))?;
        Ok(())
    })?;
    fs::remove_dir_all(&source)?;
    Ok(entry.join("linux"))
}

fn build(source: &Path, config: &str) -> Result<()> {
    fs::write(source.join("uml.config"), config)?;
    let make = |args: &[&str]| {
        let mut command = Command::new("nice");
        command
            .args(["-n", "5", "make", "ARCH=um"])
            .args(args)
            .current_dir(source)
            .stdin(Stdio::null())
            // Meant for this workspace's builds.
            .env_remove("MAKEFLAGS")
            .env_remove("CARGO_MAKEFLAGS");
        command
    };
    call(make(&["KCONFIG_ALLCONFIG=uml.config", "allnoconfig"]).stdout(Stdio::null()))?;
    refuse_lost_options(config, &fs::read_to_string(source.join(".config"))?)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let log = workspace::root().join("target/guest/uml-build.log");
    fs::create_dir_all(workspace::root().join("target/guest"))?;
    let mut kept = File::create(&log)?;
    let errors = kept.try_clone()?;
    let mut child = make(&[&format!("-j{jobs}"), "linux"])
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()?;
    let start = Instant::now();
    let mut reported = start;
    let mut count = 0;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            writeln!(kept, "{line}")?;
            count += usize::from(line.trim_start().starts_with("CC "));
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                let time = text::time(start.elapsed());
                println!("    {count} of about {FILES} files after {time}");
            }
        }
    }
    let status = child.wait()?;
    children::rest_if_interrupted();
    if !status.success() {
        let tail = super::tail(&log, 20);
        return Err(format!("the kernel does not build: {}\n{tail}", log.display()).into());
    }
    println!(
        "kernel for tier uml: built after {}",
        text::time(start.elapsed())
    );
    Ok(())
}

/// An option that the kernel no longer has would silently leave a driver out.
fn refuse_lost_options(wanted: &str, have: &str) -> Result<()> {
    let lost: Vec<_> = wanted
        .lines()
        .filter(|line| line.ends_with("=y"))
        .filter(|line| !have.lines().any(|other| other == *line))
        .collect();
    match lost.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "this kernel does not take these lines of ci/guest/uml.config: {}",
            lost.join(" ")
        )
        .into()),
    }
}

/// The command that boots a guest.
pub(crate) fn command(kernel: &Path, boot: &Boot<'_>) -> Command {
    let mut command = Command::new(kernel);
    command
        .arg("mem=256M")
        .arg(format!("initrd={}", boot.initramfs.display()))
        .args([
            "con=null",
            "con0=fd:0,fd:1",
            "con1=null",
            "ssl=null",
            "root=/dev/ram0",
        ])
        .arg(format!("umid=g{}", boot.index))
        .arg(format!("uml_dir={}", boot.dir.display()))
        .args(["loglevel=5", "panic=-1", "hung_task_panic=0"]);
    for (socket, id) in boot.sockets {
        command.arg(format!("virtio_uml.device={}:{id}", socket.display()));
    }
    command.arg(format!("guest.run={}", boot.script));
    // Guest memory is a file there.
    command.env("TMPDIR", "/dev/shm");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_the_kernel_dropped_is_named() {
        let wanted = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\n";
        assert!(refuse_lost_options(wanted, "CONFIG_A=y\nCONFIG_B=y\n").is_ok());
        let error = refuse_lost_options(wanted, "CONFIG_A=y\n# CONFIG_B is not set\n").unwrap_err();
        assert!(error.to_string().ends_with(": CONFIG_B=y"));
    }
}
