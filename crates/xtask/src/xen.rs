// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask xen`: the xen-built daemons on a real Xen, under QEMU's software emulation.
//!
//! ```text
//!   packages (cache) --> hypervisor, kernel, modules, busybox --+
//!   cargo build (musl, xen) --> daemons, xen-lab-frontend ------+--> initramfs --> QEMU --> verdicts
//! ```
//!
//! Everything runs in one boot: dom0 is the guest as well, and the domain whose memory is mapped
//! foreign is created there and never started. Verdicts come as lines on the serial console.
//! With `--guest`, the toolstack makes a domain that runs, and `xen-vhost-frontend` serves it.

mod initramfs;
mod packages;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::build::{self, Profile};
use crate::workspace::{self, Memory};
use crate::{Result, children, text};

/// How a step says that it did not run: the CI runner knows it.
const SKIPPED: u8 = 77;

const QEMU: &str = "qemu-system-x86_64";
const TARGET: &str = "x86_64-unknown-linux-musl";
const FRONTEND: &str = "xen-lab-frontend";
/// What serves a running guest.
const SERVER: &str = "xen-vhost-frontend";
/// What dom0 does with one.
const GUEST: &str = include_str!("xen/guest.sh");

/// The case that compares layouts and variants, and the device that it does so with.
const COST: &str = "cost";
const RNG: &str = "vhost-device-rng";
/// A device with several queues for a running guest.
const CONSOLE: &str = "vhost-device-console";

/// The devices that the frontend has a driver for.
const DEVICES: &[&str] = &["rng", "console", "vsock", "scsi"];

/// What dom0's kernel needs to make everything in /dev/xen.
const MODULES: &[&str] = &[
    "xen-privcmd",
    "xen-evtchn",
    "xen-gntdev",
    "xenfs",
    "xen-gntalloc",
];

/// Measured: ten seconds to dom0's user space, up to ten for a case with several guests.
const BOOT: Duration = Duration::from_secs(90);
const SILENCE: Duration = Duration::from_secs(120);

