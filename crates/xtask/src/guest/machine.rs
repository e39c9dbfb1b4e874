// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A virtual machine as a child process, whose console is its standard input and output.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::stage::{Answer, Stage};
use super::transcript::{Transcript, Wish};
use crate::Result;

/// How long a machine may take to switch itself off after its verdict.
const OFF: Duration = Duration::from_secs(30);

/// How soon a guest is ended after another one has failed.
const TICK: Duration = Duration::from_millis(200);

/// Runs a machine to its end, and answers its questions meanwhile. All that its console shows is kept
/// in `log`.
pub(crate) fn run(
    mut command: Command,
    log: &Path,
    limit: Duration,
    stage: &Stage,
    own: Answer,
) -> Result<Transcript> {
    let mut kept = File::create(log)?;
    writeln!(kept, "{command:?}")?;
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(kept.try_clone()?)
        .spawn()
        .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    let result = follow(&mut child, kept, limit, stage, own);
    end(&mut child);
    result
}

/// Runs a machine on this terminal, until whoever sits there has enough.
pub(crate) fn shell(mut command: Command) -> Result<()> {
    let terminal = std::io::stdin();
    let modes = tcgetattr(&terminal).ok();
    let status = command.status();
    // A machine leaves the terminal as its guest wants it.
    if let Some(modes) = modes {
        let _ = tcsetattr(&terminal, OptionalActions::Drain, &modes);
    }
    let status = status?;
    println!("the guest has ended: {status}");
    Ok(())
}

fn follow(
    child: &mut Child,
    mut kept: File,
    limit: Duration,
    stage: &Stage,
    own: Answer,
) -> Result<Transcript> {
    let mut input = child.stdin.take().ok_or("a child without input")?;
    let output = child.stdout.take().ok_or("a child without output")?;
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = output.read_until(b'\n', &mut line) {
            let _ = kept.write_all(&line);
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
            line.clear();
        }
    });
    let mut transcript = Transcript::default();
    let mut deadline = Instant::now() + limit;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(rest.min(TICK)) {
            Ok(line) => {
                let before = transcript.exit;
                if let Wish::Answer(words) = transcript.line(&line) {
                    // A guest that is gone does not need it.
                    let _ = writeln!(input, "{}", stage.answer(&words, own));
                    let _ = input.flush();
                }
                if before.is_none() && transcript.exit.is_some() {
                    deadline = Instant::now() + OFF;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if rest > TICK => {}
            Err(RecvTimeoutError::Timeout) if transcript.exit.is_some() => {
                return Err(
                    format!("the guest is not off {} s after its end", OFF.as_secs()).into(),
                );
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(transcript.silence(limit).into());
            }
        }
        if transcript.exit.is_none() {
            stage.still_wanted()?;
        }
    }
    let _ = reader.join();
    Ok(transcript)
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(_: &Stage, words: &[&str]) -> Result<String> {
        Ok(words.join("+"))
    }

    fn play(script: &str, limit: Duration) -> Result<Transcript> {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::new(dir.path().into(), dir.path().into());
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, &dir.path().join("log"), limit, &stage, own)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_question_is_answered_on_the_console() {
        let script = "echo 'GUEST: ask a b'; read answer; echo \"GUEST: did $answer\"";
        assert_eq!(play(script, LONG).unwrap().did, ["ok a+b"]);
    }

    #[test]
    fn silence_until_the_limit_is_an_error() {
        let error = play("sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("no verdict"), "{error}");
    }

    #[test]
    fn a_guest_is_ended_when_another_one_has_failed() {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::new(dir.path().into(), dir.path().into());
        stage.give_up("other: no driver".to_owned());
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600"]);
        let error = run(command, &dir.path().join("log"), LONG, &stage, own).unwrap_err();
        assert!(error.to_string().ends_with("other: no driver"), "{error}");
    }

    #[test]
    fn the_end_without_a_verdict_is_a_transcript_without_one() {
        let transcript = play("echo nothing", LONG).unwrap();
        assert_eq!(transcript.exit, None);
        assert!(transcript.failure("virtio_rng").is_some());
    }
}
