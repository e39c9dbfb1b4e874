// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What the machines are made of: a new QEMU, Debian's kernel with its modules, and tools, in a
//! private root that the host's packages never see. Made once, and kept outside `target/`.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::cache;
use crate::{Result, children, setup, text};

/// The first with the generic vhost-user stub.
const OLDEST: u32 = 11;

const SUITE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const EMULATOR: &str = "usr/bin/qemu-system-x86_64";

/// Made from these, besides the emulator; the kernel's packages are looked up by the recipe.
const PACKAGES: &str = "busybox-static,dmsetup,e2fsprogs,fdisk,fio,kmod,rng-tools5,sg3-utils,socat";

/// Unpacks the kernel that the suite has now. The name of the metapackage's dependency has its
/// release; the packages themselves would ask for a boot loader and an initramfs.
const KERNEL: &str = r#"set -e
release=$(chroot "$1" apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p')
mkdir "$1/kernel"
chroot "$1" sh -ec "cd /kernel; apt-get download -qq linux-binary-$release linux-modules-$release linux-base-$release
for package in *.deb; do dpkg-deb --fsys-tarfile \$package | tar -x --keep-directory-symlink -C /; done
rm *.deb; depmod $release; echo $release > release"
"#;

/// What of it is kept: the rest is Debian's, and some of it is only for its owner to read.
const KEEP: &str = r#"mkdir -p "$0/usr"
cp -a --parents kernel usr/bin usr/sbin usr/lib/modules usr/lib/x86_64-linux-gnu usr/lib64 "$0"
for folder in usr/lib/ipxe usr/share/qemu usr/share/seabios; do
  [ ! -d "$folder" ] || cp -a --parents "$folder" "$0"
done
for name in lib lib64; do ln -s "usr/$name" "$0/$name"; done
"#;

/// A private root, and the emulator to use with it.
#[derive(Debug)]
pub(crate) struct Root {
    pub path: PathBuf,
    /// The release of the kernel.
    pub kernel: String,
    /// The version of the emulator.
    pub version: String,
    /// Whether the emulator is the host's own.
    system: bool,
}

impl Root {
    /// The one in the cache, made now if there is none yet. `Err` says why there cannot be one.
    pub(crate) fn get() -> Result<Self> {
        let system = version(&mut Command::new("qemu-system-x86_64"))
            .filter(|version| major(version).is_some_and(|major| major >= OLDEST));
        let packages = match system {
            Some(_) => PACKAGES.to_owned(),
            None => format!("{PACKAGES},qemu-system-x86"),
        };
        let key = cache::key(&[&packages, KERNEL, KEEP, SUITE, MIRROR])?;
        let path = match cache::find("qemu", &key)? {
            Some(path) => path,
            None => make(&key, &packages)?,
        };
        let kernel = fs::read_to_string(path.join("kernel/release"))?
            .trim()
            .to_owned();
        let mut root = Self {
            path,
            kernel,
            version: String::new(),
            system: system.is_some(),
        };
        root.version = match system {
            Some(version) => version,
            None => version(&mut root.emulator())
                .ok_or("the QEMU of the private root does not tell its version")?,
        };
        Ok(root)
    }

    /// A call of the emulator, without arguments of a machine.
    pub(crate) fn emulator(&self) -> Command {
        if self.system {
            return Command::new("qemu-system-x86_64");
        }
        let mut command = self.run(EMULATOR);
        command.env("QEMU_MODULE_DIR", self.path.join(LIBRARIES).join("qemu"));
        for folder in ["share/qemu", "share/seabios", "lib/ipxe/qemu"] {
            command.arg("-L").arg(self.path.join("usr").join(folder));
        }
        command
    }

    /// A call of a program of the root on this host, by the root's own loader.
    fn run(&self, program: &str) -> Command {
        let mut command = self.loader();
        command.arg(self.path.join(program));
        command
    }

    fn loader(&self) -> Command {
        let mut command = Command::new(self.path.join("lib64/ld-linux-x86-64.so.2"));
        let libraries = self.path.join(LIBRARIES);
        let path = format!("{0}:{0}/ceph:{0}/systemd", libraries.display());
        command.args(["--library-path", &path]);
        command
    }

    /// The libraries that a program of the root needs, as paths on this host.
    pub(crate) fn libraries(&self, program: &str) -> Result<Vec<PathBuf>> {
        let mut command = self.loader();
        let output = command
            .arg("--list")
            .arg(self.path.join(program))
            .stderr(Stdio::null())
            .output()?;
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let paths = listed.lines().filter_map(|line| {
            let (_, path) = line.split_once(" => ")?;
            path.split_whitespace().next().map(PathBuf::from)
        });
        Ok(paths.collect())
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.path.join("usr/lib/modules").join(&self.kernel)
    }

    pub(crate) fn vmlinuz(&self) -> PathBuf {
        self.modules().join("vmlinuz")
    }
}

/// `QEMU emulator version 11.1.3 (...)` is 11.1.3.
fn version(emulator: &mut Command) -> Option<String> {
    let output = emulator.arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text.split_once("version ")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

fn make(key: &str, packages: &str) -> Result<PathBuf> {
    if !setup::ready_for(&["mmdebstrap"], &[])? {
        return Err("mmdebstrap is missing, see above".into());
    }
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    let root = scratch.join("qemu-root");
    let log = scratch.join("qemu-root.log");
    let said = fs::File::create(&log)?;
    println!("QEMU and a kernel: installing Debian {SUITE} into the cache ...");
    let start = Instant::now();
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--variant=minbase", &format!("--include={packages}")])
        .args(["--aptopt=APT::Install-Recommends \"false\""])
        .arg(format!(
            "--aptopt=APT::Default-Release \"{SUITE}-backports\""
        ))
        .args(["--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*"])
        .arg(format!("--customize-hook={KERNEL}"))
        .arg(SUITE)
        .arg(&root)
        .arg(format!("deb {MIRROR} {SUITE} main"))
        .arg(format!("deb {MIRROR} {SUITE}-backports main"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said);
    if let Some(scratch) = children::scratch() {
        command.env("TMPDIR", scratch);
    }
    let mut child = command.spawn()?;
    let mut reported = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if reported.elapsed() > Duration::from_secs(10) {
            reported = Instant::now();
            let all = fs::read_to_string(&log).unwrap_or_default();
            let last = all.lines().last().unwrap_or_default();
            println!("    after {}: {last}", text::time(start.elapsed()));
            std::io::stdout().flush()?;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    children::rest_if_interrupted();
    if !status.success() {
        let all = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<_> = all.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n    ");
        return Err(format!("mmdebstrap cannot install it ({status}):\n    {tail}").into());
    }
    let entry = cache::store("qemu", SUITE, key, |entry| {
        let copy = Command::new("sh")
            .args(["-ec", KEEP])
            .arg(entry)
            .current_dir(&root)
            .status()?;
        if copy.success() {
            return Ok(());
        }
        Err(format!("what QEMU needs cannot be copied into the cache ({copy})").into())
    })?;
    let _ = fs::remove_dir_all(&root);
    println!(
        "QEMU and a kernel: done after {}",
        text::time(start.elapsed())
    );
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_judged_by_its_first_number() {
        assert_eq!(major("11.1.3"), Some(11));
        assert_eq!(major("9.2"), Some(9));
        assert_eq!(major(""), None);
    }
}