/// Where the frontend's lines begin.
const READY: &str = "LAB-READY";
const PLAN: &str = "LAB-PLAN ";
const VERDICT: &str = "LAB ";
const DONE: &str = "LAB-DONE";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// Of Debian 13
    #[value(name = "4.20")]
    V4_20,
    /// Of Debian 12
    #[value(name = "4.17")]
    V4_17,
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::V4_20 => "4.20",
            Self::V4_17 => "4.17",
        }
    }
}

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to test: rng, console, vsock, scsi; all unless told
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(DEVICES))]
    devices: Vec<String>,

    /// Version of the hypervisor; both, one after the other, unless told (4.20 with `--guest`)
    #[arg(long = "xen", value_enum)]
    version: Option<Version>,

    /// Only these cases, by their names in the table; `cost` compares the layouts and the mmap build
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,

    /// A guest domain uses devices through xen-vhost-frontend, instead of the tests within dom0
    #[arg(long, conflicts_with_all = ["devices", "cases", "shell"])]
    guest: bool,

    /// A shell in dom0 instead of the tests; `poweroff -f` leaves it
    #[arg(long)]
    shell: bool,

    /// Take the newest packages of the distribution into the lock file, and test with those
    #[arg(long)]
    update: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if let Some(reason) = cannot() {
        println!("skipped: {reason}");
        return Ok(ExitCode::from(SKIPPED));
    }
    if options.update {
        packages::update()?;
    }
    let unpacked = match packages::unpacked(options.guest)? {
        Ok(unpacked) => unpacked,
        Err(unreachable) => {
            println!("skipped: {unreachable}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    if options.guest {
        // One boot takes a minute.
        return test_guest(&unpacked, options.version.unwrap_or(Version::V4_20));
    }
    let devices: Vec<&str> = if options.devices.is_empty() {
        DEVICES.to_vec()
    } else {
        options.devices.iter().map(String::as_str).collect()
    };
    let names: Vec<_> = devices
        .iter()
        .map(|device| format!("vhost-device-{device}"))
        .collect();
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    wanted.push(FRONTEND);
    let folder = tempfile::tempdir()?;
    // What the other variant costs is asked for by name: it takes the place of the Xen build.
    let mmap = folder.path().join("mmap");
    if options.cases.iter().any(|case| case == COST) {
        let built = build::for_target(&[RNG], Memory::Mmap, Profile::Release, Some(TARGET))?;
        fs::copy(&built[RNG], &mmap)?;
    }
    let programs = build::for_target(&wanted, Memory::Xen, Profile::Release, Some(TARGET))?;

    let mut good = true;
    let versions = match options.version {
        Some(version) => vec![version],
        None if options.shell => vec![Version::V4_20],
        None => vec![Version::V4_20, Version::V4_17],
    };
    for version in versions {
        let machine = Machine {
            version,
            unpacked: &unpacked,
            folder: folder.path(),
            guest: false,
        };
        let mut archive = initramfs::Archive::new();
        for (name, path) in &programs {
            archive.file(&format!("bin/{name}"), 0o755, &fs::read(path)?);
        }
        if mmap.exists() {
            archive.file(&format!("bin/mmap/{RNG}"), 0o755, &fs::read(&mmap)?);
        }
        if options.shell {
            machine.furnish(archive, SHELL)?;
            machine.command()?.stdin(Stdio::inherit()).status()?;
            continue;
        }
        let mut arguments = devices.join(" ");
        if !options.cases.is_empty() {
            arguments = format!("--cases {} {arguments}", options.cases.join(","));
        }
        machine.furnish(archive, &format!("{FRONTEND} {arguments}"))?;
        good &= machine.test()?;
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A domain that the toolstack makes, with the toolstack's version of Xen.
fn test_guest(unpacked: &packages::Unpacked, version: Version) -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let wanted = [RNG, CONSOLE, SERVER, FRONTEND];
    let programs = build::for_target(&wanted, Memory::Xen, Profile::Release, Some(TARGET))?;
    let machine = Machine {
        version,
        unpacked,
        folder: folder.path(),
        guest: true,
    };
    let mut archive = initramfs::Archive::new();
    for (name, path) in &programs {
        archive.file(&format!("bin/{name}"), 0o755, &fs::read(path)?);
    }
    for (name, path) in unpacked.toolstack(version)? {
        let content = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        archive.file(&name, 0o755, &content);
    }
    archive.folder("var");
    archive.folder("etc");
    archive.file("guest", 0o644, &kernel_of_guest(folder.path())?);
    archive.file("guest.sh", 0o755, GUEST.as_bytes());
    machine.furnish(archive, "/guest.sh")?;
    Ok(if machine.test()? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Compiles the tiny guest for where the frontend puts the device.
fn kernel_of_guest(folder: &Path) -> Result<Vec<u8>> {
    let sources = workspace::root().join("xen/lab/guest");
    let built = folder.join("guest");
    let output = Command::new("cc")
        .args(["-m32", "-ffreestanding", "-fno-pic", "-fno-stack-protector"])
        .args(["-mno-sse", "-O2", "-nostdlib", "-static"])
        .args(["-Wl,--build-id=none", "-DBASE=0xfe000000", "-Wl,-T"])
        .arg(sources.join("guest.ld"))
        .arg("-o")
        .arg(&built)
        .arg(sources.join("guest.c"))
        .output()
        .map_err(|error| format!("cannot run cc: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the guest does not build:\n{errors}").into());
    }
    Ok(fs::read(built)?)
}

/// Why there can be no lab on this machine.
fn cannot() -> Option<String> {
    let found = Command::new(QEMU)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(status) if status.success() => None,
        _ => Some(format!(
            "there is no {QEMU}; install it (Debian: qemu-system-x86), KVM is not needed"
        )),
    }
}

const SHELL: &str = "setsid cttyhack sh";

struct Machine<'a> {
    version: Version,
    unpacked: &'a packages::Unpacked,
    folder: &'a Path,
    /// Another domain is to run, on a processor that can virtualise.
    guest: bool,
}

/// One line of the frontend.
struct Verdict {
    case: String,
    device: String,
    good: bool,
    time: String,
    text: String,
}

impl Verdict {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(VERDICT)?.splitn(5, ' ');
        let mut word = || words.next().map(str::to_owned);
        let (case, device, verdict, time) = (word()?, word()?, word()?, word()?);
        Some(Self {
            case,
            device,
            good: verdict == "ok",
            time,
            text: word().unwrap_or_default(),
        })
    }
}

