// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One machine: QEMU with a serial line, on which the guest's init takes commands, and QMP.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::stage::{Answer, Stage};
use super::super::transcript::{Transcript, Wish, is_fault};
use super::root::Root;
use crate::Result;

/// From the start of QEMU to init, on a machine that has other things to do. Idle, it takes 4 s.
const BOOT: Duration = Duration::from_secs(90);

/// What QEMU may take for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How soon a script is left alone after another guest has failed.
const TICK: Duration = Duration::from_millis(500);

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub name: &'static str,
    pub accelerator: &'static str,
    /// MiB.
    pub memory: u32,
    /// What could be plugged in later goes up to this, MiB.
    pub most_memory: u32,
    pub append: &'static str,
    pub ram_disk: PathBuf,
    pub args: Vec<String>,
}

/// A running machine. Dropped, it is killed.
pub(crate) struct Machine {
    child: Child,
    serial: ChildStdin,
    console: Arc<Console>,
    control: Option<BufReader<UnixStream>>,
    control_path: PathBuf,
    complaints: PathBuf,
    sent: u32,
}

#[derive(Default)]
struct Console {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    text: String,
    /// What came before this was waited for already.
    seen: usize,
    ended: bool,
}

impl Machine {
    /// A person at this terminal, instead of commands.
    pub(crate) fn shell(root: &Root, spec: &Spec, dir: &Path) -> Result<()> {
        let mut command = Self::command(root, spec, dir);
        // Ctrl-C is for the guest.
        command.args(["-chardev", "stdio,id=serial,signal=off"]);
        command.args(["-serial", "chardev:serial", "-no-reboot"]);
        super::super::machine::shell(command)
    }

    /// Starts QEMU. `dir` is for sockets, `logs` for what remains.
    pub(crate) fn start(root: &Root, spec: &Spec, dir: &Path, logs: &Path) -> Result<Self> {
        let control_path = dir.join(format!("{}.qmp", spec.name));
        let complaints = logs.join(format!("{}.qemu.log", spec.name));
        let console_log = File::create(logs.join(format!("{}.console.log", spec.name)))?;
        let mut command = Self::command(root, spec, dir);
        command.args(["-serial", "stdio"]);
        Self::spawn(command, control_path, complaints, console_log)
    }

    fn command(root: &Root, spec: &Spec, dir: &Path) -> Command {
        let mut command = root.emulator();
        let memory = format!("{},slots=4,maxmem={}M", spec.memory, spec.most_memory);
        let backing = format!("memory-backend-memfd,id=mem,size={}M,share=on", spec.memory);
        let append = format!("console=ttyS0 loglevel=5 panic=-1 {}", spec.append);
        command
            .args([
                "-M",
                "q35",
                "-accel",
                spec.accelerator,
                "-cpu",
                "max",
                "-smp",
                "2",
            ])
            .args([
                "-m",
                &memory,
                "-object",
                &backing,
                "-machine",
                "memory-backend=mem",
            ])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .arg("-kernel")
            .arg(root.vmlinuz())
            .arg("-initrd")
            .arg(&spec.ram_disk)
            .args(["-append", &append, "-qmp"])
            .arg(format!(
                "unix:{},server=on,wait=off",
                dir.join(format!("{}.qmp", spec.name)).display()
            ))
            .args(&spec.args);
        command
    }

    /// Starts QEMU with a device and no guest, to ask it something.
    pub(crate) fn idle(root: &Root, args: &[String], dir: &Path, logs: &Path) -> Result<Self> {
        let control_path = dir.join("idle.qmp");
        let mut command = root.emulator();
        command
            .args([
                "-S",
                "-M",
                "q35",
                "-accel",
                "tcg",
                "-m",
                "64",
                "-nodefaults",
            ])
            .args(["-object", "memory-backend-memfd,id=mem,size=64M,share=on"])
            .args([
                "-machine",
                "memory-backend=mem",
                "-no-user-config",
                "-display",
                "none",
            ])
            .arg("-qmp")
            .arg(format!(
                "unix:{},server=on,wait=off",
                control_path.display()
            ))
            .args(args);
        let complaints = logs.join("idle.qemu.log");
        let console = File::create(logs.join("idle.console.log"))?;
        let _ = fs::remove_file(&control_path);
        Self::spawn(command, control_path, complaints, console)
    }

