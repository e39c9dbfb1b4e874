// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a package has besides the programs. Manual pages: clap knows the flags, the examples and files
//! are here. And the descriptions by which libvirt and others find the daemons that QEMU has a device for.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use vhost_user_daemon::Program;
use vhost_user_daemon::capabilities::Description;

use crate::Result;
use crate::devices::DEVICES;

/// What a page has besides the flags.
struct Page {
    name: &'static str,
    command: fn() -> Command,
    /// What the daemon answers to `--print-capabilities`.
    kind: &'static str,
    /// What a command line must have besides the socket, or the daemon has nothing to serve. Empty
    /// if that is nothing.
    needs: &'static str,
    /// Examples of this device, before those that all have: what for, and the command.
    examples: &'static [(&'static str, &'static str)],
    /// Files of this device, before its description.
    files: &'static [(&'static str, &'static str)],
}

/// A page for each line of the table of devices.
const PAGES: &[Page] = &[
    Page {
        name: "vhost-device-console",
        command: vhost_device_console::Options::command,
        kind: vhost_device_console::Options::KIND,
        needs: "",
        examples: &[
            (
                "A guest's console on this terminal; Ctrl-] q leaves it:",
                "vhost-device-console -s /run/vm.sock",
            ),
            (
                "Two guests, with consoles on TCP ports 4000 and 4001 of this host:",
                "vhost-device-console -s /run/vm.sock -c 2 -b network -p 4000",
            ),
            (
                "A console on a pseudo-terminal, and a named port for an agent on a Unix socket:",
                "vhost-device-console -s /run/vm.sock -b pty --pty-link /run/vm.tty --ports 2 \
                 --port 1,name=org.qemu.guest_agent.0,backend=uds,path=/run/vm-agent.sock",
            ),
            (
                "Output alone, into a log of two times 1 MiB at most:",
                "vhost-device-console -s /run/vm.sock -b log --path /var/log/vm.log --size-cap 1048576",
            ),
            (
                "A guest of QEMU 11 or later, which has no device of its own for this:",
                "qemu-system-x86_64 -m 1G \\\n  \
                 -object memory-backend-memfd,id=mem,size=1G,share=on \\\n  \
                 -machine q35,memory-backend=mem \\\n  \
                 -chardev socket,id=con,path=/run/vm.sock0 \\\n  \
                 -device vhost-user-test-device-pci,chardev=con,virtio-id=3,num_vqs=4,\
                 vq_size=128,config_size=12",
            ),
        ],
        files: &[(
            "/dev/pts/*",
            "Pseudo-terminals; which one it is, is printed on standard output.",
        )],
    },
    Page {
        name: "vhost-device-rng",
        command: vhost_device_rng::Options::command,
        kind: vhost_device_rng::Options::KIND,
        needs: "",
        examples: &[
            (
                "Two guests, on /run/vm.sock0 and /run/vm.sock1:",
                "vhost-device-rng -s /run/vm.sock -c 2",
            ),
            (
                "At most 64 KiB in each second, from a hardware generator:",
                "vhost-device-rng -s /run/vm.sock -f /dev/hwrng -m 65536 -p 1000",
            ),
            (
                "A guest of QEMU that uses the first socket:",
                "qemu-system-x86_64 -m 1G \\\n  \
                 -object memory-backend-memfd,id=mem,size=1G,share=on \\\n  \
                 -machine q35,memory-backend=mem \\\n  \
                 -chardev socket,id=rng,path=/run/vm.sock0 \\\n  \
                 -device vhost-user-rng-pci,chardev=rng",
            ),
        ],
        files: &[
            (
                "/dev/urandom",
                "The default of --rng-source; it is not read, its bytes are asked for by getrandom(2).",
            ),
            (
                "/dev/hwrng",
                "A hardware generator of the host, if there is one.",
            ),
        ],
    },
    Page {
        name: "vhost-device-scsi",
        command: vhost_device_scsi::Options::command,
        kind: vhost_device_scsi::Options::KIND,
        needs: "image.img",
        examples: &[
            (
                "Two images, as targets 0 and 1, on four request queues:",
                "vhost-device-scsi -s /run/vm.sock --num-queues 4 system.img data.img",
            ),
            (
                "A block device past the page cache, with a serial number of its own:",
                "vhost-device-scsi -s /run/vm.sock --disk serial=data-7,cache=none,path=/dev/vg/data",
            ),
            (
                "Two guests of a cluster on one image, with reservations that outlive the daemon:",
                "vhost-device-scsi -s /run/vm.sock -c 2 --reservations /var/lib/vm/reservations shared.img",
            ),
            (
                "Images that come and go:",
                "vhost-device-scsi -s /run/vm.sock --control /run/vm-scsi.control",
            ),
            (
                "The commands for those, on the control socket, each answered by a line:",
                "{\"command\":\"add\",\"image\":\"/images/data.img\",\"target\":1}\n\
                 {\"command\":\"resize\",\"target\":1,\"size\":2147483648}\n\
                 {\"command\":\"list\"}\n\
                 {\"command\":\"remove\",\"target\":1}",
            ),
            (
                "A guest of QEMU:",
                "qemu-system-x86_64 -m 1G \\\n  \
                 -object memory-backend-memfd,id=mem,size=1G,share=on \\\n  \
                 -machine q35,memory-backend=mem \\\n  \
                 -chardev socket,id=scsi,path=/run/vm.sock \\\n  \
                 -device vhost-user-scsi-pci,chardev=scsi,num_queues=1",
            ),
        ],
        files: &[(
            "/proc/*/fdinfo/*",
            "Where the holder of a locked image is looked for.",
        )],
    },
    Page {
        name: "vhost-device-template",
        command: vhost_device_template::Options::command,
        kind: vhost_device_template::Options::KIND,
        needs: "",
        examples: &[(
            "Requests of up to 64 KiB:",
            "vhost-device-template -s /run/vm.sock --max-len 65536",
        )],
        files: &[],
    },
    Page {
        name: "vhost-device-vsock",
        command: vhost_device_vsock::Options::command,
        kind: vhost_device_vsock::Options::KIND,
        needs: "--uds-path /run/vm.vsock",
        examples: &[
            (
                "One guest, whose connections to port 5000 of the host go to /run/vm.vsock_5000:",
                "vhost-device-vsock --guest-cid 3 --socket /run/vm.sock --uds-path /run/vm.vsock",
            ),
            (
                "A program of the host that connects to port 22 of that guest:",
                "socat - UNIX-CONNECT:/run/vm.vsock   # then type: CONNECT 22",
            ),
            (
                "Two guests that can connect to each other, because they have the group a in common:",
                "vhost-device-vsock --vm guest-cid=3,socket=/run/3.sock,uds-path=/run/3.vsock,groups=a+b \
                 --vm guest-cid=4,socket=/run/4.sock,uds-path=/run/4.vsock,groups=a",
            ),
            (
                "A guest whose connections go to the host's own AF_VSOCK, and whose port 9001 is the host's:",
                "vhost-device-vsock --socket /run/vm.sock --forward-cid 1 --forward-listen 9001",
            ),
            (
                "A guest of QEMU that uses the socket:",
                "qemu-system-x86_64 -m 1G \\\n  \
                 -object memory-backend-memfd,id=mem,size=1G,share=on \\\n  \
                 -machine q35,memory-backend=mem \\\n  \
                 -chardev socket,id=vsock,path=/run/vm.sock \\\n  \
                 -device vhost-user-vsock-pci,chardev=vsock",
            ),
        ],
        files: &[
            (
                "UDS_PATH, UDS_PATH.seqpacket",
                "Where programs of the host connect to the guest; with CONNECT PORT as the first line or \
                 message.",
            ),
            (
                "UDS_PATH_PORT, UDS_PATH.seqpacket_PORT",
                "Where programs of the host listen for the guest's connections to PORT.",
            ),
        ],
    },
];

