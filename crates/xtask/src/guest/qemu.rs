// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Tier qemu: a stock kernel in QEMU, each device by the stub that QEMU has for it.
//!
//! One machine has all devices, and goes through what only a machine can: more memory while disks are
//! busy, sleep, a new daemon behind a running guest, a reboot. A second one finds the same daemons
//! after the first was killed. Meanwhile a third one moves from one QEMU to another.

mod daemon;
pub(crate) mod initrd;
pub(crate) mod machine;
pub(crate) mod root;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use self::daemon::Daemon;
use self::machine::{Machine, Spec};
use self::root::Root;
use super::stage::Stage;
use super::transcript::Transcript;
use super::{Options, Row, Scenario, forget_large_files, judged, show_logs, told, tool};
use crate::build::{self, Profile};
use crate::{Result, children, text, workspace};

/// For one script in a guest, on a machine that is busy.
const SCRIPT: Duration = Duration::from_secs(90);

const TIER: &str = "qemu";

/// What scripts are told where a sign of life is enough.
const SHORT: &str = "LENGTH=10000 BLOCKS=40 CONNECTIONS=10 SIBLING=no";

/// What a script is told where the processor is emulated: its whole would take too long.
fn reduced(device: &str) -> &'static str {
    match device {
        "rng" => "BLOCKS=250",
        "vsock" => "LENGTH=16777216",
        _ => "",
    }
}

/// libiscsi's tests of the same device take 3 s on tier uml, and 20 s of an emulated processor.
const WITHOUT_LIBISCSI: &str = "CONFORMANCE=no";

/// What a machine is started with, MiB, and what is plugged in.
const MEMORY: u32 = 512;
const PLUGGED: u32 = 128;

/// A lower bound of what Linux then counts, in KiB: 512 MiB alone are less.
const ALL_MEMORY: u32 = 500_000;

/// The kernel's name for each device's driver, and the modules that bring it.
fn driver(device: &str) -> (&'static str, &'static str) {
    match device {
        "console" => ("virtio_console", ""),
        "rng" => ("virtio_rng", "virtio_rng"),
        "scsi" => ("virtio_scsi", "virtio_scsi sd_mod sg ext4"),
        "all" => ("-", ""),
        _ => ("vmw_vsock_virtio_transport", "vmw_vsock_virtio_transport"),
    }
}

/// QEMU's arguments for a device whose daemon listens on `socket`.
fn stub(device: &str, socket: &Path) -> Vec<String> {
    // Of the stubs here, SCSI's was seen to take another daemon. The others are not tried with one.
    let again = if device == "scsi" {
        ",reconnect-ms=100"
    } else {
        ""
    };
    let stub = match device {
        "console" => "vhost-user-test-device-pci,virtio-id=3,num_vqs=8,vq_size=128,config_size=12",
        "rng" => "vhost-user-rng-pci",
        "scsi" => "vhost-user-scsi-pci,num_queues=2",
        _ => "vhost-user-vsock-pci",
    };
    vec![
        "-chardev".to_owned(),
        format!("socket,id={device},path={}{again}", socket.display()),
        "-device".to_owned(),
        format!("{stub},id=dev-{device},chardev={device}"),
    ]
}

/// Why this machine cannot run the tier, nor the lab.
pub(crate) fn missing() -> Option<String> {
    let other = std::env::consts::ARCH != "x86_64";
    other.then(|| "the recipe of the kernel and of QEMU is for x86_64".to_owned())
}

