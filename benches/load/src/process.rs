//! What processes cost, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::Result;

/// Returns the id of a process as system calls take it.
#[must_use]
pub fn pid(id: u32) -> Pid {
    // The greatest of Linux is 2²².
    Pid::from_raw(id.try_into().unwrap_or(i32::MAX))
}

/// Processes and all their children.
#[derive(Clone, Debug)]
pub struct Processes(Vec<u32>);

impl Processes {
    /// Returns the processes with these ids, each with its children.
    #[must_use]
    pub fn new(ids: Vec<u32>) -> Self {
        Self(ids)
    }

    /// Returns how many seconds they were on a CPU, in the program and in the kernel, with threads and children that have ended.
    ///
    /// # Errors
    ///
    /// Where a process isn't there any more.
    pub fn cpu(&self) -> Result<f64> {
        let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.context("the kernel has no ticks")?;
        let mut total = 0.;
        for process in self.tree()? {
            // The clock is exact, while ended children are counted in ticks. A child that ends just now is soon among them.
            let now = clock_getcpuclockid(pid(process.id)).and_then(ClockId::now);
            total += now.map_or(0., |now| Duration::from(now).as_secs_f64());
            total += process.ticks_of_ended_children as f64 / ticks_per_second as f64;
        }
        Ok(total)
    }

    /// Returns how many octets of memory they have: of pages that are shared, their part (PSS).
    ///
    /// # Errors
    ///
    /// Where a process isn't there any more.
    pub fn memory(&self) -> Result<u64> {
        let mut total = 0;
        for process in self.tree()? {
            // A child may end just now.
            let Ok(rollup) = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.id)) else { continue };
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.strip_suffix("kB"));
            total += pss.context("no PSS")?.trim().parse::<u64>()? * 1024;
        }
        Ok(total)
    }

    fn tree(&self) -> Result<Vec<Process>> {
        let mut others = Vec::new();
        for entry in fs::read_dir("/proc")? {
            // A process may end while the list is read.
            let stat = fs::read_to_string(entry?.path().join("stat")).ok();
            others.extend(stat.as_deref().and_then(Process::parse));
        }
        let mut found = Vec::new();
        for id in &self.0 {
            let index = others.iter().position(|other| other.id == *id);
            found.push(others.swap_remove(index.with_context(|| format!("process {id} isn't there"))?));
        }
        let mut next = 0;
        while let Some(parent) = found.get(next).map(|process| process.id) {
            let (children, rest) = others.into_iter().partition(|other: &Process| other.parent == parent);
            found.extend::<Vec<_>>(children);
            others = rest;
            next += 1;
        }
        Ok(found)
    }
}

/// What is of interest in `/proc/ID/stat`.
struct Process {
    id: u32,
    parent: u32,
    ticks_of_ended_children: u64,
}

impl Process {
    fn parse(stat: &str) -> Option<Self> {
        // The name may hold anything, and ends with the last parenthesis.
        let (name, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Field 3 of proc_pid_stat(5) is the first one here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            id: name.split_ascii_whitespace().next()?.parse().ok()?,
            parent: fields.get(1)?.parse().ok()?,
            ticks_of_ended_children: field(16)? + field(17)?,
        })
    }
}