    fn spawn(
        mut command: Command,
        control_path: PathBuf,
        complaints: PathBuf,
        mut log: File,
    ) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints)?)
            .spawn()
            .map_err(|error| format!("cannot start QEMU: {error}"))?;
        let serial = child.stdin.take().expect("piped");
        let mut stdout = child.stdout.take().expect("piped");
        let console = Arc::new(Console::default());
        let shared = Arc::clone(&console);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut chunk) {
                let _ = log.write_all(&chunk[..n]);
                let text = String::from_utf8_lossy(&chunk[..n]).replace('\r', "");
                let mut state = shared.state.lock().expect("not poisoned");
                state.text.push_str(&text);
                shared.changed.notify_all();
            }
            shared.state.lock().expect("not poisoned").ended = true;
            shared.changed.notify_all();
        });
        Ok(Self {
            child,
            serial,
            console,
            control: None,
            control_path,
            complaints,
            sent: 0,
        })
    }

    /// Waits for `what` on the console, and returns what came before it and since the last wait, and
    /// the rest of its line.
    fn wait(&self, what: &str, limit: Duration) -> Result<(String, String)> {
        let end = Instant::now() + limit;
        let mut state = self.console.state.lock().expect("not poisoned");
        loop {
            let new = &state.text[state.seen..];
            if let Some((before, rest)) = new.split_once(what)
                && let Some((line, _)) = rest.split_once('\n')
            {
                let found = (before.to_owned(), line.to_owned());
                state.seen += before.len() + what.len() + line.len() + 1;
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                let why = if state.ended {
                    "QEMU ended"
                } else {
                    "time is over"
                };
                let complaints = fs::read_to_string(&self.complaints).unwrap_or_default();
                let lines: Vec<_> = new.lines().chain(complaints.lines()).collect();
                let tail = lines[lines.len().saturating_sub(25)..].join("\n");
                return Err(format!("no {what:?}: {why}\n{tail}").into());
            }
            let waited = self.console.changed.wait_timeout(state, left);
            state = waited.expect("not poisoned").0;
        }
    }

    /// Waits until the guest's init takes commands.
    pub(crate) fn booted(&self) -> Result<()> {
        self.wait("LAB: ready", BOOT).map(drop)
    }

    /// Waits for the first line of the kernel: does this accelerator run one at all?
    pub(crate) fn lives(&self, limit: Duration) -> bool {
        self.wait("Linux version", limit).is_ok()
    }

    /// Sends a command to the guest, to be waited for by [`Machine::ended`].
    pub(crate) fn send(&mut self, command: &str) -> Result<u32> {
        self.sent += 1;
        writeln!(self.serial, "{} {command}", self.sent)?;
        self.serial.flush()?;
        Ok(self.sent)
    }

    /// An empty line: some key was pressed.
    pub(crate) fn press_a_key(&mut self) -> Result<()> {
        self.serial.write_all(b"\n")?;
        Ok(self.serial.flush()?)
    }

    /// Goes on counting where the machine that this one continues was.
    pub(crate) fn take_over(&mut self, other: &Self) {
        self.sent = other.sent;
    }

    /// Waits for the end of a command, which has to be a success, and returns what it printed.
    pub(crate) fn ended(&mut self, command: u32, limit: Duration) -> Result<String> {
        let (said, status) = self.wait(&format!("LAB: {command} exit "), limit)?;
        if status.trim() == "0" {
            return Ok(said);
        }
        let lines: Vec<_> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(25)..].join("\n");
        Err(format!(
            "the guest's script failed with status {}:\n{tail}",
            status.trim()
        )
        .into())
    }

    /// Has the guest run a command.
    pub(crate) fn run(&mut self, command: &str, limit: Duration) -> Result<String> {
        let number = self.send(command)?;
        self.ended(number, limit)
    }

    /// Has the guest run a script of ci/guest, whose questions are answered. `settings` are variables
    /// of its environment.
    pub(crate) fn script(
        &mut self,
        name: &str,
        settings: &str,
        limit: Duration,
        stage: &Stage,
        own: Answer,
    ) -> Result<Transcript> {
        let number = self.send(&format!("{settings} sh /guest/{name}.sh </dev/console"))?;
        let mark = format!("LAB: {number} exit ");
        let end = Instant::now() + limit;
        let mut transcript = Transcript::default();
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            // What came until now is in the log, which is shown.
            let Ok((_, line)) = self.wait("", rest.min(TICK)) else {
                let ended = self.console.state.lock().expect("not poisoned").ended;
                match ended {
                    true => return Err("QEMU ended".into()),
                    false if rest <= TICK => return Err(transcript.silence(limit).into()),
                    false => stage.still_wanted()?,
                }
                continue;
            };
            if let Some((_, status)) = line.split_once(&mark) {
                transcript.exit = Some(status.trim().parse().unwrap_or(-1));
                return Ok(transcript);
            }
            if let Wish::Answer(words) = transcript.line(&line) {
                writeln!(self.serial, "{}", stage.answer(&words, own))?;
                self.serial.flush()?;
            }
        }
    }

    /// Has the guest switch itself off, and waits for QEMU's end.
    pub(crate) fn off(&mut self, limit: Duration) -> Result<()> {
        self.send("sync; poweroff -f")?;
        let end = Instant::now() + limit;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("QEMU ended with {status}").into()),
                None if Instant::now() > end => return Err("the guest does not go off".into()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// What the kernel complained of since the machine was started, if it did.
    pub(crate) fn trouble(&self) -> Option<String> {
        let state = self.console.state.lock().expect("not poisoned");
        state
            .text
            .lines()
            .find(|line| is_fault(line))
            .map(str::to_owned)
    }

    /// Has QEMU do something.
    pub(crate) fn control(&mut self, command: &str, arguments: Value) -> Result<Value> {
        if self.control.is_none() {
            let stream = self.connect()?;
            stream.set_read_timeout(Some(ANSWER))?;
            self.control = Some(BufReader::new(stream));
            self.exchange(&json!({"execute": "qmp_capabilities"}))?;
        }
        self.exchange(&json!({"execute": command, "arguments": arguments}))
            .map_err(|error| format!("QEMU's {command}: {error}").into())
    }

    fn connect(&mut self) -> Result<UnixStream> {
        let end = Instant::now() + ANSWER;
        loop {
            match UnixStream::connect(&self.control_path) {
                Ok(stream) => return Ok(stream),
                Err(error) if Instant::now() > end || self.child.try_wait()?.is_some() => {
                    let complaints = fs::read_to_string(&self.complaints).unwrap_or_default();
                    return Err(format!("cannot reach QEMU: {error}\n{complaints}").into());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn exchange(&mut self, request: &Value) -> Result<Value> {
        let control = self.control.as_mut().ok_or("QMP is not connected")?;
        control
            .get_mut()
            .write_all(format!("{request}\n").as_bytes())?;
        loop {
            let mut line = String::new();
            if control.read_line(&mut line)? == 0 {
                return Err("QEMU hung up".into());
            }
            let mut answer: Value = serde_json::from_str(&line)?;
            if let Some(error) = answer.get("error") {
                return Err(error["desc"].as_str().unwrap_or("unknown error").into());
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    /// Waits until `command` answers what is wished for.
    pub(crate) fn until(
        &mut self,
        command: &str,
        limit: Duration,
        mut good: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let end = Instant::now() + limit;
        loop {
            let answer = self.control(command, json!({}))?;
            if good(&answer) {
                return Ok(answer);
            }
            if Instant::now() > end {
                return Err(format!("QEMU's {command} still answers {answer}").into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends QEMU as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}