impl Machine<'_> {
    fn image(&self) -> PathBuf {
        self.folder.join("dom0.img")
    }

    fn hypervisor(&self) -> PathBuf {
        self.folder.join(format!("xen-{}", self.version.name()))
    }

    /// Writes what the machine boots from. `work` is what dom0 does.
    fn furnish(&self, mut archive: initramfs::Archive, work: &str) -> Result<()> {
        let kernel = &self.unpacked.kernel;
        archive.file("bin/busybox", 0o755, &fs::read(self.unpacked.busybox())?);
        for module in MODULES {
            let packed = packages::find(kernel, &format!("{module}.ko.xz"))?;
            archive.file(&format!("{module}.ko.xz"), 0o644, &fs::read(packed)?);
        }
        for folder in ["dev", "proc", "sys", "tmp", "run"] {
            archive.folder(folder);
        }
        archive.file("init", 0o755, init(work).as_bytes());
        fs::write(self.image(), archive.finish())?;
        let name = format!("xen-{}-amd64.gz", self.version.name());
        let packed = packages::find(&self.unpacked.hypervisor(self.version), &name)?;
        let output = Command::new("gzip").arg("-dc").arg(packed).output()?;
        if !output.status.success() {
            return Err(format!("gzip: {}", output.status).into());
        }
        Ok(fs::write(self.hypervisor(), output.stdout)?)
    }

    fn command(&self) -> Result<Command> {
        let kernel = packages::find(&self.unpacked.kernel, "vmlinuz-")?;
        // A comma would begin the next file.
        let modules = format!(
            "{} console=hvc0 panic=-1 quiet loglevel=3,{}",
            kernel.display(),
            self.image().display()
        );
        let (processor, log) = match self.guest {
            true => ("qemu64,+svm,+npt", " guest_loglvl=all"),
            false => ("max", ""),
        };
        let mut command = Command::new(QEMU);
        command
            .args(["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", processor])
            .args(["-m", "2048", "-smp", "1", "-no-reboot", "-nographic"])
            .args(["-nodefaults", "-serial", "stdio", "-monitor", "none"])
            .arg("-kernel")
            .arg(self.hypervisor())
            .arg("-append")
            .arg(format!(
                "console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M{log}"
            ))
            .arg("-initrd")
            .arg(modules)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Boots, and shows the verdicts as they come and as a table.
    fn test(&self) -> Result<bool> {
        let name = self.version.name();
        println!("\nXen {name}: booting");
        let start = Instant::now();
        let kind = if self.guest { "-guest" } else { "" };
        let log = workspace::target_folder()?.join(format!("xen-{name}{kind}.log"));
        let mut qemu = Running(self.command()?.stdout(Stdio::piped()).spawn()?);
        let watched = self.watch(&mut qemu.0, &log);
        drop(qemu);
        children::rest_if_interrupted();
        let (verdicts, problem) = watched?;
        table(&verdicts);
        let failed = verdicts.iter().filter(|verdict| !verdict.good).count();
        if let Some(problem) = &problem {
            println!(
                "\nXen {name}: {problem}; the console is in {}",
                log.display()
            );
        }
        let time = text::time(start.elapsed());
        let all = verdicts.len();
        println!("\nXen {name}: {} of {all} cases good, {time}", all - failed);
        Ok(failed == 0 && problem.is_none())
    }

    /// The verdicts, and what kept others from coming.
    fn watch(&self, qemu: &mut Child, log: &Path) -> Result<(Vec<Verdict>, Option<String>)> {
        let stdout = qemu.stdout.take().ok_or("QEMU has no output")?;
        let mut log = File::create(log)?;
        let (lines, console) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if lines.send(text).is_err() {
                    return;
                }
            }
        });
        let start = Instant::now();
        let (mut verdicts, mut planned, mut ready) = (Vec::new(), 0, false);
        let mut patience = Instant::now() + BOOT;
        loop {
            let left = patience.saturating_duration_since(Instant::now());
            let line = match console.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    let step = if ready { "the next verdict" } else { "dom0" };
                    return Ok((verdicts, Some(format!("waited for {step} in vain"))));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok((verdicts, Some("QEMU ended too early".to_owned())));
                }
            };
            writeln!(log, "{line}")?;
            let line = line.as_str();
            if line.contains(READY) {
                ready = true;
                println!("dom0 is up after {}", text::time(start.elapsed()));
                patience = Instant::now() + SILENCE;
            } else if let Some(count) = line.strip_prefix(PLAN) {
                planned = count.trim().parse().unwrap_or(0);
            } else if let Some(verdict) = Verdict::parse(line) {
                show(&verdict);
                verdicts.push(verdict);
                patience = Instant::now() + SILENCE;
            } else if line.starts_with(DONE) {
                let missing = planned != verdicts.len() || planned == 0;
                return Ok((verdicts, missing.then(|| "verdicts are missing".to_owned())));
            } else if line.contains("Kernel panic") || line.contains("(XEN) Panic on") {
                return Ok((verdicts, Some(line.trim().to_owned())));
            }
        }
    }
}