/// Examples of every daemon; `{}` stands for its name, and what it needs comes at the end.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "A socket that members of the group kvm may connect to:",
        "{} -s /run/vm.sock --socket-mode 0660 --socket-group kvm",
    ),
    (
        "A socket that the service manager made, for the length of one test:",
        "systemd-socket-activate -l /run/vm.sock {}",
    ),
];

/// The device types of QEMU's schema (docs/interop/vhost-user.json). A description with another one
/// would be refused by whoever reads it.
const QEMU_TYPES: &[&str] = &[
    "9p",
    "balloon",
    "block",
    "caif",
    "console",
    "crypto",
    "fs",
    "gpu",
    "input",
    "net",
    "rng",
    "rpmsg",
    "rproc-serial",
    "scsi",
    "vsock",
];

/// Where management layers look for descriptions.
const DESCRIPTIONS: &str = "/usr/share/qemu/vhost-user";

/// Writes into the folder `out` a page for every daemon, and a description for those that QEMU knows.
/// The daemons will be in the folder `binaries`.
pub(crate) fn write(out: &Path, binaries: &str) -> Result<bool> {
    if !Path::new(binaries).is_absolute() {
        let message =
            format!("--bin-dir {binaries}: give an absolute path, as descriptions have it");
        return Err(message.into());
    }
    fs::create_dir_all(out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    for device in DEVICES {
        let page = PAGES
            .iter()
            .find(|page| page.name == device.name)
            .ok_or_else(|| format!("{} has no entry in crates/xtask/src/pages.rs", device.name))?;
        save(&out.join(format!("{}.1", page.name)), &render(page)?)?;
        if let Some(name) = page.description() {
            let about = (page.command)().get_about().map(ToString::to_string);
            let description = Description {
                description: &about.unwrap_or_default(),
                kind: page.kind,
                binary: &format!("{}/{}", binaries.trim_end_matches('/'), page.name),
                tags: &[],
            };
            save(&out.join(name), description.json().as_bytes())?;
        }
    }
    Ok(true)
}

fn save(file: &Path, content: &[u8]) -> Result<()> {
    fs::write(file, content)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}

impl Page {
    /// All examples: what for, and the command.
    fn examples(&self) -> impl Iterator<Item = (&'static str, String)> {
        let own = self.examples.iter();
        let common = EXAMPLES.iter().map(|&(what, command)| {
            let command = format!("{} {}", command.replace("{}", self.name), self.needs);
            (what, command.trim_end().to_owned())
        });
        own.map(|&(what, command)| (what, command.to_owned()))
            .chain(common)
    }

    /// All files, and what they are.
    fn files(&self) -> Vec<(String, &'static str)> {
        let own = self.files.iter();
        let description = self.description().map(|name| {
            let what = "The description by which management layers find this program.";
            (format!("{DESCRIPTIONS}/{name}"), what)
        });
        own.map(|&(file, what)| (file.to_owned(), what))
            .chain(description)
            .collect()
    }

    /// The name of the description, if the daemon has one.
    fn description(&self) -> Option<String> {
        QEMU_TYPES
            .contains(&self.kind)
            .then(|| format!("50-{}.json", self.name))
    }
}

fn render(page: &Page) -> Result<Vec<u8>> {
    let man = Man::new((page.command)().name(page.name));
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;

    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for (what, command) in page.examples() {
        roff.control("PP", []);
        roff.text([roman(what)]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        for line in command.lines() {
            roff.text([bold(line)]);
        }
        roff.control("fi", []);
        roff.control("RE", []);
    }
    let files = page.files();
    if !files.is_empty() {
        roff.control("SH", ["FILES"]);
    }
    for (file, what) in files {
        roff.control("TP", []);
        roff.text([italic(file)]);
        roff.text([roman(what)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (status, what) in [
        (
            "0",
            "It was asked to end, by SIGTERM or SIGINT, or the one connection of --fd is over.",
        ),
        (
            "1",
            "The host is not as the flags say, or it could not end cleanly.",
        ),
        ("2", "The flags are wrong."),
    ] {
        roff.control("TP", []);
        roff.text([bold(status)]);
        roff.text([roman(what)]);
    }
    roff.to_writer(&mut out)?;
    man.render_version_section(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use clap::parser::ValueSource;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_device_has_a_page_with_all_sections() {
        let out = tempfile::tempdir().unwrap();

        assert!(write(out.path(), "/usr/bin").unwrap());

        for device in DEVICES {
            let file = out.path().join(format!("{}.1", device.name));
            let text = fs::read_to_string(file).unwrap();
            for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "VERSION"] {
                assert!(
                    text.contains(&format!("\n.SH {section}")),
                    "{section} of {}",
                    device.name
                );
            }
        }
    }

    #[test]
    fn a_description_names_the_program_where_it_will_be_and_what_it_is() {
        let out = tempfile::tempdir().unwrap();

        assert!(write(out.path(), "/usr/libexec/").unwrap());

        let file = out.path().join("50-vhost-device-rng.json");
        let text = fs::read_to_string(file).unwrap();
        let description: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            description,
            json!({
                "description": "Gives virtual machines random bytes (virtio-rng) over vhost-user",
                "type": "rng",
                "binary": "/usr/libexec/vhost-device-rng",
            })
        );
    }

    #[test]
    fn those_devices_that_qemu_knows_have_a_description_and_their_page_says_so() {
        let out = tempfile::tempdir().unwrap();

        assert!(write(out.path(), "/usr/bin").unwrap());

        for (device, known) in [
            ("console", true),
            ("rng", true),
            ("scsi", true),
            ("template", false),
            ("vsock", true),
        ] {
            let name = format!("50-vhost-device-{device}.json");
            let page = out.path().join(format!("vhost-device-{device}.1"));
            let page = fs::read_to_string(page).unwrap().replace('\\', "");
            assert_eq!(out.path().join(&name).exists(), known, "{name}");
            assert_eq!(page.contains(&name), known, "{name}");
        }
    }

    #[test]
    fn a_folder_of_programs_that_is_not_absolute_is_refused() {
        let out = tempfile::tempdir().unwrap();

        let error = write(out.path(), "usr/bin").unwrap_err();

        assert!(error.to_string().contains("--bin-dir"), "{error}");
    }

    /// The words behind the daemon's name, if `example` starts that daemon.
    fn arguments<'a>(page: &Page, example: &'a str) -> Option<Vec<&'a str>> {
        let (before, behind) = example.split_once(page.name)?;
        let starts = before.is_empty() || before.starts_with("systemd-socket-activate ");
        starts.then(|| behind.split_whitespace().collect())
    }

    /// As the program does it first of all, by its flags alone.
    fn check<P: Program>(arguments: &[&str]) -> Result<()> {
        let program = std::iter::once(&"program").chain(arguments);
        Ok(P::try_parse_from(program)?.check()?)
    }

    /// `vhost-device-scsi` says so only when it opens what there is to serve.
    fn check_scsi(arguments: &[&str]) -> Result<()> {
        type Options = vhost_device_scsi::Options;
        check::<Options>(arguments)?;
        let program = std::iter::once(&"program").chain(arguments);
        let matches = Options::command().try_get_matches_from(program)?;
        let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        if ["images", "disk", "control"].into_iter().any(given) {
            return Ok(());
        }
        Err("there is nothing to serve".into())
    }

    fn checked(page: &Page, arguments: &[&str]) -> Result<()> {
        match page.name {
            "vhost-device-console" => check::<vhost_device_console::Options>(arguments),
            "vhost-device-rng" => check::<vhost_device_rng::Options>(arguments),
            "vhost-device-scsi" => check_scsi(arguments),
            "vhost-device-template" => check::<vhost_device_template::Options>(arguments),
            "vhost-device-vsock" => check::<vhost_device_vsock::Options>(arguments),
            other => panic!("{other} is not looked at by this test yet"),
        }
    }

    #[test]
    fn examples_are_accepted_by_the_program() {
        for page in PAGES {
            let mut started = 0;
            for (_, example) in page.examples() {
                // A group of that name need not exist here.
                let example = example.replace("--socket-group kvm", "--socket-group 0");
                let Some(arguments) = arguments(page, &example) else {
                    continue;
                };
                started += 1;
                let checked = checked(page, &arguments);
                assert!(checked.is_ok(), "{example}: {}", checked.unwrap_err());
            }
            assert!(started >= EXAMPLES.len(), "{} of {}", started, page.name);
        }
    }

    #[test]
    fn a_command_line_without_what_the_page_says_is_needed_is_refused() {
        for page in PAGES {
            let checked = checked(page, &["-s", "/run/vm.sock"]);

            assert_eq!(checked.is_ok(), page.needs.is_empty(), "{}", page.name);
        }
    }
}
