//! The report: a table, and plots.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result};

use crate::median;
use crate::plot;
use crate::row::Row;

/// What the floor is called.
pub const FLOOR: &str = "floor";

/// What Dovecot is called.
pub const DOVECOT: &str = "Dovecot";

/// What `README.md` has before the table, and after it.
const MARKERS: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->\n"];

/// The figures of several servers.
#[derive(Debug)]
pub struct Report {
    servers: Vec<String>,
    /// For each row and server the figures of the rounds.
    figures: BTreeMap<Row, Vec<Vec<f64>>>,
    dovecot_version: Option<String>,
}

/// How small a figure of the first server should be.
#[derive(Default)]
struct Goals {
    to_floor: Option<f64>,
    to_dovecot: Option<f64>,
    itself: Option<f64>,
}

impl Goals {
    fn of(row: Row) -> Self {
        let ratios = |floor, dovecot| Self { to_floor: Some(floor), to_dovecot: Some(dovecot), itself: None };
        match row {
            Row::Sessions => ratios(1.5, 0.22),
            Row::Retr(1_000_000) => ratios(1.15, 0.28),
            Row::Retr(50_000_000) => ratios(1.15, 0.23),
            Row::Pipelined => ratios(1.35, 0.38),
            Row::Uidl(100_000) => ratios(1.2, 0.8),
            // Fewer connections share what the whole server needs.
            Row::Idle(1_000..) => Self { itself: Some(2_500.), ..Self::default() },
            _ => Self::default(),
        }
    }
}

impl Report {
    /// Returns the report of `figures`, which holds for each row and each of `servers` the figures of the rounds.
    #[must_use]
    pub fn new(servers: Vec<String>, figures: BTreeMap<Row, Vec<Vec<f64>>>, dovecot_version: Option<String>) -> Self {
        Self { servers, figures, dovecot_version }
    }

