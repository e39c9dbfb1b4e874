// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Reads into several chains by one system call, of what a file has at hand.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use guest_memory::{PromptRead, PromptReads};

use crate::chain::Chain;
use crate::engine::{EngineKind, Finished};

/// Reads that wait for each other until they are carried out together. None waits for a disk: what
/// the page cache does not have is left out, or fails with `WouldBlock`.
pub struct PromptQueue<T> {
    reads: PromptReads,
    waiting: Vec<Waiting<T>>,
    results: Vec<io::Result<usize>>,
}

struct Waiting<T> {
    chain: Chain,
    task: T,
    file: Arc<File>,
    offset: u64,
}

impl<T> fmt::Debug for PromptQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptQueue")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl<T> PromptQueue<T> {
    /// For up to `limit` reads, by the means of an engine of this kind.
    pub fn new(kind: EngineKind, limit: u16) -> Self {
        Self {
            reads: PromptReads::new(limit, kind == EngineKind::Uring),
            waiting: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// It is time to carry them out.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.reads.limit()
    }

    /// Adds a read of `max` bytes at `offset` into the chain, where it stands.
    pub fn push(&mut self, mut chain: Chain, task: T, file: &Arc<File>, offset: u64, max: u64) {
        chain.body_mut().prepare_to_write(max);
        self.waiting.push(Waiting {
            chain,
            task,
            file: file.clone(),
            offset,
        });
    }

    /// Carries out what waits, and hands it back in its order.
    pub fn run(&mut self) -> impl Iterator<Item = Finished<T>> {
        let results = &mut self.results;
        results.clear();
        let reads = self.waiting.iter().map(|waiting| {
            let body = waiting.chain.body();
            PromptRead {
                memory: &body.memory,
                spans: &body.pieces,
                file: &waiting.file,
                offset: waiting.offset,
            }
        });
        self.reads.run(reads, |result| results.push(result));
        let done = self.waiting.drain(..).zip(results.drain(..));
        done.map(|(waiting, result)| {
            let Waiting {
                mut chain, task, ..
            } = waiting;
            if let Ok(done) = &result {
                chain.body_mut().wrote(*done as u64);
            }
            Finished {
                chain,
                task,
                result: result.map(|done| done as u64),
            }
        })
    }
}
