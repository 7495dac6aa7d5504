//! What is printed: one line for each measurement, beside its target.

use std::fmt;

/// The measurements of one part.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    ours: String,
    bare: String,
    ratio: String,
    target: String,
    met: &'static str,
}

/// What a measurement is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Nothing was promised.
    None,
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn met(self, value: f64) -> &'static str {
        match self {
            Self::None => "",
            Self::AtLeast(least) if value >= least => "yes",
            Self::AtMost(most) if value <= most => "yes",
            Self::AtLeast(_) | Self::AtMost(_) => "no",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::AtLeast(least) => write!(f, ">= {}", number(*least)),
            Self::AtMost(most) => write!(f, "<= {}", number(*most)),
        }
    }
}

impl Table {
    /// Something measured beside the bare relay; the target is about the ratio.
    pub(crate) fn ratio(&mut self, what: String, (ours, bare): (f64, f64), target: Target) {
        let ratio = ours / bare;
        self.0.push(Row {
            what,
            ours: number(ours),
            bare: number(bare),
            ratio: format!("{ratio:.2}"),
            target: target.to_string(),
            met: target.met(ratio),
        });
    }

    /// Something measured alone.
    pub(crate) fn value(&mut self, what: String, ours: f64, target: Target) {
        self.0.push(Row {
            what,
            ours: number(ours),
            bare: String::new(),
            ratio: String::new(),
            target: target.to_string(),
            met: target.met(ours),
        });
    }
}

/// A number with a few digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        small if small < 10.0 => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | ours | bare | ratio | target | met |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---|")?;
        for row in &self.0 {
            let Row {
                what,
                ours,
                bare,
                ratio,
                target,
                met,
            } = row;
            writeln!(
                f,
                "| {what} | {ours} | {bare} | {ratio} | {target} | {met} |"
            )?;
        }
        Ok(())
    }
}