    /// Returns the table in Markdown, a row a line, with what it was measured on.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = format!("| | goal | {} |\n|---|---|", self.servers.join(" | "));
        table += &"---|".repeat(self.servers.len());
        for row in self.figures.keys() {
            let goals = Goals::of(*row);
            let itself = goals.itself.map(|goal| format!("≤ {}", row.figure(goal)));
            let to_floor = goals.to_floor.map(|goal| format!("≤ {goal} × {FLOOR}"));
            let to_dovecot = goals.to_dovecot.map(|goal| format!("≤ {goal} × {DOVECOT}"));
            let all: Vec<_> = [itself, to_floor, to_dovecot].into_iter().flatten().collect();
            let _ = write!(table, "\n| {} | {} |", row.title(), all.join(", "));
            for server in 0..self.servers.len() {
                let _ = write!(table, " {} |", self.cell(*row, server, &goals));
            }
        }
        format!("{table}\n\n{}\n", self.circumstances())
    }

    /// Puts the table between the markers of `README.md` in a directory, and plots into its `plots`.
    ///
    /// # Errors
    ///
    /// Where that isn't there or can't be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join("README.md");
        let at = || path.display().to_string();
        let old = fs::read_to_string(&path).with_context(at)?;
        let [start, end] = MARKERS;
        let (before, rest) = old.split_once(start).with_context(|| format!("{}: no {start:?}", at()))?;
        let (_, after) = rest.split_once(end).with_context(|| format!("{}: no {end:?}", at()))?;
        fs::write(&path, format!("{before}{start}{}{end}{after}", self.table())).with_context(at)?;

        let plots = directory.join("plots");
        fs::create_dir_all(&plots)?;
        let sessions = self.figures.get(&Row::Sessions).map(|_| {
            let microseconds = |server| self.median(Row::Sessions, server).unwrap_or(0.) * 1e6;
            (0..self.servers.len()).map(microseconds).collect::<Vec<_>>()
        });
        if let Some(sessions) = sessions {
            let title = "CPU for a session in microseconds: less is better";
            plot::bars(&plots.join("sessions.svg"), title, &self.servers, &sessions)?;
        }
        let by_size = |row| if let Row::Retr(octets) = row { Some(octets) } else { None };
        let by_count = |row| if let Row::Uidl(count) = row { Some(count) } else { None };
        let by_connections = |row| if let Row::Idle(count) = row { Some(count) } else { None };
        let title = "RETR, MB for a second of CPU: more is better";
        self.plot(&plots.join("retr.svg"), title, "octets of a message", by_size, |cost| 1e-6 / cost)?;
        let title = "PASS to UIDL's first octet in milliseconds: less is better";
        self.plot(&plots.join("uidl.svg"), title, "messages", by_count, |seconds| seconds * 1e3)?;
        let title = "memory of an idle connection after RETR in kB: less is better";
        self.plot(&plots.join("idle.svg"), title, "connections", by_connections, |octets| octets / 1e3)
    }

    /// Plots those rows for which `place` returns where they are.
    fn plot(
        &self,
        path: &Path,
        title: &str,
        horizontal: &str,
        place: impl Fn(Row) -> Option<usize>,
        value: impl Fn(f64) -> f64,
    ) -> Result<()> {
        let line = |server: usize| {
            let point = |row: &Row| Some((place(*row)? as f64, value(self.median(*row, server)?)));
            (self.servers[server].clone(), self.figures.keys().filter_map(point).collect())
        };
        let lines: Vec<plot::Line> = (0..self.servers.len()).map(line).collect();
        if lines.iter().all(|(_, points)| points.is_empty()) {
            return Ok(());
        }
        plot::lines(path, title, horizontal, &lines)
    }

    /// Returns a figure and what it is times the floor's and Dovecot's, those that miss a goal in bold.
    fn cell(&self, row: Row, server: usize, goals: &Goals) -> String {
        let Some(median) = self.median(row, server) else { return String::new() };
        let name = &self.servers[server];
        let emphasize = |text: String, value: f64, goal: Option<f64>| match goal {
            Some(goal) if server == 0 && value > goal => format!("**{text}**"),
            _ => text,
        };
        let mut cell = emphasize(row.figure(median), median, goals.itself);
        if name == FLOOR || name == DOVECOT || matches!(row, Row::Idle(_)) {
            return cell;
        }
        for (other, goal) in [(FLOOR, goals.to_floor), (DOVECOT, goals.to_dovecot)] {
            if let Some(ratio) = self.ratio(row, server, other) {
                cell += ", ";
                cell += &emphasize(format!("{ratio:.2} × {other}"), ratio, goal);
            }
        }
        cell
    }

    fn median(&self, row: Row, server: usize) -> Option<f64> {
        median(self.figures.get(&row)?.get(server)?)
    }

    /// Returns the median of the ratios within a round.
    fn ratio(&self, row: Row, server: usize, other: &str) -> Option<f64> {
        let other = self.servers.iter().position(|name| name == other)?;
        let figures = self.figures.get(&row)?;
        let ratios: Vec<_> = figures[server].iter().zip(&figures[other]).map(|(one, other)| one / other).collect();
        median(&ratios)
    }

    fn circumstances(&self) -> String {
        let rounds = self.figures.values().flatten().map(Vec::len).max().unwrap_or(0);
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let model = model.map_or("an unknown CPU", |(_, model)| model);
        let cores = available_parallelism().map_or(0, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let dovecot = self.dovecot_version.as_ref().map_or(String::new(), |version| format!(", Dovecot {version}"));
        format!(
            "Medians of rounds: {rounds}. Measured on {model} with {cores} cores, Linux {}{dovecot}.",
            kernel.trim()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_within_the_rounds_and_bold_where_it_misses_its_goal() {
        let servers = ["ours", FLOOR, DOVECOT].map(str::to_owned).into();
        let figures = vec![vec![2e-4, 8e-4, 3e-4], vec![1e-4, 4e-4, 1e-4], vec![1e-3, 4e-3, 3e-3]];
        let report = Report::new(servers, [(Row::Sessions, figures)].into(), None);
        let cells = "| 300.0 µs, **2.00 × floor**, 0.20 × Dovecot | 100.0 µs | 3.0 ms |";
        assert!(report.table().contains(cells), "{}", report.table());
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let directory = std::env::temp_dir().join(format!("load-report-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let [start, end] = MARKERS;
        fs::write(directory.join("README.md"), format!("before\n{start}old\n{end}after\n")).unwrap();
        let report = Report::new(vec!["ours".to_owned()], [(Row::Sessions, vec![vec![1e-3]])].into(), None);
        let written = report.write(&directory);
        let text = fs::read_to_string(directory.join("README.md")).unwrap();
        let plot = fs::read_to_string(directory.join("plots/sessions.svg")).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        written.unwrap();
        assert_eq!(text, format!("before\n{start}{}{end}after\n", report.table()));
        assert!(plot.contains("ours"));
    }
}