/// Tries all of it that concerns the devices of `scenarios`.
pub(crate) fn on_tier(
    scenarios: &[&'static Scenario],
    options: &Options,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let root = match Root::get() {
        Ok(root) => root,
        Err(why) => {
            rows.push(skipped("all", TIER, format!("no QEMU can be had: {why}")));
            return Ok(());
        }
    };
    let packages: Vec<_> = scenarios.iter().map(|scenario| scenario.package).collect();
    let programs = build::binaries(&packages, options.memory, Profile::Release)?;
    let logs = logs(TIER)?;
    let (accelerator, why) = accelerator(&root, &logs)?;
    println!(
        "QEMU {} ({accelerator}), Linux {}",
        root.version, root.kernel
    );
    let lab = Lab {
        root: &root,
        accelerator,
        programs: &programs,
        tool: tool()?,
        logs: &logs,
    };
    if let (true, Some(scenario)) = (options.shell, scenarios.first()) {
        return lab.shell(scenario);
    }
    if let Some(why) = why {
        rows.push(skipped("all", TIER, format!("KVM: {why}")));
    }
    let (machine, moves) = std::thread::scope(|scope| {
        let moves = scope.spawn(|| lab.moves(scenarios));
        let machine = lab.machine(scenarios);
        (machine, moves.join())
    });
    let moves = moves.map_err(|_| "the thread of the migration failed")?;
    let tried = machine.iter().chain(&moves);
    if !options.keep && tried.into_iter().all(|row| row.verdict != "FAILED") {
        forget_large_files(&logs)?;
    }
    rows.extend(machine);
    rows.extend(moves);
    Ok(())
}

/// The folder of a tier's logs, empty.
pub(crate) fn logs(tier: &str) -> Result<PathBuf> {
    let logs = workspace::root().join("target/guest").join(tier);
    if logs.exists() {
        fs::remove_dir_all(&logs)?;
    }
    fs::create_dir_all(&logs)?;
    Ok(logs)
}

pub(crate) fn skipped(device: &'static str, tier: &'static str, what: String) -> Row {
    Row {
        device,
        tier,
        driver: "-".to_owned(),
        time: "-".to_owned(),
        verdict: "skipped",
        what,
    }
}

/// KVM where a kernel was seen to start on it, and why not otherwise.
pub(crate) fn accelerator(root: &Root, logs: &Path) -> Result<(&'static str, Option<String>)> {
    const TCG: &str = "tcg,thread=multi";
    let no = |why: &str| Ok((TCG, Some(why.to_owned())));
    if Path::new("/sys/module/kvm_pvm").exists() {
        return no("kvm_pvm runs no stock kernel");
    }
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !cpu
        .split_whitespace()
        .any(|flag| flag == "vmx" || flag == "svm")
    {
        return no("the processor shows neither vmx nor svm");
    }
    if !Path::new("/dev/kvm").exists() {
        return no("there is no /dev/kvm");
    }
    let dir = tempfile::tempdir()?;
    let ram_disk = logs.join("kvm.cpio");
    fs::write(&ram_disk, initrd::make(root, None, &[], &[])?)?;
    let spec = Spec {
        name: "kvm",
        accelerator: "kvm",
        memory: 256,
        most_memory: 512,
        append: "",
        ram_disk,
        args: Vec::new(),
    };
    let probe = Machine::start(root, &spec, dir.path(), logs)?;
    if probe.lives(Duration::from_secs(10)) {
        return Ok(("kvm", None));
    }
    no("the kernel printed nothing within 10 s")
}

/// Rows of one machine. After a failure nothing more is tried on it: what comes would only fail as well.
struct Rows<'a> {
    rows: Vec<Row>,
    logs: &'a Path,
    broken: bool,
}

impl Rows<'_> {
    fn step(&mut self, device: &'static str, what: &str, work: impl FnOnce() -> Result<String>) {
        if self.broken {
            let what = format!("{what}: not tried, as what came before it failed");
            self.rows.push(skipped(device, TIER, what));
            return;
        }
        let start = Instant::now();
        let result = work();
        children::rest_if_interrupted();
        let (verdict, what) = match result {
            Ok(more) => ("passed", format!("{what}{more}")),
            Err(error) => {
                self.broken = true;
                show_logs(self.logs, &format!("{device}: {what}: {error}"));
                ("FAILED", format!("{what}: {error}"))
            }
        };
        self.rows.push(Row {
            device,
            tier: TIER,
            driver: driver(device).0.to_owned(),
            time: text::time(start.elapsed()),
            verdict,
            what,
        });
    }
}

struct Lab<'a> {
    root: &'a Root,
    accelerator: &'static str,
    programs: &'a HashMap<String, PathBuf>,
    tool: PathBuf,
    logs: &'a Path,
}

