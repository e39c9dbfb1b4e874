// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The host's side of a run: what guests ask for, and what they share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;

/// How long a guest waits for what another one says.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one run of a scenario has on the host.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The daemon's own folder: sockets with short names.
    pub dir: PathBuf,
    /// Where images and logs go; kept afterwards.
    pub kept: PathBuf,
    said: Mutex<HashSet<String>>,
    bell: Condvar,
    failed: OnceLock<String>,
    tasks: Mutex<HashMap<String, JoinHandle<Result<String>>>>,
}

/// How a scenario answers its own questions: the words of the question, for an answer of one line.
pub(crate) type Answer = fn(&Stage, &[&str]) -> Result<String>;

impl Stage {
    pub(crate) fn new(dir: PathBuf, kept: PathBuf) -> Self {
        Self {
            dir,
            kept,
            said: Mutex::default(),
            bell: Condvar::new(),
            failed: OnceLock::new(),
            tasks: Mutex::default(),
        }
    }

    /// A guest has failed: no other one need go on, or wait for what it would have said. The first
    /// reason stays.
    pub(crate) fn give_up(&self, why: String) {
        let _ = self.failed.set(why);
        // Who waits has either seen it, or hears the bell.
        drop(self.said.lock().expect("not poisoned"));
        self.bell.notify_all();
    }

    /// What failed first.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// The same as an error, for whoever waits.
    pub(crate) fn still_wanted(&self) -> Result<()> {
        match self.failure() {
            Some(why) => Err(format!("ended, for another guest failed: {why}").into()),
            None => Ok(()),
        }
    }

    /// Answers a guest's question: `ok ...` or `no ...`.
    pub(crate) fn answer(&self, words: &[String], own: Answer) -> String {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let answer = match words.as_slice() {
            ["say", what] => {
                self.said
                    .lock()
                    .expect("not poisoned")
                    .insert((*what).to_owned());
                self.bell.notify_all();
                Ok(String::new())
            }
            ["wait-for", what] => self.wait_for(what),
            ["finish", task] => self.finish(task),
            _ => own(self, &words),
        };
        match answer {
            Ok(text) => format!("ok {text}"),
            Err(error) => format!("no {error}"),
        }
        .replace('\n', " ")
    }

    fn wait_for(&self, what: &str) -> Result<String> {
        let start = Instant::now();
        let mut said = self.said.lock().expect("not poisoned");
        while !said.contains(what) {
            self.still_wanted()?;
            let rest = PATIENCE
                .checked_sub(start.elapsed())
                .ok_or_else(|| format!("nobody said {what}"))?;
            said = self.bell.wait_timeout(said, rest).expect("not poisoned").0;
        }
        Ok(String::new())
    }

    /// Lets `work` go on while the guest does; `ask finish NAME` waits for its answer.
    pub(crate) fn start(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<String> + Send + 'static,
    ) -> Result<String> {
        let task = std::thread::spawn(work);
        self.tasks
            .lock()
            .expect("not poisoned")
            .insert(name.to_owned(), task);
        Ok(String::new())
    }

    /// What went wrong on the host in work whose end no guest has waited for.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut tasks = self.tasks.lock().expect("not poisoned");
        let ended = tasks.extract_if(|_, task| task.is_finished());
        let faults = ended.filter_map(|(name, task)| match task.join() {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("{name}: {error}")),
            Err(_) => Some(format!("{name} panicked")),
        });
        faults.collect()
    }

    fn finish(&self, name: &str) -> Result<String> {
        let task = self.tasks.lock().expect("not poisoned").remove(name);
        let task = task.ok_or_else(|| format!("nothing was started as {name}"))?;
        let start = Instant::now();
        while !task.is_finished() {
            self.still_wanted()?;
            if start.elapsed() > PATIENCE {
                return Err(format!("{name} takes longer than {} s", PATIENCE.as_secs()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        task.join()
            .unwrap_or_else(|_| Err(format!("{name} panicked").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Stage {
        Stage::new(PathBuf::new(), PathBuf::new())
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn own(_: &Stage, words: &[&str]) -> Result<String> {
        match words {
            ["one"] => Ok("1".to_owned()),
            _ => Err("unknown\nquestion".into()),
        }
    }

    #[test]
    fn an_answer_is_one_line_that_begins_with_ok_or_no() {
        assert_eq!(stage().answer(&words("one"), own), "ok 1");
        assert_eq!(stage().answer(&words("two"), own), "no unknown question");
    }

    #[test]
    fn one_guest_waits_for_what_another_says() {
        let stage = stage();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stage.answer(&words("wait-for ready"), own));
            assert_eq!(stage.answer(&words("say ready"), own), "ok ");
            assert_eq!(waiting.join().unwrap(), "ok ");
        });
    }

    #[test]
    fn nobody_waits_for_a_guest_that_failed() {
        let stage = stage();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stage.answer(&words("wait-for ready"), own));
            stage.give_up("one: no driver".to_owned());
            stage.give_up("two: ended".to_owned());
            let answer = waiting.join().unwrap();
            assert!(answer.starts_with("no "), "{answer}");
            assert!(answer.ends_with(": one: no driver"), "{answer}");
        });
        assert_eq!(stage.failure(), Some("one: no driver"));
    }

    #[test]
    fn work_that_failed_unasked_is_told_once() {
        let stage = stage();
        stage.start("good", || Ok(String::new())).unwrap();
        stage.start("bad", || Err("no end".into())).unwrap();
        stage.start("asked", || Err("no".into())).unwrap();
        stage.answer(&words("finish asked"), own);

        let mut told = Vec::new();
        while !stage.tasks.lock().unwrap().is_empty() {
            told.extend(stage.faults());
        }
        assert_eq!(told, ["bad: no end"]);
    }

    #[test]
    fn a_task_answers_when_it_is_finished_and_only_once() {
        let stage = stage();
        stage.start("t", || Ok("done".to_owned())).unwrap();
        assert_eq!(stage.answer(&words("finish t"), own), "ok done");
        assert!(stage.answer(&words("finish t"), own).starts_with("no "));
    }
}