/// QEMU, which ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn init(work: &str) -> String {
    format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         mount -t proc proc /proc\n\
         mount -t sysfs sys /sys\n\
         mount -t devtmpfs dev /dev\n\
         mount -t tmpfs tmp /tmp\n\
         ip link set lo up\n\
         for module in xen-privcmd xen-evtchn xen-gntdev xenfs xen-gntalloc; do\n\
         xzcat /$module.ko.xz > /tmp/$module.ko\n\
         insmod /tmp/$module.ko && rm /tmp/$module.ko\n\
         done\n\
         echo 8192 > /sys/module/xen_gntalloc/parameters/limit\n\
         echo {READY}\n\
         {work}\n\
         poweroff -f\n"
    )
}

fn show(verdict: &Verdict) {
    let mark = if verdict.good { "ok" } else { "FAILED" };
    let mut front = format!(
        "  {:<15} {:<8} {mark:<6} {:>6} ms  ",
        verdict.case, verdict.device, verdict.time
    );
    let width = front.len();
    for line in text::wrap(&verdict.text, 112 - width) {
        println!("{front}{line}");
        front = " ".repeat(width);
    }
}

/// Cases by devices.
fn table(verdicts: &[Verdict]) {
    let mut cases: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !cases.contains(&verdict.case.as_str()) {
            cases.push(&verdict.case);
        }
    }
    let present: BTreeSet<_> = verdicts
        .iter()
        .map(|verdict| verdict.device.as_str())
        .collect();
    let devices = DEVICES.iter().filter(|device| present.contains(*device));
    let devices: Vec<_> = devices.collect();
    print!("\n{:<16}", "");
    devices.iter().for_each(|device| print!("{device:>10}"));
    println!();
    for case in cases {
        print!("{case:<16}");
        for device in &devices {
            let verdict = verdicts
                .iter()
                .find(|verdict| verdict.case == case && verdict.device == **device);
            let cell = match verdict {
                Some(verdict) if verdict.good => "ok",
                Some(_) => "FAILED",
                None => "missing",
            };
            print!("{cell:>10}");
        }
        println!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_a_case_a_device_a_time_and_words() {
        let verdict = Verdict::parse("LAB split rng ok 366 100 requests, 2.2 ms each").unwrap();

        assert_eq!(
            (verdict.case.as_str(), verdict.device.as_str()),
            ("split", "rng")
        );
        assert!(verdict.good);
        assert_eq!(verdict.text, "100 requests, 2.2 ms each");
        assert!(!Verdict::parse("LAB split rng FAILED 3").unwrap().good);
        assert!(Verdict::parse("LAB-DONE 3").is_none());
        assert!(Verdict::parse("LAB split rng").is_none());
    }
}