impl Lab<'_> {
    /// Starts a device's daemon. Its sockets are in `dir`, its images in `kept`.
    fn daemon(
        &self,
        scenario: &Scenario,
        dir: &Path,
        kept: &Path,
        log: &str,
        more: &[&str],
    ) -> Result<Daemon> {
        let device = scenario.name;
        let socket = dir.join(device).to_string_lossy().into_owned();
        let own_sockets = scenario.daemon.iter().any(|arg| arg.contains("{socket}"));
        let path = ["--socket-path", "{socket}"];
        let queues = ["--num-queues", "2"];
        let args = scenario
            .daemon
            .iter()
            .chain(path.iter().filter(|_| !own_sockets))
            .chain(queues.iter().filter(|_| device == "scsi"))
            .chain(more)
            .map(|arg| {
                arg.replace("{socket}", &socket)
                    .replace("{dir}", &dir.to_string_lossy())
                    .replace("{kept}", &kept.to_string_lossy())
            })
            .collect();
        let program = self.programs.get(scenario.package);
        let program = program.ok_or_else(|| format!("{} was not built", scenario.package))?;
        let log = self.logs.join(format!("{log}.daemon.log"));
        Daemon::start(program, args, Self::socket(device, dir, 0), log)
    }

    fn socket(device: &str, dir: &Path, index: usize) -> PathBuf {
        match device {
            "scsi" => dir.join(device),
            _ => dir.join(format!("{device}{index}")),
        }
    }

    /// A RAM disk for guests that exercise devices.
    fn ram_disk(&self, name: &str, tools: &[&str]) -> Result<PathBuf> {
        let path = self.logs.join(format!("{name}.cpio"));
        let disk = initrd::make(self.root, Some(&self.tool), tools, initrd::DRIVERS)?;
        fs::write(&path, disk)?;
        Ok(path)
    }

    /// A person at this terminal, in a guest with one device.
    fn shell(&self, scenario: &Scenario) -> Result<()> {
        let dir = tempfile::Builder::new().prefix("q").tempdir()?;
        let dir = dir.path();
        let device = scenario.name;
        (scenario.images)(self.logs)?;
        let _daemon = self.daemon(scenario, dir, self.logs, device, &[])?;
        println!("the daemon's folder: {}", dir.display());
        let spec = Spec {
            name: "shell",
            accelerator: self.accelerator,
            memory: MEMORY,
            most_memory: 2 * MEMORY,
            append: "lab.shell",
            ram_disk: self.ram_disk("shell", initrd::TOOLS)?,
            args: stub(device, &Self::socket(device, dir, 0)),
        };
        Machine::shell(self.root, &spec, dir)
    }

    /// The machine with all devices.
    fn machine(&self, scenarios: &[&'static Scenario]) -> Vec<Row> {
        let mut rows = Rows {
            rows: Vec::new(),
            logs: self.logs,
            broken: false,
        };
        if let Err(error) = self.try_machine(scenarios, &mut rows) {
            rows.broken = false;
            rows.step("all", "start", || Err(error));
        }
        rows.rows
    }

    fn try_machine(&self, scenarios: &[&'static Scenario], rows: &mut Rows<'_>) -> Result<()> {
        let dir = tempfile::Builder::new().prefix("q").tempdir()?;
        let dir = dir.path();
        let stage = &Stage::new(dir.to_owned(), self.logs.to_owned());
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
        let names = names.as_slice();
        let mut daemons = HashMap::new();
        let mut args = Vec::new();
        for &scenario in scenarios {
            let device = scenario.name;
            (scenario.images)(self.logs)?;
            daemons.insert(device, self.daemon(scenario, dir, self.logs, device, &[])?);
            args.extend(stub(device, &Self::socket(device, dir, 0)));
        }
        let spec = Spec {
            name: "first",
            accelerator: self.accelerator,
            memory: MEMORY,
            most_memory: 2 * MEMORY,
            append: "",
            ram_disk: self.ram_disk("machine", initrd::TOOLS)?,
            args,
        };
        let start = |name| {
            let spec = Spec {
                name,
                ..spec.clone()
            };
            Machine::start(self.root, &spec, dir, self.logs)
        };
        let mut machine = start("first")?;
        let disk = names.contains(&"scsi");

        rows.step("all", "a machine with 2 CPUs boots", || {
            machine.booted().map(|()| String::new())
        });
        for &scenario in scenarios {
            rows.step(scenario.name, "its scripts", || {
                self.whole(&mut machine, scenario, dir, stage)
            });
        }
        if disk {
            rows.step(
                "scsi",
                "a new daemon behind a busy disk (reconnect-ms)",
                || {
                    let daemon = daemons.get_mut("scsi").ok_or("no daemon")?;
                    machine.run("load.sh start; load.sh more", SCRIPT)?;
                    daemon.end()?;
                    daemon.again()?;
                    machine.run("load.sh more; load.sh stop", SCRIPT)?;
                    Ok(String::new())
                },
            );
            rows.step(
                "scsi",
                "memory is plugged in while the disk is busy",
                || more_memory(&mut machine),
            );
        }
        for (what, state) in [
            ("s2idle, and awake again", "freeze"),
            ("S3, and awake again", "mem"),
        ] {
            rows.step("all", what, || {
                sleep(&mut machine, state, disk)?;
                short(&mut machine, scenarios, stage)?;
                Ok(used(names))
            });
        }
        rows.step("all", "the guest reboots", || {
            machine.send("reboot -f")?;
            machine.booted()?;
            machine.run(&bind(names), SCRIPT)?;
            short(&mut machine, scenarios, stage)?;
            Ok(used(names))
        });
        rows.step("all", "the kernel complains of nothing", || calm(&machine));
        machine.kill();
        if rows.broken {
            return Ok(());
        }

        let mut machine = start("second")?;
        rows.step(
            "all",
            "QEMU was killed, another one finds the same daemons",
            || {
                machine.booted()?;
                machine.run(&bind(names), SCRIPT)?;
                short(&mut machine, scenarios, stage)?;
                calm(&machine)?;
                machine.off(SCRIPT)?;
                Ok(format!("{}; it switches itself off", used(names)))
            },
        );
        rows.step("all", "the daemons end when they are asked to", || {
            daemons.values_mut().try_for_each(Daemon::end)?;
            Ok(String::new())
        });
        Ok(())
    }

    /// All that this tier tries of a device: the scripts of tier uml, and what takes two CPUs.
    fn whole(
        &self,
        machine: &mut Machine,
        scenario: &Scenario,
        dir: &Path,
        stage: &Stage,
    ) -> Result<String> {
        let device = scenario.name;
        machine.run(&bind(&[device]), SCRIPT)?;
        let reduced = match self.accelerator {
            "kvm" => "",
            _ => reduced(device),
        };
        let settings = match device {
            "scsi" => WITHOUT_LIBISCSI,
            _ => reduced,
        };
        let (first, others) = scenario.scripts.split_first().ok_or("it has no script")?;
        let transcripts = std::thread::scope(|scope| {
            let others: Vec<_> = (1..)
                .zip(others)
                .map(|(index, script)| {
                    let socket = Self::socket(device, dir, index);
                    scope.spawn(move || {
                        let result = self.sibling(scenario, script, &socket, settings, stage);
                        told(scenario, script, result, stage)
                    })
                })
                .collect();
            let own = machine.script(first, settings, scenario.limit, stage, scenario.answer);
            let own = told(scenario, first, own, stage);
            let others = others
                .into_iter()
                .map(|guest| guest.join().unwrap_or_else(|_| Err("panicked".into())));
            std::iter::once(own).chain(others).collect()
        });
        let mut did = format!(": {}", judged(scenario, transcripts, stage)?);
        if device == "scsi" {
            machine.run("queues.sh", SCRIPT)?;
            did.push_str("; fio with verification on 2 queues from 2 CPUs");
            did.push_str("; skipped: libiscsi's tests, which run on tier uml and take 20 s here");
        }
        if !reduced.is_empty() {
            did.push_str("; sizes are reduced, as the processor is emulated");
        }
        Ok(did)
    }

    /// Another guest of the same daemon.
    fn sibling(
        &self,
        scenario: &Scenario,
        script: &str,
        socket: &Path,
        settings: &str,
        stage: &Stage,
    ) -> Result<Transcript> {
        let dir = tempfile::Builder::new().prefix("q").tempdir()?;
        let spec = Spec {
            name: "sibling",
            accelerator: self.accelerator,
            memory: 256,
            most_memory: 512,
            append: "",
            ram_disk: self.ram_disk("sibling", &[])?,
            args: stub(scenario.name, socket),
        };
        let mut machine = Machine::start(self.root, &spec, dir.path(), self.logs)?;
        machine.booted()?;
        machine.run(&bind(&[scenario.name]), SCRIPT)?;
        let transcript =
            machine.script(script, settings, scenario.limit, stage, scenario.answer)?;
        calm(&machine)?;
        Ok(transcript)
    }

    /// Live migration, where QEMU lets it.
    fn moves(&self, scenarios: &[&'static Scenario]) -> Vec<Row> {
        let mut rows = Rows {
            rows: Vec::new(),
            logs: self.logs,
            broken: false,
        };
        for &scenario in scenarios {
            let device = scenario.name;
            rows.broken = false;
            if device == "scsi" {
                rows.step(
                    device,
                    "live migration to another QEMU and daemon under load",
                    || self.migrate(scenario),
                );
                continue;
            }
            rows.step(device, "live migration", || self.refused(scenario));
            // QEMU's answer is a fact for the table, not a proof of anything.
            if let Some(row) = rows.rows.last_mut()
                && row.verdict == "passed"
            {
                row.verdict = "skipped";
            }
        }
        rows.rows
    }

    /// Asks QEMU whether it would move a device. That it would is an error: then this tier has to.
    fn refused(&self, scenario: &Scenario) -> Result<String> {
        let dir = tempfile::Builder::new().prefix("q").tempdir()?;
        let device = scenario.name;
        let log = format!("{device}-idle");
        let _daemon = self.daemon(scenario, dir.path(), dir.path(), &log, &[])?;
        let args = stub(device, &Self::socket(device, dir.path(), 0));
        let mut machine = Machine::idle(self.root, &args, dir.path(), self.logs)?;
        let uri = format!("unix:{}", dir.path().join("to").display());
        match machine.control("migrate", json!({ "uri": uri })) {
            Ok(_) => Err("QEMU lets it migrate now: have this tier do it".into()),
            Err(error) if error.to_string().contains("non-migratable") => Ok(format!(
                ": QEMU marks its stub unmigratable; {}",
                instead(device)
            )),
            Err(error) => Err(error),
        }
    }

    fn migrate(&self, scenario: &Scenario) -> Result<String> {
        let new = || tempfile::Builder::new().prefix("q").tempdir();
        let (dir, far) = (new()?, new()?);
        let (dir, far) = (dir.path(), far.path());
        // Small, as all of it is to be moved.
        let ram_disk = self.logs.join("moved.cpio");
        let tools = &["usr/sbin/mkfs.ext4"];
        fs::write(
            &ram_disk,
            initrd::make(self.root, None, tools, initrd::DRIVERS)?,
        )?;
        let images = self.logs.join("moved");
        fs::create_dir(&images)?;
        (scenario.images)(&images)?;
        // Both have the image open while the guest moves.
        let mut daemons = [
            self.daemon(scenario, dir, &images, "scsi-from", &["--no-lock"])?,
            self.daemon(scenario, far, &images, "scsi-to", &["--no-lock"])?,
        ];
        let spec = |name, dir: &Path| Spec {
            name,
            accelerator: self.accelerator,
            memory: 256,
            most_memory: 512,
            append: "",
            ram_disk: ram_disk.clone(),
            args: stub("scsi", &Self::socket("scsi", dir, 0)),
        };
        let mut from = Machine::start(self.root, &spec("from", dir), dir, self.logs)?;
        from.booted()?;
        from.run(&bind(&["scsi"]), SCRIPT)?;
        from.run("while [ ! -b /dev/sda ]; do sleep 0.1; done; mkfs.ext4 -q /dev/sda; ln -s sda /dev/sda1", SCRIPT)?;
        from.run("mount /dev/sda /mnt && head -c 8388608 /dev/urandom >/mnt/file && md5sum </mnt/file >/tmp/sum && umount /mnt", SCRIPT)?;
        from.run("load.sh start; load.sh more", SCRIPT)?;
        let uri = format!("unix:{}", dir.join("line").display());
        let mut incoming = spec("to", far);
        incoming.args.extend(["-incoming".to_owned(), uri.clone()]);
        let mut to = Machine::start(self.root, &incoming, dir, self.logs)?;
        // It listens once it answers.
        to.until("query-status", SCRIPT, |answer| {
            answer["status"] == "inmigrate"
        })?;
        from.control(
            "migrate-set-parameters",
            json!({ "max-bandwidth": 1u64 << 30, "downtime-limit": 1000 }),
        )?;
        from.control("migrate", json!({ "uri": uri }))?;
        let done = from.until("query-migrate", SCRIPT, |answer| {
            answer["status"] == "completed" || answer["status"] == "failed"
        })?;
        if done["status"] != "completed" {
            return Err(format!("QEMU says: {done}").into());
        }
        to.take_over(&from);
        from.kill();
        daemons[0].end()?;
        to.run("load.sh more; load.sh stop", SCRIPT)?;
        to.run(
            "mount -o ro /dev/sda /mnt && md5sum </mnt/file | cmp - /tmp/sum && umount /mnt",
            SCRIPT,
        )?;
        calm(&from)?;
        calm(&to)?;
        to.kill();
        daemons[1].end()?;
        Ok(format!(
            ": {} ms in all, stopped for {} ms; all that was written before, meanwhile and after is there",
            done["total-time"], done["downtime"]
        ))
    }
}

/// The test that moves a device's state between two daemons, with the guest that is a library.
fn instead(device: &str) -> &'static str {
    match device {
        "console" => {
            "the console's socket test a_guest_that_moves_takes_its_port_states_and_unread_output_along moves it"
        }
        "rng" => "the rng's socket test no_request_is_lost_when_a_guest_moves_under_load moves it",
        _ => {
            "the vsock's socket test a_move_ends_connections_and_tells_the_guest_who_keeps_its_cid moves it"
        }
    }
}

fn used(devices: &[&str]) -> String {
    format!("; then used: {}", devices.join(", "))
}

fn calm(machine: &Machine) -> Result<String> {
    match machine.trouble() {
        Some(line) => Err(format!("the guest's kernel says: {line}").into()),
        None => Ok(String::new()),
    }
}

/// The command that loads drivers, and waits until they have their devices.
fn bind(devices: &[&str]) -> String {
    let modules: Vec<_> = devices.iter().map(|device| driver(device).1).collect();
    let drivers: Vec<_> = devices.iter().map(|device| driver(device).0).collect();
    format!("bind.sh '{}' '{}'", modules.join(" "), drivers.join(" "))
}

/// Whether devices work, in short.
fn short(machine: &mut Machine, scenarios: &[&'static Scenario], stage: &Stage) -> Result<()> {
    for scenario in scenarios {
        if scenario.name == "scsi" {
            let load = "while [ ! -b /dev/sda1 ]; do sleep 0.1; done; load.sh start; load.sh more; load.sh stop";
            machine.run(load, SCRIPT)?;
        } else if let Some(script) = scenario.scripts.first() {
            let transcript = machine.script(script, SHORT, SCRIPT, stage, scenario.answer)?;
            if let Some(failure) = transcript.failure(scenario.driver) {
                return Err(format!("{script}: {failure}").into());
            }
        }
    }
    Ok(())
}

fn more_memory(machine: &mut Machine) -> Result<String> {
    machine.run("load.sh start; load.sh more", SCRIPT)?;
    let size = u64::from(PLUGGED) << 20;
    machine.control(
        "object-add",
        json!({ "qom-type": "memory-backend-memfd", "id": "more", "size": size, "share": true }),
    )?;
    machine.control(
        "device_add",
        json!({ "driver": "pc-dimm", "id": "dimm", "memdev": "more" }),
    )?;
    machine.run(&format!("memory.sh {ALL_MEMORY}"), SCRIPT)?;
    machine.run("load.sh more; load.sh stop", SCRIPT)?;
    Ok(format!(
        ": {PLUGGED} MiB more than {MEMORY}, all of them filled, 20 MiB written from and read to them"
    ))
}

/// Puts the guest to sleep and wakes it, with a busy disk.
fn sleep(machine: &mut Machine, state: &str, disk: bool) -> Result<()> {
    if disk {
        machine.run("load.sh start; load.sh more", SCRIPT)?;
    }
    machine.run("echo enabled >/sys/class/tty/ttyS0/power/wakeup", SCRIPT)?;
    let sleeping = machine.send(&format!("echo {state} >/sys/power/state"))?;
    if state == "mem" {
        machine.until("query-status", SCRIPT, |answer| {
            answer["status"] == "suspended"
        })?;
        machine.control("system_wakeup", json!({}))?;
    } else {
        // No one outside can see that it sleeps. A key that comes too early ends the attempt, and one
        // pressed later wakes it: so one is pressed every other second.
        let started = Instant::now();
        loop {
            match machine.ended(sleeping, Duration::from_secs(2)) {
                Ok(_) => break,
                Err(error) if started.elapsed() > SCRIPT => return Err(error),
                Err(_) => machine.press_a_key()?,
            }
        }
    }
    if state == "mem" {
        machine.ended(sleeping, SCRIPT)?;
    }
    let count = "cat /sys/power/suspend_stats/success";
    let slept = machine.run(count, SCRIPT)?;
    if slept
        .trim()
        .lines()
        .last()
        .is_none_or(|count| count.trim() == "0")
    {
        return Err("the guest did not sleep".into());
    }
    if disk {
        machine.run("load.sh more; load.sh stop", SCRIPT)?;
    }
    Ok(())
}
